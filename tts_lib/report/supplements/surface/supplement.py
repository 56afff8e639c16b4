"""What a parameter is worth in samples: models of several sizes, on several numbers of tokens, sampled alike.

All sample at the temperature of the study, and N = 1 is the greedy answer. The weighted vote is by the base's PRM for
all sizes: for the others it judges solutions that it was not trained on (off-policy), beside which some sizes are also
read by a PRM of their own. Intervals of ε and M* are over questions and,
for sizes trained more than once, over seeds; those of what a total buys are over questions.
"""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack, chdir
from dataclasses import asdict
from functools import partial
from itertools import product
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import pandas as pd
from pydantic import Field

from tts_lib.answers import pools
from tts_lib.common import paths, rng, tables
from tts_lib.common.budgets import doublings
from tts_lib.common.errors import StudyError, listed
from tts_lib.common.strategy import COMPUTE_OPTIMAL
from tts_lib.plots import surface as drawn
from tts_lib.report.claims.registered import registered
from tts_lib.report.claims.strategies import AgainstLarge
from tts_lib.report.figures.figure import Drawing
from tts_lib.report.results import NotMeasured
from tts_lib.report.supplements import own_prm
from tts_lib.report.supplements.declared import Collected, RegisteredClaim, Supplement, tally
from tts_lib.report.supplements.surface import contrasts, forecasts
from tts_lib.report.supplements.surface.models import BASE, LARGE, Measured, Measuring, own_prms, trained
from tts_lib.strategies.bins import Bins, numbered
from tts_lib.strategies.exchange import spending
from tts_lib.strategies.exchange.sized import MAJORITY, WEIGHTED, Prices
from tts_lib.strategies.exchange.surface import Surface
from tts_lib.strategies.model_sizes import making, model_sizes
from tts_lib.study.asking import Asking
from tts_lib.study.config import loading
from tts_lib.study.config.nano import Shape
from tts_lib.study.config.study import Study
from tts_lib.study.effort import Effort, Foreseen
from tts_lib.verifiers import scoring

LEVELS = tuple(np.round(np.arange(0.05, 1.0, 0.05), 2).tolist())  # of accuracy, at which ε is looked at
FIGURE_9 = "accuracy_by_budget_flops_matched"  # of the report


class Registered(RegisteredClaim):
    """A claim on one of the contrasts; the margin of some is in doublings."""

    contrast: Literal[
        "coverage_rate",
        "weighted_rate",
        "few_questions",
        "many_questions",
        "own_prm",
        "majority_reaches",
        "break_even",
        "break_even_falls",
        "forecast",
    ]
    margin: Annotated[float, Field(ge=0, lt=10)]


class ExchangeSurface(Supplement):
    """Models beside the study's own, trained and sampled in the study itself; no other study is run."""

    kind: Literal["surface"]
    sizes: Annotated[dict[str, Shape], Field(description="beside the study's own base and large model")]
    ladder: Annotated[list[str], Field(description="sizes of the study's ladder")]
    corpus_shares: Annotated[
        list[Annotated[float, Field(gt=0, le=1)]], Field(min_length=1, description="ascending, the last 1")
    ]
    seeds: Annotated[
        dict[str, list[Annotated[int, Field(ge=0, lt=2**63)]]],
        Field(description="size -> of more trainings on the whole corpus"),
    ]
    own_prm: Annotated[list[str], Field(description="sizes that also have a PRM of their own solutions")]
    n_samples: Annotated[int, Field(ge=2, le=4096, description="a question and model; a power of two")]
    n_questions: Annotated[int, Field(ge=20, description="of test, the first")]
    questions_asked: Annotated[
        list[Annotated[int, Field(ge=1)]], Field(min_length=2, description="in a model's life; ascending")
    ]
    claims: Annotated[list[Registered], Field(min_length=1)]

    def studies(self, seed: int) -> dict[str, dict[str, Any]]:
        if twice := [name for name, seeds in self.seeds.items() if seed in seeds or len(set(seeds)) < len(seeds)]:
            raise StudyError(f"seeds.{twice[0]} holds a seed twice, or {seed}, which is the study's own")
        if self.corpus_shares != sorted(set(self.corpus_shares)) or self.corpus_shares[-1] != 1:
            raise StudyError(f"corpus_shares is {self.corpus_shares}, but must ascend and end with 1")
        if self.questions_asked != sorted(set(self.questions_asked)):
            raise StudyError(f"questions_asked is {self.questions_asked}, but must ascend")
        if self.n_samples & (self.n_samples - 1):
            raise StudyError(f"n_samples is {self.n_samples}, but must be a power of two")
        return {}

    def settings(self, parent: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
        if {BASE, LARGE} - set(parent.get("models") or {}):
            raise StudyError("a surface needs a study that trains its models: base and large")
        known = [*(parent.get("ladder") or {})]
        if absent := [name for name in self.ladder if name not in known]:
            raise StudyError(f"ladder names {absent[0]!r}, but the study's ladder has {listed(absent[0], known)}")
        names = [BASE, *self.sizes, *self.ladder]
        if twice := [name for name in [*self.sizes] if name in (BASE, LARGE, *self.ladder)]:
            raise StudyError(f"sizes names {twice[0]!r}, which is there already")
        if absent := [name for name in self.seeds if name not in names]:
            raise StudyError(f"seeds names {absent[0]!r}, but must name one of {listed(absent[0], names)}")
        if absent := [name for name in self.own_prm if name not in names[1:]]:
            raise StudyError(f"own_prm names {absent[0]!r}, but must name one of {listed(absent[0], names[1:])}")
        if self.own_prm and not (parent.get("verifier") or {}).get("trained"):
            raise StudyError("own_prm trains PRMs as the study trained its own, and it has none: set own_prm to []")
        return super().settings(parent)

    @property
    def budgets(self) -> list[int]:
        """1, 2, 4, ... samples."""
        return doublings(self.n_samples)

    def efforts(self, study: Study, foreseen: Foreseen) -> list[Effort]:
        """The trainings of each size, as if none went on from a shorter one; then samples and greedy answers of all of
        them, as long as the base's, and what the PRM reads of them.
        """
        assert study.corpus and study.pretrain
        question, n = foreseen.question("test"), foreseen.n("test", self.n_questions)
        each = pools.expected(self.n_samples, question) + pools.expected(1, question)
        each += scoring.expected(self.n_samples, question, shared=True)
        found, shards = [Effort("samples of the large model", LARGE, each * n)], study.pretrain.shards
        sizes = {BASE: study.models[BASE], **self.sizes, **{name: study.ladder[name] for name in self.ladder}}
        for name, shape in sizes.items():
            shares = self.corpus_shares[:-1] if name == BASE else self.corpus_shares  # the base itself is there
            seeds = self.seeds.get(name, [])
            learned, n_models = (sum(shares) + len(seeds)) * study.corpus.tokens, len(shares) + len(seeds)
            found.append(Effort(f"trainings of {name}", shape, learned=learned, n_models=n_models, processes=shards))
            found.append(Effort(f"samples of {name}", shape, each * (n * (n_models + (name == BASE)))))
        if study.verifier and (recipe := study.verifier.trained):
            found += [own_prm.effort(f"a PRM of {name}", recipe, foreseen, sizes[name]) for name in self.own_prm]
        return found

    def collect(self, root: Path, studies: Mapping[str, Path]) -> Collected:
        with chdir(root), ExitStack() as stack:
            study = loading.load()
            sizes = self.sizes | {name: study.ladder[name] for name in self.ladder}
            made = trained(study, sizes, self.corpus_shares, self.seeds)
            asking = Asking.open(study, stack)
            prms = own_prms(asking, made, self.own_prm)
            questions = asking.questions(asking.table("test", self.n_questions))
            measured = Measuring(asking, questions, self.n_samples, self.budgets).measured(made, prms)
            question_ids = questions.table["question_id"].tolist()
            prices = Prices(model_sizes().verifier, making(revised=False)["prm"])
            guess, groups = asking.guess_rate, _groups(study, question_ids)
        draws = partial(rng.generator, "surface", study.seed)
        surface = Surface.of(
            [one.sized for one in measured], self.budgets, study.compute_optimal.n_bootstrap, draws("bootstrap")
        )
        known = contrasts.Known(
            surface=surface,
            measured=measured,
            prices=prices,
            guess=guess,
            folds=draws("folds").permutation(len(question_ids)) % 2,
            questions_asked=(self.questions_asked[0], self.questions_asked[-1]),
            r_values=(min(study.flops_matched.r_values), max(study.flops_matched.r_values)),
            levels=LEVELS,
        )
        return self._told(study, known, groups)

    def _told(self, study: Study, known: contrasts.Known, groups: Mapping[str, np.ndarray]) -> Collected:
        surface, full = known.surface, known.surface.full
        rates, curves = (
            pd.concat([each(selector, LEVELS) for selector in full.selectors], ignore_index=True)
            for each in (full.rates, full.curves)
        )
        ways = product(surface.selectors, self.questions_asked)
        spent = [spending.cheapest(surface, selector, asked, known.prices, known.folds) for selector, asked in ways]
        even = contrasts.break_even_table(full, known.prices, study.flops_matched.r_values, groups)
        at_base = even.loc[(even["selector"] == WEIGHTED) & (even["base"] == BASE)]
        claims = self._judged(known)
        lead = (
            f"{len(surface.models)} models of {len(full.models)} sizes, {self.n_samples} samples a question, "
            f"{len(known.folds)} test questions. Best-of-N is weighted by the base's PRM for all sizes, which learned "
            "from the base's solutions alone. "
        )
        found = {"claims": claims, "break_even": even, "rates": rates, "curves": curves}
        if self.own_prm:
            found |= {"own_prm": contrasts.own_table(known), "own_rates": contrasts.own_rates(known)}
        each = trainings(known.measured)
        found |= {"cheapest": pd.concat(spent, ignore_index=True), "trainings": each}
        return Collected(
            title="What a parameter is worth in samples",
            lead=lead + tally(claims["verdict"]),
            tables=found | {"forecasts": forecasts.table(known.measured, self.budgets, known.guess)},
            figures=figures(known, rates, at_base, each),
            claims=_of_the_report(at_base, study),
            beside=FIGURE_9,
            facts={"prices": asdict(known.prices), "guess_rate": known.guess},
        )

    def _judged(self, known: contrasts.Known) -> pd.DataFrame:
        """A row a claim."""
        rows = []
        for one in self.claims:
            row: dict[str, Any] = {"claim": one.claim, "contrast": one.contrast}
            try:
                found = contrasts.CONTRASTS[one.contrast](known)
                verdict = one.demand.judge(found.low, found.high).verdict
                row |= {"estimate": found.estimate, "low": found.low, "high": found.high, "at": found.at}
                row |= {"text": found.text, "verdict": verdict}
            except NotMeasured as reason:
                row |= {"text": str(reason), "verdict": "not testable"}
            rows.append(row | one.stated)
        return pd.DataFrame(rows)


def figures(known: contrasts.Known, rates: pd.DataFrame, even: pd.DataFrame, each: pd.DataFrame) -> list[Drawing]:
    """The surface by verifier and by majority, the rates, the sizes at which both ways break even, the trainings."""
    many, full = known.questions_asked[1], known.surface.full
    found = [
        Drawing(
            f"surface_{selector}",
            f"Accuracy over parameters and samples, {words}",
            f"Along a white line FLOPs are equal: whether the colour brightens to the right says whether parameters or "
            f"samples are the better buy. Red: the cheapest way to each accuracy when {many:,} questions are asked. "
            "N = 1 is the greedy answer. Models that saw the whole corpus.",
            contrasts.grid_table(full, selector, many, known.prices, known.folds),
            drawn.contours,
        )
        for selector, words in ((WEIGHTED, "best-of-N weighted"), (MAJORITY, "majority"))
        if selector in full.selectors
    ]
    worth = (
        "A line that falls says that parameters are worth fewer samples the higher the accuracy. A doubling of "
        "parameters is worth 2^ε times the samples. Bands: 95% bootstrap over questions and seeds."
    )
    break_even = (
        "Up to M* times its parameters the base with best-of-N weighted is no worse at equal FLOPs, the verifier and "
        "its making counted. Triangles: beyond the largest model, or below the next larger one."
    )
    spread = (
        "Whether accuracy rises smoothly over size and tokens, or jumps, and how far dots of one size and line lie "
        "apart: they differ by the seed alone. A dot is one training."
    )
    return [
        *found,
        Drawing("rates", "What a doubling of parameters is worth in samples", worth, rates, drawn.rates),
        Drawing("break_even", "Where test-time compute and pretraining break even", break_even, even, drawn.break_even),
        Drawing("trainings", "What size, tokens and the seed of a training make", spread, each, drawn.trainings),
    ]


def trainings(measured: Sequence[Measured]) -> pd.DataFrame:
    """Each training on its own: what it attains, so that a jump from seed to seed or size to size is seen."""
    rows = []
    for one in measured:
        size = {"model": one.sized.name, "parameters": one.sized.n_params, "tokens": one.sized.n_tokens}
        for number, seed in enumerate(one.seeds):
            row = size | {"seed": seed, "greedy": float(one.greedy[number].mean())}
            last = {name: float(each[number, :, -1].mean()) for name, each in one.sized.accuracy.items()}
            rows.append(row | {"one_sample": float(one.right[number].mean()) / one.n_samples} | last)
    return pd.DataFrame(rows)


def _groups(study: Study, question_ids: list[str]) -> dict[str, np.ndarray]:
    """All questions, and the easy, medium and hard ones of the report."""
    table = tables.read_table(paths.difficulty("test"), ["question_id", "oracle_bin"]).set_index("question_id")
    bins = Bins("oracle", table.loc[question_ids, "oracle_bin"].to_numpy(int), numbered(study.difficulty.n_bins)).coarse
    found = {label: bins.of_problem == number for number, label in bins.labels.items()}
    return {"all": np.ones(len(question_ids), bool)} | {name: each for name, each in found.items() if each.sum() > 1}


def _of_the_report(even: pd.DataFrame, study: Study) -> dict[str, dict[str, str]]:
    """What M* adds to the claims on a comparison with the large model at one multiple."""
    values = study.flops_matched.r_values
    labels = dict(zip(("low", "one", "high"), values, strict=False)) if len(values) == 3 else {}
    found = {}
    for claim in registered().claims:
        if not isinstance(claim.contrast, AgainstLarge) or claim.contrast.r not in labels:
            continue
        if claim.contrast.choice.strategy.rule != COMPUTE_OPTIMAL:
            continue
        r = labels[claim.contrast.r]
        for words in even.loc[(even["r"] == r) & (even["group"] == claim.contrast.group), "text"]:
            found[claim.number] = {"text": f"break-even with best-of-N weighted at M* {words}, R = {r:g}"}
    return found
