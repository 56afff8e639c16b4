"""Difficulty before the first sample: what texts tell is found, what they do not tell is not."""

import numpy as np
import pandas as pd
import pytest

from tts_lib.estimators.difficulty import rank_correlation
from tts_lib.strategies import prediction, predictors

N = 300


def planted(seed: int = 0) -> tuple[list[str], np.ndarray]:
    """Questions of 1 to 6 letters of which every `h` makes one harder, and the logit of their pass@1."""
    rng = np.random.default_rng(seed)
    texts = [" ".join(rng.choice(list("abch"), rng.integers(1, 7))) for _ in range(N)]
    return texts, np.array([1.5 - 1.2 * text.count("h") for text in texts])


def table(truth: np.ndarray, **columns) -> pd.DataFrame:
    return pd.DataFrame({"oracle": truth, "subject": ["x", "y"] * (len(truth) // 2)} | columns)


def test_words_are_read_from_any_text() -> None:
    assert predictors.words("Find $x^2$ if 3x=12.") == [
        "Find",
        "$",
        "x",
        "^",
        "2",
        "$",
        "if",
        "3",
        "x",
        "=",
        "1",
        "2",
        ".",
    ]


def test_targets_are_those_of_the_counts() -> None:
    found = predictors.targets(np.array([0, 8, 16]), np.array([16, 16, 16]))
    assert found == pytest.approx([np.log(0.5 / 16.5), 0.0, np.log(16.5 / 0.5)])


def test_tokens_find_what_length_does_not() -> None:
    texts, target = planted()
    others, truth = planted(1)
    rank = {}
    for name, way in (("length", predictors.by_length), ("tokens", predictors.by_tokens)):
        score = predictors.learned(way(str.split), texts, target, {"test": others})["test"]
        assert ((score > 0) & (score < 1)).all()
        rank[name] = rank_correlation(score, truth)
    assert rank["tokens"] > 0.9 and 0.3 < rank["length"] < 0.8  # of .94 that equal values leave possible


def test_a_predictor_is_handed_on_as_numbers() -> None:
    texts, target = planted()
    others, _ = planted(1)
    for kind, way in (("length", predictors.by_length), ("tokens", predictors.by_tokens)):
        expected = predictors.learned(model := way(str.split), texts, target, {"test": others})["test"]
        found = type(handed_on := prediction.linear(model, kind=kind, reads="tokens")).model_validate_json(
            handed_on.model_dump_json()
        )
        assert [found.score(text.split()) for text in others] == pytest.approx(expected, abs=1e-12)
        assert found.score([*others[0].split(), "never-learned"]) != 0
    states = np.random.default_rng(0).normal(3, 2, (len(texts), 5))
    expected = predictors.learned(model := predictors.by_features(), states, target, {"test": states[::-1]})["test"]
    found = prediction.linear(model, kind="hidden", layer=2)
    assert [found.score(state) for state in states[::-1]] == pytest.approx(expected, abs=1e-12)


def test_questions_that_are_learned_from_are_predicted_from_the_others() -> None:
    """With as many words as questions a fit in place would know every answer; pure noise stays unknown."""
    rng = np.random.default_rng(0)
    texts, target = [f"w{i} u{rng.integers(5)}" for i in range(N)], rng.normal(0, 2, N)
    found = predictors.learned(predictors.by_tokens(str.split), texts, target, {"val": texts, "copy": list(texts)})
    in_place, apart = (abs(rank_correlation(found[name], target)) for name in ("copy", "val"))
    assert apart < 0.25 < 0.35 < in_place  # 4 standard errors of no correlation


def test_a_prediction_is_worth_the_probe_that_ranks_as_well() -> None:
    """Probes of 1, 4, 16 add noise of 1, 1/2, 1/4; a prediction with the noise of 1/2 is worth 4 samples."""
    rng = np.random.default_rng(0)
    truth = rng.normal(size=2000)
    noisy = {n: truth + rng.normal(0, n**-0.5, 2000) for n in (1, 4, 16)}
    test = table(truth, **{f"probe_{n}": values for n, values in noisy.items()})
    kept = {("tokens", 9): truth + rng.normal(0, 0.5, 2000), ("length", 9): rng.normal(size=2000), ("hidden", 9): truth}
    quality = predictors.quality(test, kept, [1, 4, 16], rng)
    rows = {row["predictor"]: row for row in quality.to_dict("records") if row["subject"] == "all"}
    assert (
        rows["tokens"]["n_star_low"] <= 4 <= rows["tokens"]["n_star_high"] and rows["tokens"]["n_star_bound"] == "exact"
    )
    assert rows["length"]["n_star_bound"] == "at_most" and rows["hidden"]["n_star_bound"] == "at_least"
    assert rows["hidden"]["spearman"] == pytest.approx(1)
    assert set(quality["subject"]) == {"all", "x", "y"}
    (row,) = predictors.differences(test, kept, [("tokens", "length")], rng).to_dict("records")
    assert row["low"] < row["difference"] < row["high"] and row["low"] > 0.7


@pytest.mark.parametrize(
    ("texts", "n", "said"),
    [
        (["a", " "], 100, "questions without a text: add the texts"),
        (["a", None], 100, "questions without a text: add the texts"),
        (["a", "b"], 29, "at least 30 questions, and there are 29: raise n_val"),
        (["a", "b"], 30, ""),
    ],
)
def test_what_cannot_be_predicted_is_said_in_one_sentence(texts: list, n: int, said: str) -> None:
    found = predictors.unfit(pd.Series(texts, dtype=object), n)
    assert said in found and found.count(".") <= 1 and bool(found) == bool(said)
