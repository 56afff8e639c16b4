"""How often each question's samples give each gold, held against a random pairing of questions and golds."""

from math import sqrt

import numpy as np
from jaxtyping import Float, Int

from tts_lib.imported.strays import Answers

_LEAST_SD = 0.25  # golds
_LARGEST_BATCH = 64  # but for the whole pool


class Pairing:
    """The matrix of the shares of each question's samples that give each gold, less what its row and column expect."""

    def __init__(self, answers: Answers, question: Int[np.ndarray, " sample"]) -> None:
        self.gold, self.given, self.question = answers.gold, answers.given, question
        self.n, n_spellings = len(answers.gold), answers.n_spellings
        has = answers.given >= 0
        keys, n_samples = np.unique(question[has] * n_spellings + answers.given[has], return_counts=True)
        self._row, spelling = np.divmod(keys, n_spellings)
        self.n_samples = np.bincount(question, minlength=self.n)
        self._share = n_samples / self.n_samples[self._row]
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

    def given_at(self, distance: int) -> tuple[Float[np.ndarray, " question"], Float[np.ndarray, " question"]]:
        """Of the gold at this distance the share of each question's samples that give it; all such shares elsewhere."""
        of = self._of[self._distance == distance % self.n]
        share = np.bincount(self._row[of], self._share[of], minlength=self.n).astype(float)
        return share, np.roll(self._by_gold * self.n, -distance) - share

    def golds_at(self, distance: int) -> Float[np.ndarray, " question"]:
        """The gold that each question gives at this distance, above chance."""
        given, _ = self.given_at(distance)
        return given - self._by_row - np.roll(self._by_gold, -distance) + self._mean

    def two_way(self, distance: int, start: int, stop: int) -> float:
        """How far those of a block who give golds at a distance are those whose golds are given: 0 or about 1."""
        given = self.golds_at(distance)
        both = float((given * np.roll(given, -distance))[start:stop].sum())
        total = float(given[start:stop].sum())
        return both * (stop - start) / total**2 if total else 0.0

    def best_batch(self) -> tuple[int, float, float]:
        """(questions of a batch, golds, standard deviations of the lesser side); none where samples are not in rows."""
        k = len(self.question) // max(self.n, 1)
        if k < 2 or self.n < 2 or not np.array_equal(self.question, np.repeat(np.arange(self.n), k)):
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
