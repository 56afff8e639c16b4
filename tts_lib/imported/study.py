"""The declared files of a replay as the tables of a study: questions in two splits, pools, scores and costs."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tts_lib.common.errors import StudyError
from tts_lib.common.files import file_hash
from tts_lib.estimators.flops import pretraining_flops
from tts_lib.grading.verdicts import CORRECT
from tts_lib.imported.pool import ImportedPool
from tts_lib.imported.sources import Columns, Source


@dataclass(frozen=True, eq=False)
class Model:
    """One imported pool and what was declared of its model."""

    source: Source
    name: str
    n_params: float  # without embeddings
    pretraining_tokens: float
    is_trusted: bool = False  # the order of the samples

    @classmethod
    def declared(cls, declaration: Mapping[str, Any], folder: str, chars_per_token: float) -> "Model":
        """The model of a `replay.*.base` or `replay.*.large` section.

        Raises:
            StudyError: the section's columns and format do not fit.
        """
        columns = declaration["columns"]
        source = Source(
            Path(folder) / declaration["path"],
            declaration["format"],
            None if columns is None else Columns(**columns),
            declaration["rows_of"],
            chars_per_token,
            declaration["tokens_per_sample"],
            declaration["scores"],
            declaration["rows_at"],
        )
        return cls(
            source,
            declaration["name"],
            declaration["n_params"],
            declaration["pretraining_tokens"],
            declaration["order"] == "trusted",
        )

    def facts(self) -> dict[str, Any]:
        """The record that a training stage would have left."""
        return {
            "name": self.name,
            "n_params_block": self.n_params,
            "n_tokens": self.pretraining_tokens,
            "flops": pretraining_flops(self.n_params, self.pretraining_tokens),
            "sha256": _sha256(self.source.path),
        }


def covered(questions: pd.DataFrame, pools: Iterable[ImportedPool]) -> pd.DataFrame:
    """The questions that every pool has samples of, in their order."""
    for imported in pools:
        questions = questions.loc[questions["question_id"].isin(imported.pool["question_id"])]
    return questions.reset_index(drop=True)


def split_questions(
    questions: pd.DataFrame, n_val: int, rng: np.random.Generator, n_bins: int = 1
) -> dict[str, pd.DataFrame]:
    """Validation and test questions, drawn at random; each keeps the file's order.

    Raises:
        StudyError: fewer than two questions would be left for the test, or fewer than difficulty bins.
    """
    least = max(2, n_bins)
    if len(questions) - n_val < least:
        bins = f", one for each of difficulty.n_bins, which is {n_bins}" if n_bins > 2 else ""
        raise StudyError(
            f"n_val is {n_val}, but must be at most {len(questions) - least}: of {len(questions)} questions {least} "
            f"must be left{bins}"
        )
    is_val = np.zeros(len(questions), bool)
    is_val[rng.choice(len(questions), n_val, replace=False)] = True
    parts = {"val": questions.loc[is_val], "test": questions.loc[~is_val]}
    return {split: part.reset_index(drop=True) for split, part in parts.items()}


def of_questions(table: pd.DataFrame, questions: pd.DataFrame) -> pd.DataFrame:
    """The rows of a pool or score table that belong to these questions."""
    return table.loc[table["question_id"].isin(questions["question_id"])].reset_index(drop=True)


def usable_scores(imported: ImportedPool) -> pd.DataFrame:
    """Scores of every sample; one without step scores among scored ones counts 0 and is never preferred."""
    if imported.scores is None:
        return imported.pool[["question_id", "sample"]].assign(n_steps=1)
    return imported.scores.fillna(0.0)


def prompt_tokens(questions: pd.DataFrame, chars_per_token: float) -> list[int]:
    """Tokens of each question, estimated from its length."""
    return (questions["problem"].str.len() / chars_per_token).round().clip(lower=1).astype(int).tolist()


def pool_facts(pool: pd.DataFrame, summary: Mapping[str, Any], overlap: pd.DataFrame | None) -> dict[str, Any]:
    """The record that a sampling stage would have left, and how sound the whole import is; of an empty pool None.

    `n_samples` is that of the question with fewest.
    """
    aligned = summary["alignment"]
    shared = {} if overlap is None else overlap.iloc[0].to_dict()
    correct = (pool["verdict"] == CORRECT).groupby(pool["question_id"])
    if pool.empty:
        return dict.fromkeys(["n_questions", "n_samples", "pass_at_1", "greedy_accuracy", "mean_tokens"])
    return {
        "n_questions": correct.ngroups,
        "n_samples": int(pd.Series(correct.size()).to_numpy().min()),
        "pass_at_1": float(pd.Series(correct.mean()).to_numpy().mean()),
        "greedy_accuracy": None,
        "mean_tokens": float(pool["n_tokens"].to_numpy(float).mean()),
        "own_gold": aligned and aligned["strays"]["own"],
        "own_gold_by_chance": aligned and aligned["strays"]["chance"],
        "order_of_samples": aligned and aligned["conclusion"],
        "duplicate_share": shared.get("duplicate_share"),
        "shared_prefix_questions": shared.get("questions_with_long_prefixes"),
    }


def without_undefined(record: Any) -> Any:
    """The same record with None for every number that is NaN or infinite."""
    if isinstance(record, Mapping):
        return {name: without_undefined(value) for name, value in record.items()}
    if isinstance(record, list | tuple):
        return [without_undefined(value) for value in record]
    if isinstance(record, float) and not math.isfinite(record):
        return None
    return record


def _sha256(path: Path) -> str:
    """SHA-256 (hex) of a file, or of the files of a folder by name."""
    return file_hash(*(sorted(file for file in path.rglob("*") if file.is_file()) if path.is_dir() else [path]))
