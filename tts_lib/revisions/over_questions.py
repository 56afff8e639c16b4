"""Chains of revisions over a table of questions: sampled, graded, and what happens from one attempt to the next."""

from collections.abc import Sequence

import pandas as pd

from tts_lib.answers.pools import FINISH_NAMES
from tts_lib.answers.protocols import FINISH_END, Policy
from tts_lib.answers.question_table import Question, QuestionTable
from tts_lib.answers.scheduler import Scheduler
from tts_lib.common.errors import StudyError
from tts_lib.common.rng import Part
from tts_lib.estimators.selection import NO_ANSWER as NO_CLASS
from tts_lib.grading import verdicts
from tts_lib.revisions.chains import Attempt, Revisions

COLUMNS = [
    "question_id",
    "chain",
    "position",
    "text",
    "n_tokens",
    "n_prompt",
    "n_context",
    "finish",
    "answer",
    "verdict",
]


def sample_chains(
    method: Revisions, questions: QuestionTable, lengths: Sequence[int], policy: Policy, seed_key: tuple[Part, ...]
) -> pd.DataFrame:
    """One row (COLUMNS) for each attempt, in order of question, chain and position; all questions in one run.

    Every question gets chains of these lengths. `n_prompt` are the tokens of its problem.

    `n_context` counts the tokens the attempt was sampled after. Equal answers to a question are given in the words
    of the first of them; an attempt that was cut off has none.

    Raises:
        StudyError: sampling failed for a question; names it and the reason.
    """
    with questions.naming():
        outcomes = Scheduler(policy).run({q.question_id: method.search(q, lengths, seed_key) for q in questions})
    parts = [
        _judged(questions, question, outcomes[question.question_id].found(f"the chains of {question.question_id}"))
        for question in questions
    ]
    table = pd.concat(parts, ignore_index=True)
    return table.sort_values(["question_id", "chain", "position"], kind="stable").reset_index(drop=True)


def check_window(method: Revisions, questions: QuestionTable, window: int) -> None:
    """Refuse, before a model is trained, chains whose longest context may leave no room for an attempt.

    Args:
        window: tokens that the base model can read.

    Raises:
        StudyError: the contexts do not fit; says what they need.
    """
    prompt = max(len(question.prompt) for question in questions)
    needed = (method.max_history + 1) * (prompt + method.max_tokens)
    if needed > (room := min(method.window, window)):
        raise StudyError(
            f"{method.max_history + 1} prompts of up to {prompt} tokens with attempts of {method.max_tokens} need a "
            f"window of {needed} tokens, but max_length is {method.window} and the base model's window {window}, which "
            f"leaves {room}: lower max_history or sampling.max_tokens, or raise max_length"
        )


def _judged(questions: QuestionTable, question: Question, attempts: list[Attempt]) -> pd.DataFrame:
    texts, n_prompt = questions.codec.decode([attempt.tokens for attempt in attempts]), len(question.prompt)
    judged = questions.judged(question.question_id, texts)
    first = {int(c): judged.answers[i] for i, c in reversed(list(enumerate(judged.classes)))} | {NO_CLASS: None}
    graded = [
        (first[int(c)], verdict) if attempt.finish == FINISH_END else (None, verdicts.NO_ANSWER)
        for c, verdict, attempt in zip(judged.classes, judged.verdicts, attempts, strict=True)
    ]
    return pd.DataFrame(
        {
            "question_id": question.question_id,
            "chain": [attempt.chain for attempt in attempts],
            "position": [attempt.position for attempt in attempts],
            "text": texts,
            "n_tokens": [len(attempt.tokens) for attempt in attempts],
            "n_prompt": n_prompt,
            "n_context": [n_prompt + sum(n_prompt + len(h) for h in attempt.history) for attempt in attempts],
            "finish": [FINISH_NAMES[attempt.finish] for attempt in attempts],
            "answer": [answer for answer, _ in graded],
            "verdict": [verdict for _, verdict in graded],
        },
        columns=COLUMNS,
    )
