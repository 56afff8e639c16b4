"""What is said of a file of samples that is not plainly one: what it is, where texts stand in it, and what to do."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tts_lib.common.errors import StudyError
from tts_lib.imported import paths
from tts_lib.imported.layouts import NO_SAMPLES
from tts_lib.questions.files.fields import normalised
from tts_lib.questions.files.readers import Record, parse_json

_SHOWN = 12  # paths


def known(record: Record) -> str | None:
    """What is said of a record that is known to be no sample."""
    for only, what in NO_SAMPLES.items():
        try:
            if any(value is not None for value in paths.values(record, only).values()):
                return what
        except StudyError:
            continue
    return None


def sentence(path: Path, record: Record, missing: str, golds: Mapping[str, str]) -> str:
    """The sentence for a file that nothing plainly is the question or the sample of."""
    if any(normalised(str(name)) in golds for name in record.fields):
        flat = "jq -c 'to_entries[] | {question: .key, generations: .value}'"
        return f"{path}: its columns are questions; write a row for each, as {flat} does"
    if printed := [name for name, value in record.fields.items() if is_printed(value)]:
        return (
            f"{path}: column {printed[0]!r} holds a list as Python prints it, but must be JSON, as json.dumps writes it"
        )
    what = "the question" if missing == "question" else "a text, an answer or a verdict"
    inside = [theirs for theirs in paths.texts_in(record.fields) if missing == "text" or "." in theirs or "[" in theirs]
    shown = ", ".join(inside[:_SHOWN]) + (", ..." if len(inside) > _SHOWN else "")
    return _plain(
        f"{path}: none of its columns ({_names(record)}) is plainly {what}; say --columns {missing}=PATH"
        + (f"; texts stand at {shown}" if inside else "")
    )


def several(path: Path, ours: str, theirs: Sequence[str]) -> str:
    """The sentence for a file in which more than one path could be meant."""
    each = ", ".join(theirs)
    return _plain(f"{path}: each of {each} could be {ours!r}; say which, such as --columns {ours}={theirs[0]}")


def unasked(path: Path, record: Record) -> str:
    """The sentence for a file that names none of the study's questions."""
    return _plain(
        f"{path}: none of its columns ({_names(record)}) names a question of the study, by id, by text or by a prompt "
        "that holds the text; say --columns question=PATH, or write the question's id into each row"
    )


def _names(record: Record) -> str:
    return ", ".join(map(str, record.fields))


def _plain(sentence: str) -> str:
    """The sentence without what names of a file could do to a terminal."""
    return "".join(c if c.isprintable() else "?" for c in sentence)


def is_printed(value: Any) -> bool:
    """Whether a text is a list of texts as Python prints it."""
    return isinstance(value, str) and value.lstrip().startswith(("['", '["')) and _not_json(value)


def _not_json(text: str) -> bool:
    try:
        parse_json(text)
    except ValueError:
        return True
    return False
