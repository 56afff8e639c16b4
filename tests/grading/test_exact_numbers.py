"""Unequal exact numbers are never judged equal, however small, large or close they are; seeded, against mpmath."""

import random
from dataclasses import dataclass
from typing import Any

import pytest
from mpmath import mp

from tts_lib.grading.conventions import Conventions
from tts_lib.grading.equivalence import compare
from tts_lib.grading.normal_form import normalise
from tts_lib.grading.reading.readings import read

DIGITS = 1_700  # of the truth; sums of sizes from 10^-600 to 10^600 may agree in 1,200


@dataclass(frozen=True)
class Exact:
    """An exact number in LaTeX, and its value to DIGITS digits."""

    latex: str
    value: Any


def leaf(rng: random.Random) -> Exact:
    """A whole number, power, factorial, root, logarithm, power of e, multiple of pi, binomial coefficient, mixed
    number, repeating decimal or fraction, of any size up to 10^600.
    """
    kind = rng.randrange(12)
    if kind == 0:
        n = rng.choice([rng.randint(1, 99), rng.randint(1, 10 ** rng.randint(3, 40))])
        return Exact(str(n), mp.mpf(n))
    if kind == 1:
        base, exponent = rng.randint(2, 12), rng.randint(-400, 500)
        return Exact(f"{base}^{{{exponent}}}", mp.mpf(base) ** exponent)
    if kind == 2:
        n = rng.randint(2, 250)
        return Exact(f"{n}!", mp.factorial(n))
    if kind == 3:
        n = rng.randint(2, 10 ** rng.randint(1, 30))
        return Exact(rf"\sqrt{{{n}}}", mp.sqrt(n))
    if kind == 4:
        n, degree = rng.randint(2, 999), rng.choice([3, 5])
        return Exact(rf"\sqrt[{degree}]{{{n}}}", mp.root(n, degree))
    if kind == 5:
        n = rng.randint(-1_300, 1_300)
        return Exact(f"e^{{{n}}}", mp.exp(n))
    if kind == 6:
        n = rng.randint(1, 60)
        return Exact(rf"{n}\pi", n * mp.pi)
    if kind == 7:
        n = rng.randint(2, 10 ** rng.randint(1, 30))
        return Exact(rf"\ln {n}", mp.log(n))
    if kind == 8:
        n = rng.randint(2, 900)
        k = rng.randint(1, n - 1)
        return Exact(rf"\binom{{{n}}}{{{k}}}", mp.binomial(n, k))
    if kind == 9:
        fixed, period = (rng.randint(1, 10 ** rng.randint(1, 9)) for _ in range(2))
        scale = 10 ** len(str(fixed))
        value = mp.mpf(fixed) / scale + mp.mpf(period) / (scale * (10 ** len(str(period)) - 1))
        return Exact(rf"0.{fixed}\overline{{{period}}}", value)
    above, below = rng.randint(1, 10**6), rng.randint(2, 10**6)
    if kind == 10:
        whole, above = rng.randint(1, 10**4), rng.randint(1, below - 1)
        return Exact(rf"({whole}\frac{{{above}}}{{{below}}})", whole + mp.mpf(above) / below)
    return Exact(rf"\frac{{{above}}}{{{below}}}", mp.mpf(above) / below)


def joined(one: Exact, other: Exact, how: str) -> Exact:
    if how == "+":
        return Exact(f"{one.latex}+{other.latex}", one.value + other.value)
    if how == "*":
        return Exact(rf"({one.latex})\cdot({other.latex})", one.value * other.value)
    if how == "/":
        return Exact(rf"\frac{{{one.latex}}}{{{other.latex}}}", one.value / other.value)
    return Exact(f"{one.latex}-({other.latex})", one.value - other.value)


def neighbour(number: Exact, rng: random.Random) -> Exact:
    """Another number close to this one, in value or in writing."""
    small = Exact(rf"\frac{{1}}{{10^{{{(n := rng.randint(1, 600))}}}}}", mp.mpf(10) ** -n)
    return rng.choice(
        [
            joined(number, small, "+"),
            joined(number, small, "-"),
            joined(number, joined(Exact("1", mp.one), small, "+"), "*"),
            joined(number, leaf(rng), "+"),
            joined(number, leaf(rng), "/"),
            leaf(rng),
        ]
    )


def are_same(one: str, other: str) -> bool:
    return compare(read(normalise(one)), read(normalise(other)), Conventions()).is_same


@pytest.fixture(scope="module", autouse=True)
def _precision():
    with mp.workdps(DIGITS):
        yield


@pytest.mark.parametrize(("n_pairs", "seed"), [(300, 16), pytest.param(2_000, 19, marks=pytest.mark.slow)])
def test_unequal_numbers_are_unequal(n_pairs, seed):
    rng = random.Random(seed)
    judged_equal, n_tried = [], 0
    while n_tried < n_pairs:
        one = leaf(rng)
        if rng.random() < 0.6:
            one = joined(one, leaf(rng), rng.choice("+*/-"))
        other = neighbour(one, rng)
        size = max(abs(one.value), abs(other.value))
        if abs(one.value - other.value) <= size * mp.mpf(10) ** (200 - DIGITS):
            continue
        n_tried += 1
        if are_same(one.latex, other.latex):
            judged_equal.append((one.latex, other.latex))
    assert judged_equal == []


def test_equal_numbers_are_equal():
    rng = random.Random(18)
    judged_unequal = []
    for _ in range(200):
        one, other, third = leaf(rng), leaf(rng), leaf(rng)
        pairs = [
            (joined(one, other, "+"), joined(other, one, "+")),
            (joined(joined(one, other, "*"), other, "/"), one),
            (
                joined(one, joined(other, third, "+"), "*"),
                joined(joined(one, other, "*"), joined(one, third, "*"), "+"),
            ),
            (joined(joined(one, other, "+"), other, "-"), one),
        ]
        first, second = rng.choice(pairs)
        size = max(abs(other.value), abs(one.value)) / min(abs(one.value), abs(other.value))
        if size < mp.mpf(10) ** 300 and not are_same(first.latex, second.latex):
            judged_unequal.append((first.latex, second.latex))
    assert judged_unequal == []


def test_a_decimal_stands_for_what_it_rounds_and_nothing_else_does():
    assert are_same("0.333333", r"\frac13") and are_same(r"\frac13", "0.333333")
    assert are_same(r"\sqrt{2}x", "1.4142136x")
    assert not are_same(r"\frac{333333}{1000000}", r"\frac13")
    assert not are_same(r"\frac{1}{10^{7}}", r"\frac{2}{10^{7}}")
    assert not are_same("0.0000001", "0.0000002")
