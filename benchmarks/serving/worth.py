"""The user's number: what the fitted choice attains for its tokens, against best-of-N for all, paired over questions.

Every token counts, those of a probe and of a prompt read for its difficulty too. Best-of-N of the same budget may spend
other tokens than the choice. So there are two comparisons: accuracy per 1,000 tokens at the same budget, and accuracy
at the same tokens, best-of-N taken between its budgets (linear in log tokens). By the second a choice pays or does not.
As a control the table by `zero` is given the difficulty of another question.
"""

import argparse
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from benchmarks.serving.study import AT_ONCE, VOTE, by_table, foreknown, opened, questions
from tts_lib.commands.serving.answering import Choice
from tts_lib.commands.serving.answers import Wish
from tts_lib.commands.serving.live import n_tokens
from tts_lib.common.rng import generator
from tts_lib.estimators.intervals import bootstrap_weights, difference_interval
from tts_lib.estimators.per_question import PerQuestion
from tts_lib.strategies.curves import at_budget
from tts_lib.strategies.fitted_choice import GIVEN, ZERO

BUDGETS = (4, 8, 16, 32, 64, 128, 256)
N_RESAMPLES = 2000
Spent = tuple[np.ndarray, np.ndarray]  # of each question whether the answer is right (0 or 1), and its tokens


def worth(options: argparse.Namespace) -> dict[str, Any]:
    asked = questions(options)
    weights = bootstrap_weights(len(asked), N_RESAMPLES, generator("worth"))
    with opened(options) as choice:
        plain = [spent(choice, asked, Wish(budget, VOTE, stop_early=False)) for budget in BUDGETS]
        rows = [
            {"way": name, "budget": budget}
            | compared(spent(way, asked, replace(wish, budget=budget)), i, plain, weights)
            for name, way, wish in ways(choice, options)
            for i, budget in enumerate(BUDGETS)
        ]
    return {"questions": len(asked), "pays_at": pays_at(rows), "rows": rows}


def ways(choice: Choice, options: argparse.Namespace) -> Iterator[tuple[str, Choice, Wish]]:
    """Best-of-N stopped early, and the table by each way to know difficulty: name, the choice that goes by it, wish."""
    whole, early = Wish(0, stop_early=False), Wish(0)
    yield "best-of-N, stopped early", choice, replace(early, strategy=VOTE)
    by = by_table(choice, options)
    if (known := foreknown(choice, options)) is not None:
        prompts = choice.readers["base"].codec.encode(questions(options)["problem"].tolist())
        other = {prompt.tobytes(): prompts[i - 1] for i, prompt in enumerate(prompts)}
        shuffled = replace(by[ZERO], zero=lambda _, prompt: known.score(None, other[prompt.tobytes()]))
        yield "zero, of another question", shuffled, whole
    for use, way in ((use, way) for use, way in by.items() if use != GIVEN):
        yield use, way, whole
        yield f"{use}, stopped early", way, early


def spent(choice: Choice, asked: Any, wish: Wish) -> Spent:
    wishes = [(row.problem, replace(wish, question_id=row.question_id)) for row in asked.itertuples()]
    answers = [answer for i in range(0, len(wishes), AT_ONCE) for answer in choice.together(wishes[i : i + AT_ONCE])]
    right = [answer.answer == gold for answer, gold in zip(answers, asked["answer"], strict=True)]
    return np.array(right, np.float64), np.array([n_tokens(answer.cost) for answer in answers], np.float64)


def compared(found: Spent, i: int, plain: list[Spent], weights: np.ndarray) -> dict[str, Any]:
    """A way at the i-th budget beside best-of-N: at this budget a token, and at the same tokens."""
    (right, tokens), (own_right, own_tokens) = found, plain[i]
    per_token = right.mean() / tokens.mean() - own_right.mean() / own_tokens.mean()
    resampled = (weights @ right) / (weights @ tokens) - (weights @ own_right) / (weights @ own_tokens)
    every = PerQuestion(np.stack([each for each, _ in plain], axis=1))
    means = [float(each.mean()) for _, each in plain]
    there = at_budget(every, means, min(max(float(tokens.mean()), means[0]), means[-1])).each
    more = difference_interval(right - there)
    return {
        "accuracy": right.mean(),
        "tokens": tokens.mean(),
        "best_of_n": own_right.mean(),
        "its_tokens": own_tokens.mean(),
        "more_right_a_1000_tokens": [1000 * x for x in (per_token, *np.quantile(resampled, [0.025, 0.975]))],
        "best_of_n_for_the_tokens": there.mean(),
        "more_right_for_the_tokens": [more.estimate, more.low, more.high],
    }


def pays_at(rows: list[dict[str, Any]]) -> dict[str, list[int]]:
    """Of each way the budgets at which more are right for the same tokens, for sure."""
    found: dict[str, list[int]] = {row["way"]: [] for row in rows}
    for row in rows:
        if row["more_right_for_the_tokens"][1] > 0:
            found[row["way"]].append(row["budget"])
    return found
