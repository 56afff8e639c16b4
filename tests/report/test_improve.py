"""The self-improvement loop: contrasts on planted rounds, and the whole of it on a tiny study, killed and finished."""

import shutil
import signal
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from pydantic import ValidationError

from helpers import supplement_run, tiny_study
from helpers.pipeline import ROOT
from tts_lib.common import paths
from tts_lib.common.errors import StudyError
from tts_lib.estimators.flops import Sizes
from tts_lib.estimators.intervals import bootstrap_weights, difference_interval
from tts_lib.report.supplements import kinds
from tts_lib.report.supplements.declared import PROFILES
from tts_lib.report.supplements.improve.contrasts import RETRAINED, START, Measured, amortised, differences
from tts_lib.report.supplements.improve.loop import TOKENS, Taught
from tts_lib.report.supplements.improve.supplement import Improve
from tts_lib.report.supplements.pools import Pools
from tts_lib.strategies.rounds import Round
from tts_lib.study.asking import Asking
from tts_lib.study.config import loading

N, SHORT, LONG = 2000, (1, 2, 4, 8), (1, 2, 4, 8, 16, 32)


def planted(
    budgets: tuple[int, ...], first: float, last: float, covered: float, seed: int, own: float | None = None
) -> Round:
    """Questions answered rightly with chances that rise from the first to the last budget, in logarithms."""
    rng, steps = np.random.default_rng(seed), np.linspace(0, 1, len(budgets))

    def drawn(top: float) -> np.ndarray:
        return (rng.random((N, 1)) < first + (top - first) * steps).astype(float)

    weighted = {START: drawn(last)} | ({} if own is None else {RETRAINED: drawn(own)})
    coverage = drawn(covered)
    alike = np.full(N, 3.0)
    auc = dict.fromkeys(weighted, np.full(N, 0.8))
    return Round(
        budgets, coverage, coverage, coverage, drawn(last), weighted, alike, alike, alike, auc, alike, 2 * alike
    )


def measured(pass_at_1: float = 0.4, last: float = 0.5, own: float = 0.6) -> Measured:
    """A base that rises from .2 to .5 with 8 samples, and models that begin higher."""
    rounds = {("base", 0): (0.2, 0.5, 0.8), ("gold", 2): (0.5, 0.5, 0.7), ("verifier", 1): (pass_at_1, last, 0.7)}
    rounds |= {("verifier", 2): (pass_at_1, last, 0.7), ("majority", 2): (0.3, 0.5, 0.7), ("all", 2): (0.2, 0.5, 0.8)}
    rounds |= {(TOKENS, 1): (0.2, 0.5, 0.8)}
    models = []
    for seed, ((teacher, number), (one, top, covered)) in enumerate(rounds.items()):
        of_both = (teacher, number) == ("verifier", 2)
        found = planted(SHORT, one, top, covered, seed, own if of_both else None)
        models.append((Taught(teacher, number, Path(), flops=1e6 * number), found))
    base = planted(LONG, 0.2, 0.7, 0.9, 99)
    weights = bootstrap_weights(N, 300, np.random.default_rng(0))
    return Measured(models, base, Sizes(10.0, 10.0), 2, 4, weights, making=5e6)


def test_planted_contrasts_are_found_and_covered() -> None:
    truth = {
        "verifier_gain": 0.2, "half_of_gold": 0.2 - 0.15, "coverage": -0.1, "last_round": 0.0,
        "gap": 0.1 * 2 / 3 - 0.3 * 2 / 3, "majority_minus_verifier": -0.1, "all_minus_verifier": -0.2,
        "retrained_minus_start": 0.1, "tokens_minus_verifier": -0.2,
    }  # fmt: skip
    found = differences(measured())
    assert found.keys() == truth.keys()
    for name, value in truth.items():
        interval = difference_interval(found[name], level=0.999)
        assert interval.low <= value <= interval.high and interval.high - interval.low < 0.2, name


@pytest.mark.parametrize(("own", "verdict"), [(0.8, "supported"), (0.5, "no difference"), (0.3, "contradicted")])
def test_what_a_sample_is_worth_is_read_by_either_verifier(own: float, verdict: str) -> None:
    """The base has .5 with 8 samples by its own PRM, .7 with 32: a loop that only sharpens is worth 1 at N = 8."""
    found = measured(own=own)
    base = planted(LONG, 0.2, 0.7, 0.9, 99)
    assert base.weighted[START][:, 3].mean() == pytest.approx(0.5, abs=0.04)
    table = amortised(found).set_index(["teacher", "reader", "budget"])
    assert table.loc[("verifier", START, 1), "worth"] > 2 > table.loc[("verifier", START, 8), "worth"]
    claims = improve().told(found).tables["claims"].set_index("claim")
    (named,) = [claim.claim for claim in improve().claims if claim.contrast == "amortised"]
    if verdict == "no difference":
        assert claims.loc[named, "verdict"] in ("no difference", "inconclusive")
        assert claims.loc[named, "low"] < 1 < claims.loc[named, "high"]
    else:
        assert claims.loc[named, "verdict"] == verdict


def test_the_loop_is_paid_once_and_repaid_by_questions() -> None:
    """Q*: 2e6 FLOPs of two rounds over what a question saves; nothing is repaid where a sample is worth no more."""
    found = measured()
    row = amortised(found).set_index(["teacher", "reader", "budget"]).loc[("verifier", START, 1)]
    saved = 2 * (10 + 10) * 6 * (row["worth"] - 1)  # policy and verifier of 10 parameters, 6 tokens a sample
    assert row["break_even"] == pytest.approx(2e6 / saved)
    assert row["break_even_low"] <= row["break_even"] <= row["break_even_high"]
    (retrained,) = amortised(found).query("reader == @RETRAINED and budget == 1")["loop_flops"]
    assert retrained == 7e6


def test_half_of_a_gain_that_is_not_there_is_no_promise() -> None:
    found = measured()
    models = [(m, found.start if m.teacher == "gold" else r) for m, r in found.models]
    table = improve().told(Measured(models, *(vars(found)[name] for name in list(vars(found))[1:]))).tables["claims"]
    assert table["verdict"][1] == "not testable"


def test_what_is_shipped_is_registered_before_it_is_run() -> None:
    shipped = kinds.load(ROOT / PROFILES / "improve.yaml")
    assert isinstance(shipped, Improve) and len(shipped.claims) == 10 and shipped.studies(0) == {}
    assert {claim.contrast for claim in shipped.claims} == {*differences(measured()), "amortised"}
    for wrong, sentence in (
        ({"pool": 100}, "not a power of two"),
        ({"at": 512}, "at most pool"),
        ({"rounds": 1}, "rounds"),
    ):
        with pytest.raises(ValidationError, match=sentence):
            Improve.model_validate(shipped.model_dump() | wrong)


@pytest.fixture(scope="module")
def study(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Path(shutil.copytree(tiny, tmp_path_factory.mktemp("improved") / "study"))


def improve(**changes: int) -> Improve:
    found = supplement_run.declared("improve", **changes)
    assert isinstance(found, Improve)
    return found


def test_a_nano_study_improves_and_says_how(study: Path) -> None:
    """Every teacher, every round, every control; a second run takes all from the store and the runs of training."""
    found = supplement_run.collect("improve", study)
    table = found.tables["rounds"]
    assert table["teacher"].tolist() == [
        "base", *(t for t in ("gold", "verifier", "majority", "all") for _ in range(2)), "large", "solutions", "tokens"
    ]  # fmt: skip
    assert table.loc[table["teacher"] == "gold", "kept_wrong"].eq(0).all()
    assert table["loop_flops"].diff().loc[[2, 4, 6, 8]].gt(0).all()  # the second round's is above the first's
    assert table["weighted_at_8_retrained"].notna().tolist() == [i in (0, 4) for i in range(12)]
    assert (table["right_throughout_at_16"] <= table["coverage_at_16"]).all()
    assert len(found.figures) == 5 and found.facts["flops_of_the_retrained_prm"] > 0
    before = supplement_run.written("improve", study)
    assert {"README.md", "rounds.csv", "claims.csv", "amortisation.csv", "figure-coverage.png"} <= before.keys()
    shards = sorted((study / paths.STORE / "shards").iterdir())
    supplement_run.collect("improve", study)
    assert (
        supplement_run.written("improve", study) == before
        and sorted((study / paths.STORE / "shards").iterdir()) == shards
    )


def test_a_guessed_answer_is_not_right_throughout(study: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The reference solutions are; the right answer alone, which nothing leads to, is not."""
    monkeypatch.chdir(study)
    with ExitStack() as stack:
        pools = Pools.of(Asking.open(loading.load(), stack), 30)
        solved = pools.test.assign(text=pools.test["solution"], verdict="correct")
        guessed = solved.assign(text="=" + solved["answer"] + "$")
        found = pools.right_throughout(pd.concat([solved, guessed, solved.assign(verdict="wrong", text="x")]))
    assert found is not None and found.tolist() == [True] * 30 + [False] * 60


def test_a_study_of_a_checkpoint_improves_by_adapters_killed_or_not(tiny: Path, tmp_path: Path) -> None:
    """Killed before two of its writes, one after the other, it ends as if nothing had been: byte by byte."""
    whole, killed = (tiny_study.as_checkpoint(tiny, tmp_path / name) for name in ("whole", "killed"))
    found = supplement_run.collect("improve", whole).tables["rounds"]
    assert set(found["teacher"]) == {"base", "gold", "verifier", "majority", "all", "large", "solutions"}
    assert "right_throughout_at_16" not in found and found["weighted_at_8_retrained"].notna().sum() == 2
    for step in (9, 120):
        assert supplement_run.run("improve", killed, step) == -signal.SIGKILL, step
    assert not (killed / paths.SUPPLEMENTS / "improve").exists()
    assert supplement_run.run("improve", killed, 0) == 0
    assert supplement_run.written("improve", killed) == supplement_run.written("improve", whole)


def test_a_round_that_keeps_nothing_loses_nothing(study: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No sample is right: one sentence, and report, models and store as they were."""

    def files() -> dict[Path, bytes]:
        return {path: path.read_bytes() for path in sorted(study.rglob("*")) if path.is_file()}

    own, before = Pools.own_samples, files()
    monkeypatch.setattr(Pools, "own_samples", lambda *asked: own(*asked).assign(verdict="wrong"))
    with pytest.raises(StudyError, match="the teacher gold keeps none of 320 samples of 40 questions; raise samples"):
        supplement_run.collect("improve", study)
    assert files() == before


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"samples": 17}, "improve.yaml: samples is 17, but must be at most 16, generate.base-train.n_samples"),
        ({"pool": 32}, "improve.yaml: pool is 32, but must be at most 16, generate.base-test.n_samples"),
    ],
)
def test_more_samples_than_the_study_has_are_refused(study: Path, changes: dict[str, int], sentence: str) -> None:
    with pytest.raises(StudyError, match=sentence):
        improve(**changes).collect(study, {})


def test_a_study_without_revision_models_has_no_rates(study: Path, tmp_path: Path) -> None:
    settings = yaml.safe_load((study / "params.yaml").read_text())
    settings |= {"revisions": None, "pairings": {}, "revision_verifier": {}, "window": {}}
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(settings))
    with pytest.raises(StudyError, match="at the rates of a study's revision models: set revisions"):
        improve().collect(tmp_path, {})
    assert [path.name for path in tmp_path.iterdir()] == ["params.yaml"]
