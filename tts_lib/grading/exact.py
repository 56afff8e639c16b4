"""Answers of the nano benchmark: read from the last line, compared character by character."""

from tts_lib.grading.verdicts import CORRECT, NO_ANSWER, WRONG


def grade(text: str, gold: str) -> tuple[str | None, str]:
    """(answer, verdict) of a nano solution; a text without a finished answer line is `no_answer`."""
    given = read_answer(text)
    if given is None:
        return None, NO_ANSWER
    return given, CORRECT if given == gold else WRONG


def read_answer(text: str) -> str | None:
    """The answer a solution text gives: what follows `=` on its last line; None without one or without an end."""
    *_, last = text.split("\n")
    return last[1:-1] if last.startswith("=") and last.endswith("$") and len(last) > 2 else None
