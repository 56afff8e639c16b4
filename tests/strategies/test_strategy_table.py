"""The strategy table: it refuses what does not fit."""

import pytest

from tts_lib.strategies.strategy_table import Method, StrategyTable

BEST = Method("best_of_n_weighted", {"aggregation": "last"})
BEAM = Method("beam", {"width": 4})


def table(**change):
    fields = {
        "difficulty": "probe",
        "n_probe": 4,
        "edges": (0.2, 0.6),
        "budgets": (4, 16),
        "strategies": (BEST, BEAM),
        "choices": ((0, 0), (1, 0), (1, 1)),
        "accuracy": ((0.9, 0.95), (0.5, 0.6), (0.1, 0.15)),
        "n_questions": (10, 10, 10),
    }
    return StrategyTable(**(fields | change))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"difficulty": "level"}, r"allowed is one of oracle, predicted, probe, zero, zero\+probe"),
        ({"n_probe": 0}, "n_probe > 0 with probe"),
        ({"difficulty": "oracle"}, "0 without"),
        ({"edges": (0.6, 0.2)}, "ascending"),
        ({"edges": (0.2, float("inf"))}, "finite"),
        ({"budgets": (16, 4)}, "budgets"),
        ({"budgets": ()}, "budgets"),
        ({"choices": ((0, 0),)}, "choices must have 3 rows"),
        ({"accuracy": ((0.9,), (0.5,), (0.1,))}, "accuracy must have 3 rows"),
        ({"n_questions": (10,)}, "n_questions must have 3"),
        ({"choices": ((0, 0), (1, 0), (1, 2))}, r"0\.\.1"),
    ],
)
def test_refuses_what_does_not_fit(change, message):
    with pytest.raises(ValueError, match=message):
        table(**change)
