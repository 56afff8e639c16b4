import numpy as np
import pytest

from helpers.pipeline import ROOT
from tts_lib.common.tables import read_json
from tts_lib.grading.answers import extract_answer
from tts_lib.grading.grader import Grader
from tts_lib.grading.limits import MAX_CHARS
from tts_lib.grading.normal_form import normalise
from tts_lib.grading.verdicts import CORRECT

POOLS = ROOT.parent / "shared/data/llama_pools"


@pytest.fixture(scope="module")
def shared():
    with Grader(workers=2, timeout_s=5) as made:
        yield made


@pytest.mark.parametrize(
    "piece", [r"\boxed{", "{", "}", r"\boxed{}", r"\begin{cases}a=1\\", " ", "\n", "9", "9,", "\\", "$"]
)
def test_normalising_a_megabyte_ends(piece):
    text = piece * (1_000_000 // len(piece))
    normalise(text)
    normalise(text[:MAX_CHARS])


# --- real texts


@pytest.mark.skipif(not POOLS.exists(), reason="the public pools are not beside the project (../shared/data)")
def test_verdicts_agree_with_the_stored_ones(shared, tmp_path):
    lines = (POOLS / "texts_n1_3b.jsonl").read_text(encoding="utf-8").splitlines()
    (tmp_path / "texts").write_text(f"[{','.join(lines)}]", encoding="utf-8")
    records = read_json(tmp_path / "texts")
    golds = [record["gold"] for record in records]
    stored = np.array([record["ok_mv"] for record in records], dtype=bool)
    boxed = shared.verdicts(golds, [extract_answer(record["text"], "boxed") for record in records])
    assert (np.array(boxed) == CORRECT).tolist() == stored.tolist()
    marked = np.array(shared.verdicts(golds, [extract_answer(record["text"]) for record in records])) == CORRECT
    assert (marked == stored).mean() >= 0.99 and not (stored & ~marked).any()
