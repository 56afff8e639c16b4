"""Which checkpoint of a revision model is taken."""

import pandas as pd

from tts_lib.revisions.checkpoints import compare


def tried(*verdicts_by_question: str) -> pd.DataFrame:
    """Chains of two attempts, one a question: r right, w wrong."""
    return pd.DataFrame(
        {"question_id": f"q{q}", "chain": 0, "position": position, "verdict": "correct" if verdict == "r" else "wrong"}
        for q, verdicts in enumerate(verdicts_by_question)
        for position, verdict in enumerate(verdicts, start=1)
    )


def test_the_one_whose_last_attempts_are_right_most_often_whatever_its_loss():
    found = compare([tried("rw", "rw"), tried("wr", "ww"), tried("wr", "wr")], [0.1, 0.2, 0.9], 2)
    assert found.chosen == 2
    assert found.along["validation_loss"].tolist() == [0.1, 0.2, 0.9]
    assert found.along["1"].tolist() == [1.0, 0.0, 0.0] and found.along["2"].tolist() == [0.0, 0.5, 1.0]
    assert len(found.table) == 6 and set(found.table["checkpoint"]) == {1, 2, 3}


def test_the_earlier_of_equal_ones_is_taken():
    assert compare([tried("wr"), tried("wr")], [0.3, 0.2], 2).chosen == 0
