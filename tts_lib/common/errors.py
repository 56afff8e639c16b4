"""Words shared by every room of the library."""


class StudyError(Exception):
    """A mistake the reader of the message can mend: its text is one sentence naming what, where and what is allowed."""


def one_line(error: Exception) -> str:
    """What another library says, to be quoted inside a sentence."""
    return " ".join(str(error).split()).rstrip(".")
