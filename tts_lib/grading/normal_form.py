r"""One cheap spelling for answers that differ in typesetting only, and the numbers that need no parser.

Nothing here changes what an answer means, save the unit after a number, which the MATH benchmark does not ask for.
"""

import re
from fractions import Fraction

MAX_CHARS = 2_000  # the longest answer in the public pools has 237
MAX_DEPTH = 30  # nested brackets; the parser's time grows steeply with them

_GROUPING_SPACE = re.compile(r", ?\\! ?")
_DOUBLE_ESCAPE = re.compile(r"\\\\(?=[a-zA-Z])")
_AND = re.compile(r"[,$ ]*(?:\\text ?\{ ?)?(?<![A-Za-z])(?:and|or)(?![A-Za-z])(?: ?\})?[,$ ]*")
_SPACING = re.compile(r"(?<!\\)\\(?:[,!;: ]|quad(?![a-zA-Z])|qquad(?![a-zA-Z]))|~")
_SIZING = re.compile(r"\\(?:left|right|[bB]igg?[lr]?|displaystyle)(?![a-zA-Z])")
_FRACTION = re.compile(r"\\[dtc]frac(?![a-zA-Z])")
_SHORT_FRACTION = re.compile(r"\\frac ?(\d) ?(\d)")
_TEXT = re.compile(r"\\(?:mbox|textbf|textrm|textit|textnormal|mathrm(?!\{.\}))(?=\{)")
_MIXED = re.compile(r"(-?\d+) (\d+)/(\d+)")
_PERCENT = re.compile(r"(?<!\\)%| ?(?:\\text\{ ?)?\b(?:percent(?:age)?|pct)\b(?: ?\})?$", re.I)
_TRAILING_TEXT = re.compile(
    r"(?<=[\d}]) ?\\text\{(?! ?(?:nd|st|rd|th|[ap]\.?m)\b) ?[a-z./ ]{1,40}\}(?:\^\{?[23]\}?)?$", re.I
)
_DEGREES = re.compile(r"(-?\d+(?:\.\d+)?) ?(?:\^\{?\\circ\}?|°)")
_GROUPED = re.compile(r"-?[1-9]\d{0,2}(?:(?:,|\{,\}| )\d{3})+(?:\.\d+)?")
_LOOSE_SPACE = re.compile(r"(?<![A-Za-z0-9]) (?!\d{3}(?!\d))| (?![A-Za-z0-9])")
_FORMULA_PERCENT = re.compile(r"\$([^$]+)\$ ?\\%")
_NUMBER = re.compile(
    r"([-+]?(?:\d+\.?\d*|\.\d+))(?:\\(?:times|cdot) ?10\^\{?(-?\d{1,3})\}?)?"
    r"|([-+]?)(?:\\frac(?=\{))?\{?(-?\d+)(?:\}\{|/)(\d+)\}?",
    re.ASCII,
)
_SYSTEM = re.compile(
    r"\\begin\{cases\}(.+)\\end\{cases\}|\\\{\\begin\{(array|aligned)\}(?:\{[lcr ]+\})?(.+)\\end\{\2\}"
)
_RELATION = re.compile(r"&?([=<>]|\\(?:leq?|geq?|neq?|in)(?![a-zA-Z]))")
_DECIMAL = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)", re.ASCII)
_ENCLOSING = (("$$", "$$"), ("$", "$"), (r"\(", r"\)"), (r"\[", r"\]"))


def normalise(answer: str) -> str:
    """Return the normal form: equal normal forms are equal answers, not the other way round.

    An answer that is too long to be parsed keeps its text; only its white space is made even.
    """
    answer = " ".join(answer.split())
    if len(answer) > MAX_CHARS:
        return answer
    answer = _AND.sub(",", answer).rstrip(".,; ")
    for opening, closing in _ENCLOSING:
        inner = answer[len(opening) : -len(closing)]
        if answer.startswith(opening) and answer.endswith(closing) and inner.strip() and "$" not in inner:
            answer = inner.strip().rstrip(".,; ")
            break
    if answer.startswith(r"\\begin"):
        answer = answer.replace(r"\\", "\\")
    elif r"\begin" not in answer:
        answer = _DOUBLE_ESCAPE.sub(r"\\", answer)
    answer = answer.replace("−", "-").replace("\\$", "")
    if answer.count("$") == 1:  # a currency sign
        answer = answer.replace("$", "")
    answer = _PERCENT.sub(r"\\%", answer)
    answer = _FORMULA_PERCENT.sub(r"\1\\%", answer)
    answer = _SPACING.sub(" ", _GROUPING_SPACE.sub(",", answer))
    answer = _FRACTION.sub(r"\\frac", _SIZING.sub("", answer))
    answer = _SHORT_FRACTION.sub(r"\\frac{\1}{\2}", answer)
    answer = _TRAILING_TEXT.sub("", _TEXT.sub(r"\\text", answer))
    answer = " ".join(answer.split())
    grouped = _GROUPED.fullmatch(answer)  # before the space after a comma goes: "1, 234" is a list
    answer = _LOOSE_SPACE.sub("", answer)
    answer = _MIXED.sub(r"\1\\frac{\2}{\3}", answer) if _MIXED.fullmatch(answer) else answer
    if degrees := _DEGREES.fullmatch(answer):
        answer = degrees[1]
    if system := _SYSTEM.fullmatch(answer):
        answer = _equations(system[1] or system[3]) or answer
    if grouped:
        answer = re.sub(r"[{}, ]", "", answer)
    return _decimal(answer) if _DECIMAL.fullmatch(answer) else answer


def number(answer: str) -> Fraction | None:
    r"""Return the value of a plain number, None for anything else.

    Plain are ``12``, ``-.5``, ``3/4``, ``-\frac{3}{4}`` and ``1.5\times 10^{-3}``, in ASCII digits.
    """
    if len(answer) > MAX_CHARS or not (match := _NUMBER.fullmatch(answer)):
        return None
    whole, exponent, sign, above, below = match.groups()
    if whole is not None:
        return Fraction(whole) * Fraction(10) ** int(exponent or 0)
    return Fraction(f"{sign}1") * Fraction(int(above), int(below)) if int(below) else None


def number_key(value: Fraction | int | float) -> str:
    """Key of a real number: whole numbers exactly, others to ten significant digits."""
    if not isinstance(value, float) and value.denominator == 1:
        return f"n:{value}"
    try:
        value = float(value)
    except OverflowError:
        return f"n:{value}"
    whole = abs(value) < 1e15 and abs(value - round(value)) <= 1e-10 * abs(value)
    return f"n:{round(value)}" if whole else f"n:{value:.10g}"


def is_parsable(answer: str) -> bool:
    """Whether the answer is short and flat enough to be handed to the parser."""
    if len(answer) > MAX_CHARS:
        return False
    depth = 0
    for bracket in re.finditer(r"[(\[{]|[)\]}]", answer):
        depth += 1 if bracket[0] in "([{" else -1
        if depth > MAX_DEPTH:
            return False
    return answer.count("^") <= MAX_DEPTH


def word(answer: str) -> str | None:
    r"""Return the lower-case word of an answer in words, ``\text{(C)}``, ``(C)``, ``Evelyn``; None for others."""
    inner = re.fullmatch(r"\\text\{([^{}]*)\}", answer)
    plain = inner[1] if inner else answer
    plain = plain.strip(" ().")
    return plain.lower() if (inner and plain) or re.fullmatch(r"[^\W\d_]{3,}|[A-Z]", plain) else None


def _equations(rows: str) -> str | None:
    """The list of a system's equations and inequalities; None for the cases of a function."""
    equations = [_RELATION.sub(r"\1", row.strip(" ,.;")) for row in rows.split(r"\\") if row.strip()]
    are_all = all(_RELATION.search(row, 1) and "&" not in row and r"\text" not in row for row in equations)
    return ",".join(equations) if are_all else None


def _decimal(answer: str) -> str:
    """One spelling for 007, +7, 7. and 7.0; for .50 and 0.5; for -0 and 0."""
    whole, _, decimals = answer.lstrip("+-").partition(".")
    digits = f"{whole.lstrip('0') or '0'}.{decimals.rstrip('0')}".rstrip(".")
    return f"-{digits}" if answer.startswith("-") and digits != "0" else digits
