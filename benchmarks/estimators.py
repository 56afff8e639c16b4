"""Time of the estimators on a full pool against a plain Python loop: `python benchmarks/estimators.py`.

The loop does the same work on a few questions and resamples; its time is scaled up linearly and marked as such.
"""

import argparse
import time

import numpy as np

from tts_lib.common.budgets import doublings
from tts_lib.estimators.selection import AGGREGATIONS, aggregate_steps
from tts_lib.estimators.subsets import best_of_n, vote


def make_pool(n_problems: int, n_samples: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, dict]:
    """Answers from a Zipf-like distribution over 60 classes, 2-8 steps a solution; scores by aggregation."""
    frequency = 1.0 / np.arange(1, 61)
    shape = (n_problems, n_samples)
    answers = rng.choice(60, size=shape, p=frequency / frequency.sum())
    right = rng.choice(60, size=n_problems, p=frequency / frequency.sum())
    offsets = np.concatenate([[0], np.cumsum(rng.integers(2, 9, size=n_problems * n_samples))])
    steps = rng.random(offsets[-1])
    scores = {how: aggregate_steps(steps, offsets, how).reshape(shape) for how in AGGREGATIONS}
    return answers == right[:, None], answers, scores


def plain_loop(correct: np.ndarray, answers: np.ndarray, scores: dict, budgets: list[int], n_resamples: int) -> int:
    """Best-of-N, majority and weighted votes one subset at a time; returns the number of right answers."""
    rng = np.random.default_rng(0)
    right = 0
    for row in range(len(correct)):
        for budget in budgets:
            for _ in range(n_resamples):
                subset = rng.permutation(correct.shape[1])[:budget].tolist()
                for weights in (None, *(values[row] for values in scores.values())):
                    sums: dict[int, float] = {}
                    for i in subset:
                        sums[answers[row, i]] = sums.get(answers[row, i], 0.0) + (1 if weights is None else weights[i])
                    winner = max(sums, key=lambda answer: sums[answer])
                    right += correct[row, subset[[answers[row, i] for i in subset].index(winner)]]
                    if weights is not None:
                        right += correct[row, max(subset, key=lambda i: weights[i])]
    return right


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--problems", type=int, default=500)
    parser.add_argument("--samples", type=int, default=512)
    parser.add_argument("--resamples", type=int, default=200)
    args = parser.parse_args()
    rng = np.random.default_rng(0)
    correct, answers, scores = make_pool(args.problems, args.samples, rng)
    budgets = doublings(args.samples)

    start = time.perf_counter()
    for values in scores.values():
        best_of_n(correct, values, budgets)
    best = time.perf_counter() - start
    start = time.perf_counter()
    vote(correct, answers, {"majority": None, **scores}, budgets, rng, args.resamples)
    votes = time.perf_counter() - start
    start = time.perf_counter()
    plain_loop(correct[:2], answers[:2], {how: v[:2] for how, v in scores.items()}, budgets, 2)
    loop = (time.perf_counter() - start) * (args.problems / 2) * (args.resamples / 2)

    print(f"{args.problems} questions x {args.samples} samples, budgets {budgets}, {args.resamples} resamples")
    print(f"best-of-N, 4 aggregations, all subsets     {best:8.2f} s")
    print(f"majority + 4 weighted votes                {votes:8.2f} s")
    print(f"together                                   {best + votes:8.2f} s")
    print(f"plain loop (2 questions x 2 resamples, scaled) {loop:8.0f} s, {loop / (best + votes):.0f} times as long")


if __name__ == "__main__":
    main()
