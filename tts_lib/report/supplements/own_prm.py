"""A PRM of any model's own solutions, by the recipe of the study's own."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from tts_lib.answers import pools
from tts_lib.common import examples
from tts_lib.report.supplements.pools import Pools
from tts_lib.study.config.nano import Shape
from tts_lib.study.config.verifiers import TrainedVerifier, TunedVerifier
from tts_lib.study.effort import Effort, Foreseen
from tts_lib.verifiers import rollouts

if TYPE_CHECKING:  # what trains loads torch
    from tts_lib.training.learners import Learner
    from tts_lib.training.loop import Training


@dataclass(frozen=True)
class Policy:
    """Whose solutions it reads.

    Attributes:
        name: in the seeds of its rollouts.
    """

    folder: Path
    name: str


def learn(
    known: Pools,
    learner: "Learner",
    recipe: TrainedVerifier | TunedVerifier,
    policy: Policy,
    samples: pd.DataFrame,
    folder: Path,
) -> tuple[int, int]:
    """Label the steps of a policy's solutions of training questions by rollouts of its own, and learn the labels.

    Returns tokens rolled out, and tokens learned from.

    Args:
        folder: where the PRM goes.

    Raises:
        StudyError: see `Learner.verifier`.
    """
    labels, n_tokens = known.labels(policy.folder, samples, recipe.rollouts, policy.name)
    solutions = rollouts.answered(samples).merge(labels, on=["question_id", "sample"])
    held_out = examples.held_out(known.train["question_id"].tolist(), recipe.validation_share)
    rows = solutions["question_id"].isin(list(held_out)).to_numpy(bool)
    from tts_lib.training.learners import Labelled

    parts = Labelled(solutions.loc[~rows], solutions.loc[rows], known.asking.questions(known.train, policy.folder))
    return n_tokens, learner.verifier(policy.folder, parts, folder, f"training a PRM of {policy.name}")


def effort(what: str, recipe: TrainedVerifier | TunedVerifier, foreseen: Foreseen, model: str | Shape) -> Effort:
    """Solutions of the training questions, rollouts from their steps, and passes over both."""
    whole = isinstance(recipe, TrainedVerifier)
    epochs, shards = (recipe.epochs, recipe.shards) if whole else (recipe.tuning.epochs, 1)
    question, n = foreseen.question("train"), foreseen.n("train")
    asked = pools.expected(recipe.samples, question) * n
    asked += foreseen.rolled_out(rollouts.expected(recipe.samples, recipe.rollouts, question) * n, recipe.samples * n)
    learned = epochs * n * recipe.samples * (1 - recipe.validation_share) * question.pair
    return Effort(what, model, asked=asked, learned=learned, n_models=1, processes=shards)


def settings(recipe: TrainedVerifier, seed: int) -> "Training":
    """How the study's own PRM was trained."""
    from tts_lib.training.loop import Training

    return Training(
        recipe.epochs, recipe.batch_tokens, recipe.lr_muon, recipe.lr_adamw, recipe.dropout, recipe.shards, seed,
        checkpoint_seconds=recipe.checkpoint_seconds,
    )  # fmt: skip
