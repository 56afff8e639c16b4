"""Engines against each other on a model of a study: tokens a processor second, share of the peak, the same pass@1.

    python -m benchmarks.throughput FOLDER [--model base] [--engines native vllm ...] [--output throughput.json]

FOLDER is a study with its questions and this model: `.`, or `studies/smollm` after
`make study PROFILE=smollm ARGS="questions-files model-checkpoint"`, a minute. Of it nothing is changed. Every engine
samples the same questions, as often, as the study samples them (prompts, temperature, what ends a solution):

    native     the compiled engine, in fp32
    reference  the reference engine, in the folder's number format, with the random numbers of native
    generate   `transformers` generate, in that format too
    vllm       vLLM on the CPU, as a study runs it, in that format

Each runs in a process of its own on one thread, once its batch (sequences computed together) has been chosen on a few
questions. Tokens are counted up to and with the end of a solution, seconds are the processor's, from the first request
to the last sample, once the model is loaded and has answered one question. `generate` reads every prompt for each
sample: give it fewer questions (`--questions 8 --tried 4`). The peak is that of torch's matrix product on one thread in
the same process; the share of it is what the tokens' matrix products would take if each sample were computed alone:
what is shared, a prompt or the tokens that samples have in common, is computed once, so that a share may exceed 100%.
pass@1 is compared by paired differences over questions. vLLM wants the environment of `make venv-vllm`, or is left out.
"""

import argparse
import json
import multiprocessing
import os
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from tts_lib.answers.protocols import FINISH_LENGTH, Policy, SampleRequest, Samples, Sampling
from tts_lib.answers.question_table import QuestionTable
from tts_lib.common import paths, rng, tables
from tts_lib.engines.ending import ended
from tts_lib.engines.opening import close, open_policy
from tts_lib.estimators import intervals
from tts_lib.grading import verdicts
from tts_lib.grading.judging import open_judge
from tts_lib.models import checkpoint, pointer
from tts_lib.models.tokenizer import TokenCodec
from tts_lib.models.vocabulary import Vocabulary
from tts_lib.study.config import loading

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
}


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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--model", default="base", help="in the study's models/ (default: base)")
    parser.add_argument("--engines", nargs="+", choices=BATCHES, default=list(BATCHES), metavar="ENGINE")
    parser.add_argument("--split", default="train", help="of the questions (default: train)")
    parser.add_argument("--questions", type=int, default=200)
    parser.add_argument("--samples", type=int, default=16, help="a question")
    parser.add_argument("--tried", type=int, default=16, help="questions on which settings are tried")
    parser.add_argument("--output", type=Path, default=Path("throughput.json"))
    options = parser.parse_args()
    output = options.output.resolve()
    study = loading.load(options.folder / "params.yaml").model_dump()
    os.chdir(options.folder)  # what the study names stands relative to it

    problems = tables.read_table(paths.problems(options.split), ["question_id", "problem", "answer"])
    problems = problems.head(options.questions)
    target = pointer.resolve(paths.model(options.model))
    questions = QuestionTable(problems, TokenCodec.from_folder(target.weights))
    prompts = list(questions.prompts.values())
    flops = flops_per_token(target.weights, float(np.mean([len(prompt) for prompt in prompts])))
    sampling = Sampling(*(study["sampling"][name] for name in ("temperature", "top_p", "max_tokens")), until="end")
    seeds = [rng.derive_seeds(("throughput", name), options.samples) for name in questions.prompts]
    done: dict[str, Done] = {}
    rows: dict[str, Any] = {}
    for engine in options.engines:
        if engine == "vllm" and find_spec("vllm") is None:
            print(f"{engine}: vLLM is not installed here; `make venv-vllm` makes an environment that has it")
            continue
        work = Work(Path.cwd(), options.model, engine, 0, prompts, seeds, sampling)
        done[engine], tried = best_of(work, options.tried)
        rows[engine] = {"tried": tried} | speed(done[engine], flops)
        print(f"{engine}: {json.dumps(rows[engine])}", flush=True)
    with open_judge(study["grading"], paths.JUDGEMENTS) as judge:
        asked = QuestionTable(problems, questions.codec, judge)
        right = {engine: shares_right(asked, each.samples) for engine, each in done.items()}
    for engine, row in rows.items():
        row |= {"pass_at_1": mean(right[engine])}
        if engine != options.engines[0]:
            row |= against(options.engines[0], right, done, engine)
        print(f"{engine}: {json.dumps({name: row[name] for name in row if name not in ('tried', 'peak')})}")
    counts = {"flops_per_token": flops, "questions": len(prompts), "samples": options.samples}
    output.write_text(json.dumps(counts | {"engines": rows}, indent=2) + "\n")


def best_of(work: Work, n_tried: int) -> tuple[Done, dict[int, float]]:
    """The work done with the best batch, and the tokens a second of each that was tried on the first questions."""
    batches = BATCHES[work.engine] or (0,)
    few = replace(work, prompts=work.prompts[:n_tried], seeds=work.seeds[:n_tried])
    tried = {batch: rate(apart(replace(few, batch=batch))) for batch in batches} if len(batches) > 1 else {}
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
    policy = opened(work)
    requests = [SampleRequest(*each) for each in zip(work.prompts, work.seeds, strict=True)]
    policy.sample(requests[:1], work.sampling)
    begun = time.process_time(), time.perf_counter()
    samples = policy.sample(requests, work.sampling)
    spent = time.process_time() - begun[0], time.perf_counter() - begun[1]
    close(policy)
    return Done(work.batch, samples, *spent, peak)


def opened(work: Work) -> Policy:
    """The engine, of which every one ends a solution where the study's model does."""
    folder = paths.model(work.model)
    target = pointer.resolve(folder)
    match work.engine:
        case "native":
            return open_policy(folder, {"kind": "native"})
        case "reference":
            return open_policy(folder, {"kind": "reference", "device": "cpu", "batch_size": work.batch})
        case "generate":
            policy: Policy = Generate(target, work.batch)
        case _:
            policy = vllm_policy(target, work)
    if target.end is None:
        return policy
    end_token = Vocabulary.of(target.weights, target.step or "\n").end_tokens[0]
    return ended(policy, TokenCodec.from_folder(target.weights), target.end, end_token)


def vllm_policy(target: pointer.Target, work: Work) -> Policy:
    from tts_lib.engines.vllm.policy import VllmPolicy
    from tts_lib.engines.vllm.settings import VllmSettings

    window = max(map(len, work.prompts)) + work.sampling.max_tokens + 1
    settings = VllmSettings(max_model_len=window, gpu_memory=0.1, max_sequences=work.batch)
    return VllmPolicy(target.weights.resolve(), settings=settings, stop=target.step, end=target.end)


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


def rate(done: Done) -> float:
    return done.n_tokens / done.cpu_seconds


def speed(done: Done, flops: float) -> dict[str, Any]:
    """Tokens a second, and their share of each format's peak."""
    share = {name: rate(done) * flops / peak for name, peak in done.peak.items()}
    counts = {"batch": done.batch, "tokens": done.n_tokens, "cpu_seconds": done.cpu_seconds, "seconds": done.seconds}
    return counts | {"tokens_per_cpu_second": rate(done), "share_of_peak": share, "peak": done.peak}


def flops_per_token(folder: Path, n_positions: float) -> float:
    """2 per weight of the matrices, and 4 per position, layer and channel of attention."""
    config = json.loads((folder / "config.json").read_text())
    shapes = {name: shape for name, shape in checkpoint.tensor_shapes(folder).items() if len(shape) == 2}
    if "lm_head.weight" in shapes:  # else the embeddings are the head
        shapes.pop("model.embed_tokens.weight")
    attention = 4 * config["num_hidden_layers"] * n_positions * config["hidden_size"]
    return 2.0 * sum(a * b for a, b in shapes.values()) + attention


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


def shares_right(questions: QuestionTable, samples: Sequence[Samples]) -> np.ndarray:
    """pass@1 (question,) of the first questions."""
    found = []
    for question, each in zip(questions, samples, strict=False):
        texts = questions.codec.decode(list(each))
        judged = questions.judged(question.question_id, texts).verdicts
        found.append(np.mean([verdict == verdicts.CORRECT for verdict in judged]))
    return np.array(found)


def mean(values: np.ndarray) -> dict[str, float]:
    weights = intervals.bootstrap_weights(len(values), 10_000, rng.generator("throughput"))
    return asdict(intervals.mean_interval(values, weights))


def against(first: str, right: dict[str, np.ndarray], done: dict[str, Done], engine: str) -> dict[str, Any]:
    """What pass@1 has over that of the first engine on the same questions, and how many samples are the same."""
    n = min(len(right[engine]), len(right[first]))
    pairs = zip(done[first].samples[:n], done[engine].samples[:n], strict=True)
    equal = [np.array_equal(a[i], b[i]) for a, b in pairs for i in range(len(a))]
    difference = intervals.difference_interval(right[engine][:n] - right[first][:n])
    return {"against": first, "difference": asdict(difference), "equal_samples": float(np.mean(equal))}


if __name__ == "__main__":
    main()
