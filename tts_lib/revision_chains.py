"""Chains of revisions over a table of questions: sampled, graded, and what happens from one attempt to the next."""

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from jaxtyping import Float

from tts_lib import grading, scheduler
from tts_lib.grading.judging import ExactJudge, Judge
from tts_lib.methods.candidates import Question
from tts_lib.methods.revisions import Attempt, Revisions
from tts_lib.pools import FINISH_NAMES, Codec, naming_questions
from tts_lib.protocols import FINISH_END, Policy
from tts_lib.rng import Part
from tts_lib.selection import NO_ANSWER as NO_CLASS
from tts_lib.types import StudyError

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


@dataclass(frozen=True)
class Rate:
    """How often something happened, with its bootstrap interval over questions (percentile)."""

    rate: float
    low: float
    high: float
    n: int  # occasions


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


def by_position(attempts: pd.DataFrame, n_positions: int) -> pd.DataFrame:
    """Share of right attempts of each question (rows) at positions 1..n_positions, over chains that reach them all."""
    long = attempts.groupby(["question_id", "chain"])["position"].transform("max") >= n_positions
    part = attempts[long & (attempts["position"] <= n_positions)]
    right = (part["verdict"] == grading.CORRECT).astype(float)
    return right.groupby([part["question_id"], part["position"]]).mean().unstack("position")  # noqa: PD010 - no gaps


def transitions(
    attempts: pd.DataFrame, weights: Float[np.ndarray, "resample problem"], max_history: int
) -> dict[str, Rate]:
    """What follows an attempt in its chain.

    right_to_wrong, wrong_to_right; same_again: the wrong answer before, given once more, and same_by_chance: how often
    a fresh sample gives it, the first attempt of another chain. new_after_wrong: right after nothing but wrong
    attempts; independent: how often fresh samples of the same questions are right, each counted as often;
    without_repeats: how often they would be if they never gave an answer of the attempts shown. The first above the
    second is what seeing the failures buys, the third what it could buy by ruling them out. What never had the occasion
    to happen is left out, and so is a question of one chain where fresh samples are asked for.

    Args:
        weights: bootstrap weights over the questions, in the order of their ids.
    """
    table = attempts.sort_values(["question_id", "chain", "position"], kind="stable")
    right = table["verdict"] == grading.CORRECT
    chain = [table["question_id"], table["chain"]]
    before = right.groupby(chain).shift()
    answer_before = table["answer"].groupby(chain).shift()
    earlier = right.groupby(chain).cumsum() - right
    chance = _elsewhere(table, right)
    after_right, after_wrong = before.eq(True), before.eq(False)
    only_wrong = after_wrong & (earlier == 0)
    fresh = _Fresh(table)
    keys = zip(table["question_id"], table["chain"], answer_before, strict=True)
    repeated = pd.Series([fresh.share(*key) for key in keys], table.index)
    seen = _seen(table, fresh, max_history)
    answered = after_wrong & answer_before.notna()
    cases: Mapping[str, tuple[pd.Series, pd.Series]] = {
        "right_to_wrong": (after_right, ~right),
        "wrong_to_right": (after_wrong, right),
        "same_again": (answered, table["answer"] == answer_before),
        "same_by_chance": (answered, repeated),
        "new_after_wrong": (only_wrong, right),
        "independent": (only_wrong, chance),
        "without_repeats": (only_wrong, (chance / (1 - seen).where(chance > 0, 1)).clip(upper=1)),
    }
    ids = sorted(table["question_id"].unique())
    cases = {name: (of & value.notna(), value) for name, (of, value) in cases.items()}
    found = {name: (of, value) for name, (of, value) in cases.items() if of.any()}
    return {name: _rate(table["question_id"], of, value, ids, weights) for name, (of, value) in found.items()}


def _elsewhere(table: pd.DataFrame, right: pd.Series) -> pd.Series:
    """Share of right first attempts among the *other* chains of the question; NaN where there are none.

    A chain's own first attempt is known to be wrong where nothing but wrong attempts came, so that it says nothing of
    what a fresh sample would have given.
    """
    first = right.where(table["position"] == 1, 0).astype(float)
    of_question = first.groupby(table["question_id"]).transform("sum")
    of_chain = first.groupby([table["question_id"], table["chain"]]).transform("sum")
    n_chains = table.groupby("question_id")["chain"].transform("nunique")
    return (of_question - of_chain) / (n_chains - 1).where(n_chains > 1)


class _Fresh:
    """Answers of the first attempts of each question."""

    def __init__(self, table: pd.DataFrame):
        first = table[table["position"] == 1]
        self._n = first.groupby("question_id").size().to_dict()
        self._counts = first.groupby(["question_id", "answer"]).size().to_dict()
        self._own = dict(zip(zip(first["question_id"], first["chain"], strict=True), first["answer"], strict=True))

    def share(self, question_id: str, chain: int, answer: object) -> float:
        """Share of the question's other chains that begin with this answer; NaN where there are none."""
        if (others := self._n[question_id] - 1) == 0:
            return np.nan
        return (self._counts.get((question_id, answer), 0) - (self._own[question_id, chain] == answer)) / others


def _seen(table: pd.DataFrame, fresh: _Fresh, max_history: int) -> pd.Series:
    """Share of fresh samples that give one of the answers among the last attempts of the chain, for each attempt."""
    found = np.zeros(len(table))
    shown: deque[str] = deque(maxlen=max_history)
    rows = zip(table["question_id"], table["chain"], table["position"], table["answer"], strict=True)
    for i, (question_id, chain, position, answer) in enumerate(rows):
        if position == 1:
            shown.clear()
        found[i] = sum(fresh.share(question_id, chain, earlier) for earlier in set(shown))
        if isinstance(answer, str):
            shown.append(answer)
    return pd.Series(found, table.index)


def _rate(
    question: pd.Series, of: pd.Series, value: pd.Series, ids: list[str], weights: Float[np.ndarray, "resample problem"]
) -> Rate:
    """The mean of `value` where `of` holds: a ratio of two sums over questions."""
    total = of.astype(float).groupby(question).sum().reindex(ids).to_numpy()
    sums = (value.astype(float).fillna(0) * of).groupby(question).sum().reindex(ids).to_numpy()
    below = weights @ total
    drawn = (weights @ sums)[below > 0] / below[below > 0]
    low, high = np.quantile(drawn, [0.025, 0.975])
    return Rate(float(sums.sum() / total.sum()), float(low), float(high), int(total.sum()))


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
        (first[int(c)], verdict) if attempt.finish == FINISH_END else (None, grading.NO_ANSWER)
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
