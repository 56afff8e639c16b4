"""Scores of a pool's solutions, each text read once however often it was sampled."""

import numpy as np
import pandas as pd

from tts_lib.answers import grid
from tts_lib.answers.expected import Expected, Means
from tts_lib.answers.protocols import ScoreRequest, Verifier
from tts_lib.answers.question_table import QuestionTable
from tts_lib.estimators import selection

COLUMNS = ["question_id", "sample", "n_steps", "prm_last", "prm_min", "prm_prod", "prm_mean", "orm", "orm_matched"]


def step_scores(verifier: Verifier, questions: QuestionTable, solutions: pd.DataFrame) -> list[np.ndarray]:
    """The verifier's step scores of every row of `solutions` (question_id, text), float32 (step,) each.

    Raises:
        StudyError: a solution does not fit the verifier's window; names the question.
    """
    keys = list(zip(solutions["question_id"], solutions["text"], strict=True))
    texts: dict[str, dict[str, None]] = {}
    for question_id, text in keys:
        texts.setdefault(question_id, {})[text] = None
    encode = questions.codec.encode
    requests = [ScoreRequest(questions.prompts[q], encode(list(distinct))) for q, distinct in texts.items()]
    with questions.naming():
        found = verifier.score(requests)
    scored = {
        (q, text): score
        for (q, distinct), scores in zip(texts.items(), found, strict=True)
        for text, score in zip(distinct, scores, strict=True)
    }
    return [scored[key] for key in keys]


def aggregated(steps: list[np.ndarray]) -> dict[str, np.ndarray]:
    """Solution scores by each aggregation (last, min, prod, mean), float32 (solution,)."""
    offsets = np.r_[0, np.cumsum([len(s) for s in steps])]
    flat = np.concatenate(steps).astype(np.float64)
    return {how: selection.aggregate_steps(flat, offsets, how).astype(np.float32) for how in selection.AGGREGATIONS}


def score_pool(
    verifiers: dict[str, Verifier], questions: QuestionTable, pool: pd.DataFrame, aggregation: str = "last"
) -> tuple[pd.DataFrame, list[np.ndarray]]:
    """Solution scores of every sample of a pool, and the PRM's step scores.

    The PRM counts by each aggregation, the ORMs (if there are any) at the last token.

    Args:
        aggregation: that the PRM declares. `prm_last` is the value of the solution up to its last step, which is the
            last step's score unless the PRM declares otherwise; the other columns aggregate the scores of the steps.
    """
    steps = step_scores(verifiers["prm"], questions, pool)
    table = pool[["question_id", "sample"]].assign(n_steps=[len(s) for s in steps])
    by_aggregation = aggregated(steps)
    for how, values in (by_aggregation | {"last": by_aggregation[aggregation]}).items():
        table[f"prm_{how}"] = values
    for name in ("orm", "orm_matched"):
        if name in verifiers:
            table[name] = aggregated(step_scores(verifiers[name], questions, pool))["last"]
    return table.reindex(columns=[column for column in COLUMNS if column in table]), steps


def score_beside(
    verifier: Verifier, questions: QuestionTable, pool: pd.DataFrame, aggregation: str
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Scores of pools at other temperatures, a column of theirs, and what their samples cost (`grid.sample_costs`).

    The scores: question_id, sample, temperature, n_steps, prm_last (the value of the whole solution).
    """
    steps = step_scores(verifier, questions, pool)
    table = pool[["question_id", "sample", "temperature"]].assign(n_steps=[len(s) for s in steps])
    prompts = {name: len(prompt) for name, prompt in questions.prompts.items()}
    costs = [
        grid.sample_costs(part, table.loc[part.index, "n_steps"].to_numpy(), prompts).assign(temperature=temperature)
        for temperature, part in pool.groupby("temperature")
    ]
    return table.assign(prm_last=aggregated(steps)[aggregation]), pd.concat(costs, ignore_index=True)


def expected(n_samples: int, question: Means, shared: bool) -> Expected:
    """Tokens that one verifier reads of a question's samples.

    Args:
        shared: whether the prompt is read once for all of them, and not with each.
    """
    return Expected(verified=n_samples * question.solution + (1 if shared else n_samples) * question.prompt)


def score_histogram(scores: pd.DataFrame, pool: pd.DataFrame, n_bins: int = 25) -> pd.DataFrame:
    """Share of right and of wrong samples per bin of the PRM's last-step score: verdict, score (middle), share."""
    edges = np.linspace(0, 1, n_bins + 1)
    right = (pool["verdict"] == "correct").to_numpy()
    parts = []
    for verdict, rows in (("right", right), ("wrong", ~right)):
        share = np.histogram(scores["prm_last"].to_numpy()[rows], edges)[0] / max(rows.sum(), 1)
        parts.append(pd.DataFrame({"verdict": verdict, "score": (edges[:-1] + edges[1:]) / 2, "share": share}))
    return pd.concat(parts, ignore_index=True)
