"""A search over a table of questions: run, graded, and counted."""

import dataclasses
from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from tts_lib.answers.cost import Cost
from tts_lib.answers.protocols import Policy, Verifier
from tts_lib.answers.question_table import QuestionTable
from tts_lib.answers.scheduler import Outcome, Scheduler
from tts_lib.common.rng import Part
from tts_lib.estimators import selection
from tts_lib.estimators.selection import NO_ANSWER
from tts_lib.grading import verdicts
from tts_lib.grading.judging import Judged
from tts_lib.search.candidates import Candidates
from tts_lib.search.particles import Particles
from tts_lib.search.step_search import StepSearch


def run(
    search: StepSearch,
    questions: QuestionTable,
    budgets: Mapping[int, int],
    policy: Policy,
    verifier: Verifier,
    seed_key: tuple[Part, ...],
    step: str = "\n",
) -> tuple[pd.DataFrame, dict[str, int]]:
    """One row per (question, budget, replicate), and how often the engines were called.

    Args:
        budgets: how often each question is searched at each of them; the runs differ in their seeds alone.
        step: the text that closes a step.

    Raises:
        StudyError: a search failed, or outgrew a model's window; names the question and the reason.
    """
    scheduler = Scheduler(policy, verifier)
    outcomes = _run(search, questions, budgets, scheduler, seed_key)
    rows = []
    for (question_id, budget, run), outcome in outcomes.items():
        found = outcome.found(f"the search of {question_id} at budget {budget}")
        texts = questions.codec.decode(found.tokens)
        judged = questions.judged(question_id, texts)
        where = {"question_id": question_id, "budget": budget, "replicate": run}
        rows.append(where | _summary(found, outcome.cost, texts, judged, step))
        if isinstance(search.method, Particles):
            rows[-1]["correct_by_weight"] = _by_weight(found, judged)
    n_rounds = max(row["rounds"] for row in rows)
    return pd.DataFrame(rows), {"policy": scheduler.n_samplings, "verifier": scheduler.n_scorings, "rounds": n_rounds}


def candidates(
    search: StepSearch,
    questions: QuestionTable,
    budgets: Mapping[int, int],
    engines: tuple[Policy, Verifier],
    seed_key: tuple[Part, ...],
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """What `run` chooses from, for other ways to choose, and what each search cost.

    Returns two tables by question_id, budget and replicate. One row for each candidate: tokens (int32 (T,), without the
    prompt), answer_class, finished, right, score (of the last step; 0 without one). One row for each search: its
    `Cost`.

    Raises:
        StudyError: see `run`.
    """
    outcomes = _run(search, questions, budgets, Scheduler(*engines), seed_key)
    found = {key: outcome.found(f"the search of {key[0]} at budget {key[1]}") for key, outcome in outcomes.items()}
    texts = iter(questions.codec.decode([solution for each in found.values() for solution in each.tokens]))
    rows: list[tuple] = []
    for (question_id, *run), each in found.items():
        judged = questions.judged(question_id, [next(texts) for _ in each.tokens])
        classes, right = _finished(each, judged)
        scores = [float(steps[-1]) if len(steps) else 0.0 for steps in each.step_scores]
        facts = zip(each.tokens, classes.tolist(), each.finished.tolist(), right.tolist(), scores, strict=True)
        rows += [(question_id, *run, *fact) for fact in facts]
    where = ["question_id", "budget", "replicate"]
    costs = [dict(zip(where, key, strict=True)) | dataclasses.asdict(one.cost) for key, one in outcomes.items()]
    columns = [*where, "tokens", "answer_class", "finished", "right", "score"]
    return pd.DataFrame(rows, columns=columns), pd.DataFrame(costs)


def _run(
    search: StepSearch,
    questions: QuestionTable,
    budgets: Mapping[int, int],
    scheduler: Scheduler,
    seed_key: tuple[Part, ...],
) -> dict[tuple[str, int, int], Outcome[Candidates]]:
    with questions.naming():
        return scheduler.run(
            {
                (question.question_id, budget, run): search.search(question, budget, (*seed_key, *_apart(run)))
                for question in questions
                for budget, n_runs in budgets.items()
                for run in range(n_runs)
            }
        )


def _finished(found: Candidates, judged: Judged) -> tuple[np.ndarray, np.ndarray]:
    """Answer classes of the candidates, and whether they are right; unfinished ones have no answer."""
    done = np.asarray(found.finished, bool)
    return np.where(done, judged.classes, NO_ANSWER), done & (np.array(judged.verdicts) == verdicts.CORRECT)


def _apart(replicate: int) -> tuple[Part, ...]:
    """What a replicate adds to the seeds of a search: nothing to those of the first."""
    return ("replicate", replicate) if replicate else ()


def _by_weight(found: Candidates, judged: Judged) -> bool:
    """The particle filter's own vote: each candidate counts by its final weight, unfinished ones not at all."""
    classes, correct = _finished(found, judged)
    return bool(selection.best_of_n_weighted(classes, found.weights, correct).correct)


def _summary(found: Candidates, cost: Cost, texts: list[str], judged: Judged, step: str) -> dict[str, Any]:
    """Selected answers, cost and diagnostics of one search; unfinished candidates have no answer."""
    classes, correct = _finished(found, judged)
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
