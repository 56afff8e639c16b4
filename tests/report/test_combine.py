"""Both mechanisms in one solution: the contrasts on planted cells, and the profile that is shipped."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from helpers.pipeline import ROOT
from tts_lib.estimators.intervals import difference_interval
from tts_lib.report.supplements import kinds
from tts_lib.report.supplements.combine import BOTH, Cell, Combine, Measured, contrasts
from tts_lib.report.supplements.declared import PROFILES

N, BUDGETS = 4000, (4, 8, 16)
NO_FLIPS = pd.DataFrame({"question_id": ["q"], "n_right": 1, "right_to_wrong": 0, "n_wrong": 1, "wrong_to_right": 0})


def measured(rates: tuple[float, ...], cost: float = 1.0, seed: int = 0) -> Measured:
    """Questions answered rightly with these chances at each budget, which cost as many FLOPs times `cost`."""
    drawn = np.random.default_rng(seed).random((len(BUDGETS), N)) < np.array(rates)[:, None]
    return Measured(BUDGETS, drawn.astype(float), cost * np.array(BUDGETS, float), NO_FLIPS)


def cells(both: float) -> dict[Cell, Measured]:
    """Parallel .3, revisions .4, backtracking .45, so that without interaction both are worth .55."""
    ends = {("start", False): 0.3, ("start", True): 0.4, ("first_error", False): 0.45, BOTH: both}
    ends |= {("random", False): 0.35, ("random", True): 0.4}
    return {cell: measured((0.1, 0.2, end), seed=number) for number, (cell, end) in enumerate(ends.items())}


def trees(uniform: float = 0.4, score: float = 0.5, gain: float = 0.5) -> Mapping[str, Measured]:
    ends = {"uniform": uniform, "score": score, "gain": gain}
    return {name: measured((0.1, 0.2, end), seed=10 + i) for i, (name, end) in enumerate(ends.items())}


@pytest.mark.parametrize(("both", "interaction"), [(0.65, 0.10), (0.55, 0.0), (0.45, -0.10)])
def test_a_planted_interaction_is_found_and_covered(both: float, interaction: float) -> None:
    found = contrasts(cells(both), trees())
    interval = difference_interval(found["interaction"])
    assert interval.low <= interaction <= interval.high and interval.high - interval.low < 0.1
    over = difference_interval(found["both_minus_parents"])
    assert over.low <= both - 0.45 <= over.high
    assert difference_interval(found["located_minus_random"]).low > 0.05
    assert difference_interval(found["score_minus_uniform"]).low > 0.05
    assert abs(found["gain_minus_score"].mean()) < 0.05


def test_cells_are_compared_at_equal_flops() -> None:
    """A parent that is twice as dear stands, at the cost of both, at half its budget."""
    made = cells(0.55)
    dear = made | {("first_error", False): measured((0.1, 0.2, 0.45), cost=2.0, seed=2)}
    at = dear["first_error", False].at_cost(float(made[BOTH].flops[-1]))
    assert at.mean() == pytest.approx(dear["first_error", False].accuracy[1].mean())
    better = contrasts(dear, trees())["both_minus_parents"]
    np.testing.assert_allclose(better, made[BOTH].accuracy[-1] - made["start", True].accuracy[-1])


def test_what_is_shipped_is_registered_before_it_is_run() -> None:
    declared = kinds.load(ROOT / PROFILES / "combine.yaml")
    assert isinstance(declared, Combine) and len(declared.claims) == 5 and declared.studies(0) == {}
    with pytest.raises(ValidationError, match="margin"):
        Combine.model_validate(declared.model_dump() | {"claims": [declared.claims[0].model_dump() | {"margin": -1}]})
