"""Figures: they draw what the table holds, look the same on any day, and give every strategy its own look."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from tts_lib.common.strategy import (
    BEST_FIXED,
    COMPUTE_OPTIMAL,
    COVERAGE,
    FLIPPED,
    MAJORITY,
    MIXED,
    ORACLE,
    PARALLEL,
    PLAIN,
    RANDOM_CHOICE,
    REVISIONS,
    SEQUENTIAL,
    SHUFFLED_BINS,
    STRATEGY_COLUMNS,
    WEIGHTED,
    Strategy,
)
from tts_lib.plots import bars, curves, looks, style

BUDGETS = [4, 16, 64, 256]
BEAM = Strategy("beam_4")
SEARCHES = [BEAM, *map(Strategy, ("beam_sqrt", "lookahead_1", "lookahead_3", "dvts"))]
SCORED = [Strategy(rule, f"prm_{how}") for rule in ("weighted", "best_of_n") for how in ("min", "prod", "mean", "last")]
SCORED += [Strategy(rule, score) for rule in ("weighted", "best_of_n") for score in ("orm", "orm_matched")]
REVISED = [Strategy(REVISIONS, "orm", 1 << i) for i in range(9)] + [Strategy(REVISIONS, "majority", 1)]
REVISED += [Strategy(SEQUENTIAL, by) for by in ("majority", "prm", "orm_alone", "orm")] + [Strategy(MIXED, "orm")]
BINNINGS = ("oracle", "predicted", "absolute", "level", "subject")
CHOICES = [Strategy(COMPUTE_OPTIMAL, binning=name, frozen=frozen) for name in BINNINGS for frozen in (False, True)]
CHOICES += [BEST_FIXED, Strategy("best_fixed", frozen=True), RANDOM_CHOICE, SHUFFLED_BINS]
GAINS = {"budget": [4, 16], "gain": [0.1, -0.1]}
STRATEGIES = [MAJORITY, COVERAGE, FLIPPED, *SCORED, *SEARCHES, *REVISED, *CHOICES]


def new_axes() -> Axes:
    return Figure(figsize=style.SMALL, layout="constrained").subplots()


def accuracy_table(*drawn: Strategy | str, **columns: object) -> pd.DataFrame:
    """Accuracy of strategies, or of groups of questions."""
    whats = [what.columns if isinstance(what, Strategy) else {"group": what} for what in drawn]
    rows = [
        what | {"budget": n, "accuracy": 0.2 + 0.01 * i + 0.05 * np.log2(n)}
        for i, what in enumerate(whats)
        for n in BUDGETS
    ]
    table = pd.DataFrame(rows)
    return table.assign(low=table["accuracy"] - 0.03, high=table["accuracy"] + 0.03, **columns)


def legend_texts(ax: Axes) -> list[str]:
    legend = ax.get_legend()
    return [] if legend is None else [text.get_text() for text in legend.get_texts()]


def test_saving_is_the_same_byte_for_byte_and_names_no_tool_or_day(tmp_path) -> None:
    for folder in ("a", "b"):
        ax = new_axes()
        curves.accuracy_by_budget(accuracy_table(MAJORITY, BEAM), ax)
        style.save_figure(ax.figure, tmp_path / folder / "x.y")
    for suffix in ("png", "svg"):
        first, second = ((tmp_path / folder / f"x.y.{suffix}").read_bytes() for folder in ("a", "b"))
        assert first == second
        assert b"atplotlib v" not in first and b"<dc:date>" not in first
    assert "accuracy" in (tmp_path / "a/x.y.svg").read_text()  # text stays text


def test_no_two_strategies_look_alike() -> None:
    drawn = {strategy.name: looks.of_strategy(strategy) for strategy in STRATEGIES}
    assert len({(look.color, look.marker, look.line) for look in drawn.values()}) == len(STRATEGIES)
    assert len({look.label for look in drawn.values()}) == len(STRATEGIES)


def test_no_two_strategies_of_one_choice_fill_a_tile_alike() -> None:
    among = [MAJORITY, PLAIN, WEIGHTED, BEAM, Strategy("dvts"), *(Strategy(REVISIONS, "orm", 1 << i) for i in range(9))]
    assert len({looks.of_strategy(strategy).area for strategy in among}) == len(among)


@pytest.mark.parametrize(
    ("one", "other", "shared"),
    [
        (Strategy("weighted", "orm"), Strategy("best_of_n", "orm"), ("color", "marker")),  # the score's
        (Strategy(SEQUENTIAL, "orm"), Strategy(SEQUENTIAL, "majority"), ("color", "marker")),  # the split's
        (ORACLE, Strategy(COMPUTE_OPTIMAL, binning="oracle", frozen=True), ("color", "marker")),  # the binning's
    ],
)
def test_a_look_is_put_together_from_the_columns(one: Strategy, other: Strategy, shared: tuple[str, ...]) -> None:
    a, b = looks.of_strategy(one), looks.of_strategy(other)
    assert [getattr(a, part) for part in shared] == [getattr(b, part) for part in shared] and a.line != b.line


def test_an_own_search_has_a_look_that_lasts() -> None:
    own = Strategy("my_search")
    assert looks.of_strategy(own) == looks.of_strategy(own) and looks.of_strategy(own).label == "my search"
    assert looks.of_strategy(own).color != looks.of_strategy(Strategy("your_search")).color


def test_a_line_is_drawn_as_tabled_with_its_band() -> None:
    ax, table = new_axes(), accuracy_table(MAJORITY, BEAM).sample(frac=1, random_state=0)
    curves.accuracy_by_budget(table, ax)
    assert [list(line.get_xdata()) for line in ax.lines] == [BUDGETS, BUDGETS]
    assert len(ax.collections) == 2 and ax.get_xscale() == "log"
    assert set(legend_texts(ax)) == {MAJORITY.label, BEAM.label}


def test_without_intervals_there_is_no_band_and_a_cost_axis_counts_in_tens() -> None:
    ax = new_axes()
    table = accuracy_table(BEST_FIXED).drop(columns=["low", "high"]).assign(flops=[1e6, 1e7, 1e8, 1e9])
    curves.accuracy_by_budget(table, ax, x="flops")
    assert not ax.collections and ax.xaxis.get_transform().base == 10


@pytest.mark.parametrize(("ends", "powers", "between"), [((1.8e-3, 4.8e-2), "10⁻²", ""), ((2e8, 9e8), "10⁸", "3×10⁸")])
def test_a_cost_axis_names_what_lies_between_powers_of_ten_only_where_there_is_none(ends, powers, between) -> None:
    ax = new_axes()
    ax.plot(ends, [0.525, 0.53])
    style.cost_axis(ax, "seconds")
    style.share_axis(ax)
    ax.set_yticks([0.5, 0.525])
    ax.get_figure(root=True).draw_without_rendering()
    assert powers in [text.get_text() for text in ax.get_xticklabels()]
    named = {text.get_text() for text in ax.get_xticklabels(minor=True)} - {""}
    assert between in named if between else not named
    assert [text.get_text() for text in ax.get_yticklabels()] == ["50%", "52.5%"]


def test_the_papers_values_are_hollow_and_in_the_strategys_colour() -> None:
    ax = new_axes()
    curves.paper_markers(accuracy_table(MAJORITY, PARALLEL).rename(columns={"accuracy": "value"}), ax)
    assert all(len(points.get_facecolor()) == 0 for points in ax.collections)
    edges = [to_hex(points.get_edgecolor()[0]) for points in ax.collections[:-1]]
    assert edges == [looks.of_strategy(strategy).color for strategy in (MAJORITY, PARALLEL)]
    assert any("paper" in text for text in legend_texts(ax))


def test_stars_stand_at_the_matched_budget() -> None:
    ax = new_axes()
    stars = pd.DataFrame({"group": ["1", "5"], "k": [16.0, 16.0], "large_accuracy": [0.9, 0.1], "r": [22.0, 22.0]})
    curves.flops_matched(accuracy_table("1", "5"), stars, ax)
    offsets = [tuple(point) for points in ax.collections for point in np.asarray(points.get_offsets())]
    assert (16.0, 0.9) in offsets and (16.0, 0.1) in offsets
    assert [text.get_text() for text in ax.texts] == ["R = 22"]


def test_a_bound_is_an_arrow() -> None:
    ax = new_axes()
    row = {"label": "x", "ratio": 4.0, "bound": "exact", "low": 2.0, "low_bound": "exact", "high": 16.0}
    curves.iso_ratio(pd.DataFrame([row | {"high_bound": "at_least"}]), ax)
    assert ">" in {line.get_marker() for line in ax.lines}


def test_bars_and_tiles_hold_every_cell() -> None:
    table = pd.concat([accuracy_table(MAJORITY, BEAM, bin=str(b)) for b in range(1, 6)], ignore_index=True)
    ax = new_axes()
    bars.accuracy_by_bin(table, ax)
    assert len(ax.patches) == len(table)
    tiles = pd.DataFrame(
        [
            strategy.columns | {"bin": b, "budget": n, "share": share, "binning": "oracle", "frozen": True}
            for b in "12"
            for n in BUDGETS
            for strategy, share in ((MAJORITY, 0.2), (BEAM, 0.8))
        ]
    )
    ax = new_axes()
    bars.strategy_shares(tiles, ax)
    assert {text.get_text() for text in ax.texts} == {"beam 4\n80%"} and len(ax.texts) == 2 * len(BUDGETS)
    assert legend_texts(ax) == [BEAM.label]


def test_relative_change_orders_easy_before_hard() -> None:
    ax = new_axes()
    ratios = (("high", 22.0), ("low", 0.16), ("5", 5.0))
    groups = [(g, *r, v) for g, v in (("hard", -30.0), ("easy", 20.0)) for r in ratios]
    bars.relative_change(pd.DataFrame(groups, columns=["group", "r_label", "r", "relative"]), ax)
    assert [label.get_text()[:4] for label in ax.get_xticklabels()] == ["easy", "hard"]
    assert legend_texts(ax) == ["R ≪ 1", "R = 5", "R ≫ 1"]


@pytest.mark.parametrize(
    ("draw", "columns"),
    [
        (curves.loss_curve, {"tokens": [1e6, 2e6], "loss": [2.0, 1.0], "validation": [2.1, 1.2]}),
        (curves.loss_curve, {"step": [1, 2], "loss": [2.0, 1.0]}),
        (curves.calibration, {"predicted": [0.2, 0.8], "observed": [0.3, 0.7], "standard_error": [0.1, 0.1]}),
        (curves.spectrum, {"pass_at_1": np.linspace(0, 1, 20)}),
        (curves.predicted_against_oracle, {"oracle": [0.1, 0.9], "predicted": [0.2, 0.8], "oracle_bin": [5, 1]}),
        (curves.probe_quality, {"n_probe": [1, 4], "rank_correlation": [0.5, 0.7]}),
        (curves.score_histogram, {"verdict": ["right", "wrong"], "score": [0.5, 0.5], "share": [1.0, 1.0]}),
        (curves.gain_by_budget, {name: [ORACLE.columns[name]] * 2 for name in STRATEGY_COLUMNS} | GAINS),
    ],
)
def test_every_drawing_names_its_axes(draw, columns) -> None:
    ax = new_axes()
    draw(pd.DataFrame(columns), ax)
    assert ax.get_xlabel() and ax.get_ylabel()
    ax.figure.canvas.draw()


@pytest.mark.parametrize(("n", "n_lines"), [(2, 0), (3, 0), (4, 0), (5, 5), (40, 5)])
def test_a_spectrum_of_fewer_than_five_questions_has_no_quintiles(n: int, n_lines: int) -> None:
    ax = new_axes()
    curves.spectrum(pd.DataFrame({"pass_at_1": np.linspace(0, 1, n)}), ax)
    assert len(ax.lines) == n_lines and ("quintiles" in ax.get_xlabel()) == (n_lines > 0)


@pytest.mark.parametrize(
    ("n_bins", "labels"),
    [
        (5, ["bin 1 (easiest)", "bin 5 (hardest)", "easy (bins 1-2)", "medium (bin 3)", "hard (bins 4-5)"]),
        (2, ["bin 1 (easiest)", "bin 5", "easy (bin 1)", "hard (bin 2)"]),
        (10, ["bin 1 (easiest)", "bin 5", "easy (bins 1-5)", "hard (bins 6-10)"]),
    ],
)
def test_bins_bear_the_names_of_a_study_with_so_many(n_bins: int, labels: list[str]) -> None:
    names = ("1", "5", "easy", *(["medium"] if n_bins % 2 else []), "hard")  # an even number has no medium
    assert [looks.named(name, n_bins).label for name in names] == labels
