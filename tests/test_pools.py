import numpy as np
import pandas as pd
import pytest

from scripted_policy import CODEC, ScriptedPolicy
from tts_lib.pools import COLUMNS, as_arrays, check_aligned, sample_pool
from tts_lib.protocols import Sampling
from tts_lib.rng import derive_seeds

SAMPLING = Sampling(0.8, 1.0, 40, "end")
PROBLEMS = pd.DataFrame({"question_id": ["q1", "q0"], "problem": ["03a=?\n", "?b=07\n"], "answer": ["05", "12"]})
TEXTS = ["03a05\n=05$", "=12$", "=11$", "03a05\n", "="]
VERDICTS = {
    "03a=?\n": ["correct", "wrong", "wrong", "no_answer", "no_answer"],
    "?b=07\n": ["wrong", "correct", "wrong", "no_answer", "no_answer"],
}


def by_seed(prefix, seeds):
    return [TEXTS[seed % len(TEXTS)] for seed in seeds]


def pool(n_samples: int, problems: pd.DataFrame = PROBLEMS, write=by_seed, seed: int = 0, model: str = "base"):
    return sample_pool(ScriptedPolicy(write), CODEC, problems, n_samples, SAMPLING, seed, model)


def small(verdicts: list[str], answers: list[str | None], ids: list[str]) -> pd.DataFrame:
    return pd.DataFrame({"question_id": ids, "verdict": verdicts, "answer": answers})


def test_every_sample_is_graded():
    table = pool(len(TEXTS), write=lambda prefix, seeds: TEXTS)
    assert list(table) == COLUMNS and len(table) == 10
    assert table["question_id"].tolist() == ["q1"] * 5 + ["q0"] * 5
    assert table["sample"].tolist() == [0, 1, 2, 3, 4] * 2
    assert table["text"].tolist() == TEXTS * 2
    assert table["verdict"].tolist() == VERDICTS["03a=?\n"] + VERDICTS["?b=07\n"]
    assert [a if isinstance(a, str) else None for a in table["answer"]] == ["05", "12", "11", None, None] * 2
    assert table["finish"].tolist() == ["end", "end", "end", "length", "length"] * 2
    assert table["n_tokens"].tolist() == [len(t) for t in CODEC.encode(TEXTS)] * 2


def test_sample_i_is_the_same_in_a_larger_pool_and_in_other_company():
    small_pool, large = pool(4), pool(64)
    for question_id in ("q0", "q1"):
        few, many = (table[table["question_id"] == question_id] for table in (small_pool, large))
        pd.testing.assert_frame_equal(few.reset_index(drop=True), many.head(4).reset_index(drop=True))
    alone = pool(64, PROBLEMS.tail(1)).reset_index(drop=True)
    pd.testing.assert_frame_equal(alone, large.tail(64).reset_index(drop=True))
    assert large["text"].nunique() == len(TEXTS)


@pytest.mark.parametrize("other", [{"seed": 1}, {"model": "large"}])
def test_study_and_model_have_samples_of_their_own(other):
    assert pool(64)["text"].tolist() != pool(64, **other)["text"].tolist()


def test_the_policy_gets_the_prompt_and_the_seeds_by_name():
    asked = {}
    pool(3, write=lambda prefix, seeds: asked.update({prefix: seeds}) or ["=1$"] * 3)
    assert list(asked) == PROBLEMS["problem"].tolist()
    assert asked["03a=?\n"] == derive_seeds((0, "base", "q1", "pool"), 3).tolist()


def test_arrays_follow_the_questions_asked_for():
    table = pool(len(TEXTS), write=lambda prefix, seeds: TEXTS)
    correct, classes = as_arrays(table, ["q0", "q1"])
    assert correct.dtype == bool and correct.tolist() == [[False, True, False, False, False], [True] + [False] * 4]
    assert classes.tolist() == [[0, 1, 2, -1, -1]] * 2
    correct, _ = as_arrays(table, ["q1"])
    assert correct.tolist() == [[True] + [False] * 4]


def test_equal_answers_share_a_class_and_none_has_none():
    table = small(["wrong", "no_answer", "correct", "wrong"], ["3", None, "5", "3"], ["q"] * 4)
    correct, classes = as_arrays(table, ["q"])
    assert classes.tolist() == [[0, -1, 1, 0]] and correct.tolist() == [[False, False, True, False]]
    _, classes = as_arrays(small(["no_answer"] * 2, [None, None], ["q"] * 2), ["q"])
    assert classes.tolist() == [[-1, -1]]


def test_answers_survive_a_file(tmp_path):
    from tts_lib.tables import read_table, write_table

    table = pool(64)
    write_table(table, tmp_path / "pool.parquet")
    back = read_table(tmp_path / "pool.parquet", COLUMNS)
    for a, b in zip(as_arrays(table, ["q0", "q1"]), as_arrays(back, ["q0", "q1"]), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("ids", [["a", "a", "b"], ["a", "b", "b", "b"], ["a", "a", "a", "b"]])
def test_unequal_pools_are_refused(ids):
    table = small(["wrong"] * len(ids), ["1"] * len(ids), ids)
    with pytest.raises(ValueError, match="2 questions have unequal numbers of samples"):
        as_arrays(table, ["a", "b"])


def test_a_question_without_a_pool_is_refused():
    with pytest.raises(KeyError, match="c"):
        as_arrays(small(["wrong"], ["1"], ["a"]), ["a", "c"])


def test_scores_of_another_order_are_refused():
    pool = pd.DataFrame({"question_id": ["a", "a", "b"], "sample": [0, 1, 0]})
    check_aligned(pool, pool.assign(prm_last=0.5))
    with pytest.raises(ValueError, match="row 0 of the scores"):
        check_aligned(pool, pool.iloc[[1, 0, 2]])
    with pytest.raises(ValueError, match="2 scores for a pool of 3"):
        check_aligned(pool, pool.head(2))
