"""Labelled solutions in the template of the PRM that learns them, for a byte-pair tokenizer."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from helpers import tiny_models
from tts_lib.common.errors import StudyError
from tts_lib.models.layout import Layout
from tts_lib.models.tokenizer import TokenCodec
from tts_lib.training import step_labels

TEMPLATE = {
    "opening": "<|im_start|>user {problem}<|im_end|>",
    "step": "{step}{marker}",
    "between": "",
    "marker": "<extra_0>",
    "tokenised": "whole",
}
PROBLEMS = pd.DataFrame({"question_id": ["q0", "q1"], "statement": ["two and two?", "three?"]})
SOLUTIONS = pd.DataFrame(
    {
        "question_id": ["q1", "q0", "q0"],
        "text": ["3.", "First.\n\n \n\nThen.\n\n4", "First.\n\nSo 4.\n\n"],
        "labels": [[1.0], [0.5, 0.9, np.nan, 0.0], [0.5, 1.0]],
    }
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_models.checkpoint(tmp_path_factory.mktemp("tiny"))


def opened(folder: Path, max_length: int = 64, **change: str) -> Layout:
    return step_labels.open_layout(folder, TEMPLATE | change, max_length)


def test_a_label_stands_at_the_marker_of_its_step(folder):
    laid = step_labels.lay_out(opened(folder), PROBLEMS, SOLUTIONS, "\n\n")
    examples = step_labels.labelled_examples(SOLUTIONS.assign(laid=laid), "\n\n")
    marker = tiny_models.tokenizer().token_to_id("<extra_0>")
    each = np.split(np.arange(len(examples.tokens)), examples.offsets[1:-1])
    assert len(examples) == 3
    for rows, labels in zip(each, ([1.0], [0.5, np.nan, 0.0], [0.5, 1.0]), strict=True):  # the blank step's is left out
        at = rows[examples.tokens[rows] == marker]
        known = ~np.isnan(labels)
        np.testing.assert_array_equal(examples.weight[at], known)
        np.testing.assert_array_equal(examples.target[at][known], np.array(labels, np.float32)[known])
        assert examples.weight[rows].sum() == known.sum()
    shown = TokenCodec.from_folder(folder).decode([examples.tokens[each[1]]])
    assert shown == ["user two and two?First.Then.4"]


def test_what_the_model_cannot_read_is_refused_in_a_sentence(folder, tmp_path):
    with pytest.raises(
        StudyError, match=r"the step marker '<step>' is \d tokens of the PRM's tokenizer, but must be one"
    ):
        opened(folder, marker="<step>")
    too_long = tiny_models.WINDOW + 1
    with pytest.raises(StudyError, match=f"max_length of the PRM is {too_long}, but the window of .* is 512 tokens"):
        opened(folder, too_long)
    with pytest.raises(StudyError, match="there is no checkpoint folder"):
        opened(tmp_path / "none")
    with pytest.raises(StudyError, match=r"takes \d\d tokens of the PRM, whose max_length is 8: raise it"):
        step_labels.lay_out(opened(folder, 8), PROBLEMS, SOLUTIONS, "\n\n")
