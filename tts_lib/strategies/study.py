"""The compute-optimal study of one pair of question sets: fitted on validation, tested on test questions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from tts_lib.common import paths, tables
from tts_lib.common.errors import StudyError
from tts_lib.estimators import difficulty
from tts_lib.estimators.flops import Sizes
from tts_lib.strategies import curves as allocation_curves
from tts_lib.strategies import outcomes as strategies
from tts_lib.strategies.curves import Bins, Curve
from tts_lib.strategies.outcomes import Outcomes
from tts_lib.strategies.strategy_table import StrategyTable
from tts_lib.strategies.tables.groups import bin_labels
from tts_lib.strategies.tables.probes import ProbeCurve, Probed, probe_curve

SCORES = ("oracle", "predicted")  # difficulty by pass@1, and by the mean verifier score of the same samples


@dataclass(frozen=True, eq=False)
class PolicyStudy:
    """Questions with their difficulty, and what every strategy attains on them."""

    questions_fit: pd.DataFrame
    questions: pd.DataFrame
    fit: Outcomes
    test: Outcomes
    n_bins: int
    n_probe: tuple[int, ...]
    options: Mapping[str, Mapping[str, Any]]  # of each search

    @property
    def scores(self) -> tuple[str, ...]:
        """The difficulty scores there are: only the oracle where the pool has no PRM scores."""
        return tuple(name for name in SCORES if name in self.questions)

    @cached_property
    def binnings(self) -> dict[str, Bins]:
        """The test questions in the paper's quantile bins, and in fixed, hand-given and subject bins where known."""
        found = {name: Bins(self.questions[f"{name}_bin"].to_numpy(np.int64), self.n_bins) for name in self.scores}
        others = {"absolute": self.questions["absolute_bin"], "level": self.questions["level"]}
        if self._knows("subject"):
            others["subject"] = pd.Series(pd.factorize(self.questions["subject"], sort=True)[0] + 1)
        for name, bins in others.items():
            if name == "subject" or self._knows(bins.name):
                found[name] = Bins(bins.to_numpy(np.int64), int(bins.max()))
        return found

    @cached_property
    def frozen_binnings(self) -> dict[str, Bins]:
        """The test questions in bins whose edges come from the validation questions."""
        names = [*self.scores, *(f"probe_{n}" for n in self.n_probe)]
        columns = {name: self.questions[f"{name}_frozen_bin"].to_numpy(np.int64) for name in names}
        return {f"{name}_frozen": Bins(bins, self.n_bins) for name, bins in columns.items()}

    @property
    def labels(self) -> dict[str, dict[int, str]]:
        """Names of the bins of each binning."""
        found = {name: bin_labels(bins.n_bins) for name, bins in (self.binnings | self.frozen_binnings).items()}
        if "subject" in found:
            found["subject"] = dict(enumerate(sorted(self.questions["subject"].unique()), start=1))
        return found

    def fit_tables(self, members: Sequence[str], models: Mapping[str, str]) -> dict[str, StrategyTable]:
        """Strategy tables over `members` for each difficulty score, and the best fixed strategy (`fixed`)."""
        fit, described = self.fit.only(members), strategies.described(members, self.options)
        kinds = [(name, name, 0) for name in self.scores] + [(f"probe_{n}", "probe", n) for n in self.n_probe]
        found = {
            name: allocation_curves.fit_frozen(
                fit, self._score(self.questions_fit, name), self.n_bins, described, kind, models, n
            )
            for name, kind, n in kinds
        }
        last = self.scores[-1]  # any: of one bin
        score = self._score(self.questions_fit, last)
        return found | {"fixed": allocation_curves.fit_frozen(fit, score, 1, described, last, models)}

    def frozen_curves(
        self, strategy_set: str, members: Sequence[str], fitted: Mapping[str, StrategyTable]
    ) -> list[Curve]:
        """The fitted tables of oracle and predicted difficulty and the best fixed strategy, on the test questions.

        Raises:
            StudyError: the edges of a table are not those of the stored frozen bins.
        """
        test, curves = self.test.only(members), []
        for name in self.scores:
            score = self._score(self.questions, name)
            bins = difficulty.Binning(fitted[name].edges).assign(score)
            if (bins != self.frozen_binnings[f"{name}_frozen"].of_problem).any():
                raise StudyError(
                    f"The {name}_frozen_bin of the test questions has other edges than the strategy table."
                )
            label = f"compute_optimal_{name}_frozen"
            curves.append(allocation_curves.frozen_curve(strategy_set, label, fitted[name], test, score))
        score = self._score(self.questions, self.scores[-1])
        fixed = allocation_curves.frozen_curve(strategy_set, "best_fixed_frozen", fitted["fixed"], test, score)
        return [*curves, fixed]

    def probe_curves(self, members: Sequence[str]) -> list[ProbeCurve]:
        """Policies with paid probes of each size, without and with reuse of the probe samples."""
        fit, test = self.fit.only(members), self.test.only(members)
        described = strategies.described(members, self.options)
        curves: list[ProbeCurve] = []
        for n in self.n_probe:
            fitted, tested = (self._score(frame, f"probe_{n}") for frame in (self.questions_fit, self.questions))
            probed = Probed(n, fitted, tested, self._score(self.questions, f"probe_tokens_{n}"))
            curves += [probe_curve(fit, test, probed, self.n_bins, described, reuse) for reuse in (False, True)]
        return curves

    def agreement(self) -> pd.DataFrame:
        """How far binnings of the test questions agree (claims 14, 15), and the rank correlation of their scores."""
        pairs = [("oracle", "predicted"), ("oracle", "level"), ("predicted", "level")]
        pairs += [(name, f"{name}_frozen") for name in SCORES]
        pairs += [("oracle", f"probe_{n}_frozen") for n in self.n_probe]
        known, rows = self.binnings | self.frozen_binnings, []
        pairs = [(a, b) for a, b in pairs if a in known and b in known]
        for a, b in pairs:
            match = difficulty.compare_bins(
                known[a].of_problem, known[b].of_problem, max(known[a].n_bins, known[b].n_bins)
            )
            row = {"a": a, "b": b, "same": match.same, "adjacent": match.adjacent}
            x, y = (self._score(self.questions, name.removesuffix("_frozen")) for name in (a, b))
            of_scores = difficulty.rank_correlation(x, -y if b == "level" else y)
            rows.append(row | {"rank_correlation": match.rank_correlation, "score_rank_correlation": of_scores})
        return pd.DataFrame(rows)

    def _knows(self, column: str) -> bool:
        return bool(self.questions[column].notna().all())

    @staticmethod
    def _score(questions: pd.DataFrame, name: str) -> np.ndarray:
        return questions[name].to_numpy(np.float64)


def sizes() -> Sizes:
    """Of the base model and its verifier; a trained PRM is as large as the base.

    Raises:
        TableError: a record is missing or damaged.
    """
    base = tables.read_json(paths.metrics("model-base"), ["n_params_block"])["n_params_block"]
    prm = tables.read_json(paths.metrics("verifier"), ["prm"])["prm"] or {}
    return Sizes(base, prm.get("n_params_block", base))


def load(
    methods: Sequence[str],
    options: Mapping[str, Mapping[str, Any]],
    budgets: Sequence[int],
    n_bins: int,
    n_probe: Sequence[int],
    revised: bool = False,
) -> PolicyStudy:
    """The study from the tables of the stages before it, with the revision model's (`revised`) where there is one.

    Raises:
        TableError, StudyError: a table is missing, damaged or incomplete.
    """
    scores = [name for name in SCORES if name in tables.column_names(paths.difficulty("test"))]
    n_probe = n_probe if "predicted" in scores else []
    columns = ["question_id", "level", "subject", *scores, "absolute_bin"]
    columns += [f"{name}_{kind}" for name in scores for kind in ("bin", "frozen_bin")]
    columns += [name for n in n_probe for name in (f"probe_{n}", f"probe_tokens_{n}", f"probe_{n}_frozen_bin")]
    questions = {split: tables.read_table(paths.difficulty(split), columns) for split in ("val", "test")}
    outcomes = {
        split: strategies.load(split, frame["question_id"].tolist(), methods, budgets, revised)
        for split, frame in questions.items()
    }
    chosen = {name: options[name] for name in methods}
    return PolicyStudy(
        questions["val"], questions["test"], outcomes["val"], outcomes["test"], n_bins, tuple(n_probe), chosen
    )
