"""How a study's base model learns from texts, and how a verifier learns to read what came of it.

Two ways to do the same: a nano study trains all weights, a study of checkpoints an adapter beside them. Either starts
from the base, keeps the last weights of a policy and the best of a verifier, and goes on where it was interrupted.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import pandas as pd
from tokenizers import Tokenizer

from tts_lib.answers.question_table import QuestionTable
from tts_lib.common.examples import Examples
from tts_lib.models import folder as model_folder
from tts_lib.models import pointer, vocabulary
from tts_lib.training import lora, policies, step_labels
from tts_lib.training.loop import Training
from tts_lib.training.settings import FineTuning
from tts_lib.verifiers import labels


@dataclass(frozen=True)
class Labelled:
    """Solutions with a soft label a step (question_id, text, labels), to learn from and to choose the weights on."""

    learned: pd.DataFrame
    held_out: pd.DataFrame
    questions: QuestionTable


class Learner(Protocol):
    """What the loop asks of either way."""

    @property
    def end_tokens(self) -> tuple[int, ...]:
        """See `tts_lib.answers.pools.encode_attempts`."""
        ...

    def policy(self, examples: Examples, validation: Examples, folder: Path, title: str) -> int:
        """Teach the base these examples and write what it became to `folder`; how many tokens it saw.

        Raises:
            StudyError: the examples or the settings do not fit the model, or a loss is not finite.
        """
        ...

    def verifier(self, policy: Path, labelled: Labelled, folder: Path, title: str) -> int:
        """Train a PRM of a policy's solutions, as the study trained its own; how many tokens it saw.

        Raises:
            StudyError: as `policy`.
        """
        ...


@dataclass(frozen=True)
class WholeModel:
    """All weights of a nano model."""

    base: Path
    of_policy: Training
    of_verifier: Training
    runs: Path
    end_tokens: tuple[int, ...] = ()  # the text itself holds the token that ends it

    def policy(self, examples: Examples, validation: Examples, folder: Path, title: str) -> int:
        trained, shape = policies.fine_tune(self.base, examples, validation, self.of_policy, self.runs, title)
        end_token = model_folder.read_config(self.base).end_token
        policies.save_policy(folder, trained, shape, self._tokenizer, end_token, f"{title.capitalize()}.\n")
        return trained.n_tokens

    def verifier(self, policy: Path, labelled: Labelled, folder: Path, title: str) -> int:
        codec, problems = labelled.questions.codec, labelled.questions.table
        learned, held_out = (
            labels.prm_examples(problems, part, codec) for part in (labelled.learned, labelled.held_out)
        )
        trained = policies.train_verifier(policy, learned, held_out, self.of_verifier, self.runs, title)
        n = len(labelled.learned) + len(labelled.held_out)
        card = policies.verifier_card(folder.name, n, trained, self.of_verifier)
        policies.save_verifier(folder, trained, policy, self._tokenizer, card)
        return trained.n_tokens

    @property
    def _tokenizer(self) -> Tokenizer:
        return Tokenizer.from_file(str(self.base / "tokenizer.json"))


@dataclass(frozen=True)
class Adapter:
    """LoRA matrices beside the weights of a checkpoint; a verifier is a head on its body.

    Attributes:
        base: a pointer, see `tts_lib.models.pointer`.
        of_verifier: the study's section verifier.tuned, as a record; None where its PRM existed already.
    """

    base: Path
    of_policy: FineTuning
    of_verifier: Mapping[str, Any] | None
    runs: Path
    seed: int
    device: str

    @property
    def end_tokens(self) -> tuple[int, ...]:
        known = vocabulary.Vocabulary.of(self._target.weights, self._step)
        return vocabulary.end_tokens(self._target.weights, known)

    def policy(self, examples: Examples, validation: Examples, folder: Path, title: str) -> int:
        task = lora.Task(examples, validation, self.of_policy, self.seed, title, self.device)
        tuned = lora.fine_tune_adapter(self._target.weights, task, self.runs)
        pointer.adapt(folder, self.base, tuned.folders[-1])
        return int(tuned.curve["tokens"][-1])

    def verifier(self, policy: Path, labelled: Labelled, folder: Path, title: str) -> int:
        assert self.of_verifier is not None
        how, weights = self.of_verifier, self._target.weights
        layout = step_labels.open_layout(weights, how["template"], how["max_length"])
        learned, held_out = (
            step_labels.labelled_examples(
                part.assign(laid=step_labels.lay_out(layout, labelled.questions.table, part, self._step)), self._step
            )
            for part in (labelled.learned, labelled.held_out)
        )
        task = lora.Task(learned, held_out, FineTuning(**how["tuning"]), self.seed, title, how["device"])
        tuned = folder.with_name(f"{folder.name}-weights")
        curve = lora.train_prm(weights, task, self.runs, tuned)
        read = {name: how[name] for name in ("template", "max_length", "device", "batch_size")}
        prm = {"model": None, "revision": None, "folder": tuned.as_posix(), "aggregation": "last"} | read
        prm["score"] = {"kind": "reward_head"}
        pointer.make(folder, prm, prm=prm)
        return int(curve["tokens"][-1])

    @property
    def _target(self) -> pointer.Target:
        return pointer.resolve(self.base)

    @property
    def _step(self) -> str:
        step = self._target.step
        assert step is not None
        return step
