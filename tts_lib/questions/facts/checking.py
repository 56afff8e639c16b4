"""Whether a sentence of a solution is true: exactly, for measuring verifiers."""

import re
from collections.abc import Sequence
from functools import cache

import pandas as pd

from tts_lib.grading.verdicts import CORRECT
from tts_lib.grading.words import grade, plain
from tts_lib.questions.facts.world import RELATIONS, facts


def right_so_far(answer: str, steps: Sequence[str]) -> list[bool]:
    """Whether a solution is still right after each of its steps.

    It is until the first that states something untrue, or nothing that the facts decide; the last step's verdict is
    whether the answer is right (`answer`: its spellings, as in a question file).
    """
    verdicts, right = [], True
    for step in steps[:-1]:
        right = right and is_true(step) is True
        verdicts.append(right)
    return [*verdicts, grade(steps[-1], answer)[1] == CORRECT] if steps else []


def is_true(sentence: str) -> bool | None:
    """Whether a sentence is true; None if it has none of the forms known, or is about a thing that is not."""
    for name, form in _forms().items():
        if found := form.fullmatch(sentence.strip()):
            thing, value = plain(found["a"]), plain(found["b"])
            of_thing, of_value = _known(name)
            if thing in of_thing:
                return value in of_thing[thing]
            return False if value in of_value and RELATIONS[name].is_unique else None
    return None


@cache
def _forms() -> dict[str, re.Pattern[str]]:
    """How each relation is stated, the most particular first; "is" is said of everything, so sights come last."""
    forms = {}
    for name in sorted(RELATIONS, key=lambda name: -len(RELATIONS[name].sentence)):
        words = re.escape(RELATIONS[name].sentence).replace(r"\{made\}", r"\w+").replace(r"\.", r"\.?")
        words = words.replace(r"\ is\ the\ \{b\}", r"\ is\ (?:the\ )?\{b\}")
        forms[name] = re.compile(words.replace(r"\{a\}", "(?P<a>.+?)").replace(r"\{b\}", "(?P<b>.+?)"), re.IGNORECASE)
    return forms


@cache
def _known(name: str) -> tuple[dict[str, set[str]], set[str]]:
    """(thing -> values, all values) of a relation, in every spelling, plain."""
    of_thing: dict[str, set[str]] = {}
    for _, things, values in facts(name):
        for thing in things:
            of_thing.setdefault(plain(thing), set()).update(map(plain, values))
    return of_thing, set().union(*of_thing.values())


def right_steps(problems: pd.DataFrame, solutions: pd.DataFrame, delimiter: str) -> list[list[bool]] | None:
    """Whether each solution is still right after each of its steps; blank ones are left out.

    Args:
        problems: question_id, solution and answer of the questions.
        solutions: question_id and text.

    Returns:
        None if the questions are not about these facts: then their own solutions do not pass.
    """
    own = zip(problems["answer"], problems["solution"].fillna(""), strict=True)
    if not all(text and all(right_so_far(answer, _steps(text, "\n"))) for answer, text in own):
        return None
    answer_of = dict(zip(problems["question_id"], problems["answer"], strict=True))
    return [
        right_so_far(answer_of[question_id], _steps(text, delimiter))
        for question_id, text in zip(solutions["question_id"], solutions["text"], strict=True)
    ]


def _steps(text: str, delimiter: str) -> list[str]:
    return [step for step in text.split(delimiter) if step.strip()]
