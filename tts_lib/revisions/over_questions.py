"""Chains of revisions over a table of questions: sampled, graded, and what happens from one attempt to the next."""

from collections.abc import Sequence

import pandas as pd

from tts_lib.answers import scheduler
from tts_lib.answers.pools import FINISH_NAMES, naming_questions
from tts_lib.answers.protocols import FINISH_END, Codec, Policy
from tts_lib.answers.scheduler import Question
from tts_lib.common.errors import StudyError
from tts_lib.common.rng import Part
from tts_lib.estimators.selection import NO_ANSWER as NO_CLASS
from tts_lib.grading import verdicts
from tts_lib.grading.judging import ExactJudge, Judge
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
    method: Revisions,
    problems: pd.DataFrame,
    lengths: Sequence[int],
    policy: Policy,
    codec: Codec,
    seed_key: tuple[Part, ...],
    judge: Judge = ExactJudge(),  # noqa: B008 - has no state
) -> pd.DataFrame:
    """One row (COLUMNS) for each attempt, in order of question, chain and position; all questions in one run.

    Every question gets chains of these lengths. `n_prompt` are the tokens of its problem.

    `n_context` counts the tokens the attempt was sampled after. Equal answers to a question are given in the words
    of the first of them; an attempt that was cut off has none.

    Raises:
        StudyError: sampling failed for a question; names it and the reason.
    """
    prompts = codec.encode(problems["problem"].tolist())
    searches = {
        question_id: method.search(Question(question_id, prompt), lengths, seed_key)
        for question_id, prompt in zip(problems["question_id"], prompts, strict=True)
    }
    with naming_questions(problems["question_id"], prompts):
        outcomes = scheduler.run(searches, policy, verifier=None)
    parts = []
    for question_id, prompt, gold in zip(problems["question_id"], prompts, problems["answer"], strict=True):
        outcome = outcomes[question_id]
        if outcome.result is None:
            raise StudyError(f"the chains of {question_id} failed: {outcome.error}")
        parts.append(_graded(question_id, gold, len(prompt), outcome.result, codec, judge))
    table = pd.concat(parts, ignore_index=True)
    return table.sort_values(["question_id", "chain", "position"], kind="stable").reset_index(drop=True)


def check_window(method: Revisions, problems: pd.DataFrame, codec: Codec, window: int) -> None:
    """Refuse, before a model is trained, chains whose longest context may leave no room for an attempt.

    Args:
        window: tokens that the base model can read.

    Raises:
        StudyError: the contexts do not fit; says what they need.
    """
    prompt = max(len(tokens) for tokens in codec.encode(problems["problem"].tolist()))
    needed = (method.max_history + 1) * (prompt + method.max_tokens)
    if needed > (room := min(method.window, window)):
        raise StudyError(
            f"{method.max_history + 1} prompts of up to {prompt} tokens with attempts of {method.max_tokens} need a "
            f"window of {needed} tokens, but max_length is {method.window} and the base model's window {window}, which "
            f"leaves {room}: lower max_history or sampling.max_tokens, or raise max_length"
        )


def _graded(
    question_id: str, gold: str, n_prompt: int, attempts: list[Attempt], codec: Codec, judge: Judge
) -> pd.DataFrame:
    texts = codec.decode([attempt.tokens for attempt in attempts])
    judged = judge.judge(question_id, gold, texts)
    first = {int(c): judged.answers[i] for i, c in reversed(list(enumerate(judged.classes)))} | {NO_CLASS: None}
    graded = [
        (first[int(c)], verdict) if attempt.finish == FINISH_END else (None, verdicts.NO_ANSWER)
        for c, verdict, attempt in zip(judged.classes, judged.verdicts, attempts, strict=True)
    ]
    return pd.DataFrame(
        {
            "question_id": question_id,
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
