"""The strategy table: applying it, the trip through JSON, and refusing what does not fit."""

import json

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
        "models": {"policy": "base@abc", "verifier": "prm@def"},
    }
    return StrategyTable(**(fields | change))


@pytest.mark.parametrize(
    ("score", "budget", "expected"),
    [
        (0.9, 4, BEST),
        (0.6, 4, BEST),  # on an edge: the easier bin
        (0.59, 4, BEAM),
        (0.59, 16, BEST),
        (0.59, 15, BEAM),  # the largest fitted budget not above 15 is 4
        (0.0, 1000, BEAM),
    ],
)
def test_apply(score, budget, expected):
    assert table().apply(score, budget) == expected


def test_apply_refuses():
    with pytest.raises(ValueError, match="budget 3 is below 4"):
        table().apply(0.5, 3)
    with pytest.raises(ValueError, match="NaN"):
        table().apply(float("nan"), 4)


def test_json_round_trip():
    data = json.loads(json.dumps(table().to_dict()))
    assert StrategyTable.from_dict(data) == table()
    assert StrategyTable.from_dict(table().to_dict()) == table()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"version": 2}, "version 2: this library reads version 1"),
        ({"difficulty": "level"}, "allowed is one of oracle, predicted, probe"),
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
    with pytest.raises(ValueError, match=message):
        StrategyTable.from_dict(table().to_dict() | change)


def test_refuses_missing_and_unknown_keys():
    data = table().to_dict()
    with pytest.raises(ValueError, match="unknown keys extra"):
        StrategyTable.from_dict(data | {"extra": 1})
    with pytest.raises(ValueError, match="keys edges"):
        StrategyTable.from_dict({key: value for key, value in data.items() if key != "edges"})
    with pytest.raises(ValueError, match="method and options"):
        StrategyTable.from_dict(data | {"strategies": [{"method": "beam"}]})
