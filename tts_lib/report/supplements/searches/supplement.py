"""The supplement `searches` as its profile declares it, and how it is run."""

from collections.abc import Mapping
from contextlib import ExitStack, chdir
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal

import pandas as pd
from pydantic import Field, model_validator

from tts_lib.answers.expected import Expected
from tts_lib.common.budgets import doublings
from tts_lib.common.errors import StudyError, listed
from tts_lib.common.rng import generator
from tts_lib.estimators import intervals
from tts_lib.report.figures.figure import Drawing
from tts_lib.report.supplements.declared import Collected, Supplement, tally
from tts_lib.report.supplements.searches.ladder import (
    BEST_OF_N,
    EXACT,
    PRM,
    SHUFFLED,
    Ladder,
    Place,
    Registered,
    draw,
    rung,
)
from tts_lib.report.supplements.searches.world import Attained, World
from tts_lib.search.methods import Method, reachable
from tts_lib.study.asking import Asking
from tts_lib.study.config import loading
from tts_lib.study.config.study import Study
from tts_lib.study.effort import Effort, Foreseen
from tts_lib.verifiers import rollouts, scoring

CHOOSERS = {PRM: (PRM, EXACT), EXACT: (EXACT, PRM), SHUFFLED: (SHUFFLED, PRM)}  # who chooses what a rung has guided to
RESAMPLES = 2000


class Searches(Supplement):
    """Searches in the study itself; no other study is run."""

    kind: Literal["searches"]
    searches: Annotated[dict[str, Method], Field(min_length=1)]
    budgets: Annotated[list[Annotated[int, Field(ge=2, le=4096)]], Field(min_length=1, description="generations")]
    replicates: Annotated[int, Field(ge=1, le=1000, description="runs a question, up to replicated_budget")]
    replicated_budget: Annotated[int, Field(ge=0, le=65_536, description="generations; above it, one run")]
    sigmas: Annotated[list[Annotated[float, Field(gt=0, le=100)]], Field(min_length=1, description="noise, in logits")]
    rollouts: Annotated[int, Field(ge=2, le=1024, description="a prefix")]
    prefixes: Annotated[int, Field(ge=2, le=1024, description="samples a question whose prefixes are told apart")]
    n_val: Annotated[int, Field(ge=10, description="questions to calibrate on, the first")]
    n_test: Annotated[int, Field(ge=30, description="questions to measure on, the first")]
    claims: Annotated[list[Registered], Field(min_length=1)]

    @model_validator(mode="after")
    def _fits(self) -> "Searches":
        for name, method in self.searches.items():
            if short := [n for n in self.budgets if n not in reachable(method, self.budgets)]:
                raise ValueError(f"{name} needs {method.least} generations at least, but budgets hold {short[0]}")
        for claim in self.claims:
            for name in (*claim.searches, *([] if claim.over == BEST_OF_N else [claim.over])):
                if name not in self.searches:
                    raise ValueError(f"claims name {name!r}, but must name one of {listed(name, self.searches)}")
            if missing := [n for n in claim.budgets if n not in self.budgets]:
                raise ValueError(f"claims are on {missing[0]} generations, which budgets do not hold")
            if claim.equal == "flops" and claim.over != BEST_OF_N:
                raise ValueError(f"claims: over {claim.over} equal must be generations; flops are for {BEST_OF_N}")
            if claim.chosen not in CHOOSERS[claim.guided]:
                raise ValueError(f"claims: nothing that is guided by {claim.guided} is chosen by {claim.chosen}")
        return self

    def efforts(self, study: Study, foreseen: Foreseen) -> list[Effort]:
        """Searches guided by the PRM, its scores as they are and shuffled; and by rollouts, from every step of every
        generation, perfect and misjudged.
        """
        question, n_test = foreseen.question("test"), foreseen.n("test", self.n_test)
        told_apart = self.prefixes * (foreseen.n("val", self.n_val) + n_test)
        shapes = [
            (method.shape(n), self.replicates if n <= self.replicated_budget else 1)
            for method in self.searches.values()
            for n in self.budgets
        ]
        asked = sum((shape.expected(question) * (runs * n_test) for shape, runs in shapes), Expected())
        n_generations = sum(shape.generations * runs for shape, runs in shapes) * n_test
        n_rungs = 1 + len(self.sigmas)
        n_solutions = n_rungs * n_generations + told_apart
        rolled = foreseen.rolled_out(rollouts.expected(1, self.rollouts, question) * n_solutions, n_solutions)
        pool = scoring.expected(study.generate["base-test"].n_samples, question, shared=True) * n_test
        return [
            Effort("pools, read by the PRM, also shuffled", asked=pool * 2),
            Effort("searches guided by the PRM, also shuffled", asked=asked * 2),
            Effort("searches guided by rollouts", asked=replace(asked, verified=0.0) * n_rungs),
            Effort("rollouts", asked=rolled),
        ]

    def collect(self, root: Path, studies: Mapping[str, Path]) -> Collected:
        with chdir(root), ExitStack() as stack:
            study = loading.load()
            known = doublings(study.generate["base-test"].n_samples)
            if unknown := [n for n in self.budgets if n not in known]:
                raise StudyError(f"budgets hold {unknown[0]}, but must be of those the study's pool holds, {known}")
            world = World.of(Asking.open(study, stack), stack, self.n_val, self.n_test)
            return self._told(self._measured(world))

    def _measured(self, world: World) -> Ladder:
        exact = {"val": world.exact(world.val, self.rollouts), "test": world.exact(world.test, self.rollouts)}
        rungs: dict[str, Any] = {SHUFFLED: world.shuffled(), PRM: world.prm}
        noisy = {rung(sigma): world.misjudged(sigma, exact, self.prefixes) for sigma in self.sigmas}
        rungs |= {**noisy, EXACT: exact["test"]}
        pooled = {name: world.pooled(verifier) for name, verifier in rungs.items()}
        told_apart = {name: world.auc_of_prefixes(verifier, self.prefixes) for name, verifier in rungs.items()}
        attained: dict[Place, Attained] = {}
        for guided, verifier in rungs.items():
            for name, method in self.searches.items():
                for n in self.budgets:
                    runs, spent = self.replicates if n <= self.replicated_budget else 1, exact["test"].spent
                    found, costs = world.searched(name, method, verifier, n, runs)
                    spent = exact["test"].spent - spent
                    ended = found.assign(tokens=found["tokens"].where(found["finished"], None))
                    for chosen in CHOOSERS.get(guided, (guided,)):
                        own = chosen == guided
                        scores = found["score"].to_numpy() if own else world.whole(rungs[chosen], ended)
                        attained[guided, chosen, name, n] = world.attained(found, costs, scores, spent)
        weights = intervals.bootstrap_weights(
            len(world.test.prompts), RESAMPLES, generator(world.study.seed, "searches", "bootstrap")
        )
        return Ladder((*noisy, EXACT), pooled, told_apart, attained, weights)

    def _told(self, ladder: Ladder) -> Collected:
        rows = [row for claim in self.claims for row in ladder.judged(claim)]
        crossings = ladder.crossings(list(self.searches), self.budgets)
        prm = crossings["auc_of_prm"].iloc[0]
        lead = (
            f"Searches of at most {self.n_test} test questions, guided and chosen by verifiers of known quality. Exact "
            "values come from the right answers and cost their rollouts: they are a yardstick and no result. The "
            f"trained PRM's AUC is {prm:.3f}. {tally(row['verdict'] for row in rows)}"
        )
        caption = (
            "Above 0 a search is worth its FLOPs; where its line crosses, how good a verifier that takes. Over "
            "best-of-N weighted by the same verifier, at equal FLOPs, the verifier's included, each as dear as the "
            "PRM. Lines: calibrated misjudgements up to perfect values. Stars: the trained PRM. Hollow: its scores "
            "shuffled among siblings. Bars: 95% over questions."
        )
        figures = [
            Drawing(f"gain_{n}", f"From which verifier on a search of {n} pays", caption, ladder.drawn(n), draw)
            for n in self.budgets
        ]
        return Collected(
            title="The verifier ladder",
            lead=lead,
            tables={
                "rungs": ladder.rungs(),
                "crossings": crossings,
                "order": ladder.order(),
                "claims": pd.DataFrame(rows),
                "gains": ladder.gains(),
            },
            figures=figures,
        )
