"""Replays as a user runs them: a real small model with a verifier against a larger one, and what a refusal leaves."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from helpers import cells
from helpers.example_study import REPLAY
from helpers.pipeline import ROOT
from tts_lib.answers.cost import LEDGER
from tts_lib.answers.grid import grid
from tts_lib.common import rng
from tts_lib.common.errors import StudyError
from tts_lib.common.strategy import Strategy
from tts_lib.common.tables import read_json
from tts_lib.estimators import intervals
from tts_lib.grading.answers import extract_answer
from tts_lib.imported import study
from tts_lib.imported.pool import Grade, to_pool
from tts_lib.imported.sources import Columns, Source, read
from tts_lib.questions.files import questions
from tts_lib.strategies.bins import Bins, numbered
from tts_lib.strategies.curves import SINGLE, Curve
from tts_lib.strategies.exchange.budgets import Training, formula_settings
from tts_lib.strategies.exchange.comparison import Grouping, setting_table
from tts_lib.strategies.exchange.large import large_models

DATA = ROOT.parent / "shared" / "data"
SYSTEMS = ("6b_finetuning", "6b_verification", "175b_finetuning")
N_VERIFIED = 100  # samples behind each verified answer (Cobbe et al. 2021)


@pytest.mark.skipif(not DATA.is_dir(), reason="the public data (../shared/data) are not here")
def test_a_small_model_with_a_verifier_against_a_30_times_larger_one():
    """GSM8K: 100 verified samples of 6B parameters cost more than one of 175B where inference is all that counts."""
    asked = questions.load(DATA / "gsm8k/test.jsonl")
    grade = Grade(extract_answer, lambda *_: [], lambda *_: np.zeros(0))  # the file's own verdicts are taken
    columns = Columns("id", correct="ok", model="system")
    pools = {}
    for system in SYSTEMS:
        source = Source(DATA / "gsm8k_solutions/solutions.jsonl", "rows", columns, system, tokens_per_sample=100)
        pools[system] = to_pool(read(source), asked, grade).pool
    ids = asked["question_id"].tolist()
    small, verified, _ = (grid(pool, ids).correct[:, 0].astype(float) for pool in pools.values())
    budgets, tokens = (1, N_VERIFIED), np.outer(np.ones(len(ids)), [100.0, 100.0 * N_VERIFIED])
    accuracy = np.stack([small, verified], axis=1)
    ledger = np.zeros((*tokens.shape, len(LEDGER)))
    ledger[..., LEDGER.index("policy_decode_tokens")] = ledger[..., LEDGER.index("verifier_tokens")] = tokens
    curve = Curve(SINGLE, Strategy("verified"), budgets, (True, True), accuracy, ledger)
    training = {
        "base": Training(6e9, 3e11, 6 * 6e9 * 3e11),
        "large": Training(175e9, 3e11, 6 * 175e9 * 3e11),
    }
    nothing = pools["175b_finetuning"].head(0)
    larges = large_models(
        pools["175b_finetuning"], nothing, ids, np.zeros(len(ids)), training, [1], rng.generator("test")
    )
    assert [large.name for large in larges] == ["one_sample"]
    assert (small.mean(), verified.mean(), larges[0].accuracy.mean()) == pytest.approx((0.217, 0.390, 0.347), abs=5e-4)
    alike = Bins("all", np.ones(len(ids), dtype=np.int64), numbered(1))
    everyone = Grouping(alike, intervals.bootstrap_weights(len(ids), 1000, rng.generator("weights")))
    m = 175 / 6
    assert m < N_VERIFIED  # without pretraining, 100 samples cost more than the large model's one answer
    settings = formula_settings(m, [0.16, 1.0, 22.0], 1)
    v1 = [setting for setting in settings if setting.accounting == "v1"]
    table = setting_table(curve, larges[0], v1, everyone).query("group == 'all'").set_index("r")
    assert table.loc[0.16, "k"] == pytest.approx(m + 3 * (m - 1) / 0.16)
    # Verified, the small model is a little better where pretraining counts; elsewhere it affords too few samples.
    assert table.loc[0.16, "difference"] == pytest.approx(verified.mean() - larges[0].accuracy.mean())
    assert table.loc[0.16, "low"] > 0.01 and table.loc[0.16, "high"] < 0.08
    assert table.loc[22.0, "difference"] < table.loc[0.16, "difference"]


NOTEBOOK = "notebooks/01_questions-imported.ipynb"


def a_replay(folder: Path, rows: list[dict], *changes: tuple[str, str]) -> Path:
    """Of twelve questions whose base pool holds these rows."""
    (folder / "pools").mkdir(parents=True)
    text = REPLAY[: REPLAY.index("    large:")] + REPLAY[REPLAY.index("select:") :]
    for old, new in (("n_val: 100", "n_val: 2"), *changes):
        assert old in text
        text = text.replace(old, new, 1)
    (folder / "params.yaml").write_text(text)
    golds = [{"id": f"q{i}", "problem": f"What is {i}?", "answer": str(i)} for i in range(12)]
    for name, records in (("questions", golds), ("small", rows)):
        (folder / f"pools/{name}.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))
    return folder


def test_a_refused_pool_leaves_nothing_behind(tmp_path: Path):
    rows = [{"id": f"q{i}", "answer": str(i), "scores": [0.5]} for i in range(12)]
    a_replay(tmp_path, [*rows, {"id": "q1", "answer": "1", "scores": [1.5]}])
    (tmp_path / "notebooks").mkdir()
    (tmp_path / NOTEBOOK).write_bytes((ROOT / NOTEBOOK).read_bytes())
    run = subprocess.run(
        [sys.executable, "-m", "tts_lib.study.run", NOTEBOOK, "reports/executed/01_questions.ipynb"],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 1
    said = run.stderr.strip().splitlines()[-1]
    assert "pools/small.jsonl, line 13, column 'scores' is 1.5, but must be a number from 0 to 1" in said
    assert not (tmp_path / "data").exists() and not (tmp_path / "reports/metrics").exists()


def test_the_settings_of_a_replay_reach_its_import(tmp_path: Path):
    """Read by the last number (the marked style finds none), of 11 of 12 questions, scores as logits, order trusted."""
    texts = [(f"q{i}", f"In all they have {i + wrong} of them \ud83d") for i in range(11) for wrong in (0, 900)]
    rows = [{"id": name, "text": text, "scores": [3.0, -2.0]} for name, text in texts]
    a_replay(
        tmp_path,
        rows,
        ("answer: answer", "text: text"),
        ("n_val: 2", "n_val: 2\n    style: number\n    partial: true"),
        ("format: rows", "format: rows\n      scores: logit\n      order: trusted"),
    )
    cells.run(tmp_path, (Path(NOTEBOOK).stem,))
    found = read_json(tmp_path / "reports/metrics/import.json")["base"]
    wanted = {"samples": 22, "correct": 11, "no_answer": 0, "questions": 11, "questions_without_samples": 1}
    wanted |= {"torn_samples": 22, "torn_questions": 0, "scores": "logit"}
    assert {name: found[name] for name in wanted} == wanted
    order = read_json(tmp_path / "reports/metrics/generate-base-test.json")["order_of_samples"]
    assert found["alignment"]["order"] == "trusted" and order == found["alignment"]["conclusion"]
    assert (
        order
        == "trusted, undecided: nothing speaks against it, yet 80% of its questions or samples exchanged would not show"
    )
    scores = pd.concat([pd.read_parquet(tmp_path / f"data/scores/{split}.parquet") for split in ("val", "test")])
    np.testing.assert_allclose(scores["prm_last"], 1 / (1 + np.exp(2.0)), rtol=1e-6)


def test_questions_are_split_once_and_for_all():
    table = questions.load(DATA / "gsm8k/test.jsonl") if DATA.is_dir() else None
    if table is None:
        pytest.skip("the public data (../shared/data) are not here")
    first, again = (study.split_questions(table, 100, rng.generator("import", 0)) for _ in range(2))
    assert len(first["val"]) == 100 and len(first["test"]) == len(table) - 100
    assert not set(first["val"]["question_id"]) & set(first["test"]["question_id"])
    assert first["test"]["question_id"].tolist() == again["test"]["question_id"].tolist()
    with pytest.raises(StudyError, match=r"n_val is 1318, but must be at most 1317: of 1319 questions 2 must be left"):
        study.split_questions(table, 1318, rng.generator("import", 0))
