from itertools import cycle, islice

import numpy as np
import pandas as pd
import pytest

from helpers.scripted_policy import CODEC, ScriptedPolicy
from tts_lib.answers.protocols import ContextOverflowError, Sampling
from tts_lib.answers.question_table import QuestionTable
from tts_lib.common.errors import StudyError
from tts_lib.grading.exact import grade
from tts_lib.grading.judging import Judged
from tts_lib.strategies import pool_accuracy
from tts_lib.verifiers import first_error, labels, rollouts, scoring
from tts_lib.verifiers.first_error import NONE

SAMPLING = Sampling(0.8, 1.0, 40, "end")
PROBLEMS = pd.DataFrame({"question_id": ["q0", "q1"], "problem": ["03ab=?\n", "?b=07\n"], "answer": ["12", "12"]})
QUESTIONS = QuestionTable(PROBLEMS, CODEC)
RIGHT, WRONG, CUT = "03a05\n05b12\n=12$", "03a05\n05b13\n=13$", "03a05\n05b"


def solutions(*rows: tuple[str, str]) -> pd.DataFrame:
    """Rows (question, text), graded against the answer 12."""
    table = pd.DataFrame({"question_id": [q for q, _ in rows], "text": [text for _, text in rows]})
    return table.assign(sample=np.arange(len(rows)), verdict=[grade(text, "12")[1] for _, text in rows])


class Fixed:
    """Gives the n-th text it is asked for the score n / 10 at every step."""

    version = "fixed"

    def __init__(self) -> None:
        self.requests: list = []

    def score(self, requests):
        self.requests += requests
        count = iter(range(1, 10))
        return [
            [np.full(1 + n_newlines(c), next(count) / 10, np.float32) for c in request.continuations]
            for request in requests
        ]


def n_newlines(tokens: np.ndarray) -> int:
    return CODEC.decode([tokens])[0].count("\n")


# --- steps


@pytest.mark.parametrize(
    ("text", "steps"),
    [
        (RIGHT, ["03a05\n", "05b12\n", "=12$"]),
        (CUT, ["03a05\n", "05b"]),
        ("=12$", ["=12$"]),
        ("a\n\n", ["a\n", "\n"]),
        ("", []),
    ],
)
def test_steps_are_lines_with_their_ends(text, steps):
    assert rollouts.split_steps(text) == steps and "".join(steps) == text


# --- Monte-Carlo labels


def label(table: pd.DataFrame, n_rollouts: int = 4, write=None) -> tuple[pd.DataFrame, int, ScriptedPolicy]:
    ends = {"03ab=?\n03a05\n": ["05b12\n=12$"], "03ab=?\n03a05\n05b12\n": ["=12$", "=13$"]}
    policy = ScriptedPolicy(write or (lambda p, seeds: list(islice(cycle(ends.get(p, ["=13$", "="])), len(seeds)))))
    labelled, n_tokens = rollouts.label_steps(policy, QUESTIONS, table, n_rollouts, SAMPLING, (0, "base"))
    return labelled, n_tokens, policy


def test_a_label_is_the_share_of_rollouts_that_arrive():
    labelled, n_tokens, _ = label(solutions(("q0", RIGHT), ("q0", WRONG)))
    assert list(labelled) == ["question_id", "sample", "labels"]
    assert labelled["labels"].tolist() == [[1.0, 0.5, 1.0], [1.0, 0.0, 0.0]]
    written = [["05b12\n=12$"] * 4, ["=12$", "=13$"] * 2, ["=13$", "="] * 2]
    assert n_tokens == sum(len(t) for texts in written for t in CODEC.encode(texts))


def test_equal_prefixes_share_their_rollouts():
    _, _, policy = label(solutions(("q0", RIGHT), ("q0", WRONG), ("q0", RIGHT), ("q1", RIGHT)))
    assert len(policy.prefixes) == len(set(policy.prefixes)) == 3 + 2
    assert set(policy.prefixes) == {
        "03ab=?\n03a05\n",
        "03ab=?\n03a05\n05b12\n",
        "03ab=?\n03a05\n05b13\n",
        "?b=07\n03a05\n",
        "?b=07\n03a05\n05b12\n",
    }


def test_the_last_label_is_the_outcome_and_needs_no_rollout():
    labelled, n_tokens, policy = label(solutions(("q0", "=12$"), ("q0", "=13$")))
    assert labelled["labels"].tolist() == [[1.0], [0.0]] and policy.prefixes == [] and n_tokens == 0


def test_solutions_without_an_answer_are_dropped():
    labelled, _, policy = label(solutions(("q0", CUT), ("q0", RIGHT), ("q0", "")))
    assert labelled["sample"].tolist() == [1] and labelled.index.tolist() == [0]
    assert len(policy.prefixes) == 2


def test_rollouts_own_their_seeds():
    seeds = {}

    def write(prefix, given):
        seeds.setdefault(prefix, []).append(given)
        return ["=12$"] * len(given)

    label(solutions(("q0", RIGHT)), 8, write)
    label(solutions(("q0", WRONG), ("q0", RIGHT)), 16, write)
    for few, many in (lists for lists in seeds.values() if len(lists) == 2):
        assert few == many[:8]
    drawn = [seed for lists in seeds.values() for seed in lists[-1]]
    assert len(drawn) == len(set(drawn)) == 3 * 16


def test_a_rollout_is_graded_with_the_steps_before_it():
    labelled, _, _ = label(solutions(("q0", RIGHT)), 2, lambda prefix, seeds: ["", "12$"])
    assert labelled["labels"].tolist() == [[0.0, 0.0, 1.0]]


class Hesitant:
    """Takes what ends in 13 for right, and fails on an answer with a 9."""

    def judge(self, question_id, gold, texts):
        verdicts = ["timeout" if "9" in text else "correct" if text.endswith("13$") else "wrong" for text in texts]
        return Judged(list(texts), verdicts, np.zeros(len(texts), int))


def test_rollouts_go_to_the_judge_of_the_study_and_count_where_it_has_an_answer():
    table = pd.DataFrame({"question_id": "q0", "sample": [0, 1], "text": [RIGHT, RIGHT], "verdict": ["wrong", "error"]})
    ends = {"03ab=?\n03a05\n": ["=13$", "=19$", "=12$"], "03ab=?\n03a05\n05b12\n": ["=09$"] * 3}
    policy = ScriptedPolicy(lambda prefix, seeds: ends[prefix])
    questions = QuestionTable(PROBLEMS, CODEC, Hesitant())
    labelled, _ = rollouts.label_steps(policy, questions, table, 3, SAMPLING, (0, "base"))
    assert labelled["sample"].tolist() == [0]  # the other was not judged
    np.testing.assert_array_equal(labelled["labels"][0], [0.5, np.nan, 0.0])


def test_a_prefix_that_does_not_fit_is_named_by_its_question():
    class Small(ScriptedPolicy):
        def sample(self, requests, sampling):
            raise ContextOverflowError("it has 99 tokens", requests[-1].prefix)

    table = solutions(("q0", RIGHT), ("q1", RIGHT))
    with pytest.raises(StudyError, match=r"^question q1: it has 99 tokens$"):
        rollouts.label_steps(Small(lambda prefix, seeds: []), QUESTIONS, table, 2, SAMPLING, (0, "base"))


def test_a_step_ends_where_the_model_says():
    policy = ScriptedPolicy(lambda prefix, seeds: ["=12$"] * len(seeds))
    table = solutions(("q0", RIGHT))
    labelled, _ = rollouts.label_steps(policy, QUESTIONS, table, 2, SAMPLING, (0, "base"), delimiter="b")
    assert policy.prefixes == ["03ab=?\n03a05\n05b"] and len(labelled["labels"][0]) == 2


# --- training examples


def weighted(examples) -> list[list[tuple[str, float]]]:
    """For each example the text up to each weighted token, and the token's label."""
    found = []
    for start, stop in zip(examples.offsets[:-1], examples.offsets[1:], strict=True):
        at = np.flatnonzero(examples.weight[start:stop])
        tokens = examples.tokens[start:stop]
        texts = CODEC.decode([tokens[: i + 1] for i in at])
        found.append(list(zip(texts, examples.target[start:stop][at].tolist(), strict=True)))
    return found


def test_prm_labels_stand_on_closing_tokens_only():
    table = solutions(("q0", RIGHT), ("q1", "=13$")).assign(labels=[[1.0, 0.5, 0.25], [0.0]])
    examples = labels.prm_examples(PROBLEMS, table, CODEC)
    assert weighted(examples) == [
        [("03ab=?\n03a05\n", 1.0), ("03ab=?\n03a05\n05b12\n", 0.5), ("03ab=?\n" + RIGHT, 0.25)],
        [("?b=07\n=13$", 0.0)],
    ]
    assert CODEC.decode(np.split(examples.tokens, examples.offsets[1:-1])) == ["03ab=?\n" + RIGHT, "?b=07\n=13$"]
    assert set(examples.weight) == {0.0, 1.0} and not examples.target[examples.weight == 0].any()
    assert examples.weight.dtype == examples.target.dtype == np.float32 and examples.tokens.dtype == np.int32


def test_orm_labels_stand_on_the_last_token_only():
    table = solutions(("q0", RIGHT), ("q1", WRONG), ("q0", CUT), ("q0", "=12$"))
    examples = labels.orm_examples(PROBLEMS, table, CODEC)
    assert weighted(examples) == [
        [("03ab=?\n" + RIGHT, 1.0)],
        [("?b=07\n" + WRONG, 0.0)],
        [("03ab=?\n" + CUT, 0.0)],
        [("03ab=?\n=12$", 1.0)],
    ]


def test_a_solution_with_too_few_labels_is_refused():
    table = solutions(("q0", RIGHT)).assign(labels=[[1.0, 0.5]])
    with pytest.raises(ValueError, match="2"):
        labels.prm_examples(PROBLEMS, table, CODEC)


def test_matched_solutions_take_the_first_of_every_question_first():
    table = pd.DataFrame(
        {
            "question_id": ["a", "a", "a", "b", "b", "b"],
            "sample": [0, 1, 2, 0, 1, 2],
            "verdict": ["correct", "no_answer", "wrong", "wrong", "wrong", "correct"],
        }
    )
    taken = labels.matched_solutions(table, 4)
    assert list(zip(taken["question_id"], taken["sample"], strict=True)) == [("a", 0), ("b", 0), ("b", 1), ("a", 2)]
    assert len(labels.matched_solutions(table, 99)) == 5


@pytest.mark.parametrize(("n", "n_matched", "epochs"), [(100, 100, 3), (100, 300, 1), (100, 50, 6), (100, 10_000, 1)])
def test_matched_epochs_show_as_many_examples(n, n_matched, epochs):
    assert labels.matched_epochs(3, n, n_matched) == epochs


# --- the first wrong step


SCORES = [np.float32(s) for s in ([0.9, 0.8, 0.2], [0.9, 0.1, 0.9], [0.9, 0.9], [0.4, 0.9], [0.3])]
TRUTH = np.array([2, 1, NONE, NONE, 0])


def test_the_first_step_below_the_threshold_is_named():
    assert first_error.predict(SCORES, 0.5).tolist() == [2, 1, NONE, 0, 0]
    assert first_error.predict(SCORES, 0.05).tolist() == [NONE] * 5
    assert first_error.predict(SCORES, 0.2).tolist() == [NONE, 1, NONE, NONE, NONE]  # 0.2 in float32 is not below


def test_f1_joins_both_shares():
    result = first_error.evaluate(SCORES, TRUTH, 0.5)
    assert (result.accuracy_wrong, result.accuracy_right) == (1.0, 0.5) and (result.n_wrong, result.n_right) == (3, 2)
    assert result.f1 == pytest.approx(2 / 3)
    assert "100.0% of 3 wrong" in result.sentence and "50.0% of 2 right" in result.sentence
    assert first_error.evaluate(SCORES, TRUTH, 0.35).f1 == 1.0
    nothing = first_error.evaluate([np.float32([0.1]), np.float32([0.9])], np.array([NONE, 0]), 0.5)
    assert nothing.f1 == 0.0


def test_a_share_of_no_solutions_is_none():
    all_right = first_error.evaluate(SCORES[2:4], TRUTH[2:4], 0.5)
    all_wrong = first_error.evaluate(SCORES[:2], TRUTH[:2], 0.5)
    assert all_right.accuracy_wrong is None and all_right.f1 is None and all_right.n_wrong == 0
    assert all_wrong.accuracy_right is None and all_wrong.f1 is None
    assert "none named in none of 0 right" in all_wrong.sentence


def test_the_best_threshold_is_found():
    threshold = first_error.best_threshold(SCORES, TRUTH)
    assert first_error.evaluate(SCORES, TRUTH, threshold).f1 == 1.0
    assert 0.0 <= first_error.best_threshold(SCORES[2:4], TRUTH[2:4]) <= 1.0  # no F1 to go by


def test_verdicts_become_first_wrong_steps():
    assert first_error.of_verdicts([[True, True], [True, False, True], [False], [True]]).tolist() == [NONE, 1, 0, NONE]


# --- scores of a pool


def test_equal_texts_are_read_once():
    verifier = Fixed()
    rows = solutions(("q1", "=12$"), ("q0", RIGHT), ("q1", "=12$"), ("q1", WRONG), ("q0", RIGHT))
    scores = scoring.step_scores(verifier, QUESTIONS, rows)
    expected = [(1, 1), (3, 3), (1, 1), (3, 2), (3, 3)]
    assert [s.tolist() for s in scores] == [np.full(n, v / 10, np.float32).tolist() for n, v in expected]
    assert [CODEC.decode([r.prefix])[0] for r in verifier.requests] == ["?b=07\n", "03ab=?\n"]
    assert [CODEC.decode(r.continuations) for r in verifier.requests] == [["=12$", WRONG], [RIGHT]]


def test_a_solution_that_does_not_fit_is_named_by_its_question():
    class Small(Fixed):
        def score(self, requests):
            raise ContextOverflowError("it has 9 tokens", requests[1].prefix)

    with pytest.raises(StudyError, match=r"^question q1: it has 9 tokens$"):
        scoring.step_scores(Small(), QUESTIONS, solutions(("q0", "=12$"), ("q1", "=12$")))


def test_the_same_text_of_two_questions_is_read_twice():
    verifier = Fixed()
    scores = scoring.step_scores(verifier, QUESTIONS, solutions(("q0", "=12$"), ("q1", "=12$")))
    assert [round(float(s[0]), 1) for s in scores] == [0.1, 0.2]


def test_solution_scores_by_each_aggregation():
    found = scoring.aggregated([np.float32([0.5, 0.25]), np.float32([0.5]), np.float32([0.25, 0.5, 0.5])])
    assert {how: values.tolist() for how, values in found.items()} == {
        "last": [0.25, 0.5, 0.5],
        "min": [0.25, 0.5, 0.25],
        "prod": [0.125, 0.5, 0.0625],
        "mean": [0.375, 0.5, pytest.approx(1.25 / 3)],
    }
    assert all(values.dtype == np.float32 for values in found.values())


def test_a_pool_is_scored_by_all_verifiers():
    pool = solutions(("q0", RIGHT), ("q0", "=12$"))
    table, _ = scoring.score_pool({name: Fixed() for name in ("prm", "orm", "orm_matched")}, QUESTIONS, pool)
    assert list(table) == scoring.COLUMNS and table["n_steps"].tolist() == [3, 1]
    np.testing.assert_allclose(table[["prm_last", "prm_prod", "orm"]], [[0.1, 0.001, 0.1], [0.2, 0.2, 0.2]], rtol=1e-5)


def test_a_share_of_the_scores_is_flipped():
    scores = np.full((50, 40), 0.9)
    weak = pool_accuracy.flipped(scores, 0.2, np.random.default_rng(0))
    assert set(np.round(weak, 6).ravel()) == {0.1, 0.9} and (weak < 0.5).mean() == pytest.approx(0.2, abs=0.03)
    np.testing.assert_array_equal(pool_accuracy.flipped(scores, 0.0, np.random.default_rng(0)), scores)
    np.testing.assert_array_equal(weak, pool_accuracy.flipped(scores, 0.2, np.random.default_rng(0)))


def test_the_histogram_sums_to_one_for_each_verdict():
    scores = pd.DataFrame({"prm_last": [0.0, 0.5, 1.0, 0.9]})
    table = scoring.score_histogram(scores, pd.DataFrame({"verdict": ["wrong", "wrong", "correct", "correct"]}), 5)
    assert table.groupby("verdict")["share"].sum().to_dict() == {"right": 1.0, "wrong": 1.0}
    assert table.loc[table["verdict"] == "right", "share"].tolist() == [0, 0, 0, 0, 1]
    none_right = scoring.score_histogram(scores, pd.DataFrame({"verdict": ["wrong"] * 4}), 5)
    assert none_right.loc[none_right["verdict"] == "right", "share"].sum() == 0
