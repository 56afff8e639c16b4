"""What a verifier says of a pool's steps, asked as a search asks: the children of each prefix together."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from tts_lib.answers.protocols import ScoreRequest, Verifier
from tts_lib.answers.question_table import QuestionTable

WHOLE = 0  # as depth: the solution has ended


def steps(solution: np.ndarray, closing: Sequence[int]) -> list[np.ndarray]:
    """A solution's steps, int32 (T,) each; the last one ends it whether or not it is closed."""
    ends = np.flatnonzero(np.isin(solution[:-1], closing)) + 1
    return np.split(solution, ends)


def prefixes(questions: QuestionTable, solutions: pd.DataFrame, closing: Sequence[int]) -> pd.DataFrame:
    """Every step of every solution as the text that it ends: question_id, sample, depth, before, text (bytes of int32).

    Depth counts steps from 1; of the last one it is WHOLE, as solutions compete whatever their length.

    Args:
        solutions: question_id, sample, tokens (int32 (T,), without the prompt).
        closing: the tokens that close a step.
    """
    rows = []
    for question_id, sample, tokens in solutions[["question_id", "sample", "tokens"]].itertuples(index=False):
        text = questions.prompts[question_id]
        parts = steps(tokens, closing)
        for depth, part in enumerate(parts, start=1):
            before, text = text, np.concatenate((text, part))
            at = WHOLE if depth == len(parts) else depth
            rows.append((question_id, sample, at, before.tobytes(), text.tobytes()))
    return pd.DataFrame(rows, columns=["question_id", "sample", "depth", "before", "text"])


def scores(verifier: Verifier, placed: pd.DataFrame) -> np.ndarray:
    """The verifier's score of each row of `prefixes`, float64 (row,); equal texts are asked for once."""
    families: dict[bytes, list[bytes]] = {}
    for text, before in dict(zip(placed["text"], placed["before"], strict=True)).items():
        families.setdefault(before, []).append(text)
    found = verifier.score(
        [
            ScoreRequest(tokens(before), [tokens(text[len(before) :]) for text in texts])
            for before, texts in families.items()
        ]
    )
    score_of = {
        text: float(each[-1])
        for texts, given in zip(families.values(), found, strict=True)
        for text, each in zip(texts, given, strict=True)
    }
    return np.array([score_of[text] for text in placed["text"]])


def tokens(text: bytes) -> np.ndarray:
    """Of the bytes that name a text."""
    return np.frombuffer(text, np.int32)
