"""What cells and trees are worth: votes over every group of chains, tokens, flips."""

import numpy as np
import pandas as pd

from helpers.simulated_policy import SimulatedVerifier, is_correct, question, step_ends
from revisions.test_restart import SAMPLING, Revising
from tts_lib.answers.question_table import QuestionTable
from tts_lib.grading.judging import Judged
from tts_lib.revisions.cells import COLUMNS, accuracy, flips, sample_cell, sample_tree, tokens
from tts_lib.revisions.restart import Restart
from tts_lib.revisions.tree import ReviseTree

N = 12
PROBLEMS = pd.DataFrame({"question_id": [f"q{i}" for i in range(N)], "problem": [str(i) for i in range(N)]})


class Codec:
    """A problem is a number of the simulated world; a solution is spelled token by token."""

    version = "simulated"

    def encode(self, texts):
        return [question(int(text)).prompt for text in texts]

    def decode(self, solutions):
        return [" ".join(map(str, solution.tolist())) for solution in solutions]


class Judge:
    """Right by the simulated world; equal texts are one answer."""

    def judge(self, question_id, gold, texts):
        prompt = question(int(question_id[1:])).prompt
        right = [is_correct(prompt, np.array([int(t) for t in text.split()], np.int32)) for text in texts]
        verdicts = ["correct" if each else "wrong" for each in right]
        return Judged(list(texts), verdicts, pd.factorize(np.array(texts, dtype=object))[0])


QUESTIONS = QuestionTable(PROBLEMS.assign(answer="?"), Codec(), Judge())


def cell(shown=True, where="first_error"):
    method = Restart(sampling=SAMPLING, where=where, shown=shown, threshold=0.5, ends=step_ends)
    return sample_cell(method, QUESTIONS, (4, 3), (Revising(), SimulatedVerifier(0.3)), (0, "model"))


def test_a_row_an_attempt_and_a_vote_over_every_group_of_chains():
    table = cell()
    assert list(table) == COLUMNS and len(table) == N * 12
    found = accuracy(table, 4, 3)
    assert list(found) == [3, 6, 12] and all(values.shape == (N,) for values in found.values())
    one = table[(table["question_id"] == "q3") & (table["group"] == 2)]
    voting = one[one["answer_class"] >= 0]
    best = voting.groupby("answer_class")["score"].sum().idxmax()
    expected = bool(voting.loc[voting["answer_class"] == best, "right"].any())
    alone = table[table["question_id"] == "q3"].reset_index(drop=True)
    by_chain = [accuracy(alone[alone["group"] == g], 1, 3)[3][0] for g in range(4)]
    assert by_chain[2] == expected and found[3][3] == np.mean(by_chain)


def test_tokens_are_those_that_were_read_and_written():
    prompts = {f"q{i}": 2 for i in range(N)}
    shown, alone = tokens(cell(shown=True), prompts), tokens(cell(shown=False, where="start"), prompts)
    assert (shown[0] > alone[0]).all()
    table = cell(shown=False, where="start")
    of = table[table["question_id"] == "q5"]
    read = of.loc[of["turn"] > 1, "n_read"].sum()
    assert alone[0][5] == (read + of["n_written"].sum()) / len(of)
    assert alone[1][5] == of.loc[of["finished"], "n_tokens"].sum() / len(of)


def test_flips_are_counted_from_the_attempt_before():
    table = cell()
    found = flips(table).set_index("question_id")
    assert found[["n_right", "n_wrong"]].sum(axis=1).eq(4 * 2).all()
    of = table[table["question_id"] == "q1"].sort_values(["group", "turn"])
    lost = sum(
        bool(a and not b)
        for _, chain in of.groupby("group")
        for a, b in zip(chain["right"], chain["right"][1:], strict=False)
    )
    assert found.loc["q1", "right_to_wrong"] == lost


def test_a_tree_is_a_table_too():
    method = ReviseTree(sampling=SAMPLING, dealt="score")
    table = sample_tree(method, QUESTIONS, (4, 3), (Revising(), SimulatedVerifier(0.3)), (0, "model"))
    assert list(table) == COLUMNS and (table["turn"].value_counts() == 4 * N).all()
    assert (table.loc[table["turn"] == 1, "before"] == -1).all() and table.loc[table["turn"] > 1, "before"].between(
        0, 3
    ).all()
    assert flips(table)[["n_right", "n_wrong"]].to_numpy().sum() == N * 8
