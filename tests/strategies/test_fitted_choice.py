"""The fitted choice as a file: picking from it, reading it, and refusing what it is not."""

import json
from pathlib import Path

import pytest

from helpers.fitted_choices import FOREKNOWN, FOREKNOWN_AND_PROBED, RECORD, changed, policy
from tts_lib.common.errors import StudyError
from tts_lib.strategies import fitted_choice
from tts_lib.strategies.fitted_choice import FittedChoice


def written(folder: Path, record: object) -> Path:
    (folder / "reports").mkdir(exist_ok=True)
    (path := folder / "reports/strategy.json").write_text(json.dumps(record))
    return path


@pytest.fixture
def choice(tmp_path: Path) -> FittedChoice:
    return fitted_choice.load(written(tmp_path, RECORD))


@pytest.mark.parametrize(
    ("budget", "score", "table", "expected"),
    [
        (1, None, None, ("majority", 1)),
        (5, None, None, ("weighted:prm_last", 4)),  # the best that fits within it
        (10_000, None, None, ("beam_4", 16)),
        (4, 0.5, "probe", ("weighted:prm_last", 4)),  # on the edge: the easier bin
        (4, 0.4, "probe", ("beam_4", 4)),
        (1, 0.4, "probe", ("majority", 1)),  # a budget that does not pay for the probe
        (16, 0.4, "probe", ("beam_4", 4)),
        (16, 0.4, None, ("revisions_2:orm", 16)),  # a score that is given belongs to another table
    ],
)
def test_the_best_that_fits_within_a_budget(choice: FittedChoice, budget, score, table, expected) -> None:
    pick = choice.pick(budget, score, table)
    assert (pick.strategy, pick.budget) == expected and pick.budget <= budget
    assert choice.strategy(pick.strategy).name == pick.strategy


def test_tables_of_the_formats_before_are_read(tmp_path: Path) -> None:
    found = fitted_choice.load(written(tmp_path, changed({"format": 2})))
    assert found.zero is None and found.stops("majority", 8) is None
    assert found.pick(4, 0.5, "probe").strategy == "weighted:prm_last"
    found = fitted_choice.load(written(tmp_path, changed({"format": 3, **FOREKNOWN})))
    assert found.pick(16, 0.4, "zero").strategy == "beam_4" and found.tables["zero"].prior_worth is None


def test_prediction_and_probe_have_a_table_of_their_own(tmp_path: Path) -> None:
    found = fitted_choice.load(written(tmp_path, changed(FOREKNOWN_AND_PROBED)))
    assert found.use == "zero+probe" and found.tables["zero+probe"].prior_worth == 6
    assert found.pick(16, 0.6, "zero+probe").strategy == "weighted:prm_last"
    assert found.pick(16, 0.59, "zero+probe").strategy == "beam_4"


def test_a_vote_stops_by_the_policy_of_its_budget(tmp_path: Path) -> None:
    known = [policy("majority"), policy("weighted", price=0.1)]
    found = fitted_choice.load(written(tmp_path, changed({"stopping": known, **FOREKNOWN})))
    assert found.pick(16, 0.4, "zero").strategy == "beam_4" and found.pick(16, 0.6, "zero").budget == 16
    for name, budget, price in (("majority", 8, 0.01), ("majority", 3, 0.01), ("weighted:prm_last", 8, 0.1)):
        assert found.stops(name, budget).price == price  # pyright: ignore
    for name, budget in (("majority", 9), ("best_of_n:prm_last", 8), ("beam_4", 8)):
        assert found.stops(name, budget) is None


def test_what_is_expected_never_falls_with_the_budget(choice: FittedChoice) -> None:
    for score, table, least in ((None, None, 1), (0.2, "probe", 4), (0.9, "probe", 4), (0.2, "given", 1)):
        expected = [choice.pick(budget, score, table).expected for budget in range(least, 40)]
        assert expected == sorted(expected)


def test_picking_refuses(choice: FittedChoice, tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="budget is 0: the smallest strategy takes 1 generations"):
        choice.pick(0)
    with pytest.raises(StudyError, match="budget is nan: the smallest"):
        choice.pick(float("nan"))
    for score in (float("nan"), 7.0, -3.0):
        with pytest.raises(StudyError, match=f"the score is {score}, but must be from 0 to 1"):
            choice.pick(4, score)
    with pytest.raises(StudyError, match="no strategy beam_5; there are majority"):
        choice.strategy("beam_5")
    record = changed({"tables": {"fixed": RECORD["tables"]["fixed"]}, "use": "fixed"})
    with pytest.raises(StudyError, match="no table given; there are fixed"):
        fitted_choice.load(written(tmp_path, record)).pick(4, 0.5)


BASE = RECORD["models"]["base"]
FIXED = RECORD["tables"]["fixed"]
PROBE = RECORD["tables"]["probe"]
LOOKS = policy("majority")["looks"]
FALLING = {**FIXED, "bins": [list(reversed(FIXED["bins"][0]))]}
DEAR = {**FIXED, "budgets": [1, 2, 3]}


@pytest.mark.parametrize(
    ("record", "message"),
    [
        ({"version": 1, "tables": {}}, "a strategy table of format 1, but formats 2 to 4 are read here; make it again"),
        ({}, "is no strategy table, but formats 2"),
        ([], "is no strategy table"),
        (changed({"format": 5}), "a strategy table of format 5, but"),
        (
            changed({"use": "oracle"}),
            "is damaged: use is 'oracle', but must be one of fixed, given, probe, zero, ",
        ),
        (changed({"use": "probe", "tables": {"fixed": FIXED}}), "the one that use names"),
        (changed({"seed": None}), "damaged: seed is None, but must be a whole number at least 0"),
        (changed({"extra": 1}), "damaged: extra is not a setting; known here: format, "),
        (changed({"models": {}}), "majority needs the model base"),
        (changed({"strategies": RECORD["strategies"][1:]}), "picks 'majority', which is not in strategies"),
        (changed({"strategies": RECORD["strategies"] * 2}), "different names"),
        (
            changed({"strategies": [{"name": "x", "kind": "magic"}]}),
            "damaged: strategies.0.kind is .magic., but must",
        ),
        (
            changed({"models": {"base": {"folder": "models/../../etc", "sha256": "a", "parameters": 1}}}),
            "models.base.folder is 'models/../../etc', but must be a word .a folder below models/.",
        ),
        (changed({"tables": {"fixed": FALLING}}), "a pick promises less than one of a smaller budget"),
        (changed({"tables": {"fixed": DEAR}}), "a pick takes more generations than its budget"),
        (changed({"tables": {"fixed": {**FIXED, "edges": [0.5]}}}), "bins must have 2 rows of 3 picks"),
        (changed({"tables": {"fixed": {**FIXED, "edges": [0.5, 0.1]}}}), "must be finite and ascending"),
        (changed({"tables": {"fixed": {**FIXED, "budgets": [4, 1, 16]}}}), "must be ascending"),
        (changed({**FOREKNOWN, "zero": None}), "tables.zero and zero, which predicts its score, need each other"),
        (
            changed({**FOREKNOWN, "zero": {"kind": "magic"}}),
            "damaged: zero.kind is .magic., but must be one of",
        ),
        (changed({**FOREKNOWN_AND_PROBED, "zero": None}), "need each other"),
        (
            changed({"tables": {"probe": PROBE, "fixed": {**FIXED, "prior_worth": 1.0}}}),
            "tables.fixed: prior_worth",
        ),
        (
            changed({**FOREKNOWN, "tables": {**FOREKNOWN["tables"], "zero+probe": FIXED}}),
            r"tables.zero\+probe: prior_worth belongs to zero\+probe, and to it alone",
        ),
        (changed({"stopping": [policy("majority")] * 2}), "stopping has two policies for one vote and budget"),
        (
            changed({"stopping": [policy("best_of_n")]}),
            "damaged: stopping.0.vote is .best_of_n., but",
        ),
        (changed({"stopping": [policy("majority", budget=4)]}), "looks must ascend to the budget, and stop there"),
        (changed({"stopping": [policy("majority", looks=LOOKS[::-1])]}), "looks must ascend"),
        (changed({"stopping": [policy("majority", looks=[LOOKS[0] | {"goes_on": []}])]}), "3 rows of 1 entries"),
        (changed({"stopping": [policy("majority", looks=[LOOKS[0] | {"share": [0.7, 0.1]}])]}), "must ascend"),
    ],
)
def test_a_file_that_is_not_one_is_refused_in_a_sentence(tmp_path: Path, record: object, message: str) -> None:
    with pytest.raises(StudyError, match=message) as refused:
        fitted_choice.load(path := written(tmp_path, record))
    assert str(path) in str(refused.value) and "\n" not in str(refused.value)


@pytest.mark.parametrize("text", ['{"a": 1', "{}", '{"format": 4}'])
def test_only_what_a_study_has_made_is_to_be_deleted_and_made_again(tmp_path: Path, text: str) -> None:
    (mine := tmp_path / "mine.json").write_text(text)
    with pytest.raises(StudyError, match=r"what is read is the reports/strategy\.json that a study has made$"):
        fitted_choice.load(mine)
    (own := written(tmp_path, {})).write_text(text)
    with pytest.raises(StudyError, match="dvc repro"):
        fitted_choice.load(own)


def test_a_torn_or_missing_file_is_refused(tmp_path: Path) -> None:
    (torn := tmp_path / "strategy.json").write_text(json.dumps(RECORD)[:-9])
    with pytest.raises(StudyError, match="is not readable JSON"):
        fitted_choice.load(torn)
    with pytest.raises(StudyError, match="is missing"):
        fitted_choice.load(tmp_path / "none.json")
