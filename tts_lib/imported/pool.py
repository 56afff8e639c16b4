"""A raw pool joined to the study's questions and graded: the pool and score tables that the later stages replay."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from tts_lib.answers import pools
from tts_lib.common.errors import StudyError
from tts_lib.estimators import selection
from tts_lib.grading.verdicts import CORRECT, ERROR, NO_ANSWER, TIMEOUT, WRONG
from tts_lib.imported import alignment, asked, checks
from tts_lib.imported.sources import RawPool
from tts_lib.questions.files.fields import normalised, shorten
from tts_lib.questions.files.questions import bare_gold
from tts_lib.questions.files.readers import TORN

_OTHERS = "rows of other models or temperatures"
SCORE_COLUMNS = ["question_id", "sample", "n_steps", *(f"prm_{how}" for how in selection.AGGREGATIONS)]


@dataclass(frozen=True)
class Grade:
    """The grader, as three functions."""

    extract: Callable[[str], str | None]  # a solution text's answer
    verdicts: Callable[[list[str], list[str | None]], list[str]]  # (golds, answers); None is no_answer
    classes: Callable[[list[str], list[str], list[str | None]], np.ndarray]  # (ids, golds, answers); -1 is none


@dataclass(frozen=True, eq=False)
class ImportedPool:
    """The tables, and a count of everything that was found."""

    pool: pd.DataFrame  # pools.COLUMNS, in the order of the study's questions
    scores: pd.DataFrame | None  # SCORE_COLUMNS, the pool's rows; None where the source has no step scores
    steps: list[np.ndarray]  # step scores of each sample; none where the source has none
    summary: dict[str, Any]


def to_pool(
    raw: RawPool, questions: pd.DataFrame, grade: Grade, partial: bool = False, is_trusted: bool = False
) -> ImportedPool:
    """Join a raw pool to the questions, grade it, and check that its samples are where they belong.

    Samples are numbered from 0 per question, in the file's order. The answer is the file's where it has an answer
    column, else it is extracted from the text. Where neither holds one (of programs, say), the file's own verdict is
    taken (`verdicts_from` = pool) and there are no answers to vote on. A sample without step scores among others that
    have them has n_steps 0 and NaN scores.

    Args:
        raw: what `sources.read` returns.
        questions: question_id, problem, answer (the gold).
        grade: the grader.
        partial: questions may be without samples; they are counted.
        is_trusted: the samples are known to be at their own questions, so what speaks against it is recorded only.

    Raises:
        StudyError: the pool's questions and the study's are not the same, a sample has nothing to grade, or the samples
            are attached to the wrong questions.
        ValueError: the grader returns another number of verdicts or classes than it was given answers.
    """
    samples = raw.samples.assign(question_id=join(raw, questions, partial))
    gold_of = dict(zip(questions["question_id"], questions["answer"], strict=True))
    order = {question_id: i for i, question_id in enumerate(gold_of)}
    in_file = samples["question_id"].drop_duplicates().tolist()
    samples = samples.iloc[np.argsort([order[question_id] for question_id in samples["question_id"]], kind="stable")]
    samples = samples.reset_index(drop=True)
    ids = samples["question_id"].tolist()
    golds = [gold_of[question_id] for question_id in ids]
    answers = _answers(samples, grade)
    aligned = None
    if answers is not None and not any(answer is not None for answer in answers):
        raise StudyError(_unreadable(raw, samples))
    if answers is None:
        verdicts, classes = _own_verdicts(samples), np.full(len(samples), selection.NO_ANSWER)
        answers = [None] * len(samples)
    else:
        aligned = _check_alignment(raw, samples, in_file, gold_of, answers, is_trusted)
        verdicts, classes = grade.verdicts(golds, answers), grade.classes(ids, golds, answers)
    if not len(verdicts) == len(classes) == len(samples):
        raise ValueError(f"{len(verdicts)} verdicts and {len(classes)} classes for {len(samples)} answers")
    pool = pd.DataFrame(
        {
            "question_id": ids,
            "sample": samples.groupby("question_id", sort=False).cumcount(),
            "text": samples["text"],
            "n_tokens": samples["n_tokens"],
            "finish": samples["finish"],
            "answer": pd.Series(answers, dtype=object),
            "verdict": verdicts,
            "answer_class": np.asarray(classes, np.int64),
        },
        columns=pools.COLUMNS,
    )
    scores = _scores(pool, samples["step_scores"])
    summary = _summary(raw, samples, pool, scores, aligned)
    summary["questions_without_samples"] = len(questions) - summary["questions"]
    summary["torn_questions"] = _n(_is_torn(questions, "problem", "answer"))
    summary["golds_unlike_the_study"] = _other_golds(samples, gold_of, grade)
    steps = [np.zeros(0) if given is None else given for given in samples["step_scores"]]
    return ImportedPool(pool, scores, steps, summary)


def join(raw: RawPool, questions: pd.DataFrame, partial: bool = False) -> list[str]:
    """The question_id of every raw row, found by id, else by text, else by a prompt that holds the text.

    Args:
        raw: what `sources.read` returns.
        questions: question_id, problem.
        partial: questions may be without samples.

    Raises:
        StudyError: the pool's questions and the study's are not the same.
    """
    ids = questions["question_id"].tolist()
    texts = [normalised(text) for text in questions["problem"]]
    by_id = {normalised(i): i for i in ids}
    by_text = dict(zip(texts, ids, strict=True))
    twice = {text for text, n in pd.Series(texts).value_counts().items() if n > 1}
    text_of = dict(zip(ids, texts, strict=True))
    found: dict[str, str] = {}
    unknown = []
    first = raw.samples.drop_duplicates("question_key")
    for key, problem, place in zip(first["question_key"], first["problem"], first["place"], strict=True):
        text = key if problem is None else normalised(problem)
        if key in by_id:
            if problem is not None and text != text_of[by_id[key]]:
                raise StudyError(
                    f"{place}: the text of question {shorten(key)} begins {shorten(text)}, but the study's question of "
                    f"this id is {shorten(text_of[by_id[key]])}"
                )
            found[key] = by_id[key]
            continue
        text = text if text in by_text else asked.question_in(text, by_text) or text
        if text in twice:
            raise StudyError(f"{place}: two questions of the study have the text {shorten(text)}; join them by id")
        elif text in by_text:
            found[key] = by_text[text]
        else:
            unknown.append((place, key))
    joined = set(found.values())
    missing = [] if partial else [question_id for question_id in ids if question_id not in joined]
    checks.check_join(missing, unknown, len(ids), raw.path)
    if len(joined) < len(found):
        raise StudyError(f"{raw.path} names one question of the study in two ways; each needs one id or text")
    return [found[key] for key in raw.samples["question_key"]]


def _answers(samples: pd.DataFrame, grade: Grade) -> list[str | None] | None:
    """The answers, None each where there is none; None altogether where there are only verdicts to go by."""
    if samples["answer"].notna().to_numpy().any():
        return samples["answer"].tolist()
    answers = [None if text is None else grade.extract(text) for text in samples["text"].tolist()]
    if any(answer is not None for answer in answers) or samples["correct"].isna().to_numpy().any():
        return answers
    return None


def _unreadable(raw: RawPool, samples: pd.DataFrame) -> str:
    """The sentence that refuses a pool of which nothing can be graded."""
    if samples["text"].isna().to_numpy().all():
        place = samples["place"].iloc[int(samples["correct"].isna().to_numpy().argmax())]
        return f"{place} has no text, no answer and no verdict to grade by"
    return (
        f"{raw.path}: none of its {len(samples):,} samples has an answer that can be read; where their texts mark it "
        "in another way, say so (replay.*.style)"
    )


def _own_verdicts(samples: pd.DataFrame) -> list[str]:
    return [CORRECT if correct else WRONG for correct in samples["correct"]]


def _check_alignment(
    raw: RawPool,
    samples: pd.DataFrame,
    in_file: list[str],
    gold_of: dict[str, str],
    answers: list[str | None],
    is_trusted: bool,
) -> dict[str, Any]:
    """The record of where the samples stand, in the file's order of questions."""
    golds = [gold_of[question_id] for question_id in in_file]
    position = {question_id: i for i, question_id in enumerate(in_file)}
    question = np.array([position[question_id] for question_id in samples["question_id"]], np.int64)
    found = alignment.measure(golds, question, answers)
    if found.evidence and not is_trusted:
        places = samples.drop_duplicates("question_id").set_index("question_id")["place"].loc[in_file].tolist()
        raise StudyError(alignment.refusal(found, raw.path, in_file, places, golds))
    return alignment.record(found, is_trusted)


def _scores(pool: pd.DataFrame, steps: pd.Series) -> pd.DataFrame | None:
    scored = steps.notna().to_numpy()
    if not scored.any():
        return None
    present = steps[scored].tolist()
    n_steps = np.zeros(len(pool), np.int64)
    n_steps[scored] = [len(s) for s in present]
    flat, offsets = np.concatenate(present), np.r_[0, np.cumsum(n_steps[scored])]
    table = pd.DataFrame({"question_id": pool["question_id"], "sample": pool["sample"], "n_steps": n_steps})
    for how in selection.AGGREGATIONS:
        values = np.full(len(pool), np.nan, np.float32)
        values[scored] = selection.aggregate_steps(flat, offsets, how)
        table[f"prm_{how}"] = values
    return table


def _summary(
    raw: RawPool,
    samples: pd.DataFrame,
    pool: pd.DataFrame,
    scores: pd.DataFrame | None,
    aligned: dict[str, Any] | None,
) -> dict[str, Any]:
    """Everything that could get lost, counted. None: not known from the source."""
    sizes = np.unique(pool["question_id"].to_numpy(dtype=object), return_counts=True)[1]
    verdict, finish = (pool[name].to_numpy(dtype=object) for name in ("verdict", "finish"))
    own = samples["correct"].to_numpy(dtype=object)
    has_own, is_graded = ~pd.isna(own), aligned is not None
    return {
        "questions": len(sizes),
        "samples": len(pool),
        "samples_per_question": {"min": int(sizes.min()), "median": float(np.median(sizes)), "max": int(sizes.max())},
        "correct": _n(verdict == CORRECT),
        "no_answer": _n(verdict == NO_ANSWER) if is_graded else None,
        "timeouts": _n(verdict == TIMEOUT),
        "errors": _n(verdict == ERROR),
        "truncated": None if pd.isna(finish).all() else _n(finish == "length"),
        "without_finish": _n(pd.isna(finish)),
        "without_tokens": _n(pool["n_tokens"].isna().to_numpy()),
        "torn_samples": _n(_is_torn(samples, "question_key", "problem", "text", "answer")),
        "scores": raw.scores,
        "without_scores": len(pool) if scores is None else _n(scores["n_steps"].to_numpy() == 0),
        "tokens": raw.tokens,
        "verdicts_from": "grader" if is_graded else "pool",
        "unlike_own_verdict": _n(own[has_own] != (verdict[has_own] == CORRECT)) if is_graded and any(has_own) else None,
        "alignment": aligned,
        "dropped": ({_OTHERS: raw.n_others} if raw.n_others else {}) | dict(raw.left_out),
    }


def _n(mask: np.ndarray) -> int:
    return int(np.count_nonzero(mask))


def _is_torn(table: pd.DataFrame, *columns: str) -> np.ndarray:
    """Whether a text of a row holds a character that was cut in half (bool, one a row)."""
    return np.logical_or.reduce([table[name].str.contains(TORN, regex=False).eq(True).to_numpy() for name in columns])


def _other_golds(samples: pd.DataFrame, gold_of: dict[str, str], grade: Grade) -> int | None:
    """Questions whose gold in the source is not equivalent to the study's; None where the source has no golds."""
    first = samples.drop_duplicates("question_id")
    first = first[first["gold"].notna()]
    if first.empty:
        return None
    theirs: list[str | None] = [bare_gold(gold) for gold in first["gold"]]
    verdicts = grade.verdicts([gold_of[question_id] for question_id in first["question_id"]], theirs)
    return sum(verdict != CORRECT for verdict in verdicts)
