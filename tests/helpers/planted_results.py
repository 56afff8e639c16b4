"""Results of random questions, on which the tests of claims plant what is true."""

import numpy as np
import pandas as pd

from tts_lib.common.strategy import COVERAGE, MAJORITY, Strategy
from tts_lib.report.results import Results

IDS = [f"q{i:03d}" for i in range(200)]
BUDGETS = [4, 16, 64, 256]
BEAM = Strategy("beam_4")


def planted(seed: int = 0, **shift: float) -> Results:
    """200 questions of random accuracy; `shift` is added to a strategy's mean (names with _ for :)."""
    rng = np.random.default_rng(seed)
    base = rng.uniform(0.3, 0.6, len(IDS))
    run = [MAJORITY, BEAM, *map(Strategy, ("beam_sqrt", "lookahead_1", "lookahead_3"))]
    run += [Strategy(rule, score) for rule in ("weighted", "best_of_n") for score in ("prm_last", "prm_min", "orm")]

    def accuracy(strategy: Strategy) -> pd.DataFrame:
        mean = base + shift.get(strategy.name.replace(":", "_"), 0.0)
        columns = {n: mean + rng.normal(0, 0.02, len(IDS)) for n in BUDGETS}
        return pd.DataFrame(columns, index=pd.Index(IDS, name="question_id"))

    known = {strategy: accuracy(strategy) for strategy in run}
    known[COVERAGE] = pd.DataFrame({1: base}, index=pd.Index(IDS, name="question_id"))
    difficulty = pd.DataFrame({"oracle": base, "oracle_bin": np.repeat([5, 4, 3, 2, 1], 40)}, index=IDS)
    diagnostics = [(q, n, 5.0 - 0.5 * np.log2(n) / 8 + rng.normal(0, 0.1), 0.1) for q in IDS for n in BUDGETS]
    search = {"beam_4": pd.DataFrame(diagnostics, columns=["question_id", "budget", "mean_steps", "repetition"])}
    return Results(known, search, difficulty, {}, {}, seed=0, n_bootstrap=500)
