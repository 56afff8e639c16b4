"""`tts power`: what the contrasts of a study can decide, and what an effect takes, in replays too."""

import math
from pathlib import Path

import numpy as np
import pytest

from helpers import cells, made_pools
from helpers.pipeline import ROOT
from tts_lib.commands import power
from tts_lib.commands.__main__ import main
from tts_lib.estimators.intervals import difference_interval
from tts_lib.estimators.power import Components, Design, questions_for
from tts_lib.report.claims.findings import Demand, from_interval
from tts_lib.report.claims.registered import registered
from tts_lib.report.deciding import Decidable


@pytest.fixture(scope="module")
def replayed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A replay of texts without scores, run to its report."""
    study = tmp_path_factory.mktemp("replayed")
    (study / "profiles").mkdir()
    made_pools.write(study)
    (study / "profiles/made.yaml").rename(study / "params.yaml")
    cells.run(study)
    return study


def planted(parts: Components, design: Design, **others: object) -> Decidable:
    claim = next(one for one in registered().claims if one.number == "6")
    interval = difference_interval(np.linspace(-0.1, 0.2, 40))
    found = from_interval(interval, 40, "N = 16", Demand("more", 0.01))
    return Decidable(claim, found, 16, design, 0.5, parts, ("beam_4",))


def test_a_replay_says_what_it_can_decide_and_what_is_not_known(replayed: Path, capsys) -> None:
    assert main(["power", str(replayed)]) == 0
    out = capsys.readouterr().out
    assert "decides" in out and "How far trainings differ is not known here" in out
    numbers = [line.split()[0] for line in out.splitlines()[1:] if line and line[0].isdigit()]
    if numbers:
        assert main(["power", str(replayed), "--contrast", numbers[0], "--effect", "5"]) == 0
        assert "not known" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["--contrast", "5"], "--contrast and --effect go together"),
        (["--effect", "1"], "--contrast and --effect go together"),
        (["--contrast", "5", "--effect", "0"], "--effect is 0.0: it must be above 0 and at most 100 points"),
        (["--contrast", "5", "--effect", "nan"], "--effect is nan: it must be above 0"),
        (["--contrast", "99", "--effect", "1"], "--contrast is '99', but the study measured differences for"),
    ],
)
def test_a_mistake_is_one_sentence(replayed: Path, given: list[str], said: str, capsys) -> None:
    assert main(["power", str(replayed), *given]) == 1
    out, err = capsys.readouterr()
    assert said in err and err.count("\n") == 1 and out == ""


def test_a_row_for_each_way_to_find_an_effect() -> None:
    """A contrast on half of the questions needs twice as many in all; more draws need fewer questions and more time."""
    parts, now = Components(0.04, 0.10, 0.20), Design(500, 4, 4)
    lines = power._designs(ROOT, planted(parts, now), 0.02)
    rows = [line.split() for line in lines[lines.index("") + 3 :]]
    asked = {(row[0], row[1]): int(row[3].replace(",", "")) for row in rows}
    assert set(asked) == {("64", "4"), ("16", "4"), ("128", "4"), ("64", "1"), ("64", "8")}
    assert asked["64", "4"] == math.ceil(2 * questions_for(parts, now, 0.02))
    assert asked["128", "4"] < asked["64", "4"] < asked["16", "4"] and asked["64", "8"] < asked["64", "1"]
    assert all(row[-1] in ("s", "min") for row in rows)


def test_trainings_that_differ_too_much_are_needed_first() -> None:
    parts = Components(0.04, 0.10, 0.20, training=0.02**2)
    lines = power._designs(ROOT, planted(parts, Design(500, 4, 4)), 0.02)
    said = [line for line in lines if "more trainings are needed first" in line]
    assert said and all(line.split()[2] in ("1", "3") for line in said)
    assert any(line.split()[2] == "10" and "needed" not in line for line in lines[5:] if line)


def test_half_the_width() -> None:
    few_questions = planted(Components(0.04, 0.10, None), Design(500, 1))
    assert power._halved(few_questions) == "4,000 questions"
    noisy = planted(Components(0.01, 0.90, None), Design(500, 1))
    assert power._halved(noisy) == "4,000 questions, or 4 times the draws"
