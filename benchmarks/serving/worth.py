"""The user's number: accuracy per 1,000 tokens of the fitted choice against best-of-N for all, paired over questions.

Every token counts, those of a probe and of a prompt read for its difficulty too. As a control the table by `zero` is
given the difficulty of another question.
"""

import argparse
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from benchmarks.serving.study import VOTE, opened, questions
from tts_lib.commands.serving.answering import Choice
from tts_lib.commands.serving.answers import Wish
from tts_lib.commands.serving.foreknown import Foreknown
from tts_lib.commands.serving.live import n_tokens
from tts_lib.common.rng import generator
from tts_lib.estimators.intervals import bootstrap_weights, difference_interval
from tts_lib.strategies.fitted_choice import FORESEEN, GIVEN, ZERO

BUDGETS = (4, 8, 16, 32, 64, 128, 256)
AT_ONCE = 50
N_RESAMPLES = 2000


def worth(options: argparse.Namespace) -> dict[str, Any]:
    asked = questions(options)
    weights = bootstrap_weights(len(asked), N_RESAMPLES, generator("worth"))
    rows: list[dict[str, Any]] = []
    with opened(options) as choice:
        for budget in BUDGETS:
            right, tokens = spent(choice, asked, Wish(budget, VOTE, stop_early=False))
            for name, way, stop_early in ways(choice, options):
                found, used = spent(way, asked, Wish(budget, stop_early=stop_early))
                per_token = found.mean() / used.mean() - right.mean() / tokens.mean()
                resampled = (weights @ found) / (weights @ used) - (weights @ right) / (weights @ tokens)
                more = difference_interval(found - right)
                rows.append(
                    {
                        "way": name,
                        "budget": budget,
                        "accuracy": found.mean(),
                        "of_best_of_n": right.mean(),
                        "tokens": used.mean(),
                        "tokens_of_best_of_n": tokens.mean(),
                        "more_right": [more.estimate, more.low, more.high],
                        "more_right_a_1000_tokens": [
                            1000 * value for value in (per_token, *np.quantile(resampled, [0.025, 0.975]))
                        ],
                    }
                )
    return {"questions": len(asked), "pays_from": pays_from(rows), "rows": rows}


def ways(choice: Choice, options: argparse.Namespace) -> Iterator[tuple[str, Choice, bool]]:
    """Each way to know difficulty: its name, the choice that goes by it, whether its votes stop early."""
    table = choice.table
    by = {use: replace(choice, table=table.model_copy(update={"use": use})) for use in table.tables if use != GIVEN}
    if table.zero is not None:
        known = Foreknown(table.zero, options.folder, options.folder / table.models["base"].folder)
        prompts = choice.readers["base"].codec.encode(questions(options)["problem"].tolist())
        other = {prompt.tobytes(): prompts[i - 1] for i, prompt in enumerate(prompts)}
        shuffled = replace(by[ZERO], zero=lambda _, prompt: known.score(None, other[prompt.tobytes()]))
        yield "zero, of another question", shuffled, False
        by |= {use: replace(by[use], zero=known.score) for use in FORESEEN if use in by}
    for use, way in by.items():
        yield use, way, False
        yield f"{use}, stopped early", way, True


def spent(choice: Choice, asked: Any, wish: Wish) -> tuple[np.ndarray, np.ndarray]:
    """Of each question whether the answer is right (0 or 1), and the tokens that it took."""
    wishes = [(row.problem, replace(wish, question_id=row.question_id)) for row in asked.itertuples()]
    answers = [answer for i in range(0, len(wishes), AT_ONCE) for answer in choice.together(wishes[i : i + AT_ONCE])]
    right = [answer.answer == gold for answer, gold in zip(answers, asked["answer"], strict=True)]
    return np.array(right, np.float64), np.array([n_tokens(answer.cost) for answer in answers], np.float64)


def pays_from(rows: list[dict[str, Any]]) -> dict[str, int | None]:
    """Of each way the smallest budget from which on it is for sure worth more a token; None where it never is."""
    found: dict[str, int | None] = {}
    for row in rows:  # budgets ascend
        pays = row["more_right_a_1000_tokens"][1] > 0
        found[row["way"]] = (found.get(row["way"]) or row["budget"]) if pays else None
    return found
