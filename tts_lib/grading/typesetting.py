r"""What LaTeX writes that means nothing: other names of one sign, colours, widths, fonts, spaces, kinds of text."""

import re

from tts_lib.grading.reading.words import OF_COMPLEX, OF_ONE_NUMBER, OTHER_NAMES

_STYLED = (
    r"boxed|fbox|framebox|underline|emph|ensuremath|mathbf|mathit|mathsf|mathtt|mathcal|mathnormal|boldsymbol|bm|pmb"
)
_STYLED += r"|underbrace|overbrace|mathbin|mathrel|mathord|mathop|mathopen|mathclose|mathinner|mathpunct|displaylines"
_LOOK = r"left|right|middle|[bB]igg?[lrm]?|(?:display|text|script|scriptscript)style|limits|nolimits|strut|mathstrut"
_LOOK += r"|tiny|scriptsize|footnotesize|small|normalsize|large|Large|LARGE|huge|Huge|bf|rm|it|sf|tt|cal|boldmath"
_LOOK += r"|bfseries|itshape|centering|noindent|therefore|nonumber"
_SPACES = r"quad|qquad|enspace|enskip|thinspace|medspace|thickspace|negthinspace|hfill|newline|linebreak|allowbreak"
_NAMES = {  # other names of one sign
    name: f"\\{sign}"
    for sign, names in {
        "frac": "dfrac tfrac cfrac sfrac nicefrac",
        "binom": "dbinom tbinom",
        "le": "leq leqslant leqq",
        "ge": "geq geqslant geqq",
        "ne": "neq",
        "cdot": "times ast cdotp",
        "Rightarrow": "implies Longrightarrow",
        "emptyset": "varnothing O",
        "phi": "varphi",
        "epsilon": "varepsilon",
        "theta": "vartheta",
        "ldots": "dots cdots dotsc dotsb",
        "land": "wedge",
        "lor": "vee",
        "setminus": "smallsetminus backslash",
        "{": "lbrace",
        "}": "rbrace",
        "infty": "infin",
        "overline": "bar",
    }.items()
    for name in names.split()
}
_NAMES |= {"lt": "<", "gt": ">", "colon": ":", "div": "/", "lbrack": "[", "rbrack": "]", "lparen": "(", "rparen": ")"}
_NAMES |= {
    "vert": "|",
    "lvert": "|",
    "rvert": "|",
    "mid": "|",
    "imath": "i",
    "jmath": "j",
    "prime": "'",
    "dollar": "$",
    "mathdollar": "$",
}
_NAMES |= {"degree": r"^\circ", "R": r"\mathbb{R}", "reals": r"\mathbb{R}", "Re": r"\mathbb{R}", "pounds": "£"}
_NAMES |= {"euro": "€", "texteuro": "€", "cent": "¢", "textdollar": "$", "percent": r"\%", "colonequals": "="}
_UNIT_VECTOR = re.compile(
    r"\\(?:mathbf|boldsymbol|bm|vec) ?\{ ?(?:(?:\\hat ?)?([ijk])|(?:\\hat ?)?\{ ?([ijk]) ?\}) ?\}"
)
_CROSS = re.compile(
    r"(\\nabla|\\(?:vec|overrightarrow|mathbf|boldsymbol|bm) ?(?:\{ ?[a-zA-Z]+ ?\}|[a-zA-Z])) ?\\times(?![a-zA-Z])"
)
_CROSS_OF_TUPLES = re.compile(  # of three entries
    r"((?:\(|\\langle)[^()<>,]{1,40},[^()<>,]{1,40},[^()<>,]{1,40}(?:\)|\\rangle)) *\\times *"
    r"(?=(?:\\left *)?(?:\(|\\langle))"
)
_GROUP = (
    r"(?:\\mathbb ?(?:\{[A-Z]\}|[A-Z])(?:_\{?\d+\}?)?|\\Z(?![a-z])|(?<![A-Za-z\\])[ACDSZ]_\{?(?!1(?!\d))\d+\}?)"
    r"(?:/\{?\d+\}?)?"
)
_FREE = re.compile(rf"({_GROUP}) *(?:\*|\\ast(?![a-z])) *(?={_GROUP})")  # a free product, but for a constant C_1
_COMMAND = re.compile(r"(?<!\\)((?:\\\\)*)\\(" + "|".join(_NAMES) + r")(?![a-zA-Z])")
_COLOUR = re.compile(r"\\(?:(?:text)?color|colorbox|fcolorbox\{[^{}]*\})(?:\[[^][]*\])?\{[^{}]*\}")
_WIDTH = re.compile(
    r"\\(?:[hv]space\*?|[hv]?phantom|label|tag)(?:\{[^{}]*\}| [-+\d])"
    r"|\\(?:[hm]skip|m?kern) ?-?[\d.]+ ?(?:pt|em|ex|mu|[cm]m|in)(?![a-z])|(?<=\\\\)\[-?[\d.]+ ?(?:pt|em|ex|[cm]m)\]"
)
_STYLE = re.compile(rf"\\(?:{_STYLED})(?=\{{)|\\(?:{_LOOK})(?![a-zA-Z]) ?")
_TEXT = re.compile(r"\\(?:mbox|hbox|text(?:bf|rm|it|sf|tt|sc|normal|up|md)|ce|mathrm|operatorname\*?) ?(?=\{)")
_ROMAN_D = re.compile(r"\\mathrm ?\{ ?d ?\} ?(?=[a-z](?![a-zA-Z]))")
_ROMAN_LETTER = re.compile(r"\\mathrm ?\{ ?([a-z]) ?\}")
_FUNCTIONS = sorted(({*OF_ONE_NUMBER, *OTHER_NAMES, *OF_COMPLEX} - {"sec", "abs"}) | {"gcd", "lcm"})
_FUNCTION = re.compile(
    r"\\(?:operatorname\*? ?\{ ?(sec|max|min)"
    rf"|(?:operatorname\*?|mathrm|text) ?\{{ ?({'|'.join(_FUNCTIONS)})) ?\}}"
)
_GROUPING = re.compile(r"(?<=\d)(?:\{,\}|\{\\,\}|,? ?\\! ?|, ?\\! ?|\\,)(?=\d{3}(?!\d))")
_SPACING = re.compile(rf"(?<!\\)((?:\\\\)*)(?:\\(?:[,!;:> ]|(?:{_SPACES})(?![a-zA-Z])|[()\[\]])|~)")


_NEGATION = re.compile(r"(?<![\w}\\$)])~(?=~?\(?[pqrsPQR](?![a-zA-Z\d]))")  # of logic; else a space
_DISTRIBUTED = re.compile(
    r"^([{= ]*(?:[A-Z](?:_\{?\w\}?)?|(?:△|\\triangle) ?[A-Z]{3})) ?~ ?"
    r"(?=[A-Za-z\\{}]{1,24}[(\[]|(?:△|\\triangle ?)[A-Z])"
)


def plain(answer: str) -> str:
    r"""The answer with one name for each sign, ``\text`` for every text, and spaces for everything that makes some."""
    answer = _UNIT_VECTOR.sub(r"\\hat{\1\2}", answer)
    answer = _CROSS_OF_TUPLES.sub(
        r"\1\\crossproduct ", _CROSS.sub(r"\1\\crossproduct ", answer)
    )  # a product of vectors that is none of numbers
    answer = _FREE.sub(r"\1\\freeproduct ", answer)
    answer = _COMMAND.sub(lambda name: f"{name[1]}{_NAMES[name[2]]} ", answer)
    answer = _WIDTH.sub(" ", _COLOUR.sub("", answer))
    answer = _FUNCTION.sub(r"\\\1\2 ", _ROMAN_LETTER.sub(r"{\1}", _ROMAN_D.sub(" d", answer)))
    answer = _TEXT.sub(r"\\text", _STYLE.sub("", answer))
    answer = _DISTRIBUTED.sub(r"\1\\sim ", _NEGATION.sub(r"\\neg ", answer))
    return _SPACING.sub(r"\1 ", _GROUPING.sub("", answer))
