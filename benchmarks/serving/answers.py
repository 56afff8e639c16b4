"""Served answers against what the study's tables say of the samples that it stored: test questions under their own ids.

By each way to know difficulty and each budget the strategy table has a pick for every question, by the difficulty that
the study measured; what the pick answers is read off the stored samples, scores, attempts and searches (the first of
their replicates). Each strategy is served at a budget of its own too. Usage is compared with what the engines were
asked for, and that of searches, entry by entry, with the study's ledger.
"""

import argparse
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import product
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from benchmarks.serving.study import AT_ONCE, by_table, opened, questions
from tts_lib.answers.cost import COUNTED, Cost
from tts_lib.answers.protocols import SampleRequest, Sampling, ScoreRequest
from tts_lib.commands.serving.answering import Choice
from tts_lib.commands.serving.answers import Wish
from tts_lib.commands.serving.live import n_tokens
from tts_lib.common import paths, tables
from tts_lib.estimators import selection
from tts_lib.estimators.difficulty import with_prior
from tts_lib.grading import verdicts
from tts_lib.revisions import ratios
from tts_lib.strategies import fitted_choice
from tts_lib.strategies.fitted_choice import FORESEEN, GIVEN, PROBED, FittedChoice, TableName

RULES = {
    "majority": selection.majority,
    "best_of_n": selection.best_of_n,
    "weighted": selection.best_of_n_weighted,
}
BUDGETS, OF_EACH = (1, 4, 16, 64, 256), 64  # of the tables; of each strategy by itself


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


class Known(NamedTuple):
    """An answer (None where there is none), whether it is right, and of a search what it cost."""

    answer: str | None
    right: bool
    ledger: Cost | None = None


class Stored:
    """What a study's tables say of its test questions, without a model."""

    def __init__(self, table: FittedChoice, read: Callable[[Any], pd.DataFrame]) -> None:
        """`read` is given a path of `tts_lib.common.paths`."""
        self._table, self._read = table, read
        score, beside = read(paths.scores("test")), read(paths.pool_beside("base", "test"))
        pool = read(paths.pool("base", "test")).assign(score=score["prm_last"])
        self._samples: dict[Any, dict[str, pd.DataFrame]] = {None: _by_question(pool)}  # by temperature and question
        beside["score"] = read(paths.scores_beside("test"))["prm_last"]
        self._samples |= {at: _by_question(rows) for at, rows in beside.groupby("temperature")}
        known = [read(each).set_index("question_id") for each in (paths.difficulty("test"), paths.predictors("test"))]
        self._difficulty: dict[str, Any] = {name: dict(each[name]) for each in known for name in each}
        self._searches: dict[str, pd.DataFrame] = {}
        attempts = read(paths.revisions(table.models["revision"].folder.removeprefix("models/revision-")))
        attempts["score"] = read(paths.revision_verifier("scores"))["orm"]
        self._attempts = _by_question(attempts.loc[attempts["split"] == "test"])

    def difficulty(self, use: TableName, question: str) -> float | None:
        """Of a question, in a table's way to know it."""
        table = self._table.tables[use]
        if use == GIVEN:
            return self._difficulty["predicted"][question]
        prior = self._difficulty["zero"][question] if use in FORESEEN else None
        if use not in PROBED:
            return prior
        probed = self._difficulty[f"probe_{table.n_scored}"][question]
        if prior is None or table.prior_worth is None:
            return probed
        return with_prior(prior, table.prior_worth, probed, table.n_scored)

    def answer(self, question: str, strategy: str, budget: int) -> Known:
        """What a strategy answers."""
        way = self._table.strategy(strategy)
        if isinstance(way, fitted_choice.Vote):
            rows = self._samples[way.temperature][question].head(budget)
            rule, scores = RULES[way.kind], rows["score"].to_numpy(np.float64)
            at = rule(rows["answer_class"].to_numpy(), scores, np.zeros(len(rows), bool)).chosen
        elif isinstance(way, fitted_choice.Chains):
            rows = self._attempts[question]
            rows = rows.loc[(rows["chain"] < budget // way.length) & (rows["position"] <= way.length)]
            rows = rows.sort_values(["chain", "position"])
            classes = pd.factorize(rows["answer"].to_numpy(object))[0]
            at = ratios.chosen(classes, rows["score"].to_numpy(np.float64), way.length)
            at = at if classes[at] >= 0 else -1
        else:
            if strategy not in self._searches:
                runs = self._read(paths.search(strategy))
                runs = runs.loc[(runs["split"] == "test") & (runs["replicate"] == 0)]
                self._searches[strategy] = runs.set_index(["question_id", "budget"]).sort_index()
            run: Any = self._searches[strategy].loc[(question, budget)]
            ledger = Cost(**{name: int(run[name]) for name in COUNTED})
            return Known(None if pd.isna(run["answer"]) else run["answer"], bool(run["correct"]), ledger)
        if at < 0:
            return Known(None, False)
        answer, verdict = rows[["answer", "verdict"]].iloc[at]
        return Known(None if pd.isna(answer) else answer, verdict == verdicts.CORRECT)


def answers(options: argparse.Namespace) -> dict[str, Any]:
    asked, found = questions(options), {}
    with opened(options) as choice:
        counted = {role: (Counted(policy), Counted(verifier)) for role, (policy, verifier) in choice.engines.items()}
        stored = Stored(choice.table, lambda path: tables.read_table(options.folder / path))
        prompts = choice.readers["base"].codec.encode(asked["problem"].tolist())
        before = 0
        for name, way, wishes, known in ways(replace(choice, engines=counted), options, asked, stored):
            problems, served = list(zip(asked["problem"], wishes, strict=True)), []
            for first in range(0, len(problems), AT_ONCE):
                served += way.together(problems[first : first + AT_ONCE])
            usage = sum(n_tokens(answer.cost) for answer in served)
            asked_for = sum(engine.n_tokens for pair in counted.values() for engine in pair) - before
            before += asked_for
            asked_for += 0 if way.zero is None else sum(map(len, prompts))  # the predictor, which is no engine
            right = float(
                np.mean([answer.answer == gold for answer, gold in zip(served, asked["answer"], strict=True)])
            )
            offline = float(np.mean([each.right for each in known]))
            pairs = list(zip(served, known, strict=True))
            found[name] = {
                "served": right,
                "offline": offline,
                "difference": right - offline,
                "answers_that_differ": sum(answer.answer != each.answer for answer, each in pairs),
                "usage": usage,
                "usage_minus_engines": usage - asked_for,
                "searches": sum(each.ledger is not None for each in known),
                "ledgers_that_differ": sum(
                    each.ledger is not None and answer.cost != answer.probe + each.ledger for answer, each in pairs
                ),
            }
            print(name, found[name], file=sys.stderr, flush=True)  # it takes a while
    return found


def ways(
    choice: Choice, options: argparse.Namespace, asked: pd.DataFrame, stored: Stored
) -> Iterator[tuple[str, Choice, list[Wish], list[Known]]]:
    """What is asked: its name, the choice that is asked, and of each question the wish and the offline answer."""
    names, table, by = asked["question_id"].tolist(), choice.table, by_table(choice, options)
    for budget, use in product(BUDGETS, by):
        if budget < table.tables[use].budgets[0]:
            continue
        scores = [stored.difficulty(use, name) for name in names]
        picks = [table.pick(budget, score, use) for score in scores]
        wishes = [
            Wish(budget, difficulty=score if use == GIVEN else None, question_id=name, stop_early=False)
            for name, score in zip(names, scores, strict=True)
        ]
        known = [stored.answer(name, pick.strategy, pick.budget) for name, pick in zip(names, picks, strict=True)]
        yield f"{use} at {budget}", by[use], wishes, known
    for strategy, ready in choice.strategies.items():
        spent = ready.generations(OF_EACH)
        wishes = [Wish(spent, strategy, question_id=name, stop_early=False) for name in names]
        known = [stored.answer(name, strategy, spent) for name in names]
        yield f"{strategy} at {spent}", replace(choice, zero=None), wishes, known


def _by_question(rows: pd.DataFrame) -> dict[Any, pd.DataFrame]:
    return dict(iter(rows.groupby("question_id")))
