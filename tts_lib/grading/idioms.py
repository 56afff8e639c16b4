r"""What is said in words, or in signs of a trade, for what mathematics also writes: "all odd n", "rank 2", ``12°30'``.

All rules take a normal form. A part that stands before "so" and what explains a value goes; what limits it stays.
"""

import re
from fractions import Fraction

from tts_lib.grading.programs import pmatrix

_QUANTITY = (
    "rank|nullity|dimension|degree|order|multiplicity|slope|gradient|genus|radius|diameter|area|volume|perimeter|length"
    "|width|height|variance|mean|median|mode|determinant|trace|period|amplitude|eccentricity"
)
_OF_QUANTITY = re.compile(
    rf"(?:\\text\{{)?(?:(?:the|a|of|has|is) ){{0,2}}({_QUANTITY})(?: of| is)? ?\}}? ?(?=-?[\d\\][^,;=]*$)", re.I
)
_ROOTS = re.compile(
    r"(?:\\text\{)?(?:(?:the|this) (?:equation|function|polynomial|quadratic|system) has )?(?:the )?"
    r"(?:(?:two|three|real|distinct|only|possible|complex) ){0,3}(?:eigenvalues|roots|zeros|solutions|values)"
    r"(?: (?:of|to) (?:the )?(?:equation|function|polynomial|quadratic|system|inequality))?(?: are|:)? ?\}? ?"
    r"(?=-?[\d\\(][^=]*$|([a-z])=-?[\d\\(][^=]*(?:(?:,|\\l(?:and|or) ?) ?\1=[^=]*)+$)",
    re.I,
)
_REPEATED = re.compile(r"(-?[\w./]+) ?\((?:\\text\{)?(?:with |of )?(?:algebraic )?multiplicity\}? ?(\d)\)", re.I)
_CONVERGENCE = re.compile(
    r"(?:\\text\{)?(?:the )?(?:radius|interval) of convergence(?: is|:|=)? ?\}? ?(?=[\d\\(\[-][^=]*$)", re.I
)
_DEGREE = re.compile(r"\[[^\[\]=]{1,60}:[^\[\]=]{1,60}\]=(\d+|\\infty ?)")  # of a field, an index
_LOGARITHM = re.compile(r"(?<![\\a-zA-Z])log(?:(2|10)(?=\()| base (\w+) of (?=\w))")
_VECTOR = re.compile(r"<([^<>=]+(?:,[^<>=]+)+)>")
_AND = re.compile(r"-?[\d./]+(?: ?& ?-?[\d./]+)+")
_CONSTANT = re.compile(r"\+ ?(?:\\text\{ ?)?const(?:ant)?(?: of integration)?\}?$", re.I)
_ODD = re.compile(
    r"(?:(?:all|every|any|the) )?(?P<kind>odd|even) "
    r"(?:integers|whole numbers|numbers|(?:integers? |numbers? )?(?P<of>[a-z]))"
    r"|(?P<name>[a-z]) (?:is |must be )?(?:an )?(?P<is>odd|even)(?: integer| number)?",
    re.I,
)
_MULTIPLES = re.compile(
    r"(?:(?:all|the) )?(?:(?:integer )?multiples of|integers (?:that are )?divisible by) (?P<of>\d+)"
    r"|(?:all )?(?:integers )?(?P<name>[a-z]) (?:(?:that )?(?:is|are) )?"
    r"(?:divisible by|(?:an? )?multiple of) (?P<by>\d+)",
    re.I,
)
_COSETS = re.compile(r"(?:(?P<first>\d+)\+)?(?P<step>\d+) ?\\mathbb ?\{?Z\}?(?:\+(?P<last>\d+))?")
_GROUP = re.compile(r"(?:the )?(?:cyclic group of order (?P<order>\d+)|Klein (?:four|4|V)?[ -]?group)", re.I)
_PARAMETER = r"(?:[a-z]|\\(?:lambda|mu|sigma\^\{?2\}?))?=?"
_JOINED = r"(?:,|\\land| )+(?:and )?"
_DISTRIBUTED = re.compile(
    r"(?:(?:an?|the) )?(?:(?P<standard>standard normal)"
    r"|(?P<name>Poisson|Exponential|Geometric|Bernoulli|Normal|Gaussian|Binomial|Uniform))"
    r"(?: distribution| random variable)?"
    r"(?:(?: on| over)(?: the interval)? ?(?P<on>[(\[][^()\[\]]+[)\]])"
    r"|(?: with)? (?:parameters?|rate|(?:success )?probability)"
    rf" ?{_PARAMETER}(?P<one>[^, ]+)"
    rf"| with mean ?{_PARAMETER}(?P<mean>[^, ]+?){_JOINED}variance ?{_PARAMETER}(?P<variance>[^, ]+)"
    rf"| with (?:parameters )?n=(?P<n>[^, ]+?){_JOINED}p=(?P<p>[^, ]+))?",
    re.I,
)
_ANGLE = re.compile(
    r"(-?\d+)(?:\^\{?\\circ ?\}? ?|(?: ?\\text\{| )deg(?:ree)?s?\}? ?)(?:and )?"
    r"(\d{1,2})(?:'|(?: ?\\text\{| )min(?:ute)?s?\}?)"
    r"(?: ?(?:and )?(\d{1,2}(?:\.\d+)?)(?:''|\"|(?: ?\\text\{| )sec(?:ond)?s?\}?))?"
)
_FEET = re.compile(r"(\d+)' ?(\d{1,2}(?:\.\d+)?)(?:''|\")")
_INCHES = re.compile(r"(\d+(?:\.\d+)?)(?:''|\")")
_DIAGONAL = re.compile(r"(?:\\text\{diag\}|\\?diag) ?[(\[{]((?:[^()\[\]{}]|\\frac\{\d+\}\{\d+\})+)[)\]}]")
_UNIT_MATRIX = re.compile(r"(-?\d*)I_\{?([234])\}?")
_BOUND = r"[a-zA-Z](?:[<>]|\\(?:le|ge)(?![a-z]))"
_LIMIT = rf"(?=(?:-?[\w./]+|-?\\[a-z]+ ?)?(?:<|\\le ?)?{_BOUND})"
_FOR = r"(?:for|where|when|if)(?: all)?"
_WHERE = re.compile(rf"(?<=[\w)}}\]])(?:,? ?\\text\{{,? ?{_FOR},? ?\}}|(?:,? |,){_FOR} ){_LIMIT}")
_FIRST_MEMBER = re.compile(rf"([a-z])\\in ?(\\mathbb\{{Z\}}),((?=.*{_BOUND})[^,;]*|[^,;]*(?:<|\\le ?)\1)")
_INTEGERS = re.compile(
    rf"(?:(?:all|the) )?integers (?=(?:-?\d+(?:<|\\le ?))?([a-z])(?!\w))(?=.*{_BOUND})([^,;]*)", re.I
)
_RECURRING = re.compile(
    r"(\d*\.)(?:(\d)\2*|(\d*?)(\d)\4{2,}|(\d*?)(\d{2,}?)\6+)(?:\\ldots)? ?(?:\\text\{)?"
    r"\(?(?:repeating|recurring)\)?\}?"
)
_REPEATED_DIGITS = re.compile(
    r"(\d*\.\d*?)(\d+)(?: ?\\text\{,? ?|,? ?)(?:with |where )?(?:the )?\2 (?:is )?(?:repeating|recurring)\}?"
)
_THEN = r"(?:so|thus|hence|therefore)(?: that)?,?"
_SO = re.compile(
    rf"[^{{}}]*[=<>][^{{}}]*?(?:[,;.]? ?\\text\{{[,;. ]*(?:and )?{_THEN} ?\}} ?"
    rf"|(?:[,;.] ?|[.;] )(?:and )?{_THEN} |\\Rightarrow(?![a-z]) ?)(?P<last>[^=<>,;]*=[^=]*)"
)


def written_out(answer: str) -> str:
    """The answer with what is said so as it is written else; other answers as they are."""
    plain = re.sub(r"\\text\{([^{}]*)\}", r" \1 ", answer) if r"\text{" in answer else answer
    plain = " ".join(plain.split())
    if odd := _ODD.fullmatch(plain):
        return _progression(2, 1 if (odd["kind"] or odd["is"]).lower() == "odd" else 0, odd["of"] or odd["name"] or "")
    if multiples := _MULTIPLES.fullmatch(plain):
        return _progression(int(multiples["of"] or multiples["by"]), 0, multiples["name"] or "")
    if coset := _COSETS.fullmatch(answer):
        return _progression(int(coset["step"]), int(coset["first"] or coset["last"] or 0), "")
    if group := _GROUP.fullmatch(plain):
        return f"C_{{{group['order']}}}" if group["order"] else "V_4"
    if degree := _DEGREE.fullmatch(answer):
        return degree[1]
    if given := _DISTRIBUTED.fullmatch(plain):
        return _distribution(given) or answer
    if angle := _ANGLE.fullmatch(answer):
        return _degrees(*angle.groups("0"))
    if inches := _INCHES.fullmatch(answer):
        return rf"{inches[1]}\text{{ in}}"
    if vector := _VECTOR.fullmatch(answer):
        return rf"\langle {vector[1]}\rangle "
    if _AND.fullmatch(answer):
        return answer.replace("&", r"\land ")
    if feet := _FEET.fullmatch(answer):
        return rf"{feet[1]}\text{{ ft }}{feet[2]}\text{{ in}}"
    if diagonal := _DIAGONAL.fullmatch(answer):
        return _diagonal(re.split("[,;]", diagonal[1]))
    if unit := _UNIT_MATRIX.fullmatch(answer):
        return _diagonal([f"{unit[1]}1" if unit[1] in ("", "-") else unit[1]] * int(unit[2]))
    if member := _FIRST_MEMBER.fullmatch(answer):
        return rf"{member[3]},{member[1]}\in {member[2]}"
    if integers := _INTEGERS.fullmatch(answer):
        return rf"{integers[2]},{integers[1]}\in \mathbb{{Z}}"
    if recurring := _RECURRING.fullmatch(answer):
        whole, digit, start, last, before, period = recurring.groups("")
        return rf"{whole}{start}{before}\overline{{{digit or last or period}}}"
    if behind := _REPEATED_DIGITS.fullmatch(answer):
        return rf"{behind[1]}\overline{{{behind[2]}}}"
    if so := _SO.fullmatch(answer):
        return so["last"]
    if r"\begin" not in answer and not re.match("[A-Za-z]{2,}[ ,]", answer):
        answer = _WHERE.sub(",", answer)
    answer = _LOGARITHM.sub(lambda found: rf"\log_{{{found[1] or found[2]}}}", _CONSTANT.sub("+C", answer))
    answer = _REPEATED.sub(lambda found: ",".join([found[1]] * int(found[2])), answer)
    if quantity := _OF_QUANTITY.match(answer):
        return rf"\text{{{quantity[1].lower()}}}={answer[quantity.end() :]}"
    for before in (_ROOTS, _CONVERGENCE):
        if named := before.match(answer):
            return answer[named.end() :]
    return answer


def _progression(step: int, first: int, name: str) -> str:
    letter = "k" if name != "k" else "m"
    return f"{f'{name}=' if name else ''}{step}{letter}{f'+{first}' if first else ''},{letter}\\in \\mathbb{{Z}}"


def _distribution(given: re.Match[str]) -> str | None:
    """Bin(10,0.3) of a binomial distribution with n=10 and p=0.3; None where its parameters do not fit."""
    if given["standard"]:
        return None if any(given[name] for name in ("on", "one", "mean", "n")) else r"\text{Normal}(0,1)"
    kind, name = given["name"].lower(), given["name"].capitalize()
    parameters = (
        (given["on"] or "")[1:-1]
        if kind == "uniform"
        else f"{given['mean']},{given['variance']}"
        if kind in ("normal", "gaussian") and given["mean"]
        else f"{given['n']},{given['p']}"
        if kind == "binomial" and given["n"]
        else given["one"]
        if kind in ("poisson", "exponential", "geometric", "bernoulli")
        else None
    )
    return rf"\text{{{name}}}({parameters})" if parameters else None


def _degrees(whole: str, minutes: str, seconds: str) -> str:
    part = Fraction(minutes) / 60 + Fraction(seconds) / 3600
    value = abs(Fraction(whole)) + part
    return rf"{'-' * whole.startswith('-')}\frac{{{value.numerator}}}{{{value.denominator}}}^\circ "


def _diagonal(entries: list[str]) -> str:
    return pmatrix([entry if i == j else "0" for j in range(len(entries))] for i, entry in enumerate(entries))
