"""Figures: they draw what the table holds, look the same on any day, and give every strategy its own look."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tts_lib.plots import bars, curves, style
from tts_lib.report.figures import paper_values

BUDGETS = [4, 16, 64, 256]


def new_axes() -> Axes:
    return Figure(figsize=style.SMALL, layout="constrained").subplots()


def accuracy_table(*names: str, by: str = "strategy", **columns: object) -> pd.DataFrame:
    rows = [(name, n, 0.2 + 0.01 * i + 0.05 * np.log2(n)) for i, name in enumerate(names) for n in BUDGETS]
    table = pd.DataFrame(rows, columns=[by, "budget", "accuracy"])
    return table.assign(low=table["accuracy"] - 0.03, high=table["accuracy"] + 0.03, **columns)


def legend_texts(ax: Axes) -> list[str]:
    legend = ax.get_legend()
    return [] if legend is None else [text.get_text() for text in legend.get_texts()]


def test_saving_is_the_same_byte_for_byte_and_names_no_tool_or_day(tmp_path) -> None:
    for folder in ("a", "b"):
        ax = new_axes()
        curves.accuracy_by_budget(accuracy_table("majority", "beam_4"), ax)
        style.save_figure(ax.figure, tmp_path / folder / "x.y")
    for suffix in ("png", "svg"):
        first, second = ((tmp_path / folder / f"x.y.{suffix}").read_bytes() for folder in ("a", "b"))
        assert first == second
        assert b"atplotlib v" not in first and b"<dc:date>" not in first
    assert "accuracy" in (tmp_path / "a/x.y.svg").read_text()  # text stays text


def test_no_two_strategies_look_alike() -> None:
    shared = {"best_of_n_weighted": "weighted:prm_last", "best_of_n_weighted_flipped": "weighted:prm_flipped"}
    ways_to_choose = {"correct", "correct_majority", "correct_best", "greedy"}
    drawn = {n: look for n, look in style.STRATEGIES.items() if n not in {*shared.values(), *ways_to_choose}}
    looks = [(look.color, look.marker, look.line) for look in drawn.values()]
    assert len(set(looks)) == len(looks)
    assert all(style.look(a).color == style.look(b).color for a, b in shared.items())


def test_an_own_method_has_a_look_that_lasts() -> None:
    assert style.look("my_search") == style.look("my_search")
    assert style.look("my_search").label == "my search"


def test_a_line_is_drawn_as_tabled_with_its_band() -> None:
    ax, table = new_axes(), accuracy_table("majority", "beam_4").sample(frac=1, random_state=0)
    curves.accuracy_by_budget(table, ax)
    assert [list(line.get_xdata()) for line in ax.lines] == [BUDGETS, BUDGETS]
    assert len(ax.collections) == 2 and ax.get_xscale() == "log"
    assert set(legend_texts(ax)) == {style.look("majority").label, style.look("beam_4").label}


def test_without_intervals_there_is_no_band_and_a_cost_axis_counts_in_tens() -> None:
    ax = new_axes()
    table = accuracy_table("best_fixed", by="curve").drop(columns=["low", "high"]).assign(flops=[1e6, 1e7, 1e8, 1e9])
    curves.accuracy_by_budget(table, ax, by="curve", x="flops")
    assert not ax.collections and ax.xaxis.get_transform().base == 10


def test_the_papers_values_are_hollow_and_in_the_strategys_colour() -> None:
    ax, values = new_axes(), paper_values.values("3 left")
    curves.paper_markers(values, ax)
    assert len(ax.collections) == values["series"].nunique() + 1
    assert all(len(points.get_facecolor()) == 0 for points in ax.collections)
    assert any("paper" in text for text in legend_texts(ax))


def test_stars_stand_at_the_matched_budget() -> None:
    ax = new_axes()
    stars = pd.DataFrame({"group": ["1", "5"], "k": [16.0, 16.0], "large_accuracy": [0.9, 0.1], "r": [22.0, 22.0]})
    curves.flops_matched(accuracy_table("1", "5", by="group"), stars, ax)
    offsets = [tuple(point) for points in ax.collections for point in np.asarray(points.get_offsets())]
    assert (16.0, 0.9) in offsets and (16.0, 0.1) in offsets
    assert [text.get_text() for text in ax.texts] == ["R = 22"]


def test_a_bound_is_an_arrow() -> None:
    ax = new_axes()
    row = {"label": "x", "ratio": 4.0, "bound": "exact", "low": 2.0, "low_bound": "exact", "high": 16.0}
    curves.iso_ratio(pd.DataFrame([row | {"high_bound": "at_least"}]), ax)
    assert ">" in {line.get_marker() for line in ax.lines}


def test_bars_and_tiles_hold_every_cell() -> None:
    table = pd.concat([accuracy_table("majority", "beam_4", bin=str(b)) for b in range(1, 6)], ignore_index=True)
    ax = new_axes()
    bars.accuracy_by_bin(table, ax)
    assert len(ax.patches) == len(table)
    tiles = pd.DataFrame(
        [(b, n, s, share) for b in "12" for n in BUDGETS for s, share in (("majority", 0.2), ("beam_4", 0.8))],
        columns=["bin", "budget", "strategy", "share"],
    )
    ax = new_axes()
    bars.strategy_shares(tiles, ax)
    assert {text.get_text() for text in ax.texts} == {"beam 4\n80%"} and len(ax.texts) == 2 * len(BUDGETS)
    assert legend_texts(ax) == [style.look("beam_4").label]


def test_relative_change_orders_easy_before_hard() -> None:
    ax = new_axes()
    groups = [(g, r, v) for g, v in (("hard", -30.0), ("easy", 20.0)) for r in ("high", "low")]
    bars.relative_change(pd.DataFrame(groups, columns=["group", "r_label", "relative"]), ax)
    assert [label.get_text()[:4] for label in ax.get_xticklabels()] == ["easy", "hard"]


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
        (curves.difference_by_budget, {"strategy": ["beam_4"] * 2, "budget": [4, 16], "difference": [0.1, -0.1]}),
    ],
)
def test_every_drawing_names_its_axes(draw, columns) -> None:
    ax = new_axes()
    draw(pd.DataFrame(columns), ax)
    assert ax.get_xlabel() and ax.get_ylabel()
    ax.figure.canvas.draw()


def test_a_figure_the_paper_has_no_values_for_is_refused() -> None:
    with pytest.raises(ValueError, match="no values of figure '99'"):
        paper_values.values("99")
