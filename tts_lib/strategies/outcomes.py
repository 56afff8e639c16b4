"""What each strategy attains and costs for each question and budget, gathered from the replayed pools and the searches.

A strategy that reads the pool (majority, best-of-N) is known at every budget, a search at the budgets it was run at,
revisions in chains of L attempts from L generations up to the attempts that were sampled, a pool at another temperature
up to its size, the greedy answer at each budget for the price of one; elsewhere it is undefined (NaN). Lookahead stands
at its true cost, N(k+1) generations. One search under two names (at 16 generations a beam width of √N is one of 4) has
been run twice, and both names are given the mean of the two.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, Int

from tts_lib.answers.cost import LEDGER, attended
from tts_lib.common import paths, tables
from tts_lib.common.errors import StudyError
from tts_lib.common.strategy import COVERAGE, FLIPPED, GREEDY, MAJORITY, PLAIN, REVISIONS, WEIGHTED, Strategy
from tts_lib.estimators.beams import beams_within
from tts_lib.strategies import rules
from tts_lib.strategies.strategy_table import Method

FROM_POOL = (MAJORITY, PLAIN, WEIGHTED, FLIPPED, COVERAGE)  # without PRM scores there are majority and coverage only
ICLR_SEARCH = Strategy("beam_4")  # the one search of the paper's compute-optimal choice (ICLR §5.3)
STRATEGY_KEYS = ["strategy", "rule", "score", "at"]
COST_COLUMNS = ("question_id", "prompt_tokens", "mean_policy_tokens", "mean_verifier_tokens", "mean_attended")


@dataclass(frozen=True, eq=False)
class Outcomes:
    """Accuracy and cost of strategies on the same questions; NaN where a strategy is undefined."""

    question_ids: tuple[str, ...]
    strategies: tuple[Strategy, ...]
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

    @cached_property
    def known(self) -> Bool[np.ndarray, "strategy budget"]:
        """Which strategies are known at which budgets."""
        return rules.known(self.accuracy)

    def only(self, strategies: Sequence[Strategy]) -> "Outcomes":
        """These strategies, in this order, at the budgets where any of them is known."""
        rows = [self.strategies.index(strategy) for strategy in strategies]
        there = np.flatnonzero(self.known[rows].any(axis=0))
        budgets = tuple(self.budgets[column] for column in there.tolist())
        accuracy, ledger = self.accuracy[rows][:, there], self.ledger[rows][:, there]
        return Outcomes(self.question_ids, tuple(strategies), budgets, accuracy, ledger)

    def complete(self) -> tuple[bool, ...]:
        """Per budget: whether the choice among the strategies is open there.

        It is where each of them is known, or the budget is below the smallest at which it is; not at other budgets,
        where a strategy could run but was not, and a curve of the best choice would dip.
        """
        too_small = ~np.maximum.accumulate(self.known, axis=1)
        return tuple(np.logical_and.reduce(self.known | too_small).tolist())


def strategy_sets(known: Sequence[Strategy]) -> dict[str, tuple[Strategy, ...]]:
    """What a compute-optimal choice may be among, from the simplest on, since the first of equally good ones wins.

    `paper`: best-of-N weighted or beam M=4 (ICLR §5.3); `all`: what draws on the base model, all searches; `revisions`:
    chains of every length (§6.2); `both`: all of these; `tuned`: these, the greedy answer, and the temperatures at
    which there are pools, so that the temperature is part of a strategy. A set of which only one strategy is known is
    left out: there is nothing to choose.
    """
    revisions = tuple(strategy for strategy in known if strategy.is_revisions)
    searches = tuple(strategy for strategy in known if strategy.is_search)
    everything = (MAJORITY, PLAIN, WEIGHTED, *searches)
    others = tuple(strategy for strategy in known if strategy.at)
    sets = {"paper": (WEIGHTED, ICLR_SEARCH), "all": everything}
    if revisions:
        sets |= {"revisions": revisions, "both": (*everything, *revisions)}
    if others:
        sets |= {"tuned": (GREEDY, *everything, *others, *revisions)}
    there = {name: tuple(member for member in members if member in known) for name, members in sets.items()}
    return {name: members for name, members in there.items() if len(members) > 1}


def methods_of(strategies: Sequence[Strategy], searches: Mapping[str, Method]) -> tuple[Method, ...]:
    """What to run for each strategy, as the strategy table keeps it."""

    def one(strategy: Strategy) -> Method:
        if strategy.is_revisions:
            how = {"length": strategy.length, "selection": "hierarchical", "score": f"revision_{strategy.score}"}
            return Method("revisions", how)
        if strategy.is_search:
            return searches[strategy.rule]
        return Method(strategy.rule, {"score": strategy.score, "temperature": strategy.at})

    fixed = {
        MAJORITY: Method("majority", {}),
        PLAIN: Method("best_of_n", {"selection": "plain", "score": PLAIN.score}),
        WEIGHTED: Method("best_of_n", {"selection": "weighted", "score": WEIGHTED.score}),
    }
    return tuple(fixed.get(strategy) or one(strategy) for strategy in strategies)


def merged(outcomes: Outcomes, searches: Mapping[str, Method]) -> Outcomes:
    """The outcomes with the mean of all runs at each cell that several names share."""
    accuracy, ledger = outcomes.accuracy.copy(), outcomes.ledger.copy()
    places = {strategy.rule: row for row, strategy in enumerate(outcomes.strategies)}
    for column, budget in enumerate(outcomes.budgets):
        known = {name: of for name, of in searches.items() if name in places and outcomes.known[places[name], column]}
        for names in alike(known, budget):
            rows = [places[name] for name in names]
            for values in (accuracy, ledger):
                values[rows, column] = values[rows, column].mean(axis=0)
    return replace(outcomes, accuracy=accuracy, ledger=ledger)


def alike(searches: Mapping[str, Method], budget: int) -> list[list[str]]:
    """The names of searches, those together that are one at this budget: beams of 4 and of sqrt(N) at 16."""
    found: dict[tuple[object, ...], list[str]] = {}
    for name, method in searches.items():
        found.setdefault(_shape(method, budget), []).append(name)
    return [*found.values()]


def _shape(method: Method, budget: int) -> tuple[object, ...]:
    """What a search does at a budget: equal where two are one."""
    if "width" not in method.options:
        return method.method, *sorted(method.options.items())
    width, depth = method.options["width"], int(method.options["depth"])
    return method.method, depth, *beams_within(budget, "sqrt" if width == "sqrt" else int(width), depth)


def load(
    split: str,
    question_ids: Sequence[str],
    searches: Sequence[str],
    revised: bool = False,
    only_at: Sequence[int] | None = None,
) -> Outcomes:
    """All pool strategies, the searches and the revisions of a split, at every budget that the pool was replayed at.

    Problems in the order given.

    Args:
        only_at: budgets to leave the others out for.

    Raises:
        TableError: a table is missing or damaged.
        StudyError: a table lacks a strategy, a budget or a question.
    """
    found: dict[Strategy, pd.DataFrame] = {}
    for name in searches:
        found[Strategy(name)] = of_search(name, split, ["correct", *LEDGER])
    replayed = tables.read_table(
        paths.accuracy(split), [*STRATEGY_KEYS, "question_id", "budget", "accuracy", "longest"]
    )
    budgets = sorted(n for n in set(replayed["budget"].tolist()) if only_at is None or n in only_at)
    costs = [tables.read_table(paths.costs(split), list(COST_COLUMNS)).assign(temperature=0.0)]
    if paths.costs_beside(split).is_file():
        costs.append(tables.read_table(paths.costs_beside(split), [*COST_COLUMNS, "temperature"]))
    if paths.greedy_answers(split).is_file():
        columns = ["question_id", "correct", "prompt_tokens", "n_tokens"]
        found[GREEDY] = greedy(tables.read_table(paths.greedy_answers(split), columns), budgets)
    if revised:
        frame = tables.read_table(paths.revision_verifier("ratios"))
        found |= of_ratios(frame.loc[frame["split"] == split], budgets)
    return assemble(replayed, pd.concat(costs, ignore_index=True), found, question_ids, budgets)


def of_search(name: str, split: str, columns: Sequence[str]) -> pd.DataFrame:
    """What a search was seen to do on each question of a split at each budget: the mean of its replicates.

    Raises:
        TableError: the table is missing or damaged.
    """
    runs = tables.read_table(paths.search(name), ["split", "question_id", "budget", "replicate", *columns])
    return over_runs(runs.loc[runs["split"] == split], columns)


def over_runs(runs: pd.DataFrame, columns: Sequence[str]) -> pd.DataFrame:
    """The mean of these columns over the replicates of each question at each budget."""
    keys = ["question_id", "budget"]
    found = runs.loc[:, [*keys, *columns]].astype(dict.fromkeys(columns, np.float64))
    return pd.DataFrame(found.groupby(keys, as_index=False, sort=False).mean())


def of_ratios(ratios: pd.DataFrame, budgets: Sequence[int]) -> dict[Strategy, pd.DataFrame]:
    """The revisions in chains of each length, chosen by their verifier, at these budgets.

    Args:
        ratios: columns as `revisions.ratios.COLUMNS`.
    """
    kept = ratios.loc[(ratios["selection"] == "orm") & ratios["budget"].isin(budgets)]
    kept = kept.rename(columns={"accuracy": "correct"})  # a chain longer than all budgets is no way to spend one
    return {
        Strategy(REVISIONS, "orm", length): kept.loc[kept["length"] == length] for length in sorted(set(kept["length"]))
    }


def assemble(
    replayed: pd.DataFrame,
    costs: pd.DataFrame,
    sampled: Mapping[Strategy, pd.DataFrame],
    question_ids: Sequence[str],
    budgets: Sequence[int],
) -> Outcomes:
    """Outcomes from long tables: `replayed` accuracy and `costs` of the pool, one table for each strategy of its own.

    `replayed` holds beside the accuracy of N samples the tokens of the longest of them (`pool_accuracy.longest`).

    Raises:
        StudyError: a table lacks a strategy, a budget or a question, or has a row twice.
    """
    there = set(replayed["strategy"].unique())
    from_pool = [strategy for strategy in FROM_POOL if strategy.name in there]
    others = (
        replayed.loc[replayed["at"] > 0, STRATEGY_KEYS].drop_duplicates("strategy").sort_values("at", kind="stable")
    )
    from_pool += [Strategy(rule, score, at=at) for _, rule, score, at in others.itertuples(index=False)]
    strategies = (*from_pool, *sampled)
    accuracy = np.full((len(strategies), len(budgets), len(question_ids)), np.nan)
    ledger = np.full((*accuracy.shape, len(LEDGER)), np.nan)
    for row, strategy in enumerate(from_pool):
        part, may_lack = replayed.loc[replayed["strategy"] == strategy.name], strategy.at > 0
        accuracy[row], longest = np.moveaxis(
            _grid(part, ["accuracy", "longest"], strategy.name, question_ids, budgets, may_lack), -1, 0
        )
        prompt, policy, verifier, each = _costs(costs.loc[costs["temperature"] == strategy.at], question_ids)
        used = 1.0 if strategy.score else 0.0
        for column in np.flatnonzero(~np.isnan(accuracy[row]).all(axis=1)).tolist():
            budget = budgets[column]
            all_attended, once = attended(0, prompt) + budget * each, np.ones(len(prompt))
            entries = (prompt, budget * policy, used * prompt, used * budget * verifier, once)
            entries += (all_attended, used * all_attended, longest[column], prompt + budget * each, used * once)
            ledger[row, column] = np.stack(entries, axis=1)
    for row, (strategy, frame) in enumerate(sampled.items(), start=len(from_pool)):
        grid = _grid(frame, ["correct", *LEDGER], strategy.name, question_ids, budgets, may_lack=True)
        accuracy[row], ledger[row] = grid[..., 0], grid[..., 1:]
    return Outcomes(tuple(question_ids), strategies, tuple(budgets), accuracy, ledger)


def _costs(costs: pd.DataFrame, question_ids: Sequence[str]) -> Float[np.ndarray, "4 problem"]:
    """Tokens of the prompt, and of a sample for policy and verifier; positions that a sample attends to."""
    costs = costs.loc[:, list(COST_COLUMNS)].set_index("question_id").reindex(list(question_ids))
    if costs.isna().to_numpy().any():
        raise StudyError(f"The costs of the pool lack question {costs.index[costs.isna().any(axis=1)][0]!r}.")
    return costs.to_numpy(dtype=np.float64).T


def greedy(one: pd.DataFrame, budgets: Sequence[int]) -> pd.DataFrame:
    """Greedy answers (question_id, correct, prompt_tokens, n_tokens) at each budget, always for the price of one."""
    prompt, written = one["prompt_tokens"].to_numpy(np.float64), one["n_tokens"].to_numpy(np.float64)
    behind = attended(prompt, written)
    entries = (prompt, written, 0.0, 0.0, 1.0, attended(0, prompt) + behind, 0.0, written, prompt + behind, 0.0)
    spent = dict(zip(LEDGER, entries, strict=True))
    once = one[["question_id", "correct"]].assign(**spent)
    return pd.concat([once.assign(budget=budget) for budget in budgets], ignore_index=True)


def _grid(
    frame: pd.DataFrame,
    columns: list[str],
    name: str,
    question_ids: Sequence[str],
    budgets: Sequence[int],
    may_lack: bool,
) -> Float[np.ndarray, "budget problem column"]:
    """The columns of a long table on the grid; a budget is there for all questions, or (if it may lack) for none."""
    row, column = (
        pd.Index(list(known)).get_indexer(pd.Index(frame[key]))
        for key, known in (("budget", budgets), ("question_id", question_ids))
    )
    asked = (row >= 0) & (column >= 0)
    places = row[asked] * len(question_ids) + column[asked]
    if len(np.unique(places)) < len(places):
        raise StudyError(f"{name} has a question twice at one budget.")
    grid = np.full((len(budgets), len(question_ids), len(columns)), np.nan)
    grid.reshape(-1, len(columns))[places] = frame.loc[asked, columns].to_numpy(np.float64)
    n_there: Int[np.ndarray, " budget"] = (~np.isnan(grid).any(axis=2)).sum(axis=1)
    for budget, n in zip(budgets, n_there.tolist(), strict=True):
        if n < len(question_ids) and not (n == 0 and may_lack):
            raise StudyError(f"{name} at budget {budget} is known for {n} of {len(question_ids)} questions.")
    if (n_there == 0).all():
        raise StudyError(f"{name} is not known at any of the budgets {list(budgets)}.")
    return grid
