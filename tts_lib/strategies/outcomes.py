"""What each strategy attains and costs for each question and budget, gathered from the replayed pools and the searches.

A strategy that reads the pool (majority, best-of-N) is known at every budget, a search at the budgets it was run at,
revisions in chains of L attempts from L generations up to the attempts that were sampled; elsewhere it is undefined
(NaN). Lookahead stands at its true cost, N(k+1) generations.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float, Int

from tts_lib.answers.cost import LEDGER
from tts_lib.common import paths, tables
from tts_lib.common.errors import StudyError
from tts_lib.estimators.selection import MAJORITY
from tts_lib.strategies.strategy_table import Strategy

PLAIN, BEST_OF_N = "best_of_n", "best_of_n_weighted"
FLIPPED, COVERAGE = "best_of_n_weighted_flipped", "coverage"
POOL_NAMES = {  # our name -> name in data/accuracy; a pool without PRM scores has majority and coverage only
    MAJORITY: "majority",
    PLAIN: "best_of_n:prm_last",
    BEST_OF_N: "weighted:prm_last",
    FLIPPED: "weighted:prm_flipped",
    COVERAGE: "coverage",
}
REVISE = "revise_"  # and the chain length: an answer chosen by the revision verifier within and across chains
PARALLEL = "revise_1"  # first answers of the revision model: the paper's parallel baseline (§6.1)
WITHOUT_VERIFIER = {MAJORITY, COVERAGE}
ICLR_SEARCH = "beam_4"  # the one search of the paper's compute-optimal choice (ICLR §5.3)
COST_COLUMNS = ("question_id", "prompt_tokens", "mean_policy_tokens", "mean_verifier_tokens")


@dataclass(frozen=True, eq=False)
class Outcomes:
    """Accuracy and cost of strategies on the same questions; NaN where a strategy is undefined."""

    question_ids: tuple[str, ...]
    strategies: tuple[str, ...]
    budgets: tuple[int, ...]  # ascending, in generations
    accuracy: Float[np.ndarray, "strategy budget problem"]  # expected correctness; 0 or 1 for a search run once
    ledger: Float[np.ndarray, "strategy budget problem entry"]  # tokens and rounds per question, entries as in LEDGER

    @property
    def policy_tokens(self) -> Float[np.ndarray, "strategy budget problem"]:
        """Tokens the policy read or wrote."""
        return self.ledger[..., 0] + self.ledger[..., 1]

    @property
    def verifier_tokens(self) -> Float[np.ndarray, "strategy budget problem"]:
        """Tokens the verifier read."""
        return self.ledger[..., 2] + self.ledger[..., 3]

    def of(self, name: str) -> Float[np.ndarray, "problem budget"]:
        """Accuracy of one strategy."""
        return self.accuracy[self.strategies.index(name)].T

    def only(self, names: Sequence[str]) -> "Outcomes":
        """These strategies, in this order, at the budgets where any of them is defined."""
        rows = [self.strategies.index(name) for name in names]
        accuracy, ledger = self.accuracy[rows], self.ledger[rows]
        there = ~np.isnan(accuracy).any(axis=2).all(axis=0)
        budgets = tuple(budget for budget, kept in zip(self.budgets, there, strict=True) if kept)
        return Outcomes(self.question_ids, tuple(names), budgets, accuracy[:, there], ledger[:, there])

    def complete(self) -> list[bool]:
        """Per budget: whether the choice among the strategies is open there.

        It is where each of them is defined, or the budget is below the smallest at which it is; not at other budgets,
        where a strategy could run but was not, and a curve of the best choice would dip.
        """
        defined = ~np.isnan(self.accuracy).any(axis=2)
        too_small = ~np.maximum.accumulate(defined, axis=1)
        return (defined | too_small).all(axis=0).tolist()


def strategy_sets(known: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """What a compute-optimal policy may choose from, from the simplest on, since the first of equally good ones wins.

    `paper`: best-of-N weighted or beam M=4 (ICLR §5.3); `all`: what draws on the base model, all searches; `revisions`:
    chains of every length (§6.2); `both`: all of these. A set of which only one strategy is known is left out: there is
    nothing to choose.
    """
    revisions = tuple(name for name in known if name.startswith(REVISE))
    searches = tuple(name for name in known if name not in (*POOL_NAMES, *revisions))
    everything = (MAJORITY, PLAIN, BEST_OF_N, *searches)
    sets = {"paper": (BEST_OF_N, ICLR_SEARCH), "all": everything}
    if revisions:
        sets |= {"revisions": revisions, "both": (*everything, *revisions)}
    there = {name: tuple(member for member in members if member in known) for name, members in sets.items()}
    return {name: members for name, members in there.items() if len(members) > 1}


def described(names: Sequence[str], options: Mapping[str, Mapping[str, Any]]) -> tuple[Strategy, ...]:
    """Strategies with their options, as the strategy table keeps them; `options` are those of the searches."""
    fixed = {
        MAJORITY: Strategy("majority", {}),
        PLAIN: Strategy("best_of_n", {"selection": "plain", "score": "prm_last"}),
        BEST_OF_N: Strategy("best_of_n", {"selection": "weighted", "score": "prm_last"}),
    }

    def one(name: str) -> Strategy:
        if name.startswith(REVISE):
            length = int(name.removeprefix(REVISE))
            return Strategy("revisions", {"length": length, "selection": "hierarchical", "score": "revision_orm"})
        given = {"depth": 0, **options[name]}  # a beam looks ahead no step
        return Strategy(given["kind"], {"width": given["width"], "depth": given["depth"]})

    return tuple(fixed.get(name) or one(name) for name in names)


def load(
    split: str, question_ids: Sequence[str], methods: Sequence[str], budgets: Sequence[int], revised: bool = False
) -> Outcomes:
    """All pool strategies, the searches and the revisions of a split, at those budgets that are known.

    Problems in the order given.

    Raises:
        TableError: a table is missing or damaged.
        StudyError: a table lacks a strategy, a budget or a question.
    """
    columns = ["question_id", "strategy", "budget", "accuracy"]
    searches = {}
    for method in methods:
        frame = tables.read_table(paths.search(method), ["split", "question_id", "budget", "correct", *LEDGER])
        searches[method] = frame[frame["split"] == split]
    replayed = tables.read_table(paths.accuracy(split), columns)
    budgets = [budget for budget in budgets if budget in set(replayed["budget"])]
    costs = tables.read_table(paths.costs(split), list(COST_COLUMNS))
    if revised:
        frame = tables.read_table(paths.revision_verifier("ratios"))
        frame = frame[(frame["split"] == split) & (frame["selection"] == "orm")].rename(columns={"accuracy": "correct"})
        searches |= {f"{REVISE}{length}": part for length, part in frame.groupby("length")}
    return assemble(replayed, costs, searches, question_ids, budgets)


def assemble(
    replayed: pd.DataFrame,
    costs: pd.DataFrame,
    searches: Mapping[str, pd.DataFrame],
    question_ids: Sequence[str],
    budgets: Sequence[int],
) -> Outcomes:
    """Outcomes from long tables: `replayed` accuracy and `costs` of the pool, one table for each search.

    Raises:
        StudyError: a table lacks a strategy, a budget or a question, or has a row twice.
    """
    from_pool = {name: stored for name, stored in POOL_NAMES.items() if stored in set(replayed["strategy"])}
    names = (*from_pool, *searches)
    accuracy = np.full((len(names), len(budgets), len(question_ids)), np.nan)
    ledger = np.full((*accuracy.shape, len(LEDGER)), np.nan)
    costs = costs.set_index("question_id").reindex(list(question_ids))
    if costs.isna().to_numpy().any():
        raise StudyError(f"The costs of the pool lack question {costs.index[costs.isna().any(axis=1)][0]!r}.")
    prompt, policy, verifier = costs[list(COST_COLUMNS[1:])].to_numpy(dtype=np.float64).T
    for row, (name, stored) in enumerate(from_pool.items()):
        part = replayed[replayed["strategy"] == stored]
        accuracy[row] = _grid(part, ["accuracy"], stored, question_ids, budgets, may_lack=False)[..., 0]
        used = 0.0 if name in WITHOUT_VERIFIER else 1.0
        for column, budget in enumerate(budgets):
            entries = (prompt, budget * policy, used * prompt, used * budget * verifier, np.ones(len(prompt)))
            ledger[row, column] = np.stack(entries, axis=1)
    for row, (name, frame) in enumerate(searches.items(), start=len(from_pool)):
        grid = _grid(frame, ["correct", *LEDGER], name, question_ids, budgets, may_lack=True)
        accuracy[row], ledger[row] = grid[..., 0], grid[..., 1:]
    return Outcomes(tuple(question_ids), names, tuple(budgets), accuracy, ledger)


def _grid(
    frame: pd.DataFrame,
    columns: list[str],
    name: str,
    question_ids: Sequence[str],
    budgets: Sequence[int],
    may_lack: bool,
) -> Float[np.ndarray, "budget problem column"]:
    """The columns of a long table on the grid; a budget is there for all questions, or (if it may lack) for none."""
    frame = frame[frame["question_id"].isin(list(question_ids)) & frame["budget"].isin(list(budgets))]
    if frame.duplicated(["question_id", "budget"]).any():
        raise StudyError(f"{name} has a question twice at one budget.")
    index = pd.MultiIndex.from_product([list(budgets), list(question_ids)], names=["budget", "question_id"])
    values = frame.set_index(["budget", "question_id"])[columns].astype(np.float64).reindex(index).to_numpy()
    grid = values.reshape(len(budgets), len(question_ids), len(columns))
    n_there: Int[np.ndarray, " budget"] = (~np.isnan(grid).any(axis=2)).sum(axis=1)
    for budget, n in zip(budgets, n_there.tolist(), strict=True):
        if n < len(question_ids) and not (n == 0 and may_lack):
            raise StudyError(f"{name} at budget {budget} is known for {n} of {len(question_ids)} questions.")
    if (n_there == 0).all():
        raise StudyError(f"{name} is not known at any of the budgets {list(budgets)}.")
    return grid
