"""What was measured in the study of a folder: its results, and the single draws behind a difference of accuracies."""

from contextlib import chdir
from functools import reduce
from pathlib import Path

import numpy as np
from jaxtyping import Float

from tts_lib.answers.grid import SampleGrid, grid
from tts_lib.common import paths, rng, tables
from tts_lib.common.strategy import COVERAGE, MAJORITY, PLAIN, WEIGHTED, Strategy
from tts_lib.estimators import subsets
from tts_lib.report import reading
from tts_lib.report.results import NotMeasured, Results
from tts_lib.study.config import loading


def results_of(root: Path) -> Results:
    """What was measured in the study of a folder.

    Raises:
        StudyError: its settings are broken, or it has not run.
    """
    with chdir(root):
        study = loading.load()
        methods = {name: study.options[name].model_dump(mode="json") for name in study.grid.methods}
        attempts = {name: pairing.attempts for name, pairing in study.pairings.items()}
        return reading.read(methods, attempts, study.seed, study.compute_optimal.n_bootstrap)


def draws(
    root: Path, known: Results, a: Strategy, b: Strategy, budget: int
) -> tuple[Float[np.ndarray, "question draw"] | None, Float[np.ndarray, "question run"] | None]:
    """Accuracy of a minus that of b, draw by draw: what comes of the pool, and what comes of runs of searches.

    A draw of the pool is the next `budget` samples of each question, from which both strategies choose if both are
    replayed; a run is a search from beginning to end. Of the two parts the one that the difference does not hold is
    None; else the difference is their sum.

    Raises:
        NotMeasured: a strategy is neither, such as revisions or a pool at another temperature.
    """
    pool: list[np.ndarray] = []
    runs: list[np.ndarray] = []
    with chdir(root):
        for strategy, sign in ((a, 1.0), (b, -1.0)):
            if strategy.rule in known.search:
                runs.append(sign * _searched(strategy.rule, known, budget))
            else:
                pool.append(sign * _replayed(strategy, known, budget))
    n = min((part.shape[1] for part in runs), default=0)
    return _sum(pool), _sum([part[:, :n] for part in runs])


def _sum(parts: list[np.ndarray]) -> np.ndarray | None:
    return reduce(np.add, parts) if parts else None


def _searched(method: str, known: Results, budget: int) -> Float[np.ndarray, "question run"]:
    """Whether each run of a search was right on each test question."""
    rows = tables.read_table(paths.search(method), ["split", "question_id", "budget", "replicate", "correct"])
    rows = rows.loc[(rows["split"] == "test") & (rows["budget"] == budget)]
    if rows.empty:
        raise NotMeasured(f"{method} has no runs at N = {budget}")
    wide = rows.set_index(["question_id", "replicate"])["correct"].astype(float).unstack("replicate")
    return wide.loc[known.question_ids].to_numpy(np.float64)


def _replayed(strategy: Strategy, known: Results, budget: int) -> Float[np.ndarray, "question draw"]:
    """Accuracy of what a strategy chooses among the samples of each draw; a tie counts as its share."""
    rules = {one.rule for one in (COVERAGE, MAJORITY, PLAIN, WEIGHTED)}
    if strategy.rule not in rules or strategy != Strategy(strategy.rule, strategy.score):
        raise NotMeasured(f"{strategy.name} is not replayed from the pool that the study is about")
    rows = tables.read_table(paths.pool("base", "test"), ["question_id", "sample", "verdict", "answer_class"])
    scores = None
    if strategy.score:
        scored = tables.read_table(paths.scores("test"))
        if strategy.score not in scored:
            raise NotMeasured(f"there are no scores {strategy.score}")
        rows = rows.merge(scored[["question_id", "sample", strategy.score]], on=["question_id", "sample"])
        scores = rows[strategy.score].to_numpy(np.float64)
    pool = grid(rows, known.question_ids)
    spread = None if scores is None else pool.spread(scores)
    n = pool.smallest // budget
    if n < 1:
        raise NotMeasured(f"the pool holds fewer than {budget} samples of a question")
    cuts = [slice(draw * budget, (draw + 1) * budget) for draw in range(n)]
    return np.column_stack([_chosen(strategy, pool, spread, cut) for cut in cuts])


def _chosen(
    strategy: Strategy, pool: SampleGrid, scores: Float[np.ndarray, "question sample"] | None, cut: slice
) -> Float[np.ndarray, " question"]:
    correct, answers, size = pool.correct[:, cut], pool.answers[:, cut], cut.stop - cut.start
    of_draw = None if scores is None else scores[:, cut]
    if strategy.rule == COVERAGE.rule:
        return np.asarray(correct.any(axis=1), np.float64)
    if strategy.rule == PLAIN.rule and of_draw is not None:
        return subsets.best_of_n(correct, of_draw, [size], np.full(len(correct), size))[:, 0]
    generator = rng.generator("draws")  # of subsets as large as the draw there is one
    return subsets.vote(correct, answers, {"": of_draw}, [size], generator, n_resamples=2)[""].accuracy[:, 0]
