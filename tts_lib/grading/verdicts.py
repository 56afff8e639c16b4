"""What a grader may say of a solution text, and of two answers."""

from typing import NamedTuple

CORRECT, WRONG, NO_ANSWER = "correct", "wrong", "no_answer"
TIMEOUT = "timeout"  # not judged: the comparison took too long
ERROR = "error"  # not judged: too long or too deep to parse, out of memory, or the worker died


class Finding(NamedTuple):
    """Whether two answers are the same, and the rule that decided it."""

    is_same: bool
    rule: str
