"""How often sound pools are refused and mis-ordered ones are not: `python benchmarks/alignment.py` (3 minutes).

Pools are made up: golds and wrong answers as in MATH (a mixture of numbers, fractions and formulas), as in GSM8K
(numbers up to 5,000, round ones more often), of five digits, or of a few small numbers; samples per question and
accuracy are drawn for each. A wrong pool that is accepted counts as missed only where the check claims that it would
have seen so much out of place; otherwise it is undecided, which the import says.
"""

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd

from tts_lib.common import rng
from tts_lib.imported import alignment

Random = np.random.Generator
N_SAMPLES = (1, 2, 4, 16, 64)
N_QUESTIONS = (10, 20, 50, 100, 300)
USUAL, RECITING = (0.2, 0.9), (0.1, 0.9)  # accuracies
VERDICTS = ("refused", "accepted", "undecided")


@dataclass(frozen=True, eq=False)
class Pool:
    """A gold a question, and the answers to it."""

    golds: np.ndarray  # text (question,)
    answers: np.ndarray  # text (question, sample)


def math(random: Random, n: int) -> np.ndarray:
    """As in MATH: half small numbers, the others larger ones, fractions, roots, points and formulas."""
    a, b, c = (random.geometric(p, n) for p in (0.08, 0.12, 0.1))
    large = np.exp(random.uniform(3, 10, n)).astype(int)
    forms = ["{0}", "{3}", "\\frac{{{0}}}{{{1}}}", "{0}\\sqrt{{{1}}}", "({0},{1})", "x^{{{1}}}+{0}x-{2}"]
    form = random.choice(len(forms), n, p=[0.45, 0.17, 0.16, 0.07, 0.05, 0.1])
    return np.array([forms[f].format(*numbers) for f, *numbers in zip(form, a, b, c, large, strict=True)], object)


def gsm8k(random: Random, n: int) -> np.ndarray:
    """As in GSM8K: sizes even on a log scale, every third a multiple of ten, some of a hundred."""
    number = np.exp(random.uniform(0, np.log(5000), n)).astype(int)
    step = random.choice([1, 10, 100], n, p=[0.6, 0.3, 0.1])
    return np.where(number > 2 * step, number // step * step, number).astype(str).astype(object)


def five_digits(random: Random, n: int) -> np.ndarray:
    return random.integers(0, 100_000, n).astype(str).astype(object)


def few(random: Random, n: int) -> np.ndarray:
    return random.geometric(0.3, n).astype(str).astype(object)


ANSWERS = (math, gsm8k, five_digits, few)


def honest(random: Random, n: int, accuracy: tuple[float, float], least_samples: int = 1) -> Pool:
    """Questions differ in difficulty (a beta distribution), and a third of the wrong answers are the same mistake."""
    draw = ANSWERS[random.integers(len(ANSWERS))]
    k, mean = random.choice([k for k in N_SAMPLES if k >= least_samples]), random.uniform(*accuracy)
    golds, mistakes = draw(random, n), draw(random, n)
    is_right = random.random((n, k)) < random.beta(1.2 * mean, 1.2 * (1 - mean), n)[:, None]
    wrong = np.where(random.random((n, k)) < 1 / 3, mistakes[:, None], draw(random, n * k).reshape(n, k))
    return Pool(golds, np.where(is_right, golds[:, None], wrong))


def recited(random: Random, n: int, accuracy: tuple[float, float], share: float) -> Pool:
    """Half the questions are changed copies, beside their originals, after all of them, or anywhere."""
    pool = honest(random, n, accuracy)
    order = [np.arange(n), np.arange(n).reshape(2, -1).T.ravel(), random.permutation(n)][random.integers(3)]
    original, copy = order[0::2], order[1::2]
    answers = pool.answers.copy()
    recites = random.random(answers[copy].shape) < share
    answers[copy] = np.where(recites, pool.golds[original][:, None], answers[copy])
    return Pool(pool.golds, answers)


def tiled(random: Random, n: int, batch: int) -> Pool:
    """The samples of each batch of questions dealt out in turn."""
    pool = honest(random, n, USUAL, least_samples=2)
    return Pool(pool.golds, dealt(pool.answers, batch))


def dealt(answers: np.ndarray, batch: int) -> np.ndarray:
    """Answers (question, sample), those of each batch of questions dealt out in turn."""
    parts = (answers[i : i + batch] for i in range(0, len(answers), batch))
    return np.concatenate([part.T.reshape(part.shape) for part in parts])


def exchanged_questions(random: Random, n: int, share: float) -> Pool:
    """The samples of some questions passed round among them."""
    pool = honest(random, n, USUAL)
    answers, chosen = pool.answers.copy(), random.permutation(n)[: round(share * n)]
    answers[chosen] = answers[np.roll(chosen, 1)]
    return Pool(pool.golds, answers)


def exchanged_samples(random: Random, n: int, share: float) -> Pool:
    """Some samples permuted."""
    pool = honest(random, n, USUAL, least_samples=2)
    answers = pool.answers.ravel().copy()
    chosen = random.permutation(len(answers))[: round(share * len(answers))]
    answers[chosen] = answers[random.permutation(chosen)]
    return Pool(pool.golds, answers.reshape(pool.answers.shape))


def shifted(random: Random, n: int, by: int, share: float) -> Pool:
    """A block of questions slipped by some rows."""
    pool = honest(random, n, USUAL)
    length = round(share * n)
    answers, start = pool.answers.copy(), random.integers(n - length + 1)
    answers[start : start + length] = np.roll(answers[start : start + length], by, axis=0)
    return Pool(pool.golds, answers)


@dataclass(frozen=True)
class Kind:
    """How pools are made, and what of them is out of place."""

    make: Callable[[Random, int], Pool]
    of: str = ""  # questions or samples; none in an honest pool
    share: float = 0.0


KINDS = {
    "accuracy 0 to 2%": Kind(partial(honest, accuracy=(0.0, 0.02))),
    "accuracy 2 to 20%": Kind(partial(honest, accuracy=(0.02, 0.2))),
    "accuracy 20 to 90%": Kind(partial(honest, accuracy=USUAL)),
    **{f"recited {share:.0%}": Kind(partial(recited, accuracy=RECITING, share=share)) for share in (0.1, 0.3, 0.5)},
    **{f"tiled {batch}": Kind(partial(tiled, batch=batch), "samples", 1 - 1 / batch) for batch in (4, 8, 16, 25)},
    "shifted by 1": Kind(partial(shifted, by=1, share=1.0), "questions", 1.0),
    "shifted by 7": Kind(partial(shifted, by=7, share=1.0), "questions", 1.0),
    "a third shifted": Kind(partial(shifted, by=1, share=1 / 3), "questions", 1 / 3),
    **{
        f"{share:.0%} of {of} exchanged": Kind(partial(make, share=share), of, share)
        for of, make in (("questions", exchanged_questions), ("samples", exchanged_samples))
        for share in (0.1, 0.2, 0.4, 0.8)
    },
}


def verdict(pool: Pool, kind: Kind) -> str:
    """refused; else accepted, with the claim that so much out of place would have been seen, or undecided."""
    n, k = pool.answers.shape
    found = alignment.measure(pool.golds.tolist(), np.repeat(np.arange(n), k), pool.answers.ravel().tolist())
    if found.evidence:
        return "refused"
    seen_from = found.seen_from.get(kind.of)
    return "accepted" if not kind.of or (seen_from is not None and seen_from <= kind.share) else "undecided"


def judged(seed: int, n_pools: int) -> pd.DataFrame:
    """A row a pool: its kind and questions, whether it is rich, and the verdicts, of which one is 1.

    A pool is rich that has 4 samples a question or more, and golds that mostly differ.
    """
    rows = []
    for name, kind in KINDS.items():
        for n in N_QUESTIONS:
            random = rng.generator("benchmark", "alignment", seed, name, n)
            for pool in (kind.make(random, n) for _ in range(n_pools)):
                is_rich = pool.answers.shape[1] >= 4 and len(set(pool.golds)) > n / 4
                row = {"kind": name, "questions": n, "is_rich": is_rich, **dict.fromkeys(VERDICTS, 0)}
                rows.append(row | {verdict(pool, kind): 1})
    return pd.DataFrame(rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pools", type=int, default=300, help="of each kind and number of questions")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    pools = judged(arguments.seed, arguments.pools)
    for title, part in (("all pools", pools), ("rich pools", pools[pools["is_rich"]])):
        shares = part.pivot_table(list(VERDICTS), "kind", "questions", sort=False)
        print(f"{title}, %\n{shares.mul(100).round(1).to_string()}\n")


if __name__ == "__main__":
    main()
