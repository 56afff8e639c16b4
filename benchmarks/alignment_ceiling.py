"""How much of what is out of place could be seen at all: `python benchmarks/alignment_ceiling.py` (5 minutes).

The pools of `benchmarks/alignment.py` with some questions or samples exchanged, or a block of rows slipped by one, are
judged by a reader who knows how pools are made, that is how often each answer is given, the mean accuracy and the share
out of place, but not which. It refuses a pool that is a hundred times likelier than an honest one; so is fewer than one
honest pool in a hundred (Markov's inequality). A check that knows none of this can hardly do better.
"""

import argparse
from collections import Counter
from functools import cache
from math import log

import numpy as np
from scipy.stats import beta

from benchmarks.alignment import ANSWERS, N_SAMPLES, USUAL, Pool
from tts_lib.common import rng

SHARES = (0.1, 0.2, 0.4, 0.8)
_NODES = (np.arange(24) + 0.5) / 24  # quantiles of the questions' accuracies
_N_DRAWN = 1_000_000  # answers that tell how often each is given


@cache
def frequencies(draw) -> dict[str, float]:
    answers, counts = np.unique(draw(np.random.default_rng(0), _N_DRAWN).astype(str), return_counts=True)
    return dict(zip(answers, counts / _N_DRAWN, strict=True))


class Reader:
    """Knows how a pool is made.

    Args:
        golds: of its questions.
        draw: the distribution of golds and wrong answers.
        mean: the mean accuracy.
    """

    def __init__(self, golds: np.ndarray, draw, mean: float) -> None:
        self.n, self.mean, self.how_often = len(golds), mean, frequencies(draw)
        self.questions = Counter(golds)
        self.accuracy = beta.ppf(_NODES, 1.2 * mean, 1.2 * (1 - mean)).clip(1e-12, 1 - 1e-12)

    def log_likelihood(self, answers: np.ndarray, gold: str | None, share: float = 0.0) -> float:
        """Of the samples of one question, this share of which are of any other; a third of its wrong ones agree."""
        distinct, counts = np.unique(answers.astype(str), return_counts=True)
        wrong = np.array([self.how_often.get(answer, 0.5 / _N_DRAWN) for answer in distinct])
        stray = [
            self.mean * self.questions[a] / self.n + (1 - self.mean) * w for a, w in zip(distinct, wrong, strict=True)
        ]
        own = (distinct == gold)[:, None] * self.accuracy + (1 - self.accuracy) * 2 / 3 * wrong[:, None]
        each = (1 - share) * own + share * np.array(stray)[:, None]
        mistake = np.log(each + (1 - share) * (1 - self.accuracy) / 3) - np.log(each)
        without = counts @ np.log(each)
        terms = [
            without + log(max(1 - wrong.sum(), 1e-9)),
            *(without + np.log(wrong)[:, None] + counts[:, None] * mistake),
        ]
        return float(np.logaddexp.reduce(np.stack(terms), axis=None)) - log(len(_NODES))

    def log_ratio_slipped(self, pool: Pool, length: int) -> float:
        """Log-likelihood of a pool of which a block of so many rows slipped by one, less that of an honest one."""
        own, of_last, of_end = (
            np.array([self.log_likelihood(a, g) for g, a in zip(np.roll(pool.golds, by), pool.answers, strict=True)])
            for by in (0, 1, 1 - length)
        )
        gained = np.concatenate([[0.0], np.cumsum(of_last - own)])
        starts = np.arange(self.n - length + 1)  # the first row of a block has what belongs to its last
        ratios = gained[starts + length] - gained[starts + 1] + (of_end - own)[starts]
        return float(np.logaddexp.reduce(ratios)) - log(len(starts))

    def log_ratio(self, pool: Pool, share: float, of: str) -> float:
        """Log-likelihood of a pool with this share exchanged, less that of an honest one."""
        total = 0.0
        for gold, answers in zip(pool.golds, pool.answers, strict=True):
            own = self.log_likelihood(answers, gold)
            if of == "samples":
                total += self.log_likelihood(answers, gold, share) - own
                continue
            given = [answer for answer in set(answers) if answer in self.questions]
            rest = self.n - sum(self.questions[answer] for answer in given)
            of_others = [log(self.questions[a] / self.n) + self.log_likelihood(answers, a) for a in given]
            if rest:
                of_others.append(log(rest / self.n) + self.log_likelihood(answers, None))
            total += np.logaddexp(log(1 - share) + own, log(share) + np.logaddexp.reduce(of_others)) - own
        return float(total)


def slipped(random: np.random.Generator, answers: np.ndarray, share: float) -> np.ndarray:
    """A block of rows slipped by one."""
    length = round(share * len(answers))
    start = random.integers(len(answers) - length + 1)
    block = slice(start, start + length)
    found = answers.copy()
    found[block] = np.roll(answers[block], 1, axis=0)
    return found


def exchanged(random: np.random.Generator, answers: np.ndarray, share: float, of: str) -> np.ndarray:
    """Some rows or some samples passed round."""
    units = answers.copy() if of == "questions" else answers.ravel().copy()
    chosen = random.permutation(len(units))[: round(share * len(units))]
    units[chosen] = units[np.roll(chosen, 1)]
    return units.reshape(answers.shape)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--questions", type=int, default=50)
    parser.add_argument("--pools", type=int, default=100, help="of each kind")
    arguments = parser.parse_args()
    n = arguments.questions
    wrong_pools = [("questions", share) for share in SHARES] + [("samples", share) for share in SHARES]
    for of, share in [*wrong_pools, ("rows", 1 / 3), ("rows", 1.0)]:
        random = rng.generator("ceiling", of, str(share), n)
        refused, rich = [], []
        for _ in range(arguments.pools):
            draw = ANSWERS[random.integers(len(ANSWERS))]
            k = random.choice(N_SAMPLES[1:] if of == "samples" else N_SAMPLES)
            mean = random.uniform(*USUAL)
            golds, mistakes = draw(random, n), draw(random, n)
            is_right = random.random((n, k)) < random.beta(1.2 * mean, 1.2 * (1 - mean), n)[:, None]
            wrong = np.where(random.random((n, k)) < 1 / 3, mistakes[:, None], draw(random, n * k).reshape(n, k))
            answers = np.where(is_right, golds[:, None], wrong)
            reader = Reader(golds, draw, mean)
            if of == "rows":
                ratio = reader.log_ratio_slipped(Pool(golds, slipped(random, answers, share)), round(share * n))
            else:
                ratio = reader.log_ratio(Pool(golds, exchanged(random, answers, share, of)), share, of)
            refused.append(ratio > log(100))
            rich.append(k >= 4 and len(set(golds)) > n / 4)
        shown = f"all {np.mean(refused):.0%}, rich pools {np.mean(np.array(refused)[rich]):.0%}"
        how = "slipped" if of == "rows" else "exchanged"
        print(f"{share:.0%} of the {of} of {n} questions {how}, could be refused: {shown}", flush=True)


if __name__ == "__main__":
    main()
