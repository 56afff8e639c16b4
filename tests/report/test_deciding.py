"""The parts of a contrast's error, read from the pool and the runs of a study whose parts are known."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from helpers.example_study import EXAMPLE
from helpers.planted_results import BEAM, planted
from tts_lib.common import paths, tables
from tts_lib.common.strategy import COVERAGE, MAJORITY, Strategy
from tts_lib.estimators.power import components
from tts_lib.report import measured
from tts_lib.report.claims.registered import fingerprint
from tts_lib.report.deciding import decidable
from tts_lib.report.pages import supplements
from tts_lib.report.results import NotMeasured, Results

K, RUNS = 64, 4


@pytest.fixture
def study(tmp_path: Path) -> tuple[Path, Results, np.ndarray]:
    """200 questions: a sample is right with its question's own probability, a run of beam search with .5 everywhere."""
    rng, known = np.random.default_rng(0), planted()
    chance = rng.uniform(0.1, 0.9, known.n_questions)
    right = rng.random((known.n_questions, K)) < chance[:, None]
    rows = [
        {"question_id": q, "sample": k, "verdict": "correct" if ok else "wrong", "answer_class": int(not ok)}
        for q, each in zip(known.question_ids, right, strict=True)
        for k, ok in enumerate(each)
    ]
    pool = pd.DataFrame(rows)
    tables.write_table(pool, tmp_path / paths.pool("base", "test"))
    scores = pool[["question_id", "sample"]].assign(prm_last=1.0, prm_min=rng.random(len(pool)))
    tables.write_table(scores, tmp_path / paths.scores("test"))
    runs = [
        {"split": "test", "question_id": q, "budget": n, "replicate": r, "correct": bool(rng.random() < 0.5)}
        for q in known.question_ids
        for n in (4, 16)
        for r in range(RUNS)
    ]
    tables.write_table(pd.DataFrame(runs), tmp_path / paths.search("beam_4"))
    (tmp_path / "params.yaml").write_text(EXAMPLE)
    return tmp_path, known, right


def test_a_draw_of_the_pool_is_its_next_samples(study) -> None:
    root, known, right = study
    pool, runs = measured.draws(root, known, COVERAGE, MAJORITY, 4)
    assert runs is None and pool is not None and pool.shape == (200, K // 4)
    first = right[:, :4].sum(axis=1)
    majority = np.select([first > 2, first == 2], [1.0, 0.5], 0.0)  # a tie is shared
    np.testing.assert_allclose(pool[:, 0], (first > 0) - majority)
    alike, _ = measured.draws(root, known, Strategy("weighted", "prm_last"), MAJORITY, 4)
    np.testing.assert_allclose(alike, 0.0)  # equal scores: the same vote


def test_the_parts_are_those_that_were_planted(study) -> None:
    """One sample against one run: variances p (1 - p) within, .8² / 12 between; to 15%, about 4 standard errors."""
    root, known, _ = study
    pool, _ = measured.draws(root, known, COVERAGE, COVERAGE, 1)
    assert pool is not None and not pool.any()
    pool, runs = measured.draws(root, known, COVERAGE, BEAM, 4)
    assert pool is not None and runs is not None and runs.shape == (200, RUNS)
    assert components(pool, runs).run == pytest.approx(0.25, rel=0.15)
    single, _ = measured.draws(root, replace(known, search={}), COVERAGE, MAJORITY, 2)
    assert single is not None and set(np.unique(single)) == {0.0, 0.5}  # two samples: a tie is half right
    once = components(measured.draws(root, known, Strategy("best_of_n", "prm_min"), BEAM, 1 * 4)[0], None)
    mean = np.mean([0.1, 0.9])  # of uniform chances
    assert once.sample == pytest.approx(mean * (1 - mean) - 0.8**2 / 12, rel=0.15)
    assert once.question == pytest.approx(0.8**2 / 12, rel=0.4)


def test_what_is_not_replayed_is_not_measured(study) -> None:
    root, known, _ = study
    for other in (Strategy("revisions", "orm", 1), Strategy("majority", at=0.3), Strategy("weighted", "orm_matched")):
        with pytest.raises(NotMeasured):
            measured.draws(root, known, other, MAJORITY, 4)
    with pytest.raises(NotMeasured, match="fewer than 128 samples"):
        measured.draws(root, known, COVERAGE, MAJORITY, 128)


def test_trainings_are_known_where_a_supplement_of_this_study_knows_them(study) -> None:
    root, known, _ = study
    before = {one.claim.number: one for one in decidable(root, known)}
    assert before["6"].parts.run is not None and before["6"].searches == ("beam_4",)
    assert before["4a"].parts.sample is None and before["4a"].budget == 0  # no scores of the ORM here
    assert all(one.parts.training is None for one in before.values())
    folder = root / "reports/supplements/trainings"
    record = {"title": "", "lead": "", "claims": {}, "belongs": supplements.fingerprint(root, fingerprint())}
    tables.write_json(record, folder / "summary.json")
    rows = pd.DataFrame({"number": ["6", "13a"], "unit": ["share", "ratio"], "spread": [0.08, 1.2]})
    tables.write_csv(rows, folder / "claims.csv")
    after = {one.claim.number: one.parts.training for one in decidable(root, known)}
    assert after["6"] is not None and 0.05**2 < after["6"] < 0.08**2 and after["5"] is None
    (root / "params.yaml").write_text(EXAMPLE.replace("seed: 0", "seed: 1"))
    assert all(one.parts.training is None for one in decidable(root, known))
