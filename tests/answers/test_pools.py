import numpy as np
import pandas as pd
import pytest

from helpers.scripted_policy import CODEC, ScriptedPolicy
from tts_lib.answers import pools
from tts_lib.answers.expected import Means
from tts_lib.answers.grid import check_aligned, grid, sample_costs
from tts_lib.answers.pools import COLUMNS, expected, sample_pool
from tts_lib.answers.protocols import ContextOverflowError, Sampling
from tts_lib.answers.question_table import QuestionTable
from tts_lib.common.errors import StudyError
from tts_lib.common.rng import derive_seeds

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
    return sample_pool(ScriptedPolicy(write), QuestionTable(problems, CODEC), n_samples, SAMPLING, (seed, model))


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


def test_a_prompt_that_does_not_fit_is_named_by_its_question():
    class Small(ScriptedPolicy):
        def sample(self, requests, sampling):
            raise ContextOverflowError("it has 9 tokens", requests[-1].prefix)

    with pytest.raises(StudyError, match=r"^question q0: it has 9 tokens$"):
        sample_pool(Small(by_seed), QuestionTable(PROBLEMS, CODEC), 2, SAMPLING, (0, "base"))


def test_the_policy_gets_the_prompt_and_the_seeds_by_name():
    asked = {}
    pool(3, write=lambda prefix, seeds: asked.update({prefix: seeds}) or ["=1$"] * 3)
    assert list(asked) == PROBLEMS["problem"].tolist()
    assert asked["03a=?\n"] == derive_seeds((0, "base", "q1", "pool"), 3).tolist()


def test_the_grid_follows_the_questions_asked_for():
    table = pool(len(TEXTS), write=lambda prefix, seeds: TEXTS)
    found = grid(table, ["q1", "q0"])
    assert found.correct.dtype == bool
    assert found.correct.tolist() == [[True] + [False] * 4, [False, True, False, False, False]]
    assert found.answers.tolist() == [[0, 1, 2, -1, -1]] * 2
    assert grid(table, ["q1"]).correct.tolist() == [[True] + [False] * 4]


def test_equal_answers_share_a_class_and_none_has_none():
    table = pool(4, write=lambda prefix, seeds: ["=3$", "3", "=5$", "=3$"])
    assert table["answer_class"].tolist() == [0, -1, 1, 0] * 2


def test_answers_survive_a_file(tmp_path):
    from tts_lib.common.tables import read_table, write_table

    table = pool(64)
    write_table(table, tmp_path / "pool.parquet")
    found, back = (grid(t, ["q0", "q1"]) for t in (table, read_table(tmp_path / "pool.parquet", COLUMNS)))
    np.testing.assert_array_equal(found.correct, back.correct)
    np.testing.assert_array_equal(found.answers, back.answers)


def test_unequal_pools_stand_side_by_side_and_lose_their_first_samples():
    verdicts = ["wrong", "correct", "correct", "wrong", "correct"]
    table = small(verdicts, ["1", "2", "3", "4", "3"], ["a", "a", "b", "b", "b"]).assign(answer_class=[0, 1, 0, 1, 0])
    found = grid(table, ["b", "a"])
    assert found.n_samples.tolist() == [3, 2] and found.smallest == 2
    assert found.correct.tolist() == [[True, False, True], [False, True, False]]
    assert found.answers.tolist() == [[0, 1, 0], [0, 1, -1]]
    assert found.spread(np.arange(5)).tolist() == [[2, 3, 4], [0, 1, 0]]
    rest = found.without_first(1)
    assert rest.n_samples.tolist() == [2, 1] and rest.correct.tolist() == [[False, True], [True, False]]
    assert rest.spread(np.arange(5)).tolist() == [[3, 4], [1, 0]]
    with pytest.raises(ValueError, match="question a has 2 samples: none are left without the first 2"):
        found.without_first(2)


def test_a_question_without_a_pool_is_refused():
    with pytest.raises(ValueError, match="no sample of question c"):
        grid(small(["wrong"], ["1"], ["a"]).assign(answer_class=0), ["a", "c"])


def test_scores_of_another_order_are_refused():
    pool = pd.DataFrame({"question_id": ["a", "a", "b"], "sample": [0, 1, 0]})
    check_aligned(pool, pool.assign(prm_last=0.5))
    with pytest.raises(ValueError, match="row 0 of the scores"):
        check_aligned(pool, pool.iloc[[1, 0, 2]])
    with pytest.raises(ValueError, match="2 scores for a pool of 3"):
        check_aligned(pool, pool.head(2))


def test_costs_are_means_over_the_pool_in_the_order_of_the_questions():
    pool = pd.DataFrame({"question_id": ["a", "a", "b", "b", "b"], "n_tokens": [3, 6, 2, 5, 5]})
    table = sample_costs(pool, np.array([1, 2, 1, 1, 1]), {"b": 7, "a": 8})
    assert table["question_id"].tolist() == ["b", "a"] and table["prompt_tokens"].tolist() == [7, 8]
    assert table["mean_policy_tokens"].tolist() == table["mean_verifier_tokens"].tolist() == [4.0, 4.5]
    assert table["n_steps"].tolist() == [1.0, 1.5]


def test_a_pool_takes_what_it_says():
    policy = ScriptedPolicy(lambda prefix, seeds: [TEXTS[0]] * len(seeds))
    table = sample_pool(policy, QuestionTable(PROBLEMS.head(1), CODEC), 6, SAMPLING, (0, "base"))
    prompt, solution = (len(tokens) for tokens in CODEC.encode([PROBLEMS["problem"][0], TEXTS[0]]))
    asked = expected(6, Means(prompt, solution))
    assert (asked.generations, asked.sampled) == (len(table), table["n_tokens"].sum())
    assert asked.prefilled == sum(len(tokens) for tokens in CODEC.encode(policy.prefixes))


def test_the_pool_of_nobody_is_a_pool() -> None:
    assert list(pools.empty().columns) == pools.COLUMNS and len(pools.empty()) == 0
    assert pools.empty()["n_tokens"].dtype == "int64"
