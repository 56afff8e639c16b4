"""What choices are made on and measured on: validation questions and test questions, with all strategies' outcomes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import pandas as pd
from jaxtyping import Float, Int

from tts_lib.common import paths, tables
from tts_lib.common.errors import StudyError
from tts_lib.common.strategy import BEST_FIXED, COMPUTE_OPTIMAL, COVERAGE, WEIGHTED, WEIGHTED_TUNED, Strategy
from tts_lib.estimators import difficulty
from tts_lib.estimators.per_question import Remade
from tts_lib.strategies import outcomes
from tts_lib.strategies.bins import Bins, numbered
from tts_lib.strategies.curves import REMADE, SINGLE, Curve, fit_frozen, frozen_curve
from tts_lib.strategies.difficulty_bins import joined
from tts_lib.strategies.frozen import Difficulty, frozen_anew
from tts_lib.strategies.outcomes import Outcomes, methods_of
from tts_lib.strategies.strategy_table import Method, Options, StrategyTable
from tts_lib.strategies.tables.probes import ProbeCurve, Probed, probe_curve

SCORES = ("oracle", "predicted")  # difficulty by pass@1, and by the mean verifier score of the same samples


@dataclass(frozen=True, eq=False)
class Experiment:
    """Questions with their difficulty, and what every strategy attains on them."""

    questions_fit: pd.DataFrame
    questions: pd.DataFrame
    fit: Outcomes
    test: Outcomes
    n_bins: int
    n_probe: tuple[int, ...]
    searches: Mapping[str, Method]
    prior_worth: Mapping[int, float] = field(default_factory=dict[int, float])  # of zero+probe, by probe
    beforehand: Mapping[str, tuple[np.ndarray, np.ndarray]] = field(default_factory=dict)  # predictor -> both questions

    @property
    def scores(self) -> tuple[str, ...]:
        """The difficulty scores there are: only the oracle where the pool has no PRM scores."""
        return tuple(name for name in SCORES if name in self.questions)

    def reported(self, budgets: Sequence[int]) -> list[int]:
        """Those of these budgets (`grid.search_budgets`) that the pools suffice for.

        Raises:
            StudyError: none of them.
        """
        if not (within := [budget for budget in budgets if budget in self.test.budgets]):
            most = f"the largest budget that the pools suffice for, {self.test.budgets[-1]}"
            raise StudyError(f"grid.search_budgets begins at {budgets[0]}, but must begin at most at {most}.")
        return within

    @cached_property
    def quantile_bins(self) -> tuple[Bins, ...]:
        """The test questions in the paper's bins: quantiles of these questions by each score."""
        return tuple(self._bins(name, f"{name}_bin", self.n_bins) for name in self.scores)

    @cached_property
    def binnings(self) -> tuple[Bins, ...]:
        """The paper's bins, and fixed, hand-given and subject bins where they are known."""
        found = [*self.quantile_bins]
        for name, column in (("absolute", "absolute_bin"), ("level", "level")):
            if self._knows(column):
                found.append(self._bins(name, column, int(self.questions.loc[:, column].max())))
        if self._knows("subject"):
            numbers, names = pd.factorize(self.questions["subject"], sort=True)
            found.append(Bins("subject", numbers + 1, dict(enumerate(names.tolist(), start=1))))
        return tuple(found)

    @cached_property
    def frozen_bins(self) -> tuple[Bins, ...]:
        """The test questions in bins whose edges come from the validation questions, by each score."""
        return tuple(self._bins(name, f"{name}_frozen_bin", self.n_bins, frozen=True) for name in self.scores)

    def fit_tables(self, members: Sequence[Strategy]) -> dict[str, StrategyTable]:
        """Strategy tables over `members` for each difficulty score, and the best fixed strategy (`fixed`).

        None for coverage, which stands alone where only verdicts are known: it chooses no answer.
        """
        if COVERAGE in members:
            return {}
        fit, methods = self.fit.only(members), methods_of(members, self.searches)
        kinds = {name: difficulty_of(self.questions_fit, name) for name in self.scores}
        kinds |= {f"probe_{n}": difficulty_of(self.questions_fit, "probe", n) for n in self.n_probe}
        found = {name: fit_frozen(fit, score, self.n_bins, methods) for name, score in kinds.items()}
        any_score = kinds[self.scores[-1]]  # of one bin
        return found | {"fixed": fit_frozen(fit, any_score, 1, methods)}

    def frozen_curves(
        self,
        strategy_set: str,
        members: Sequence[Strategy],
        fitted: Mapping[str, StrategyTable],
        weights_fit: Float[np.ndarray, "resample fitted"],
    ) -> list[Curve]:
        """The fitted tables of oracle and predicted difficulty and the best fixed strategy, on the test questions.

        Args:
            weights_fit: bootstrap weights of the validation questions; the choices are made anew in each resample.

        Raises:
            StudyError: the edges of a table are not those of the stored frozen bins.
        """
        if not fitted:
            return []
        fit, test, curves = self.fit.only(members), self.test.only(members), []

        def anew(bins_fit: Int[np.ndarray, " fitted"], bins: Int[np.ndarray, " problem"], n_bins: int) -> Remade:
            weights = weights_fit[:REMADE]
            return frozen_anew(fit.accuracy, bins_fit, weights, test.accuracy, bins, n_bins)

        for bins in self.frozen_bins:
            name = bins.binning
            score, binning = difficulty_of(self.questions, name).score, difficulty.Binning(fitted[name].edges)
            if (binning.assign(score) != bins.of_problem).any():
                raise StudyError(
                    f"The {name}_frozen_bin of the test questions has other edges than the strategy table."
                )
            strategy = Strategy(COMPUTE_OPTIMAL, binning=name)
            bins_fit = binning.assign(difficulty_of(self.questions_fit, name).score)
            remade = anew(bins_fit, bins.of_problem, bins.n_bins)
            curves.append(frozen_curve(strategy_set, strategy, fitted[name], test, score, remade))
        any_score = difficulty_of(self.questions, self.scores[-1]).score
        ones = [np.ones(len(frame), dtype=np.int64) for frame in (self.questions_fit, self.questions)]
        remade = anew(ones[0], ones[1], 1)
        return [*curves, frozen_curve(strategy_set, BEST_FIXED, fitted["fixed"], test, any_score, remade)]

    def tuned_curve(self, weights_fit: Float[np.ndarray, "resample fitted"]) -> list[Curve]:
        """Best-of-N weighted at the temperature that is best on validation questions, at each budget; none if one is.

        Args:
            weights_fit: bootstrap weights of the validation questions; the choice is made anew in each resample.
        """
        members = [one for one in self.test.strategies if replace(one, at=0.0) == WEIGHTED]
        if len(members) < 2:
            return []
        fit, test = self.fit.only(members), self.test.only(members)
        kind = self.scores[-1]  # any will do: there is one bin
        fitted = fit_frozen(fit, difficulty_of(self.questions_fit, kind), 1, methods_of(members, self.searches))
        ones = [np.ones(len(frame), dtype=np.int64) for frame in (self.questions_fit, self.questions)]
        remade = frozen_anew(fit.accuracy, ones[0], weights_fit[:REMADE], test.accuracy, ones[1], 1)
        score = difficulty_of(self.questions, kind).score
        curve = frozen_curve(SINGLE, WEIGHTED_TUNED, fitted, test, score, remade)
        return [replace(curve, strategy=WEIGHTED_TUNED, complete=(True,) * len(curve.budgets))]

    def probe_curves(
        self, members: Sequence[Strategy], weights_fit: Float[np.ndarray, "resample fitted"]
    ) -> list[ProbeCurve]:
        """Choices with paid probes of each size, without and with reuse of the probe samples.

        Args:
            weights_fit: bootstrap weights of the validation questions; the choices are made anew in each resample.
        """
        return [
            self.probe_curve("probe", n, reuse, members, weights_fit) for n in self.n_probe for reuse in (False, True)
        ]

    def probe_curve(
        self,
        kind: str,
        n_probe: int,
        reuse: bool,
        members: Sequence[Strategy],
        weights_fit: Float[np.ndarray, "resample fitted"],
    ) -> ProbeCurve:
        """The choice by a paid `probe` of this size, or by `zero+probe`, which pays for the reading as well."""
        fit, test, methods = self.fit.only(members), self.test.only(members), methods_of(members, self.searches)
        fitted, tested = (difficulty_of(frame, kind, n_probe) for frame in (self.questions_fit, self.questions))
        probed = Probed(fitted, tested, self.questions[f"probe_tokens_{n_probe}"].to_numpy(np.float64))
        curve = probe_curve(fit, test, probed, self.n_bins, methods, reuse, weights_fit[:REMADE])
        if kind == "probe":
            return curve
        samples, tokens = (self.questions[f"zero_{of}"].to_numpy(np.float64)[:, None] for of in ("samples", "tokens"))
        return replace(curve, charged=curve.charged + samples, policy_tokens=curve.policy_tokens + tokens)

    def agreement(self) -> pd.DataFrame:
        """How far binnings of the test questions agree (claims 14, 15), and the rank correlation of their scores."""
        names = [f"probe_{n}" for n in self.n_probe]
        names += [name for name in ("zero", *(f"zero+{name}" for name in names)) if name in self.questions]
        probes = [self._bins(name, f"{name}_frozen_bin", self.n_bins, frozen=True) for name in names]
        known = {bins.name: bins for bins in (*self.binnings, *self.frozen_bins, *probes)}
        pairs = [("oracle", "predicted"), ("oracle", "level"), ("predicted", "level")]
        pairs += [(bins.binning, bins.name) for bins in self.frozen_bins]
        pairs += [("oracle", bins.name) for bins in probes]
        rows = []
        for a, b in ((known[a], known[b]) for a, b in pairs if a in known and b in known):
            match = difficulty.compare_bins(a.of_problem, b.of_problem, max(a.n_bins, b.n_bins))
            row = {"a": a.name, "b": b.name, "same": match.same, "adjacent": match.adjacent}
            x, y = (self.questions[bins.binning].to_numpy(np.float64) for bins in (a, b))
            of_scores = difficulty.rank_correlation(x, -y if b.binning == "level" else y)
            rows.append(row | {"rank_correlation": match.rank_correlation, "score_rank_correlation": of_scores})
        return pd.DataFrame(rows)

    def _knows(self, column: str) -> bool:
        return bool(self.questions[column].notna().all())

    def _bins(self, binning: str, column: str, n_bins: int, frozen: bool = False) -> Bins:
        return Bins(binning, self.questions[column].to_numpy(np.int64), numbered(n_bins), frozen)


def load(
    methods: Sequence[str],
    options: Mapping[str, Options],
    n_bins: int,
    n_probe: Sequence[int],
    revised: bool = False,
    only_at: Sequence[int] | None = None,
) -> Experiment:
    """The experiment from the tables of the stages before it, with the revision model's (`revised`) where there is one.

    Args:
        methods: searches that were run.
        options: of each search, its kind among them.
        only_at: budgets to leave the others out for.

    Raises:
        TableError, StudyError: a table is missing, damaged or incomplete.
    """
    scores = [name for name in SCORES if name in tables.column_names(paths.difficulty("test"))]
    n_probe = n_probe if "predicted" in scores else []
    columns = ["question_id", "level", "subject", *scores, "absolute_bin"]
    columns += [f"{name}_{kind}" for name in scores for kind in ("bin", "frozen_bin")]
    columns += [name for n in n_probe for name in (f"probe_{n}", f"probe_tokens_{n}", f"probe_{n}_frozen_bin")]
    val, test = (tables.read_table(paths.difficulty(split), columns) for split in ("val", "test"))
    searches = {name: Method.of(options[name]) for name in methods}
    found_val, found = (
        outcomes.merged(outcomes.load(split, questions["question_id"].tolist(), methods, revised, only_at), searches)
        for split, questions in (("val", val), ("test", test))
    )
    return Experiment(val, test, found_val, found, n_bins, tuple(n_probe), searches)


def with_zero(experiment: Experiment) -> Experiment:
    """The experiment with difficulty known before the first sample, by all predictors: `zero` is the one to use.

    What reading for it costs is in tokens, and as the share of a sample of that question. With each probe the two in
    one number (`joined`). Where nothing could be predicted there is no `zero`.

    Raises:
        TableError: a table is missing, damaged or incomplete.
    """
    asked = {"val": experiment.questions_fit, "test": experiment.questions}
    read = {
        split: tables.read_table(paths.predictors(split)).set_index("question_id").loc[questions["question_id"]]
        for split, questions in asked.items()
    }
    names = read["test"].columns.drop(["zero_tokens", "zero_frozen_bin"], errors="ignore")
    by_name = {name: tuple(read[split][name].to_numpy(np.float64) for split in asked) for name in names}
    experiment = replace(experiment, beforehand=by_name)
    if "zero" not in by_name:
        return experiment

    def known(split: str, questions: pd.DataFrame) -> pd.DataFrame:
        costs = tables.read_table(paths.costs(split), ["question_id", "mean_policy_tokens"]).set_index("question_id")
        tokens = read[split]["zero_tokens"].to_numpy(np.float64)
        share = tokens / costs.loc[questions["question_id"], "mean_policy_tokens"].to_numpy(np.float64)
        zero = read[split]["zero"].to_numpy(np.float64)
        return questions.assign(zero=zero, zero_tokens=tokens, zero_samples=share)

    fit, test = known("val", experiment.questions_fit), known("test", experiment.questions)
    fit, test, worths = joined(fit, test, experiment.n_probe)
    for name in ("zero", *(f"zero+probe_{n}" for n in worths)):
        edges = difficulty.quantile_binning(fit[name].to_numpy(np.float64), experiment.n_bins)
        fit, test = (
            each.assign(**{f"{name}_frozen_bin": edges.assign(each[name].to_numpy(np.float64))}) for each in (fit, test)
        )
    return replace(experiment, questions_fit=fit, questions=test, prior_worth=worths)


def difficulty_of(questions: pd.DataFrame, kind: str, n_probe: int = 0) -> Difficulty:
    """The questions' difficulty by one of `SCORES`, `zero`, a `probe` of n samples, or both."""
    column = f"{kind}_{n_probe}" if n_probe else kind
    return Difficulty(kind, questions[column].to_numpy(np.float64), n_probe)
