"""The engines that are measured: each opened, and timed, in a process of its own on one thread."""

import multiprocessing
import os
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from benchmarks.throughput.server import serving
from tts_lib.answers.protocols import FINISH_LENGTH, Policy, SampleRequest, Samples, Sampling
from tts_lib.common import paths
from tts_lib.engines import opening
from tts_lib.engines.ending import ended
from tts_lib.models import pointer
from tts_lib.models.folder import STEP_TEXT
from tts_lib.models.tokenizer import TokenCodec
from tts_lib.models.vocabulary import Vocabulary

ENVIRONMENT = {  # of each engine's process
    **dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "TTS_CORES"), "1"),
    "VLLM_CPU_OMP_THREADS_BIND": "nobind",
    "MALLOC_MMAP_THRESHOLD_": "4294967296",  # without these, page faults make torch several times slower
    "MALLOC_TRIM_THRESHOLD_": "4294967296",
    "MALLOC_TOP_PAD_": "268435456",
}
BATCHES: dict[str, tuple[int, ...]] = {  # what is tried: sequences computed together
    "native": (),
    "reference": (64, 256),
    "generate": (16, 64, 256),
    "vllm": (64, 256),
    "openai": (256,),
}
OF_VLLM = ("vllm", "openai")


@dataclass(frozen=True)
class Work:
    """What an engine is asked for: everything that its process must know."""

    folder: Path  # of the study
    model: str
    engine: str
    batch: int
    prompts: list[np.ndarray]  # int32 (T,) each
    seeds: list[np.ndarray]  # uint64 (sample,) each
    sampling: Sampling

    @property
    def window(self) -> int:
        """Tokens of the longest text that may come."""
        return max(map(len, self.prompts)) + self.sampling.max_tokens + 1


@dataclass(frozen=True)
class Done:
    """What came of it."""

    batch: int
    samples: list[Samples]
    cpu_seconds: float
    seconds: float
    peak: dict[str, float]  # FLOP/s of a matrix product, by number format

    @property
    def n_tokens(self) -> int:
        return sum(len(each.tokens) for each in self.samples)

    @property
    def rate(self) -> float:
        """Tokens a processor second."""
        return self.n_tokens / self.cpu_seconds


def best_of(work: Work, n_tried: int) -> tuple[Done, dict[int, float]]:
    """The work done with the best batch, and the tokens a second of each that was tried on the first questions."""
    batches = BATCHES[work.engine] or (0,)
    few = replace(work, prompts=work.prompts[:n_tried], seeds=work.seeds[:n_tried])
    tried = {batch: apart(replace(few, batch=batch)).rate for batch in batches} if len(batches) > 1 else {}
    return apart(replace(work, batch=max(batches, key=lambda batch: tried.get(batch, 0)))), tried


def apart(work: Work) -> Done:
    """The work done in a process of its own."""
    os.environ.update(ENVIRONMENT)
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(measured, work).result()


def measured(work: Work) -> Done:
    """Sampling alone: what loads and compiles comes before."""
    import torch

    torch.set_num_threads(1)
    os.chdir(work.folder)
    peak = {str(dtype).removeprefix("torch."): peak_of(dtype) for dtype in (torch.float32, torch.bfloat16)}
    with ExitStack() as stack:
        policy = opened(work, stack)
        requests = [SampleRequest(*each) for each in zip(work.prompts, work.seeds, strict=True)]
        policy.sample(requests[:1], work.sampling)
        begun = processor(), time.perf_counter()
        samples = policy.sample(requests, work.sampling)
        spent = processor() - begun[0], time.perf_counter() - begun[1]
        return Done(work.batch, samples, *spent, peak)


def processor() -> float:
    """Seconds that this process and those that it started have used."""
    children = [each.cpu_times() for each in psutil.Process().children(recursive=True)]
    return time.process_time() + sum(times.user + times.system for times in children)


def opened(work: Work, stack: ExitStack) -> Policy:
    """The engine as a study opens it; each ends a solution where the study's model does."""
    folder = paths.model(work.model)
    target = pointer.resolve(folder)
    engine: dict[str, Any] = {"kind": work.engine}
    match work.engine:
        case "reference":
            engine |= {"device": "cpu", "batch_size": work.batch}
        case "generate":
            generate = Generate(target, work.batch)
            if target.end is None:
                return generate
            end_token = Vocabulary.of(target.weights, target.step or STEP_TEXT).end_tokens[0]
            return ended(generate, TokenCodec.from_folder(target.weights), target.end, end_token)
        case "vllm":
            engine |= {"dtype": "auto", "max_model_len": work.window, "gpu_memory": 0.1, "tensor_parallel": 1}
            engine |= {"max_sequences": work.batch, "workers": 1, "gpus_per_worker": 0, "cluster": None}
        case "openai":
            url = stack.enter_context(serving(target.weights.resolve(), folder.name, work.window, work.batch))
            engine |= {"url": url, "models": {folder.name: folder.name}, "token_ids": True, "concurrency": work.batch}
            engine |= {"requests_per_second": None, "timeout_seconds": 600.0, "n_tries": 1}
    return stack.enter_context(opening.serving(folder, engine))


class Generate:
    """A policy (`tts_lib.answers.protocols.Policy`) by `transformers` generate, as it is called."""

    version = "generate"

    def __init__(self, target: pointer.Target, batch: int) -> None:
        import torch
        import transformers

        self._model: Any = transformers.AutoModelForCausalLM.from_pretrained(target.weights)
        tokenizer = transformers.PreTrainedTokenizerFast(tokenizer_file=str(target.weights / "tokenizer.json"))
        self._stop = {} if target.end is None else {"stop_strings": [target.end], "tokenizer": tokenizer}
        self._pad, self._batch, self._torch = self._model.config.eos_token_id, batch, torch

    def sample(self, requests: Sequence[SampleRequest], sampling: Sampling) -> list[Samples]:
        """Samples of each request; seeds do not matter, as generate has one for a call."""
        torch = self._torch
        torch.manual_seed(0)
        rows = [request.prefix for request in requests for _ in request.seeds]
        found: list[np.ndarray] = []
        for start in range(0, len(rows), self._batch):
            batch = rows[start : start + self._batch]
            longest = max(map(len, batch))
            tokens = torch.full((len(batch), longest), self._pad)
            mask = torch.zeros_like(tokens)
            for i, row in enumerate(batch):
                tokens[i, longest - len(row) :] = torch.from_numpy(row.astype(np.int64))
                mask[i, longest - len(row) :] = 1
            out = self._model.generate(
                tokens,
                attention_mask=mask,
                do_sample=True,
                temperature=sampling.temperature,
                top_k=0,
                top_p=sampling.top_p,
                max_new_tokens=sampling.max_tokens,
                pad_token_id=self._pad,
                **self._stop,
            )[:, longest:]
            ends = (out == self._pad).int()
            kept = (ends.cumsum(1) - ends == 0).numpy()  # up to and with the first end token
            found += [row[keeps].astype(np.int32) for row, keeps in zip(out.numpy(), kept, strict=True)]
        drawn = iter(found)
        return [joined([next(drawn) for _ in request.seeds]) for request in requests]


def joined(each: list[np.ndarray]) -> Samples:
    finish = np.full(len(each), FINISH_LENGTH, np.uint8)
    return Samples(np.concatenate(each), np.cumsum([0, *map(len, each)], dtype=np.int64), finish, None)


def peak_of(dtype: Any, size: int = 1024, n_repeats: int = 30) -> float:
    """FLOP/s of torch's matrix product in this format, best of some."""
    import torch

    a, b = (torch.randn(size, size).to(dtype) for _ in range(2))
    c, fastest = torch.empty_like(a), np.inf
    for _ in range(n_repeats):
        begun = time.process_time()
        torch.mm(a, b, out=c)
        fastest = min(fastest, time.process_time() - begun)
    return 2 * size**3 / fastest
