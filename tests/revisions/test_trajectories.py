"""Trajectories of the revision model: who stands before whom, and what is learned."""

import numpy as np
import pandas as pd
import pytest

from helpers.scripted_policy import CODEC
from tts_lib.answers.question_table import QuestionTable
from tts_lib.common.errors import StudyError
from tts_lib.revisions import trajectories
from tts_lib.revisions.trajectories import build

WRONG = ["01a02\n=02$", "01a05\n=05$", "11b12\n=12$", "07c08\n08d09\n=09$", "33a44\n=44$", "01a03\n=03$"]
RIGHT = ["01a04\n=04$", "07c08\n08d04\n=04$"]


def pool(n_wrong: int = 6, questions: int = 1) -> pd.DataFrame:
    texts = [*RIGHT, *WRONG[:n_wrong], "unfinished"]
    verdicts = ["correct"] * len(RIGHT) + ["wrong"] * n_wrong + ["no_answer"]
    parts = [pd.DataFrame({"question_id": f"q{i}", "text": texts, "verdict": verdicts}) for i in range(questions)]
    return pd.concat(parts, ignore_index=True)


def histories(pairing: trajectories.Pairing, n_wrong: int = 6, n: int = 200, questions: int = 1) -> list[tuple]:
    """(right text, history) of many builds."""
    rng = np.random.default_rng(0)
    built = pd.concat([build(pool(n_wrong, questions), pairing, rng) for _ in range(n)])
    return list(zip(built["text"], built["history"], strict=True))


def test_the_nearest_wrong_answer_comes_last_and_the_others_are_drawn():
    nearest = {RIGHT[0]: {WRONG[0]}, RIGHT[1]: {WRONG[3]}}  # the first of the equally near ones
    lengths, firsts = set(), set()
    for text, history in histories("edit_distance"):
        lengths.add(len(history))
        assert len(set(history)) == len(history) and set(history) <= set(WRONG)
        if history:
            assert history[-1] in nearest[text]
            firsts |= set(history[:-1])
    assert lengths == {0, 1, 2, 3, 4} and firsts == set(WRONG)


def test_lengths_are_uniform_up_to_what_there_is():
    counts = pd.Series([len(history) for _, history in histories("edit_distance", n_wrong=2)]).value_counts()
    assert set(counts.index) == {0, 1, 2} and counts.min() > 0.25 * counts.sum()
    assert {len(history) for _, history in histories("edit_distance", n_wrong=0, n=5)} == {0}


def test_controls_differ_in_their_history_alone():
    assert {len(history) for _, history in histories("none", n=5)} == {0}
    lasts = {history[-1] for text, history in histories("random") if history and text == RIGHT[0]}
    assert len(lasts) == len(WRONG)


def test_a_shuffled_history_is_of_another_question():
    rng = np.random.default_rng(0)
    several = pool(6, 40)
    several["text"] = several["question_id"] + " " + several["text"]
    built = build(several, "shuffled", rng)
    for question_id, history in zip(built["question_id"], built["history"], strict=True):
        assert not any(text.startswith(f"{question_id} ") for text in history)
    plain = build(several, "edit_distance", np.random.default_rng(0))
    assert sorted(map(len, built["history"])) == sorted(map(len, plain["history"]))


def test_only_the_right_answer_is_learned():
    table = pd.DataFrame({"question_id": ["q"], "history": [["01a02\n=02$"]], "text": ["01a04\n=04$"]})
    questions = QuestionTable(pd.DataFrame({"question_id": ["q"], "problem": ["01a=?\n"]}), CODEC)
    found = trajectories.examples(table, questions)
    learned = CODEC.decode([found.tokens[found.weight > 0]])[0]
    assert learned == "01a04\n=04$" and CODEC.decode([found.tokens])[0] == "01a=?\n01a02\n=02$01a=?\n01a04\n=04$"


@pytest.mark.parametrize("pairing", ["edit_distance", "random", "shuffled"])
def test_the_same_seed_builds_the_same(pairing: trajectories.Pairing):
    one, other = (build(pool(6, 3), pairing, np.random.default_rng(1)) for _ in range(2))
    pd.testing.assert_frame_equal(one, other)


def chain_table(chains: dict[str, list[str]]) -> pd.DataFrame:
    """Chains of letters: r = right, x = cut off, others wrong answers."""
    rows = [
        (question, chain, position, letter * 2, "length" if letter == "x" else "end", letter)
        for question, of_chains in chains.items()
        for chain, letters in enumerate(of_chains)
        for position, letter in enumerate(letters, start=1)
    ]
    table = pd.DataFrame(rows, columns=["question_id", "chain", "position", "text", "finish", "letter"])
    verdict = table["letter"].map(lambda x: {"r": "correct", "x": "no_answer"}.get(x, "wrong"))
    return table.assign(verdict=verdict)


def test_rest_em_learns_each_chain_up_to_its_first_right_attempt():
    table = chain_table({"a": ["abrcr", "xbr", "ccc"], "b": ["rr", "ra", "rb", "rc"]})
    built = trajectories.rest_em(table.sample(frac=1, random_state=0), np.random.default_rng(0))
    assert list(built) == trajectories.COLUMNS and set(built["text"]) == {"rr"}
    found = list(zip(built["question_id"], built["history"], strict=True))
    assert found[:2] == [("a", ["aa", "bb"]), ("a", ["bb"])]
    assert found[2:] == [("b", []), ("b", [])]  # as many at once as after others


def test_rest_em_without_a_right_attempt_has_nothing_to_learn():
    built = trajectories.rest_em(chain_table({"a": ["ab"]}), np.random.default_rng(0))
    questions = QuestionTable(pd.DataFrame({"question_id": ["a"], "problem": ["01a=?\n"]}), CODEC)
    with pytest.raises(StudyError, match="No trajectory to learn revisions from"):
        trajectories.examples(built, questions)
