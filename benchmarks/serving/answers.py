"""Served answers against those of the samples that the study stored; usage against what the engines were asked."""

import argparse
from dataclasses import replace
from typing import Any

import numpy as np

from benchmarks.serving.study import opened, questions
from tts_lib.answers.protocols import SampleRequest, Sampling, ScoreRequest
from tts_lib.commands.serving.answers import Wish
from tts_lib.commands.serving.live import n_tokens
from tts_lib.common import paths, tables
from tts_lib.estimators import selection

RULES = {
    "majority": selection.majority,
    "best_of_n:prm_last": selection.best_of_n,
    "weighted:prm_last": selection.best_of_n_weighted,
}
BUDGETS = (4, 16, 64)


class Counted:
    """An engine, and the tokens that it was asked for."""

    def __init__(self, engine: Any) -> None:
        self.engine, self.n_tokens = engine, 0

    def sample(self, requests: list[SampleRequest], sampling: Sampling) -> Any:
        found = self.engine.sample(requests, sampling)
        self.n_tokens += sum(len(each.prefix) for each in requests) + sum(len(each.tokens) for each in found)
        return found

    def score(self, requests: list[ScoreRequest]) -> Any:
        self.n_tokens += sum(len(each.prefix) + sum(map(len, each.continuations)) for each in requests)
        return self.engine.score(requests)


def answers(options: argparse.Namespace) -> dict[str, Any]:
    asked = questions(options)
    pool = tables.read_table(options.folder / paths.pool("base", "test"), ["question_id", "answer", "answer_class"])
    scores = tables.read_table(options.folder / paths.scores("test"), ["question_id", "prm_last"])
    drawn = dict(iter(pool.assign(score=scores["prm_last"]).groupby("question_id")))
    found: dict[str, Any] = {}
    with opened(options) as choice:
        counted = {role: (Counted(policy), Counted(verifier)) for role, (policy, verifier) in choice.engines.items()}
        choice = replace(choice, engines=counted)
        charged = 0
        for name, budget in ((name, budget) for name in RULES for budget in BUDGETS if name in choice.strategies):
            rows = asked.to_dict("records")
            wishes = [Wish(budget, name, question_id=row["question_id"], stop_early=False) for row in rows]
            served = choice.together([(row["problem"], wish) for row, wish in zip(rows, wishes, strict=True)])
            charged += sum(n_tokens(answer.cost) for answer in served)
            stored = []
            for row in rows:
                first = drawn[row["question_id"]].head(budget)
                classes, of = first["answer_class"].to_numpy(), first["score"].to_numpy(np.float64)
                at = RULES[name](classes, of, np.zeros(budget, bool)).chosen
                stored.append(None if at < 0 else first["answer"].iloc[at])
            right = np.mean([answer.answer == row["answer"] for answer, row in zip(served, rows, strict=True)])
            replayed = np.mean([answer == row["answer"] for answer, row in zip(stored, rows, strict=True)])
            found[f"{name} at {budget}"] = {
                "served": right,
                "replayed": replayed,
                "difference": right - replayed,
                "answers_that_differ": sum(a.answer != b for a, b in zip(served, stored, strict=True)),
            }
        asked_for = sum(engine.n_tokens for pair in counted.values() for engine in pair)
    return found | {"usage": charged, "engines": asked_for, "usage_minus_engines": charged - asked_for}
