"""Outcomes assembled from long tables: order, costs, what is undefined, what is refused."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from tts_lib.answers.cost import LEDGER
from tts_lib.common import paths, tables
from tts_lib.common.errors import StudyError
from tts_lib.common.strategy import COVERAGE, GREEDY, MAJORITY, PLAIN, REVISIONS, WEIGHTED, Strategy
from tts_lib.strategies.outcomes import (
    FROM_POOL,
    STRATEGY_KEYS,
    Outcomes,
    assemble,
    load,
    merged,
    methods_of,
    of_search,
    strategy_sets,
)
from tts_lib.strategies.strategy_table import Method

BEAM, DVTS = Strategy("beam_4"), Strategy("dvts")
REVISED = tuple(Strategy(REVISIONS, "orm", length) for length in (1, 2, 4, 8))
IDS = ("q2", "q0", "q1")
BUDGETS = (1, 2, 4, 8, 16, 32)


def replayed():
    """Accuracy = 0.1 x (strategy - 1) + 0.01 x question + 0.001 x budget."""
    rows = [
        (
            question,
            strategy.name,
            strategy.rule,
            strategy.score,
            strategy.at,
            budget,
            0.1 * (s - 1) + 0.01 * int(question[1]) + 0.001 * budget,
            20.0 + budget,
        )
        for s, strategy in enumerate(FROM_POOL)
        for question in sorted(IDS)
        for budget in BUDGETS
    ]
    return pd.DataFrame(rows, columns=["question_id", *STRATEGY_KEYS, "budget", "accuracy", "longest"])


def costs():
    return pd.DataFrame(
        {
            "question_id": ["q0", "q1", "q2"],
            "prompt_tokens": [10, 11, 12],
            "mean_policy_tokens": [20.0, 21.0, 22.0],
            "mean_verifier_tokens": [30.0, 31.0, 32.0],
            "mean_attended": [40.0, 41.0, 42.0],
            "temperature": 0.0,
        }
    )


def search(budgets=(4, 16)):
    rows = [(q, b, int(q[1]) == 1, *range(1, 11)) for b in budgets for q in sorted(IDS)]
    return pd.DataFrame(rows, columns=["question_id", "budget", "correct", *LEDGER])


def outcomes():
    return assemble(replayed(), costs(), {BEAM: search()}, IDS, BUDGETS)


def of(found: Outcomes, strategy: Strategy) -> np.ndarray:
    """Accuracy (problem, budget) of one strategy."""
    return found.accuracy[found.strategies.index(strategy)].T


def test_values_stand_in_the_order_of_the_questions():
    found = outcomes()
    np.testing.assert_allclose(of(found, WEIGHTED)[:, 2], 0.1 + np.array([0.02, 0.0, 0.01]) + 0.004)
    np.testing.assert_array_equal(of(found, BEAM)[:, 4], [0, 0, 1])
    assert np.isnan(of(found, BEAM)[:, [0, 1, 3, 5]]).all()
    shuffled = assemble(replayed().sample(frac=1, random_state=0), costs()[::-1], {BEAM: search()[::-1]}, IDS, BUDGETS)
    np.testing.assert_array_equal(shuffled.accuracy, found.accuracy)
    np.testing.assert_array_equal(shuffled.ledger, found.ledger)


def test_the_ledger_counts_the_prompt_once_and_the_verifier_where_it_is_used():
    found = outcomes().only([MAJORITY, WEIGHTED, BEAM])
    np.testing.assert_allclose(found.ledger[1, 2, 1], [10, 80, 10, 120, 1, 215, 215, 24, 170, 1])
    np.testing.assert_allclose(found.ledger[0, 2, 1], [10, 80, 0, 0, 1, 215, 0, 24, 170, 0])
    np.testing.assert_allclose(found.policy_tokens[:, 2, 1], [90, 90, 3])
    np.testing.assert_allclose(found.verifier_tokens[:, 2, 1], [0, 130, 7])


def test_the_choice_is_open_at_and_below_the_search_budgets():
    assert outcomes().complete() == (True, True, True, False, True, False)
    assert outcomes().only([MAJORITY, WEIGHTED]).complete() == (True,) * 6


def test_the_outcomes_say_at_which_budgets_a_strategy_is_known():
    known = dict(zip(outcomes().strategies, outcomes().known, strict=True))
    assert known[BEAM].tolist() == [False, False, True, False, True, False] and known[MAJORITY].all()
    assert outcomes().only([BEAM]).budgets == (4, 16) and outcomes().only([MAJORITY, BEAM]).budgets == BUDGETS
    torn = outcomes()
    torn.accuracy[0, 0, 0] = np.nan
    with pytest.raises(ValueError, match="strategy 0 at budget index 0 is NaN for some questions"):
        _ = torn.known


def test_sets_go_from_simple_to_elaborate():
    everything = (MAJORITY, PLAIN, WEIGHTED, BEAM, DVTS)
    assert strategy_sets([*FROM_POOL, BEAM, DVTS]) == {"paper": (WEIGHTED, BEAM), "all": everything}
    assert strategy_sets([MAJORITY, COVERAGE]) == {}  # nothing to choose
    assert strategy_sets(FROM_POOL) == {"all": (MAJORITY, PLAIN, WEIGHTED)}


def test_a_strategy_is_run_by_a_method_with_its_options():
    searches = {"beam_4": Method("beam", {"width": 4, "depth": 0})}
    assert methods_of([MAJORITY, PLAIN, WEIGHTED, BEAM, REVISED[2]], searches) == (
        Method("majority", {}),
        Method("best_of_n", {"selection": "plain", "score": "prm_last"}),
        Method("best_of_n", {"selection": "weighted", "score": "prm_last"}),
        searches["beam_4"],
        Method("revisions", {"length": 4, "selection": "hierarchical", "score": "revision_orm"}),
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"replayed": replayed().iloc[1:]}, "majority at budget 1 is known for 2 of 3"),
        ({"replayed": pd.concat([replayed(), replayed().iloc[:1]])}, "majority has a question twice"),
        ({"sampled": {DVTS: search().iloc[1:]}}, "dvts at budget 4 is known for 2 of 3 questions"),
        ({"sampled": {DVTS: search(budgets=(64,))}}, "dvts is not known at any of the budgets"),
        ({"costs": costs().iloc[1:]}, "lack question 'q0'"),
    ],
)
def test_tables_with_gaps_are_refused(change, message):
    arguments = {"replayed": replayed(), "costs": costs(), "sampled": {BEAM: search()}} | change
    with pytest.raises(StudyError, match=message):
        assemble(**arguments, question_ids=IDS, budgets=BUDGETS)


def revised():
    """Chains of 1, 2, 4 and 8 attempts of a pass over 8: each from its own length on."""
    splits = [(length, budget) for length in (1, 2, 4, 8) for budget in (1, 2, 4, 8) if budget >= length]
    rows = [(question, *split, 0.5, *range(1, 11)) for split in splits for question in IDS]
    table = pd.DataFrame(rows, columns=["question_id", "length", "budget", "correct", *LEDGER])
    return {Strategy(REVISIONS, "orm", length): part for length, part in table.groupby("length")}


def test_revisions_are_open_up_to_what_was_sampled():
    both = assemble(replayed(), costs(), {BEAM: search()} | revised(), IDS, BUDGETS)
    sets = strategy_sets(both.strategies)
    assert sets["revisions"] == REVISED
    assert sets["all"] == (MAJORITY, PLAIN, WEIGHTED, BEAM)
    assert sets["both"] == (*sets["all"], *sets["revisions"])
    alone = both.only(sets["revisions"])
    assert alone.budgets == (1, 2, 4, 8) and alone.complete() == (True,) * 4
    assert both.only(sets["both"]).complete() == (True, True, True, False, False, False)


def test_the_temperature_is_part_of_a_strategy_where_there_are_pools_beside():
    """A smaller pool at .3 reaches 4 samples, has prices of its own, and is no sample of the study's pool."""
    cold = replace(WEIGHTED, at=0.3)
    rows = [(q, cold.name, cold.rule, cold.score, 0.3, n, 0.9, 7.0) for q in IDS for n in (1, 2, 4)]
    beside = pd.DataFrame(rows, columns=replayed().columns)
    priced = pd.concat([costs(), costs().assign(temperature=0.3, mean_policy_tokens=5.0)], ignore_index=True)
    sampled = {GREEDY: search(BUDGETS), BEAM: search()}
    found = assemble(pd.concat([replayed(), beside], ignore_index=True), priced, sampled, IDS, BUDGETS)
    at = found.strategies.index(cold)
    assert found.known[at].tolist() == [True] * 3 + [False] * 3
    assert found.ledger[at, 1, 0].tolist() == [12, 10, 12, 64, 1, 162, 162, 7, 96, 1]  # of q2
    assert strategy_sets(found.strategies)["tuned"] == (GREEDY, MAJORITY, PLAIN, WEIGHTED, BEAM, cold)
    assert cold.name == "weighted_at_0.3:prm_last" and "T = 0.3" in cold.label
    assert not cold.is_from_pool and not cold.is_search and BEAM.is_search
    assert Strategy.of(cold.columns) == cold
    assert (GREEDY.generations(64), cold.generations(64)) == (1, 64)


def test_a_search_stands_at_the_mean_of_its_replicates(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    runs = [("test", "q0", 4, r, right, 10.0 * r) for r, right in enumerate((True, False, False, True))]
    runs += [("val", "q9", 4, 0, True, 1.0)]
    columns = ["split", "question_id", "budget", "replicate", "correct", "rounds"]
    tables.write_table(pd.DataFrame(runs, columns=columns), paths.search("beam_4"))
    found = of_search("beam_4", "test", ["correct", "rounds"])
    assert found.to_dict("records") == [{"question_id": "q0", "budget": 4, "correct": 0.5, "rounds": 15.0}]


def test_two_names_of_one_search_share_the_mean_of_their_runs():
    """At 16 a beam width of the root of N is one of 4: both names get the mean; at 4 and 64 they differ."""
    names, budgets = (Strategy("beam_4"), Strategy("beam_sqrt"), Strategy("dvts")), (4, 16, 64)
    searches = {
        "beam_4": Method("beam", {"width": 4, "depth": 0}),
        "beam_sqrt": Method("beam", {"width": "sqrt", "depth": 0}),
        "dvts": Method("dvts", {"width": 4, "depth": 0}),
    }
    accuracy = np.arange(3.0)[:, None, None] * np.ones((3, 3, 2))
    found = merged(
        Outcomes(("a", "b"), names, budgets, accuracy, np.ones((3, 3, 2, len(LEDGER))) * accuracy[..., None]), searches
    )
    assert found.accuracy[:, :, 0].T.tolist() == [[0, 1, 2], [0.5, 0.5, 2], [0, 1, 2]]
    assert found.ledger[1, 1, 0, 0] == 0.5


def test_a_chain_longer_than_every_budget_is_left_out(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    tables.write_table(replayed(), paths.accuracy("test"))
    tables.write_table(costs(), paths.costs("test"))
    lengths = ((1, (4, 8)), (8, (8,)))
    chains = pd.concat([search(budgets).assign(length=n) for n, budgets in lengths], ignore_index=True)
    chains = chains.assign(selection="orm", split="test").rename(columns={"correct": "accuracy"})
    tables.write_table(chains, paths.revision_verifier("ratios"))
    found = [load("test", IDS, [], revised=True, only_at=n).strategies for n in ((1, 4), (4, 8))]
    assert [[s.length for s in strategies if s.is_revisions] for strategies in found] == [[1], [1, 8]]
