"""Both mechanisms in one choice: searches and revisions compete per bin at equal generations and at equal FLOPs.

A chain of revisions reads its earlier attempts again, a search scores each step: equal generations are not equal work.
On an axis of FLOPs each strategy stands at the mean cost that best-of-N weighted has at N, its accuracy interpolated in
the logarithm of its own mean cost.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from operator import methodcaller

import numpy as np
import pandas as pd

from tts_lib.common.processes import on_cores
from tts_lib.common.strategy import BEST_FIXED, COMPUTE_OPTIMAL, STRATEGY_COLUMNS, WEIGHTED, Strategy
from tts_lib.estimators.flops import Sizes
from tts_lib.strategies.bins import Bins
from tts_lib.strategies.curves import CrossValidation, Curve, find
from tts_lib.strategies.outcomes import Outcomes
from tts_lib.strategies.tables.groups import Group, Row

AXES = ("generations", "policy_flops", "flops")  # of the policy alone; with the verifier
COLUMNS = [
    *("axis", "budget", "strategy_set", *STRATEGY_COLUMNS, "n_questions", "accuracy", "low", "high"),
    *("gain_of_both", "gain_low", "gain_high", "questions_needed"),
]
SETS = ("all", "revisions", "both")


def at_equal_cost(outcomes: Outcomes, sizes: Sizes, count_verifier: bool) -> Outcomes:
    """The outcomes at the mean FLOPs of best-of-N weighted at each budget; NaN beyond a strategy's own costs.

    A revision model is as large as the policy, its verifier as large as the other. A strategy stands at its mean cost
    over all questions; what a choice per bin really spends may differ.

    Raises:
        ValueError: best-of-N weighted is not among the strategies.
    """
    spent = sizes.flops(outcomes.policy_tokens, outcomes.verifier_tokens, count_verifier)
    with np.errstate(invalid="ignore"):
        cost = np.log(spent.mean(axis=2))
    wanted = cost[outcomes.strategies.index(WEIGHTED)]
    values = np.concatenate([outcomes.accuracy[..., None], outcomes.ledger], axis=3)
    found = np.full_like(values, np.nan)
    for row, (own, known) in enumerate(zip(cost, values, strict=True)):
        there = np.flatnonzero(outcomes.known[row])
        there = there[np.argsort(own[there], kind="stable")]
        for budget, at in enumerate(wanted):
            place = np.interp(at, own[there], np.arange(len(there)), left=np.nan, right=np.nan)
            if not np.isnan(place):
                left, share = int(place), place - int(place)
                right = min(left + 1, len(there) - 1)
                found[row, budget] = (1 - share) * known[there[left]] + share * known[there[right]]
    return replace(outcomes, accuracy=found[..., 0], ledger=found[..., 1:])


def joint_table(
    outcomes: Outcomes,
    sizes: Sizes,
    validated: Mapping[str, CrossValidation],
    choices: Sequence[Curve],
    binnings: Sequence[Bins],
    group: Group,
) -> pd.DataFrame:
    """Cross-validated compute-optimal accuracy of each set on each axis, and what the choice among both adds to it.

    One row for each axis, budget (of best-of-N weighted at that cost), set and choice; only budgets at which every
    strategy of both mechanisms is known. Empty in a study without revisions.

    Args:
        validated: by set.
        choices: what they make of `outcomes`, at equal generations, in these bins.
    """
    made = [validated[name] for name in SETS if name in validated]
    asked: list[Callable[[], list[Row]]] = []
    for axis in AXES if "both" in validated else ():
        if axis == "generations":
            for strategy in (*(Strategy(COMPUTE_OPTIMAL, binning=bins.binning) for bins in binnings), BEST_FIXED):
                rivals = [find(choices, one.strategy_set, strategy) for one in made]
                asked.append(partial(_rows, axis, rivals, group))
            continue
        moved = at_equal_cost(outcomes, sizes, count_verifier=axis == "flops")
        there = [replace(one, outcomes=moved.only(one.outcomes.strategies)) for one in made]
        ways = [methodcaller("compute_optimal", bins) for bins in binnings] + [methodcaller("best_fixed", binnings[0])]
        asked += [partial(_rows_chosen, axis, there, way, group) for way in ways]
    rows = [row for of_way in on_cores(lambda ask: ask(), asked) for row in of_way]
    return pd.DataFrame(rows, columns=COLUMNS)


def _rows_chosen(
    axis: str, among: Sequence[CrossValidation], way: Callable[[CrossValidation], Curve], group: Group
) -> list[Row]:
    """`_rows` of a choice that is still to be made."""
    return _rows(axis, [way(one) for one in among], group)


def _rows(axis: str, rivals: Sequence[Curve], group: Group) -> list[Row]:
    """One choice in each of the sets."""
    rows, both = list[Row](), next(curve for curve in rivals if curve.strategy_set == "both")
    for column, budget in enumerate(both.budgets):
        if not both.complete[column]:
            continue
        of_both = both.attained.at(column)
        for curve in rivals:
            if budget in curve.budgets:
                attained = curve.attained.at(curve.budgets.index(budget))
                row: Row = {"axis": axis, "budget": budget} | curve.columns
                row |= {"n_questions": group.n_questions} | group.mean(attained)
                rows.append(row | group.difference(of_both, attained, "gain_of_both", "gain_"))
    return rows
