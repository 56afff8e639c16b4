"""The cells and trees of a study's revision model: sampled, located and chosen by its PRM, and what each is worth."""

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import product
from typing import Literal

import numpy as np
import pandas as pd
from jaxtyping import Float

from tts_lib.answers.protocols import Codec, Policy, Verifier
from tts_lib.answers.question_table import QuestionTable
from tts_lib.common import paths, tables
from tts_lib.common.errors import StudyError
from tts_lib.common.rng import Part
from tts_lib.estimators.flops import Sizes
from tts_lib.estimators.intervals import difference_interval
from tts_lib.estimators.per_question import PerQuestion
from tts_lib.questions.nano.steps import right_so_far
from tts_lib.questions.nano.tables import Recipe
from tts_lib.revisions import cells
from tts_lib.revisions.chains import Revisions
from tts_lib.revisions.restart import Restart, StepEnds, Truth, Where
from tts_lib.revisions.tree import Gain, ReviseTree, gain_curve
from tts_lib.strategies.curves import at_budget
from tts_lib.strategies.model_sizes import model_sizes
from tts_lib.study.asking import Asking
from tts_lib.study.config.revisions import TunedRevisions
from tts_lib.study.config.study import PAPER, Study

Cell = tuple[Where, bool]
Dealt = Literal["uniform", "score", "gain"]
Shape = tuple[int, int]  # chains and attempts of each, or attempts of a level and levels
MODEL = f"revision-{PAPER}"
TREES: tuple[Dealt, ...] = ("uniform", "score", "gain")


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
class Revising:
    """The revision model of a study, and the PRM that locates the first bad step and chooses.

    Attributes:
        threshold: a step scored below it is bad; 0 where the study has none to tell steps apart by, and then the
            largest drop names the step.
        truth: finds the true first error; None where steps cannot be checked.
    """

    engines: tuple[Policy, Verifier]
    sampling: Revisions
    ends: StepEnds
    threshold: float
    sizes: Sizes
    seed_key: tuple[Part, ...]
    truth: Truth | None

    @classmethod
    def of(
        cls, asking: Asking, stack: ExitStack, sampling: Revisions, questions: Mapping[str, QuestionTable]
    ) -> "Revising":
        """Of a study, its engines open until the stack is left; nano models and checkpoints with adapters alike."""
        study, asked = asking.study, [each.table for each in questions.values()]
        policy = stack.enter_context(asking.policy(paths.model(MODEL)))
        verifier = stack.enter_context(asking.verifier(asked))
        record = tables.read_json(paths.metrics("verifier")).get("first_error") or {}
        return cls(
            engines=(policy, verifier),
            sampling=sampling,
            ends=asking.step_ends(asked),
            threshold=float(record.get("threshold", 0.0)),
            sizes=model_sizes(),
            seed_key=(study.seed, MODEL),
            truth=_truth(questions["test"].codec) if study.problems else None,
        )

    @property
    def cells(self) -> list[Cell]:
        """Those of the table, and the two that are told the answer where steps can be checked."""
        places: tuple[Where, ...] = ("start", "random", "first_error", *(("true_error",) if self.truth else ()))
        return list(product(places, (False, True)))

    def measured(self, cell: Cell, questions: QuestionTable, shape: Shape) -> Measured:
        """A cell on questions."""
        where, shown = cell
        method = Restart(
            sampling=self.sampling, where=where, shown=shown, threshold=self.threshold, ends=self.ends,
            truth=self.truth if where == "true_error" else None,
        )  # fmt: skip
        attempts = cells.sample_cell(method, questions, shape, self.engines, self.seed_key)
        return self._worth(attempts, questions, cells.accuracy(attempts, *shape))

    def grown(self, dealt: Dealt, questions: QuestionTable, shape: Shape, gain: Gain) -> Measured:
        """A tree on questions: its levels one after another are its budgets."""
        attempts = self._tree(dealt, questions, shape, gain if dealt == "gain" else None)
        width, n_levels = shape
        by_level = {}
        for level in range(1, n_levels + 1):
            part = attempts.loc[attempts["turn"] <= level]
            by_level[width * level] = cells.accuracy(part, 1, width * level)[width * level]
        return self._worth(attempts, questions, by_level)

    def gain(self, questions: QuestionTable, shape: Shape) -> Gain:
        """How often a wrong parent of a score has a right child, on these questions."""
        attempts = self._tree("uniform", questions, shape, None)
        parents = attempts.set_index(["question_id", "turn", "group"])
        children = attempts[attempts["turn"] > 1]
        index = pd.MultiIndex.from_arrays([children["question_id"], children["turn"] - 1, children["before"]])
        of = parents.reindex(index)
        return gain_curve(of["score"].tolist(), of["right"].tolist(), children["right"].tolist())

    def _tree(self, dealt: Dealt, questions: QuestionTable, shape: Shape, gain: Gain | None) -> pd.DataFrame:
        method = ReviseTree(sampling=self.sampling, dealt=dealt, gain=gain)
        return cells.sample_tree(method, questions, shape, self.engines, self.seed_key)

    def _worth(self, attempts: pd.DataFrame, questions: QuestionTable, accuracy: Mapping[int, np.ndarray]) -> Measured:
        prompts = {name: len(prompt) for name, prompt in questions.prompts.items()}
        policy, verifier = cells.tokens(attempts, prompts)
        prompt = np.array(list(prompts.values()), np.float64)
        flops = [self.sizes.flops(prompt + n * policy, prompt + n * verifier, True).mean() for n in accuracy]
        return Measured(tuple(accuracy), np.stack(list(accuracy.values())), np.array(flops), cells.flips(attempts))


def sampled(study: Study) -> Revisions:
    """How the study samples attempts, and how many of the earlier ones they are shown.

    Raises:
        StudyError: it has no revision model.
    """
    if study.revisions is None or study.sampling is None:
        raise StudyError("combine needs a study with a revision model: set revisions")
    learned = study.revisions
    window = learned if isinstance(learned, TunedRevisions) else study.window[learned.start]
    return Revisions(**study.sampling.model_dump(), max_history=learned.max_history, window=window.max_length)


def _truth(codec: Codec) -> Truth:
    """Finds the first wrong step of a nano solution exactly."""
    recipe = Recipe.load(paths.RECIPE)
    world, by_id = recipe.world(), recipe.by_id()

    def first_wrong(question_id: str, tokens: np.ndarray) -> int:
        (text,) = codec.decode([tokens])
        right = right_so_far(world, by_id[question_id], text)
        return right.index(False) if False in right else -1

    return first_wrong
