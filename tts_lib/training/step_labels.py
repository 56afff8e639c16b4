"""Labelled solutions as the reward model that is to learn them will read them: in its template, step by step."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
from tokenizers import Tokenizer

from tts_lib.common.errors import StudyError
from tts_lib.common.examples import Examples
from tts_lib.models.layout import Laid, Layout
from tts_lib.training.hf_models import read_config
from tts_lib.verifiers.placed import placed_examples


def open_layout(checkpoint: Path, template: Mapping[str, str], max_length: int) -> Layout:
    """The layout that a reward head trained on the checkpoint is to read, with scores at the markers.

    Args:
        template: a record of `tts_lib.study.config.checkpoint.Template`.
        max_length: tokens that a solution may take with its problem.

    Raises:
        StudyError: the marker is not one token of the checkpoint's tokenizer, `max_length` is above the model's
            window, or weights are missing.
    """
    window = getattr(read_config(checkpoint).get_text_config(), "max_position_embeddings", max_length)
    if max_length > window:
        raise StudyError(f"max_length of the PRM is {max_length}, but the window of {checkpoint} is {window} tokens")
    return Layout(Tokenizer.from_file(str(checkpoint / "tokenizer.json")), template, False, max_length)


def lay_out(layout: Layout, problems: pd.DataFrame, solutions: pd.DataFrame, delimiter: str) -> list[Laid]:
    """Each solution (question_id, text), cut at `delimiter`, under its question's statement; blank steps are left out.

    Raises:
        StudyError: one does not fit, see `Layout.lay`.
    """
    statement = dict(zip(problems["question_id"], problems["statement"], strict=True))
    return [
        layout.lay(statement[question_id], [part.strip() for part in text.split(delimiter) if part.strip()])
        for question_id, text in zip(solutions["question_id"], solutions["text"], strict=True)
    ]


def labelled_examples(solutions: pd.DataFrame, delimiter: str) -> Examples:
    """One example a solution.

    Args:
        solutions: with columns text, laid (of `lay_out`) and labels (of `tts_lib.verifiers.rollouts.label_steps`: one a
            step, blank ones included).
    """
    labels = [
        np.array([label for part, label in zip(text.split(delimiter), each, strict=False) if part.strip()], float)
        for text, each in zip(solutions["text"], solutions["labels"], strict=True)
    ]
    laid = solutions["laid"].tolist()
    return placed_examples([each.tokens for each in laid], [each.places for each in laid], labels)
