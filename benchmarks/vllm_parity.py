"""vLLM against the native engine on the checkpoints of a finished study: same answers, same scores, and what it costs.

    python benchmarks/vllm_parity.py path/to/study [--output parity.json]

The study trained its models: its folder has models/base, models/verifiers/prm and data/problems/test.parquet
(models/large too, if it is to be compared). Samplers alone, of any model, are compared by `benchmarks.throughput`.
Both engines sample pools of the same questions. The same seeds mean other random numbers to each; so pass@1 and PRM
scores are compared by paired differences over questions, greedy tokens and the scores of given texts directly. Beam
search counts calls and the prompt tokens that one call for each question and step would send (search-and-learn's
pattern, every beam with its whole prefix). Needs the environment of `make test-vllm`, or a GPU.
"""

import argparse
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import psutil
from scipy.stats import permutation_test

from tts_lib.answers.protocols import FINISH_END, Policy, SampleRequest, Sampling, ScoreRequest, Verifier
from tts_lib.answers.question_table import QuestionTable
from tts_lib.common import rng, tables
from tts_lib.engines.native.engine import NativePolicy, NativeVerifier
from tts_lib.engines.vllm.policy import VllmPolicy
from tts_lib.engines.vllm.settings import VllmSettings
from tts_lib.engines.vllm.verifier import VllmVerifier
from tts_lib.estimators import intervals
from tts_lib.grading import exact, verdicts
from tts_lib.models.tokenizer import TokenCodec
from tts_lib.search import over_questions
from tts_lib.search.beam import Beam
from tts_lib.search.step_search import StepSearch

SAMPLING = Sampling(temperature=0.8, top_p=1.0, max_tokens=100, until="end")
BEAM = StepSearch(
    method=Beam(width=4),
    temperature=SAMPLING.temperature,
    top_p=SAMPLING.top_p,
    max_step_tokens=16,
    max_tokens=SAMPLING.max_tokens,
    max_rounds=40,
    duplicates="keep",
)


class CountingPolicy(VllmPolicy):
    """Counts the prompt tokens that vLLM was given and found in its cache."""

    n_calls = n_given = n_cached = 0

    def run(self, call: str, prompts: Sequence[np.ndarray], *args: Any, **options: Any) -> list[Any]:
        outputs = super().run(call, prompts, *args, **options)
        self.n_calls += 1
        self.n_given += sum(map(len, prompts))
        self.n_cached += sum(output.num_cached_tokens or 0 for output in outputs)
        return outputs


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("study", type=Path)
    parser.add_argument("--questions", type=int, default=64, help="of the pools")
    parser.add_argument("--samples", type=int, default=64, help="a question")
    parser.add_argument("--beam-questions", type=int, default=32)
    parser.add_argument("--greedy-questions", type=int, default=100)
    parser.add_argument("--gpu-memory", type=float, default=0.05, help="share of the memory, for each engine")
    parser.add_argument("--output", type=Path, default=Path("vllm_parity.json"))
    options = parser.parse_args()

    models = options.study / "models"
    problems = tables.read_table(options.study / "data/problems/test.parquet", ["question_id", "problem", "answer"])
    codec = TokenCodec.from_folder(models / "base")
    result: dict[str, Any] = {}
    settings = VllmSettings(gpu_memory=options.gpu_memory)
    with CountingPolicy(models / "base", settings=settings) as policy:
        prompt = codec.encode([problems["problem"].iloc[0]])[0]
        policy.sample([SampleRequest(prompt, np.zeros(1, np.uint64))], SAMPLING)
        started = time.time() - psutil.Process().create_time()
        result["cold_start_seconds"] = {"wall": started, "processor": time.process_time()}
        with VllmVerifier(models / "verifiers/prm", settings) as verifier:
            native = NativePolicy(models / "base"), NativeVerifier(models / "verifiers/prm")
            asked = problems.head(options.questions)
            ours, theirs = (pool(*pair, codec, asked, options.samples) for pair in ((policy, verifier), native))
            result |= compared(ours, theirs)
            result |= {"scores_of_given_texts": score_gap(verifier, native[1], codec, asked, theirs)}
            result |= {"greedy_base": greedy(policy, native[0], codec, problems.head(options.greedy_questions))}
            result |= beam(policy, verifier, native, QuestionTable(problems.head(options.beam_questions), codec))
    if (models / "large").is_dir():
        with VllmPolicy(models / "large", settings=settings) as large:
            native_large = NativePolicy(models / "large")
            result |= {"greedy_large": greedy(large, native_large, codec, problems.head(options.greedy_questions))}
    for name, value in result.items():
        print(f"{name:32} {json.dumps(value)}")
    options.output.write_text(json.dumps(result, indent=2) + "\n")


def pool(
    policy: Policy, verifier: Verifier, codec: TokenCodec, problems: pd.DataFrame, n_samples: int
) -> tuple[pd.DataFrame, float]:
    """Samples with verdict and PRM score of the last step (NaN for truncated ones), and the seconds of sampling."""
    prompts = codec.encode(problems["problem"].tolist())
    requests = [
        SampleRequest(prompt, rng.derive_seeds(("parity", question), n_samples))
        for question, prompt in zip(problems["question_id"], prompts, strict=True)
    ]
    start = time.perf_counter()
    sampled = policy.sample(requests, SAMPLING)
    seconds = time.perf_counter() - start
    parts = []
    for request, samples, question, gold in zip(
        requests, sampled, problems["question_id"], problems["answer"], strict=True
    ):
        texts = [samples[i] for i in range(n_samples)]
        ended = np.flatnonzero(samples.finish == FINISH_END)
        score = np.full(n_samples, np.nan)
        ((*scores,),) = verifier.score([ScoreRequest(request.prefix, [texts[i] for i in ended])])
        score[ended] = [each[-1] for each in scores]
        correct = [exact.grade(text, gold)[1] == verdicts.CORRECT for text in codec.decode(texts)]
        parts.append(pd.DataFrame({"question_id": question, "tokens": texts, "correct": correct, "score": score}))
    return pd.concat(parts, ignore_index=True), seconds


def compared(ours: tuple[pd.DataFrame, float], theirs: tuple[pd.DataFrame, float]) -> dict[str, Any]:
    """Paired differences vLLM minus native over questions, with 95% intervals and sign-flip tests."""
    result: dict[str, Any] = {"seconds": {"vllm": ours[1], "native": theirs[1]}}
    tables_of = [each[0].assign(above_half=each[0]["score"] > 0.5) for each in (ours, theirs)]
    for name in ("correct", "score", "above_half"):
        a, b = (t.groupby("question_id", sort=False)[name].mean().to_numpy(float) for t in tables_of)
        both = ~(np.isnan(a) | np.isnan(b))
        result[f"mean_{name}"] = {"vllm": a[both].mean(), "native": b[both].mean()} | difference(a[both], b[both])
    a, b = (t.groupby("question_id", sort=False)["score"].std().to_numpy(float) for t in tables_of)
    both = ~(np.isnan(a) | np.isnan(b))
    result["spread_score"] = {"vllm": a[both].mean(), "native": b[both].mean()} | difference(a[both], b[both])
    return result


def difference(a: np.ndarray, b: np.ndarray) -> dict[str, float]:
    interval = intervals.difference_interval(a - b)
    test = permutation_test(
        (a, b), lambda x, y: np.mean(x - y), permutation_type="samples", n_resamples=9999, rng=rng.generator("parity")
    )
    return {"difference": interval.estimate, "low": interval.low, "high": interval.high, "p": float(test.pvalue)}


def score_gap(
    verifier: Verifier, native: Verifier, codec: TokenCodec, problems: pd.DataFrame, pooled: tuple[pd.DataFrame, float]
) -> dict[str, float]:
    """The largest difference between the step scores that both verifiers give to the same texts."""
    prompts = dict(zip(problems["question_id"], codec.encode(problems["problem"].tolist()), strict=True))
    requests = [ScoreRequest(prompts[q], list(rows["tokens"])) for q, rows in pooled[0].groupby("question_id")]
    pairs = zip(verifier.score(requests), native.score(requests), strict=True)
    gaps = [np.abs(a - b) for one, other in pairs for a, b in zip(one, other, strict=True)]
    return {"steps": sum(map(len, gaps)), "largest": float(np.concatenate(gaps).max())}


def greedy(policy: Policy, native: Policy, codec: TokenCodec, problems: pd.DataFrame) -> dict[str, int]:
    """How many questions get the same greedy tokens from both engines."""
    requests = [SampleRequest(prompt, np.zeros(1, np.uint64)) for prompt in codec.encode(problems["problem"].tolist())]
    settings = Sampling(0.0, 1.0, SAMPLING.max_tokens, "end")
    pairs = zip(policy.sample(requests, settings), native.sample(requests, settings), strict=True)
    return {"questions": len(requests), "equal": sum(np.array_equal(a[0], b[0]) for a, b in pairs)}


def beam(
    policy: CountingPolicy,
    verifier: Verifier,
    native: tuple[Policy, Verifier],
    questions: QuestionTable,
    budget: int = 16,
) -> dict[str, Any]:
    """Beam search (N = 16, M = 4): accuracy of both engines, and what one question and step at a time would send."""
    before = policy.n_calls, policy.n_given, policy.n_cached
    found, calls = over_questions.run(BEAM, questions, [budget], policy, verifier, ("parity", "base"))
    n_calls, n_given, n_cached = np.subtract((policy.n_calls, policy.n_given, policy.n_cached), before).tolist()
    other, _ = over_questions.run(BEAM, questions, [budget], *native, ("parity", "base"))
    a, b = found["correct"].to_numpy(float), other["correct"].to_numpy(float)
    return {
        "beam_correct": {"vllm": a.mean(), "native": b.mean()} | difference(a, b),
        "beam_calls": calls | {"vllm_generate": n_calls, "one_per_question_and_step": int(found["rounds"].sum())},
        "beam_prompt_tokens": {
            "ledger_once_a_request": int(found["policy_prefill_tokens"].sum()),
            "one_per_beam_and_step": n_given,
            "found_in_cache": n_cached,
            "computed": n_given - n_cached,
        },
    }


if __name__ == "__main__":
    main()
