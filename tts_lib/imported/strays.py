"""Strays: samples that give the gold of another question, counted.

Answers are taken as written (white space, LaTeX spacing and braces aside), so no grader is needed. Golds that a
coincidence may well hit tell nothing and are left out: a wrong answer is a given gold of s letters, digits and commands
(zeros at the end aside) at most once in 10**s times. In real pools of MATH and GSM8K it is less than half as often.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from math import sqrt

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, Int

from tts_lib.imported.explanations import Traffic, explain

_NOISE = re.compile(r"\\left|\\right|\\text|\\mathrm|\\[ ,!;:]|[\s${}]")
_SYMBOL = re.compile(r"\\[a-zA-Z]+|[^\W_]")
_ZEROS_AT_END = re.compile(r"(?<=[0-9])0+(?![0-9.])")
_SHAPE = 0.5  # of the rates with which golds of one length are given
_MOST_SYMBOLS = 5  # a longer gold may be a set phrase, and counts as so long
_TELLING = 0.3  # golds that coincidence makes stray more often tell nothing
_LEAST_MIXED = 2.0  # added to what is expected, where the most telling golds are chosen
_NEIGHBOURS = 24  # questions on either side; a quarter of all, where that is less
_LEAST_SD = 0.25  # of the golds that one side gives


@dataclass(frozen=True, eq=False)
class Answers:
    """Golds and answers as numbers, one for each spelling."""

    gold: Int[np.ndarray, " question"]
    given: Int[np.ndarray, " sample"]  # -1: none
    n_spellings: int
    n_symbols: Int[np.ndarray, " question"]  # of the gold: letters, digits and commands
    is_single: Bool[np.ndarray, " question"]  # no other question has this gold

    @classmethod
    def read(cls, golds: Sequence[str], answers: Sequence[str | None]) -> "Answers":
        """The answers of a pool, None where a sample has none."""
        codes, distinct = pd.factorize(np.array(answers, dtype=object))
        plain = [_plain(text) for text in (*golds, *distinct)]
        spelling, spellings = pd.factorize(np.array(plain, dtype=object))
        n = len(golds)
        n_symbols = [len(_SYMBOL.findall(_ZEROS_AT_END.sub("", text))) for text in plain[:n]]
        return cls(
            gold=spelling[:n],
            given=np.append(spelling[n:], -1)[codes],
            n_spellings=len(spellings),
            n_symbols=np.clip(n_symbols, 1, _MOST_SYMBOLS),
            is_single=np.bincount(spelling[:n])[spelling[:n]] == 1,
        )

    @cached_property
    def chance(self) -> Float[np.ndarray, " question"]:
        """That a wrong answer is the gold, at most."""
        return 10.0**-self.n_symbols


@dataclass(frozen=True)
class Strays:
    """All that was counted."""

    own: float  # questions that give their own gold, the samples of a question weighing 1 together
    chance: float  # those expected under random pairing
    moved: Traffic  # golds that lead the answers of another question
    distance: int  # the one that stands out, in questions, in the pool's order
    shifted: Traffic  # golds given at this distance
    mixed: int  # two-way traffic of single samples: further golds at a host, and hosts whose own gold is elsewhere
    mixed_by_chance: float  # the most that recitation and coincidence make
    near: float  # golds given by neighbours on both sides, above those at other distances
    near_sd: float
    at_home: float  # golds given by their own questions, to compare with `near`


@dataclass(frozen=True, eq=False)
class _Given:
    """Each answer of each question once, and each stray: an answer paired with a question whose gold it is."""

    n: int  # questions
    row: Int[np.ndarray, " answer"]
    share: Float[np.ndarray, " answer"]  # of its question's samples
    weight: Float[np.ndarray, " answer"]  # of all samples that give it
    leads: Bool[np.ndarray, " answer"]  # given more often than any other answer to its question
    is_own: Bool[np.ndarray, " answer"]
    found: Bool[np.ndarray, " question"]  # golds that are given at home
    n_golds: Int[np.ndarray, " answer"]  # questions whose gold it is
    of: Int[np.ndarray, " stray"]  # the answer
    host: Int[np.ndarray, " stray"]  # its question
    gold: Int[np.ndarray, " stray"]  # the question whose gold it is

    @property
    def by_distance(self) -> Float[np.ndarray, " distance"]:
        """Golds given so many questions before their own; one that several give is divided among them."""
        golds = np.bincount((self.gold - self.host) % self.n, self.weight[self.of], minlength=self.n)
        return golds.astype(np.float64)  # whole numbers where there is no stray

    def hosts(self, at: Bool[np.ndarray, " stray"]) -> Bool[np.ndarray, " question"]:
        """Questions that give one of these strays."""
        return np.bincount(self.host[at], minlength=self.n) > 0

    def strayed(self, at: Bool[np.ndarray, " stray"]) -> Bool[np.ndarray, " question"]:
        """Questions whose golds they are."""
        return np.bincount(self.gold[at], minlength=self.n) > 0


def find(answers: Answers, question: Int[np.ndarray, " sample"]) -> Strays:
    """Count the strays of a pool.

    Args:
        answers: the golds, in the pool's order of questions, and the samples' answers.
        question: each sample's question, an index into the golds.
    """
    given = _given(answers, question)
    distance, shifted = _shifted(given)
    mixed, mixed_by_chance = _mixed(answers, given)
    near, near_sd = _near(given)
    return Strays(
        own=float(given.share[given.is_own].sum()),
        chance=float((given.share * given.n_golds).sum() / given.n),
        moved=_moved(answers, given),
        distance=distance,
        shifted=shifted,
        mixed=mixed,
        mixed_by_chance=mixed_by_chance,
        near=near,
        near_sd=near_sd,
        at_home=float(given.weight[given.is_own].sum()),
    )


def examples(answers: Answers, question: Int[np.ndarray, " sample"]) -> list[tuple[int, int]]:
    """Up to two strays, as (question, question whose gold it gives): golds that are rare, missing at home, and lead."""
    given = _given(answers, question)
    order = np.lexsort((~given.leads[given.of], given.found[given.gold], answers.chance[given.gold]))[:2]
    return [(int(given.host[i]), int(given.gold[i])) for i in order]


def _given(answers: Answers, question: Int[np.ndarray, " sample"]) -> _Given:
    n, has = len(answers.gold), answers.given >= 0
    keys, n_samples = np.unique(question[has] * answers.n_spellings + answers.given[has], return_counts=True)
    row, spelling = np.divmod(keys, answers.n_spellings)
    most = np.zeros(n, dtype=np.int64)
    np.maximum.at(most, row, n_samples)
    is_most = n_samples == most[row]
    is_own = answers.gold[row] == spelling
    # The golds of a spelling are neighbours in this order, its first at `start`.
    questions = np.argsort(answers.gold, kind="stable")
    counts = np.bincount(answers.gold, minlength=answers.n_spellings)
    start, n_golds = (np.cumsum(counts) - counts)[spelling], counts[spelling]
    of = np.repeat(np.arange(len(row)), n_golds)
    gold = questions[start[of] + np.arange(len(of)) - (np.cumsum(n_golds) - n_golds)[of]]
    strays = ~is_own[of]
    return _Given(
        n=n,
        row=row,
        share=n_samples / np.bincount(question, minlength=n)[row],
        weight=n_samples / np.bincount(spelling, n_samples)[spelling],
        leads=is_most & (np.bincount(row[is_most], minlength=n) == 1)[row],
        is_own=is_own,
        found=np.bincount(row[is_own], minlength=n) > 0,
        n_golds=n_golds,
        of=of[strays],
        host=row[of[strays]],
        gold=gold[strays],
    )


def _rates(answers: Answers, given: _Given) -> Float[np.ndarray, " question"]:
    """That a wrong answer is the gold: what is known of golds of its length, and how many other questions give it.

    The mean of a gamma distribution: `answers.chance` before anything was seen, of a shape below one, since most of the
    golds of a length are seldom given and a few often. One question that gives it is left out: it may be the stray.
    """
    n_wrong, n_hosts = (~given.is_own).sum(), np.bincount(given.gold, minlength=given.n)
    return (_SHAPE + (n_hosts - 1).clip(0)) / (_SHAPE / answers.chance + n_wrong)


def _moved(answers: Answers, given: _Given) -> Traffic:
    """Golds that lead the answers of a question which misses its own."""
    leads = given.leads & ~given.found[given.row]
    rates = _rates(answers, given)
    by_chance = -np.expm1(-rates * leads.sum())
    at_home = -np.expm1(-rates * np.bincount(given.row, minlength=given.n))
    tells = answers.is_single & (by_chance < _TELLING)
    at = leads[given.of] & tells[given.gold]
    return explain(given.hosts(at), given.strayed(at), given.found, tells, by_chance, at_home)


def _shifted(given: _Given) -> tuple[int, Traffic]:
    """The distance with most strays, and its golds. Coincidence is how many other questions give the same gold."""
    distance = int(given.by_distance[1:].argmax()) + 1
    at = (given.gold - given.host) % given.n == distance
    n_hosts = np.bincount(given.gold[~at], minlength=given.n)
    by_chance = n_hosts.clip(0.5) / max(given.n - 2, 1)
    tells = by_chance < _TELLING
    at &= tells[given.gold]
    traffic = explain(given.hosts(at), given.strayed(at), given.found, tells, by_chance, by_chance)
    return distance if distance <= given.n // 2 else distance - given.n, traffic


def _mixed(answers: Answers, given: _Given) -> tuple[int, float]:
    """Two-way traffic of single samples, and the most of it that recitation, with one source a question, leaves.

    Of the golds of so many symbols or more, those that stand out: there are more long golds that tell little together.
    """
    found = [_mixed_of(answers, given, answers.n_symbols >= least) for least in range(2, _MOST_SYMBOLS + 1)]
    return max(found, key=lambda of: of[0] / (of[1] + _LEAST_MIXED))


def _mixed_of(answers: Answers, given: _Given, tells: Bool[np.ndarray, " question"]) -> tuple[int, float]:
    n_wrong = np.bincount(given.row[~given.is_own], minlength=given.n)
    tells = answers.is_single & tells
    at = tells[given.gold]
    n_hosted = np.bincount(given.host[at], minlength=given.n)
    hosts, strayed = n_hosted > 0, given.strayed(at)
    mixed = (n_hosted[hosts] - 1).sum() + (hosts & strayed).sum()
    # Further golds of a host, a stray's question that hosts, and a host's gold that strays, each by coincidence.
    by_chance = answers.chance * n_wrong.sum()
    further = (n_wrong[hosts].sum() + n_wrong[strayed].sum()) * answers.chance[tells].sum()
    return int(mixed), float(further + by_chance[hosts & tells].clip(max=1).sum())


def _near(given: _Given) -> tuple[float, float]:
    """Golds given by neighbours, above those at other distances: twice the lesser side, and its standard deviation.

    Each side's best distance is left out, where copies may stand beside their originals.
    """
    width = min(_NEIGHBOURS, given.n // 4)
    if width < 2:
        return 0.0, 1.0
    golds = given.by_distance
    far = golds[width + 1 : given.n - width]
    least = min(side.sum() - side.max() for side in (golds[1 : width + 1], golds[given.n - width :]))
    sd = max(far.std() * sqrt(width - 1), _LEAST_SD)
    return float(2 * (least - (width - 1) * far.mean())), float(2 * sd)


def _plain(answer: str) -> str:
    return _NOISE.sub("", answer.replace("dfrac", "frac").replace("tfrac", "frac"))
