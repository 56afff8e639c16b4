"""The supplement of the exchange surface: its profile, its claims on planted models, and a whole run on tiny ones."""

from contextlib import chdir
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from helpers import tiny_surface
from helpers.pipeline import ROOT
from tts_lib.commands import run, supplement
from tts_lib.common import paths, rng, tables
from tts_lib.common.errors import StudyError
from tts_lib.estimators import subsets
from tts_lib.report.claims.registered import fingerprint
from tts_lib.report.pages import supplements
from tts_lib.report.results import NotMeasured
from tts_lib.report.supplements import kinds
from tts_lib.report.supplements.declared import PROFILES, parameters
from tts_lib.report.supplements.surface import contrasts, forecasts
from tts_lib.report.supplements.surface.contrasts import CONTRASTS, Known
from tts_lib.report.supplements.surface.models import Measured
from tts_lib.report.supplements.surface.supplement import LEVELS, ExchangeSurface
from tts_lib.strategies.exchange.sized import COVERAGE, MAJORITY, WEIGHTED, Prices, Sized
from tts_lib.strategies.exchange.surface import Surface
from tts_lib.study import folder

N, SAMPLES, BUDGETS = 1500, 64, [1, 2, 4, 8, 16, 32, 64]
SIZES = {"quarter": 0.25, "base": 1.0, "x2": 2.0, "x4": 4.0, "large": 16.0}


def model(name: str, number: int, guess: float = 0.02, tokens: float = 5e6) -> Measured:
    """Questions known with chances of Beta(a, b), log a and log b linear in log P, right also by a guess."""
    size = SIZES[name] * 1e5
    a, b = 0.3 * SIZES[name] ** 0.3, 1.2 * SIZES[name] ** -0.2
    draws = np.random.default_rng(number)
    known = np.quantile(draws.beta(a, b, 20 * N), (np.arange(N) + 0.5) / N)
    right = draws.binomial(SAMPLES, guess + (1 - guess) * known)
    coverage = subsets.coverage(right, SAMPLES, BUDGETS)
    vote = np.repeat((right > SAMPLES / 2).astype(float)[:, None], len(BUDGETS), axis=1)
    weighted = coverage**2  # a verifier that finds some of what is there
    accuracy = {COVERAGE: coverage[None], WEIGHTED: weighted[None], MAJORITY: vote[None]}
    sized = Sized(name, size, tokens, 10.0, 25.0, accuracy)
    own = {"base": weighted, "x2": np.minimum(weighted + 0.05, 1)}.get(name)  # what a PRM of its own finds
    return Measured(sized, [0], right[None], (right > SAMPLES / 2)[None], SAMPLES, own)


@pytest.fixture(scope="module")
def known() -> Known:
    measured = [model(name, number) for number, name in enumerate(SIZES)]
    surface = Surface.of([one.sized for one in measured], BUDGETS, 300, rng.generator("test"))
    folds = np.arange(N) % 2
    return Known(surface, measured, Prices(1e5, 1e11), 0.02, folds, (100, 10**9), (0.16, 22.0), LEVELS)


@pytest.fixture(scope="module")
def found(known: Known) -> dict[str, contrasts.Found]:
    """Every contrast; the one of forecasts fits its laws anew in 200 resamples."""
    return {name: contrast(known) for name, contrast in CONTRASTS.items()}


def test_the_law_with_a_floor_forecasts_the_size_left_out(known: Known, found: dict[str, contrasts.Found]) -> None:
    assert 0 < found["forecast"].low < found["forecast"].estimate < found["forecast"].high
    table = forecasts.table(known.measured, BUDGETS, 0.02)
    left = table.loc[table["from"] == "the smaller sizes"]
    assert np.abs(left["law"].to_numpy() - left["measured"].to_numpy()).max() < 0.03
    pools = table.loc[(table["from"] == "16 samples") & (table["samples"] == 64)]
    errors = {name: np.abs(pools[name].to_numpy() - pools["measured"].to_numpy()).mean() for name in pools.columns[4:]}
    assert errors["law"] < errors["without_floor"]


def test_two_sizes_are_too_few_for_a_law(known: Known) -> None:
    with pytest.raises(NotMeasured, match="three models"):
        CONTRASTS["forecast"](replace(known, measured=known.measured[:2]))


def test_each_contrast_is_found_with_its_sign(found: dict[str, contrasts.Found]) -> None:
    assert all(one.low <= one.estimate <= one.high and one.text and one.at for one in found.values())
    assert found["majority_reaches"].high < 0  # the smallest model's vote stays below
    assert found["few_questions"].low > 0  # the largest model with samples is best
    assert found["break_even"].low >= 0 and found["break_even_falls"].estimate > 0


def test_a_prm_of_its_own_is_held_against_the_bases(known: Known, found: dict[str, contrasts.Found]) -> None:
    own, table = found["own_prm"], contrasts.own_table(known)
    (x2,) = (one for one in known.measured if one.sized.name == "x2")
    assert x2.own is not None and own.low > 0
    assert own.estimate == pytest.approx((x2.own - x2.sized.accuracy[WEIGHTED][0])[:, -1].mean())
    assert set(table["model"]) == {"x2"} and table["samples"].tolist() == BUDGETS[1:]
    np.testing.assert_allclose(table["by_its_own_prm"], x2.own[:, 1:].mean(axis=0))
    rates = contrasts.own_rates(known)
    both = rates.pivot_table("rate", "accuracy", "read_by").dropna()
    assert len(both) and (both["its own PRM"] > both["the base's PRM"]).all()  # the larger size gains by its own
    assert set(rates["from"]) == {"base"} and set(rates["to"]) == {"x2"}
    alone = replace(known, measured=[replace(one, own=None) for one in known.measured])
    with pytest.raises(NotMeasured, match="no size but the base has a PRM of its own"):
        CONTRASTS["own_prm"](alone)


def test_a_bound_is_no_lower_end(known: Known) -> None:
    """Where inference is all that counts the base loses to the next larger size: M* may be anything below that."""
    with pytest.raises(NotMeasured, match=r"M\* ≤ .* what is below the next larger size is not known"):
        CONTRASTS["break_even"](replace(known, r_values=(1e9, 1e9)))


def test_without_scores_no_verifier_is_judged(known: Known) -> None:
    bare = [replace(one.sized, accuracy={COVERAGE: one.sized.accuracy[COVERAGE]}) for one in known.measured]
    without = replace(known, surface=Surface.of(bare, BUDGETS, 50, rng.generator("test")))
    for name in ("weighted_rate", "few_questions", "many_questions", "break_even", "majority_reaches"):
        with pytest.raises(NotMeasured):
            CONTRASTS[name](without)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"ladder": ["x3"]}, "ladder names 'x3', but the study's ladder has x2, x4, x7"),
        ({"seeds": {"hlf": [1]}}, "seeds names 'hlf', but must name one of base, quarter, half"),
        ({"own_prm": ["base"]}, "own_prm names 'base', but must name one of quarter, half, x2, x4"),
        ({"seeds": {"half": [0]}}, "seeds.half holds a seed twice, or 0"),
        ({"corpus_shares": [0.5]}, "must ascend and end with 1"),
        ({"n_samples": 100}, "n_samples is 100, but must be a power of two"),
        ({"sizes": {"large": tiny_surface.SHAPES["x2"]}}, "sizes names 'large', which is there already"),
    ],
)
def test_what_does_not_fit_the_study_is_one_sentence(change: dict, sentence: str) -> None:
    declared = kinds.load(ROOT / PROFILES / "surface.yaml")
    assert isinstance(declared, ExchangeSurface) and declared.settings(parameters(ROOT)) == {}
    with pytest.raises(StudyError, match=sentence):
        ExchangeSurface.model_validate(declared.model_dump() | change).settings(parameters(ROOT))


def test_a_study_without_models_of_its_own_has_no_surface() -> None:
    replay = yaml.safe_load((ROOT / "profiles/replay.yaml").read_text())
    with pytest.raises(StudyError, match="a surface needs a study that trains its models"):
        kinds.load(ROOT / PROFILES / "surface.yaml").settings(replay)


def test_a_whole_surface_stands_beside_a_tiny_study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    profile = tmp_path / "project" / PROFILES / "surface.yaml"
    profile.parent.mkdir(parents=True)
    profile.write_text(yaml.safe_dump(tiny_surface.declared()))
    monkeypatch.setattr(folder, "project", lambda: tmp_path / "project")
    root = tmp_path / "study"
    root.mkdir()
    with chdir(root):
        tiny_surface.make()
        own = tables.read_json(paths.metrics("model-base"))
    assert supplement.run("surface", root, run._study, lambda _: 0) == 0
    (kept,) = supplements.read(root, fingerprint())
    assert kept.differs == [] and kept.beside == "accuracy_by_budget_flops_matched"
    there = root / paths.SUPPLEMENTS / "surface"
    each = pd.read_csv(there / "trainings.csv")
    assert each.groupby("model").size().to_dict() == {"base": 3, "half": 2, "large": 1, "x2": 2}
    assert each.loc[each["model"] == "base", "parameters"].unique().tolist() == [own["n_params_block"]]
    own = pd.read_csv(there / "own_prm.csv")
    assert set(own["model"]) == {"x2"} and own["samples"].tolist() == [2, 4, 8]
    assert own["by_its_own_prm"].between(0, 1).all() and list((root / "studies/surface/models").glob("x2-*-0-prm"))
    claims = pd.read_csv(there / "claims.csv")
    assert len(claims) == len(CONTRASTS) and not claims["verdict"].isna().to_numpy().any()
    assert {"28a", "29b"} <= kept.claims.keys() and "30c" not in kept.claims
    assert claims.set_index("contrast").loc["few_questions", "verdict"] != "not testable"
    before = {path: path.stat().st_mtime_ns for path in (root / paths.CHECKPOINTS).rglob("done.safetensors")}
    assert supplement.run("surface", root, run._study, lambda _: 0) == 0  # found again, not trained
    assert before == {path: path.stat().st_mtime_ns for path in before} and len(before) == 9
