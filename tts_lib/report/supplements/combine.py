"""Both mechanisms in one solution: where the next attempt begins and what it sees, and who is revised.

All cells are chains of the paper's revision model, located and chosen by the base's PRM: best-of-N weighted among all
attempts. The length of the chains is chosen for each cell on validation questions, at the largest budget, and the
table is measured on test questions. Contrasts are at equal FLOPs, the verifier's included: a cell stands where its
curve over its budgets has the cost of the cell of both mechanisms, by interpolation in log FLOPs.
"""

from collections.abc import Mapping
from contextlib import ExitStack, chdir
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import pandas as pd
from jaxtyping import Float
from matplotlib.axes import Axes
from pydantic import Field

from tts_lib.answers.cached_policy import CachedPolicy
from tts_lib.answers.protocols import Policy, Verifier
from tts_lib.answers.question_table import QuestionTable
from tts_lib.answers.store.store import Store
from tts_lib.common import paths, tables
from tts_lib.common.errors import StudyError
from tts_lib.engines.opening import open_policy, open_verifier
from tts_lib.engines.transformers.asked import Asked
from tts_lib.estimators.flops import Sizes
from tts_lib.estimators.intervals import difference_interval
from tts_lib.estimators.per_question import PerQuestion
from tts_lib.grading.judging import open_judge
from tts_lib.models import pointer
from tts_lib.models.tokenizer import TokenCodec
from tts_lib.models.vocabulary import Vocabulary
from tts_lib.questions import nano_steps, nano_tables
from tts_lib.report.claims.findings import points
from tts_lib.report.figures.figure import Drawing
from tts_lib.report.supplements.declared import Collected, RegisteredClaim, Supplement
from tts_lib.revisions import cells
from tts_lib.revisions.chains import Revisions
from tts_lib.revisions.restart import Restart, Truth, Where
from tts_lib.revisions.tree import Gain, ReviseTree, gain_curve
from tts_lib.strategies.curves import at_budget
from tts_lib.strategies.model_sizes import model_sizes
from tts_lib.study.config import loading
from tts_lib.study.config.study import PAPER, Study

Cell = tuple[Where, bool]
Contrast = Literal[
    "both_minus_parents", "interaction", "located_minus_random", "gain_minus_score", "score_minus_uniform"
]
PLACES: dict[Where, str] = {
    "start": "the beginning",
    "random": "a random step",
    "first_error": "the first bad step",
    "true_error": "the true first error",
}
BOTH: Cell = ("first_error", True)
PARENTS: tuple[Cell, ...] = (("start", True), ("first_error", False))  # revisions, backtracking
TREES = ("uniform", "score", "gain")


class Registered(RegisteredClaim):
    """A claim on one of the contrasts."""

    contrast: Contrast


class Combine(Supplement):
    """Chains and trees of revisions in the study itself; no other study is run."""

    kind: Literal["combine"]
    attempts: Annotated[list[int], Field(min_length=1, description="of a chain: the lengths to choose from")]
    budget: Annotated[int, Field(ge=2, le=4096, description="attempts a question, a power of two")]
    levels: Annotated[int, Field(ge=2, description="of a tree of as many attempts")]
    n_val: Annotated[int, Field(ge=30, description="questions to choose on, the first")]
    n_test: Annotated[int, Field(ge=30, description="questions to measure on, the first")]
    claims: Annotated[list[Registered], Field(min_length=1)]

    def collect(self, root: Path, studies: Mapping[str, Path]) -> Collected:
        with chdir(root), ExitStack() as stack:
            world = World.open(loading.load(), stack)
            questions = {split: world.questions(split, n) for split, n in (("val", self.n_val), ("test", self.n_test))}
            chosen = {cell: self._chosen(world, cell, questions["val"]) for cell in world.cells}
            measured = {
                cell: world.measured(cell, questions["test"], (self.budget // length, length))
                for cell, length in chosen.items()
            }
            gain = self._gain(world, questions["val"])
            shape = (self.budget // self.levels, self.levels)
            trees = {dealt: world.grown(dealt, questions["test"], shape, gain) for dealt in TREES}
        return self._told(world, chosen, measured, trees)

    def _chosen(self, world: "World", cell: Cell, questions: QuestionTable) -> int:
        """The length of chains that is best on these questions at the largest budget; the first of equals."""
        means = {
            length: world.measured(cell, questions, (self.budget // length, length)).accuracy[-1].mean()
            for length in self.attempts
        }
        return max(means, key=lambda length: round(float(means[length]), 12))

    def _gain(self, world: "World", questions: QuestionTable) -> Gain:
        """How often a wrong parent of a score has a right child, on these questions."""
        attempts = world.tree("uniform", questions, (self.budget // self.levels, self.levels), None)
        keys = ["question_id", "turn", "group"]
        parents = attempts.set_index(keys)
        children = attempts[attempts["turn"] > 1]
        index = pd.MultiIndex.from_arrays([children["question_id"], children["turn"] - 1, children["before"]])
        of = parents.reindex(index)
        return gain_curve(of["score"].tolist(), of["right"].tolist(), children["right"].tolist())

    def _told(
        self,
        world: "World",
        chosen: Mapping[Cell, int],
        measured: Mapping[Cell, "Measured"],
        trees: Mapping[str, "Measured"],
    ) -> Collected:
        table, curves = [], []
        for (where, shown), found in measured.items():
            cell = {"restart_at": PLACES[where], "earlier_attempts": "shown" if shown else "not shown"}
            table.append(cell | {"attempts_of_a_chain": chosen[where, shown]} | found.at_the_end)
            name = f"{PLACES[where]}, {'shown' if shown else 'not shown'}"
            curves += [{"cell": name} | row for row in found.along]
        grown = pd.DataFrame({"parents": dealt} | found.at_the_end for dealt, found in trees.items())
        found = contrasts(measured, trees)
        rows, judged = [], {}
        for claim in self.claims:
            interval = difference_interval(found[claim.contrast])
            verdict = claim.demand.judge(interval.low, interval.high).verdict
            value, low, high = (points(end) for end in (interval.estimate, interval.low, interval.high))
            rows.append(
                {"claim": claim.claim, "difference": interval.estimate, "low": interval.low, "high": interval.high}
                | {"verdict": verdict}
                | claim.stated
            )
            judged[claim.claim] = f"{value} points [{low}, {high}], {verdict}"
        lead = f"One revision model, {self.budget} attempts a question, {self.n_test} test questions. " + " ".join(
            f"{claim}: {words}." for claim, words in judged.items()
        )
        data = pd.DataFrame(curves)
        caption = "Lines: the same revision model; where its next attempt begins, and whether it sees the earlier ones."
        return Collected(
            title="Verifiers and revisions in one solution",
            lead=lead,
            tables={"cells": pd.DataFrame(table), "trees": grown, "claims": pd.DataFrame(rows)},
            figures=[Drawing("cells", "Where the next attempt begins, and what it sees", caption, data, draw)],
            facts={"threshold": world.threshold, "choice_among_both": choice_among_both(self.budget)},
        )


@dataclass(frozen=True, eq=False)
class Measured:
    """A cell or a tree on questions: at each budget of chains what each question attains, and what it costs."""

    budgets: tuple[int, ...]
    accuracy: Float[np.ndarray, "budget problem"]
    flops: Float[np.ndarray, " budget"]  # mean of a question, the verifier's included
    flips: pd.DataFrame

    @property
    def along(self) -> list[dict[str, float]]:
        intervals = [difference_interval(each) for each in self.accuracy]
        return [
            {"budget": n, "flops_with_verifier": cost, "accuracy": i.estimate, "low": i.low, "high": i.high}
            for n, cost, i in zip(self.budgets, self.flops.tolist(), intervals, strict=True)
        ]

    @property
    def at_the_end(self) -> dict[str, float]:
        """At the largest budget: accuracy, cost, and how often an attempt lost or found the answer."""
        sums = {name: self.flips[name].to_numpy(float).sum() for name in self.flips.columns.drop("question_id")}
        rates = {
            "right_to_wrong": float(sums["right_to_wrong"] / max(sums["n_right"], 1)),
            "wrong_to_right": float(sums["wrong_to_right"] / max(sums["n_wrong"], 1)),
        }
        return self.along[-1] | rates

    def at_cost(self, flops: float) -> Float[np.ndarray, " problem"]:
        """What each question attains for as many FLOPs; where they are beyond the curve, at its end."""
        costs = self.flops.tolist()
        return at_budget(PerQuestion(self.accuracy.T), costs, min(max(flops, costs[0]), costs[-1])).each


@dataclass(frozen=True, eq=False)
class World:
    """The study's models and questions, opened."""

    study: Study
    codec: TokenCodec
    judge: Any
    engines: tuple[Policy, Verifier]
    closing: tuple[int, ...]
    threshold: float
    sizes: Sizes
    truth: Truth | None

    @classmethod
    def open(cls, study: Study, stack: ExitStack) -> "World":
        """Of the study in the working folder.

        Raises:
            StudyError: it has no revision model of its own, or no threshold for first errors.
        """
        if study.revisions is None or study.engine is None or study.grading is None or not study.pretrain:
            raise StudyError("combine needs a study that trains its models, with a revision model: set revisions")
        folder, engine = paths.model(f"revision-{PAPER}"), study.engine.model_dump(mode="json")
        codec, known = TokenCodec.from_folder(folder), Vocabulary.of(folder, known_step(folder))
        record = tables.read_json(paths.metrics("verifier"), ["first_error"])
        store = stack.enter_context(Store.open(paths.STORE, write=True))
        judge = stack.enter_context(open_judge(study.grading.model_dump(mode="json"), paths.JUDGEMENTS))
        asked = [tables.read_table(paths.problems(split), ["problem", "statement"]) for split in ("val", "test")]
        verifier = open_verifier(
            paths.verifier("prm"), engine, Asked.about(codec, asked, known_step(folder)), store=store
        )
        policy = CachedPolicy(open_policy(folder, engine), store)
        return cls(
            study=study,
            codec=codec,
            judge=judge,
            engines=(policy, verifier),
            closing=(*known.step_tokens, *known.end_tokens),
            threshold=float(record["first_error"]["threshold"]),
            sizes=model_sizes(),
            truth=_truth(codec) if study.problems else None,
        )

    @property
    def cells(self) -> list[Cell]:
        """Those of the table, and the two that are told the answer where steps can be checked."""
        places: tuple[Where, ...] = ("start", "random", "first_error", *(("true_error",) if self.truth else ()))
        return list(product(places, (False, True)))

    def questions(self, split: str, n: int) -> QuestionTable:
        table = tables.read_table(paths.problems(split), ["question_id", "problem", "answer"]).head(n)
        return QuestionTable(table, self.codec, self.judge)

    def measured(self, cell: Cell, questions: QuestionTable, shape: tuple[int, int]) -> Measured:
        """A cell on questions, chains and attempts of each as `shape` says."""
        where, shown = cell
        method = Restart(
            sampling=self._sampling, where=where, shown=shown, threshold=self.threshold, closing=self.closing,
            truth=self.truth if where == "true_error" else None,
        )  # fmt: skip
        attempts = cells.sample_cell(method, questions, shape, self.engines, (self.study.seed, f"revision-{PAPER}"))
        return self._worth(attempts, questions, cells.accuracy(attempts, *shape))

    def tree(self, dealt: Any, questions: QuestionTable, shape: tuple[int, int], gain: Gain | None) -> pd.DataFrame:
        method = ReviseTree(sampling=self._sampling, dealt=dealt, gain=gain)
        return cells.sample_tree(method, questions, shape, self.engines, (self.study.seed, f"revision-{PAPER}"))

    def grown(self, dealt: str, questions: QuestionTable, shape: tuple[int, int], gain: Gain) -> Measured:
        """A tree on questions: its levels one after another are its budgets."""
        attempts = self.tree(dealt, questions, shape, gain if dealt == "gain" else None)
        width, n_levels = shape
        by_level = {}
        for level in range(1, n_levels + 1):
            part = attempts.loc[attempts["turn"] <= level]
            by_level[width * level] = cells.accuracy(part, 1, width * level)[width * level]
        return self._worth(attempts, questions, by_level)

    def _worth(self, attempts: pd.DataFrame, questions: QuestionTable, accuracy: Mapping[int, np.ndarray]) -> Measured:
        prompts = {name: len(prompt) for name, prompt in questions.prompts.items()}
        policy, verifier = cells.tokens(attempts, prompts)
        prompt = np.array(list(prompts.values()), np.float64)
        flops = [self.sizes.flops(prompt + n * policy, prompt + n * verifier, True).mean() for n in accuracy]
        return Measured(tuple(accuracy), np.stack(list(accuracy.values())), np.array(flops), cells.flips(attempts))

    @property
    def _sampling(self) -> Revisions:
        assert self.study.sampling and self.study.revisions
        window = self.study.window[self.study.revisions.start].max_length
        settings = self.study.sampling.model_dump()
        return Revisions(**settings, max_history=self.study.revisions.max_history, window=window)


def known_step(folder: Path) -> str:
    """The text that closes a step."""
    step = pointer.resolve(folder).step
    assert step is not None
    return step


def _truth(codec: TokenCodec) -> Truth:
    """Finds the first wrong step of a nano solution exactly."""
    recipe = nano_tables.Recipe.load(paths.RECIPE)
    world, by_id = recipe.world(), recipe.by_id()

    def first_wrong(question_id: str, tokens: np.ndarray) -> int:
        (text,) = codec.decode([tokens])
        right = nano_steps.right_so_far(world, by_id[question_id], text)
        return right.index(False) if False in right else -1

    return first_wrong


def contrasts(
    measured: Mapping[Cell, Measured], trees: Mapping[str, Measured]
) -> dict[str, Float[np.ndarray, " problem"]]:
    """The differences that claims are on, question by question, at the FLOPs of the cell of both mechanisms."""
    cost = float(measured[BOTH].flops[-1])
    at = {cell: found.at_cost(cost) for cell, found in measured.items()}
    better = max(PARENTS, key=lambda parent: at[parent].mean())
    located = at["first_error", True] - at["start", True]
    backtracked = at["first_error", False] - at["start", False]
    level = min(float(found.flops[-1]) for found in trees.values())
    tree = {dealt: found.at_cost(level) for dealt, found in trees.items()}
    return {
        "both_minus_parents": at[BOTH] - at[better],
        "interaction": located - backtracked,
        "located_minus_random": at["first_error", False] - at["random", False],
        "gain_minus_score": tree["gain"] - tree["score"],
        "score_minus_uniform": tree["score"] - tree["uniform"],
    }


def choice_among_both(budget: int) -> dict[str, float] | None:
    """What the study's own choice among searches and revisions attains at this budget, in oracle bins."""
    path = paths.results("compute_optimal") / "accuracy.csv"
    if not path.is_file():
        return None
    rows = pd.read_csv(path).query(
        "strategy_set == 'both' and strategy == 'compute_optimal_oracle' and budget == @budget"
    )
    return None if rows.empty else {name: float(rows.iloc[0][name]) for name in ("accuracy", "low", "high")}


def draw(data: pd.DataFrame, ax: Axes) -> None:
    """Accuracy over FLOPs, a line a cell."""
    for number, (name, part) in enumerate(data.groupby("cell", sort=False)):
        shown = str(name).endswith(", shown")
        ax.plot(
            part["flops_with_verifier"], 100 * part["accuracy"], label=str(name),
            color=f"C{number // 2}", linestyle="-" if shown else "--", marker="o" if shown else "^", markersize=4,
        )  # fmt: skip
    ax.set(xscale="log", xlabel="FLOPs a question, the verifier's included", ylabel="right answers, %")
    ax.legend(fontsize="x-small", loc="upper center", bbox_to_anchor=(0.5, -0.16), ncol=2)
