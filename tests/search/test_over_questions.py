import numpy as np
import pandas as pd
import pytest

from helpers.simulated_policy import (
    FIRST_SYMBOL,
    NEWLINE,
    SimulatedPolicy,
    SimulatedVerifier,
    _correct_symbol,
    question,
)
from tts_lib.answers.protocols import ContextOverflowError
from tts_lib.answers.question_table import QuestionTable
from tts_lib.common.errors import StudyError
from tts_lib.search.beam import Beam
from tts_lib.search.dvts import Dvts
from tts_lib.search.lookahead import Lookahead
from tts_lib.search.methods import reachable
from tts_lib.search.over_questions import run
from tts_lib.search.particles import Particles
from tts_lib.search.rebase import Rebase
from tts_lib.search.step_search import StepSearch
from tts_lib.search.tree import Tree

STEPS = {"temperature": 0.8, "top_p": 1.0, "max_step_tokens": 8, "max_tokens": 200, "max_rounds": 40}
KINDS = {
    "beam": ({"kind": "beam", "width": 4}, Beam),
    "lookahead": ({"kind": "lookahead", "width": "sqrt", "depth": 1}, Lookahead),
    "dvts": ({"kind": "dvts", "width": 4, "depth": 0}, Dvts),
    "rebase": ({"kind": "rebase", "temperature_of_values": 0.2}, Rebase),
    "odds": ({"kind": "particles", "weights": "odds"}, Particles),
    "tree": ({"kind": "tree"}, Tree),
}
LENGTHS = [3, 4, 5, 6]
PROBLEMS = pd.DataFrame(
    {
        "question_id": [f"q{i}" for i in range(4)],
        "problem": [f"{i} {length}" for i, length in enumerate(LENGTHS)],
        "answer": [str(_correct_symbol(i, length - 1)) for i, length in enumerate(LENGTHS)],
    }
)


class Codec:
    """The simulated questions and solutions as text; the answer is the symbol of the last step."""

    version = "simulated"

    def encode(self, texts):
        return [question(*map(int, text.split())).prompt for text in texts]

    def decode(self, tokens):
        names = {0: "\n", 1: "$", 2: ""} | {s: f"={s}" for s in range(FIRST_SYMBOL, 20)}
        return ["".join(names[t] for t in solution.tolist()) for solution in tokens]


class Undecided(SimulatedVerifier):
    """Has no number for the question of one problem."""

    def score(self, requests):
        scores = super().score(requests)
        return [
            [s * np.float32(np.nan) for s in given] if request.prefix[0] == 102 else given
            for request, given in zip(requests, scores, strict=True)
        ]


def method(options: dict) -> StepSearch:
    return StepSearch(method=options, duplicates="keep", closing=(NEWLINE,), **STEPS)


def search(kind: str, budgets=(4, 16), verifier=None, problems=PROBLEMS):
    verifier = verifier or SimulatedVerifier(0.3)
    questions = QuestionTable(problems, Codec())
    once = budgets if isinstance(budgets, dict) else dict.fromkeys(budgets, 1)
    return run(method(KINDS[kind][0]), questions, once, SimulatedPolicy(), verifier, (0, "policy"))


@pytest.mark.parametrize("kind", KINDS)
def test_an_entry_of_the_options_becomes_its_method(kind):
    options, expected = KINDS[kind]
    before = dict(options)
    built = method(options)
    assert type(built.method) is expected and built.method.model_dump() == options and options == before
    assert built.duplicates == "keep"


def test_an_unknown_kind_is_named():
    with pytest.raises(ValueError, match="mcts"):
        method({"kind": "mcts", "width": 4, "depth": 0})


@pytest.mark.parametrize(
    "options",
    [
        {"kind": "beam", "width": 4, "depth": 0},
        {"kind": "lookahead", "width": 4},
        {"kind": "lookahead", "width": 4, "depth": 0},
        {"kind": "dvts", "width": 1, "depth": 0},
        {"kind": "dvts", "width": 4, "depth": -1},
        {"kind": "rebase", "temperature_of_values": 0.0},
        {"kind": "rebase"},
        {"kind": "particles", "weights": "equal"},
        {"kind": "tree", "width": 4},
    ],
)
def test_an_option_of_another_kind_or_out_of_range_is_refused(options):
    with pytest.raises(ValueError, match=f"method.{options['kind']}.(width|depth|temperature_of_values|weights)"):
        method(options)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"kind": "beam", "width": "sqrt"}, [2, 4, 16, 64]),
        ({"kind": "beam", "width": 4}, [4, 16, 64]),
        ({"kind": "lookahead", "width": 4, "depth": 3}, [16, 64]),
        ({"kind": "dvts", "width": 64, "depth": 1}, []),
        ({"kind": "rebase", "temperature_of_values": 0.2}, [1, 2, 4, 16, 64]),
        ({"kind": "particles", "weights": "ratio"}, [1, 2, 4, 16, 64]),
        ({"kind": "tree"}, [1, 2, 4, 16, 64]),
    ],
)
def test_a_method_can_run_at_the_budgets_at_which_it_does_not_refuse(options, expected):
    budgets = [1, 2, 4, 16, 64]
    built = method(options)
    assert reachable(built.method, budgets) == expected
    for budget in set(budgets) - set(expected):
        with pytest.raises(ValueError, match="are needed"):
            built.generations(budget)
    assert all(built.generations(budget) <= budget for budget in expected)


@pytest.mark.parametrize("kind", KINDS)
def test_one_row_for_every_question_and_budget(kind):
    table, calls = search(kind)
    expected = [(q, budget) for q in PROBLEMS["question_id"] for budget in (4, 16)]
    assert list(zip(table["question_id"], table["budget"], strict=True)) == expected
    assert (table["generations"] <= table["budget"]).all() and (table["policy_decode_tokens"] > 0).all()
    assert (table["n_finished"] <= table["n_candidates"]).all() and (table["n_distinct"] <= table["n_candidates"]).all()
    gold = dict(zip(PROBLEMS["question_id"], PROBLEMS["answer"], strict=True))
    assert table["correct"].tolist() == (table["answer"] == table["question_id"].map(gold)).tolist()
    assert calls["rounds"] == table["rounds"].max() and 0 < calls["verifier"] <= calls["policy"]


def test_a_particle_filter_has_a_vote_of_its_own():
    tables = {kind: search(kind)[0] for kind in KINDS}
    assert [kind for kind, table in tables.items() if "correct_by_weight" in table] == ["odds"]
    own = tables["odds"]
    assert own["correct_by_weight"].dtype == bool and own.loc[own["budget"] == 16, "correct_by_weight"].any()


def test_replicates_differ_in_their_seeds_alone_and_the_first_is_what_one_run_was():
    runs, _ = search("beam", {4: 3, 16: 1})
    assert runs.groupby("budget")["replicate"].unique().map(list).to_dict() == {4: [0, 1, 2], 16: [0]}
    once, _ = search("beam", {4: 1, 16: 1})
    pd.testing.assert_frame_equal(runs[runs["replicate"] == 0].reset_index(drop=True), once)
    spent = runs[runs["budget"] == 4].pivot_table("policy_decode_tokens", "question_id", "replicate")
    assert (spent[0] != spent[1]).any()


@pytest.mark.parametrize("kind", KINDS)
def test_a_search_does_not_depend_on_its_company(kind):
    together, _ = search(kind)
    alone, _ = search(kind, (16,), problems=PROBLEMS.tail(1))
    expected = together.tail(1).reset_index(drop=True)
    pd.testing.assert_frame_equal(alone, expected)


def test_a_perfect_verifier_and_a_large_budget_solve_the_questions():
    table, _ = search("beam", (256,), SimulatedVerifier(0.0))
    assert table["correct"].all() and table["correct_best"].all()
    finished_alone = table["mean_steps"].between(1, 40)
    assert finished_alone.all() and table["repetition"].between(0, 1).all()


@pytest.mark.filterwarnings("default")
def test_a_failed_search_is_named():
    with pytest.raises(StudyError, match=r"the search of q2 at budget 4 failed: .*nan"):
        search("beam", verifier=Undecided(0.3))


def test_a_search_that_outgrows_a_window_is_named():
    class Small(SimulatedVerifier):
        def score(self, requests):
            if any(len(request.prefix) > 3 for request in requests):
                (long,) = [request.prefix for request in requests if len(request.prefix) > 3][:1]
                raise ContextOverflowError("it is too long", long)
            return super().score(requests)

    with pytest.raises(StudyError, match=r"^question q\d: it is too long$"):
        search("beam", verifier=Small(0.3))
