"""Words shared by every room of the library."""


class StudyError(Exception):
    """A mistake the reader of the message can mend: its text is one sentence naming what, where and what is allowed."""
