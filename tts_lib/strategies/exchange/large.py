"""What the large model of the comparison attains on the test questions, from its pool (§7)."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from jaxtyping import Float

from tts_lib.answers.cost import attended
from tts_lib.answers.grid import grid
from tts_lib.estimators import difficulty, subsets
from tts_lib.estimators.flops import attention_flops
from tts_lib.grading import verdicts
from tts_lib.strategies.exchange.budgets import LargeModel, Training

GREEDY, ONE_SAMPLE = "greedy", "one_sample"  # its one answer


def large_models(
    pool: pd.DataFrame,
    greedy: pd.DataFrame,
    question_ids: Sequence[str],
    prompt_tokens: Float[np.ndarray, " problem"],
    training: Mapping[str, Training],
    budgets: Sequence[int],
    rng: np.random.Generator,
) -> list[LargeModel]:
    """The large model with one answer, and by majority over g samples wherever the small model's grid can match that.

    The one answer is greedy, as in the paper, or, where no greedy answers are known, the mean over its samples. An
    empty pool gives no model.

    Args:
        pool, greedy: its samples (pools.COLUMNS).
        training: of `base` and `large`.
        budgets: of the small model, ascending.
    """
    if pool.empty:
        return []
    samples, n_params = grid(pool, question_ids), training["large"].n_params
    mean_tokens = (
        pool.loc[:, "n_tokens"].groupby(pool["question_id"]).mean().loc[list(question_ids)].to_numpy(np.float64)
    )
    width = training["large"].layers_by_width

    def attention(g: int, written: np.ndarray) -> np.ndarray:
        """FLOPs over the context of g samples, which share one reading of the prompt."""
        return attention_flops(width, 1.0) * (attended(0, prompt_tokens) + g * attended(prompt_tokens, written))

    if greedy.empty:
        single = difficulty.oracle(samples.correct, samples.n_samples)
        found = [LargeModel(ONE_SAMPLE, 1, single, prompt_tokens + mean_tokens, n_params, attention(1, mean_tokens))]
    else:
        greedy = greedy.set_index("question_id").loc[list(question_ids)]
        right = (greedy["verdict"] == verdicts.CORRECT).to_numpy(np.float64)
        written = greedy["n_tokens"].to_numpy(np.float64)
        found = [LargeModel(GREEDY, 1, right, prompt_tokens + written, n_params, attention(1, written))]
    affordable = budgets[-1] * training["base"].n_params / n_params
    n_votes = [g for g in budgets if 2 < g <= min(samples.smallest, affordable)] if samples.has_answers else []
    for g in n_votes:
        votes = subsets.vote(
            samples.correct, samples.answers, {"majority": None}, [g], rng, n_samples=samples.n_samples
        )
        accuracy, tokens = votes["majority"].accuracy[:, 0], prompt_tokens + g * mean_tokens
        found.append(LargeModel(f"majority_{g}", g, accuracy, tokens, n_params, attention(g, mean_tokens)))
    return found
