"""Are the samples attached to their own questions? A known defect of public pools, told from answers and golds alone.

Three measures, all on answers as written (white space, LaTeX spacing and braces aside), so no grader is needed:

1. own: the share of samples that give their own question's gold, against the share under random pairing.
2. shift: the same against the gold d questions further on, for every d. The other shifts are the null: in an honest
   pool no d but 0 stands out. It finds pools, and parts of pools, that slipped by some rows.
3. strays: golds of one question only, missed by their own question, that exactly one other question gives. Looked at
   only where the own matches are no more than chance would give, so for wholly shuffled pools.
   Were strays coincidences, however popular each gold is, then the numbers c_k of golds given by k = 0, 1, 2 other
   questions would be those of a mixture of Poisson counts, for which c1^2 <= 2 c0 c2 (Cauchy-Schwarz). Shuffled rows
   break it: each gold turns up once. And long golds, which are formulas and not numbers anyone may hit on, should
   hardly ever be the most frequent answer of another question.

Not seen: rows shuffled in a part of the pool only, and anything where answers are few (a choice of four) or almost
all wrong.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np
import pandas as pd
from jaxtyping import Int

from tts_lib.common.errors import StudyError
from tts_lib.questions.files.fields import shorten

_SHIFT_DEVIATIONS = 8  # standard deviations of the other shifts; honest pools reach about 3
_SHIFT_SHARE = 0.1  # of the own matches, so that near-sorted questions with near-miss answers are not refused
_STRAY_DEVIATIONS = 4
_LONG = 6  # characters of a gold, noise aside: a fraction, a point, a number of six digits
_MIN_LONG_STRAYS = 5
_LONG_STRAY_SHARE = 0.05  # of the long golds; honest pools reach about 0.02
_CHANCE_DEVIATIONS = 3  # own matches up to so many (Poisson) standard deviations above chance are chance
_EXTRA_PAIRS = 2  # added to c2, a small count, for its sampling error
_NOISE = re.compile(r"\\left|\\right|\\text|\\mathrm|\\[ ,!;:]|[\s${}]")


@dataclass(frozen=True)
class Alignment:
    """What was measured. Matches are summed over questions, each question's samples weighing 1 together."""

    n_questions: int
    own: float  # matches with the own gold
    chance: float  # expected own matches under random pairing of questions and golds
    shift: int  # the d != 0 with most matches, in questions, in the pool's order
    shifted: float  # its matches, of samples that miss the own gold
    shift_mean: float  # of all other d
    shift_sd: float
    strays: int  # c1
    stray_bound: float  # sqrt(2 c0 (c2 + _EXTRA_PAIRS))
    stray_sd: float  # of c1 less its bound
    n_long: int  # long golds of one question only, missed by it
    long_strays: int  # those that are the most frequent answer of another question
    examples: tuple[tuple[int, int], ...]  # up to two (question, question whose gold it gives)

    @property
    def is_shifted(self) -> bool:
        """Whether a shift stands out."""
        enough = self.shift_mean + _SHIFT_DEVIATIONS * max(self.shift_sd, 1.0)
        return self.shifted > max(enough, _SHIFT_SHARE * self.own)

    @property
    def is_shuffled(self) -> bool:
        """Whether own matches are chance, and more golds turn up at a wrong question than coincidence allows."""
        collapsed = self.own < self.chance + _CHANCE_DEVIATIONS * sqrt(max(self.chance, 1.0))
        crowded = self.strays > self.stray_bound + _STRAY_DEVIATIONS * self.stray_sd
        return collapsed and (crowded or self.long_strays > max(_MIN_LONG_STRAYS, _LONG_STRAY_SHARE * self.n_long))


def measure(golds: Sequence[str], question: Int[np.ndarray, " sample"], answers: Sequence[str | None]) -> Alignment:
    """Measure the alignment of a pool.

    Args:
        golds: one a question, in the order the questions have in the pool's file.
        question: each sample's question, an index into `golds`.
        answers: each sample's answer, None where it has none.
    """
    n = len(golds)
    gold_of = np.array([_plain(gold) for gold in golds], dtype=object)
    plain = {answer: _plain(answer) for answer in {a for a in answers if a is not None}}
    given = pd.DataFrame({"row": question, "value": [None if a is None else plain[a] for a in answers]})
    share = 1 / np.bincount(question, minlength=n).clip(min=1)
    given = given.dropna().value_counts(["row", "value"], sort=False).reset_index(name="n_samples")
    given["given"] = given.index
    pairs = given.merge(pd.DataFrame({"value": gold_of, "gold": np.arange(n)}), on="value")
    row, gold = pairs["row"].to_numpy(dtype=np.int64), pairs["gold"].to_numpy(dtype=np.int64)
    weight = pairs["n_samples"].to_numpy(dtype=np.float64) * share[row]
    is_own = row == gold
    other = gold_of[row] != gold_of[gold]
    by_shift = np.bincount((gold - row)[other] % n, weight[other], minlength=n)
    by_shift[0] = 0.0  # d = 0 is no shift
    shift = int(by_shift.argmax())
    rest = np.delete(by_shift, [0, shift])

    single = ~pd.Series(gold_of).duplicated(keep=False).to_numpy()
    matched = np.bincount(gold[is_own], minlength=n) > 0
    n_others = np.bincount(gold[~is_own], minlength=n)[single & ~matched]
    c0, c1, c2 = (int((n_others == k).sum()) for k in range(3))
    bound = sqrt(2 * c0 * (c2 + _EXTRA_PAIRS))
    astray = other & single[gold] & ~matched[gold]
    is_long = np.array([len(g) >= _LONG for g in gold_of]) & single & ~matched
    most = given.groupby("row")["n_samples"].idxmax()
    is_leading = pairs["given"].isin(most).to_numpy()
    at_shift = astray & ((gold - row) % n == shift)
    shown = np.flatnonzero(at_shift if at_shift.sum() > 1 else astray)
    shown = sorted(shown, key=lambda i: (-len(gold_of[gold[i]]), row[i]))[:2]  # long answers are no coincidences
    return Alignment(
        n_questions=n,
        own=float(weight[is_own].sum()),
        chance=float(weight.sum() / n),
        shift=shift if shift <= n // 2 else shift - n,
        shifted=float(by_shift[shift]),
        shift_mean=float(rest.mean()) if len(rest) else 0.0,
        shift_sd=float(rest.std()) if len(rest) else 0.0,
        strays=c1,
        stray_bound=bound,
        stray_sd=sqrt(c1 + (c2 + _EXTRA_PAIRS + c0) / 2),  # the delta method, counts as Poisson
        n_long=int(is_long.sum()),
        long_strays=len(np.unique(gold[astray & is_leading & is_long[gold]])),
        examples=tuple((int(row[i]), int(gold[i])) for i in shown),
    )


def check(found: Alignment, path: object, names: Sequence[str], places: Sequence[str], golds: Sequence[str]) -> None:
    """Refuse a pool whose samples are attached to the wrong questions.

    Args:
        found: the measures.
        path: the pool's file.
        names, places, golds: of each question: its key, where its samples begin, its gold.

    Raises:
        StudyError: the evidence, with two examples.
    """
    if not (found.is_shifted or found.is_shuffled):
        return
    evidence = f"{found.own:.0f} of {found.n_questions} questions' samples give their own gold"
    evidence += f" ({found.chance:.0f} would by chance)"
    if found.is_shifted:
        evidence += (
            f", {found.shifted:.0f} the gold of the question {found.shift:+d} from theirs "
            f"({found.shift_mean:.0f} would by chance)"
        )
    if found.is_shuffled:
        evidence += (
            f", {found.strays} golds turn up at exactly one other question (about {found.stray_bound:.0f} at most by "
            f"coincidence), and {found.long_strays} of {found.n_long} formulas and long numbers that are golds are the "
            "answer to another question"
        )
    cases = "; ".join(
        f"{places[a]}: question {shorten(names[a])} gives {shorten(golds[b])}, the gold of {shorten(names[b])}, "
        f"not its own, {shorten(golds[a])}"
        for a, b in found.examples
    )
    raise StudyError(f"{path}: the samples are attached to the wrong questions: {evidence}; for example {cases}")


def _plain(answer: str) -> str:
    return _NOISE.sub("", answer.replace("dfrac", "frac").replace("tfrac", "frac"))
