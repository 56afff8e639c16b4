"""The intervals of choices cover, and the choice does not lose: a faster `benchmarks/interval_coverage.py`."""

import pytest

from benchmarks import interval_coverage

STUDIES = 16


@pytest.mark.parametrize(("scenario", "n_strategies"), [("null", 8), ("planted", 2)])
def test_intervals_of_choices_cover(scenario: str, n_strategies: int) -> None:
    """16 studies: three or more misses of a contrast have a probability of 4% at a coverage of .95, six of 1e-4."""
    table = interval_coverage.run(scenario, n_strategies, STUDIES, 100).set_index("contrast")
    assert (table["coverage"] > 1 - 6 / STUDIES).all()
    gain = table.loc["compute-optimal - best fixed"]
    if scenario == "null":
        assert gain["excludes none"] <= 2 / STUDIES and abs(gain["truth"]) < 1.0
    else:
        assert gain["truth"] > 0.8 * gain["optimum"]
