"""Putting it back: a model learns from its own samples, chosen by a teacher, round after round.

Every round starts from the base. What it attains is measured on test questions, at each budget, against the base with
more samples: pass@1 that is gained, coverage that is lost, and how many samples of the base a sample is worth.
"""

from collections.abc import Mapping
from contextlib import ExitStack, chdir
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import pandas as pd
from pydantic import Field, model_validator

from tts_lib.answers import pools
from tts_lib.common import paths, rng
from tts_lib.common.budgets import doublings
from tts_lib.common.errors import StudyError
from tts_lib.estimators import intervals
from tts_lib.report.claims.findings import Demand, Finding, from_interval, from_ratio
from tts_lib.report.supplements import own_prm
from tts_lib.report.supplements.declared import PROFILES, Collected, RegisteredClaim, Supplement, tally
from tts_lib.report.supplements.improve import telling
from tts_lib.report.supplements.improve.contrasts import (
    RETRAINED,
    START,
    Measured,
    amortised,
    differences,
    gold_gain,
)
from tts_lib.report.supplements.improve.loop import LARGE, Loop, learner, rates
from tts_lib.report.supplements.pools import Pools
from tts_lib.strategies.model_sizes import model_sizes
from tts_lib.study.asking import Asking
from tts_lib.study.config import loading
from tts_lib.study.config.revisions import TrainedRevisions
from tts_lib.study.config.study import Study
from tts_lib.study.effort import Effort, Foreseen
from tts_lib.training.teachers import TEACHERS
from tts_lib.verifiers import scoring

Contrast = Literal[
    "verifier_gain",
    "half_of_gold",
    "coverage",
    "last_round",
    "gap",
    "amortised",
    "retrained_minus_start",
    "majority_minus_verifier",
    "all_minus_verifier",
    "tokens_minus_verifier",
]


class Registered(RegisteredClaim):
    """A claim on one of the contrasts; the margin of `amortised` is a share of samples."""

    contrast: Contrast

    @property
    def demand(self) -> Demand:
        return Demand(self.direction, self.margin, 1.0 if self.contrast == "amortised" else 0.0)


class Improve(Supplement):
    """Rounds of teaching in the study itself; no other study is run."""

    kind: Literal["improve"]
    rounds: Annotated[int, Field(ge=2, le=10, description="of each teacher")]
    samples: Annotated[int, Field(ge=1, le=4096, description="of a training question a round")]
    texts: Annotated[int, Field(ge=1, le=4096, description="of a training question that are learned from, at most")]
    n_test: Annotated[int, Field(ge=30, le=1_000_000, description="questions to measure on, the first")]
    pool: Annotated[int, Field(ge=2, le=4096, description="samples of each of them, a power of two")]
    at: Annotated[int, Field(ge=2, le=4096, description="samples at which gap and diversity are read")]
    claims: Annotated[list[Registered], Field(min_length=1)]

    @model_validator(mode="after")
    def _budgets_fit(self) -> "Improve":
        for name in ("pool", "at"):
            if (n := getattr(self, name)) & (n - 1):
                raise ValueError(f"{name} is {n}, which is not a power of two")
        if self.at > self.pool:
            raise ValueError(f"at is {self.at}, but must be at most pool, which is {self.pool}")
        return self

    def efforts(self, study: Study, foreseen: Foreseen) -> list[Effort]:
        """Rounds of all teachers, the controls that the study can have, and everyone's samples of the test questions.

        As many texts are counted for each training question as are learned from at most.
        """
        recipe, train, test = rates(study), foreseen.question("train"), foreseen.question("test")
        whole = isinstance(recipe, TrainedRevisions)
        epochs, shards = (recipe.epochs, recipe.shards) if whole else (recipe.tuning.epochs, 1)
        n_train, n_test = foreseen.n("train"), foreseen.n("test", self.n_test)
        has_large = LARGE in {**study.models, **study.taken}
        n_models = len(TEACHERS) * self.rounds + 1 + has_large + bool(study.corpus)
        texts = n_models * n_train * self.texts * (1 - recipe.validation_share)
        drawn, read = pools.expected(self.samples, train), scoring.expected(self.samples, train, shared=True)
        answered = pools.expected(self.pool, test) + scoring.expected(self.pool, test, shared=True)
        found = [Effort("samples of the rounds", asked=drawn * (len(TEACHERS) * (self.rounds - 1) * n_train))]
        if has_large:
            large = pools.expected(self.samples, foreseen.question("train", LARGE))
            found.append(Effort("samples of the large model", LARGE, large * n_train))
        found += [
            Effort("scores for the verifier's choice", asked=read * (self.rounds * n_train)),
            Effort("lessons", learned=epochs * texts * train.pair, n_models=n_models * whole, processes=shards),
            Effort("samples of the test questions, read", asked=answered * (n_models * n_test)),
        ]
        return found + self._retraining(study, foreseen)

    def _retraining(self, study: Study, foreseen: Foreseen) -> list[Effort]:
        """Of a PRM on the last round, which reads that and the base; none where the study's own existed already."""
        prm = None if study.verifier is None else study.verifier.learner
        if prm is None:
            return []
        found = own_prm.effort("the retrained PRM", prm, foreseen, "base")
        n_read = 2 * foreseen.n("test", self.n_test)
        read = scoring.expected(self.pool, foreseen.question("test"), shared=True) * n_read
        return [replace(found, asked=found.asked + read)]

    def collect(self, root: Path, studies: Mapping[str, Path]) -> Collected:
        with chdir(root), ExitStack() as stack:
            study = loading.load()
            learns = learner(study)
            self._must_reach(study)
            asked, sizes = Pools.of(Asking.open(study, stack), self.n_test), model_sizes()
            loop = Loop(asked, learns, sizes, self.rounds, self.samples, self.texts)
            models = loop.models()
            (last,) = (model for model in models if (model.teacher, model.number) == ("verifier", self.rounds))
            readers, making = {START: paths.verifier("prm")}, 0.0
            if (retrained := loop.retrained(last)) is not None:
                readers[RETRAINED], making = retrained
            start, measured = {START: readers[START]}, []
            for model in models:
                read_by = readers if model in (models[0], last) else start
                measured.append((model, loop.measured(model, read_by, self.pool, self.at)))
            whole = doublings(study.generate["base-test"].n_samples)[-1]
            base = loop.measured(models[0], start, whole, self.at)
            draws = rng.generator("bootstrap", study.seed, "improve")
            weights = intervals.bootstrap_weights(len(asked.test), study.compute_optimal.n_bootstrap, draws)
        return self.told(Measured(measured, base, sizes, self.rounds, self.at, weights, making))

    def _must_reach(self, study: Study) -> None:
        """Refuse pools that are smaller than what is asked for."""
        for name, pool, n in (("samples", "base-train", self.samples), ("pool", "base-test", self.pool)):
            if (there := study.generate[pool].n_samples) < n:
                limit = f"{there}, generate.{pool}.n_samples"
                raise StudyError(f"{PROFILES / self.kind}.yaml: {name} is {n}, but must be at most {limit}")

    def told(self, found: Measured) -> Collected:
        """What the report shows of it."""
        judged = {claim.claim: self._judged(claim, found) for claim in self.claims}
        rounds, curves, worth = telling.rounds_table(found), telling.curves_table(found), amortised(found)
        rows = [{"claim": claim.claim} | _row(judged[claim.claim]) | claim.stated for claim in self.claims]
        lead = (
            f"{self.rounds} rounds of each teacher, {self.samples} samples of a training question a round, each round "
            f"from the base; {len(found.start.prompt):,} test questions, {self.pool} samples each. One training of "
            f"each model: what is found holds for these. {tally(str(row['verdict']) for row in rows)}"
        )
        return Collected(
            title="Putting it back: learning from one's own samples",
            lead=lead,
            tables={"rounds": rounds, "claims": pd.DataFrame(rows), "amortisation": worth, "curves": curves},
            figures=telling.figures(found, rounds, curves, worth),
            facts={"flops_of_the_retrained_prm": found.making},
        )

    def _judged(self, claim: Registered, found: Measured) -> Finding | None:
        """None where the study has not what the claim is on."""
        last = found.last("verifier")
        if claim.contrast == "amortised":
            if RETRAINED not in last.weighted:
                return None
            worth = found.worth(last, RETRAINED, last.budgets[-1])
            bounds = (worth.bound, worth.low_bound, worth.high_bound)
            return from_ratio(worth.estimate, worth.low, worth.high, bounds, f"N = {last.budgets[-1]}", claim.demand)
        if (difference := differences(found).get(claim.contrast)) is None:
            return None
        if claim.contrast == "half_of_gold" and intervals.difference_interval(gold_gain(found)).low <= 0:
            return None  # half of a gain that is not there is no promise
        interval = intervals.difference_interval(difference)
        return from_interval(interval, len(difference), claim.contrast, claim.demand)


def _row(finding: Finding | None) -> dict[str, Any]:
    if finding is None:
        nothing = dict.fromkeys(("estimate", "low", "high"), np.nan)
        return nothing | {"unit": "", "text": "not measured", "verdict": "not testable"}
    values = {name: getattr(finding, name) for name in ("estimate", "low", "high", "unit")}
    return values | {"text": finding.text, "verdict": finding.judged.verdict}
