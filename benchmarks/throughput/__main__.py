"""Engines against each other on a model of a study: tokens a processor second, share of the peak, the same pass@1.

    python -m benchmarks.throughput FOLDER [--model base] [--engines native vllm ...] [--output throughput.json]

FOLDER is a study with its questions and this model: `.`, or `studies/smollm` after
`make study PROFILE=smollm ARGS="questions-files model-checkpoint"`, a minute. Of it nothing is changed. Every engine
samples the same questions, as often, as the study samples them (prompts, temperature, what ends a solution):

    native     the compiled engine, in fp32
    reference  the reference engine, in the folder's number format, with the random numbers of native
    generate   `transformers` generate, in that format too
    vllm       vLLM on the CPU, as a study runs it, in that format
    openai     the same behind vLLM's server, asked as a study asks one; its processor seconds count too

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
import os
from collections.abc import Sequence
from dataclasses import asdict
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.throughput.engines import BATCHES, OF_VLLM, Done, Work, best_of
from tts_lib.answers.protocols import Samples, Sampling
from tts_lib.answers.question_table import QuestionTable
from tts_lib.common import paths, rng, tables
from tts_lib.estimators import intervals
from tts_lib.grading import verdicts
from tts_lib.grading.judging import open_judge
from tts_lib.models import checkpoint, pointer
from tts_lib.models.tokenizer import TokenCodec
from tts_lib.study.config import loading


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
        if engine in OF_VLLM and find_spec("vllm") is None:
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


def speed(done: Done, flops: float) -> dict[str, Any]:
    """Tokens a second, and their share of each format's peak."""
    share = {name: done.rate * flops / peak for name, peak in done.peak.items()}
    counts = {"batch": done.batch, "tokens": done.n_tokens, "cpu_seconds": done.cpu_seconds, "seconds": done.seconds}
    return counts | {"tokens_per_cpu_second": done.rate, "share_of_peak": share, "peak": done.peak}


def flops_per_token(folder: Path, n_positions: float) -> float:
    """2 per weight of the matrices, and 4 per position, layer and channel of attention."""
    config = json.loads((folder / "config.json").read_text())
    shapes = {name: shape for name, shape in checkpoint.tensor_shapes(folder).items() if len(shape) == 2}
    if "lm_head.weight" in shapes:  # else the embeddings are the head
        shapes.pop("model.embed_tokens.weight")
    attention = 4 * config["num_hidden_layers"] * n_positions * config["hidden_size"]
    return 2.0 * sum(a * b for a, b in shapes.values()) + attention


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
