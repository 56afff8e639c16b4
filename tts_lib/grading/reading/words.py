"""What a run of letters is: a function, a constant, a word, or the variables of a product."""

ANGLES = frozenset("sin cos tan cot sec csc cis".split())  # an argument in degrees counts as one
OF_ONE_NUMBER = ANGLES | frozenset("sinh cosh tanh arcsin arccos arctan ln log lg exp abs".split())
OF_SEVERAL = frozenset("gcd lcm max min".split())
FUNCTIONS = OF_ONE_NUMBER | {"sqrt"}
WITHOUT_BACKSLASH = {"pi": "pi", "infinity": "infty", **{name: name for name in FUNCTIONS | OF_SEVERAL}}
GREEK = frozenset(
    "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi rho sigma tau upsilon phi chi psi omega "
    "Gamma Delta Theta Lambda Xi Pi Sigma Upsilon Phi Psi Omega ell hbar".split()
)
_ROMAN = ("IV", "VI", "IX", "XI")  # of quadrants and the like; products of two capitals have any order


def is_word(letters: str) -> bool:
    """Whether a run of letters is a word: products of three and more variables stand in the order of the alphabet."""
    if len(letters) == 2:
        return letters.lower() in ("no", "am", "pm") or letters in _ROMAN
    is_product = letters.islower() and list(letters) == sorted(set(letters))
    return len(letters) > 2 and not is_product and letters not in WITHOUT_BACKSLASH
