"""Fits the choice that is handed on (`fitted_choice`) on validation questions, and measures it on test questions.

The rule of the choice (`tts_lib.strategies.rules`) picks in each bin among all strategies as they stand `within` a
budget; where a smaller budget's pick was better, it stays.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
from jaxtyping import Float

from tts_lib.answers.cost import LEDGER
from tts_lib.common import paths, records, tables
from tts_lib.common.strategy import COVERAGE, GREEDY, MAJORITY, PREDICTED, Strategy
from tts_lib.estimators.difficulty import Binning, quantile_binning
from tts_lib.estimators.flops import Sizes
from tts_lib.estimators.per_question import PerQuestion
from tts_lib.strategies import choice
from tts_lib.strategies.bins import Bins, numbered
from tts_lib.strategies.curves import Generators, fit_frozen
from tts_lib.strategies.experiment import Experiment, difficulty_of
from tts_lib.strategies.fitted_choice import (
    ABOUT,
    FIXED,
    FORESEEN,
    FORMAT,
    GIVEN,
    PROBE,
    ZERO,
    ZERO_PROBE,
    Chains,
    FittedChoice,
    Model,
    Pick,
    Price,
    Sampling,
    Search,
    Steps,
    Table,
    TableName,
    Vote,
    search,
)
from tts_lib.strategies.model_sizes import model_sizes
from tts_lib.strategies.outcomes import methods_of
from tts_lib.strategies.prediction import Predictor
from tts_lib.strategies.stopping.policy import Policy
from tts_lib.strategies.strategy_table import Method
from tts_lib.strategies.tables.groups import Group, groups_of
from tts_lib.strategies.within import Within, charged

_Foretelling: TypeAlias = Predictor | None  # null where nothing predicts


@dataclass(frozen=True, eq=False)
class Fitting:
    """What the choice is among, on which questions, and at what prices.

    Attributes:
        n_scored: samples behind the score of the table `given`.
        weights: of a bootstrap over the test questions.
        n_repeats: random splits into folds.
    """

    experiment: Experiment
    members: tuple[Strategy, ...]
    sizes: Sizes
    n_scored: int
    weights: Float[np.ndarray, "resample question"]
    n_repeats: int
    generator: Generators

    def tables(self) -> tuple[dict[TableName, Table], TableName | None]:
        """The tables, with probes of the size that does best on validation, and the name of the one to use.

        It is `fixed` where knowing difficulty does not pay for itself. There are none for coverage, which chooses no
        answer.
        """
        if COVERAGE in self.members:
            return {}, None
        sizes, fixed = self.experiment.n_probe, self._cross_validated(FIXED)
        ways: list[tuple[TableName, int]] = [(PROBE, n) for n in sizes]
        if ZERO in self.experiment.questions:
            ways = [(ZERO, 0), *ways, *((ZERO_PROBE, n) for n in sizes)]
        by_way: dict[tuple[TableName, int], np.ndarray] = {(FIXED, 0): fixed}
        by_way |= {way: self._paid(*way, fixed) for way in ways}
        means = {way: round(float(np.where(np.isnan(at), fixed, at).mean()), 12) for way, at in by_way.items()}
        found: dict[TableName, Table] = {FIXED: self._table(FIXED, 0, 0, means[FIXED, 0])}
        if PREDICTED.binning in self.experiment.scores:
            found[GIVEN] = self._table(PREDICTED.binning, 0, self.n_scored, None)
        if (ZERO, 0) in means:
            found[ZERO] = self._table(ZERO, 0, 0, means[ZERO, 0])
        for name in (PROBE, ZERO_PROBE):
            if tried := [n for way, n in means if way == name]:
                n_probe = max(tried, key=lambda n, name=name: means[name, n])
                found[name] = self._table(name, n_probe, n_probe, means[name, n_probe])
        return found, max(means, key=lambda way: means[way])[0]  # the first, fixed, of equals

    def _table(self, difficulty: str, n_probe: int, n_scored: int, cross_validated: float | None) -> Table:
        """The picks by a difficulty (`predicted` or a table's name), or for all questions alike (`fixed`)."""
        fit, test = (Within(of.only(self.members), n_probe) for of in (self.experiment.fit, self.experiment.test))
        kind = self.experiment.scores[-1] if difficulty == FIXED else difficulty
        n_bins = 1 if difficulty == FIXED else self.experiment.n_bins
        methods = methods_of(self.members, self.experiment.searches)
        fitted = fit_frozen(fit.lifted, difficulty_of(self.experiment.questions_fit, kind, n_probe), n_bins, methods)
        score = difficulty_of(self.experiment.questions, kind, n_probe).score
        bins = Bins(difficulty, Binning(fitted.edges).assign(score), numbered(n_bins))
        groups = {group.label: group for group in groups_of(bins, self.weights)}
        rows: list[tuple[Pick, ...]] = []
        for number, (choices, expected) in enumerate(zip(fitted.choices, fitted.accuracy, strict=True), start=1):
            best = [int(np.argmax(expected[: column + 1])) for column in range(len(expected))]
            group = groups.get(str(number))
            rows.append(tuple(self._pick(difficulty, test, (choices[at], at), expected[at], group) for at in best))
        return Table(
            n_scored=n_scored,
            edges=fitted.edges,
            budgets=fitted.budgets,
            bins=tuple(rows),
            cross_validated=cross_validated,
            prior_worth=self.experiment.prior_worth[n_probe] if difficulty == ZERO_PROBE else None,
        )

    def _cross_validated(self, table: TableName, n_probe: int = 0) -> Float[np.ndarray, " budget"]:
        """Accuracy on validation questions, each chosen for without its fold, by budget; NaN below the probe's."""
        members = self.experiment.fit.only(self.members)
        lifted = Within(members, n_probe).lifted
        bins, n_bins = np.ones(len(lifted.question_ids), np.int64), 1 if table == FIXED else self.experiment.n_bins
        if n_bins > 1:
            score = difficulty_of(self.experiment.questions_fit, table, n_probe).score
            bins = quantile_binning(score, n_bins).assign(score)
        folds = choice.split_folds(bins, self.n_repeats, self.generator("folds-fitted"))
        found = choice.compute_optimal(lifted.accuracy, bins, n_bins, folds)
        at = np.full(len(members.budgets), np.nan)
        at[np.isin(members.budgets, lifted.budgets)] = found.accuracy.mean(axis=0)
        return at

    def _paid(self, table: TableName, n_probe: int, fixed: Float[np.ndarray, " budget"]) -> np.ndarray:
        """`_cross_validated`, less what the best fixed strategy would gain from what predicting difficulty reads.

        The latter is linear in log budgets between those of the grid.
        """
        attained = self._cross_validated(table, n_probe)
        if table not in FORESEEN:
            return attained
        budgets = np.array(self.experiment.fit.budgets, np.float64)
        more = np.log(budgets + self.experiment.questions_fit["zero_samples"].mean())
        return attained - (np.interp(more, np.log(budgets), fixed) - fixed)

    def _pick(self, difficulty: str, test: Within, at: tuple[int, int], expected: float, group: Group | None) -> Pick:
        """The strategy and budget (in all) `at`, measured on the test questions of a bin, if there are any."""
        strategy, lifted, n_probe = self.members[at[0]], test.lifted, test.n_probe
        own = strategy.generations(test.outcomes.budgets[test.own[:, test.own.max(axis=0) >= 0][at]])
        ledger: np.ndarray = lifted.ledger[at]
        round_more = np.array([name == "rounds" for name in LEDGER], np.float64)
        if difficulty in FORESEEN:
            read = [name == "policy_prefill_tokens" for name in LEDGER]
            ledger = ledger + np.outer(self.experiment.questions["zero_tokens"].to_numpy(np.float64), read)
        if n_probe and not strategy.is_from_pool:
            tokens = self.experiment.questions[f"probe_tokens_{n_probe}"].to_numpy(np.float64)
            read = [name in ("policy_decode_tokens", "verifier_tokens") for name in LEDGER]
            ledger = ledger + np.outer(tokens, read) + round_more
        elif n_probe and own > n_probe:
            ledger = ledger + round_more  # the rest is drawn when the probe has been read
        entries = ledger[slice(None) if group is None else group.members].mean(axis=0)
        policy, verifier = float(entries[0] + entries[1]), float(entries[2] + entries[3])
        measured: dict[str, Any] = dict.fromkeys(("accuracy", "low", "high"))
        if group is not None:
            measured = group.mean(PerQuestion(lifted.accuracy[at]))
        return Pick(
            strategy=strategy.name,
            budget=own,
            expected=expected,
            **{name: _or_none(value) for name, value in measured.items()},
            n_questions=0 if group is None else group.n_questions,
            price=Price(
                generations=float(charged(strategy, own, n_probe)),
                policy_tokens=policy,
                verifier_tokens=verifier,
                flops=self.sizes.flops(policy, verifier, True),
                rounds=float(entries[4]),
            ),
        )


@dataclass(frozen=True)
class MadeWith:
    """The models of a study by their roles, and the attempts that a revision model is shown."""

    models: Mapping[str, Mapping[str, Any]]  # folder, sha256 and parameters
    max_history: int = 0


@dataclass(frozen=True)
class Known:
    """What predicts difficulty, and when a vote stops: fitted by the stages before this one."""

    zero: Predictor | None = None
    stopping: tuple[Policy, ...] = ()


def known() -> Known:
    """The predictor and the policies of the study at hand.

    Raises:
        TableError: a record is missing or damaged; names the file, and the field with what it may hold.
    """
    return Known(records.read(paths.PREDICTOR, _Foretelling), records.read(paths.STOPPING, tuple[Policy, ...]))


def made_with(revised: bool) -> MadeWith:
    """What the study at hand was made with, as the stages before this one have left it.

    Raises:
        TableError: a record is missing or damaged.
    """
    base = tables.read_json(paths.metrics("model-base"), ["sha256"])
    prm = tables.read_json(paths.metrics("verifier"), ["prm"])["prm"]
    sizes, max_history = model_sizes(), 0
    models = {
        "base": {"folder": paths.model("base").as_posix(), "sha256": base["sha256"]},
        "prm": {"folder": paths.verifier("prm").as_posix(), "sha256": prm["sha256"]},
    }
    if revised:
        record = tables.read_json(paths.REVISION_MODELS, ["models", "max_history"])
        models, max_history = models | record["models"], record["max_history"]
    parameters = {"base": sizes.policy, "revision": sizes.policy}  # a revision model is as large as the base
    sized = {role: {**model, "parameters": parameters.get(role, sizes.verifier)} for role, model in models.items()}
    return MadeWith(sized, max_history)


def fit(
    fitting: Fitting,
    seed: int,
    made: MadeWith,
    sampling: Mapping[str, Any] | None,
    steps: Mapping[str, Any] | None,
    known: "Known",
) -> FittedChoice:
    """The choice to hand on.

    Args:
        seed: of the study.
        sampling, steps: the study's `sampling` and `search` sections; None where nothing was sampled.
        known: what other stages have fitted.
    """
    found, use = fitting.tables()
    picked = {pick.strategy for table in found.values() for row in table.bins for pick in row}
    chosen = [member for member in fitting.members if member.name in picked]
    ways = [_way(member, fitting.experiment.searches, made.max_history) for member in chosen]
    return FittedChoice(
        format=FORMAT,
        about=ABOUT,
        use=use,
        seed=seed,
        n_questions=len(fitting.experiment.questions_fit),
        sampling=None if sampling is None else Sampling(**sampling),
        steps=None if steps is None else Steps(**{name: steps[name] for name in Steps.model_fields}),
        models={role: Model(**model) for role, model in made.models.items()},
        strategies=tuple(ways),
        tables=found,
        zero=known.zero if ZERO in found else None,
        stopping=known.stopping if found else (),
    )


def to_use(choice: FittedChoice) -> pd.DataFrame:
    """The table to use, a row for each bin and budget, as a reader wants it."""
    columns = ["bin", "budget", "strategy", "generations", "accuracy", "low", "high"]
    if choice.use is None:
        return pd.DataFrame(columns=columns)
    table = choice.tables[choice.use]
    rows = []
    for number, row in enumerate(table.bins, start=1):
        for budget, pick in zip(table.budgets, row, strict=True):
            values = {"bin": number, "budget": budget, "strategy": pick.strategy, "generations": pick.budget}
            values |= {"accuracy": pick.accuracy, "low": pick.low, "high": pick.high}
            rows.append(values | {f"{name}_spent" if name == "generations" else name: v for name, v in pick.price})
    return pd.DataFrame(rows)


def _way(strategy: Strategy, searches: Mapping[str, Method], max_history: int) -> Vote | Search | Chains:
    """How a strategy is run."""
    if strategy.is_revisions:
        models = {"policy": "revision", "verifier": "revision_orm"}
        return Chains(name=strategy.name, kind="revisions", length=strategy.length, max_history=max_history, **models)
    if not strategy.is_search:
        is_greedy = strategy == GREEDY
        return Vote.model_validate(
            {
                "name": strategy.name,
                "kind": MAJORITY.rule if is_greedy else strategy.rule,
                "policy": "base",
                "verifier": "prm" if strategy.score else None,
                "temperature": 0.0 if is_greedy else strategy.at or None,
            }
        )
    return search(strategy.name, searches[strategy.rule])


def _or_none(value: Any) -> float | None:
    return None if value is None or np.isnan(value) else float(value)
