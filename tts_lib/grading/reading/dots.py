r"""Lists of which some is left out: ``2,4,6,\ldots,20``; a part of `readings`."""

import re

from tts_lib.grading.reading.tokens import Tokens, tokens, written

_WHOLE_NUMBER = re.compile(r"-?\d{1,9}")
_MOST = 1_000  # items of such a list


def continued(parts: list[Tokens]) -> list[Tokens]:
    r"""The parts with all that is left out between ``2,4,6,\ldots,20``; other parts as they are."""
    dots = next((i for i, part in enumerate(parts) if len(part) == 1 and part[0].is_command("ldots")), 0)
    texts = [written(part) for part in (*parts[:dots], *parts[dots + 1 :])]
    if dots < 2 or dots == len(texts) or not all(map(_WHOLE_NUMBER.fullmatch, texts)):
        return parts
    first, second, *_, last = (numbers := [int(text) for text in texts])
    step = second - first
    if step == 0 or (last - first) % step or (dots == 2 and abs(step) > 1):  # 2,4,...,16 may be powers
        return parts
    found = range(first, last + step // abs(step), step)
    if not len(numbers) <= len(found) <= _MOST or [*found[:dots], *found[dots - len(numbers) :]] != numbers:
        return parts
    return [tokens(str(n)) for n in found]


def has_dots(row: Tokens) -> bool:
    """Whether a sum or a product leaves terms out."""
    is_left_out = any(token.is_command("ldots") for token in row)
    return is_left_out and any(token.is_sign("+") or token.is_command("cdot") for token in row)
