"""Question files as splits: disjoint, of the sizes asked for, each question known by its split."""

import numpy as np
import pandas as pd
import pytest

from tts_lib.common.errors import StudyError
from tts_lib.questions.files.splits import draw_splits


def questions(texts: list[str]) -> pd.DataFrame:
    columns = {
        "question_id": [str(i) for i in range(len(texts))],
        "statement": texts,
        "level": pd.array([1] * len(texts)),
        "group": [None] * len(texts),
    }
    return pd.DataFrame(columns)


TEST, TRAIN = questions(["a", "b  c", "d"]), questions(["e", "b c", "f", "g", "e", "h"])


def test_no_question_is_in_two_splits() -> None:
    sizes = {"test": 2, "val": 1, "train": 2}
    splits, n_left_out = draw_splits(TEST, TRAIN, sizes, np.random.default_rng(0))
    assert {split: len(part) for split, part in splits.items()} == sizes | {"rest": 1}
    assert n_left_out == 2  # one is in the test but for white space, one is there twice
    trained = pd.concat([splits["val"], splits["train"], splits["rest"]])["statement"]
    assert sorted(trained) == ["e", "f", "g", "h"]
    for split, part in splits.items():
        assert part["question_id"].str.startswith(f"{split}-").all()
        assert part["question_id"].is_monotonic_increasing  # the file's order
    again, _ = draw_splits(TEST, TRAIN, sizes, np.random.default_rng(0))
    assert all(splits[split].equals(again[split]) for split in splits)


@pytest.mark.parametrize(
    ("sizes", "words"),
    [
        ({"test": 4, "val": 1, "train": 1}, "n_test is 4, but the file has only 3 questions"),
        ({"test": 1, "val": 2, "train": 3}, "n_train and n_val together is 5, but the file has only 4 questions"),
    ],
)
def test_a_file_with_too_few_questions_is_refused(sizes: dict[str, int], words: str) -> None:
    with pytest.raises(StudyError, match=words):
        draw_splits(TEST, TRAIN, sizes, np.random.default_rng(0))


def test_what_questions_are_about_does_not_come_apart() -> None:
    about = [f"thing {i}" for i in range(30) for _ in range(4)]
    train = questions([f"q{i}" for i in range(120)]).assign(group=about)
    about_it = dict(zip(train["statement"], about, strict=True))
    for seed in range(5):
        sizes = {"test": 1, "val": 10, "train": 20}
        splits, _ = draw_splits(TEST, train, sizes, np.random.default_rng(seed))
        named = {split: {about_it[text] for text in splits[split]["statement"]} for split in ("val", "train", "rest")}
        assert len(splits["val"]) == 10 and len(splits["train"]) == 20
        assert not named["val"] & (named["train"] | named["rest"])
        assert len(named["val"]) > 3  # drawn from 10, and not all that there is to ask of 3
    with pytest.raises(StudyError, match=r"n_train is 109, but only 108 questions are about other things than val"):
        draw_splits(TEST, train, {"test": 1, "val": 10, "train": 109}, np.random.default_rng(0))
