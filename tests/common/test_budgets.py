"""Doublings."""

from tts_lib.common.budgets import doublings


def test_doublings_go_as_far_as_they_reach() -> None:
    assert doublings(1) == [1] and doublings(15) == [1, 2, 4, 8] and doublings(16)[-1] == 16
    assert doublings(100, 8) == [8, 16, 32, 64] and doublings(8, 8) == [8]
    assert doublings(0) == [] and doublings(7, 8) == []
