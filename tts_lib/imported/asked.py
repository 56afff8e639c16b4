"""Which questions of a study the records of a file are about, and where they say so."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from tts_lib.imported import paths
from tts_lib.questions.files.fields import normalised
from tts_lib.questions.files.readers import Record

_LOOKED_FOR = 20  # names


def question_in(prompt: str, questions: Iterable[str]) -> str | None:
    """Which question a prompt asks: of those whose text stands in it the one that ends last, and of these the longest.

    Logs often hold what a model was given, with instructions and examples; these may be questions of the study too, and
    stand before the one that is asked.

    Args:
        prompt, questions: with their white space normalised (`fields.normalised`).
    """
    found = [(prompt.rfind(text) + len(text), len(text), text) for text in questions if text and text in prompt]
    return max(found)[2] if found else None


def question(name: object, golds: Mapping[str, str]) -> str | None:
    """What the study calls a question that a file names: the same, or the text that stands in a prompt.

    Args:
        golds: by the ids and the texts of questions; ids hold no blanks.
    """
    plain = normalised(str(name))
    return plain if plain in golds else question_in(plain, (text for text in golds if " " in text))


def found(values: Sequence[Any], golds: Mapping[str, str]) -> tuple[float, int]:
    """How surely values name questions: the share that is found, and how; both 0 if none is.

    A text is surer (4) than a prompt that holds it (3), an id with letters (2) than a number (1), which every count of
    rows may hit.
    """
    named = list(dict.fromkeys(normalised(str(value)) for value in values if isinstance(value, str | int)))
    pairs = [(name, asked) for name in named[:_LOOKED_FOR] if (asked := question(name, golds)) is not None]
    how = [(4 if name == asked else 3) if " " in name else 1 if name.isdecimal() else 2 for name, asked in pairs]
    return len(pairs) / max(len(named[:_LOOKED_FOR]), 1), max(how, default=0)


def places(text: str, record: Record) -> list[str]:
    """Paths at which the question may stand in a record whose samples' texts stand at another: not among these.

    Of lists of messages the last one asks.
    """
    head, sign, _ = text.rpartition("[]")
    own = re.sub(r"\[-?\d*\]", "[]", head + sign if sign else text.partition("[")[0])
    others = [path.split("[]") for path in paths.texts_in(record.fields) if not path.startswith(own)]
    return [
        "[]".join(parts[: len(parts) - n]) + "".join("[-1]" + part for part in parts[len(parts) - n :])
        for parts in others
        for n in range(len(parts))
    ]
