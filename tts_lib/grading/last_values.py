r"""The last value of a text that marks none: the formula, list or expression that ends it, else its last number."""

import re
from collections import deque

from tts_lib.grading.phrases import FORMULA, NUMBER, SCALE, clean
from tts_lib.grading.statements import EXPRESSION, UNITS

_LONGEST_FORMULA = 4_000  # characters
_LONGEST_EXPRESSION = 200
_LONGEST_UNITS = 80
_SIGNS = (("$", "$"), ("\\(", "\\)"), ("\\[", "\\]"))
_PROSE = re.compile(r"^[^\\]*\b[a-z]{3,},? [a-z]{2,}\b[^\\]*$")  # between two prices
_ALIGNED = r"(?:align|aligned|alignat|gather|gathered|split|multline|eqnarray|equation|flalign)\*?"
_ENVIRONMENT_AT_END = re.compile(rf"\\end\{{({_ALIGNED})\}}$")
_ALIGNED_ROWS = re.compile(rf"\\(?:begin|end)\{{{_ALIGNED}\}}")
_OTHER_ENVIRONMENT = re.compile(rf"\\begin\{{(?!{_ALIGNED})")  # matrices and cases have rows of their own
_COLUMN = re.compile(r"(?<!\\)&")
_ROW_ENDS = re.compile(r"\\\\(?:\[[\w.]{1,9}\])?")
_ROW_BEGINS = re.compile(r"^(?:[\s&=~]|\\(?:equiv|approx|q?quad|Rightarrow|implies|iff|Leftrightarrow)(?![a-z]))+")
_ROW_REMARK = re.compile(r"&(?:\s|&|\\q?quad(?![a-z]))*\\text\{[^{}]*\}[\s.,]*$")
_UNITS_AT_END = re.compile(rf"(?<=[$)\]])(?=\s?[^\W\d_]){UNITS}$")
_DIGIT = re.compile(r"\d")
_PLAIN = r"[-+−]?\d[\d,]*(?:\.\d+)?(?:/\d+)?"
_AT_END = re.compile(
    r"(?:\b(?:is|are|equals?|be|gives?|get|obtain|to)|[=:])\s+"
    rf"((?:{_PLAIN}(?:,? (?:and|or) |, )){{1,20}}{_PLAIN}|{EXPRESSION})$"
)
_QUANTITY = re.compile(rf"(?:[€£¥]\s?)?{NUMBER}(?:\s?(?:[%€£¥°]|[kcmd]?m[²³]?|k?g|m?[lL]|s|h|ft|in))?")
_ASSIGNMENTS = re.compile(rf"[A-Za-z] ?= ?{_PLAIN}(?:(?:,| and|, and) [A-Za-z] ?= ?{_PLAIN}){{1,9}}")
_CALCULATED = re.compile(r"<<[^<>\n]{0,200}>>")  # GSM8K's calculator
_LIST_LABEL = re.compile(r"^[ \t]{0,9}\d{1,3}[.)] ", re.MULTILINE)
_POWER = rf"(?:{NUMBER} ?(?:[×x*]|\\times|\\cdot) ?)?{NUMBER}\^\{{?{NUMBER}\}}?"
_LAST_NUMBERS = re.compile(
    rf"(?<![A-Za-z\d_.^])(?:{NUMBER}:\d+|{NUMBER} \d+/\d+|{_POWER}|{NUMBER})(?:\s{SCALE})?", re.IGNORECASE
)
_SPACED_MINUS = re.compile(r"(?<=[=(:] )[-−] (?=[\d.])")


def last_value(text: str) -> str | None:
    """The formula, list or expression that ends the text, else its last number or the formula that holds it."""
    text = _SPACED_MINUS.sub("-", _LIST_LABEL.sub("", _CALCULATED.sub("", text)))
    ending = text.rstrip(" \n.!")[-_LONGEST_FORMULA:]
    units = _UNITS_AT_END.search(ending, max(0, len(ending) - _LONGEST_UNITS))
    if units and (formula := _formula_at_end(ending[: units.start()])) and _DIGIT.search(formula):
        return _computed(formula)
    if (formula := _formula_at_end(ending)) is not None:
        return formula or None
    listed = _AT_END.search(ending, max(0, len(ending) - _LONGEST_EXPRESSION))
    if listed and (expression := _last_side(listed[1])) and not _QUANTITY.fullmatch(expression):
        return clean(expression)
    number = next(iter(deque(_LAST_NUMBERS.finditer(text), maxlen=1)), None)
    if number is None:
        return None
    around = max(0, number.start() - _LONGEST_FORMULA), number.end() + _LONGEST_FORMULA
    for formula in FORMULA.finditer(text, *around):
        if formula.start() < number.start() < formula.end():
            return clean(_computed(_last_row(next(group for group in formula.groups()[:6] if group is not None))))
    return number[0].lstrip("\\$").rstrip(",")


def _formula_at_end(ending: str) -> str | None:
    """The formula that ends the text; empty where that has just begun."""
    ending = ending.rstrip("$") + "$" if ending.endswith("$") else ending
    for opening, closing in _SIGNS:
        _, opened, content = ending.removesuffix(closing).rpartition(opening)
        if ending.endswith(closing) and opened and not _PROSE.search(content):
            return clean(_last_row(content)) or ""
    if environment := _ENVIRONMENT_AT_END.search(ending):
        _, opened, content = ending[: environment.start()].rpartition(f"\\begin{{{environment[1]}}}")
        return clean(_computed(_last_row(content))) if opened else None
    return None


def _last_row(formula: str) -> str:
    """The last equation of an aligned formula, or the formula."""
    if not (_ALIGNED_ROWS.search(formula) or _COLUMN.search(formula)) or _OTHER_ENVIRONMENT.search(formula):
        return formula
    rows = [row for row in _ROW_ENDS.split(_ALIGNED_ROWS.sub("", formula)) if row.strip()]
    return _COLUMN.sub("", _ROW_BEGINS.sub("", _ROW_REMARK.sub("", rows[-1]))).strip() if rows else formula


def _computed(formula: str) -> str:
    """The last side of an equation where that is a number, else the formula."""
    value = formula.rpartition("=")[2].strip(" .,")
    return value if re.fullmatch(NUMBER, value) else formula


def _last_side(expression: str) -> str:
    """The last side of an equation; several variables with their values are all of them."""
    return expression if _ASSIGNMENTS.fullmatch(expression) else expression.rpartition("=")[2].strip()
