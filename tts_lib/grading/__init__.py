"""Verdicts: the one place that says whether a solution text is right.

`grade` reads and compares nano solutions exactly. Real maths answers go through `tts_lib.grading.answers` (text ->
answer) and `tts_lib.grading.grader` (answers -> these verdicts and answer classes).
"""

from tts_lib import nano

CORRECT, WRONG, NO_ANSWER = "correct", "wrong", "no_answer"
TIMEOUT = "timeout"  # not judged: the comparison took too long
ERROR = "error"  # not judged: too long or too deep to parse, out of memory, or the worker died


def grade(text: str, gold: str) -> tuple[str | None, str]:
    """(answer, verdict) of a nano solution; a text without a finished answer line is `no_answer`."""
    given = nano.read_answer(text)
    if given is None:
        return None, NO_ANSWER
    return given, CORRECT if given == gold else WRONG
