"""What a strategy is called: one name and one label, both made of its columns."""

import pytest

from tts_lib.common.strategy import (
    BEST_FIXED,
    COVERAGE,
    FLIPPED,
    MAJORITY,
    MIXED,
    ORACLE,
    PARALLEL,
    PLAIN,
    PREDICTED,
    REVISIONS,
    SEQUENTIAL,
    STRATEGY_COLUMNS,
    TAKEN,
    WEIGHTED,
    Strategy,
)

FROZEN = Strategy(ORACLE.rule, binning="oracle", frozen=True)
CALLED = [
    (MAJORITY, "majority", "majority", "majority"),
    (COVERAGE, "coverage", "any correct (coverage)", ""),
    (PLAIN, "best_of_n:prm_last", "best-of-N, PRM last", "best-of-N"),
    (WEIGHTED, "weighted:prm_last", "weighted, PRM last", "weighted"),
    (FLIPPED, "weighted:prm_flipped", "weighted, PRM flipped", "weighted"),
    (Strategy("weighted", "orm_matched"), "weighted:orm_matched", "weighted, label-matched ORM", "weighted"),
    (Strategy("beam_sqrt"), "beam_sqrt", "beam search, M = √N", "beam √N"),
    (Strategy("my_search"), "my_search", "my search", ""),
    (PARALLEL, "revisions_1:orm", "parallel, verifier", "L = 1"),
    (Strategy(REVISIONS, "orm", 16), "revisions_16:orm", "chains of 16, verifier", "L = 16"),
    (Strategy(SEQUENTIAL, "majority"), "sequential:majority", "sequential, majority", "sequential"),
    (Strategy(SEQUENTIAL, "prm"), "sequential:prm", "sequential, base PRM", "sequential"),
    (Strategy(MIXED, "orm_alone"), "mixed:orm_alone", "mixed, verifier without history", "mixed"),
    (ORACLE, "compute_optimal_oracle", "compute-optimal, oracle bins", "oracle bins"),
    (PREDICTED, "compute_optimal_predicted", "compute-optimal, predicted bins", "predicted bins"),
    (FROZEN, "compute_optimal_oracle_frozen", "compute-optimal, oracle bins, from validation", "oracle bins"),
    (BEST_FIXED, "best_fixed", "best fixed strategy", "best fixed"),
]


@pytest.mark.parametrize(("strategy", "name", "label", "short"), CALLED, ids=[name for _, name, _, _ in CALLED])
def test_a_strategy_has_one_name_and_is_known_by_its_columns(strategy, name, label, short) -> None:
    assert (strategy.name, strategy.label, strategy.short) == (name, label, short)
    assert [*strategy.columns] == STRATEGY_COLUMNS and strategy.columns["strategy"] == name
    assert Strategy.of(strategy.columns) == strategy


def test_no_two_strategies_share_a_name_or_a_label() -> None:
    assert len({name for _, name, _, _ in CALLED}) == len({label for _, _, label, _ in CALLED}) == len(CALLED)


def test_a_name_that_is_taken_is_no_searchs() -> None:
    rules = {strategy.rule for strategy, *_ in CALLED}
    assert rules - set(TAKEN) == {"beam_sqrt", "my_search"}


def test_who_reads_the_pool_and_who_revises() -> None:
    assert [s.name for s, *_ in CALLED if s.is_from_pool] == [
        *("majority", "coverage", "best_of_n:prm_last"),
        *("weighted:prm_last", "weighted:prm_flipped", "weighted:orm_matched"),
    ]
    assert {s.rule for s, *_ in CALLED if s.is_revisions} == {REVISIONS, SEQUENTIAL, MIXED}
