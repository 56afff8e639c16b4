r"""One evaluation of a formula, with mpmath's present precision where its numbers are not rational."""

import math
from collections.abc import Mapping
from fractions import Fraction
from itertools import pairwise

from mpmath import mp

from tts_lib.grading.reading import estimates
from tts_lib.grading.reading.functions import (
    FUNCTIONS,
    KEY_BITS,
    MOST_TERMS,
    UndefinedError,
    added,
    as_mp,
    bounded,
    coordinate,
    divided,
    exponential,
    multiplied,
    power,
    whole,
)
from tts_lib.grading.reading.numerals import TooLargeError, Value, number
from tts_lib.grading.reading.sums import Terms, terms
from tts_lib.grading.reading.trees import ENDLESS, ONE, Tree, symbols
from tts_lib.grading.reading.words import ANGLES

_MOST_TERMS_IN_ALL = 10 * MOST_TERMS  # of sums in sums

Worth = Mapping[Tree, Fraction]  # of variables at a point


def evaluate(tree: Tree, worth: Worth, is_real: bool) -> Value:
    """What a tree is worth where its variables are.

    Raises:
        UndefinedError: a pole and its like.
        TooLargeError: a number too large to be written out.
    """
    return _Evaluation(worth, is_real).value(tree)


class _Evaluation:
    def __init__(self, worth: Worth, is_real: bool) -> None:
        self.worth = dict(worth)
        self.is_real = is_real
        self._in_angle = False
        self._n_terms = 0

    def value(self, tree: Tree) -> Value:
        if tree in self.worth:
            return self.worth[tree]
        kind, *parts = tree
        if kind == "number":
            return parts[0]
        if kind in ("pi", "e", "i"):
            return {"pi": mp.pi, "e": mp.e, "i": mp.j}[kind] * mp.one
        if kind == "apply":
            return self._unknown(parts[0], parts[1:])
        if kind == "call":
            return self._call(parts[0], parts[1:])
        if kind == "pow" and parts[0] == ("e",):
            return exponential(self.value(parts[1]))
        values = [self.value(part) for part in parts]
        if kind == "add":
            return bounded(added(values))
        if kind == "mul":
            return multiplied(values)
        if kind in ("div", "frac"):
            return bounded(divided(*values))
        if kind == "neg":
            return -values[0]
        return power(values[0], values[1], self.is_real) if kind == "pow" else values[0]

    def _unknown(self, name: str, arguments: list[Tree]) -> Fraction:
        """A fixed number for a function nobody knows, another one for other arguments."""
        keys = [number(self.value(argument), bits=KEY_BITS).key for argument in arguments]
        return coordinate(f"{name}({keys})", 1)

    def _call(self, name: str, arguments: list[Tree]) -> Value:
        if name in ("sum", "prod"):
            return self._over_whole_numbers(name, *arguments)
        if name == "series":
            return self._series(*arguments)
        if name == "integral":
            return self._integral(*arguments)
        if name == "closed sum":
            return self._closed(*arguments)
        outside, self._in_angle = self._in_angle, self._in_angle or name in ANGLES
        values = [self.value(argument) for argument in arguments]
        self._in_angle = outside
        if name == "degrees":
            return mp.pi * as_mp(values[0]) / 180 if self._in_angle else values[0]
        return FUNCTIONS[name](*values)

    def _over_whole_numbers(self, name: str, index: Tree, start: Tree, end: Tree, body: Tree) -> Value:
        first, last = whole(self.value(start)), whole(self.value(end))
        self._n_terms += max(last - first, 0)
        if last - first > MOST_TERMS or self._n_terms > _MOST_TERMS_IN_ALL:
            raise TooLargeError(name)
        terms = []
        for i in range(first, last + 1):
            self.worth[index] = Fraction(i)
            terms.append(self.value(body))
        self.worth.pop(index, None)
        return added(terms) if name == "sum" else multiplied(terms)

    def _series(self, index: Tree, start: Tree, body: Tree) -> Value:
        return estimates.series(lambda k: self._at(index, Fraction(k), body), whole(self.value(start)), body, index)

    def _integral(self, variable: Tree, low: Tree, high: Tree, body: Tree) -> Value:
        ends = [
            mp.inf if e == ENDLESS else -mp.inf if e == ("neg", ENDLESS) else as_mp(self.value(e)) for e in (low, high)
        ]
        if any(end.imag for end in ends):
            raise UndefinedError("ends that are not real")
        return estimates.integral(lambda x: self._at(variable, x, body), *ends)

    def _at(self, variable: Tree, x: Value, body: Tree) -> Value:
        self.worth[variable] = x
        value = as_mp(self.value(body))
        self.worth.pop(variable, None)
        return value

    def _closed(self, index: Tree, start: Tree, end: Tree, body: Tree) -> Value:
        """A sum of `sums.Terms` by differences of its polynomial, for ends of any value."""
        found = terms(body, index)
        if found is None:
            raise TooLargeError("a sum without a closed form")
        first, q = self.value(start), self.value(found.base)
        is_endless = end == ENDLESS
        if is_endless and not symbols(found.base) and abs(as_mp(q)) >= 1:
            raise UndefinedError("a sum that does not converge")
        if found.of is not None:
            return self._binomial(index, first, self.value(end), q, found)
        if q != 1:  # a sum of p(k) q^k is P(k) q^k between the ends
            at_end = Fraction(0) if is_endless else self._antidifference(index, self.value(end) + 1, q, found)
            return added([at_end, -self._antidifference(index, first, q, found)])
        n = added([self.value(end), -first, Fraction(1)])
        return added([multiplied([d, _chosen(n, j + 1)]) for j, d in enumerate(self._differences(index, first, found))])

    def _differences(self, index: Tree, first: Value, found: Terms) -> list[Value]:
        row = []
        for i in range(found.degree + 1):
            self.worth[index] = first + i
            row.append(self.value(found.polynomial))
        self.worth.pop(index, None)
        differences = []
        while row:
            differences.append(row[0])
            row = [added([b, -a]) for a, b in pairwise(row)]
        return differences

    def _antidifference(self, index: Tree, k: Value, q: Value, found: Terms) -> Value:
        factor = divided(Fraction(1), added([q, Fraction(-1)]))
        parts = []
        for difference in self._differences(index, k, found):
            parts.append(multiplied([factor, difference]))
            factor = multiplied([factor, divided(-q, added([q, Fraction(-1)]))])
        return multiplied([added(parts), power(q, k, self.is_real)])

    def _binomial(self, index: Tree, first: Value, last: Value, q: Value, found: Terms) -> Value:
        """A sum of p(k) q^k times n over k from 0 to n, less what stands before its start."""
        n = self.value(found.of or ONE)
        if n != last or not isinstance(first, Fraction) or first not in (0, 1):
            raise UndefinedError("a part of a row of binomial coefficients")
        differences = self._differences(index, Fraction(0), found)
        parts = [
            multiplied([d, _chosen(n, j), power(q, Fraction(j), True), power(q + 1, n - j, self.is_real)])
            for j, d in enumerate(differences)
        ]
        return added([*parts, *([-differences[0]] if first == 1 else [])])


def _chosen(n: Value, k: int) -> Value:
    return divided(multiplied([added([n, Fraction(-i)]) for i in range(k)]), Fraction(math.factorial(k)))
