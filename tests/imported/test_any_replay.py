"""Whatever the import lets in comes to its report, with what cannot be said left out; the rest is refused there."""

import json
from pathlib import Path

import numpy as np
import pytest

from helpers import cells
from helpers.example_study import REPLAY
from tts_lib.common.errors import StudyError
from tts_lib.common.tables import read_json
from tts_lib.report.explorer import record
from tts_lib.report.pages import explore, index, navigation
from tts_lib.report.pages.about import About

N_SAMPLES = 6
FEWEST = {"one sample": 1, "one question short": 3}
BUDGETS = {"one sample": "[1], search_budgets: [1]", "one question short": "[1, 2], search_budgets: [1, 2]"}
CHOICE = ("accuracy_by_budget_compute_optimal", "strategy_shares")


def a_study(folder: Path, n_questions: int, kind: str, n_bins: int = 1) -> Path:
    """A replay of made samples of one model, two questions to fit on, whose samples are of this kind."""
    random = np.random.default_rng(0)
    rows = []
    for i in np.repeat(np.arange(n_questions), N_SAMPLES).tolist():
        right, score = bool(random.random() < 0.5), random.random()
        answer = str(2 * i + 1 if right else 900 + i)
        of_kind = {
            "all right": {"answer": str(2 * i + 1), "scores": [score]},
            "all wrong": {"answer": str(900 + i), "scores": [score]},
            "constant scores": {"answer": answer, "scores": [0.5]},
            "scored": {"answer": answer, "scores": [score]},
            "verdicts alone": {"correct": right},
            "verdicts and scores": {"correct": right, "scores": [score]},
            "no answer": {"text": "I am not sure.", "scores": [score]},
            "some unscored": {"text": f"I add.\n#### {answer}", "scores": [score, score] if score < 0.5 else None},
        }
        rows.append({"id": f"q{i}"} | of_kind.get(kind, of_kind["scored"]))
    if kind in FEWEST:  # samples of the first question, which is fitted on or tested
        one_each = range(0, len(rows), N_SAMPLES)
        rows = [rows[i] for i in one_each] if FEWEST[kind] == 1 else rows[N_SAMPLES - FEWEST[kind] :]
    golds = [
        {"id": f"q{i}", "problem": f"What is {i} plus {i + 1}?", "answer": str(2 * i + 1)} for i in range(n_questions)
    ]
    (folder / "pools").mkdir(parents=True)
    for name, records in (("questions", golds), ("small", rows)):
        (folder / f"pools/{name}.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))
    columns = {"answer": "answer", "scores": "step_scores", "correct": "correct", "text": "text"}
    named = ", ".join(f"{ours}: {theirs}" for theirs, ours in columns.items() if theirs in rows[0])
    text = REPLAY[: REPLAY.index("    large:")] + REPLAY[REPLAY.index("select:") :]
    for old, new in (
        ("n_val: 100", "n_val: 2"),
        ("answer: answer, step_scores: scores", named),
        ("      name: small", "      name: small\n      tokens_per_sample: 30.0"),
        ("n_bins: 2", f"n_bins: {n_bins}"),
        ("fold_seeds: 50, n_bootstrap: 2000", "fold_seeds: 2, n_bootstrap: 100"),
        *([("disjoint: true", f"disjoint: {str(kind != 'one sample').lower()}")] if kind in FEWEST else []),
        *([("[1, 2, 4], search_budgets: [1, 2]", BUDGETS[kind])] if kind in FEWEST else []),
    ):
        assert old in text
        text = text.replace(old, new, 1)
    (folder / "params.yaml").write_text(text)
    return folder


@pytest.mark.parametrize(
    ("n_questions", "kind", "n_bins"),
    [
        (14, "all right", 1),
        (14, "all wrong", 2),
        (14, "constant scores", 2),
        (14, "verdicts alone", 2),
        (14, "verdicts and scores", 1),
        (5, "scored", 2),
        (14, "one sample", 1),
        (14, "one question short", 1),
        (14, "some unscored", 1),
    ],
)
def test_a_study_that_is_let_in_is_finished(tmp_path: Path, n_questions: int, kind: str, n_bins: int) -> None:
    study = a_study(tmp_path, n_questions, kind, n_bins)
    cells.run(study)
    summary = read_json(study / "reports/summary.json")
    assert summary["study"]["questions"] == {"val": 2, "test": n_questions - 2}
    drawn = [figure["name"] for figure in summary["figures"]]
    assert drawn[0] == "coverage_by_budget" and drawn[-1] == "pass_at_1_spectrum"
    assert set(drawn) >= set(CHOICE) or kind not in ("scored", "constant scores")
    pages, said = navigation.in_order([]), About("", "")
    page = index.render(study / "reports", pages, said)
    assert 'id="record"' in explore.render(record.load(study / "reports"), navigation.Way(pages, "explore.html"), said)
    for absent in ("not measured", "lookahead", "larger model have been", "quintiles of oracle", "no rows with"):
        assert absent not in page, absent
    assert ("Selection inside difficulty bins" in page) == (n_bins == 2 and kind != "verdicts alone")


@pytest.mark.parametrize(
    ("n_questions", "kind", "n_bins", "said"),
    [
        (14, "no answer", 1, r"small\.jsonl: none of its 84 samples has an answer that can be read"),
        (14, "scored", 3, r"difficulty\.n_bins reaches 3, but must be at most replay\.mine\.n_val, which is 2"),
        (3, "scored", 1, r"n_val is 2, but must be at most 1: of 3 questions 2 must be left"),
    ],
)
def test_what_cannot_be_studied_is_refused_at_the_import(
    tmp_path: Path, n_questions: int, kind: str, n_bins: int, said: str
) -> None:
    study = a_study(tmp_path, n_questions, kind, n_bins)
    with pytest.raises(StudyError, match=said):
        cells.run(study)
    assert not (study / "data").exists() and not (study / "reports").exists()
