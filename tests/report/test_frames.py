"""Tables of notebooks as a reader gets them: named, with units, rounded, folded, never cut off."""

import re

import numpy as np
import pandas as pd
import pytest

from helpers.example_study import HOSTILE
from tts_lib.common.strategy import ORACLE, WEIGHTED
from tts_lib.report.columns import column, strategy_names
from tts_lib.report.pages.frames import FOLDED, readable
from tts_lib.report.pages.sanitise import sanitise

NAMES = {WEIGHTED.name: WEIGHTED.label, ORACLE.name: ORACLE.label}


def shown(frame: pd.DataFrame) -> str:
    return readable(sanitise(frame.to_html()), NAMES)


def rows(markup: str) -> list[list[str]]:
    """The texts of a table's cells, row by row."""
    lines = re.findall(r"<tr>(.*?)</tr>", markup)
    return [[re.sub("<[^>]+>", "", cell) for cell in re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", line)] for line in lines]


def test_columns_have_headings_units_and_intervals_and_rows_no_numbers() -> None:
    strategies = [WEIGHTED.columns, ORACLE.columns]
    frame = pd.DataFrame(strategies).assign(budget=64, accuracy=[0.41234, 0.5], low=[0.4, 0.41], high=[0.52, np.nan])
    frame = frame.assign(gain=[0.0123, -1e-9], gain_low=[-0.01, 0.0], gain_high=[0.02, 0.0], flops=[2.3e7, 1e9])
    page = shown(frame.set_index(pd.Index([111, 121])))
    assert rows(page) == [
        ["strategy", "accuracy (%)", "gain (points)", "FLOPs (a question)"],
        ["weighted, PRM last", "41.2\u00a0[40.0,\u00a052.0]", "+1.2\u00a0[−1.0,\u00a0+2.0]", "2.30\u00a0×\u00a010⁷"],
        [
            "compute-optimal, oracle bins",
            "50.0\u00a0[41.0,\u00a0–]",
            "0.0\u00a0[0.0,\u00a00.0]",
            "1.00\u00a0×\u00a010⁹",
        ],
    ]
    assert '<p class="note">budget (generations): 64</p>' in page  # once, for it is the same in all rows
    assert "111" not in page and "rule" not in page and page.count('class="wide"') == 1


def test_what_all_rows_share_is_said_once_unless_that_leaves_little_of_the_table() -> None:
    same = {"split": "test", "answer": "90", "verdict": "correct"}
    page = shown(pd.DataFrame([same | {"position": 1, "n_tokens": 8}, same | {"position": 2, "n_tokens": 51}]))
    assert rows(page)[0][0] == "split" and "<p" not in page
    intervals = pd.DataFrame({"estimate": [0.5, 0.6], "low": [0.4, 0.5], "high": [0.6, 0.7], "level": 0.95})
    page = shown(intervals.set_index(pd.Index(["orm", "prm"])))
    assert "Brackets: 95% intervals" in page and rows(page)[0] == ["", "estimate"]
    assert column("some_share").shown("0.00000000", {}) == "0"


def test_a_column_that_nobody_declared_keeps_its_name_and_is_rounded() -> None:
    page = shown(pd.DataFrame({"some_new_thing": [0.123456789, 12345.678], "flag": [True, False]}))
    assert rows(page) == [["some new thing", "flag"], ["0.1235", "yes"], ["12,346", "no"]]


def test_rules_and_verifiers_have_the_names_of_the_figures_and_an_empty_table_says_so() -> None:
    frame = pd.DataFrame({"policy": ["bellman", "own"], "verifier": ["orm_alone", "prm"], "accuracy": [0.5, 0.6]})
    words = [row[:2] for row in rows(shown(frame))[1:]]
    assert words == [["stopping by value", "ORM without history"], ["own", "PRM"]]
    assert shown(frame.head(0)) == '<p class="note">No rows.</p>'


def test_bounds_are_signs() -> None:
    frame = pd.DataFrame({"budget": [16, 64], "ratio": [1.0, 4.0], "bound": ["exact", "at_most"], "low": [0.5, 4.0]})
    frame = frame.assign(low_bound=["exact", "at_most"], high=[2.0, 9.0], high_bound=["exact", "at_least"])
    assert rows(shown(frame))[1:] == [
        ["16", "1.00\u00a0[0.50,\u00a02.00]"],
        ["64", "≤ 4.00\u00a0[≤ 4.00,\u00a0≥ 9.00]"],
    ]


def test_a_pivot_says_what_its_columns_and_cells_are() -> None:
    frame = pd.DataFrame(
        {"strategy": [WEIGHTED.name] * 2 + ["majority"], "budget": [1, 4, 1], "accuracy": [0.3, 0.45, 0.2]}
    )
    named = frame.pivot_table(index="strategy", columns="budget", values=["accuracy"])
    assert rows(shown(named)) == [
        ["", "accuracy (%) by budget (generations)"],
        ["strategy", "1", "4"],
        ["majority", "20.0", "–"],
        ["weighted, PRM last", "30.0", "45.0"],
    ]
    plain = frame.pivot_table(index="strategy", columns="budget", values="accuracy")
    assert rows(shown(plain))[0] == ["", "budget (generations)"] and rows(shown(plain))[3][1:] == ["0.3", "0.45"]
    both = pd.concat({"generations": named, "flops": named}, names=["axis"])
    both.columns = pd.MultiIndex.from_tuples([("share", 1, "a"), ("share", 1, "b")], names=[None, "budget", "strategy"])
    assert rows(shown(both))[:4] == [
        ["", "share (%)"],
        ["budget (generations)", "1"],
        ["at equal", "strategy", "a", "b"],
        ["generations", "majority", "20.0", "–"],
    ]
    assert rows(shown(both))[4][0] == ""  # said once


def test_an_interval_stood_on_end_is_turned() -> None:
    frame = pd.DataFrame({"orm": [0.98, 0.97, 0.99], "prm": [0.5, 0.4, 0.6]}, index=["estimate", "low", "high"])
    assert rows(shown(frame)) == [
        ["", "estimate"],
        ["orm", "0.98\u00a0[0.97,\u00a00.99]"],
        ["prm", "0.50\u00a0[0.40,\u00a00.60]"],
    ]


def test_a_long_table_is_folded_and_a_cut_one_says_so() -> None:
    frame = pd.DataFrame({"budget": range(FOLDED), "accuracy": np.linspace(0, 1, FOLDED)})
    assert f"<details><summary>{FOLDED} rows: budget (generations), accuracy (%)</summary>" in shown(frame)
    assert "<details>" not in shown(frame.head(FOLDED - 1))
    with pd.option_context("display.max_rows", 4, "display.show_dimensions", True):
        page = readable(
            sanitise(pd.DataFrame({"budget": range(9), "strategy": list("abcdefghi")})._repr_html_()), NAMES
        )  # pyright: ignore
    assert "Cut from 9 rows and 2 columns." in page and ["…", "…"] in rows(page) and "..." not in page


def test_every_other_table_scrolls_in_a_box_of_its_own() -> None:
    plain = "<p>a</p><table><tr><td>1</td></tr></table>"
    assert readable(plain, {}) == '<p>a</p><div class="wide"><table><tr><td>1</td></tr></table></div>'
    assert readable("<p>a</p>", {}) == "<p>a</p>" and readable("<table>", {}) == "<table>"


@pytest.mark.parametrize("hostile", HOSTILE)
def test_hostile_cells_stay_text(hostile: str) -> None:
    page = shown(pd.DataFrame({hostile: [hostile, "a"], "text": ["a", hostile]}))
    assert set(re.findall(r"<(\w+)", page)) <= {"div", "table", "thead", "tbody", "tr", "th", "td", "p"}


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("accuracy", "0.41726562", "41.7"),
        ("difference", "-0.0004", "0.0"),
        ("difference", "-0.0104", "−1.0"),
        ("n_questions", "1000", "1,000"),
        ("policy_tokens", "2009.887", "2,009.9"),
        ("flops", "0", "0"),
        ("accuracy", "NaN", "–"),
        ("strategy", "no_such", "no such"),
        ("text", "a_b", "a_b"),
        ("", "0.380", "0.380"),
    ],
)
def test_values_are_rounded_as_declared(name: str, value: str, expected: str) -> None:
    assert column(name).shown(value, {}) == expected


def test_strategies_are_called_by_their_words() -> None:
    frame = pd.DataFrame([WEIGHTED.columns, ORACLE.columns, ORACLE.columns])
    assert strategy_names({"a": frame}) == NAMES
