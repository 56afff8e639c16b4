"""The supplement that puts another study's verdicts beside a study's own."""

from pathlib import Path

import pandas as pd
import pytest
import yaml

from helpers.pipeline import ROOT
from tts_lib.common import paths, tables
from tts_lib.common.errors import StudyError
from tts_lib.report.claims.claims import COLUMNS
from tts_lib.report.supplements import kinds, other_study, writing
from tts_lib.report.supplements.declared import PROFILES, parameters

DECLARED = kinds.load(ROOT / PROFILES / "pretrained.yaml")


def made(root: Path, verdicts: dict[str, str], accuracy: float) -> Path:
    """A study that has run to its report, as far as the supplement reads it."""
    rows = [
        dict.fromkeys(COLUMNS, "") | {"number": number, "claim": f"claim {number}", "verdict": verdict}
        | {"ours": f"+{10 * accuracy} points", "contrast": "N = 64", "unit": "share", "note": "no revisions"}
        | {"estimate": accuracy / 10, "low": 0.0, "high": accuracy / 5}
        for number, verdict in verdicts.items()
    ]  # fmt: skip
    tables.write_csv(pd.DataFrame(rows, columns=COLUMNS), root / paths.REPORTS / "claims.csv")
    curve = {"strategy_set": "single", "strategy": "majority", "budget": [1, 16], "accuracy": accuracy}
    of = pd.DataFrame(curve | {"rule": "majority", "score": "", "binning": "", "low": 0.1, "high": 0.9})
    tables.write_csv(of, root / paths.results("compute_optimal") / "accuracy.csv")
    questions = {"question_id": ["a", "b"], "oracle": [1.0, 0.0], "oracle_bin": [1, 2], "greedy": [1.0, 1.0]}
    tables.write_table(pd.DataFrame(questions), root / paths.difficulty("test"))
    tables.write_json({"study": {"questions": {"test": 2}}}, root / paths.SUMMARY)
    tables.write_json({"name": root.name}, root / paths.metrics("model-base"))
    return root


def test_verdicts_stand_beside_each_other(tmp_path: Path) -> None:
    own = made(tmp_path / "own", dict.fromkeys(["5", "6", "7"], "supported") | {"16b": "no difference"}, 0.5)
    there = {"5": "supported", "6": "contradicted", "7": "inconclusive", "16b": "not testable", "18a": "supported"}
    found = DECLARED.collect(own, {"smollm": made(tmp_path / "other", there, 0.25)})
    assert found.tables["claims"].set_index("number")["agrees"].to_dict() == {"5": "yes", "6": "no", "7": "open"}
    assert "Of 3 claims that both can test, both decide 2 and agree on 1" in found.lead
    assert set(found.claims) == {"5", "6", "7", "18a"} and found.left_out == {"16b": "no revisions"}
    assert found.claims["5"]["text"] == "SmolLM2-135M: +2.5 points (N = 64)"
    shown = found.tables["accuracy"]
    assert shown["accuracy"].tolist() == [0.5, 0.5, 0.25, 0.25] and shown["budget"].tolist() == [1, 16, 1, 16]
    assert found.tables["difficulty"]["pass@1 in bin 1"].tolist() == [1, 1]
    assert set(found.figures[0].data["number"]) == {"5", "6", "7", "16b"}
    (own / "params.yaml").write_text("seed: 0\n")
    writing.write(own, "pretrained", found)
    kept = own / paths.SUPPLEMENTS / "pretrained/metrics/model-base.json"
    assert tables.read_json(kept) == {"name": "other"}  # for plans


def test_it_runs_the_profile_as_it_stands() -> None:
    written = yaml.safe_load((ROOT / "profiles" / "smollm.yaml").read_text())
    assert DECLARED.settings(parameters(ROOT)) == {"smollm": written}


def test_what_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match=r"claims\.csv is missing: the study there has not run to its report"):
        other_study.claims_of(tmp_path)
    missing = DECLARED.model_copy(update={"profile": "smallm"})
    with pytest.raises(StudyError, match=r"profile is 'smallm', but there is no smallm\.yaml"):
        missing.settings({})
