"""Difficulty before the first sample: predicted from the question, learned from samples of other questions.

Targets are the shares of right samples of training questions. A predictor's score is an estimate of a question's
pass@1, high = easy. How good it is is told by its rank correlation with pass@1, and by the size of the probe (§3.2, a
few samples scored by the verifier) that ranks questions as well: a prediction from the question alone is worth that
many samples.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float, Int
from scipy.special import expit, logit
from scipy.stats import rankdata
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import RidgeCV
from sklearn.model_selection import KFold, cross_val_predict
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from tts_lib.answers.grid import SampleGrid
from tts_lib.estimators import difficulty
from tts_lib.estimators.bounded import Bound

PENALTIES = tuple(np.logspace(-2, 5, 15))  # of ridge regression, chosen by leave-one-out on the training questions
N_RESAMPLES = 500
COLUMNS = ["predictor", "n_questions", "subject", "spearman", "low", "high", "n_star", "n_star_low", "n_star_high"]

LEAST = 30  # questions to learn from
Texts = Sequence[str]
Split = Callable[[str], list[str]]
_WORDS = re.compile(r"[^\W\d_]+|\S")  # words, and whatever else by its signs


def words(text: str) -> list[str]:
    """The tokens of a question where no model's tokenizer is at hand: words, digits and other signs."""
    return _WORDS.findall(text)


def targets(
    n_right: Int[np.ndarray, " question"], n: int | Int[np.ndarray, " question"]
) -> Float[np.ndarray, " question"]:
    """logit((c + 1/2) / (n + 1)) of c right samples among n."""
    return logit((n_right + 0.5) / (n + 1))


def pass_at_1(pool: SampleGrid, n_probe: Sequence[int]) -> Float[np.ndarray, " question"]:
    """What predictors and probes are held against: pass@1 of the samples that no probe has read, if any are left."""
    read = max(n_probe, default=0)
    fresh = pool.without_first(read) if read < pool.smallest else pool
    return difficulty.oracle(fresh.correct, fresh.n_samples)


def by_length(split: Split) -> Pipeline:
    """Ridge regression on the number of tokens and its logarithm."""

    def lengths(texts: Texts) -> np.ndarray:
        n = np.array([len(split(text)) for text in texts], np.float64)
        return np.stack([n, np.log1p(n)], axis=1)

    return make_pipeline(FunctionTransformer(lengths), StandardScaler(), RidgeCV(PENALTIES))


def by_tokens(split: Split) -> Pipeline:
    """Ridge regression on the counts of tokens."""
    settings: dict[str, Any] = {"analyzer": split, "dtype": np.float64}
    dense = FunctionTransformer(lambda counted: counted.toarray(), accept_sparse=True)
    return make_pipeline(CountVectorizer(**settings), dense, RidgeCV(PENALTIES))


def by_features() -> Pipeline:
    """Ridge regression on numbers, such as a model's residual stream at the last token of the prompt."""
    return make_pipeline(StandardScaler(), RidgeCV(PENALTIES))


def grouped(table: pd.DataFrame) -> list[str]:
    """Subject and hand-given level of each question as one word: by tokens, what a table of both would predict."""
    return [f"{subject}|{level}" for subject, level in zip(table["subject"], table["level"], strict=True)]


def learned(
    model: Pipeline, given: Any, target: Float[np.ndarray, " question"], others: Mapping[str, Any]
) -> dict[str, Float[np.ndarray, " question"]]:
    """Predicted pass@1 of the questions of each split, from a model fitted on the questions given.

    Where a split's questions are those given (the same object), each is predicted from the others, in five folds.
    """
    found: dict[str, np.ndarray] = {}
    for split, questions in others.items():
        if questions is given:
            found[split] = expit(cross_val_predict(model, given, target, cv=KFold(5)))
        else:
            found[split] = expit(model.fit(given, target).predict(questions))
    return found


def unfit(statements: pd.Series, n_questions: int) -> str:
    """What keeps difficulty from being predicted from these texts, and what to change; empty if nothing does."""
    if n_questions < LEAST:
        return f"difficulty is predicted from at least {LEAST} questions, and there are {n_questions}: raise n_val."
    if statements.isna().any() or (statements.str.strip() == "").any():
        return "difficulty cannot be predicted from questions without a text: add the texts to the file of questions."
    return ""


def quality(
    test: pd.DataFrame,
    predicted: Mapping[tuple[str, int], Float[np.ndarray, " question"]],
    n_probe: Sequence[int],
    rng: np.random.Generator,
) -> pd.DataFrame:
    """Rank correlation with pass@1 of each predictor and probe, on all questions and inside each subject.

    A row with `n_star` has the probe of equal rank correlation, 95% intervals from a bootstrap over questions; beyond
    the probes that were drawn `n_star_bound` says that it is at_least or at_most that.

    Args:
        test: oracle, subject, and probe_n where there are probes.
        predicted: score of each question by predictor and number of questions that it learned from.
    """
    scores = dict(predicted) | {(f"probe_{n}", 0): test[f"probe_{n}"].to_numpy(float) for n in n_probe}
    subjects = test["subject"].fillna("").astype(str)
    groups = {"all": np.ones(len(test), bool)}
    if len(names := sorted(set(subjects))) > 1:
        groups |= {name: (subjects == name).to_numpy() for name in names}
    rows = []
    for group, members in groups.items():
        if members.sum() < 3:
            continue
        picks = np.vstack([np.arange(members.sum()), rng.integers(members.sum(), size=(N_RESAMPLES, members.sum()))])
        truth = _ranks(test["oracle"].to_numpy(float)[members][picks])
        found = {key: _correlation(truth, _ranks(values[members][picks])) for key, values in scores.items()}
        probes = np.stack([found[f"probe_{n}", 0] for n in n_probe], axis=1) if n_probe else None
        for (name, n_questions), values in found.items():
            low, high = np.nanquantile(values[1:], (0.025, 0.975)) if np.isfinite(values).all() else (np.nan, np.nan)
            row = {"predictor": name, "n_questions": n_questions, "subject": group, "spearman": values[0]}
            row |= {"low": low, "high": high}
            if probes is not None and (name, n_questions) in predicted and np.isfinite(values).all():
                row |= _worth(values, probes, n_probe)
            rows.append(row)
    return pd.DataFrame(rows, columns=[*COLUMNS, "n_star_bound"])


def _worth(
    values: Float[np.ndarray, " resample"], probes: Float[np.ndarray, "resample probe"], n_probe: Sequence[int]
) -> dict[str, float | Bound]:
    """The probe of equal rank correlation, linear in its log between those drawn; of the first row, the estimate."""
    rising = np.maximum.accumulate(probes, axis=1)
    logs = np.log(n_probe)
    n = np.exp([np.interp(x, xs, logs) for x, xs in zip(values, rising, strict=True)])
    low, high = np.quantile(n[1:], (0.025, 0.975))
    bound: Bound = "at_most" if values[0] < rising[0, 0] else "at_least" if values[0] > rising[0, -1] else "exact"
    return {"n_star": float(n[0]), "n_star_low": float(low), "n_star_high": float(high), "n_star_bound": bound}


def _ranks(values: Float[np.ndarray, "row question"]) -> Float[np.ndarray, "row question"]:
    ranks = rankdata(values, axis=1)
    return ranks - ranks.mean(axis=1, keepdims=True)


def _correlation(a: Float[np.ndarray, "row question"], b: Float[np.ndarray, "row question"]) -> np.ndarray:
    """NaN where one side has a single value."""
    scale = np.sqrt((a**2).sum(axis=1) * (b**2).sum(axis=1))
    return np.divide((a * b).sum(axis=1), scale, out=np.full(len(a), np.nan), where=scale > 0)


def differences(
    test: pd.DataFrame,
    predicted: Mapping[tuple[str, int], Float[np.ndarray, " question"]],
    pairs: Sequence[tuple[str, str]],
    rng: np.random.Generator,
) -> pd.DataFrame:
    """How much better predictor `a` ranks the questions than `b` that learned from as many, paired; percentiles."""
    picks = np.vstack([np.arange(len(test)), rng.integers(len(test), size=(N_RESAMPLES, len(test)))])
    truth = _ranks(test["oracle"].to_numpy(float)[picks])
    rows = []
    for a, b in pairs:
        for n in sorted({n for name, n in predicted if name == a} & {n for name, n in predicted if name == b}):
            of_a, of_b = (_correlation(truth, _ranks(predicted[name, n][picks])) for name in (a, b))
            low, high = np.nanquantile((of_a - of_b)[1:], (0.025, 0.975))
            row = {"a": a, "b": b, "n_questions": n, "of_a": of_a[0], "of_b": of_b[0]}
            rows.append(row | {"difference": of_a[0] - of_b[0], "low": low, "high": high})
    return pd.DataFrame(rows, columns=["a", "b", "n_questions", "of_a", "of_b", "difference", "low", "high"])
