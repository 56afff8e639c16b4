"""Orders in which a pool's samples may really stand: as each would have it, how many more golds do they give?

Two are tried: a block of rows that slipped by some distance, and samples that were dealt out in turn to the questions
of a batch. Every gold counts, however often coincidence hits it, since all questions are judged at once: chance is what
a random pairing of questions and golds gives, with the standard deviation over all pairings (Hoeffding 1951, "A
combinatorial central limit theorem"). A question's samples weigh 1 together.
"""

from dataclasses import dataclass
from math import sqrt

import numpy as np
from jaxtyping import Float, Int

from tts_lib.imported.strays import Answers

_LEAST_SD = 0.25  # golds
_LARGEST_BATCH = 64  # but for the whole pool


@dataclass(frozen=True)
class Orders:
    """Golds above chance, in questions."""

    own: float  # as the pool stands
    sd: float  # by chance
    distance: int  # the one that gives most golds, in questions, in the pool's order
    block: tuple[int, int]  # the first question of those that gain most by it, and the one behind the last
    slipped: float  # golds of the block at this distance
    kept: float  # golds of the block as it stands
    two_way: float  # how far those who give these golds are also those whose golds are given: 0 in recitation, about 1
    batch: int  # questions to which samples may have been dealt out, 0 if it is none
    dealt: float  # golds if they are gathered again
    dealt_sds: float  # standard deviations, of samples that came forward or back, whichever are fewer


def find(answers: Answers, question: Int[np.ndarray, " sample"]) -> Orders:
    """Try the orders on a pool.

    Args:
        answers: the golds, in the pool's order of questions, and the samples' answers.
        question: each sample's question, an index into the golds.
    """
    pairing = _Pairing(answers, question)
    batch, dealt, dealt_sds = pairing.best_batch()
    by_distance = pairing.by_distance()
    distance = int(by_distance[1:].argmax()) + 1 if pairing.n > 1 else 0
    at_home, elsewhere = pairing.golds_at(0), pairing.golds_at(distance)
    gained = np.concatenate([[0.0], np.cumsum(elsewhere - at_home)])
    stop = int((gained - np.minimum.accumulate(gained)).argmax())
    start = int(gained[: stop + 1].argmin())
    slipped = float(elsewhere[start:stop].sum())
    both = float((elsewhere * np.roll(elsewhere, -distance))[start:stop].sum())
    return Orders(
        own=float(by_distance[0]),
        sd=pairing.sd,
        distance=distance if distance <= pairing.n // 2 else distance - pairing.n,
        block=(start, stop),
        slipped=slipped,
        kept=float(at_home[start:stop].sum()),
        two_way=both * (stop - start) / slipped**2 if slipped else 0.0,
        batch=batch,
        dealt=dealt,
        dealt_sds=dealt_sds,
    )


class _Pairing:
    """The matrix of the shares of each question's samples that give each gold, less what its row and column expect."""

    def __init__(self, answers: Answers, question: Int[np.ndarray, " sample"]) -> None:
        self.gold, self.given, self.question = answers.gold, answers.given, question
        self.n, n_spellings = len(answers.gold), answers.n_spellings
        has = answers.given >= 0
        keys, n_samples = np.unique(question[has] * n_spellings + answers.given[has], return_counts=True)
        self._row, spelling = np.divmod(keys, n_spellings)
        self._share = n_samples / np.bincount(question, minlength=self.n)[self._row]
        n_golds = np.bincount(answers.gold, minlength=n_spellings)
        self._by_row = np.bincount(self._row, self._share * n_golds[spelling], minlength=self.n) / self.n
        self._by_gold = np.bincount(spelling, self._share, minlength=n_spellings)[answers.gold] / self.n
        self._mean = float(self._by_row.mean())
        squares = (self._share**2 * n_golds[spelling]).sum() + (self.n * self._mean) ** 2
        squares -= self.n * ((self._by_row**2).sum() + (self._by_gold**2).sum())
        self.sd = max(sqrt(max(squares, 0.0) / max(self.n - 1, 1)), _LEAST_SD)
        # The questions of a gold are neighbours in this order, its first at `start`.
        questions = np.argsort(answers.gold, kind="stable")
        count, start = n_golds[spelling], (np.cumsum(n_golds) - n_golds)[spelling]
        self._of = np.repeat(np.arange(len(keys)), count)
        paired = questions[start[self._of] + np.arange(len(self._of)) - (np.cumsum(count) - count)[self._of]]
        self._distance = (paired - self._row[self._of]) % self.n

    def by_distance(self) -> Float[np.ndarray, " distance"]:
        """Golds above chance, if each question were the one so far behind it."""
        return np.bincount(self._distance, self._share[self._of], minlength=self.n) - self.n * self._mean

    def golds_at(self, distance: int) -> Float[np.ndarray, " question"]:
        """The gold that each question gives at this distance, above chance."""
        of = self._of[self._distance == distance]
        given = np.bincount(self._row[of], self._share[of], minlength=self.n)
        return given - self._by_row - np.roll(self._by_gold, -distance) + self._mean

    def best_batch(self) -> tuple[int, float, float]:
        """(questions of a batch, golds, standard deviations of the lesser side); none where samples are not in rows."""
        k = len(self.question) // max(self.n, 1)
        if k < 2 or not np.array_equal(self.question, np.repeat(np.arange(self.n), k)):
            return 0, 0.0, 0.0
        found = (self._gathered(batch, k) for batch in {*range(2, min(self.n, _LARGEST_BATCH) + 1), self.n})
        return max(found, key=lambda one: one[2], default=(0, 0.0, 0.0))

    def _gathered(self, batch: int, k: int) -> tuple[int, float, float]:
        place = np.arange(self.n * k)
        first = place // (batch * k) * batch
        to = first + (place - first * k) % np.minimum(batch, self.n - first)
        expected = self._by_row[self.question] + self._by_gold[to] - self._mean
        above = ((self.gold[to] == self.given) - expected) / k
        sides = [above[side].sum() / (self.sd * sqrt(side.mean())) for side in (to > self.question, to < self.question)]
        return batch, float(above.sum()), float(min(sides))
