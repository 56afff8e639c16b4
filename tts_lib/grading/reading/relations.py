"""The sides of equations and inequalities: names, and what their difference is worth; a part of `readings`."""

import re
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from mpmath import mp

from tts_lib.grading.reading import regions
from tts_lib.grading.reading.conditions import Reading, region
from tts_lib.grading.reading.constants import renamed
from tts_lib.grading.reading.formulas import Formula, formula
from tts_lib.grading.reading.measures import measure, says_more
from tts_lib.grading.reading.numerals import Number, number
from tts_lib.grading.reading.tokens import Tokens, UnreadableError, depths, written
from tts_lib.grading.reading.trees import Tree, replaced, symbols, unknowns
from tts_lib.grading.reading.values import quotient, values
from tts_lib.grading.reading.words import OF_ONE_NUMBER, OF_SEVERAL, is_word

IDENTITY: Reading = ("equation", ())
ORDERS = ("<", ">", "le", "ge", "ne")
_NAME = re.compile(
    r"(?>[a-zA-Z]|\\text\{[^{}]*\}|\\(?:sum|prod) ?_(?:\{[^{}]*\}|\w)(?:\^(?:\{[^{}]*\}|\w))?"
    r"|\\(?:overline|triangle|[lr]?Vert|Delta|#|[a-z]{2,7})(?![a-z])|[{}|':,()/]|\^\*"
    r"|\[[A-Z]{1,6}\]|\^\{-1\}|_(?:\{[^{}]*\}|\w)|(?<=[(,])\d+(?=[),])| )++"
)
_APPLIED = re.compile(r"[a-zA-Z]\(([a-z])\)")
_OF_LETTER = re.compile(r"(?P<function>[a-zA-Z])\((?P<argument>[a-z])\)|(?P<sequence>[a-zA-Z])_\{?(?P<index>[kmn])\}?")
_ARGUMENTS = "nxyzt"
_ARGUMENT = re.compile(r"(?<=[a-zA-Z])\([a-z]\)")  # f(x) and f(t) are one name
_NAMES = re.compile(r"\(([a-zA-Z](?:_\w)?(?:,[a-zA-Z](?:_\w)?)+)\)")
_OF_CURVES = {("symbol", name) for name in "xyztuvwrXYZ"} | {("symbol", "theta")}
_OF_QUANTITIES = OF_ONE_NUMBER | OF_SEVERAL | {"floor", "ceil", "sum", "prod"}
_OPERATOR = re.compile(
    r"[A-Z]{1,3}[(\[]|\\(?:i{1,3}nt|oint|lim|max|min|sup|inf|det|Pr|mathbb|text|nabla|frac\{\\partial)(?![a-z])"
)
_D = r"(?:d|\\partial ?)(?:\^\{?\d\}?)? ?"
_BELOW = rf"(?:{_D}(?:\\[a-z]+|[a-z])(?:\^\{{?\d\}}?)? ?){{1,4}}"
_QUANTITY = re.compile(  # derivatives, operators applied to what has a name, limits, chances, sizes
    rf"\.?(?:\\frac\{{{_D}[a-zA-Z]?(?:\([a-z](?:,[a-z])*\))?\}}\{{{_BELOW}\}}|{_D}[a-zA-Z]/{_BELOW})"
    r"(?:\|?_\{[^{}]*\}|\|_[a-z]=-?\d|\([-\d,a-z]+\))?"
    rf"|(?:\\frac\{{d\}}\{{d[a-z]\}}|d/d[a-z]|{_D}/{_BELOW}) ?[(\[\\].*"
    r"|[(\[][^=]*[)\]]'{1,2}|[a-zA-Z]_\{[a-z]{2,3}\}(?:\([a-z](?:,[a-z])*\))?"
    r"|\\?(?:text\{)?(?:det|tr|Tr|trace|rank|dim|nullity|deg|div|curl|grad|Var|Cov|adj|proj|ord)\}?"
    r"(?: ?[A-Za-z]{1,2}|(?=[ ({\\_\[]).+)"
    r"|\\lim(?:_|sup|inf).*|\\nabla.*|\#\(?[A-Z].*|\\Vert.*\\Vert|\|\|.+\|\|"
    r"|(?:\\?(?:P|Pr|E|Var|SD)|\\mathbb\{[EP]\})(?:\(.*\)|\[.*\])|n\([A-Z].*\)"
    r"|\([a-zA-Z](?:\\circ ?|[-+*/]|\\cdot ?)[a-zA-Z]\)\([a-z\d]\)"
    r"|\{?[a-zA-Z]\}?\\\{[^=]*\\\}"
    r"|\\begin\{[vV]matrix\}.*\\end\{[vV]matrix\}"
)
_DERIVATIVE = re.compile(r"(?:\\frac\{)?(?P<d>d|\\partial ?)(?P<f>[a-zA-Z])(?:\}\{|/)(?P=d)(?P<x>[a-z])\}?(?![a-z])")
_VECTORS = re.compile(r"(?=.*[a-zA-Z])(?:\\[a-z]++|[A-Za-z\d{}^_+' ().\[\]-])++")
_SIZE_OF_UNKNOWN = re.compile(r"\|[xyz]\|")
_BRACED = re.compile(r"(?<![\\\w^_}\]])\{([a-zA-Z])\}(?!\{)|(?<=_\{)\{([A-Z])\}(?=\})")  # of a letter in bold
_OF_ONE = re.compile(r"(\\[a-z]{3,6}|\\text\{[a-z]{2,6}\})\(([A-Z])\)")  # \det(A) is \det A
_SQUARE = re.compile(r"(?:\\sigma|\\chi|R)(?:_(?:\w|\{\w+\}))? ?\^(?:2|\{2\})")
_BITS = 1_500
_NEARLY = Fraction(999_999, 1_000_000)


def name_of(row: Tokens) -> str:
    r"""What ``x``, ``f(x)``, ``AB``, ``(p,q)`` or ``\text{Area}`` names, as a text; "" for sides that are no name."""
    text = _BRACED.sub(r"\1\2", written(row))
    if is_square(row):
        return re.sub(r"[{} ]", "", text)
    runs = [token.text for token in row if token.kind == "letters" and len(token.text) > 1]
    is_product = any(run.islower() and not is_word(run) for run in runs)
    if (
        not _NAME.fullmatch(text)
        or _SIZE_OF_UNKNOWN.fullmatch(text)
        or is_product
        or says_more(row)
        or text.startswith(("{", "/", ":"))
        or not re.search("[a-zA-Z]", text)
    ):
        return ""
    text = _OF_ONE.sub(r"\1\2", re.sub(r"_\{(\w+)\}", r"_\1", text).replace(" ", ""))
    return _ARGUMENT.sub("(.)", text)


def is_square(row: Tokens) -> bool:
    r"""Whether this is a quantity that is called a square: ``\sigma^2``, ``R^2``, ``\chi^2``."""
    return bool(_SQUARE.fullmatch(written(row)))


def names_of_one_value(parts: Sequence[Tokens]) -> str:
    """ "a=b=c" of all parts but the last, if they are different variables and it has none; "" of other equations."""
    names = [written(part) for part in parts[:-1]]
    try:
        are_names = len(set(names)) == len(names) > 1 and all(map(is_variable, parts[:-1]))
        return "=".join(names) if are_names and not symbols(formula(measure(parts[-1]).row).tree) else ""
    except UnreadableError:
        return ""


def is_of_another(row: Tokens, body: Tokens) -> bool:
    """Whether this is ``f(y)`` and its body speaks of x: that names no function of x."""
    applied = _APPLIED.fullmatch(written(row))
    if applied is None:
        return False
    try:
        names = {name for _, name in symbols(formula(body).tree)}
    except UnreadableError:
        return False
    return applied[1] not in names and any(name in _ARGUMENTS for name in names)


def bound(row: Tokens, body: Tokens) -> tuple[str, Tokens]:
    """("f(.)", its body in x) of ``f(t)``, ("a_.", its body in n) of ``a_k``; ("", nothing) of other sides."""
    if (of := _OF_LETTER.fullmatch(written(row))) is None:
        return "", ()
    letter, usual = (of["argument"], "x") if of["function"] else (of["index"], "n")
    name = f"{of['function']}(.)" if of["function"] else f"{of['sequence']}_."
    try:
        names = {name for _, name in symbols(formula(body).tree)}
    except UnreadableError:
        return "", ()
    letters = names | {sign for name in names for sign in name.partition("_")[2]}  # a_{k-1}
    if letter not in letters or letter in "ei":
        return "", ()
    if letter == usual:
        return name, body
    return (f"{name} of {letter}", body) if usual in letters else (name, renamed(body, [letter], usual))


def is_quantity(row: Tokens, value: Tokens) -> bool:
    """Whether this is one quantity, as ``P(X>1)``, ``\\frac{dy}{dx}`` and ``m+n`` are, and the value is one of it.

    A sum is none if it has a variable that a curve has, so that 5 is no answer to ``x+y=5``.
    """
    if _QUANTITY.fullmatch(written(row)):
        return True
    try:
        tree = formula(row).tree
    except UnreadableError:
        outside = [token for token, depth in zip(row, depths(row), strict=True) if depth == 0]
        return bool(_OPERATOR.match(written(row))) and not says_more(outside)
    if _is_one(tree):
        return True
    terms = [_without_coefficient(term) for term in tree[1:]] if tree[0] == "add" else []
    try:
        is_constant = not symbols(formula(measure(value).row).tree)
    except UnreadableError:
        return False
    return is_constant and bool(terms) and all(map(_is_part, terms))


def quantity_name(row: Tokens) -> str:
    r"""One spelling of what `is_quantity` is called: y' for ``\frac{dy}{dx}``, f_x for ``\partial f/\partial x``."""
    text = _BRACED.sub(r"\1\2", written(row))
    text = _DERIVATIVE.sub(lambda of: f"{of['f']}'" if of["d"] == "d" else f"{of['f']}_{of['x']}", text)
    return re.sub(r"\(([A-Za-z])\)$", r"\1", re.sub(r"[\\{} ]|\\text(?=\{)", "", text))


def is_vector_name(row: Tokens, value: Reading) -> bool:
    r"""Whether this is what a vector or a matrix is called: ``A^T``, ``u+v``, ``\vec{u}\times\vec{v}``."""
    is_vector = value[0] == "matrix" or (value[0] == "tuple" and value[1] in ("()", "<>", "[]"))
    return is_vector and bool(_VECTORS.fullmatch(written(row))) and not says_more(row)


def _is_one(tree: Tree) -> bool:
    """Whether a tree is a function of something, or a derivative."""
    if tree[0] in ("frac", "div"):
        return all(part[0] == "symbol" and re.fullmatch("d[a-z]?", part[1]) for part in tree[1:])
    if tree[0] == "mul" and tree[1][0] == "frac":  # d/dx of something
        return _is_one(tree[1])
    if tree[0] == "mul" and tree[1][0] == "apply":  # an integral, of which numbers have been taken out
        return not any(map(symbols, tree[2:]))
    is_call = tree[0] == "call" and tree[1] in _OF_QUANTITIES
    return tree[0] == "apply" or (is_call and not symbols(tree) & _OF_CURVES)


def _is_part(tree: Tree) -> bool:
    is_length = tree[0] == "mul" and all(part[0] == "symbol" and part[1].isupper() for part in tree[1:])
    return (
        (_is_one(tree) and not symbols(tree) & _OF_CURVES)
        or is_length
        or (tree[0] == "symbol" and tree not in _OF_CURVES)
    )


def _without_coefficient(term: Tree) -> Tree:
    while term[0] == "neg":
        term = term[1]
    return term[2] if term[0] == "mul" and len(term) == 3 and term[1][0] == "number" else term


def names_in_brackets(row: Tokens) -> list[str]:
    """x and y of ``(x,y)``; none of other sides."""
    match = _NAMES.fullmatch(written(row))
    return match[1].split(",") if match else []


def is_variable(row: Tokens) -> bool:
    """Whether the row is one variable."""
    try:
        return formula(row).tree[0] == "symbol"
    except UnreadableError:
        return False


def equation(left: Tokens, right: Tokens) -> Reading | None:
    """The difference of two sides at the points, over the largest of them; `IDENTITY` if the sides are one.

    None if it is undefined, or a side is no formula.
    """
    try:
        sides = formula(left), formula(right)
    except UnreadableError:
        return None
    found = values(_difference(*sides))
    if all(value is None for value in found):
        return None
    largest = _largest(found)
    return IDENTITY if largest is None else ("equation", _over(found, largest, sides))


def are_lengths(sides: Sequence[Tokens]) -> bool:
    """Whether all sides are segments by their ends: AB=AC is AC=AB."""
    return all(len(side) == 1 and len(side[0].text) == len("AB") and side[0].text.isupper() for side in sides)


def inequality(left: Formula, relation: str, right: Formula) -> Reading:
    """A region of one unknown, else the sign of the difference at the points with its size up to a factor.

    Raises:
        UnreadableError: nothing unknown is compared.
    """
    if (solved := regions.solved(left, relation, right)) is not None:
        return region(_text_of(solved[0]), solved[1], True)
    if relation in (">", "ge"):
        left, relation, right = right, {">": "<", "ge": "le"}[relation], left
    difference = _difference(left, right)
    for unknown in unknowns(difference) - symbols(difference):  # f(2) may be any number
        if not symbols(unknown):
            difference = replaced(difference, unknown, ("symbol", _text_of(unknown)))
    found = values(difference)
    largest = _largest(found)
    if largest is None or not symbols(difference):
        raise UnreadableError("nothing is compared")
    with mp.workprec(2 * _BITS):  # to which a sign is changed
        size = largest if relation == "ne" else abs(largest)
    return ("inequality", relation, _over(found, size, (left, right)))


def _difference(left: Formula, right: Formula) -> Tree:
    return ("add", left.tree, ("neg", right.tree))


def _largest(found: Sequence[Any]) -> Any | None:
    """The first of the values that are largest, but for rounding; None if all are zero or undefined."""
    size = max((abs(value) for value in found if value is not None), default=0)
    return next((value for value in found if value and abs(value) > size * _NEARLY), None)


def _over(found: Sequence[Any], scale: Any, sides: Sequence[Formula]) -> tuple[Number | None, ...]:
    is_decimal = any(side.is_decimal for side in sides)
    return tuple(None if value is None else number(quotient(value, scale), is_decimal, _BITS) for value in found)


def _text_of(unknown: Tree) -> str:
    """The name of an unknown: x, or f(2) in one spelling."""
    return unknown[1] if unknown[0] == "symbol" else re.sub(r"[ '\"]|Fraction|number|symbol", "", str(unknown[1:]))
