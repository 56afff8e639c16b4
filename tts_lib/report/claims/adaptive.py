"""Contrasts of claims 31-34: budgets per question, and difficulty known before the first sample."""

from collections.abc import Mapping
from typing import Any, Literal

from tts_lib.estimators.intervals import Interval
from tts_lib.report.claims.contrast import Budget, Contrast, generations
from tts_lib.report.claims.findings import Demand, Finding, from_interval, points
from tts_lib.report.claims.strategies import nearest
from tts_lib.report.results import Results

Over = Literal["gain", "over_half_oracle"]


class Stopping(Contrast):
    """Accuracy of a stopping rule less that of a uniform budget as large in the mean, or less half of what is possible.

    The budget is the mean that the rule was set for on validation questions.
    """

    kind: Literal["stopping"]
    vote: Literal["majority", "weighted"]
    policy: str
    over: Over = "gain"

    def find(self, results: Results, budget: Budget, demand: Demand) -> Finding:
        if self.policy == "table":
            results.check_bins("predicted")
        frame = results.rows("stopping/targets", vote=self.vote, policy=self.policy)
        row = nearest(frame, "target", generations(budget))
        value = _interval(row, self.over)
        others = [f"{points(r[self.over])} at {r['target']}" for r in frame.to_dict("records") if r is not row]
        note = "by mean budget set for: " + ", ".join(others)
        at = f"mean budget {row['mean_budget']:.1f}, set for {row['target']}"
        return from_interval(value, results.n_questions, at, demand, note)


class Risk(Contrast):
    """How often stopping early loses a right answer, less the share that risk control promises at most."""

    kind: Literal["risk"]
    vote: Literal["majority", "weighted"]
    policy: str
    risk: float

    def find(self, results: Results, budget: Budget, demand: Demand) -> Finding:
        frame = results.rows("stopping/risk", vote=self.vote, policy=self.policy)
        (row,) = frame.loc[frame["risk"] == self.risk].to_dict("records")
        value = _interval(row, "realised", less=self.risk)
        note = f"{row['realised']:.1%} lost; {row['realised_in_splits']:.1%} over random splits of the test questions"
        found = from_interval(value, results.n_questions, f"mean budget {row['mean_budget']:.1f}", demand, note)
        if row["mean_budget"] >= results.difficulty["n_samples"].min():
            return found.withheld("nothing is stopped before all samples are drawn")
        return found


class Predicts(Contrast):
    """Rank correlation of a predictor with pass@1, less that of another; the budget is the questions learned from."""

    kind: Literal["predicts"]
    a: str
    b: str

    def find(self, results: Results, budget: Budget, demand: Demand) -> Finding:
        row = nearest(results.rows("predictors/differences", a=self.a, b=self.b), "n_questions", generations(budget))
        value = Interval(row["difference"], row["low"], row["high"], 0.95)
        note = f"{row['of_a']:.2f} and {row['of_b']:.2f}"
        at = f"{row['n_questions']} questions to learn from"
        return from_interval(value, results.n_questions, at, demand, note, unit="correlation")


class Zero(Contrast):
    """The choice by a difficulty that takes no sample, less something of equal total cost."""

    kind: Literal["zero"]
    over: Literal["gain_fixed", "over_half_oracle", "over_probe"]

    def find(self, results: Results, budget: Budget, demand: Demand) -> Finding:
        results.check_bins("oracle")
        of_set = {"strategy_set": results.strategy_set}
        frame = results.rows("compute_optimal/zero", predictor="zero", **of_set)
        row = nearest(frame.loc[frame[self.over].notna()], "budget", generations(budget))
        at = f"{row['charged_budget']:.1f} generations in all"
        found = from_interval(_interval(row, self.over), results.n_questions, at, demand)
        if self.over == "over_half_oracle":
            at_oracle = {"predictor": "oracle", "budget": row["budget"]} | of_set
            (oracle,) = results.rows("compute_optimal/zero", **at_oracle).to_dict("records")
            if oracle["gain_fixed_low"] <= 0:
                return found.withheld("oracle bins themselves gain nothing for sure here")
        return found


def _interval(row: Mapping[Any, Any], name: str, less: float = 0.0) -> Interval:
    return Interval(row[name] - less, row[f"{name}_low"] - less, row[f"{name}_high"] - less, 0.95)
