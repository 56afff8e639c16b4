r"""What Mathematica, Maxima and MATLAB print: ``{{x -> 2 Sqrt[3]}}`` is ``x=2\sqrt{3}``, ``[x = 1, x = 2]`` a list.

Names count only where the rest of the answer is theirs too: E stays a variable beside other capitals.
"""

import re
from collections.abc import Callable

from tts_lib.grading.limits import is_readable

_PROMPT = re.compile(
    r"^([{=$ ]*)(?:>>> ?|(?:In|Out)\[\d{1,4}\](?://\w{1,20})? ?[:=]{1,2} ?|\(%[io]\d{1,4}\) ?|ans ?=(?!=) ?)"
)
_MARK = re.compile(
    r"%(?:pi|e|i|inf|[io]\d)(?![a-zA-Z])|->|\\to |>>>|[A-Z][A-Za-z\d]{1,20}[\[(]|Pi(?![A-Za-z])|==|:=|&&|ans ?=|@\("
    r"|\|\||\*\^|E[*^]|I(?![A-Za-z\d_])(?<![A-Z\\a-z_]I)|minf|[\[{] ?[a-z]\w? ?=|[a-z]\[[a-z]_?\]|lambda|\+- "
)
_POWER_OF_TEN = re.compile(r"(?<=[\d.]) ?\*\^ ?(-?\d+)")
_NAMED = re.compile(r"\\\[(Pi|ExponentialE|ImaginaryI|Infinity)\]")
_SIGNS = {"Pi": "Pi", "ExponentialE": "E", "ImaginaryI": "I", "Infinity": r"\infty "}
_CONSTANT = re.compile(r"%(pi|e|i|inf)(?![a-zA-Z])")
_CONSTANTS = {"pi": r"\pi ", "e": "e", "i": "i", "inf": r"\infty "}
_CALL = re.compile(r"(?<![\\A-Za-z])([A-Z][A-Za-z\d]{1,19})\[([^\[\]]*)\]")
_CAPITAL = re.compile(r"(?<![\\A-Za-z])(Sqrt|SQRT|Sin|Cos|Tan|Log|Ln|LN|Exp|Arctan|Arcsin|Arccos)(?=\()")
_PI = re.compile(r"(?<![\\.A-Za-z])Pi(?![A-Za-z])")
_E = re.compile(r"(?<![\\A-Za-z_])E(?=\^|\*\*)")
_I = re.compile(r"(?:(?<=[\d)}*/+-])|(?<=[\d)}*/+-] ))I(?![A-Za-z\d_(=])|(?<![A-Za-z\d_\\])I(?= ?\*| ?\\[a-z]| \d)")
_KNOWN = re.compile(r"\\[a-zA-Z]+|sqrt|abs|log|ln|exp|a?(?:sin|cos|tan)")
_RULE = re.compile(r" ?([a-zA-Z]\w?|\\?(?:theta|lambda|alpha|beta)) ?(?:->|\\to |==?) ?((?:(?!->|\\to |[=<>]).)+)")
_BOUND = re.compile(r"([a-z])\[([a-z])_?\](?= ?:?=)")
_LAMBDA = re.compile(r"[{= ]*(?:lambda ([a-z]) ?: ?|(?:[a-z] ?= ?)?@\(([a-z])\) ?)([^{}]+?)[} .]*")
_OR = re.compile(r"(?<=\S) \|\| (?=\S)")
_BARE_POINT = re.compile(r"(?<=\d)\.(?=[ })\],*/^+-])")  # of 2.
_INTERVAL = re.compile(r"Interval\[\\?\{([^{}]+?)\\?\}\]")
_MOST_CALLS = 40


def named(text: str) -> str:
    r"""The text with ``\[Pi]`` and its like as names; LaTeX has ``\[`` too."""
    return _NAMED.sub(lambda sign: _SIGNS[sign[1]], text) if r"\[" in text else text


def as_typed(text: str) -> str:
    """The text as a person types it; other texts as they are."""
    if not _MARK.search(text) or not is_readable(text) or r"\text" in text:
        return text
    text = _PROMPT.sub(r"\1", _POWER_OF_TEN.sub(r"\\cdot 10^{\1}", text), count=1)
    text = _CONSTANT.sub(lambda sign: _CONSTANTS[sign[1]], re.sub(r"^([{= ]*)minf(?=[} .]*$)", r"\1-\\infty ", text))
    if function := _LAMBDA.fullmatch(text):
        return f"f({function[1] or function[2]})={re.sub(r'[.](?=[*/^])', '', function[3])}"
    text = _INTERVAL.sub(r"[\1]", text)
    text = _CAPITAL.sub(lambda name: name[1].lower(), _BOUND.sub(r"\1(\2)", text))
    for _ in range(_MOST_CALLS):
        if (changed := _CALL.sub(_called, text)) == text:
            break
        text = _BARE_POINT.sub("", changed)
    if not set(re.sub(r"[^A-Z]", "", _KNOWN.sub("", _PI.sub("", text)))) - set("EIC"):
        text = _E.sub("e", _I.sub("i", text) if re.search(r"\d", text) else text)
    text = _PI.sub(r"\\pi ", text)
    text = text.replace(" +- ", r" \pm ")
    if (solved := _solutions(text)) is not None:
        return solved
    if re.search("[=<>]", text):
        text = _OR.sub(r" \\lor ", text.replace("&&", r"\land ")).replace(":=", "=")
    return re.sub(r"(?<![!=<>])==(?!=)", "=", text)


def _called(call: re.Match[str]) -> str:
    """A function by its arguments; what has another name or number of them stays."""
    given = _parts(call[2])
    found = _FUNCTIONS.get((call[1], len(given))) or _FUNCTIONS.get((call[1], 0))
    return found(*given) if found and all(given) else call[0]


def _parts(text: str) -> list[str]:
    """What stands between commas outside of brackets."""
    parts, depth, start = [], 0, 0
    for i, sign in enumerate(text):
        depth += (sign in "([{") - (sign in ")]}")
        if sign == "," and depth == 0:
            parts.append(text[start:i].strip())
            start = i + 1
    return [*parts, text[start:].strip()]


def _inside(text: str) -> str | None:
    """What the braces or square brackets around all of a text hold; None of other texts."""
    text = text.strip()
    if text[:1] + text[-1:] not in ("{}", "[]"):
        return None
    depth = 0
    for i, sign in enumerate(text):
        depth += (sign in "([{") - (sign in ")]}")
        if depth == 0:
            return text[1:-1] if i == len(text) - 1 else None
    return None


def _solutions(text: str) -> str | None:
    """``x=1,x=2`` of the rules or equations that a solver prints, several unknowns with semicolons between them."""
    plain = text.strip(" =.$")
    inside = _inside(plain)
    if inside is None:
        return _rules(plain)
    while len(parts := _parts(inside)) == 1 and (deeper := _inside(inside)) is not None:
        inside = deeper
    if len(parts) == 1 and "=" not in inside:
        return _rules(inside)
    within = [_inside(part) for part in parts]
    rows = [_parts(part) for part in within if part is not None] if None not in within else [parts]
    found = [[_RULE.fullmatch(rule) for rule in row] for row in rows]
    if any(rule is None for row in found for rule in row):
        return None
    equations = [",".join(f"{rule[1]}={rule[2].strip()}" for rule in row if rule) for row in found]
    return (";" if any(len(row) > 1 for row in found) else ",").join(equations)


def _rules(text: str) -> str | None:
    """``x=1`` of ``x -> 1``, the function of ``x -> x^2``; nothing of an implication."""
    if "->" not in text and r"\to " not in text:
        return None
    rules = [_RULE.fullmatch(rule) for rule in (text.split(" || ") if " || " in text else _parts(text))]
    if not all(rule and re.search(r"\d|\\(?:pi|infty)", rule[2]) for rule in rules):
        return None
    pairs = [(rule[1], rule[2].strip()) for rule in rules if rule]
    if any(re.search(rf"(?<![\\a-zA-Z]){re.escape(name)}(?![a-zA-Z])", value) for name, value in pairs):
        return rf"{pairs[0][0]} \mapsto {pairs[0][1]}" if len(pairs) == 1 else None
    return r" \lor ".join(map("=".join, pairs)) if " || " in text else ",".join(map("=".join, pairs))


_FUNCTIONS: dict[tuple[str, int], Callable[..., str]] = {  # 0: of any number of arguments
    ("Sqrt", 1): r"\sqrt{{{}}}".format,
    ("Exp", 1): "e^{{{}}}".format,
    ("Log", 1): r"\ln({})".format,
    ("Log", 2): r"\log_{{{}}}({})".format,
    ("Log2", 1): r"\log_{{2}}({})".format,
    ("Log10", 1): r"\log_{{10}}({})".format,
    ("Abs", 1): "abs({})".format,
    ("RealAbs", 1): "abs({})".format,
    ("Floor", 1): r"\lfloor {}\rfloor ".format,
    ("Ceiling", 1): r"\lceil {}\rceil ".format,
    ("Power", 2): "({})^{{{}}}".format,
    ("Rational", 2): r"\frac{{{}}}{{{}}}".format,
    ("Complex", 2): "{}+({})i".format,
    ("Binomial", 2): r"\binom{{{}}}{{{}}}".format,
    ("Factorial", 1): "({})!".format,
    ("DirectedInfinity", 1): lambda sign: {"1": r"\infty", "-1": r"-\infty"}.get(sign, "?"),
    ("MatrixForm", 1): str,
    ("List", 0): lambda *items: f"{{{', '.join(items)}}}",
    ("DiagonalMatrix", 1): lambda entries: rf"diag({entries.strip(chr(92) + '{} ')})",
    ("GCD", 2): r"\gcd({},{})".format,
    ("LCM", 2): r"\operatorname{{lcm}}({},{})".format,
}
_FUNCTIONS |= {
    (prefix + name.capitalize(), 1): rf"\{prefix.lower()}{name}({{}})".format
    for prefix in ("", "Arc")
    for name in "sin cos tan cot sec csc sinh cosh tanh coth sech csch".split()
}
