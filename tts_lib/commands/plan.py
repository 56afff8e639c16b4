"""Say what a study will sample, read, train and store, how long that takes and what is missing, before it runs."""

from tts_lib.plan.__main__ import add_arguments, run

__all__ = ["add_arguments", "run"]
