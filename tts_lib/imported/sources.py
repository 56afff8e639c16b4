"""Existing pools of samples, in the formats that people hold them in, as one raw frame: a row per sample.

A column of `rows` may be a path (`tts_lib.imported.paths`) into a log whose rows hold several samples.
Nothing is graded or joined here; every field is checked as it is read.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from math import isnan
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import expit

from tts_lib.common.errors import StudyError
from tts_lib.imported import checks, paths
from tts_lib.questions.files import fields as read_field
from tts_lib.questions.files.questions import GOLDS
from tts_lib.questions.files.readers import Record, read_records

RAW_COLUMNS = "question_key sample text answer correct step_scores n_tokens n_chars gold problem finish lcp".split()
RAW_COLUMNS += ["model", "temperature", "place"]
STEP_SEPARATOR = "\n\n"  # between the steps that search-and-learn scores
SHARED = {"question", "gold", "problem", "model", "temperature", "once"}  # by the samples of a question
_LEFT_OUT = "left out"  # why a record of `rows` is no sample
VERDICTS = {"C": True, "I": False, "P": False, "N": False}  # of inspect_ai: correct, incorrect, partial, no answer
_NO_ENDS = ["content_filter", "refusal", "tool_calls", "tool_use", "abort", "unknown"]  # nobody knows how
_ENDS = {"model_length": "length", **dict.fromkeys(_NO_ENDS)}
_CHOICES = {"model": "--model, or rows_of in params.yaml", "temperature": "--temperature, or rows_at in params.yaml"}
_NOT_RECORDED = -1  # search-and-learn's completion tokens where the method does not count them


@dataclass(frozen=True)
class Columns:
    """Which column of a `rows` file, or path into its records, is what; at least one of text, answer and correct."""

    question: str  # id or text of the question
    sample: str | None = None  # whole number, ascending within a question; none: the file's order
    text: str | None = None
    answer: str | None = None  # extracted answer, null where there is none
    correct: str | None = None  # the pool's own verdict
    step_scores: str | None = None  # a list of numbers in [0, 1], percent or logits
    n_tokens: str | None = None
    n_chars: str | None = None  # length of a text that the file does not hold
    gold: str | None = None
    problem: str | None = None  # the question's text, where `question` is an id
    finish: str | None = None
    lcp: str | None = None  # largest share of the text in common with an earlier sample of the question, as a prefix
    model: str | None = None
    temperature: str | None = None  # that a sample was drawn at
    once: str | None = None  # read the first row of a file with each value: logs may hold a row once for each metric

    def __post_init__(self) -> None:
        if not (self.text or self.answer or self.correct):
            raise StudyError("columns must name at least one of text, answer and correct")


@dataclass(frozen=True)
class Source:
    """One declared file or folder."""

    path: Path
    format: str  # a key of FORMATS
    columns: Columns | None = None  # of `rows`, and of no other format
    model: str | None = None  # read the rows of this model only; none: the file must hold one model
    chars_per_token: float | None = None  # to estimate tokens with, where the file does not record them all
    tokens_per_sample: float | None = None  # taken for every sample, where the file records neither tokens nor texts
    scores: str = "probability"  # or percent; or logit: then the sigmoid of each is taken
    temperature: float | None = None  # read the rows at this one only; none: the file must hold one

    def __post_init__(self) -> None:
        if self.format not in FORMATS:
            raise StudyError(f"{self.path}: the format {self.format!r} is unknown: choose one of {', '.join(FORMATS)}")
        if (self.format == "rows") != (self.columns is not None):
            raise StudyError(f"{self.path}: columns belong to the format 'rows', and the format is {self.format!r}")
        if self.model is not None and (self.columns is None or self.columns.model is None):
            raise StudyError(
                f"{self.path}: to read only the model {self.model!r}, columns must name the model's column"
            )
        if self.temperature is not None and (self.columns is None or self.columns.temperature is None):
            raise StudyError(
                f"{self.path}: to read only the temperature {self.temperature:g}, columns must name its column"
            )
        if self.scores not in (known := read_field.SCALES):
            raise StudyError(f"{self.path}: scores is {self.scores!r}, but must be one of {', '.join(known)}")
        if self.chars_per_token is not None and not 0 < self.chars_per_token <= 100:
            raise StudyError(f"{self.path}: chars_per_token is {self.chars_per_token}; it must be above 0, at most 100")


@dataclass(frozen=True, eq=False)
class RawPool:
    """The samples of one source, as they stand in it."""

    path: Path
    samples: pd.DataFrame  # RAW_COLUMNS, in the file's order
    tokens: str  # recorded, estimated (characters / chars_per_token), assumed (tokens_per_sample), or missing
    n_others: int  # rows left out by Source.model and Source.temperature
    scores: str = "probability"  # what the file's step scores are; the samples' are probabilities
    left_out: Mapping[str, int] = field(default_factory=dict)  # why a row is no sample -> how many are not


def read(source: Source) -> RawPool:
    """Read a source, each row checked as it comes.

    Raises:
        StudyError: the file is missing or broken, a field is not what it should be, the pool is empty, has one question
            only, mixes models or temperatures, its sample ids repeat or run backwards, or what is declared logits or
            percent are probabilities.
    """
    rows = list(FORMATS[source.format](source))
    left_out = Counter(row[_LEFT_OUT] for row in rows if _LEFT_OUT in row)
    rows = [row for row in rows if _LEFT_OUT not in row] if left_out else rows
    kept = _of_one(_of_one(rows, "model", source.model, source.path), "temperature", source.temperature, source.path)
    n_others = len(rows) - len(kept)
    frame = pd.DataFrame({name: pd.Series([row.get(name) for row in kept], dtype=object) for name in RAW_COLUMNS})
    del rows, kept
    sample = source.columns.sample if source.columns else None
    if sample is None:
        frame["sample"] = frame.groupby("question_key", sort=False).cumcount()
    for what, choice in _CHOICES.items():
        _check_one(frame, what, choice, source)
    if source.scores != "probability":
        frame["step_scores"] = _probabilities(frame["step_scores"].tolist(), source)
    checks.check_raw(frame.astype({"sample": "int64"}), source.path, sample)
    tokens = _count_tokens(frame, source)
    types = {"sample": "int64", "correct": "boolean", "n_tokens": "Int64", "n_chars": "Int64", "lcp": "Float64"}
    return RawPool(source.path, frame.astype(types), tokens, n_others, source.scores, dict(left_out))


def _rows(source: Source) -> Iterator[dict[str, Any]]:
    columns = source.columns
    assert columns is not None
    named = {f.name: name for f in fields(columns) if (name := getattr(columns, f.name)) is not None}
    named["question"] = named.pop("question")  # the last that is looked for
    readers: dict[str, Callable[[Record, str], Any]] = {
        **dict.fromkeys(["text", "answer", "gold", "problem", "model"], read_field.string),
        "n_tokens": _n_tokens,
        "n_chars": lambda r, c: read_field.count(r, c, read_field.field(r, c)),
        "sample": _sample,
        "correct": _correct,
        "step_scores": lambda r, c: read_field.step_scores(r, c, read_field.field(r, c), scale=source.scores),
        "finish": _finish,
        "lcp": read_field.share,
        "temperature": read_field.temperature,
    }
    seen: set[tuple[Path, str]] = set()
    for record in read_records(source.path):
        if columns.once is not None:
            if (once := (record.file, repr(paths.values(record, columns.once)))) in seen:
                yield {_LEFT_OUT: f"their {columns.once} has come before in the file"}
                continue
            seen.add(once)
        for sample, place in paths.samples(record, named, SHARED):
            if not place:
                yield {_LEFT_OUT: f"they have nothing at {columns.text or columns.answer or columns.correct}"}
                continue
            row = {name: readers[name](sample, column) for name, column in place.items() if name in readers}
            if sample is not record and "text" in row:
                row["text"] = row["text"] or ""  # a sample that says nothing has a length
            yield {**row, "question_key": read_field.key(sample, place["question"]), "place": record.place}


def _correct(record: Record, column: str) -> bool | None:
    value = read_field.field(record, column)
    if is_unscored(value):
        return None
    return VERDICTS[value] if isinstance(value, str) and value in VERDICTS else read_field.truth(record, column, value)


def is_unscored(value: Any) -> bool:
    """Whether a scorer of inspect_ai could not say: it then writes NaN."""
    return isinstance(value, float) and isnan(value)


def _finish(record: Record, column: str) -> str | None:
    value = read_field.field(record, column)
    return _ENDS[value] if isinstance(value, str) and value in _ENDS else read_field.finish(record, column)


def _n_tokens(record: Record, column: str) -> int | None:
    """A number of tokens, or how many a list holds."""
    value = read_field.field(record, column)
    return len(value) if isinstance(value, list) else read_field.count(record, column, value)


def _sample(record: Record, column: str) -> int:
    value = read_field.count(record, column, read_field.field(record, column))
    if value is None:
        raise StudyError(f"{record.place}, column {column!r} is empty, but must be a whole number of at least 0")
    return value


def _search_and_learn(source: Source) -> Iterator[dict[str, Any]]:
    for record in read_records(source.path):
        texts = read_field.strings(record, "completions")
        scores = read_field.items(record, "scores", len(texts)) if "scores" in record.fields else [None] * len(texts)
        n_tokens = [None] * len(texts)
        if "completion_tokens" in record.fields:
            n_tokens = read_field.items(record, "completion_tokens", len(texts))
        question = {
            "question_key": read_field.key(record, "unique_id" if "unique_id" in record.fields else "problem"),
            "problem": read_field.string(record, "problem"),
            "gold": read_field.string(record, "answer"),
            "place": record.place,
        }
        for text, steps, tokens in zip(texts, scores, n_tokens, strict=True):
            yield {
                **question,
                "text": text,
                "step_scores": read_field.step_scores(record, "scores", steps, _n_steps(text, steps), source.scores),
                "n_tokens": None if tokens == _NOT_RECORDED else read_field.count(record, "completion_tokens", tokens),
            }


def _n_steps(text: str, scores: Any) -> int | None:
    """How many steps a text has, counted only as far as it takes to see that it has as many as scores."""
    return len(text.split(STEP_SEPARATOR, len(scores))) if isinstance(scores, list) else None


def _large_language_monkeys(source: Source) -> Iterator[dict[str, Any]]:
    for record in read_records(source.path):
        texts = read_field.strings(record, "samples")
        verdicts = [None] * len(texts)  # before their grading step the files have none
        if record.fields.get("is_corrects") is not None:
            verdicts = read_field.items(record, "is_corrects", len(texts))
        own = ("gt_answer", "gold", *GOLDS)  # what else is called an answer may be a solution
        gold = next((name for name in own if name in record.fields), None)
        question = {
            "question_key": read_field.key(record, "question"),
            "problem": read_field.string(record, "question"),
            "gold": None if gold is None else read_field.string(record, gold),
            "place": record.place,
        }
        for text, verdict in zip(texts, verdicts, strict=True):
            yield {**question, "text": text, "correct": read_field.truth(record, "is_corrects", verdict)}


FORMATS: Mapping[str, Callable[[Source], Iterator[dict[str, Any]]]] = MappingProxyType(
    {"rows": _rows, "search_and_learn": _search_and_learn, "large_language_monkeys": _large_language_monkeys}
)


def _probabilities(step_scores: list[np.ndarray | None], source: Source) -> pd.Series:
    """Logits or percent as probabilities.

    Raises:
        StudyError: all lie in [0, 1], so they are probabilities already.
    """
    present = [scores for scores in step_scores if scores is not None]
    if present and all(scores.min() >= 0 and scores.max() <= 1 for scores in present):
        raise StudyError(
            f"{source.path}: scores is declared to be {source.scores}, but all step scores lie from 0 to 1: "
            "probabilities"
        )
    of = expit if source.scores == "logit" else lambda scores: scores / 100
    return pd.Series([None if scores is None else of(scores) for scores in step_scores], dtype=object)


def _of_one(rows: list[dict[str, Any]], what: str, wanted: str | float | None, path: Path) -> list[dict[str, Any]]:
    """The rows of the model or temperature that is wanted, if any is.

    Raises:
        StudyError: there are none.
    """
    kept = rows if wanted is None else [row for row in rows if row[what] == wanted]
    if rows and not kept:
        names = sorted({str(row[what]) for row in rows})
        raise StudyError(f"{path} holds no sample of the {what} {wanted!r}; it has {', '.join(names)}")
    return kept


def _check_one(frame: pd.DataFrame, what: str, choice: str, source: Source) -> None:
    """Refuse a pool of several models or temperatures, as each is a pool of its own."""
    values = frame[what].dropna().drop_duplicates()
    if len(values) > 1:
        row, named = frame.loc[values.index[1]], ", ".join(map(str, sorted(values)))
        column = getattr(source.columns, what)
        raise StudyError(
            f"{row['place']}, column {column!r} is {row[what]!r}, but the rows before it are of {values.iloc[0]!r}: "
            f"{source.path} mixes {len(values)} {what}s ({named}); a pool holds the samples of 1, so say which to read "
            f"({choice})"
        )


def _count_tokens(frame: pd.DataFrame, source: Source) -> str:
    """Fill in n_tokens where the source says how, and say what they are."""
    if len(frame) and frame["n_tokens"].notna().to_numpy().all():
        return "recorded"
    if source.tokens_per_sample is not None:
        frame["n_tokens"] = round(source.tokens_per_sample)
        return "assumed"
    if source.chars_per_token is None:
        return "missing"
    n_chars = frame["n_chars"].where(frame["text"].isna(), frame["text"].str.len())
    if (unknown := n_chars.isna().to_numpy()).any():
        place = frame["place"].iloc[int(unknown.argmax())]
        raise StudyError(
            f"{place} has neither a text nor its length, so its tokens cannot be estimated; "
            "say what a sample takes (tokens_per_sample)"
        )
    frame["n_tokens"] = (n_chars.astype(float) / source.chars_per_token).round().astype("int64")
    return "estimated"
