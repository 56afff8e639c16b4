"""Sums, products and powers: how the parts of a formula bind; a part of `formulas`."""

from abc import ABC, abstractmethod
from fractions import Fraction

from tts_lib.grading.reading.tokens import Cursor, Token, Tokens, UnreadableError
from tts_lib.grading.reading.trees import Tree
from tts_lib.grading.reading.words import FUNCTIONS, WITHOUT_BACKSLASH

_ENDS = frozenset(
    "rfloor rceil rangle le ge ne in cup cap approx equiv land lor to pm mp setminus end cdot bmod ldots circ".split()
)


DIFFERENTIALS = frozenset(f"d{letter}" for letter in "rstuvwxyz")


class Operators(Cursor, ABC):
    """Reads operators; what they join is read by `atom` and `letter`, which a subclass has."""

    def __init__(self, row: Tokens) -> None:
        super().__init__(row)
        self.bars = 0  # absolute values that are open

    @abstractmethod
    def atom(self) -> Tree:
        """One operand."""

    @abstractmethod
    def letter(self, name: str) -> Tree:
        """A variable or a constant of one letter."""

    def sum(self) -> Tree:
        """Everything up to a sign that is none of a formula."""
        terms = [self._term()]
        while self.at("+", "-"):
            sign = self.rest.pop()
            terms.append(self._term() if sign.text == "+" else ("neg", self._term()))
        return terms[0] if len(terms) == 1 else ("add", *terms)

    def _term(self) -> Tree:
        tree = self.product()
        while self.at("/") or self.at_command("cdot", "bmod"):
            how = self.rest.pop().text
            other = self.product()
            tree = {"/": ("div", tree, other), "cdot": ("mul", tree, other)}.get(how, ("call", "mod", tree, other))
        return tree

    def product(self, is_argument: bool = False) -> Tree:
        """Factors side by side; those of a function without brackets end at the next function."""
        if self.take("-"):
            return ("neg", self.product(is_argument))
        if self.take("+"):
            return self.product(is_argument)
        factors = [self._power()]
        while self._starts_factor() and not (is_argument and (self._starts_function() or self._starts_differential())):
            if factors[-1][0] == "number" and self.rest[-1].kind in ("number", "repeating"):
                raise UnreadableError("two numbers side by side")
            factors.append(self._power())
        if len(factors) > 1 and _is_mixed(factors[0], factors[1]):
            factors[:2] = [("add", factors[0], factors[1])]
        return factors[0] if len(factors) == 1 else ("mul", *factors)

    def _starts_factor(self) -> bool:
        token = self.next()
        if token is None or token.kind == "text":
            return False
        if token.kind == "sign":
            return token.text in "([{" or (token.text == "|" and not self.bars)
        return token.kind != "command" or token.text not in _ENDS

    def _starts_function(self) -> bool:
        token = self.next()
        return token is not None and token.kind in ("command", "letters") and token.text in FUNCTIONS

    def _starts_differential(self) -> bool:
        token = self.next()
        return token is not None and token.kind == "letters" and token.text in DIFFERENTIALS

    def _power(self) -> Tree:
        tree = self.atom()
        while True:
            if self.take("!"):
                tree = ("call", "double factorial" if self.take("!") else "factorial", tree)
            elif self.take(r"\%"):
                tree = ("div", tree, ("number", Fraction(100)))
            elif self.take("'"):
                tree = renamed(tree, "'")
            elif self.take("^"):
                tree = self._raised(tree)
            else:
                return tree

    def _raised(self, tree: Tree) -> Tree:
        if self.take_command("circ"):
            return ("call", "degrees", tree)
        if self.take_command("ast", "cdot") or self.take("'"):
            return renamed(tree, "'")
        exponent = self.argument(whole_number=True)
        while self.take("^"):
            exponent = ("pow", exponent, self.argument(whole_number=True))
        return ("pow", tree, exponent)

    def argument(self, whole_number: bool = False) -> Tree:
        """A group, or what TeX takes in its place: a command with its own arguments, a letter or a digit."""
        if self.take("{"):
            tree = self.sum()
            self.expect("}")
            return tree
        if self.take("-"):
            return ("neg", self.argument(whole_number))
        token = self.next()
        if token is None:
            raise UnreadableError("nothing behind a sign")
        if token.kind == "number" and not whole_number and token.text[:2].isdigit() and len(token.text) > 1:
            self.rest[-1] = Token("number", token.text[1:])
            self.rest.append(Token("number", token.text[0]))
        elif token.kind == "letters" and token.text not in WITHOUT_BACKSLASH and len(token.text) > 1:
            self.rest[-1] = Token("letters", token.text[1:])
            return self.letter(token.text[0])
        return self.atom()


def renamed(tree: Tree, mark: str) -> Tree:
    """A variable with a prime. Raises UnreadableError for other trees."""
    if tree[0] != "symbol":
        raise UnreadableError(mark)
    return ("symbol", tree[1] + mark)


def _is_mixed(first: Tree, second: Tree) -> bool:
    r"""Whether ``2\frac{1}{3}`` is 2 and a third."""
    if second[0] != "frac" or {first[0], second[1][0], second[2][0]} != {"number"}:
        return False
    return first[1].denominator == 1 and 0 < second[1][1] < second[2][1]
