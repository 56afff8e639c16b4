"""The claims on a choice, over sets of questions: the supplement `question_sets` and how it is run.

The study has one set of test questions, and an interval over questions must hold the choice that is made anew in each
resample, so that it is wide. Here as many questions are drawn several times, every strategy answers them, and the whole
analysis is made anew on each set: what it finds are independent figures of equal distribution, whose mean has
Student's interval. It is for other questions and the same models.
"""

from collections.abc import Mapping
from contextlib import ExitStack, chdir
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from pydantic import Field
from scipy import stats

from tts_lib.answers import pools
from tts_lib.answers.expected import Expected
from tts_lib.common import paths, tables
from tts_lib.common.errors import StudyError
from tts_lib.common.strategy import GREEDY, MAJORITY, WEIGHTED
from tts_lib.estimators.intervals import in_words
from tts_lib.questions.nano.tables import Recipe
from tts_lib.report.claims.findings import Demand, Finding
from tts_lib.report.claims.registered import Claim, registered
from tts_lib.report.claims.strategies import Gain
from tts_lib.report.figures.figure import Drawing
from tts_lib.report.measured import results_of
from tts_lib.report.results import NotMeasured, Results
from tts_lib.report.supplements.declared import Collected, Supplement, tally
from tts_lib.report.supplements.drawn import draw_each
from tts_lib.report.supplements.question_sets.answering import Answering, attempts_of, gains, searches
from tts_lib.revisions import chains
from tts_lib.strategies import experiment
from tts_lib.strategies.experiment import Experiment
from tts_lib.study.asking import Asking
from tts_lib.study.config import loading
from tts_lib.study.config.study import PAPER, Study
from tts_lib.study.effort import Effort, Foreseen
from tts_lib.verifiers import scoring

OWN = "study"
QUOTED = {"greedy": GREEDY, "majority": MAJORITY, "best-of-N weighted": WEIGHTED}


class QuestionSets(Supplement):
    """Further sets of as many questions as the study's test, from its world; nothing is trained."""

    kind: Literal["question_sets"]
    sets: Annotated[int, Field(ge=3, le=1000, description="of questions, each of as many as the study tests")]
    budget: Annotated[int, Field(ge=2, le=4096, description="generations a question, at which claims are judged")]

    def efforts(self, study: Study, foreseen: Foreseen) -> list[Effort]:
        """The pools, every search and the chains, of each set."""
        question, n = foreseen.question("test"), self.sets * foreseen.n("test")
        pool = study.generate["base-test"]
        n_samples = pool.n_samples + (len(pool.beside.temperatures) * pool.beside.n_samples if pool.beside else 0)
        drawn = pools.expected(n_samples + 1, question) + scoring.expected(n_samples, question, shared=True)
        assert study.search
        runs = study.search.runs(self.budget)
        shapes = (study.options[name].shape(self.budget) for name in searches(study, self.budget))
        searched = (shape.expected(question) * runs for shape in shapes)
        found = [
            Effort("pools, read by the PRM", asked=drawn * n),
            Effort("searches", asked=sum(searched, Expected()) * n),
        ]
        if method := attempts_of(study):
            lengths = chains.chain_lengths(study.pairings[PAPER].attempts)
            read = scoring.expected(sum(lengths), question, shared=False)
            revised = chains.expected(lengths, method.max_history, question) + read
            found.append(Effort("chains of revisions, read by their verifier", asked=revised * n))
        return found

    def collect(self, root: Path, studies: Mapping[str, Path]) -> Collected:
        own = results_of(root)
        with chdir(root), ExitStack() as stack:
            study = loading.load()
            if not study.problems:
                raise StudyError("question_sets needs a study of the nano world, from which more questions are drawn")
            if self.budget not in study.grid.search_budgets:
                raise StudyError(f"budget is {self.budget}, at which the study did not search (grid.search_budgets)")
            recipe, n = Recipe.load(paths.RECIPE), own.n_questions
            drawn = {name: recipe.further(name, n) for name in (f"set_{i}" for i in range(1, self.sets + 1))}
            answering = Answering.of(Asking.open(study, stack), stack, self.budget, list(drawn.values()))
            known = self._known(study)
            test, learned = (tables.read_table(paths.problems(split)) for split in ("test", "train"))
            learned = set(learned["problem"].tolist())
            found, described = dict[str, Results](), [described_as(OWN, known, test, learned)]
            for name, table in drawn.items():
                print(f"Set {len(found) + 1} of {self.sets}, {n:,} questions.", flush=True)
                one = answering.experiment(table, known, name)
                found[name] = results(one, study, name)
                described.append(described_as(name, one, table, learned))
        return self._told(own, found, pd.DataFrame(described))

    def _known(self, study: Study) -> Experiment:
        """The study's own experiment at the budget."""
        options = {name: study.options[name].model_dump(mode="json") for name in searches(study, self.budget)}
        revised = bool(study.pairings)
        return experiment.load(list(options), options, study.difficulty.n_bins, (), revised, only_at=[self.budget])

    def _told(self, own: Results, found: Mapping[str, Results], described: pd.DataFrame) -> Collected:
        rows, each, left_out = [], [], {}
        for claim in (claim for claim in registered().claims if isinstance(claim.contrast, Gain)):
            if claim.budget != self.budget:
                left_out[claim.number] = f"judged at another budget than {self.budget}"
                continue
            try:
                findings = {name: claim.find(results) for name, results in {OWN: own, **found}.items()}
            except NotMeasured as reason:
                left_out[claim.number] = str(reason)
                continue
            rows.append(over_sets(claim, findings))
            ends = ("estimate", "low", "high")
            each += [
                {"number": claim.number, "set": name, **{end: getattr(one, end) for end in ends}}
                for name, one in findings.items()
            ]
        claims, sets = pd.DataFrame(rows), pd.DataFrame(each)
        wider = (claims["reach"] / (1.96 * claims["spread"])).median()
        lead = (
            f"{len(found)} more sets of {own.n_questions:,} questions, drawn as the study's test questions were, asked "
            "of the same models: every strategy answers them, and difficulty, bins, choice and best fixed strategy are "
            "made anew on each. Some of their problems were learned from, as the table says. "
            f"{tally(claims['verdict'])} Intervals are Student's over the sets, for other questions and these models. "
            f"Those that single sets give reach {wider:.1f} times as far, in the median of the claims, as 1.96 "
            "standard deviations between sets."
        )
        return Collected(
            title=f"{len(found)} more sets of questions",
            lead=lead,
            tables={"claims": claims, "sets": sets, "questions": described},
            figures=[figure(claims, sets)],
            claims={
                row["number"]: {"text": row["text"], "verdict": row["verdict"], "by": f"{len(found)} sets of questions"}
                for row in rows
            },
            left_out=left_out,
            facts={"sets": len(found), "budget": self.budget},
        )


def results(found: Experiment, study: Study, name: str) -> Results:
    """The questions of a set as claims on gains are judged on them."""
    analysed = {"compute_optimal/gains": gains(found, study, name)}
    difficulty = found.questions.set_index("question_id")
    return Results({}, {}, difficulty, analysed, {}, study.seed, study.compute_optimal.n_bootstrap)


def over_sets(claim: Claim, findings: Mapping[str, Finding]) -> dict[str, Any]:
    """A claim over the sets; the study's own finding stands beside it and is not in the mean.

    `spread` is the standard deviation between sets, `reach` half the width of the sets' own intervals, in the mean.
    """
    own, sets = findings[OWN], [one for name, one in findings.items() if name != OWN]
    estimates = np.array([one.estimate for one in sets])
    low, high = stats.ttest_1samp(estimates, 0).confidence_interval(0.95)
    judged = Demand(claim.direction, claim.margin).judge(low, high)
    mean, low, high = float(estimates.mean()), float(low), float(high)
    text = in_words(100 * mean, 100 * low, 100 * high, "+.2f", " points").replace("-", "−")
    return {
        **{"number": claim.number, "claim": claim.claim, "contrast": own.at},
        **{"mean": mean, "low": low, "high": high, "spread": float(estimates.std(ddof=1))},
        "reach": float(np.mean([(one.high - one.low) / 2 for one in sets])),
        **{
            "text": f"over {len(sets)} sets of questions {text}",
            "verdict": judged.verdict,
            "of the study": own.text,
            "its verdict": own.judged.verdict,
        },
    }


def described_as(name: str, found: Experiment, table: pd.DataFrame, learned_from: set[str]) -> dict[str, Any]:
    """A set in figures: how hard it is, what simple strategies attain, how many of its problems were learned from."""
    attained = {
        what: float(found.test.accuracy[found.test.strategies.index(one), 0].mean())
        for what, one in QUOTED.items()
        if one in found.test.strategies
    }
    mean = {"pass@1": float(found.questions["oracle"].to_numpy(np.float64).mean())}
    return (
        {"set": name, "questions": len(table)}
        | mean
        | attained
        | {"learned_from": float(table["problem"].isin(list(learned_from)).to_numpy().mean())}
    )


def figure(claims: pd.DataFrame, sets: pd.DataFrame) -> Drawing:
    """Each set, and the interval over them; the study's own questions beside them."""
    kept = claims[["number", "mean", "low", "high"]]
    data = kept.merge(sets[["number", "set", "estimate"]], "left", "number")
    caption = (
        "Does a choice lose or gain on other questions? Dots: one set of questions each, filled the study's own. Bars: "
        "95% for other questions."
    )
    return Drawing("claims", "Claims on a choice, set by set", caption, data, draw)


def draw(data: pd.DataFrame, ax: Axes) -> None:
    """A dot a set, a bar over all but the study's."""
    draw_each(data, ax, "set", OWN)
