"""Selection rules on hand-made cases, and against the estimators' expectation over ties."""

import numpy as np
import pytest

from tts_lib.estimators.selection import AGGREGATIONS, RULES, aggregate_steps, best_of_n, best_of_n_weighted, majority

F = False
T = True


def select(rule, answers, scores, correct):
    return RULES[rule](np.array(answers), np.array(scores, dtype=float), np.array(correct))


@pytest.mark.parametrize(
    ("rule", "answers", "scores", "correct", "chosen"),
    [
        ("majority", [4, 7, 7], [0.9, 0.1, 0.2], [T, F, F], 2),  # best-scored member of the most frequent answer
        ("majority", [4, 7, 7, 4], [0.1, 0.9, 0.9, 0.2], [T, F, F, T], 3),  # tie of counts: proposed first
        ("majority", [-1, -1, -1, 5], [0.9, 0.9, 0.9, 0.1], [F, F, F, T], 3),  # no answer does not vote
        ("best_of_n", [4, 7, 7], [0.9, 0.1, 0.2], [T, F, F], 0),
        ("best_of_n", [4, 7, 8], [0.3, 0.8, 0.8], [F, T, F], 1),  # tie of scores: first
        ("best_of_n", [-1, 7], [0.9, 0.8], [F, T], 0),  # a missing answer may win, and is wrong
        ("best_of_n_weighted", [4, 7, 7], [0.7, 0.4, 0.5], [F, T, T], 2),  # .9 against .7
        ("best_of_n_weighted", [4, 7, 7], [0.9, 0.1, 0.2], [T, F, F], 0),
        ("best_of_n_weighted", [4, 7, 7], [0.75, 0.25, 0.5], [T, F, F], 0),  # tie of sums: proposed first
        ("best_of_n_weighted", [-1, 7], [0.9, 0.1], [F, T], 1),
        ("best_of_n_weighted", [3], [0.0], [T], 0),
    ],
)
def test_selects(rule, answers, scores, correct, chosen):
    selection = select(rule, answers, scores, correct)
    assert selection.chosen == chosen
    assert selection.answer == answers[chosen]
    assert selection.correct is correct[chosen]


@pytest.mark.parametrize("rule", ["majority", "best_of_n_weighted"])
def test_vote_without_any_answer_is_wrong(rule):
    selection = select(rule, [-1, -1], [0.5, 0.6], [F, F])
    assert (selection.chosen, selection.answer, selection.correct) == (-1, -1, False)


def test_sums_do_not_depend_on_candidate_order():
    """0.1 + 0.2 + 0.3 differs from 0.3 + 0.2 + 0.1 in floating point; the tie must still go to the first answer."""
    for order in ([0, 1, 2], [2, 1, 0], [1, 0, 2]):
        part = np.array([0.1, 0.2, 0.3])
        scores = np.concatenate([part, part[order]])
        answers = np.array([1, 1, 1, 2, 2, 2])
        assert best_of_n_weighted(answers, scores, answers == 1).answer == 1


def test_rules_differ():
    case = ([1, 2, 2, 3, 3], [0.9, 0.3, 0.3, 0.6, 0.5], [F, F, F, T, T])
    assert {rule: select(rule, *case).answer for rule in RULES} == {
        "majority": 2,
        "best_of_n": 1,
        "best_of_n_weighted": 3,
    }


@pytest.mark.parametrize(
    ("answers", "scores", "correct", "message"),
    [
        ([], [], [], "no candidates"),
        ([1, 2], [0.1, np.nan], [T, F], "candidate 1 is NaN"),
    ],
)
@pytest.mark.parametrize("rule", list(RULES))
def test_bad_input(rule, answers, scores, correct, message):
    with pytest.raises(ValueError, match=message):
        RULES[rule](np.array(answers, dtype=int), np.array(scores, dtype=float), np.array(correct, dtype=bool))


@pytest.mark.parametrize("rule", list(RULES))
def test_unequal_lengths(rule):
    """A ValueError by itself; a TypeError where the shape annotations are checked as well."""
    with pytest.raises((ValueError, TypeError)):
        RULES[rule](np.array([1, 2]), np.array([0.1]), np.array([T, F]))


def test_negative_weight_is_refused_by_the_weighted_vote_only():
    answers, scores, correct = np.array([1, 2]), np.array([-0.5, 0.5]), np.array([F, T])
    with pytest.raises(ValueError, match=">= 0"):
        best_of_n_weighted(answers, scores, correct)
    assert best_of_n(answers, scores, correct).correct
    assert majority(answers, scores, correct).answer == 1


def test_aggregations():
    steps, offsets = np.array([0.5, 0.8, 0.25, 0.9], dtype=np.float32), np.array([0, 3, 4])
    expected = {"last": [0.25, 0.9], "min": [0.25, 0.9], "prod": [0.1, 0.9], "mean": [1.55 / 3, 0.9]}
    for how in AGGREGATIONS:
        np.testing.assert_allclose(aggregate_steps(steps, offsets, how), expected[how], rtol=1e-6)
    assert len(aggregate_steps(np.zeros(0), np.array([0]), "min")) == 0


@pytest.mark.parametrize(
    ("offsets", "how", "message"),
    [
        ([0, 2, 4], "max", "'max' is unknown"),
        ([0, 2], "last", "from 0 to the number of step scores, 4"),
        ([], "last", "from 0"),
        ([0, 2, 2, 4], "last", "solution 1 has no step"),
    ],
)
def test_aggregation_bad_input(offsets, how, message):
    with pytest.raises(ValueError, match=message):
        aggregate_steps(np.full(4, 0.5), np.array(offsets, dtype=int), how)
