"""The exchange surface of samples that existed already: pools of two models or more, on the questions they share."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from tts_lib.answers.grid import grid
from tts_lib.common.budgets import doublings
from tts_lib.strategies.exchange.sized import Size, Sized
from tts_lib.strategies.exchange.surface import Surface

SCORE = "score"  # the column of a pool that a weighted vote goes by


def surface_of_pools(pools: Mapping[Size, pd.DataFrame], n_bootstrap: int, rng: np.random.Generator) -> Surface:
    """The surface over these models with 1, 2, 4, ... samples, up to the smallest pool of a shared question.

    Args:
        pools: of each model question_id, verdict and answer_class, a row a sample (`data/pools/` of a study), and if
            answers were scored `score` >= 0.

    Raises:
        ValueError: fewer than two models, or than two questions that all of them answer.
    """
    named = [set(pool["question_id"]) for pool in pools.values()]
    shared = sorted(set.intersection(*named)) if named else []
    if len(pools) < 2 or len(shared) < 2:
        raise ValueError(f"{len(pools)} pools share {len(shared)} questions: a surface needs two models and questions")
    grids = {size: grid(pool, shared) for size, pool in pools.items()}
    smallest = min(each.smallest for each in grids.values())
    budgets = sorted({*doublings(smallest), smallest})
    models = []
    for size, pool in pools.items():
        scores = [grids[size].spread(pool[SCORE].to_numpy(float))] if SCORE in pool else []
        models.append(Sized.of_pools(size, [grids[size]], scores, budgets, rng))
    return Surface.of(models, budgets, n_bootstrap, rng)
