"""What is asked, and the choice that answers in this process."""

import argparse

import pandas as pd

from tts_lib.commands.serving import loading
from tts_lib.commands.serving.answering import Choice
from tts_lib.common import paths, tables

VOTE = "weighted:prm_last"  # best-of-N, weighted


def opened(options: argparse.Namespace) -> Choice:
    return loading.load(options.folder / paths.STRATEGY_TABLE)


def questions(options: argparse.Namespace) -> pd.DataFrame:
    """Test questions: question_id, problem (a whole prompt), answer."""
    found = tables.read_table(options.folder / paths.problems("test"), ["question_id", "problem", "answer"])
    return found.head(options.questions)
