"""A stopping policy as a file carries it: a fitted `Bellman` rule for the most samples that a question may have.

It is set by conformal risk control on questions that it was not fitted on: at most one question in 1 / `risk` loses, by
stopping early, a right answer that all samples would have given. What it comes to on test questions stands beside it.
"""

from functools import cached_property
from typing import Annotated, Literal

import numpy as np
from pydantic import Field, model_validator

from tts_lib.common.section import Section
from tts_lib.strategies.stopping.rules import Bellman, Cells
from tts_lib.strategies.stopping.walks import LEAST_VOTE

Share = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=1)]
Finite = Annotated[float, Field(allow_inf_nan=False)]


class Look(Section):
    """When so many samples are there: go on or stop, for each cell of what is seen."""

    n: Count
    share: tuple[Finite, ...]  # cuts of the leading answer's share of the votes, ascending
    score: tuple[Finite, ...]  # cuts of the samples' mean verifier score, ascending; none where the vote has no scores
    goes_on: tuple[tuple[bool, ...], ...]  # of each interval of `share`, for each interval of `score`; a cut is above

    @model_validator(mode="after")
    def _fits(self) -> "Look":
        for name, cuts in (("share", self.share), ("score", self.score)):
            if list(cuts) != sorted(cuts):
                raise ValueError(f"the cuts of {name} must ascend")
        if [len(row) for row in self.goes_on] != [len(self.score) + 1] * (len(self.share) + 1):
            raise ValueError(f"goes_on must have {len(self.share) + 1} rows of {len(self.score) + 1} entries")
        return self


class Policy(Section):
    """One rule, and what it comes to on test questions.

    Attributes:
        budget: samples at most.
        price: accuracy that a sample must be worth to go on.
        risk: chance, over questions, to lose a right answer by stopping early, that the price was set for.
        mean_budget_fit: samples in the mean, on the validation questions that the price was set on.
        mean_budget: the same on the test questions; `rounds` requests for samples, one after another.
        accuracy: where it stops, `accuracy_of_all` with all samples.
        gain: accuracy over the same number of samples for every question, as many as the policy spends in the mean.
    """

    vote: Literal["majority", "weighted"]
    budget: Count
    price: Finite
    risk: Share
    looks: Annotated[tuple[Look, ...], Field(min_length=1)]
    mean_budget_fit: Finite
    mean_budget: Finite
    rounds: Finite
    accuracy: Share
    accuracy_of_all: Share
    gain: Finite
    gain_low: Finite
    gain_high: Finite
    n_questions: Count

    @model_validator(mode="after")
    def _fits(self) -> "Policy":
        n = [look.n for look in self.looks]
        if n != sorted(set(n)) or n[-1] != self.budget or any(any(row) for row in self.looks[-1].goes_on):
            raise ValueError("looks must ascend to the budget, and stop there")
        return self

    @cached_property
    def rule(self) -> Bellman:
        cells = tuple(Cells(np.array(look.share), np.array(look.score), np.array([])) for look in self.looks)
        goes_on = tuple(np.array(look.goes_on, bool).ravel() for look in self.looks)
        return Bellman(self.price, tuple(look.n for look in self.looks), cells, goes_on)

    def wants(self, classes: np.ndarray, scores: np.ndarray) -> int:
        """Samples wanted in all when these are there, as many to stop.

        Args:
            classes: answer of each sample, -1 = none.
            scores: of each sample by the verifier; read by a weighted vote alone.
        """
        n, weighs = len(classes), self.vote == "weighted"
        if n in self.rule.n:
            scores = scores.astype(np.float64) if weighs else np.ones(n)
            voting = classes >= 0
            weights = np.maximum(scores[voting], LEAST_VOTE)
            total = np.cumsum(weights)[-1] if len(weights) else 0.0  # one after another, as a walk adds them up
            share = np.bincount(classes[voting], weights).max() / total if total else 0.0
            score = np.cumsum(scores)[-1] / n if weighs else 0.0
            if not self.rule.goes_on_at(n, np.array([share]), np.array([score]), np.zeros(1))[0]:
                return n
        return next((look for look in self.rule.n if look > n), n)
