"""What a run of letters is: a function, a constant, a word, or the variables of a product; and plain words."""

import re

ANGLES = frozenset("sin cos tan cot sec csc cis".split())  # an argument in degrees counts as one
INVERSES = {name: f"arc{name}" for name in "sin cos tan cot sec csc sinh cosh tanh coth sech csch".split()}
OTHER_NAMES = {
    "arsinh": "arcsinh",
    "arcosh": "arccosh",
    "artanh": "arctanh",
    "arccosec": "arccsc",
    "Abs": "abs",
    "ceiling": "ceil",
}
OTHER_NAMES |= {f"a{name}": inverse for name, inverse in INVERSES.items()}
OF_ONE_NUMBER = ANGLES | frozenset([*INVERSES, *INVERSES.values(), *"ln log lg exp abs".split()])
OF_SEVERAL = frozenset("gcd lcm max min".split())
OF_COMPLEX = frozenset("Re Im arg conj".split())
_TEXT = re.compile(r"\\text\{([^{}]*)\}")
_ARTICLE = re.compile(r"^(?:an?|the) (?=[a-z]{3})(?!and |not |but )")
_NONE = re.compile(
    r"^(?:there (?:is|are) |(?:the |this )?(?:equation|system|inequality|problem) has )?"
    r"(no (?:[a-z]+ )*?[a-z]{3,}?)s?(?: exists?)?$"
)
_ONE = re.compile(r"^([a-z]+) one$")
_MANY = re.compile(r"^(?:there are )?(infinitely many)(?: solutions?)?$")
_DAY = re.compile(
    r"^((?:january|february|march|april|may|june|july|august|september|october|november|december) \d{1,2})"
    r"(?:st|nd|rd|th)(?![a-z])"
)
_MISSING = re.compile(r"^(?:it|(?:the )?(?!not )[a-z]+) (?:is )?(does not exist|undefined)$")
_OF_ITS_KIND = re.compile(  # a prime number is prime
    r"^(odd|even|prime|composite|rational|irrational|positive|negative|perfect|equilateral|isosceles|scalene|right|acute"
    r"|obtuse|increasing|decreasing|linear|quadratic|cubic|exponential|constant|periodic|arithmetic|geometric)"
    r" (?:number|triangle|function|equation|sequence|series|progression)$"
)
_NEITHER = re.compile(r"^(neither) (?:even nor odd|odd nor even)$")
_CONVERGENT = re.compile(r"^(?:(absolutely|conditionally|uniformly) )?(con|di)vergent$")
FUNCTIONS = OF_ONE_NUMBER | {"sqrt"}
WITHOUT_BACKSLASH = {"pi": "pi", "infinity": "infty", **{name: name for name in FUNCTIONS | OF_SEVERAL | OF_COMPLEX}}
WITHOUT_BACKSLASH |= OTHER_NAMES
GREEK = frozenset(
    "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi rho sigma tau upsilon phi chi psi omega "
    "Gamma Delta Theta Lambda Xi Pi Sigma Upsilon Phi Psi Omega ell hbar".split()
)
WITHOUT_BACKSLASH |= {  # but chi, which is a product, psi, which is a unit, and shorter ones
    name: name for name in GREEK - {"chi", "psi", "ell", "hbar"} if len(name) > 2
}
_ROMAN = ("IV", "VI", "IX", "XI")  # of quadrants and the like; products of two capitals have any order
_ONTO = re.compile(r"\bonto\b")
_OF_PHYSICS = frozenset(  # products in the order of their formulas
    "mgh mgl mgL mgd mgr mgR mgH mgx mgy Mgh Mgl MgL MgR mMg Mmg GMm GmM nRT NkT nkT qvB qBv BIL BIl ILB BLv Blv mvr "
    "mvR mvL kQq kqQ qEd".split()
)


def without_text(text: str) -> str:
    r"""``for all \text{ real }x`` as "for all real x"."""
    return " ".join(_TEXT.sub(r" \1 ", text).split())


def is_word(letters: str) -> bool:
    """Whether a run of letters is a word: products of three and more variables stand in the order of the alphabet."""
    if len(letters) == 2:
        return letters.lower() in ("no", "am", "pm") or letters in _ROMAN
    is_product = letters.islower() and list(letters) == sorted(set(letters))
    is_product |= len(letters) < 5 and letters.endswith(("dx", "dt"))  # of an integral
    return len(letters) > 2 and not (is_product or letters in WITHOUT_BACKSLASH or letters in _OF_PHYSICS)


def plain_words(words: str) -> str:
    """Words in small letters without what says nothing: an article, the plural of none, the noun of "prime number"."""
    words = _ONTO.sub("surjective", words.replace("one-to-one", "injective"))
    words = "does not exist" if words == "dne" else words.replace("doesnt", "does not")
    for pattern in (_ARTICLE, _ONE, _NONE, _MANY, _DAY, _MISSING, _NEITHER, _OF_ITS_KIND):
        words = pattern.sub(lambda found: found[1] if found.re.groups else "", words)
    return _CONVERGENT.sub(lambda found: f"{found[2]}verges {found[1] or ''}".strip(), words)
