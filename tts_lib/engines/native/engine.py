"""`NativePolicy` and `NativeVerifier`: the native engine behind the protocols.

Results are bit-identical for any batch, order of requests and number of threads: a row's arithmetic
does not depend on its neighbours, a sample's random numbers only on its seed.
"""

import itertools
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from tts_lib.answers.protocols import SampleRequest, Samples, Sampling, ScoreRequest
from tts_lib.common.processes import cores
from tts_lib.engines.checks import (
    check_sample_requests,
    check_sampling,
    check_score_requests,
    probability,
)
from tts_lib.engines.native.attention import PAGE
from tts_lib.engines.native.branches import Branches, Drawn, Settings
from tts_lib.engines.native.forward import Rows, new_buffers
from tts_lib.engines.native.packing import Packed, pack
from tts_lib.engines.native.prefixes import N_COUNTS, N_FREE, State, Work
from tts_lib.engines.native.simd import LANES
from tts_lib.engines.native.stopping import kinds, moves
from tts_lib.engines.native.workers import Memory, Reading, Texts, sample_worker, score_worker
from tts_lib.models import folder as model_folder
from tts_lib.models.checkpoint import checkpoint_hash
from tts_lib.models.folder import STEP_TEXT, FolderError
from tts_lib.models.vocabulary import Vocabulary, token_texts

ENGINE = "native-1"
ROWS_PER_STEP = 48  # and worker: enough to reuse a panel of weights, few enough for the caches
JOBS_PER_THREAD = 8
UNIT_SIZE = 256  # children of one prefix that one worker serves, at most
UNDER_WAY = 2 * UNIT_SIZE  # samples of one worker, at most; fewer of a model whose keys and values are large
KV_BYTES = 2**29  # that what samples have of their own may take, of one worker
SPARE_BYTES = 2**26  # of one worker, that are kept for the next call
PROGRESS_INTERVAL = 0.2  # seconds
Worker = Callable[[Memory], None]


class _Engine:
    """A loaded model and its threads."""

    def __init__(self, folder: Path, n_threads: int | None, progress: bool, is_verifier: bool, step: str = STEP_TEXT):
        if n_threads is not None and n_threads < 1:
            raise ValueError(f"n_threads is {n_threads}; allowed is 1 or more, or None for all cores")
        self.config, tensors = model_folder.read(folder)
        if self.config.has_score_head != is_verifier:
            wanted, found = ("verifier", "policy") if is_verifier else ("policy", "verifier")
            raise FolderError(f"model folder {folder} holds a {found}, not a {wanted}")
        self.model: Packed = pack(self.config, tensors)
        self.vocabulary = Vocabulary.of(folder, step)
        self.n_threads = n_threads or cores()
        self.progress = progress
        self._spare: list[np.ndarray] = []  # fp32 (number,) each: keys and values of calls that have ended
        self.version = f"{ENGINE}:{checkpoint_hash(folder)}"
        one_each = len(self.vocabulary.step_tokens) == len(self.vocabulary.end_tokens) == 1
        if step != STEP_TEXT or not one_each:  # those follow from what is hashed
            self.version += f":{self.vocabulary.endings}"

    def _work(self, prefixes: list[np.ndarray], n_children: np.ndarray, largest: int = UNIT_SIZE) -> Work:
        """Order the prefixes so that neighbours share their beginnings, and cut them into units and jobs.

        Args:
            largest: children of a unit, at most.
        """
        most = int(np.clip(-(-n_children.sum() // (2 * self.n_threads)), min(16, largest), largest))
        first = np.concatenate([[0], np.cumsum(n_children)])
        order = sorted(range(len(prefixes)), key=lambda i: prefixes[i].tobytes())
        units = [
            (i, first[i] + start, min(first[i] + start + most, first[i + 1]))
            for i in order
            for start in range(0, n_children[i], most)
        ]
        table = np.array(units, np.int64).reshape(-1, 3)
        n_jobs = min(len(units), JOBS_PER_THREAD * self.n_threads)
        return Work(
            tokens=np.concatenate(prefixes).astype(np.int32),
            starts=_starts([len(prefix) for prefix in prefixes]),
            unit_request=np.ascontiguousarray(table[:, 0]),
            unit_first=np.ascontiguousarray(table[:, 1]),
            unit_last=np.ascontiguousarray(table[:, 2]),
            job_starts=np.linspace(0, len(units), n_jobs + 1).astype(np.int64),
            control=np.zeros(2, np.int64),
        )

    def _memory(self, length: int, n_sequences: int, n_new: int) -> Memory:
        """One worker's memory for sequences of up to `length` tokens.

        As many of the n_sequences as a step has rows may share nothing; each has up to `n_new` tokens of its own.
        """
        n, ring = ROWS_PER_STEP, ROWS_PER_STEP // 2
        pages_each = -(-length // PAGE)
        n_pages = (n + ring) * pages_each + max(0, n_sequences - n) * min(-(-n_new // PAGE) + 1, pages_each)
        rows = Rows(
            token=np.zeros(n, np.int32),
            position=np.zeros(n, np.int32),
            sequence=np.zeros(n, np.int32),
            wants_head=np.zeros(n, np.int32),
            pages=np.zeros((n_sequences + ring, pages_each), np.int32),
            kv=self._kv(n_pages),
        )
        counts = np.zeros(N_COUNTS, np.int64)
        counts[N_FREE] = n_pages
        state = State(
            free=np.arange(n_pages, dtype=np.int32)[::-1].copy(),
            uses=np.zeros(n_pages, np.int32),
            ring_request=np.zeros(ring, np.int64),
            ring_next=np.zeros(ring, np.int64),
            ring_last=np.zeros(ring, np.int64),
            ring_read=np.zeros(ring, np.int64),
            counts=counts,
            done=np.zeros(1, np.int64),
        )
        return Memory(new_buffers(self.model, n, length), rows, state)

    def _kv(self, n_pages: int) -> np.ndarray:
        """Keys and values of so many pages, all of them numbers: fresh memory would cost more than a small call."""
        size = self.config.n_layers * n_pages * self.model.page_size
        room = self._spare.pop() if self._spare else np.zeros(0, np.float32)
        if len(room) < size:
            room = np.zeros(size, np.float32)
        return room[:size].reshape(self.config.n_layers, n_pages, -1)

    def _run(self, work: Work, memory: Callable[[], Memory], run: Worker, n_total: int, unit: str) -> None:
        """Run one worker per thread; show how many of n_total are done; stop all of them on an exception."""
        n_threads = min(self.n_threads, len(work.job_starts) - 1)
        memories = [memory() for _ in range(n_threads)]
        with (
            ThreadPoolExecutor(n_threads) as pool,
            tqdm(total=n_total, unit=unit, disable=not self.progress, mininterval=1.0) as bar,
        ):
            try:
                pending = {pool.submit(run, memory) for memory in memories}
                while pending:
                    finished, pending = wait(pending, timeout=PROGRESS_INTERVAL)
                    bar.update(sum(int(memory.state.done[0]) for memory in memories) - bar.n)
                    for future in finished:
                        future.result()
            finally:
                work.control[1] = 1
        rooms: list[Any] = [memory.rows.kv.base for memory in memories]
        self._spare += [room for room in rooms if room.nbytes <= SPARE_BYTES]


class NativePolicy(_Engine):
    """A policy (`tts_lib.answers.protocols.Policy`) on the CPU."""

    def __init__(
        self,
        folder: Path,
        n_threads: int | None = None,
        progress: bool = False,
        step: str = STEP_TEXT,
        end: str | None = None,
    ):
        """Load a policy whose steps are closed by tokens that hold `step`; it stops at the text `end`, if there is one.

        (`tts_lib.engines.ending` cuts what stands behind `end` in the token that completes it.)
        """
        super().__init__(folder, n_threads, progress, is_verifier=False, step=step)
        self._matched = moves(end, token_texts(folder, self.config.vocab_size))

    def sample(self, requests: Sequence[SampleRequest], sampling: Sampling) -> list[Samples]:
        """Samples of each request.

        Raises:
            ValueError: a setting or request out of range.
        """
        check_sampling(sampling)
        check_sample_requests(requests, self.config.vocab_size, self.config.max_length)
        if not requests:
            return []
        prefixes, which = _distinct([request.prefix for request in requests])
        order = np.argsort(which, kind="stable")  # samples are counted in this order, so that equal prefixes are one
        n_each = np.array([len(requests[i].seeds) for i in order], np.int64)
        n_total = int(n_each.sum())
        longest = max(len(request.prefix) for request in requests)
        length = min(longest + sampling.max_tokens, self.config.max_length)
        max_tokens = min(sampling.max_tokens, self.config.max_length - min(len(r.prefix) for r in requests))
        drawn = Drawn(
            seeds=np.concatenate([requests[i].seeds for i in order]),
            tokens=np.empty((n_total, max_tokens), np.int32),
            lengths=np.zeros(n_total, np.int32),
            finish=np.zeros(n_total, np.uint8),
            state=np.zeros(n_total, np.uint8),
            logprobs=np.empty((n_total, max_tokens) if sampling.logprobs else (0, 0), np.float32),
        )
        settings = Settings(
            temperature=float(sampling.temperature),
            top_p=float(sampling.top_p),
            max_tokens=sampling.max_tokens,
            max_length=self.config.max_length,
            vocab_size=self.config.vocab_size,
            ending=kinds(self.vocabulary.ends, self.vocabulary.closes, sampling.until == "step"),
            matched=self._matched,
        )
        page_bytes = 4 * self.config.n_layers * self.model.page_size
        room = KV_BYTES // (page_bytes * (-(-max_tokens // PAGE) + 1))
        under_way = min(UNDER_WAY, n_total, max(room, ROWS_PER_STEP))
        work = self._work(prefixes, np.bincount(which[order], n_each).astype(np.int64), min(UNIT_SIZE, under_way))
        follower = np.full(n_total, -1, np.int64)

        def run(memory: Memory) -> None:
            width = -(-self.model.n_out // LANES) * LANES
            branches = Branches(
                first=np.zeros(under_way, np.int64),
                follower=follower,
                position=np.zeros(under_way, np.int32),
                token=np.zeros(under_way, np.int32),
                live=np.zeros(under_way, np.int32),
                spare=np.arange(under_way, dtype=np.int32)[::-1].copy(),
                heir=np.full(width, -1, np.int32),
                first_logits=np.zeros((len(memory.state.ring_next), width), np.float32),
                scratch=np.zeros(2 * width + 17, np.float32),
                counts=np.array([0, under_way, 0]),
            )
            sample_worker(self.model, memory, work, branches, settings, drawn)

        self._run(work, lambda: self._memory(length, under_way, max_tokens), run, n_total, "sample")
        is_token = np.arange(max_tokens) < drawn.lengths[:, None]
        tokens = drawn.tokens[is_token]
        logprobs = drawn.logprobs[is_token] if sampling.logprobs else None
        offsets, first = _starts(drawn.lengths), _starts(n_each)
        results: dict[int, Samples] = {}
        for i, (begin, end) in zip(order.tolist(), itertools.pairwise(first), strict=True):
            span = slice(offsets[begin], offsets[end])
            results[i] = Samples(
                tokens=tokens[span],
                offsets=offsets[begin : end + 1] - offsets[begin],
                finish=drawn.finish[begin:end],
                logprobs=None if logprobs is None else logprobs[span],
            )
        return [results[i] for i in range(len(requests))]


class NativeVerifier(_Engine):
    """A verifier (`tts_lib.answers.protocols.Verifier`) on the CPU."""

    def __init__(self, folder: Path, n_threads: int | None = None, progress: bool = False, step: str = STEP_TEXT):
        """Load a verifier of steps that are closed by tokens that hold `step`."""
        super().__init__(folder, n_threads, progress, is_verifier=True, step=step)

    def score(self, requests: Sequence[ScoreRequest]) -> list[list[np.ndarray]]:
        """Step scores of each continuation of each request.

        Raises:
            ValueError: a request out of range.
        """
        check_score_requests(requests, self.config.vocab_size, self.config.max_length)
        texts = [text for request in requests for text in request.continuations]
        if not texts:
            return [[] for _ in requests]
        n_each = np.array([len(request.continuations) for request in requests], np.int64)
        tokens = np.concatenate(texts).astype(np.int32)
        starts = _starts([len(text) for text in texts])
        closes = (self.vocabulary.closes | self.vocabulary.ends)[tokens].astype(np.uint8)
        closes[starts[1:] - 1] = 1
        listed = Texts(tokens, starts, closes, np.zeros(len(tokens), np.float32))
        work = self._work([request.prefix for request in requests], n_each)
        length = max(len(r.prefix) + len(text) for r in requests for text in r.continuations)
        length = max(length, *(len(r.prefix) for r in requests))

        def run(memory: Memory) -> None:
            reading = Reading(np.zeros(ROWS_PER_STEP, np.int64), np.zeros(ROWS_PER_STEP, np.int32))
            score_worker(self.model, memory, work, reading, listed)

        self._run(work, lambda: self._memory(length, ROWS_PER_STEP, 0), run, len(texts), "text")
        scores = probability(listed.logits)
        each = iter([scores[a:b][closes[a:b] == 1] for a, b in itertools.pairwise(starts)])
        return [[next(each) for _ in request.continuations] for request in requests]


def _distinct(prefixes: Sequence[np.ndarray]) -> tuple[list[np.ndarray], np.ndarray]:
    """(the distinct prefixes, number of each prefix among them (prefix,))."""
    numbers: dict[bytes, int] = {}
    which = np.array([numbers.setdefault(prefix.astype(np.int32).tobytes(), len(numbers)) for prefix in prefixes])
    return [np.frombuffer(key, np.int32) for key in numbers], which


def _starts(lengths: Sequence[int] | np.ndarray) -> np.ndarray:
    return np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
