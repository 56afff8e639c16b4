"""A window too short for prompt and solution: refused before anything is sampled, naming what to set."""

from pathlib import Path

import pytest

from helpers.model_folders import random_folder
from tts_lib.common.errors import StudyError
from tts_lib.models import room

NATIVE, VLLM = {"kind": "native"}, {"kind": "vllm", "max_model_len": 15}
PROMPTS = ["t5", "t5\n\nt6\nt7"]  # 6 tokens


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return random_folder(tmp_path / "base", window=16)


def test_the_longest_prompt_and_a_solution_just_fit(folder: Path) -> None:
    room.check(folder, PROMPTS, NATIVE, 10)
    room.check(folder, PROMPTS, VLLM, 9)
    room.check(folder, PROMPTS, VLLM | {"max_model_len": None}, 10)


@pytest.mark.parametrize(
    ("engine", "max_tokens", "words"),
    [
        (NATIVE, 11, "is 16 tokens, but 17 are needed, .* or sampling.max_tokens of 10 at most"),
        (VLLM, 10, "engine.max_model_len is 15; allowed is 16 to 16, as a prompt has up to 6 tokens"),
        (VLLM, 11, "is 16 tokens, but 17 are needed, "),
    ],
)
def test_one_token_more_does_not(folder: Path, engine: dict, max_tokens: int, words: str) -> None:
    with pytest.raises(StudyError, match=words):
        room.check(folder, PROMPTS, engine, max_tokens)


def test_examples_longer_than_the_window_must_be_fewer(folder: Path) -> None:
    with pytest.raises(
        StudyError, match=r"has up to 20 tokens.*: give it fewer or shorter examples \(questions.\*.prompt\)$"
    ):
        room.check(folder, ["t5\n" * 10], NATIVE, 1)
