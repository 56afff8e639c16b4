"""What holds for any two answers: typesetting means nothing, equality has no direction, equal answers vote together."""

import random
import re

import pytest

from helpers.answer_pairs import DIFFERENT, SAME, pairs, read
from tts_lib.grading import votes
from tts_lib.grading.conventions import Conventions
from tts_lib.grading.equivalence import compare
from tts_lib.grading.normal_form import normalise

TABLE = [pair[1:] for pair in pairs()] + SAME + DIFFERENT
ANSWERS = sorted({answer for pair in TABLE for answer in pair})
# What is typed and not set: lines and rows, marks of a turn, bold print, sentences; and signs that are others in TeX.
TYPED = re.compile(r"\n|#|<[/|]|<think|\$!|\*\*|\w ~ |\|\||\b(?:is|are)\b|\. [A-Z]|^(?!.*begin).*\\\\")
SET = [pair for pair in TABLE if not any(map(TYPED.search, pair))]
UNICODE = {r"\pi": "π", r"\infty": "∞", r"\cup": "∪", r"\le": "≤", r"\ge": "≥", r"\pm": "±", r"\cdot": "·", "-": "−"}
UNICODE |= {r"^\circ": "°", "^2": "²", r"\times": "×", r"\ne": "≠", r"\in": "∈", r"\theta": "θ", r"\frac{1}{2}": "½"}
INVISIBLE = "\u200b\u200c\u200d\u2060\ufeff\u00ad"


def in_unicode(text: str, rng: random.Random) -> str:
    for latex, sign in UNICODE.items():
        is_followed_by_letters = any(f"{latex}{letter}" in text for letter in "abcdefghijklmnopqrstuvwxyz{")
        if rng.random() < 0.5 and not (latex[-1].isalpha() and is_followed_by_letters):
            text = text.replace(latex, sign)
    return text


def full_width(text: str, rng: random.Random) -> str:
    """Digits, brackets and relations as Chinese texts have them, outside commands and their arguments."""
    if "\\" in text or "^" in text or "_" in text or "{" in text:
        return text
    return "".join(chr(ord(s) + 0xFEE0) if s in "0123456789(),=<>+" and rng.random() < 0.7 else s for s in text)


def spaced(text: str, rng: random.Random) -> str:
    """A space of LaTeX around signs that bind nothing to a name or number."""
    for sign in ("=", "<", ">", r"\cup"):
        if rng.random() < 0.5 and "->" not in text:
            text = text.replace(f"{sign}", f"{rng.choice([' ', chr(92) + ',', chr(92) + ';', '~'])}{sign} ")
    return text


def invisible(text: str, rng: random.Random) -> str:
    if "\\" in text:
        return f"{rng.choice(INVISIBLE)}{text}{rng.choice(INVISIBLE)}"
    i = rng.randint(0, len(text))
    return text[:i] + rng.choice(INVISIBLE) + text[i:]


WAYS = [
    in_unicode,
    full_width,
    spaced,
    invisible,
    lambda text, _: f"${text}$" if "$" not in text else text,
    lambda text, _: f"\\({text}\\)" if "$" not in text else text,
    lambda text, _: f"\\boxed{{{text}}}",
    lambda text, _: f"{{{text}}}" if not set(",∅") & set(text) else text,  # a set
    lambda text, _: f"{text}\\,",
    lambda text, _: f"\\;{text}\\ ",
    lambda text, _: f"{text}.",
    lambda text, _: f"  {text} \\quad",
    lambda text, _: f"\\displaystyle {text}",
    lambda text, _: f"\\color{{blue}}{{{text}}}",
    lambda text, _: f"\\textcolor{{red}}{{{text}}}",
    lambda text, _: f"\\mathbf{{{text}}}" if "$" not in text and "text" not in text and text != "i" else text,
    lambda text, _: f"{{\\large {text}}}",
    lambda text, _: text.replace(r"\frac", r"\dfrac"),
    lambda text, _: text.replace(r"\frac", r"\tfrac"),
    lambda text, _: text.replace(r"\le ", r"\leq ").replace(r"\ge ", r"\geqslant "),
    lambda text, _: text.replace("(", r"\left(").replace(")", r"\right)") if r"\(" not in text else text,
    lambda text, _: text.replace("[", r"\bigl[") if "sqrt[" not in text and r"\[" not in text else text,
    lambda text, _: text.replace(r"\text{", r"\mbox{"),
    lambda text, _: text.replace(r"\text{", r"\textrm{"),
    lambda text, _: f"= {text}" if not text.startswith(("=", "<", ">")) else text,
]


def dressed(text: str, rng: random.Random) -> str:
    for way in rng.sample(WAYS, rng.randint(1, 4)):
        text = way(text, rng)
    return text


def are_same(one: str, other: str) -> bool:
    forms = normalise(one), normalise(other)
    return forms[0] == forms[1] or compare(read(forms[0]), read(forms[1]), Conventions()).is_same


@pytest.mark.parametrize("seed", range(4))
def test_typesetting_that_means_nothing_changes_no_verdict(seed):
    rng = random.Random(seed)
    changed = []
    for gold, answer in rng.sample(SET, 250):
        is_same = are_same(gold, answer)
        worn = dressed(gold, rng), dressed(answer, rng)
        if are_same(*worn) != is_same:
            changed.append((gold, answer, *worn))
    assert changed == []


def test_an_answer_is_itself_in_any_dress():
    rng = random.Random(5)
    answers = sorted({answer for pair in SET for answer in pair})
    lost = [(answer, worn) for answer in answers if not are_same(answer, worn := dressed(answer, rng))]
    assert lost == []


def test_equality_has_no_direction():
    rng = random.Random(6)
    chosen = [*TABLE, *((rng.choice(ANSWERS), rng.choice(ANSWERS)) for _ in range(20_000))]
    found = {answer: read(normalise(answer)) for answer in ANSWERS}
    one_way = [
        (a, b)
        for a, b in chosen
        if compare(found[a], found[b], Conventions()).is_same != compare(found[b], found[a], Conventions()).is_same
    ]
    assert one_way == []


def test_every_answer_is_itself():
    others = [a for a in ANSWERS if not compare(read(normalise(a)), read(normalise(a)), Conventions()).is_same]
    assert [a for a in others if read(normalise(a))[0] != "unread"] == []


def test_equal_answers_vote_together_and_a_class_is_a_chain_of_equals():
    rng = random.Random(7)
    for _ in range(8):
        answers = rng.sample(ANSWERS, 30) + [answer for pair in rng.sample(TABLE, 15) for answer in pair]
        found = [read(normalise(answer)) for answer in answers]
        classes = votes.classes(found, Conventions())
        equal = {
            (i, j)
            for i in range(len(answers))
            for j in range(i)
            if found[i] == found[j] or compare(found[i], found[j], Conventions()).is_same
        }
        assert all(classes[i] == classes[j] for i, j in equal)
        reached = {i: i for i in range(len(answers))}
        for _ in answers:
            for i, j in equal:
                reached[i] = reached[j] = min(reached[i], reached[j])
        assert classes == [reached[i] for i in range(len(answers))]
