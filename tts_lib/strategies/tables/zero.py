"""The compute-optimal choice with bins by a difficulty that is known before the first sample, at equal total cost.

Bins and choice come from validation questions. What the prediction costs, the reading of a prompt, is charged as the
share of a sample that it is; a probe, alone or joined with the prediction, by its samples. Rivals are given as much,
between their budgets linear in its log.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from jaxtyping import Float

from tts_lib.common.strategy import Strategy
from tts_lib.estimators.difficulty import quantile_binning
from tts_lib.estimators.per_question import PerQuestion
from tts_lib.strategies.curves import REMADE, at_budget
from tts_lib.strategies.experiment import Experiment, difficulty_of
from tts_lib.strategies.frozen import Difficulty, fit_table, frozen_accuracy, frozen_anew
from tts_lib.strategies.outcomes import Outcomes, methods_of
from tts_lib.strategies.strategy_table import Method
from tts_lib.strategies.tables.groups import Group, Row
from tts_lib.strategies.tables.probes import ProbeCurve

N_PROBE = 8  # samples of the probe that stands beside
OVER = ("gain_fixed", "over_half_oracle", "over_probe")
COLUMNS = ["strategy_set", "predictor", "budget", "charged_budget", "accuracy", "low", "high"]
COLUMNS += [f"{over}{end}" for over in OVER for end in ("", "_low", "_high")]


@dataclass(frozen=True, eq=False)
class Choosing:
    """What a choice is among, and on which questions it is made and measured.

    Attributes:
        weights_fit: bootstrap weights of the validation questions, in which the choice is made anew.
    """

    fit: Outcomes
    test: Outcomes
    methods: tuple[Method, ...]
    n_bins: int
    weights_fit: Float[np.ndarray, "resample fitted"]

    def by(self, fit: np.ndarray, test: np.ndarray) -> PerQuestion:
        """The choice by this difficulty of the questions (the same for all: the best fixed strategy)."""
        n_bins = self.n_bins if fit.min() < fit.max() else 1
        binning = quantile_binning(fit, n_bins)
        table = fit_table(self.fit.accuracy, Difficulty("zero", fit), binning.edges, self.methods, self.fit.budgets)
        bins_fit, bins = binning.assign(fit), binning.assign(test)
        some = self.weights_fit[:REMADE]
        anew = frozen_anew(self.fit.accuracy, bins_fit, some, self.test.accuracy, bins, n_bins)
        return PerQuestion.of(frozen_accuracy(table, self.test.accuracy, test), anew)


def zero_tables(
    study: Experiment,
    sets: Mapping[str, Sequence[Strategy]],
    weights_fit: Float[np.ndarray, "resample fitted"],
    group: Group,
) -> pd.DataFrame:
    """`zero_table` of each set of strategies, by pass@1 and all that predicts it, beside probes; empty without sets.

    Args:
        study: as `with_zero` gives it.
    """
    known, ways = study.questions, [way for way in ("probe", "zero+probe") if f"{way}_{N_PROBE}" in study.questions]
    oracle = difficulty_of(study.questions_fit, "oracle").score, difficulty_of(study.questions, "oracle").score
    kinds = {"oracle": oracle, **study.beforehand}
    extra = known["zero_samples"].to_numpy(np.float64) if "zero_samples" in known else np.zeros(len(known))
    found: list[pd.DataFrame] = []
    for name, members in sets.items():
        fit, test = study.fit.only(members), study.test.only(members)
        choosing = Choosing(fit, test, methods_of(members, study.searches), study.n_bins, weights_fit)
        probes = {way: study.probe_curve(way, N_PROBE, True, members, weights_fit) for way in ways}
        found.append(zero_table(name, choosing, kinds, extra, probes, group))
    return pd.concat(found) if found else pd.DataFrame(columns=COLUMNS)


def zero_table(
    strategy_set: str,
    choosing: Choosing,
    predictors: Mapping[str, tuple[np.ndarray, np.ndarray]],
    extra: Float[np.ndarray, " problem"],
    probes: Mapping[str, ProbeCurve],
    group: Group,
) -> pd.DataFrame:
    """Gain over the best fixed strategy, over half of what oracle bins gain over it, and over a choice by a probe.

    Args:
        predictors: difficulty of validation and of test questions; `oracle` among them.
        extra: what a prediction costs for each question, in samples of that question; the oracle costs nothing.
        probes: choices that pay for N_PROBE samples of their own and use them again; that by `probe` is the rival.
    """
    budgets, rows = choosing.test.budgets, list[Row]()
    same = [np.zeros(len(values)) for values in predictors["oracle"]]
    fixed, oracle = choosing.by(*same), choosing.by(*predictors["oracle"])
    paid = {name: (of.attained, of.charged.mean(axis=0)) for name, of in probes.items()}
    free, asked = (np.array(budgets) + samples for samples in (0.0, extra.mean()))
    known = {name: (choosing.by(*of), free if name == "oracle" else asked) for name, of in predictors.items()} | paid
    for name, (attained, costs) in known.items():
        for place, (budget, charged) in enumerate(zip(budgets, costs.tolist(), strict=True)):
            one, other = attained.at(place), at_budget(fixed, budgets, charged)
            limit = at_budget(oracle, budgets, charged)
            row: Row = {"strategy_set": strategy_set, "predictor": name, "budget": budget, "charged_budget": charged}
            rivals = {"gain_fixed": other, "over_half_oracle": other.mixed(limit, 0.5)}
            if name != "probe" and "probe" in paid:
                rivals["over_probe"] = at_budget(paid["probe"][0], paid["probe"][1].tolist(), charged)
            row |= group.mean(one)
            for over, rival in rivals.items():
                if not np.isnan(rival.each).any():
                    gain = group.difference(one, rival, over, f"{over}_")
                    row |= {key: value for key, value in gain.items() if key != "questions_needed"}
            rows.append(row)
    return pd.DataFrame(rows, columns=COLUMNS)
