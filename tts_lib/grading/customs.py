r"""What other countries, programs and physicists write, as MATH does: ``]0,1[``, ``1'234'567``, ``\SI{5}{m}``.

Each is read where nothing else can be meant: 1.234 stays a decimal, "12,34,567" a list. All rules take a normal form.
"""

import re

from tts_lib.grading import figures
from tts_lib.grading.domains import without_points
from tts_lib.grading.idioms import written_out
from tts_lib.grading.programs import pmatrix

_PLACE = r"[^()\[\];,]+"
_INTERVAL = rf"[\[\](]{_PLACE}[,;]{_PLACE}[\[\])]"
_INTERVALS = re.compile(rf"(?:[a-zA-Z]\\in ?)?{_INTERVAL}(?:\\c[au]p ?{_INTERVAL})*")
_ENDS_OF_INTERVAL = re.compile(rf"([\[\](])({_PLACE}[,;]{_PLACE})([\[\])])")
_LETTER_U = re.compile(r"(?<=[)\]\[])U(?=[(\[\]])")
_THOUSANDS = re.compile(r"(?<![\w.,'])[1-9]\d{0,2}(?:(?:'\d{3})+|(?:\.\d{3}){2,}|(?:_\d{3}){2,})(?![\w.,'])")
_DECIMAL_COMMA = re.compile(r"(?<=\d)\{,\}(?!\d{3}(?!\d))(?=\d)")  # 3{,}500 has thousands
_UNIT_PRODUCT = re.compile(r"(\\text\{[A-Za-z/ ]*)\\cdot ?(?=[A-Za-z/ ^\d{}-]*\})")
_UNIT_POWER = re.compile(r"\\text\{([A-Za-z/ ]{1,20})\^ ?(-?[1-4]) ?\}")
_BRACED_POWER = re.compile(r"(\\text\{[^{}]*\^) ?\{ ?(-?[1-4]) ?\}")
_QUANTITY = re.compile(r"\\(?:SI|qty)\{([^{}]*)\}\{([^{}]*)\}")
_OF_COMMANDS = re.compile(r"\\([a-zA-Z]+) ?")
_HAT = r"\\(?:hat|vec|widehat|overrightarrow) ?(?:\{\{?(?P<a>[%s])\}?\}|(?P<b>[%s])(?![a-zA-Z]))"
_UNIT_VECTOR, _SECOND_UNIT_VECTOR = re.compile(_HAT % ("ijk", "ijk")), re.compile(_HAT % ("jk", "jk"))
_COEFFICIENT = re.compile(r"[-+]?(?:[^-+()]*|[^-+()]*\([^()]*\))")
_EVERY = re.compile(r"(?:\\text\{(both|either)\}|(both|either)\b) ?", re.I)
_JOINS = {"both": r"\land", "either": r"\lor"}
_SET = re.compile(
    r"(?:\\text\{)?(?:(?:the )?set of )?(?:(?:all|any|every) )?(?:the )?(?P<sign>(?:non-?)?(?:positive|negative) )?"
    r"(?:(?P<kind>real|rational|complex) numbers|(?P<alone>real|integer)s|(?<=any )(?P<any>real) number)\}?",
    re.I,
)
_SETS = {
    "real": r"\mathbb{R}",
    "positive real": r"(0,\infty)",
    "negative real": r"(-\infty,0)",
    "nonnegative real": r"[0,\infty)",
    "nonpositive real": r"(-\infty,0]",
    "integer": r"\mathbb{Z}",
    "positive integer": r"\mathbb{Z}^+",
    "rational": r"\mathbb{Q}",
    "complex": r"\mathbb{C}",
}
_INFINITE = re.compile(r"(?:diverges to |tends to |approaches )?(?:positive |plus |(negative |minus ))?infinity", re.I)
_EVERY_REAL = re.compile(
    r"(?:\\text\{)?(?:all|any|every) real(?: values? of| numbers)? ?\}?[a-z]"
    r"|[a-z](?: |\\text\{)(?:is|can be) any real number\}?"
)
_COMMANDS = {"tg": "tan", "ctg": "cot", "cotg": "cot", "cosec": "csc", "arctg": "arctan"}

_MONTH = "(?:january|february|march|april|may|june|july|august|september|october|november|december)"
_WHEN = re.compile(
    rf"^(\\text\{{)?(?:on|in) (?=(?:(?:sun|mon|tues|wednes|thurs|fri|satur)day|{_MONTH}(?: \d{{1,4}})?)\}}?$)", re.I
)
_CALLED_SO = (
    r"(?:the )?(?:(?:vertical|horizontal|straight|open|closed|half-open|ordered) )?"
    r"(?:line|circle|plane|parabola|equation|function|polynomial|point|pair|interval|set|vector|matrix|number|value)"
)
_CALLED = re.compile(  # "the point (1,2)" is (1,2)
    rf"^(?:\\text\{{{_CALLED_SO}\}} ?|{_CALLED_SO}(?: |(?=[(\[{{\\])))(?=[-\d(\[{{\\]|[a-z](?:\([a-z]\))?[=<>])", re.I
)
_REMARK = re.compile(  # on a value that stands before it
    r"(?<=[\w)}\]%])[, ]*(?:\\text\{)?[, ]*(?:"
    r"\((?:(?:or |\\lor ?)?(?:\\approx|approximately|approx\b|about|roughly|i\.e\.)|(?:since|because|as)\b)"
    r"|i\.e\."
    r"|(?<![a-z])(?<![a-z] )are (?:the |both |all )?(?:only )?(?:(?:two|three|real) )?"
    r"(?:solutions|roots|zeros|answers)\b"
    r"|because\b|since\b(?=[^{}]*=)|(?<=[,])since\b"
    r"|(?:is the only (?:solution|answer)|as (?:required|desired|expected|claimed))\b).*$",
    re.I,
)
_COLUMN = re.compile(
    rf"(?:(?<![\w)\]}}])|(?<=\\land)|(?<=\\lor))(?:[(\[]|\\langle ?)({_PLACE}(?:[,;]{_PLACE})+?)(?:[)\]]|\\rangle ?)"
    r"\^(?:\{ ?(?:\{T\}|\\text\{T\}|T|\\top|\\intercal) ?\}|T(?![a-zA-Z])|\\top(?![a-z])|\\intercal)"
)

_EXCEPT = re.compile(  # where a fraction has no value
    r"^(?P<body>(?:(?!\\(?:ne|le|ge|in|text)(?![a-z]))[^<>=])*?[\w)}])[,;]? ?"
    r"(?:\\text\{[, ]*(?:for|where|with|provided|if)(?: that)?\} ?| (?:for|where|when|if) |\()?"
    r"(?P<letter>[a-z])\\ne ?(?:\\pm ?)?[^<>=a-zA-Z]*(?:\\land ?(?P=letter)\\ne ?[^<>=a-zA-Z\\]*)*$"
)


def _has_no_words(body: str, letter: str) -> bool:
    return letter in body and not re.search(r"\b(?:all|real|that)\b", body)


_IN_BASE = re.compile(
    r"(_\{?(2|8|16)\}?)[ (]*(?:\\text\{)?[ (]*(?:in )?(binary|octal|hex(?:adecimal)?)(?: notation)?\)?\}?$", re.I
)
_BASES = {"binary": "2", "octal": "8", "hex": "16", "hexadecimal": "16"}
_REMARK_IN_BRACKETS = re.compile(
    r"(?<=[\w}]) ?\((?:in )?(?:total|each|altogether|overall|exact(?:ly)?|simplified|final answer)\)(\}?)$", re.I
)


def _chosen(found: re.Match[str]) -> str:
    r"""10C3 and ``C_{10}^{3}`` as a binomial coefficient; ``C_1^2`` is the square of a constant."""
    numbers = [int(number) for number in found.groups() if number]
    n, k = reversed(numbers) if found[0].startswith("C^") else numbers
    return rf"\binom{{{n}}}{{{k}}}" if n > max(k, _FEWEST_TO_CHOOSE_FROM) else found[0]


def _counted(found: re.Match[str]) -> str:
    r"""C(10,4), nCr(10,4), 10 nCr 4, P(10,4) and their like; a point C(3,4) or P(2,1) stays one."""
    n, k = found["n"] or found["m"], found["k"] or found["l"]
    is_point = n.isdecimal() and k.isdecimal() and int(n) <= max(int(k), _FEWEST_TO_CHOOSE_FROM)
    if is_point or (found.start() == 0 and found.string[found.end() : found.end() + 1] == "="):  # C(8,3)=56 is named so
        return found[0]
    is_ordered = "P" in (found["how"] or found["between"])
    return rf"\frac{{({n})!}}{{({n}-({k}))!}}" if is_ordered else rf"\binom{{{n}}}{{{k}}}"


def _placed(found: re.Match[str]) -> str:
    """P(2,3) as a point by its name; P(10,4) is a count."""
    n, k = found[2], found[3]
    is_count = n.isdecimal() and k.isdecimal() and int(n) > max(int(k), _FEWEST_TO_CHOOSE_FROM)
    return found[0] if is_count else f"{found[1]}=({n},{k})"


_FEWEST_TO_CHOOSE_FROM = 3
_N, _K = r"\d+|\d*[nNmM](?:[-+]\d+)?", r"\d+|[krnm](?:[-+]\d+)?"
_COUNTED = re.compile(
    rf"(?<![A-Za-z_}}\\'])(?:\\text\{{ ?)?(?P<how>[CP]|n[CP]r|[cC]omb|[bB]inom(?:ial)?|[cC]hoose)(?: ?\}})?"
    rf"(?:\((?P<n>{_N}),(?P<k>{_K})\)|\[(?P<dummy>(?!))\])"
    r"|(?<![\w}\\.])(?P<m>\d+|n) ?(?:\\text\{ ?)?(?P<between>n[CP]r|(?<=\d)P|(?<=n)[CP])(?: ?\})?"
    r" ?(?P<l>\d+|(?<=n[CP])[kr])(?![\w(])"
)
_POINTS = re.compile(r"(?<![A-Za-z])[ABD-OQ-Z]\([^()]*,")
_RULES = [
    (re.compile(r"(^|[(\[,]|(?<=\{))([-+]?)(?:oo|[Ii]nf(?:ty|inity)?)(?=$|[)\],])"), r"\1\2\\infty "),
    (re.compile(r"(?<=[)\]]) ?(?:\\text\{ ?union ?\}|union) ?(?=[(\[])", re.I), r"\\cup "),
    (re.compile(r"(?<=\d) ?\\mu ?\\text\{([mgsAVLlJW])\}"), r"\\text{micro\1}"),
    (re.compile(r"\\text\{ ?([kMG]?) ?(?:\}\\Omega(?![a-z])|\\Omega ?\})"), r"\\text{\1ohm}"),
    (
        re.compile(
            r"(?<![\w.,^])(\d{1,6})/(\d{1,6}) (?=(?:[xyznm]|[ckm]m|k?g"
            r"|ft|mi|lb|L|mL|(?:meter|metre|inch|foot|mile|hour)s?)(?![a-zA-Z]))"
        ),
        r"\\frac{\1}{\2}",
    ),
    (re.compile(r"^(?:in )?(?:(?:the|a) )?ratio (?:of |is )?(?=\d+(?::| to ))", re.I), ""),
    (re.compile(r"(?<![\^_])\{([-+=<>])\}"), r"\1"),
    (
        re.compile(
            r"(?<=[\w)}\]])(?:\\(?:checkmark|square|Box|blacksquare|qed|qedsymbol)(?![a-zA-Z])|[✓✔☑✅∎]\ufe0f?)$"
        ),
        "",
    ),
    (re.compile(r"(?<=[\d)}])\^\{?\\text\{o\}\}?"), r"^\\circ "),
    (re.compile(r"(?<=[\d}])[(\[]\\text\{([a-z][a-z./^\d ]*)\}[)\]]$"), r"\\text{\1}"),
    (re.compile(r",?(?<!\\)\\&"), r"\\land "),
    (re.compile(r"(?<=\d)\\text\{([a-z]+),? and\}(?=\d)"), r"\\text{\1}\\land "),
    (re.compile(r"\\mathbb\{R\}(?:\\setminus ?|-)?\{([-\d.,/ ]+)\}$"), r"\\mathbb{R}\\setminus\\{\1\\}"),
    (re.compile(r"^\\mathbb\{R\}(?:\^\{?\+\}?|_\{>0\})$"), r"(0,\\infty)"),
    (re.compile(r"^\\mathbb\{Z\}(?:\^\{\+\}|_\{>0\})$"), r"\\mathbb{Z}^+"),
    (re.compile(r"^(?:\\text\{)?(?:the )?empty set\}?$", re.I), r"\\emptyset "),
    (re.compile(r"^(\{[a-z]\\in )([RZN])(?=[:|])"), r"\1\\mathbb{\2}"),
    (
        re.compile(
            r"(?<=\d) ?/ ?(hour|hr|day|week|month|year|minute|person|item|pound|mile)s?$"
            r"|(?<=\d)(?<!^\d) ?/ ?(h)$"
        ),
        lambda each: rf"\text{{ per {each[1] or each[2]}}}" if each[1] or each.string.startswith("\\$") else each[0],
    ),
    (
        re.compile(
            r"(?<=\d )([a-z]{3,12}) an (?=hour\b)"
            r"|(?<=\d )([a-z]{3,12}) a (?=(?:minute|second|day|week|month|year)\b)"
        ),
        r"\1\2 per ",
    ),
    (re.compile(r"\\cr(?![a-zA-Z]) ?"), r"\\\\"),
    (re.compile(r"\\text\{plus or minus\}|\+/-|\bplus ?(?:\\lor |/)minus\b ?"), r"\\pm "),
    (re.compile(r"(?<![\w}])[_^](?:\{(\w+)\}|(\w))C_(?:\{(\w+)\}|(\w))"), r"\\binom{\1\2}{\3\4}"),
    (re.compile(r"(?<![\w}])[_^](?:\{(\d+)\}|(\d))P_(?:\{(\d+)\}|(\d))"), r"\\frac{\1\2!}{(\1\2-\3\4)!}"),
    (re.compile(r"(?<![\w}\\.])(\d+)C(\d+)(?!\w)"), _chosen),
    (re.compile(r"(?<![\w}])C_\{?(\d+)\}?\^\{?(\d+)\}?|(?<![\w}])C\^\{?(\d+)\}?_\{?(\d+)\}?"), _chosen),
    (re.compile(r"(?<![A-Za-z\\])(?:\\text\{ ?)?(?:GCD|HCF|GCF|hcf|gcf)(?: ?\})?(?=\()"), r"\\gcd"),
    (re.compile(r"(?<![A-Za-z\\])(?:\\text\{ ?)?LCM(?: ?\})?(?=\()"), r"\\lcm"),
    (re.compile(r"(?<![A-Za-z\\])\\?(?:\\text\{ ?)?(floor|ceil)(?:ing)?(?: ?\})?(?=\()"), r"\\\1"),
    (re.compile(r"\\mathbb\{R\} ?\((?![^()]*,)"), "Re("),
    (re.compile(r"(?<![A-Za-z\\])(lim|sum|prod|int)(?=[_^])"), r"\\\1"),
    (
        re.compile(r"\\?(?<![a-zA-Z])lim ?\(?([a-z])(?:\\to ?|->)([-+]?(?:\w+|\\infty|\\pi))(?:\)| |(?=\\)) ?"),
        r"\\lim_{\1\\to \2}",
    ),
    (re.compile(r"(?<=\d|\}) ?/ ?(?:\\text\{ ?)?mol\}?$"), r"\\text{mol}^{-1}"),
    (re.compile(r"(?<=[A-Za-z])/ ?\(([A-Za-z]+)(?: |\\cdot ?)([A-Za-z]+)\)"), r"/\1/\2"),
    (re.compile(r"[, ]*&[, ]*\\text\{[, ]*(?:if|for|when),?\} ?(?=.*\\end\{cases\})"), "&"),
    (
        re.compile(
            r"^(?!\{).+?\\text\{[, ]*(?:so|thus|therefore|hence)[, ]*(?:the|our) (?:final )?answer is ?\} ?(?=.)"
        ),
        "",
    ),
    (
        re.compile(
            r"(?<=\d)( ?\\text\{ ?| )an? (?=(?:second|minute|hour|day|night|week|month|year|pound|person|piece)\b)"
        ),
        r"\1per ",
    ),
    (_EXCEPT, lambda found: found["body"] if _has_no_words(found["body"], found["letter"]) else found[0]),
    (_IN_BASE, lambda found: found[1] if _BASES[found[3].lower()] == found[2] else found[0]),
    (re.compile(r"(?<=\d) ?(?:\\mod|\\text\{mod\}|mod) ?(\d+)$"), r"\\pmod{\1}"),
    (
        re.compile(
            r"^(?:\\text\{)?(?:for )?all ?(?:real ?)?(?:numbers ?|values of ?)?\}?(?=[a-z](?:\\(?:ne|le|ge)|[<>]))"
        ),
        "",
    ),
    (re.compile(r"(?<=\d)( ?\\text\{ ?| )pounds? sterling\b", re.I), r"\1GBP"),
    (_REMARK_IN_BRACKETS, r"\1"),
    (_WHEN, r"\1"),
    (re.compile(r"^(\d+) ?(?:\\text\{)?(?:out of|in)\}? ?(\d+)$"), r"\\frac{\1}{\2}"),
    (re.compile(r"^\{([A-Z])\}(?=\()"), r"\1"),
    (re.compile(r"^(?:\\text\{)?(?:the )?point\}? ?([A-Z])=?(?=\([^()]*[,;][^()]*\)$)", re.I), r"\1="),
    (re.compile(r"^(?!Q\(\\sqrt)([ADEGHIKLMOQSTVWXYZ])(?=\([^()]*[,;][^()]*\)$)"), r"\1="),
    (
        re.compile(r"^([CPR])\(((?:[^(),;a-zA-Z]|\\(?:frac|sqrt|pi))+)[,;]((?:[^(),;a-zA-Z]|\\(?:frac|sqrt|pi))+)\)$"),
        _placed,
    ),
    (re.compile(r"^(?:\\text\{)?the (?=\d+(?:\\text\{)?(?:st|nd|rd|th)(?![a-z]))", re.I), ""),
    (re.compile(r"(?<=\d) only$"), ""),
    (re.compile(r"^(?:([a-zA-Z]): ?)?([a-z]) ?\\mapsto ?"), lambda rule: f"{rule[1] or 'f'}({rule[2]})="),
    (re.compile(r"^([a-zA-Z]\([a-z]\))\\equiv ?(?!.*mod)"), r"\1="),
    (_CALLED, ""),
    (re.compile(r"^(\\text\{)?(?:it(?:'s| is)|the answer is)(?=[ }(])(?!\}$)[ :]{0,2}", re.I), r"\1"),
    (re.compile(r"^(\(?[A-J]\)?) ?is (?:the )?(?:correct|right|best)(?: (?:answer|choice|option))?$"), r"\1"),
    (re.compile(r"^([a-z]) (?:must|has to|should|can only) (?:be|equal) ?(?=-?[\d\\(])"), r"\1="),
    (
        re.compile(
            r"^(?:the|this) (?:equation|inequality|statement) (?:is true|holds|is satisfied) (?:only )?(?:when|if|for) "
            r"(?=[a-z](?:[=<>]|\\[lg]e))",
            re.I,
        ),
        "",
    ),
    (re.compile(r"(?<=\d)(?:\((?:\\text\{mod\}|mod|\\mod) ?(\d+)\)|\\pmod ?\{?(\d+)\}?)$"), r"\\pmod{\1\2}"),
    (
        re.compile(r"\\(?:text\{)?(tg|ctg|cotg|cosec|arctg)(?:\}|(?![a-zA-Z]))"),
        lambda name: f"\\{_COMMANDS[name[1]]} ",
    ),
]


def usual(answer: str) -> str:
    """The answer with what can be meant in one way only written as MATH writes it."""
    for pattern, replacement in _RULES:
        answer = pattern.sub(replacement, answer)
    if ("C" in answer or "P" in answer or "om" in answer) and not _POINTS.search(answer):
        answer = _COUNTED.sub(_counted, answer)
    if (remark := _REMARK.search(answer)) and remark[0].count("{") == remark[0].count("}"):
        answer = answer[: remark.start()]
    answer = _THOUSANDS.sub(lambda number: re.sub(r"\D", "", number[0]), answer)
    if answer.count("{,}") == 1:
        answer = _DECIMAL_COMMA.sub(".", answer)
    if (every := _EVERY.match(answer)) and _JOINS[(every[1] or every[2]).lower()] in answer:
        answer = answer[every.end() :]
    if _SECOND_UNIT_VECTOR.search(answer) and not answer.startswith("{"):  # beside which i is a vector
        answer = _of_unit_vectors(_UNIT_VECTOR.sub(lambda unit: unit["a"] or unit["b"], answer))
    if "^" in answer and "T" in answer.replace(r"\top", "T").replace(r"\intercal", "T"):  # (1,2)^T
        answer = _COLUMN.sub(lambda column: pmatrix([entry] for entry in re.split("[,;]", column[1])), answer)
    return _in_words(without_points(_intervals(_units(figures.named(written_out(answer))))))


def _of_unit_vectors(answer: str) -> str:
    r"""3i-4j as ``\langle3,-4\rangle``; other sums as they are."""
    parts = re.split(r"\{?([ijk])\}?", answer)
    entries = dict(zip(parts[1::2], parts[::2], strict=False))
    are_entries = all(_COEFFICIENT.fullmatch(entry) for entry in entries.values())
    if parts[-1] or len(entries) < max(len(parts) // 2, 2) or not are_entries:
        return answer
    found = [f"{entry}1" if entry in ("", "+", "-") else entry for entry in (entries.get(name, "0") for name in "ijk")]
    return rf"\langle {','.join(found[: 3 if 'k' in entries else 2])}\rangle"


def _units(answer: str) -> str:
    r"""``\text{kg\cdot m/s^2}`` and ``\SI{5}{\meter\per\second}`` as a text and its power."""
    answer = _QUANTITY.sub(lambda found: f"{found[1]}\\text{{{_OF_COMMANDS.sub(_word, found[2]).strip()}}}", answer)
    while (parted := _UNIT_PRODUCT.sub(r"\1 ", answer)) != answer:
        answer = parted
    while (plain := _BRACED_POWER.sub(r"\1\2", answer)) != answer:
        answer = plain
    return _UNIT_POWER.sub(r"\\text{\1}^{\2}", answer)


def _word(command: re.Match[str]) -> str:
    return "/" if command[1] == "per" else f" {command[1]}"


def _intervals(answer: str) -> str:
    """``]0,1[`` and ``[0,1[`` by the brackets that MATH has; a letter U between intervals is their union."""
    joined = _LETTER_U.sub(r"\\cup ", answer)
    if not _INTERVALS.fullmatch(joined):
        return answer
    return _ENDS_OF_INTERVAL.sub(
        lambda found: ("(" if found[1] == "]" else found[1]) + found[2] + (")" if found[3] == "[" else found[3]), joined
    )


def _in_words(answer: str) -> str:
    """Infinity and the sets that have a name."""
    if infinite := _INFINITE.fullmatch(answer):
        return r"-\infty" if infinite[1] else r"\infty"
    if _EVERY_REAL.fullmatch(answer):
        return r"\mathbb{R}"
    if named := _SET.fullmatch(answer):
        name = f"{named['sign'] or ''}{named['kind'] or named['alone'] or named['any']}"
        return _SETS.get(name.lower().replace("-", ""), answer)
    return answer
