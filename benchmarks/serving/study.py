"""What is asked, and the choice that answers in this process."""

import argparse
from dataclasses import replace

import pandas as pd

from tts_lib.commands.serving import loading
from tts_lib.commands.serving.answering import Choice
from tts_lib.commands.serving.foreknown import Foreknown
from tts_lib.common import paths, tables
from tts_lib.strategies.fitted_choice import FORESEEN, TableName

VOTE = "weighted:prm_last"  # best-of-N, weighted
AT_ONCE = 50  # questions


def opened(options: argparse.Namespace) -> Choice:
    return loading.load(options.folder / paths.STRATEGY_TABLE)


def questions(options: argparse.Namespace) -> pd.DataFrame:
    """Test questions: question_id, problem (a whole prompt), answer."""
    found = tables.read_table(options.folder / paths.problems("test"), ["question_id", "problem", "answer"])
    return found.head(options.questions)


def foreknown(choice: Choice, options: argparse.Namespace) -> Foreknown | None:
    """What predicts difficulty from a prompt, where the table knows that way."""
    if choice.table.zero is None:
        return None
    return Foreknown(choice.table.zero, options.folder, options.folder / choice.table.models["base"].folder)


def by_table(choice: Choice, options: argparse.Namespace) -> dict[TableName, Choice]:
    """The choice by each of its tables; by `given` wherever a difficulty is given."""
    known = foreknown(choice, options)
    zero = None if known is None else known.score
    return {
        use: replace(choice, table=choice.table.model_copy(update={"use": use}), zero=zero if use in FORESEEN else None)
        for use in choice.table.tables
    }
