r"""Reading a formula: a row of tokens as a tree.

Juxtaposed factors bind closer than a slash, a number before a proper fraction is a mixed one, and letters that no rule
makes a word are variables, one each; i is the imaginary unit, e Euler's number.
"""

import re
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from math import factorial

from mpmath import bernfrac

from tts_lib.grading.reading.integrals import DIFFERENTIALS, definite, differentials, without_dummy
from tts_lib.grading.reading.operators import Operators
from tts_lib.grading.reading.sums import terms
from tts_lib.grading.reading.tokens import Token, Tokens, UnreadableError, depths, split, tokens, written
from tts_lib.grading.reading.trees import ENDLESS, ONE, ZERO, Tree, replaced, symbols
from tts_lib.grading.reading.values import nearly, point
from tts_lib.grading.reading.words import (
    ANGLES,
    GREEK,
    INVERSES,
    OF_COMPLEX,
    OF_ONE_NUMBER,
    OF_SEVERAL,
    OTHER_NAMES,
    WITHOUT_BACKSLASH,
    is_word,
)

_BIG = frozenset("sum prod int lim".split())
_UNKNOWN_FUNCTIONS = "fgFG"
_TERMS = (0, 1, 2, 3, 5, 8)  # by which sums are told apart
_MOST_TERMS = 20  # of a sum that is integrated
_SHORTEST_WORD = 5  # that ends in e before a power
_FEWEST_PLACES = 6  # of a decimal whose digits go on, "3.14159..."
_TWICE = re.compile(r"(?P<start>\d*\.\d*?)(?P<period>\d{2,}?)(?P=period)+(?P<part>\d*)")
_NAMED = frozenset("overline angle triangle vec overrightarrow widehat hat mathbb".split())


@dataclass(frozen=True)
class Formula:
    """A formula: its tree, and whether a number in it is written as a decimal."""

    tree: Tree
    is_decimal: bool


def formula(row: Tokens) -> Formula:
    """Read the whole row as one formula.

    Raises:
        UnreadableError: it is none.
    """
    parser = _Parser(row)
    tree = parser.sum()
    if parser.rest:
        raise UnreadableError(written(parser.rest))
    return Formula(tree, parser.is_decimal)


class _Parser(Operators):
    def __init__(self, row: Tokens) -> None:
        super().__init__(row)
        self.is_decimal = False

    def atom(self) -> Tree:
        if not self.rest:
            raise UnreadableError("a formula ends early")
        token = self.rest.pop()
        if token.kind == "number":
            return self._number(token.text)
        if token.kind == "repeating":
            self.take_command("ldots")
            return ("number", _repeating(token.text))
        if token.kind == "letters":
            return self._letters(token.text)
        if token.kind == "command":
            return self._command(token.text)
        if token.is_sign("(", "[", "{"):
            tree = self.sum()
            self.expect({"(": ")", "[": "]", "{": "}"}[token.text])
            return tree if token.text == "{" else ("group", tree)
        if token.is_sign("|"):
            self.bars += 1
            tree = self.sum()
            self.bars -= 1
            self.expect("|")
            return ("call", "abs", tree)
        raise UnreadableError(token.text)

    def _number(self, digits: str) -> Tree:
        if self.take_command("ldots"):
            if digits[-1] * 3 == digits[-3:] and "." in digits:  # 0.333...
                return ("number", _repeating(rf"{digits[:-3]}\overline{{{digits[-1]}}}"))
            if len(digits.partition(".")[2]) < _FEWEST_PLACES:
                if (twice := _TWICE.fullmatch(digits)) and twice["period"].startswith(twice["part"]):  # 0.3636...
                    return ("number", _repeating(rf"{twice['start']}\overline{{{twice['period']}}}"))
                raise UnreadableError("digits that go on")
        self.is_decimal |= "." in digits
        return ("number", Fraction(digits))

    def _letters(self, run: str) -> Tree:
        """A function or constant written without a backslash, else one letter of a product."""
        if run in WITHOUT_BACKSLASH:
            return self._command(WITHOUT_BACKSLASH[run])
        if is_word(run) and not (len(run) < _SHORTEST_WORD and run[-1] == "e" and self.at("^")):  # Bxe^{2x}
            raise UnreadableError(run)
        if len(run) == 2 and run[0] == "d" and run[1] in DIFFERENTIALS:  # dy/dx is not y/x
            return ("symbol", run)
        if run in ("mg", "Mg") and self._is_weighed():
            return ("mul", ("symbol", run[0]), ("symbol", "g"))
        if len(run) > 1:
            self.rest.append(Token("letters", run[1:]))
        return self.letter(run[0])

    def letter(self, name: str) -> Tree:
        index = self._index()
        is_applied = self.at("(", "'") or self._is_inverse()
        if name in _UNKNOWN_FUNCTIONS and is_applied and not (name == "g" and self._is_weighed(of_angle=True)):
            return self._applied(name + index)
        if not index and name in "ei":
            return ("e",) if name == "e" else ("i",)
        return self._symbol(name + index)

    def _symbol(self, name: str) -> Tree:
        """A variable; one that is applied to a single number or variable, as in P(3), is a function."""
        if name == "zeta" and self._is_applied() and self.rest[-2].text.isdecimal():
            (_, argument), self.rest[-3:] = self.rest[-2][:2], []
            return _zeta(int(argument))
        return self._applied(name) if self._is_applied() else ("symbol", name)

    def _is_applied(self) -> bool:
        if len(self.rest) < 3 or not self.at("(") or not self.rest[-3].is_sign(")"):
            return False
        argument = self.rest[-2]
        is_letter = argument.kind == "letters" and len(argument.text) == 1
        return is_letter or argument.kind == "number" or (argument.kind == "command" and argument.text in GREEK)

    def _index(self) -> str:
        return "_" + written(self.raw_group()) if self.take("_") else ""

    def _is_weighed(self, of_angle: bool = False) -> bool:
        r"""Whether g is gravity's before a sum in brackets, as in ``g(\sin\theta-\mu\cos\theta)``."""
        if not self.at("("):
            return False
        row = list(reversed(self.rest))
        inside = row[1 : next((i for i, depth in enumerate(depths(row)) if i and not depth), 1)]
        is_of_angle = any(t.is_command(*ANGLES) and a.is_command(*GREEK) for t, a in pairwise(inside))
        return len(split(inside, "+", "-")[0]) > 1 and (is_of_angle or not of_angle)

    def _is_inverse(self) -> bool:
        signs = [token.text for token in reversed(self.rest[-6:])]
        return signs[:6] == ["^", "{", "-", "1", "}", "("]

    def _applied(self, name: str) -> Tree:
        if self.take("^"):
            name += f"^{written(self.raw_group())}"
        while self.take("'"):
            name += "'"
        return ("apply", name, *self._bracketed()) if self.at("(") else ("symbol", name)

    def _bracketed(self) -> list[Tree]:
        r"""The arguments in brackets: ``\max(a,b)`` and ``\max\{a,b\}``."""
        closing = ")" if self.take("(") else r"\}" if self.take(r"\{") else "}"
        if closing == "}":
            self.expect("{")
        arguments = [self.sum()]
        while self.take(",", ";"):
            arguments.append(self.sum())
        self.expect(closing)
        return arguments

    def _command(self, name: str) -> Tree:
        name = OTHER_NAMES.get(name, name)
        if name in ("frac", "binom"):
            above, below = self.argument(), self.argument()
            return ("frac", above, below) if name == "frac" else ("call", "binomial", above, below)
        if name == "sqrt":
            return self._root()
        if name == "pi":
            return ("pi",)
        if name in ("lfloor", "lceil"):
            tree = self.sum()
            if not self.take_command(f"r{name[1:]}"):
                raise UnreadableError(f"an open {name}")
            return ("call", name[1:], tree)
        if name in OF_ONE_NUMBER:
            return self._function(name)
        if name in OF_SEVERAL or name in ("floor", "ceil"):
            return ("call", name, *self._bracketed())
        if name in OF_COMPLEX and self.at("("):
            return _of_complex(name, *self._bracketed())
        if name == "overline" and (number := _complex_number(self.rest)):
            self.raw_group()
            return ("call", "conj", number)
        if name in ("top", "intercal"):  # of a transpose
            return ("symbol", "T")
        if name in _BIG:
            return self._big(name)
        if name in _NAMED:
            return ("symbol", f"{name} {written(self.raw_group())}" + self._index())
        if name == "Gamma" and self.at("("):
            return ("call", "factorial", ("add", *self._bracketed(), ("neg", ONE)))
        if name in GREEK:
            return self._symbol(name + self._index())
        raise UnreadableError(name)

    def _to_differential(self, body: Tree) -> Tree:
        r"""What stands up to the differential of ``\int_0^1 x^2+1\,dx``; the first term if there is none behind it."""
        if differentials(body):
            return body
        rest, terms_ = list(self.rest), [body]
        while self.at("+", "-") and len(terms_) < _MOST_TERMS:
            sign = self.rest.pop()
            terms_.append(self._term() if sign.text == "+" else ("neg", self._term()))
            if found := differentials(last := terms_[-1]):
                of = ("symbol", found.pop())
                return ("mul", ("add", *terms_[:-1], replaced(last, of, ONE)), of)
        self.rest = rest
        return body

    def _root(self) -> Tree:
        degree: Tree = ("number", Fraction(2))
        if self.take("["):
            degree = self.sum()
            self.expect("]")
        return ("pow", self.argument(), ("div", ONE, degree))

    def _function(self, name: str) -> Tree:
        base = self.argument() if name == "log" and self.take("_") else None
        exponent = None
        if self.take("^"):
            exponent = self.argument(whole_number=True)
        if exponent == ("neg", ONE) and name in INVERSES:
            name, exponent = INVERSES[name], None
        if self.at("(", "{", "["):
            argument = self.atom()
            if exponent is None and self.take("^"):
                exponent = self.argument(whole_number=True)
        else:
            argument = self.product(is_argument=True)
        if base is not None:
            tree = ("div", ("call", "ln", argument), ("call", "ln", base))
        elif name == "cis":
            tree = ("add", ("call", "cos", argument), ("mul", ("i",), ("call", "sin", argument)))
        elif name == "exp":
            tree = ("pow", ("e",), argument)
        else:
            tree = ("call", name, argument)
        return tree if exponent is None else ("pow", tree, exponent)

    def _big(self, name: str) -> Tree:
        """A sum or product over whole numbers; integrals, limits and other bounds are applied functions.

        So are sums without an end, and those whose ends have variables: of some of their terms, counted from the first.
        """
        below, above = [], []
        while self.at("_", "^"):
            into = below if self.rest.pop().text == "_" else above
            into.extend(self.raw_group())
        body = self._term() if name in ("sum", "prod") else self.product()
        if name == "int" and below and above:
            body = self._to_differential(body)
            if (worked_out := definite([_end(row) for row in (below, above)], body)) is not None:
                return worked_out
            body = without_dummy(body)
        if name == "lim" and len(below) > 2 and below[0].kind == "letters" and below[1].is_command("to"):
            body = replaced(body, ("symbol", below[0].text), ("symbol", "dummy"))
            below[0] = Token("letters", "x")
        equals = [i for i, token in enumerate(below) if token.is_sign("=")]
        if name in ("sum", "prod") and equals == [1]:
            start, end = formula(below[2:]).tree, formula(above).tree if written(above) != r"\infty" else None
            index = ("symbol", below[0].text)
            body = replaced(body, ("i",), index) if index[1] == "i" else body
            if end is not None and not symbols(start) and not symbols(end):
                return ("call", name, index, start, end, body)
            if name == "sum" and (found := terms(body, index)) and not (end is None and found.of):
                return ("call", "closed sum", index, start, ENDLESS if end is None else end, body)
            has_sequence = any("_" in of and index[1] in of for _, of in symbols(body))
            is_endless = name == "sum" and end is None and not symbols(start)
            if is_endless and index in symbols(body) and not has_sequence and "apply" not in str(body):
                series = ("call", "series", index, start, body)
                if nearly(series, point(symbols(series), 0)) is not None:
                    return series
            if not has_sequence:
                places = (("add", start, ("number", Fraction(i))) for i in _TERMS)
                length = ("add", end, ("neg", start)) if end is not None else ZERO
                return (
                    "apply",
                    f"{name}{'' if end else ' without end'}",
                    length,
                    *(replaced(body, index, i) for i in places),
                )
        if name in ("sum", "prod") and equals == [1]:
            indexed = _with_index(body, below[0].text)
            if not any(below[0].text in symbol for _, symbol in symbols(indexed)) and symbols(indexed):
                body, below[0] = indexed, Token("letters", "k")
        factors = list(body[1:]) if body[0] == "mul" and name != "prod" else [body]
        inner = [factor for factor in factors if symbols(factor)]
        applied: Tree = ("apply", f"{name} {written(below)} {written(above)}", ("mul", *inner))
        return ("mul", applied, *(factor for factor in factors if not symbols(factor)))


def _end(row: Tokens) -> Tree | None:
    if written(row) in (r"\infty", r"-\infty"):
        return ("neg", ENDLESS) if row[0].is_sign("-") else ENDLESS
    try:
        return formula(row).tree
    except UnreadableError:
        return None


def _zeta(n: int) -> Tree:
    """Riemann's function of a whole number, by pi if that is even."""
    if n < 2 or n % 2 or n > _MOST_TERMS:
        index = ("symbol", "k")
        body = ("div", ONE, ("pow", index, ("number", Fraction(n))))
        return (
            ("call", "series", index, ONE, body) if 2 < n <= _MOST_TERMS else ("apply", "zeta", ("number", Fraction(n)))
        )
    factor = abs(Fraction(*map(int, bernfrac(n)))) * Fraction(2 ** (n - 1), factorial(n))
    return ("mul", ("number", factor), ("pow", ("pi",), ("number", Fraction(n))))


def _of_complex(name: str, *arguments: Tree) -> Tree:
    """A part of a number; that of a variable, which might be complex, is unknown."""
    return ("apply" if any(map(symbols, arguments)) else "call", name, *arguments)


def _complex_number(rest: list[Token]) -> Tree | None:
    r"""The number a+bi under a bar, which is none of ``\overline{AB}``; None of others."""
    inside = "".join(token.text for token in reversed(rest[-8:]))
    found = re.match(r"\{(-?[\d.]+[-+][\d.]*i)\}", inside)
    return formula(tokens(found[1])).tree if found else None


def _with_index(tree: Tree, letter: str) -> Tree:
    """A tree with one name for the index of a sum, also in the names that have it for theirs."""
    if tree[0] == "symbol":
        return ("symbol", re.sub(rf"(?<![a-zA-Z]){letter}(?![a-zA-Z])", "#", tree[1]))
    return tuple(_with_index(part, letter) if isinstance(part, tuple) else part for part in tree)


def _repeating(digits: str) -> Fraction:
    r"""The value of 0.1\overline{6}: 0.1 and a ninth of 0.06 more than its first period."""
    start, _, period = re.sub(r"\\(?:overline|dot)|\(", "|", digits).partition("|")
    period = re.sub(r"\D", "", period)
    whole, _, fixed = start.partition(".")
    scale = 10 ** len(fixed)
    return Fraction(int(whole + fixed or 0), scale) + Fraction(int(period), scale * (10 ** len(period) - 1))
