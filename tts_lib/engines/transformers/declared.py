"""A PRM by declaration: any causal model whose step scores are read at markers in a template, through transformers.

One forward pass a solution gives the scores of all its steps. The policy's token ids become text, the text becomes
steps, and the steps are laid out as the PRM wants them. `self_test` holds this against a pass of its own for each step.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers
from tokenizers import Tokenizer
from tqdm import trange

from tts_lib.answers.protocols import ScoreRequest
from tts_lib.common.errors import StudyError
from tts_lib.engines.checks import probability
from tts_lib.engines.transformers.asked import Asked
from tts_lib.engines.transformers.heads import read_head
from tts_lib.engines.transformers.reference import enough_memory, loaded
from tts_lib.models.checkpoint import checkpoint_hash
from tts_lib.models.layout import Laid, Layout, single_token

ENGINE = "declared-1"
TENSORS = {"two_class_head": ("score", 2), "reward_head": ("score", 1), "value_head": ("v_head", 1)}  # and outputs
LEAST, MOST = 1e-30, 1 - 2**-24  # scores stay inside (0, 1) as float32
AGGREGATE = {
    "last": lambda scores: scores,
    "min": np.minimum.accumulate,
    "prod": np.cumprod,
    "mean": lambda scores: np.cumsum(scores) / np.arange(1, len(scores) + 1),
}


class DeclaredVerifier:
    """A verifier (`tts_lib.answers.protocols.Verifier`) that reads the policy's text in a template of its own."""

    engine = ENGINE

    def __init__(self, folder: Path, prm: Mapping[str, Any], asked: Asked, progress: bool = False):
        """Load the model and check the declaration against it.

        Args:
            folder: of the PRM, in Hugging Face format.
            prm: a record of `tts_lib.study.config.checkpoint.Prm`.
            asked: the questions, and the policy's tokenizer.
            progress: whether to show how far a call has come.

        Raises:
            StudyError: a marker or label is not one token, the score head is missing, or the model cannot be loaded.
        """
        tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._asked, self._prm, self._progress = asked, prm, progress
        score = prm["score"]
        self._labels = None
        if score["kind"] == "token_labels":
            self._labels = [single_token(tokenizer, score[name], f"label {name}") for name in ("good", "bad")]
        before = score.get("position") == "before"
        self.layout = Layout(tokenizer, prm["template"], before, prm["max_length"])
        window = self._load(folder)
        if prm["max_length"] > window:
            raise StudyError(f"prm.max_length is {prm['max_length']}, but the window of {folder} is {window} tokens")
        decides = {name: prm[name] for name in ("template", "score", "aggregation")}
        decides |= {"step": asked.step, "tokenizer": asked.tokenizer}
        self.version = f"{self.engine}:{checkpoint_hash(folder)}:{_hashed(decides)}"

    def _load(self, folder: Path) -> int:
        """Load body and head; returns the window, in tokens."""
        device = self._prm["device"]
        self._model = loaded(
            transformers.AutoModelForCausalLM if self._labels else transformers.AutoModel, folder, device
        )
        self._body = self._model.base_model if self._labels else self._model
        if self._labels:
            self._head = self._model.get_output_embeddings()
        else:
            self._head = read_head(folder, *TENSORS[self._prm["score"]["kind"]]).to(device)
        self._dtype = next(self._head.parameters()).dtype
        return self._body.config.max_position_embeddings

    def score(self, requests: Sequence[ScoreRequest]) -> list[list[np.ndarray]]:
        """Value of the prefix up to each step that a continuation adds, one at least: the declared aggregation of the
        scores of all steps so far.

        A continuation that only ends the text has the value of the step before it.

        Raises:
            StudyError: a solution does not fit, or continues none of the prompts.
        """
        todo: list[tuple[str, list[str], int]] = []
        for request in requests:
            statement, n_prompt = self._asked.statement(request.prefix)
            old = request.prefix[n_prompt:]
            for steps, n_old in self._asked.steps([(old, new) for new in request.continuations]):
                todo.append((statement, steps or [""], n_old))
        laid = [self.layout.lay(statement, steps) for statement, steps, _ in todo]
        aggregate = AGGREGATE[self._prm["aggregation"]]
        new = [
            np.clip(aggregate(scores), LEAST, MOST)[min(n_old, len(scores) - 1) :].astype(np.float32)
            for scores, (_, _, n_old) in zip(self.read(laid), todo, strict=True)
        ]
        each = iter(new)
        return [[next(each) for _ in request.continuations] for request in requests]

    def read(self, laid: Sequence[Laid]) -> list[np.ndarray]:
        """P(right so far) at each place of each laid-out solution, float64 (step,); batches of similar length."""
        scores: dict[int, np.ndarray] = {}
        order = sorted(range(len(laid)), key=lambda i: len(laid[i].tokens))
        size = self._prm["batch_size"]
        for start in trange(0, len(order), size, unit="batch", disable=not self._progress):
            batch = order[start : start + size]
            with enough_memory("prm.batch_size"):
                scores |= zip(batch, self._batch([laid[i] for i in batch]), strict=True)
        return [scores[i] for i in range(len(laid))]

    @torch.inference_mode()
    def _batch(self, laid: Sequence[Laid]) -> list[np.ndarray]:
        """Padded on the right: causal attention never looks there."""
        longest = max(len(each.tokens) for each in laid)
        tokens, mask = np.zeros((2, len(laid), longest), np.int64)
        for row, (each, filled) in enumerate(zip(laid, mask, strict=True)):
            tokens[row, : len(each.tokens)], filled[: len(each.tokens)] = each.tokens, 1
        inputs = [torch.from_numpy(array).to(self._prm["device"]) for array in (tokens, mask)]
        hidden = self._body(inputs[0], attention_mask=inputs[1]).last_hidden_state
        at = torch.from_numpy(np.concatenate([each.places for each in laid])).to(hidden.device)
        rows = torch.repeat_interleave(
            torch.arange(len(laid), device=hidden.device),
            torch.tensor([len(each.places) for each in laid], device=hidden.device),
        )
        outputs = self._head(hidden[rows, at].to(self._dtype)).float()  # (steps of the batch, outputs)
        good = probability(self._logit(outputs).cpu().numpy()).astype(np.float64)
        return np.split(good, np.cumsum([len(each.places) for each in laid])[:-1])

    def _logit(self, outputs: torch.Tensor) -> torch.Tensor:
        """Log-odds of a right step: of two outputs, whose softmax is wanted, their difference."""
        if self._labels:
            return outputs[:, self._labels[0]] - outputs[:, self._labels[1]]
        if self._prm["score"]["kind"] == "two_class_head":
            positive = self._prm["score"]["positive"]
            return outputs[:, positive] - outputs[:, 1 - positive]
        return outputs[:, 0]


def _hashed(record: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(record, sort_keys=True).encode()).hexdigest()


def self_test(verifier: DeclaredVerifier, solutions: Sequence[tuple[str, Sequence[str]]]) -> float:
    """Largest difference between step scores of one pass and those of a pass a step, on the text up to that step.

    It is rounding where the template is read as meant; more says that a later step changes what is read of an earlier
    one: a tokenizer that merges over a marker, or a model that is not causal.

    Args:
        solutions: a problem and the steps of a solution to it, each.
    """
    one_pass = verifier.read([verifier.layout.lay(problem, steps) for problem, steps in solutions])
    worst = 0.0
    for (problem, steps), scores in zip(solutions, one_pass, strict=True):
        for n, score in enumerate(scores, start=1):
            alone = verifier.read([verifier.layout.lay(problem, steps[:n])])[0]
            if not (difference := abs(float(score) - float(alone[-1]))) <= worst:  # so that NaN stays
                worst = difference
    return worst
