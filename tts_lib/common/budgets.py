"""Budgets, in generations a question: every doubling is measured that the samples suffice for."""


def doublings(most: int, least: int = 1) -> list[int]:
    """`least` and its doublings up to `most`: 1, 2, 4, ..."""
    return [least << power for power in range((most // least).bit_length())]
