"""How long and how deep an answer may be that is read."""

import re

MAX_CHARS = 2_000  # the longest answer in the public pools has 237
MAX_DEPTH = 30  # nested brackets


def is_readable(answer: str) -> bool:
    """Whether the answer is short and flat enough to be read."""
    if len(answer) > MAX_CHARS:
        return False
    depth = 0
    for bracket in re.finditer(r"[(\[{]|[)\]}]", answer):
        depth += 1 if bracket[0] in "([{" else -1
        if depth > MAX_DEPTH:
            return False
    return answer.count("^") <= MAX_DEPTH
