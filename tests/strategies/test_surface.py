"""The exchange surface: planted rates and break-even sizes are found and covered, totals are spent as they should."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from helpers.pipeline import ROOT
from tts_lib.answers.grid import grid
from tts_lib.common import rng
from tts_lib.strategies.exchange.replays import surface_of_pools
from tts_lib.strategies.exchange.sized import COVERAGE, MAJORITY, WEIGHTED, Prices, Size, Sized
from tts_lib.strategies.exchange.spending import best_of, cheapest, crossed, options
from tts_lib.strategies.exchange.surface import Surface, TooFewSamplesError

BUDGETS = [1, 2, 4, 8, 16, 32]
N, RATE = 400, 0.8
MULTIPLES = (1.0, 2.0, 4.0, 8.0)
FREE = Prices()


def line(multiple: float, n: np.ndarray | list[int]) -> np.ndarray:
    """Accuracy .1 + .1 log2(N P^RATE)."""
    return 0.1 + 0.1 * (np.log2(n) + RATE * np.log2(multiple))


def sized(multiple: float, draws: np.random.Generator, n_seeds: int = 1, spread: float = 0.0) -> Sized:
    """Questions right with the planted chances, at all budgets by one draw; a training may lie off by `spread`."""
    off = draws.normal(0, spread, (n_seeds, 1, 1))
    luck = draws.random((n_seeds, N, 1))
    right = (luck < line(multiple, BUDGETS) + off).astype(float)
    kinds: dict[str, np.ndarray] = dict.fromkeys((COVERAGE, WEIGHTED, MAJORITY), right)
    return Sized(f"x{multiple:g}", 1000 * multiple, 1e6, 10.0, 20.0, kinds)


def surface(seed: int, n_seeds: int = 1, spread: float = 0.0) -> Surface:
    draws = np.random.default_rng(seed)
    models = [sized(multiple, draws, n_seeds, spread) for multiple in MULTIPLES]
    return Surface.of(models, BUDGETS, 200, rng.generator("bootstrap", seed))


def test_a_planted_rate_is_covered_over_questions() -> None:
    covered = 0
    for seed in range(60):
        row = surface(seed).rates(COVERAGE, [0.4]).iloc[0]
        covered += row["low"] <= RATE <= row["high"]
    assert covered >= 52 and row["models"] == 4 and (row["from"], row["to"]) == ("x1", "x8")


def test_a_planted_rate_is_covered_over_trainings() -> None:
    """With three trainings that differ by 3 points: the tails are short, so that nine in ten are asked for."""
    covered = sum(
        row["low"] <= RATE <= row["high"]
        for row in (surface(seed, 3, 0.03).rates(COVERAGE, [0.4]).iloc[0] for seed in range(60))
    )
    assert covered >= 50
    alone = surface(0, 3, 0.03)
    fixed = replace(alone, shares=[np.full_like(each, 1 / 3) for each in alone.shares])
    widths = [one.rates(COVERAGE, [0.4]).eval("high - low").iloc[0] for one in (fixed, alone)]
    assert widths[1] > widths[0]


def test_levels_that_two_models_do_not_reach_have_no_rate() -> None:
    assert surface(0).rates(COVERAGE, [0.8]).empty
    assert surface(0).curves(COVERAGE, [0.8]).query("bound == 'at_least'")["model"].tolist() == ["x1", "x2", "x4"]


def test_break_even_is_where_the_budget_buys_the_larger_models_answer() -> None:
    """At R = 3 and equal lengths k = 2 M - 1, which is worth more than M at RATE .8; were the larger models 20 points
    better, they would be ahead from between two sizes on."""
    exact = np.array([line(multiple, BUDGETS) for multiple in MULTIPLES])
    kinds = lambda rows: {MAJORITY: np.repeat(rows[None, None], 50, axis=1)}  # noqa: E731
    models = [Sized(f"x{m:g}", 1000 * m, 1e6, 0.0, 20.0, kinds(row)) for m, row in zip(MULTIPLES, exact, strict=True)]
    known = Surface.of(models, BUDGETS, 20, rng.generator("test"))
    found, ends = known.log_multiple(MAJORITY, "x1", 3.0, FREE)
    assert np.isinf(found).all() and ends == (pytest.approx(np.log(2)), pytest.approx(np.log(8)))
    higher = exact + np.array([0, 0, 0.2, 0.2])[:, None]
    steep = [replace(one, accuracy=kinds(row)) for one, row in zip(models, higher, strict=True)]
    found, _ = Surface.of(steep, BUDGETS, 20, rng.generator("test")).log_multiple(MAJORITY, "x1", 3.0, FREE)
    at_2, at_4 = line(1, [3])[0] - line(2, [1])[0], line(1, [7])[0] - line(4, [1])[0] - 0.2
    np.testing.assert_allclose(found, np.log(2) + np.log(2) * at_2 / (at_2 - at_4))


def test_k_is_that_of_the_papers_formula_and_a_verifier_costs() -> None:
    small, large = sized(1.0, np.random.default_rng(0)), sized(8.0, np.random.default_rng(1))
    small, large = (replace(one, prompt_tokens=0.0) for one in (small, large))
    questions = 0.16 * 1e6 / 20
    spent = large.flops(1, questions, FREE, False)
    k = small.samples_for(spent, questions, FREE, False)
    assert k == pytest.approx(8 + 3 * 7 / 0.16)
    same_size = Prices(verifier=1000.0)
    assert small.samples_for(spent, questions, same_size, True) == pytest.approx(k / 2)
    made = Prices(verifier=1000.0, making=0.5 * (spent - 6e9))
    assert small.samples_for(spent, questions, made, True) < k / 2
    assert small.flops(k, questions, FREE, False) == pytest.approx(spent)


def test_a_total_is_spent_on_the_best_that_it_buys() -> None:
    known, folds = surface(3), np.arange(N) % 2
    table = cheapest(known, WEIGHTED, 1e6, FREE, folds)
    assert (np.diff(table["accuracy"].to_numpy()) >= 0).all() and (table["gain"].to_numpy() >= -0.05).all()
    every = options(known, WEIGHTED, 1e6, FREE)
    for row in table.to_dict("records"):
        affordable = [one for one in every if one.flops <= row["total_flops"] * (1 + 1e-9)]
        assert row["accuracy"] == pytest.approx(max(one.accuracy.mean() for one in affordable))
        assert row["once_accuracy"] <= row["accuracy"]
    assert table.iloc[-1]["model"] == "x8" and table.iloc[-1]["samples"] == 32


def test_a_gain_is_measured_on_questions_that_chose_nothing() -> None:
    """Of options that are all alike the best on all questions is ahead by luck, the cross-fitted one is not."""
    draws = np.random.default_rng(0)
    alike = [replace(options(surface(1), COVERAGE, 1, FREE)[0], accuracy=draws.random(N)) for _ in range(60)]
    folds = np.arange(N) % 2
    lucky = best_of(alike).accuracy.mean() - np.mean([one.accuracy.mean() for one in alike])
    fair = crossed(alike, alike[:1], folds).mean() - (
        np.mean([one.accuracy.mean() for one in alike]) - alike[0].accuracy.mean()
    )
    assert lucky > 0.025 and abs(fair) < lucky


def pool(model: int, n_samples: int) -> pd.DataFrame:
    """Rows as an import makes them: of each question some samples with answers and verdicts."""
    draws, chances = np.random.default_rng(model), [0.2 + 0.2 * model, 0.4 - 0.2 * model, 0.4]
    rows = [
        {"question_id": f"q{question}", "sample": sample, "answer_class": int(answer)}
        for question in range(30)
        for sample, answer in enumerate(draws.choice([0, 1, 2], n_samples, p=chances))
    ]
    return pd.DataFrame(rows).assign(verdict=lambda rows: np.where(rows["answer_class"] == 0, "correct", "wrong"))


def llamas() -> dict[Size, pd.DataFrame]:
    """Two models of 3 and 6 samples a question, and one of another question, as in the pools of Llama 1B and 3B."""
    sizes = [("1B", 1e9, 3), ("3B", 2.8e9, 6)]
    pools = {Size(name, n, 9e12, 100.0, 300.0): pool(i, samples) for i, (name, n, samples) in enumerate(sizes)}
    small, large = pools
    other = pools[large].tail(6).assign(question_id="another")
    scored = pools[small].assign(score=np.where(pools[small]["verdict"] == "correct", 0.9, 0.2))
    return {small: scored, large: pd.concat([pools[large], other]).assign(score=0.5)}


def test_the_same_function_runs_on_pools_that_exist_already() -> None:
    known = surface_of_pools(llamas(), 100, rng.generator("replays"))
    assert known.selectors == [COVERAGE, WEIGHTED, MAJORITY] and list(known.budgets) == [1, 2, 3]
    assert known.models[0].accuracy[COVERAGE].shape == (1, 30, 3)
    curves = known.curves(COVERAGE, [0.3])
    assert curves["model"].tolist() == ["1B", "3B"] and curves["bound"].tolist()[1] == "at_most"
    found, ends = known.log_multiple(COVERAGE, "1B", 0.16, FREE)  # all three samples attain more
    assert len(found) == 101 and ends[0] == ends[1] == pytest.approx(np.log(2.8))
    with pytest.raises(
        TooFewSamplesError, match=r"1B may have 48\.4 samples a question, but 3 are there, with which it is w"
    ):
        known.log_multiple(MAJORITY, "1B", 0.16, FREE)


def test_of_one_answer_each_there_is_accuracy_and_what_else_is_not_known_is_said() -> None:
    """As of the GSM8K solutions of 6B and 175B models: one verdict a question, and no answers to vote with."""
    draws, questions = np.random.default_rng(5), [f"q{number}" for number in range(60)]
    pools = {}
    for name, n_params, chance in (("6B", 6e9, 0.25), ("175B", 1.75e11, 0.5)):
        verdict = np.where(draws.random(60) < chance, "correct", "wrong")
        rows = pd.DataFrame({"question_id": questions, "sample": 0, "answer_class": -1, "verdict": verdict})
        pools[Size(name, n_params, 3e11, 80.0, 120.0)] = rows
    known = surface_of_pools(pools, 100, rng.generator("replays"))
    assert known.selectors == [COVERAGE] and list(known.budgets) == [1]
    attained = [float((rows["verdict"] == "correct").mean()) for rows in pools.values()]
    assert [float(one.accuracy[COVERAGE].mean()) for one in known.models] == attained
    levels = [0.1, 0.35, 0.9]
    assert known.rates(COVERAGE, levels).empty  # the worth of a doubling in samples needs a second number of samples
    curves = known.curves(COVERAGE, levels)
    assert curves["bound"].tolist() == ["at_most", "at_most", "at_least", "at_most", "at_least", "at_least"]
    with pytest.raises(TooFewSamplesError, match="not known where they break even"):
        known.log_multiple(COVERAGE, "6B", 0.79, FREE)
    table = cheapest(known, COVERAGE, 1e6, FREE, np.arange(60) % 2)
    assert (table["samples"] == 1).all() and (table["gain"] == 0).all()


POOLS = ROOT.parent / "shared/data"


@pytest.mark.skipif(not POOLS.is_dir(), reason="the public data (../shared/data) are not here")
def test_the_pools_of_llama_1b_and_3b_make_a_surface() -> None:
    pools, right = {}, []
    for name, n_params in (("1b", 0.97e9), ("3b", 2.82e9)):
        raw = pd.read_json(POOLS / f"llama_pools/samples_{name}.jsonl", lines=True)
        classes = pd.factorize(raw["q"].astype(str) + "\n" + raw["ans"].astype(object).fillna(""))[0]
        size = Size(name, n_params, 9e12, 120.0, float(raw["chars"].mean() / 3.5))
        pools[size] = pd.DataFrame(
            {
                "question_id": raw["q"].astype(str),
                "verdict": np.where(raw["ok"] == 1, "correct", "wrong"),
                "answer_class": np.where(raw["ans"].isna() & (raw["ok"] == 0), -1, classes),
                "score": [steps[-1] if len(steps) else 0.0 for steps in raw["prm_steps"]],
            }
        )
        right.append(raw.groupby("q")["ok"].mean().mean())
    known = surface_of_pools(pools, 200, rng.generator("replays"))
    assert known.selectors == [COVERAGE, WEIGHTED, MAJORITY] and list(known.budgets) == [1, 2, 3]
    np.testing.assert_allclose([one.accuracy[COVERAGE][0, :, 0].mean() for one in known.models], right)
    with pytest.raises(TooFewSamplesError, match="but 3 are there"):
        known.log_multiple(WEIGHTED, "1b", 0.16, FREE)
    for selector in known.selectors:  # three samples of the one attain less than one of the other
        assert known.rates(selector, np.arange(0.05, 1, 0.05).tolist()).empty
        found, ends = known.log_multiple(selector, "1b", 22.0, FREE)  # FLOPs for three
        assert found[0] == -np.inf and np.exp(ends[0]) == pytest.approx(2.82 / 0.97)


def test_pools_that_share_nothing_are_refused() -> None:
    small, large = llamas().items()
    with pytest.raises(ValueError, match="1 pools share 30 questions"):
        surface_of_pools(dict([small]), 100, rng.generator("replays"))
    apart = {small[0]: small[1], large[0]: large[1].tail(6)}
    with pytest.raises(ValueError, match="2 pools share 0 questions"):
        surface_of_pools(apart, 100, rng.generator("replays"))


def test_what_makes_no_surface_is_refused() -> None:
    one = sized(1.0, np.random.default_rng(0))
    with pytest.raises(ValueError, match="two models or more"):
        Surface.of([one], BUDGETS, 20, rng.generator("test"))
    with pytest.raises(ValueError, match="x8 is the largest"):
        surface(0).log_multiple(COVERAGE, "x8", 1.0, FREE)
    pools = [grid(pool(0, 3), [f"q{question}" for question in range(n)]) for n in (30, 29)]
    with pytest.raises(ValueError, match="the same questions"):
        Sized.of_pools(Size("1B", 1e9, 1.0, 1.0, 1.0), pools, [], [1], rng.generator("test"))
