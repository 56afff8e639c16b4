r"""One cheap spelling for answers that differ in typesetting only.

Nothing here changes what an answer means: units, magnitudes, labels and bases stay (`readings` knows what they are).
"""

import re
from html import unescape

from tts_lib.grading import abroad, braces, computer_algebra, lines, programs, typesetting, wrapped
from tts_lib.grading.customs import usual
from tts_lib.grading.limits import MAX_CHARS
from tts_lib.grading.plain_numbers import decimal, is_decimal, without_e, without_grouping
from tts_lib.grading.typography import latex, visible

_DOUBLE_ESCAPE = re.compile(r"\\\\(?=[a-zA-Z])")
_ORDINAL = re.compile(r"\^ ?(?:\\text|\{ ?(?:\\text)?)\{? ?(st|nd|rd|th) ?\}\}?")
_PLAIN_TEXT = re.compile(r"\\text\{ ?((?:[^a-zA-Z{}\\]|\\[$%,;:! ])*)\}")
_TEXT_SPACES = re.compile(r"\\text\{ *([^{}]*?) *\}")
_ENDS = re.compile(r"^[\s,;:=]+|[\s.,;:]+$|\\+$|^\\approx ?|^\{\}|(?<=[\w)])\{\}$")
_SENTENCE = re.compile(  # around one formula: "Therefore $x=2$ is the solution."
    r"[A-Za-z ,':]{0,120}(?:\b(?:answer|therefore|thus|hence|so|that|is|are|get|obtain|have)|:) ?(?:\$\$?|\\[(\[])"
    r"((?:\\\$|[^$])+)(?:\$\$?|\\[)\]])(?: is| are)?(?: the| our)?(?: final)?(?: solution| answer| result)?[. ]*"
    r"(?:I hope (?:it|this) (?:is correct|helps)[.! ]*)?",
    re.I,
)
_DENIAL = re.compile(
    r"\b(?:not?|never|neither|false|wrong|incorrect|impossible|unless|if|than|least|most|half)\b", re.I
)
_MARKDOWN = re.compile(r"(\*\*|__|\*|_|`|\"|'')((?:(?!\1).)+)\1")
_CONJUNCTION = re.compile(
    r"[, ]*\\text\{[, ]*(?P<text>and|or)\b[, ]*\}[, ]*|\\text\{[^{}]*\}"
    r"|[, ]*(?<![A-Za-z\\])(?P<bare>and|or)(?:(?![A-Za-z])|(?<=[\d)]or)(?=[A-Z]))[, ]*",
    re.I,
)
_PERCENT = re.compile(
    r"(?<!\\)%|(?<=[\d} ]) ?(?:\\text\{ ?(?:per ?cent(?:age)?|pct) ?\}|\b(?:per ?cent(?:age)?|pct)\b(?! points?))",
    re.I,
)
_INFIX = re.compile(r"\{ ?([^{}]+?) ?\\(choose|over)(?![a-z]) ?([^{}]+?) ?\}")
_SLANTED = re.compile(r"(?<![\w)}\]])\^\{?(\d+)\}?/_\{?(\d+)\}?")
_TIMES_TEN = re.compile(r"(?<=\d) ?[xX] ?(?=10\^)")
_TAGS = re.compile(r"<(b|i|em|strong|u|span|code)>(.*?)</\1>", re.I)
_PLACED = re.compile(r"<su([pb])>(.*?)</su\1>", re.I)
_ENTITY = re.compile(r"&#?[a-zA-Z0-9]{2,8};")
_HEADING = re.compile(r"^#{2,6} ?(?=[^#\s])")
_SET_BY_CONDITION = re.compile(
    r"\{(([a-z])(?:\\in ?\\mathbb\{[RZN]\})?[:|](?=.*\2).*(?:[<>=]|\\(?:le|ge|ne|in)(?![a-z])).*)\}"
)
_UNIT_IN_BRACKETS = re.compile(
    r"(?<=[\d}])(?: +\(((?:[a-z]{2,15}[ .]?){1,3})\)|\\text\{ ?\(((?:[a-z]{1,15}[ .]?){1,3})\) ?\})(?=[\s}$.,;:]*$)",
    re.I,
)
_UNIT = r"\\text\{([A-Za-z ]{1,20})\}(?:\^\{?([23])\}?)?"
_QUOTIENT = re.compile(rf"\\frac ?\{{ ?{_UNIT} ?\}}\{{ ?{_UNIT} ?\}}")
_PRODUCT = re.compile(r"\\text\{([A-Za-z ]{1,20})\} ?\\cdot ?\\text\{([A-Za-z/ ]{1,20})\}")
_ANNOUNCED = re.compile(
    r"\\text\{([A-Za-z ,']{0,60}(?:\b(?:is|are)|:)) ?\}(?=.)|[A-Za-z]{2,20}(?: [A-Za-z]{2,20}){0,2}: ?(?=-?\\?\$?\d)"
)
_ONE_ROW = re.compile(
    r"\\begin\{(aligned|gathered|split|align\*?|gather\*?|equation\*?)\}((?:(?!\\\\|\\end|&).)*)\\end\{\1\}"
)
_DOTS = re.compile(r"(?:(?<=[\d},+])|(?<=\+ ))\.{3,}|(?<=, )\.{3,}(?=,)")
_RUPEES = re.compile(r"^Rs\.? ?(?=\d)")
_CLOCK = re.compile(r"(?<![{ ]) ?o'clock|(?<=\d) o'clock")
_SHORT_FRACTION = re.compile(r"\\frac ?(\d) ?(\d)")
_MOD = r"(?:\\[pb]?mod|\\text\{ ?mod ?\}|mod)"
_REMAINDER = re.compile(rf"(?<=\d) ?(?:\( ?{_MOD} ?(\d+|[a-z]) ?\)|{_MOD} ?\{{? ?(\d+|[a-z]) ?\}}?)$")
_MIXED = re.compile(r"(-?\d+) (\d+)/(\d+)(?= ?\\text| [a-zA-Z]{2}|$)")
_LOOSE_SPACE = re.compile(r"(?<![A-Za-z0-9]) (?!\d{3}(?!\d))| (?![A-Za-z0-9])")
_SYSTEM = re.compile(
    r"\\begin\{cases\}(.+)\\end\{cases\}\.?"
    r"|(?:\\\{)?\\begin\{(array|aligned|align\*?|gathered|split)\}(?:\{[lcr ]+\})?(.+)\\end\{\2\}\.?"
)
_RELATION = re.compile(r"&?([=<>]|\\(?:le|ge|ne|in)(?![a-zA-Z]))&?")
_SIGNS = (("<=", r"\le "), ("=<", r"\le "), (">=", r"\ge "))
_SIGNS += (("{:}", ":"), (r"{}^", "^"), (r"^{\circ}", r"^\circ "), (r"\{\}", r"\emptyset "), (r"\{ \}", r"\emptyset "))
_SIGNS += ((r"\|", r"\Vert "), (r"+\infty", r"\infty"), (r"\mathbb{R}-\{", r"\mathbb{R}\setminus\{"))
_STARS = re.compile(r"(?<=[\w)}\]!]) ?(\*\*?) ?(?=[\w({\\\[-])")  # those of programs, not of bold print
_UNEQUAL = re.compile(r"(?<![\d)}])!=")  # 5!=120 has a factorial
_DOLLAR = re.compile(r"(?:(?<!\\)|(?<=\\\\))\$")
_DRESS = re.compile(r"^ *= *(?=[A-Z][a-z]+[, ])|(?<=[a-z])\.(?:\\, ?)?\.$")  # around a sentence
_STOP_IN_BRACES = re.compile(r"(\{+)([^{].*\w)\.(\}+)")  # of a colour
_MOST_PASSES = 6


def normalise(answer: str) -> str:
    """Return the normal form: equal normal forms are equal answers, not the other way round.

    An answer that is too long to be read keeps its text; only its white space is made even.
    """
    answer = visible(answer)
    has_lines = ("\n" in answer or r"\\ " in answer) and len(answer) <= MAX_CHARS
    text = _DRESS.sub("", lines.in_one(answer) if has_lines else answer)
    answer = _on_one_line(text)
    if len(answer) <= MAX_CHARS and (match := _SENTENCE.fullmatch(answer)):
        answer = answer if _DENIAL.search(answer.replace(match[1], " ")) else match[1]
    elif len(answer) <= MAX_CHARS and (said := wrapped.unwrapped(text)) != text:
        answer = _on_one_line(said)
    answer = braces.sets(computer_algebra.named(answer))
    for _ in range(_MOST_PASSES):
        if len(answer) > MAX_CHARS or (changed := _normalise(answer)) == answer:
            break
        answer = changed
    return answer


def _on_one_line(answer: str) -> str:
    answer = " ".join(answer.split())
    return _HEADING.sub("", answer, count=1) if answer.startswith("##") else answer


def _normalise(answer: str) -> str:
    answer = _SLANTED.sub(r"\\frac{\1}{\2}", _TAGS.sub(r"\2", latex(_of_web_pages(answer)).rstrip("\\ ")))
    if row := _ONE_ROW.fullmatch(answer):
        answer = row[2]
    if match := _MARKDOWN.fullmatch(answer):
        answer = match[2]
    if answer.startswith(r"\\begin"):
        answer = answer.replace(r"\\", "\\")
    elif r"\begin" not in answer:
        answer = _DOUBLE_ESCAPE.sub(r"\\", answer)
    answer = programs.as_latex(computer_algebra.as_typed(abroad.at_home(wrapped.unwrapped(typesetting.plain(answer)))))
    if answer.startswith("{") and r"\text" not in answer:
        answer = _STOP_IN_BRACES.sub(r"\1\2\3", answer)
    if answer.startswith("{#"):  # in a colour
        answer = _HEADING.sub("", answer[1:].rstrip(" ,").removesuffix("}"))
    answer = _INFIX.sub(_prefixed, _DOTS.sub(r"\\ldots ", answer))
    answer = _RUPEES.sub("₹", _CLOCK.sub(r"\\text{o'clock}", answer))
    for old, new in _SIGNS:
        answer = answer.replace(old, new)
    answer = _STARS.sub(lambda stars: "^" if len(stars[1]) == 2 else r"\cdot ", answer)
    answer = _TIMES_TEN.sub(r"\\cdot ", _UNEQUAL.sub(r"\\ne ", answer))
    answer = _PRODUCT.sub(r"\\text{\1 \2}", _QUOTIENT.sub(_divided, answer))
    answer = _UNIT_IN_BRACKETS.sub(_unit_behind, answer)
    if (announced := _ANNOUNCED.match(answer)) and not _DENIAL.search(announced[0]):
        answer = answer[announced.end() :]
    is_currency = len(_DOLLAR.findall(answer)) == 1  # two enclose a formula
    answer = _DOLLAR.sub(r"\\$" if is_currency else "", answer)
    answer = _TEXT_SPACES.sub(r"\\text{\1}", _PLAIN_TEXT.sub(r"\1", _ORDINAL.sub(r"\\text{\1}", answer)))
    answer = _ENDS.sub("", _CONJUNCTION.sub(_conjunction, _PERCENT.sub(r"\\%", answer)))
    answer = without_e(answer)
    answer = _SHORT_FRACTION.sub(r"\\frac{\1}{\2}", " ".join(answer.split()))
    answer = without_grouping(answer)  # before the space after a comma goes: "1, 234" is a list
    answer = _LOOSE_SPACE.sub("", answer)
    if r"\equiv" in answer:
        answer = _REMAINDER.sub(lambda found: rf"\pmod{{{found[1] or found[2]}}}", answer)
    answer = answer if is_decimal(answer) else usual(answer)
    if mixed := _MIXED.match(answer):
        answer = rf"{mixed[1]}\frac{{{mixed[2]}}}{{{mixed[3]}}}{answer[mixed.end() :]}"
    if answer.startswith("{") and (given := _SET_BY_CONDITION.fullmatch(answer)):
        answer = rf"\{{{given[1]}\}}"
    elif answer.startswith("{") and _closes_last(answer):
        answer = answer[1:-1].lstrip("=")  # of {= <7}: "=<", which is another sign, was read above
    elif answer.startswith("{") and answer.count("{") > answer.count("}"):  # of a box that was not closed
        answer = answer[1:]
    if system := _SYSTEM.fullmatch(answer):
        answer = _equations(system[1] or system[3]) or answer
    return decimal(answer) if is_decimal(answer) else answer


def _of_web_pages(answer: str) -> str:
    """x<sup>2</sup> as x^{2}, &le; as its sign."""
    if "<su" in answer.lower():
        answer = _PLACED.sub(lambda found: f"{'^' if found[1] in 'pP' else '_'}{{{found[2]}}}", answer)
    return _ENTITY.sub(lambda found: visible(unescape(found[0])), answer) if ";" in answer and "&" in answer else answer


def _prefixed(infix: re.Match[str]) -> str:
    r"""``{n \choose k}`` and ``{a \over b}`` as commands with arguments."""
    command = "binom" if infix[2] == "choose" else "frac"
    return rf"\{command}{{{infix[1]}}}{{{infix[3]}}}"


def _unit_behind(unit: re.Match[str]) -> str:
    """12 (cm) as 12 cm, also where all of it is a text."""
    before = unit.string[: unit.start()]
    is_in_text = before.rfind(r"\text{") > before.rfind("}")
    return f" {unit[1]}" if is_in_text and unit[1] else f"\\text{{ {unit[1] or unit[2]}}}"


def _divided(units: re.Match[str]) -> str:
    r"""``\frac{\text{m}}{\text{s}^2}`` as ``\text{m/s^2}``."""
    above, below = (unit + (f"^{power}" if power else "") for unit, power in (units.groups()[:2], units.groups()[2:]))
    return f"\\text{{{above}/{below}}}"


def _conjunction(match: re.Match[str]) -> str:
    r"""``\land`` or ``\lor`` for "and" and "or"; a longer text keeps its words."""
    word = match["text"] or match["bare"]
    return f"\\l{word.lower()} " if word else match[0]


def _closes_last(answer: str) -> bool:
    """Whether the brace that the answer starts with closes with its last one."""
    depth = 0
    for brace in re.finditer(r"\\.|[{}]", answer):
        depth += (brace[0] == "{") - (brace[0] == "}")
        if depth == 0:
            return brace.end() == len(answer)
    return False


def _equations(rows: str) -> str | None:
    """The list of a system's equations and inequalities; None for the cases of a function and for other tables."""
    equations: list[str] = []
    for row in rows.split(r"\\"):
        equation = _RELATION.sub(r"\1 ", row.strip(" ,.;"))
        if equation.startswith("=") and equations:  # a line that goes on with the one above it
            equations[-1] += equation
        elif equation:
            equations.append(equation)
    are_all = all(_RELATION.search(row, 1) and "&" not in row and r"\text" not in row for row in equations)
    return ",".join(equations) if are_all else None
