"""The reference engine: `transformers` itself, on CPU or GPU, any causal model; the yardstick and the fallback.

Draws with the same random numbers and the same inverse CDF as the native engine, so both give the
same samples up to rounding. Not batch-invariant in its last bits.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers
from torch import Tensor

from tts_lib.answers.protocols import (
    FINISH_END,
    FINISH_LENGTH,
    FINISH_STEP,
    SampleRequest,
    Samples,
    Sampling,
    ScoreRequest,
)
from tts_lib.common.errors import StudyError, one_line
from tts_lib.engines.checks import check_sample_requests, check_sampling, check_score_requests, probability
from tts_lib.engines.native.stopping import moves
from tts_lib.engines.randomness import LANES, uniform
from tts_lib.models import adapter as lora
from tts_lib.models import pretrained
from tts_lib.models.checkpoint import checkpoint_hash
from tts_lib.models.folder import STEP_TEXT
from tts_lib.models.vocabulary import Vocabulary, token_texts

ENGINE = "reference-1"


class _Engine:
    """A loaded model; `batch_size` sequences are computed together."""

    def __init__(self, folder: Path, loader: Any, device: str, batch_size: int, step: str):
        """Load a model; a token whose text holds `step` closes a step. For errors see `loaded` and `Vocabulary`."""
        if batch_size < 1:
            raise ValueError(f"batch_size is {batch_size}; allowed is 1 or more")
        self.vocabulary = Vocabulary.of(folder, step)
        self.version = f"{ENGINE}:{checkpoint_hash(folder)}:{self.vocabulary.endings}"
        self.model = loaded(loader, folder, device)
        self.device, self.batch_size = device, batch_size

    def _padded(self, sequences: Sequence[np.ndarray]) -> tuple[Tensor, Tensor]:
        """Tokens and attention mask (B, T), padded on the left."""
        longest = max(len(sequence) for sequence in sequences)
        tokens = np.zeros((len(sequences), longest), np.int64)  # padding is masked out, whatever its token
        for row, sequence in zip(tokens, sequences, strict=True):
            row[longest - len(sequence) :] = sequence
        lengths = np.array([len(sequence) for sequence in sequences])
        mask = (np.arange(longest) >= longest - lengths[:, None]).astype(np.int64)
        return torch.from_numpy(tokens).to(self.device), torch.from_numpy(mask).to(self.device)


def loaded(loader: Any, folder: Path, device: str) -> Any:
    """The model of a folder, ready to be used; for errors see `pretrained.load`."""
    return pretrained.load(loader, folder, device, attn_implementation="eager").eval()


@torch.no_grad()
def _add(model: Any, adapter: Path) -> None:
    for layer, delta in lora.deltas(adapter):
        weight = model.get_parameter(f"{layer}.weight")
        weight.add_(torch.from_numpy(delta).to(weight))


@contextmanager
def enough_memory(setting: str) -> Iterator[None]:
    """Says what to lower where the device's memory is too small for a batch."""
    try:
        yield
    except torch.OutOfMemoryError as error:
        raise StudyError(f"out of memory: lower {setting} ({one_line(error)[:200]})") from error


class ReferencePolicy(_Engine):
    """A policy (`tts_lib.answers.protocols.Policy`) through transformers."""

    def __init__(
        self,
        folder: Path,
        device: str = "cpu",
        batch_size: int = 256,
        step: str = STEP_TEXT,
        adapter: Path | None = None,
        end: str | None = None,
    ):
        """Load a policy; the weights of a LoRA adapter are added to its own, and it stops at the text `end`.

        Raises:
            FolderError, StudyError: see `_Engine`; or the adapter does not belong on this model.
        """
        super().__init__(folder, transformers.AutoModelForCausalLM, device, batch_size, step)
        self._matched = moves(end, token_texts(folder, self.vocabulary.size))
        if adapter is not None:
            self.version += f":adapter={lora.check_base(adapter, folder).hash}"
            _add(self.model, adapter)

    def sample(self, requests: Sequence[SampleRequest], sampling: Sampling) -> list[Samples]:
        """Samples of each request; ValueError for a setting or request out of range."""
        check_sampling(sampling)
        check_sample_requests(requests, self.vocabulary.size, self.vocabulary.window)
        todo = [(request.prefix, seed) for request in requests for seed in request.seeds]
        with enough_memory("engine.batch_size"):
            drawn = [
                each
                for start in range(0, len(todo), self.batch_size)
                for each in self._batch(todo[start : start + self.batch_size], sampling)
            ]
        results, first = [], 0
        for request in requests:
            mine = drawn[first : first + len(request.seeds)]
            first += len(mine)
            tokens = np.concatenate([np.zeros(0, np.int32), *(each[0] for each in mine)])
            logprobs = np.concatenate([np.zeros(0, np.float32), *(each[1] for each in mine)])
            results.append(
                Samples(
                    tokens=tokens,
                    offsets=np.cumsum([0] + [len(each[0]) for each in mine], dtype=np.int64),
                    finish=np.array([each[2] for each in mine], np.uint8),
                    logprobs=logprobs if sampling.logprobs else None,
                )
            )
        return results

    @torch.inference_mode()
    def _batch(self, todo: list[tuple[np.ndarray, np.uint64]], sampling: Sampling):
        """(tokens, log-probabilities, finish) of each sample; a prefix is read once for all of its samples."""
        numbers: dict[bytes, int] = {}
        which = torch.tensor(
            [numbers.setdefault(prefix.astype(np.int32).tobytes(), len(numbers)) for prefix, _ in todo]
        )
        tokens, mask = self._padded([np.frombuffer(prefix, np.int32) for prefix in numbers])
        which = which.to(self.device)
        seeds = np.array([seed for _, seed in todo], np.uint64)
        lengths = mask.sum(1)[which].cpu().numpy()
        out = np.zeros((len(todo), sampling.max_tokens), np.int32)
        logprobs = np.zeros((len(todo), sampling.max_tokens), np.float32)
        count, finish = np.zeros(len(todo), np.int64), np.full(len(todo), FINISH_LENGTH, np.uint8)
        live, past, state = np.ones(len(todo), bool), None, np.zeros(len(todo), np.uint8)
        for n in range(sampling.max_tokens):
            positions = (mask.cumsum(1) - 1).clamp(min=0)[:, -tokens.shape[1] :]
            result = self.model(
                tokens, attention_mask=mask, position_ids=positions, past_key_values=past, logits_to_keep=1
            )
            past, logits = result.past_key_values, result.logits[:, -1].float()
            if n == 0:
                past.batch_select_indices(which)
                logits, mask = logits[which], mask[which]
            chosen = draw(logits, sampling, seeds, n)
            log_p = torch.log_softmax(logits, -1).gather(1, chosen[:, None])[:, 0]
            token = chosen.cpu().numpy()
            out[live, n], logprobs[live, n], count[live] = token[live], log_p.cpu().numpy()[live], n + 1
            state = self._matched[state, token]
            ends = self.vocabulary.ends[token] | (state == len(self._matched))
            state = np.minimum(state, len(self._matched) - 1)  # samples that have ended go on unread
            closes = self.vocabulary.closes[token] & (sampling.until == "step")
            finish[live & closes], finish[live & ends] = FINISH_STEP, FINISH_END
            live &= ~closes & ~ends & (lengths + n + 1 < self.vocabulary.window)
            if not live.any():
                break
            tokens, mask = chosen[:, None], torch.cat([mask, torch.ones_like(mask[:, :1])], 1)
        return [(out[i, :c], logprobs[i, :c], finish[i]) for i, c in enumerate(count)]


def draw(logits: Tensor, sampling: Sampling, seeds: np.ndarray, index: int) -> Tensor:
    """Token (B,) drawn from each row of logits (B, vocabulary)."""
    if sampling.temperature == 0:
        return (logits == logits.max(-1, keepdim=True).values).int().argmax(-1)  # the lowest of equals
    p = torch.softmax((logits / sampling.temperature).double(), -1)
    if sampling.top_p < 1:
        ordered = p.sort(descending=True).values
        before = ordered.cumsum(-1) - ordered
        edge = torch.where(before < sampling.top_p, ordered, torch.inf).min(-1, keepdim=True).values
        p = torch.where(p >= edge, p, 0.0)
    order = torch.argsort(torch.arange(p.shape[1], device=p.device) % LANES, stable=True)  # lanes of the native engine
    cdf = p[:, order].cumsum(-1)
    u = torch.from_numpy(uniform(seeds, np.full(1, index, np.uint64))).to(cdf)[:, None] * cdf[:, -1:]
    return order[torch.searchsorted(cdf, u, right=True).clamp(max=p.shape[1] - 1)[:, 0]]


class ReferenceVerifier(_Engine):
    """A `Verifier` through transformers; each continuation is read with its prefix."""

    def __init__(self, folder: Path, device: str = "cpu", batch_size: int = 256, step: str = STEP_TEXT):
        super().__init__(folder, transformers.AutoModelForTokenClassification, device, batch_size, step)

    @torch.inference_mode()
    def score(self, requests: Sequence[ScoreRequest]) -> list[list[np.ndarray]]:
        """Step scores of each continuation of each request; ValueError for a request out of range."""
        check_score_requests(requests, self.vocabulary.size, self.vocabulary.window)
        todo = [(request.prefix, text) for request in requests for text in request.continuations]
        scores = []
        for start in range(0, len(todo), self.batch_size):
            batch = todo[start : start + self.batch_size]
            tokens, mask = self._padded([np.concatenate(pair) for pair in batch])
            positions = (mask.cumsum(1) - 1).clamp(min=0)
            with enough_memory("engine.batch_size"):
                logits = self.model(tokens, attention_mask=mask, position_ids=positions).logits[:, :, 0]
            for row, (_, text) in zip(logits.float().cpu().numpy(), batch, strict=True):
                closes = self.vocabulary.closes[text] | self.vocabulary.ends[text]
                closes[-1] = True
                scores.append(probability(row[-len(text) :][closes]))
        each = iter(scores)
        return [[next(each) for _ in request.continuations] for request in requests]
