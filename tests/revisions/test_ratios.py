"""Every split of a budget into chains: selection by hand, by the plain functions, and what it costs."""

import numpy as np
import pandas as pd
import pytest

from tts_lib.common.errors import StudyError
from tts_lib.estimators import selection
from tts_lib.revisions import ratios
from tts_lib.revisions.chains import chain_lengths


def made(budget: int, names=("a", "b"), seed: int = 0, n_answers: int = 4) -> pd.DataFrame:
    """Attempts with answers drawn at random; answer 0 is right, the last one is none."""
    rng = np.random.default_rng(seed)
    rows = []
    for name in names:
        for chain, length in enumerate(chain_lengths(budget)):
            for position in range(1, length + 1):
                answer = int(rng.integers(n_answers + 1))
                rows.append((name, chain, position, answer))
    table = pd.DataFrame(rows, columns=["question_id", "chain", "position", "drawn"])
    table["answer"] = table["drawn"].map(lambda a: None if a == n_answers else str(a)).astype(object)
    table["verdict"] = table["drawn"].map(lambda a: "no_answer" if a == n_answers else "correct" if a == 0 else "wrong")
    table["n_tokens"] = rng.integers(5, 40, len(table))
    table["n_prompt"], table["n_context"] = 7, 7 + 20 * np.minimum(table["position"] - 1, 4)
    return table.drop(columns="drawn")


def plainly(own: pd.DataFrame, scores: np.ndarray, length: int, n: int, budget: int, how: str) -> float:
    """The same from the selection functions, chain by chain."""
    own = own.reset_index(drop=True)
    classes, right = pd.factorize(own["answer"])[0], (own["verdict"] == "correct").to_numpy()
    rule = selection.majority if how == "majority" else selection.best_of_n_weighted

    def pick(rows: np.ndarray) -> int:
        chosen = rule(classes[rows], scores[rows], right[rows]).chosen
        return int(rows[max(chosen, 0)])

    chains = [own.index[own["chain"] == c].to_numpy()[:length] for c in range(budget // length)]
    outcomes = []
    for first in range(0, len(chains), n // length):
        group = chains[first : first + n // length]
        if how == "majority":
            outcomes.append(right[pick(np.concatenate(group))])
        else:
            outcomes.append(right[pick(np.array([pick(chain) for chain in group]))])
    return float(np.mean(outcomes))


@pytest.mark.parametrize("seed", range(4))
def test_every_split_is_what_the_selection_functions_give(seed):
    budget, table = 16, made(16, seed=seed)
    scores = np.random.default_rng(seed + 100).random(len(table)).astype(np.float32)
    found = ratios.accuracy(table, {"orm": scores}, budget)
    assert len(found) == 2 * 2 * sum(5 - i for i in range(5))
    for row in found.itertuples():
        mine = (table["question_id"] == row.question_id).to_numpy()
        expected = plainly(table[mine], scores[mine].astype(float), row.length, row.budget, budget, row.selection)
        assert row.accuracy == pytest.approx(expected), row


def test_the_order_of_the_rows_and_of_the_questions_changes_nothing():
    table = made(8)
    scores = np.linspace(0.1, 0.9, len(table)).astype(np.float32)
    shuffled = np.random.default_rng(0).permutation(len(table))
    a = ratios.accuracy(table, {"orm": scores}, 8)
    b = ratios.accuracy(table.iloc[shuffled].reset_index(drop=True), {"orm": scores[shuffled]}, 8)
    pd.testing.assert_frame_equal(a, b)


def test_costs_count_the_context_read_again():
    table = made(4, names=("a",))
    found = ratios.accuracy(table, {"orm": np.full(len(table), 0.5, np.float32)}, 4)
    at = found.set_index(["selection", "length", "budget"])
    chain = table[table["chain"] == 0]
    sequential = at.loc[("orm", 4, 4)]
    assert sequential["policy_prefill_tokens"] == 7 + 27 + 47 + 67 == chain["n_context"].sum()
    assert sequential["policy_decode_tokens"] == sequential["verifier_tokens"] == chain["n_tokens"].sum()
    assert sequential["verifier_prefill_tokens"] == 4 * 7 and sequential["rounds"] == 4
    parallel = at.loc[("orm", 1, 4)]
    assert parallel["policy_prefill_tokens"] == parallel["verifier_prefill_tokens"] == 7 and parallel["rounds"] == 1
    lengths = chain["n_tokens"].to_numpy()
    read = sum(int(n * context + n * (n + 1) / 2) for n, context in zip(lengths, chain["n_context"], strict=True))
    assert sequential["policy_passes"] == lengths.sum() and sequential["verifier_passes"] == 1
    assert sequential["policy_cached"] == sequential["policy_prefill_tokens"] + read
    assert parallel["policy_passes"] == table.loc[table["position"] == 1, "n_tokens"].head(4).max()
    assert at.loc[("majority", 4, 4), ["verifier_prefill_tokens", "verifier_tokens"]].tolist() == [0, 0]


def test_a_question_without_any_answer_is_wrong():
    table = made(4, names=("a",)).assign(answer=None, verdict="no_answer")
    found = ratios.accuracy(table, {"orm": np.zeros(len(table), np.float32)}, 4)
    assert (found["accuracy"] == 0).all()


def test_missing_attempts_are_refused():
    with pytest.raises(StudyError, match="question b has 7 attempts, not 8"):
        ratios.accuracy(made(4).iloc[:-1], {}, 4)


def test_a_mixture_is_the_longest_chain_up_to_sixteen_to_one():
    found = {n: ratios.chain_length("mixed", n) for n in (1, 2, 4, 8, 16, 32, 64, 128, 256)}
    assert found == {1: 1, 2: 2, 4: 2, 8: 4, 16: 8, 32: 16, 64: 32, 128: 32, 256: 64}
    assert (ratios.chain_length("parallel", 64), ratios.chain_length("sequential", 64)) == (1, 64)
