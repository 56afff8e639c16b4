"""Verdicts: the one place that says whether a solution text is right."""

from tts_lib import nano

CORRECT, WRONG, NO_ANSWER = "correct", "wrong", "no_answer"


def grade(text: str, gold: str) -> tuple[str | None, str]:
    """(answer, verdict) of a nano solution; a text without a finished answer line is `no_answer`."""
    given = nano.read_answer(text)
    if given is None:
        return None, NO_ANSWER
    return given, CORRECT if given == gold else WRONG
