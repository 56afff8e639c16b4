"""Both mechanisms in one solution: the contrasts on planted cells, and the profile that is shipped."""

import shutil
import signal
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from pydantic import ValidationError

from helpers import supplement_run, tiny_study
from helpers.pipeline import ROOT
from tts_lib.answers.protocols import ScoreRequest
from tts_lib.common import paths, tables
from tts_lib.common.errors import StudyError
from tts_lib.estimators.intervals import difference_interval
from tts_lib.report.supplements import kinds
from tts_lib.report.supplements.combine.cells import Cell, Measured
from tts_lib.report.supplements.combine.supplement import BOTH, Combine, beside_choice, contrasts
from tts_lib.report.supplements.declared import PROFILES
from tts_lib.study.asking import Asking
from tts_lib.study.config import loading

N, BUDGETS = 4000, (4, 8, 16)
NO_FLIPS = pd.DataFrame({"question_id": ["q"], "n_right": 1, "right_to_wrong": 0, "n_wrong": 1, "wrong_to_right": 0})


def measured(rates: tuple[float, ...], cost: float = 1.0, seed: int = 0) -> Measured:
    """Questions answered rightly with these chances at each budget, which cost as many FLOPs times `cost`."""
    drawn = np.random.default_rng(seed).random((len(BUDGETS), N)) < np.array(rates)[:, None]
    return Measured(BUDGETS, drawn.astype(float), cost * np.array(BUDGETS, float), NO_FLIPS)


def cells(both: float) -> dict[Cell, Measured]:
    """Parallel .3, revisions .4, backtracking .45, so that without interaction both are worth .55."""
    ends = {("start", False): 0.3, ("start", True): 0.4, ("first_error", False): 0.45, BOTH: both}
    ends |= {("random", False): 0.35, ("random", True): 0.4}
    return {cell: measured((0.1, 0.2, end), seed=number) for number, (cell, end) in enumerate(ends.items())}


def trees(uniform: float = 0.4, score: float = 0.5, gain: float = 0.5) -> Mapping[str, Measured]:
    ends = {"uniform": uniform, "score": score, "gain": gain}
    return {name: measured((0.1, 0.2, end), seed=10 + i) for i, (name, end) in enumerate(ends.items())}


@pytest.mark.parametrize(("both", "interaction"), [(0.65, 0.10), (0.55, 0.0), (0.45, -0.10)])
def test_a_planted_interaction_is_found_and_covered(both: float, interaction: float) -> None:
    found = contrasts(cells(both), trees())
    interval = difference_interval(found["interaction"])
    assert interval.low <= interaction <= interval.high and interval.high - interval.low < 0.1
    over = difference_interval(found["both_minus_parents"])
    assert over.low <= both - 0.45 <= over.high
    assert difference_interval(found["located_minus_random"]).low > 0.05
    assert difference_interval(found["score_minus_uniform"]).low > 0.05
    assert abs(found["gain_minus_score"].mean()) < 0.05


def test_cells_are_compared_at_equal_flops() -> None:
    """A parent that is twice as dear stands, at the cost of both, at half its budget."""
    made = cells(0.55)
    dear = made | {("first_error", False): measured((0.1, 0.2, 0.45), cost=2.0, seed=2)}
    at = dear["first_error", False].at_cost(float(made[BOTH].flops[-1]))
    assert at.mean() == pytest.approx(dear["first_error", False].accuracy[1].mean())
    better = contrasts(dear, trees())["both_minus_parents"]
    np.testing.assert_allclose(better, made[BOTH].accuracy[-1] - made["start", True].accuracy[-1])


@pytest.mark.parametrize(
    ("cost", "has"), [(2.0, "40.0% [35.0%, 45.0%]"), (1.0, "at most 30.0% ["), (4.0, "at least 60.0% [")]
)
def test_both_stand_beside_the_choice_between_them_at_equal_flops(tmp_path, monkeypatch, cost: float, has: str) -> None:
    """Whose curve has .3 at 2^4.5 FLOPs, .5 at 2^5.5 and .6 at 2^5.75; both end at 16 times `cost`."""
    monkeypatch.chdir(tmp_path)
    both = measured((0.1, 0.2, 0.5), cost)
    assert beside_choice(both) == ""
    curve = pd.DataFrame({"flops_with_verifier": 2 ** np.array([4.5, 5.5, 5.75]), "accuracy": [0.3, 0.5, 0.6]})
    curve = curve.assign(low=[0.25, 0.45, 0.55], high=[0.35, 0.55, 0.65], strategy="compute_optimal_oracle")
    table = pd.concat([curve.assign(strategy_set="both"), curve.assign(strategy_set="single", accuracy=0.9)])
    tables.write_csv(table, paths.results("compute_optimal") / "accuracy.csv")
    said = beside_choice(both)
    assert f"(oracle bins) {has}" in said and "follow a right one 0.0% are wrong" in said


def test_what_is_shipped_is_registered_before_it_is_run() -> None:
    declared = kinds.load(ROOT / PROFILES / "combine.yaml")
    assert isinstance(declared, Combine) and len(declared.claims) == 5 and declared.studies(0) == {}
    with pytest.raises(ValidationError, match="margin"):
        Combine.model_validate(declared.model_dump() | {"claims": [declared.claims[0].model_dump() | {"margin": -1}]})


@pytest.fixture(scope="module", params=["weights of its own", "a checkpoint with an adapter"])
def study(request: pytest.FixtureRequest, tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("combined") / "study"
    if request.param == "weights of its own":
        shutil.copytree(tiny, root)
    else:
        tiny_study.as_checkpoint(tiny, root)
    return tiny_study.with_revisions(root)


def is_nano(root: Path) -> bool:
    return bool(loading.load(root / "params.yaml").problems)


def test_a_study_combines_and_asks_nothing_twice(study: Path) -> None:
    """Every cell and tree, of nano models and of checkpoints; a second run takes all samples from the store."""
    found = supplement_run.declared("combine").collect(study, {})
    table = found.tables["cells"]
    places = ["the beginning", "a random step", "the first bad step"]
    places += ["the true first error"] if is_nano(study) else []  # which is known of nano steps alone
    assert table["restart_at"].tolist() == [place for place in places for _ in range(2)]
    assert table["attempts_of_a_chain"].isin([2, 4]).all() and table["budget"].eq(8).all()
    assert found.tables["trees"]["parents"].tolist() == ["uniform", "score", "gain"]
    assert found.facts["threshold"] == (0.3 if is_nano(study) else None)
    cost = table.set_index(["restart_at", "earlier_attempts"])["flops_with_verifier"]
    assert cost["the beginning", "shown"] > cost["the beginning", "not shown"]  # contexts are read again
    shards = sorted((study / paths.STORE / "shards").iterdir())
    again = supplement_run.declared("combine").collect(study, {})
    assert sorted((study / paths.STORE / "shards").iterdir()) == shards
    for name, frame in found.tables.items():
        pd.testing.assert_frame_equal(again.tables[name], frame)


def test_a_killed_one_ends_as_if_nothing_had_been(tiny: Path, tmp_path: Path) -> None:
    """Before two of its writes, one after the other: the same bytes."""
    whole, killed = (tiny_study.with_revisions(Path(shutil.copytree(tiny, tmp_path / name))) for name in ("a", "b"))
    assert supplement_run.run("combine", whole, 0) == 0
    for step in (3, 12):
        assert supplement_run.run("combine", killed, step) == -signal.SIGKILL, step
        assert not (killed / paths.SUPPLEMENTS / "combine").exists()
    assert supplement_run.run("combine", killed, 0) == 0
    assert supplement_run.written("combine", killed) == supplement_run.written("combine", whole)


def test_steps_end_where_the_prm_scores(study: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A trained PRM at every token that closes a step; one that reads text not where the step is blank."""
    monkeypatch.chdir(study)
    with ExitStack() as stack:
        asking = Asking.open(loading.load(), stack)
        table = asking.table("test", 2)
        questions, ends = asking.questions(table), asking.step_ends([table])
        prm = stack.enter_context(asking.verifier([table]))
        (filled, blank) = questions.codec.encode(["h=3\nc=4\n=4$", "h=3\n\nc=4\n=4$"])
        for prompt in questions.prompts.values():
            for solution, n_ends in ((filled, 3), (blank, 4 if is_nano(study) else 3)):
                ((scores,),) = prm.score([ScoreRequest(prompt, [solution])])
                assert len(ends(solution)) == len(scores) == n_ends
                assert ends(solution)[-1] == len(solution) and ends(solution)[0] == ends(filled)[0]
        assert (ends(blank)[-2:] - ends(filled)[-2:]).tolist() == [1, 1]  # the blank step is one token


def test_a_study_without_revision_models_combines_nothing(tiny: Path, tmp_path: Path) -> None:
    settings = yaml.safe_load((tiny / "params.yaml").read_text())
    settings |= {"revisions": None, "pairings": {}, "revision_verifier": {}, "window": {}}
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(settings))
    with pytest.raises(StudyError, match="combine needs a study with a revision model: set revisions"):
        supplement_run.declared("combine").collect(tmp_path, {})
    assert [path.name for path in tmp_path.iterdir()] == ["params.yaml"]
