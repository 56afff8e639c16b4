"""`OpenAIPolicy`: the completion API (`/v1/completions`) of a running server behind the protocol.

One HTTP request a sample. `n` samples in one request would share one seed: the i-th of them depends on that seed and
on i (vLLM: seed + i), so a run that lacks only some samples could not ask for just these. The connections are kept,
the server's prefix cache makes the shared prompt cheap, and its scheduler batches what arrives together. Only greedy
samples of one prefix, which are equal, are one request.

Prompts go out as token ids. Two kinds of servers are known:
- with `return_token_ids` and `stop_token_ids` (vLLM): token ids come back as they were sampled, steps end at the
  server, and log-probabilities are those of the model itself (temperature 1, no top-p; the server's default
  `--logprobs-mode raw_logprobs`).
- others, given a codec: the text that comes back is encoded anew. Lost are: tokens as sampled (the same text may have
  other tokens, and a broken character has none), log-probabilities (refused), and the stop at a step: a server does
  not say which of its stops it met, so it writes on to the token limit, and the text is cut. Seeds have 31 bits, the
  least that servers take, so of 1,000 samples of one prefix two share a seed with probability 0.0002.

A server computes in batches that depend on its other work: equal seeds give equal samples up to rounding, unless it is
batch-invariant. What is stored stays as it was.
"""

import logging
import threading
from collections import Counter
from collections.abc import Callable, Generator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from tqdm import tqdm

from tts_lib.answers.protocols import Codec, Part, SampleRequest, Samples, Sampling
from tts_lib.common.errors import StudyError
from tts_lib.common.rng import mix
from tts_lib.engines.checks import check_sample_requests, check_sampling, check_served_temperature
from tts_lib.engines.openai.answers import Asked, Sample, sample_of, sample_of_text
from tts_lib.engines.openai.client import Client, Limits, StoppedError
from tts_lib.engines.openai.model import ServedModel
from tts_lib.engines.openai.waiting import Clock
from tts_lib.engines.parts import gathered

ENGINE = "openai-1"
SEED_BITS_WITH_TOKEN_IDS, SEED_BITS = 63, 31  # vLLM takes signed 64-bit seeds, llama.cpp unsigned 32-bit ones
FIRST_SEED = np.uint64(0)  # of the questions asked before any sample
# Servers fill what is left open from the model's own recommendations (top-k 20, say), which would bend the samples.
NEUTRAL = {"top_k": -1, "min_p": 0.0, "repetition_penalty": 1.0, "presence_penalty": 0.0, "frequency_penalty": 0.0}
logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Job:
    """One HTTP request: the samples `positions` (one, or all of a greedy request) of request `request`."""

    request: int
    prefix: np.ndarray
    positions: np.ndarray
    seed: np.uint64


class OpenAIPolicy:
    """A policy (`tts_lib.answers.protocols.StreamingPolicy`) on a completion server; a context manager."""

    def __init__(
        self,
        url: str,
        model: ServedModel,
        limits: Limits = Limits(),  # noqa: B008 - frozen
        codec: Codec | None = None,
        clock: Clock = Clock(),  # noqa: B008 - frozen
        progress: bool = False,
    ):
        """Connect to the server at `url` (http://host:port/v1).

        Args:
            codec: the model's tokenizer, for a server that cannot return token ids; None for one that can.
            progress: show how far a call has come, and how many tries of it failed.

        Raises:
            StudyError: no such server, it wants a key, or it does not serve this model; one sentence.
        """
        self._client = Client(url, limits, clock)
        self._model, self._codec, self._limits, self._progress = model, codec, limits, progress
        try:
            self.max_length = min(model.max_length, self._window())
            made_by = f"{ENGINE}:{self._server_version()}" + (":text" if codec else "")
            self.version = f"{made_by}:{model.weights}:{self.max_length}:{model.endings}"
        except BaseException:
            self._client.close()
            raise

    @property
    def errors(self) -> Mapping[str, int]:
        """Tries that failed so far, by kind: time-out, connection, garbage, status 429, ..."""
        return dict(self._client.errors)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def __enter__(self) -> "OpenAIPolicy":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def sample(self, requests: Sequence[SampleRequest], sampling: Sampling) -> list[Samples]:
        """Samples of each request; for errors see `stream`."""
        return gathered(requests, self.stream(requests, sampling), sampling.logprobs)

    def stream(self, requests: Sequence[SampleRequest], sampling: Sampling) -> Generator[Part, None, None]:
        """The samples as the server finishes them; after a failure those under way are still waited for.

        Raises:
            ValueError: a setting or request out of range.
            StudyError: the server refuses or keeps failing, or log-probabilities are asked of one without token ids.
        """
        check_sampling(sampling)
        check_sample_requests(requests, self._model.vocab_size, self.max_length)
        check_served_temperature(sampling.temperature)
        if sampling.logprobs and self._codec is not None:
            raise StudyError("Log-probabilities need a server that returns token ids; this one is read as text.")
        jobs = list(_jobs(requests, sampling))
        if not jobs:
            return
        stop, failure, before = threading.Event(), None, Counter(self.errors)
        with (
            tqdm(total=len(jobs), unit="request", disable=not self._progress, mininterval=1.0) as bar,
            ThreadPoolExecutor(min(self._limits.concurrency, len(jobs))) as pool,
        ):
            futures = {pool.submit(self._attempt, job, sampling, stop): job for job in jobs}
            try:
                for future in as_completed(futures):
                    if error := future.exception():
                        failure = failure or error
                    elif sample := future.result():
                        yield _part(futures[future], sample)
                    bar.set_postfix_str(_in_words(Counter(self.errors) - before), refresh=False)
                    bar.update()
            finally:
                stop.set()
                if failed := Counter(self.errors) - before:
                    logger.warning("%s: %s", self._client.url, _in_words(failed))
        if failure is not None:
            raise failure

    def _attempt(self, job: _Job, sampling: Sampling, stop: threading.Event) -> Sample | None:
        """The sample of a job, None if another one's failure ended the call before."""
        if stop.is_set():
            return None
        try:
            return self._ask(job, sampling, stop)
        except StoppedError:
            return None
        except BaseException:
            stop.set()
            raise

    def _ask(self, job: _Job, sampling: Sampling, stop: threading.Event) -> Sample:
        """One sample from the server."""
        model, until_step = self._model, sampling.until == "step"
        asked = Asked(
            vocab_size=model.vocab_size,
            max_tokens=min(sampling.max_tokens, self.max_length - len(job.prefix)),
            end_tokens=model.end_tokens,
            step_tokens=model.step_tokens if until_step else (),
            stop=model.stop if until_step else None,
            end=model.end,
            logprobs=sampling.logprobs,
        )
        body: dict[str, Any] = {
            "model": model.name,
            "prompt": job.prefix.tolist(),
            "max_tokens": asked.max_tokens,
            "temperature": float(sampling.temperature),
            "top_p": float(sampling.top_p),
            "n": 1,
            "stream": False,
        }
        read: Callable[[bytes], Sample]
        if self._codec is None:
            body |= {"seed": _server_seed(job.seed, SEED_BITS_WITH_TOKEN_IDS), "return_token_ids": True}
            body |= {"stop_token_ids": [*asked.end_tokens, *asked.step_tokens]}
            body |= {"stop": asked.stops, "include_stop_str_in_output": True} if asked.stops else {}
            body |= {"logprobs": 0} if sampling.logprobs else {}
            read = partial(sample_of, asked=asked)
        else:
            body |= {"seed": _server_seed(job.seed, SEED_BITS)} | ({} if asked.end is None else {"stop": [asked.end]})
            read = partial(sample_of_text, asked=asked, codec=self._codec)
        return self._client.post("/completions", body | NEUTRAL, read, job.seed, stop)

    def _window(self) -> int:
        """The server's window for this model, tokens; the model's own where it does not say."""
        listed = self._client.get(f"{self._client.url}/models", FIRST_SEED) or {}
        entries = listed.get("data")
        served = {
            entry["id"]: entry.get("max_model_len")
            for entry in (entries if isinstance(entries, list) else [])
            if isinstance(entry, dict) and isinstance(entry.get("id"), str)
        }
        if self._model.name not in served:
            names = ", ".join(ascii(name)[:80] for name in list(served)[:5]) or "no model"
            raise StudyError(
                f"{self._client.url} serves {names}, not {self._model.name!r}: correct the url or the name."
            )
        window = served[self._model.name]
        return window if type(window) is int and window > 1 else self._model.max_length

    def _server_version(self) -> str:
        """What the server calls its version (vLLM does at /version); empty where it does not say."""
        said = self._client.get(f"{self._client.url.removesuffix('/v1')}/version", FIRST_SEED) or {}
        version = said.get("version")
        return ascii(version)[1:-1][:80] if isinstance(version, str) else ""


def _jobs(requests: Sequence[SampleRequest], sampling: Sampling) -> Generator[_Job, None, None]:
    for number, request in enumerate(requests):
        if sampling.temperature == 0:
            if len(request.seeds):
                yield _Job(number, request.prefix, np.arange(len(request.seeds)), request.seeds[0])
        else:
            for position, seed in enumerate(request.seeds):
                yield _Job(number, request.prefix, np.array([position]), seed)


def _in_words(failed: Counter[str]) -> str:
    kinds = ", ".join(f"{kind}: {n}" for kind, n in sorted(failed.items()))
    return f"{failed.total()} tries failed ({kinds})" if failed else ""


def _server_seed(seed: np.uint64, bits: int) -> int:
    """A seed in the range that servers take; all bits mixed, as some of them look at the lower 32 only."""
    return int(mix(FIRST_SEED, seed)[0]) & (2**bits - 1)


def _part(job: _Job, sample: Sample) -> Part:
    n = len(job.positions)
    return Part(
        request=job.request,
        positions=job.positions,
        samples=Samples(
            tokens=np.tile(sample.tokens, n),
            offsets=np.arange(n + 1, dtype=np.int64) * len(sample.tokens),
            finish=np.full(n, sample.finish, np.uint8),
            logprobs=None if sample.logprobs is None else np.tile(sample.logprobs, n),
        ),
    )
