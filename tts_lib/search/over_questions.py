"""A search method over a table of questions: builds it from params, runs it, grades and counts what it found."""

import dataclasses
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from tts_lib.answers import scheduler
from tts_lib.answers.cost import Cost
from tts_lib.answers.pools import naming_questions
from tts_lib.answers.protocols import Codec, Policy, Verifier
from tts_lib.answers.scheduler import Question
from tts_lib.common.errors import StudyError
from tts_lib.common.rng import Part
from tts_lib.estimators import selection
from tts_lib.estimators.selection import NO_ANSWER
from tts_lib.grading import verdicts
from tts_lib.grading.judging import ExactJudge, Judge, Judged
from tts_lib.search import methods
from tts_lib.search.candidates import Candidates
from tts_lib.search.methods import Method


def method_from(options: Mapping[str, Any], steps: Mapping[str, Any], duplicates: str) -> Method:
    """The method that an entry of `options` in params.yaml stands for: kind, width and depth."""
    given = dict(options) | dict(steps)
    kind = given.pop("kind")
    if kind != "dvts":
        given["duplicates"] = duplicates
    if kind == "beam":
        given.pop("depth")
    return methods.build(kind, given)


def reachable(method: Method, budgets: Sequence[int]) -> list[int]:
    """The budgets at which the method can run: a lookahead needs M(k+1) generations at least.

    Raises:
        StudyError: none is large enough.
    """
    possible = []
    for budget in budgets:
        try:
            method.generations(budget)
        except ValueError as error:
            refusal = error
        else:
            possible.append(budget)
    if not possible:
        raise StudyError(f"grid.search_budgets {list(budgets)}: {refusal}")
    return possible


def run(
    method: Method,
    problems: pd.DataFrame,
    budgets: Sequence[int],
    policy: Policy,
    verifier: Verifier,
    codec: Codec,
    seed_key: tuple[Part, ...],
    judge: Judge = ExactJudge(),  # noqa: B008 - has no state
    step: str = "\n",
) -> tuple[pd.DataFrame, dict[str, int]]:
    """One row per (question, budget), and how often the engines were called; `step` is the text that closes a step.

    Raises:
        StudyError: a search failed, or outgrew a model's window; names the question and the reason.
    """
    prompts = codec.encode(problems["problem"].tolist())
    searches = {
        (question_id, budget): method.search(Question(question_id, prompt), budget, seed_key)
        for question_id, prompt in zip(problems["question_id"], prompts, strict=True)
        for budget in budgets
    }
    counted = _Counted(policy, verifier)
    with naming_questions(problems["question_id"], prompts):
        outcomes = scheduler.run(searches, counted, counted)
    gold = dict(zip(problems["question_id"], problems["answer"], strict=True))
    rows = []
    for (question_id, budget), outcome in outcomes.items():
        if outcome.result is None:
            raise StudyError(f"the search of {question_id} at budget {budget} failed: {outcome.error}")
        row = {"question_id": question_id, "budget": budget}
        texts = codec.decode(outcome.result.tokens)
        judged = judge.judge(question_id, gold[question_id], texts)
        rows.append(row | _summary(outcome.result, outcome.cost, texts, judged, step))
    calls = {"policy": counted.n_samplings, "verifier": counted.n_scorings, "rounds": max(r["rounds"] for r in rows)}
    return pd.DataFrame(rows), calls


class _Counted:
    """Both engines, with their calls counted."""

    def __init__(self, policy: Policy, verifier: Verifier):
        self._policy, self._verifier = policy, verifier
        self.version = policy.version
        self.n_samplings = self.n_scorings = 0

    def sample(self, requests, sampling):
        self.n_samplings += 1
        return self._policy.sample(requests, sampling)

    def score(self, requests):
        self.n_scorings += 1
        return self._verifier.score(requests)


def _summary(found: Candidates, cost: Cost, texts: list[str], judged: Judged, step: str) -> dict[str, Any]:
    """Selected answers, cost and diagnostics of one search; unfinished candidates have no answer."""
    done = np.asarray(found.finished, bool)
    classes = np.where(done, judged.classes, NO_ANSWER)
    correct = done & np.array([verdict == verdicts.CORRECT for verdict in judged.verdicts])
    scores = np.array([s[-1] if len(s) else 0.0 for s in found.step_scores], dtype=float)
    weighted = selection.best_of_n_weighted(classes, scores, correct)
    lines = texts[weighted.chosen].split(step)
    finished = found.finished
    return {
        "answer": None if weighted.chosen < 0 else judged.answers[weighted.chosen],
        "correct": bool(weighted.correct),
        "correct_majority": bool(selection.majority(classes, scores, correct).correct),
        "correct_best": bool(selection.best_of_n(classes, scores, correct).correct),
        **dataclasses.asdict(cost),
        "n_candidates": len(texts),
        "n_finished": int(finished.sum()),
        "n_distinct": found.n_distinct,
        "n_samples": found.n_samples,
        "n_duplicates": found.n_duplicates,
        "mean_steps": float(np.mean([t.count(step) + 1 for t, f in zip(texts, finished, strict=True) if f]))
        if finished.any()
        else np.nan,
        "repetition": 1 - len(Counter(lines)) / len(lines) if weighted.chosen >= 0 else np.nan,
        "hit_round_limit": found.hit_round_limit,
    }
