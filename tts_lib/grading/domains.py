r"""Domains by the points that are not in them: ``x\ne\pm1``, "all real numbers except 1 and -1" and their like.

All rules take a normal form and give ``\mathbb{R}\setminus\{1,-1\}`` or inequalities.
"""

import re

_HINT = re.compile(r"\\ne(?![a-z])|\\notin|\\setminus ?-?\d|xcept|other than|xcluding|\bbut\b|[^x]\}?but|not equal")
_NUMBER = r"(?:[\d./]+|\d*\\frac\{\d+\}\{\d+\}|\d*\\sqrt\{\d+\})"
_POINT = rf"(?:-|\\pm ?)?{_NUMBER}"
_AND = r"(?:, ?(?:\\l(?:and|or) ?)?|\\l(?:and|or) ?)"
_POINTS = rf"{_POINT}(?:{_AND}{_POINT})*"
_NAMED_POINTS = rf"(?:[a-z]=)?{_POINT}(?:{_AND}(?:[a-z]=)?{_POINT})*"
_REALS = (
    r"(?:domain ?(?::|is) ?)?(?:[a-z] ?(?:can be|is|\\in) ?)?(?:(?:all|any|every) ?)?"
    r"(?:real numbers?|reals?|(?<=all )values of|(?<=all )(?=[a-z] )|\\mathbb\{R\})"
    r" ?(?:[a-z](?:\\in ?\\mathbb\{R\})?)? ?"
)
_BUT = re.compile(
    rf"(?:{_REALS}(?:except|other than|excluding|but|not equal to)|all [a-z]\\in ?\\mathbb\{{R\}} ?except)"
    rf"(?: for| when| where)? ?(?P<points>{_NAMED_POINTS})",
    re.I,
)
_SUCH = re.compile(rf"{_REALS}(?:(?:such that|where|with|for which) ?)?(?=[a-z]\\ne ?)", re.I)
_NUMBERS_BUT = re.compile(
    rf"(?P<all>[(\[][^()\[\]]+[)\]]) ?(?:except|excluding|without)(?: for)? ?(?P<points>{_NAMED_POINTS})"
)
_LESS = re.compile(r"(\\mathbb\{R\}\\setminus ?)(-?\d+)$")
_UNEQUAL = re.compile(rf"([a-z])\\ne ?(?P<points>{_POINTS})(?=$|\\?\}}|,)")
_NO_MEMBER = re.compile(rf"([a-z])\\notin ?\\\{{(?P<points>{_POINTS})\\\}}")
_BUT_UNEQUAL = re.compile(r"(?<=[\d}]) ?(?:\\text\{,? ?(?:with|but|where)\}|,? ?(?:with|but|where)) ?(?=[a-z]\\ne)")
_EXCEPT = re.compile(r" ?(?:\\text\{,? ?except(?: for| when)?\}|except(?: for| when)?) ?([a-z])=(?=[^=]*$)")


def without_points(answer: str) -> str:
    """The answer with what is said of missing points as inequalities or a difference; other answers as they are."""
    if not _HINT.search(answer):
        return answer
    plain = " ".join(re.sub(r"\\text\{([^{}]*)\}", r" \1 ", answer).split())
    if but := _BUT.fullmatch(plain):
        return rf"\mathbb{{R}}\setminus\{{{','.join(_each(but['points']))}\}}"
    if but := _NUMBERS_BUT.fullmatch(plain):
        return rf"{but['all']}\setminus\{{{','.join(_each(but['points']))}\}}"
    if such := _SUCH.match(plain):
        answer = plain[such.end() :]
    answer = _LESS.sub(r"\1\\{\2\\}", answer)
    if re.match(r"[a-z](?:[<>]|\\[gl]e)", answer):
        answer = _EXCEPT.sub(r",\1\\ne ", _BUT_UNEQUAL.sub(",", answer))
    return _UNEQUAL.sub(_inequalities, _NO_MEMBER.sub(_inequalities, answer))


def _inequalities(found: re.Match[str]) -> str:
    return r"\land ".join(rf"{found[1]}\ne {point}" for point in _each(found["points"]))


def _each(points: str) -> list[str]:
    found = (point.partition("=")[2] or point for point in re.split(_AND, points))
    return [one for point in found for one in _both(point)]


def _both(point: str) -> list[str]:
    bare = point.removeprefix(r"\pm").strip()
    return [bare, f"-{bare}"] if bare != point else [point]
