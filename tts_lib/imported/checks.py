"""What a pool as a whole must be: several questions, samples in order, and the questions of the study.

Every refusal is one sentence that names the file, the row and what is allowed.
"""

from collections.abc import Collection, Mapping, Sequence

import pandas as pd

from tts_lib.common.errors import StudyError
from tts_lib.questions.files.fields import shorten

MIN_QUESTIONS = 2  # one question has no variation over questions, which every interval of a study rests on


def check_raw(frame: pd.DataFrame, path: object, numbered: str | None) -> None:
    """Refuse a raw pool without rows or with one question, and sample ids that occur twice or run backwards.

    Args:
        frame: `tts_lib.imported.sources.RAW_COLUMNS`.
        path: the file, for the sentence.
        numbered: the file's column with the samples' ids; None where it has none.

    Raises:
        StudyError: names the row.
    """
    if frame.empty:
        raise StudyError(f"{path} holds no samples: the pool is empty")
    if (n := len(set(frame["question_key"]))) < MIN_QUESTIONS:
        name = shorten(frame["question_key"].iloc[0])
        raise StudyError(f"{path} has samples of {n} question only ({name}); a study needs at least {MIN_QUESTIONS}")
    if numbered is None:
        return
    twice = frame.duplicated(["question_key", "sample"]).to_numpy()
    if twice.any():
        row = frame.iloc[int(twice.argmax())]
        raise StudyError(
            f"{row['place']}, column {numbered!r} is {row['sample']}, which question {shorten(row['question_key'])} "
            "has already; each sample of a question needs an id of its own"
        )
    back = frame.groupby("question_key", sort=False)["sample"].diff().to_numpy() < 0
    if back.any():
        row = frame.iloc[int(back.argmax())]
        raise StudyError(
            f"{row['place']}, column {numbered!r} is {row['sample']}, below the one before it of question "
            f"{shorten(row['question_key'])}: the rows are mis-ordered; the samples of a question must ascend"
        )


def check_join(missing: Collection[str], unknown: Sequence[tuple[str, str]], n_questions: int, path: object) -> None:
    """Refuse a pool whose questions are not the study's.

    Args:
        missing: ids of the study's questions without a sample.
        unknown: (place, key) of the pool's questions that the study does not have.
        n_questions: the study's questions.
        path: the pool's file, for the sentence.

    Raises:
        StudyError: names the first of them, and how many there are.
    """
    if unknown:
        place, name = unknown[0]
        raise StudyError(
            f"{place}, column 'question': {shorten(name)} is not among the {n_questions} questions of the study, "
            f"neither by id nor by text ({len(unknown)} questions of the pool are not)"
        )
    if missing:
        raise StudyError(
            f"{path} has no sample for {len(missing)} of the {n_questions} questions of the study, such as "
            f"{shorten(next(iter(missing)))}; every question needs at least 1 (or the replay says `partial: true`)"
        )


def check_sizes(counts: Mapping[str, int], n_binning: int, disjoint: bool, path: object) -> None:
    """Refuse a pool that has too few samples of a question to bin it, and to evaluate strategies on.

    Args:
        counts: samples of each question.
        n_binning: of them that bin their question.
        disjoint: whether strategies are evaluated on the others.
        path: the pool's file, for the sentence.

    Raises:
        StudyError: names the question with fewest.
    """
    name, fewest = min(counts.items(), key=lambda item: item[1])
    if fewest < n_binning + disjoint:
        others = " and others to evaluate on (difficulty.disjoint)" if disjoint else ""
        raise StudyError(
            f"{path} has {fewest} of question {shorten(name)}, but at least {n_binning + disjoint} samples a question "
            f"are needed: {n_binning} to bin it (difficulty.n_samples){others}"
        )
