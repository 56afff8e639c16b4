"""Numbers in English words: "twenty-one", "one hundred and five", "two thirds", "5 and a half", "third"."""

import re

_SMALL = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen"
).split()
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split()
_SCALES = {"thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12}
_PARTS = {"half": 2, "third": 3, "quarter": 4, "fourth": 4, "fifth": 5, "sixth": 6, "seventh": 7, "eighth": 8}
_PARTS |= {"ninth": 9, "tenth": 10, "twelfth": 12}
_SEVERAL = {"halves": "half"} | {f"{part}s": part for part in _PARTS if part != "half"}
CARDINALS = {name: i for i, name in enumerate(_SMALL)} | {name: 10 * i for i, name in enumerate(_TENS, start=2)}
_NTH = {"one": "first", "two": "second", "three": "third", "five": "fifth", "eight": "eighth", "nine": "ninth"}
_NTH |= {"twelve": "twelfth"} | {name: f"{name[:-1]}ieth" for name in _TENS}
ORDINALS = {_NTH.get(name, f"{name}th"): number for name, number in CARDINALS.items() if number}
_ORDINAL = re.compile(
    rf"(?:the )?(?:({'|'.join(_TENS)})[- ](?={'|'.join(list(ORDINALS)[:9])}))?({'|'.join(ORDINALS)})", re.I
)
_WORD = re.compile(r"[ -]?(and |\\land )?([a-z]+)(?![a-z])", re.I)
_FRACTION = re.compile(
    r"(?P<joint>[ -]?(?:and |\\land ?))?[ -]?(?:(?P<one>an?|one)[ -])?(?P<part>" + "|".join(_PARTS) + r")(?![a-z])"
    r"|(?P<also>[ -]?(?:and |\\land ?))?[ -]?(?:(?P<count>[a-z]+)[ -])?(?P<parts>" + "|".join(_SEVERAL) + r")(?![a-z])",
    re.I,
)
_WHOLE = re.compile(r"\d+(?= ?(?:and |\\land ?))")
_MANY = re.compile(r"(half )?an? (?=(?:dozen|hundred|thousand|million|billion|trillion)\b)", re.I)


def with_digits(text: str) -> str:
    r"""The text with the number in words that it begins with in digits, a proper fraction as ``\frac``.

    "two lines" are 2 lines, a dozen is 1 dozen, 5 and a half is ``5\frac{1}{2}``; what is no number in words stays.
    An ordinal that is all of the text is its number, as 3rd is: a fraction has its numerator with it, "one third".
    """
    if nth := _ORDINAL.fullmatch(text):
        return str(CARDINALS.get((nth[1] or "zero").lower(), 0) + ORDINALS[nth[2].lower()])
    if many := _MANY.match(text):
        return (r"\frac{1}{2} " if many[1] else "1 ") + text[many.end() :]
    digits = _WHOLE.match(text)
    whole, end = (int(digits[0]), digits.end()) if digits else _cardinal(text)
    fraction, end_of_all = _fraction(text, whole, end)
    if end_of_all == 0 or (digits and not fraction):
        return text
    shown = fraction or str(whole)
    rest = text[end_of_all:]
    if re.match("-[a-z]", rest):  # one-to-one
        return text
    return shown + (" " if rest[:1].isalpha() else "") + rest


def _cardinal(text: str) -> tuple[int, int]:
    """(the whole number in words at the beginning, where it ends): (0, 0) if there is none."""
    total = hundreds = end = 0
    room = 100  # the next cardinal must be below it
    while found := _WORD.match(text, end):
        word, has_and, is_first = found[2].lower(), bool(found[1]), end == 0
        if (is_first and found.start(2)) or (has_and and room < 100):
            break
        if word in CARDINALS and CARDINALS[word] < room and (is_first or CARDINALS[word]):
            hundreds += CARDINALS[word]
            room = 10 if CARDINALS[word] >= 20 else 0
        elif word == "hundred" and 0 < hundreds < 100 and not has_and:
            hundreds, room = 100 * hundreds, 100
        elif word in _SCALES and hundreds and not has_and and total % (1000 * _SCALES[word]) == 0:
            total, hundreds, room = total + hundreds * _SCALES[word], 0, 100
        else:
            break
        end = found.end()
    return total + hundreds, end


def _fraction(text: str, whole: int, end: int) -> tuple[str, int]:
    """(the fraction that a number in words is or goes on with, in LaTeX, where it ends); "" if there is none."""
    found = _FRACTION.match(text, end)
    if found is None:
        return "", end
    joint = found["joint"] or found["also"]
    below = _PARTS[(_SEVERAL.get((found["parts"] or "").lower()) or found["part"]).lower()]
    above = CARDINALS.get((found["count"] or ("one" if found["one"] else "")).lower())
    if end == 0 and not joint and above is not None:  # a third, of a whole text that begins so
        return rf"\frac{{{above}}}{{{below}}}", found.end()
    if end and joint and above is not None and 0 < above < below:  # two and a half
        return rf"{whole}\frac{{{above}}}{{{below}}}", found.end()
    is_count = end and not joint and not found["one"] and not found["count"]
    if is_count and bool(found["parts"]) == (whole > 1):  # two thirds, one half
        return rf"\frac{{{whole}}}{{{below}}}", found.end()
    return "", end
