"""The explorer: it shows what the tables say, in the page's script as in Python, and runs that script and no other."""

import json
import re
import shutil
import subprocess
from base64 import b64encode
from hashlib import sha256
from html.parser import HTMLParser
from itertools import product
from pathlib import Path
from typing import Any, cast

import nbformat
import numpy as np
import pandas as pd
import pytest

from helpers.explored_study import BEAM, BUDGETS, CONTROL, M, write_results
from helpers.pipeline import ROOT
from tts_lib.common.strategy import GREEDY, WEIGHTED
from tts_lib.report.explorer import lookup, record
from tts_lib.report.pages import explore, navigation
from tts_lib.report.pages.about import About
from tts_lib.strategies.exchange.matched import matched_budget
from tts_lib.strategies.tables.saved import read_csv

UNITS = ("generations", "tokens", "flops", "bytes", "money")
WAY = navigation.Way(navigation.in_order([]), navigation.EXPLORER)


@pytest.fixture
def reports(tmp_path: Path) -> Path:
    write_results(tmp_path / "reports")
    return tmp_path / "reports"


class Scripts(HTMLParser):
    """The scripts of a page with their types, and everything that it would fetch."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.scripts: list[tuple[str | None, str]] = []
        self.fetched: list[str] = []
        self._inside = False
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        known = dict(attrs)
        self._inside = tag == "script"
        if self._inside:
            self.scripts.append((known.get("type"), ""))
        self.fetched += [value for name, value in known.items() if name in ("src", "srcset", "data") and value]

    def handle_data(self, data: str) -> None:
        if self._inside:
            kind, text = self.scripts[-1]
            self.scripts[-1] = (kind, text + data)

    def handle_endtag(self, tag: str) -> None:
        self._inside = False


def embedded(page: str) -> dict[str, Any]:
    (data,) = (text for kind, text in Scripts(page).scripts if kind == "application/json")
    return json.loads(data)


def test_what_is_embedded_are_the_numbers_of_the_tables(reports: Path) -> None:
    held = embedded(explore.render(record.load(reports), WAY, About("", "")))
    accuracy = read_csv(reports / "results/compute_optimal/accuracy.csv")
    for row in accuracy[accuracy["strategy"] != CONTROL.name].to_dict("records"):
        name, budget = row["strategy"], str(row["budget"])
        assert held["attained"]["all"][name][budget] == [row["accuracy"], row["low"], row["high"]]
        assert held["costs"][name][budget][1:4] == [
            row[c] for c in ("policy_tokens", "verifier_tokens", "flops_with_verifier")
        ]
    bins = read_csv(reports / "results/compute_optimal/bins.csv")
    for row in bins[bins["strategy"] != CONTROL.name].to_dict("records"):
        found = held["attained"][f"{row['binning']}:{row['bin']}"][row["strategy"]][str(row["budget"])]
        assert found == [row["accuracy"], row["low"], row["high"]]
    assert set(held["strategies"]) == {WEIGHTED.name, BEAM.name}  # what nothing chooses among is left out
    assert held["chosen"]["oracle:1"]["4"][:3] == [BEAM.name, 4, 0.75]
    assert held["chosen"]["all"]["16"] == [BEAM.name, 16, 0.6, [0.5, 0.4, 0.6]]


def test_a_greedy_answer_is_one_generation_at_any_budget(reports: Path) -> None:
    for table in ("accuracy", "costs", "shares"):
        path = reports / f"results/compute_optimal/{table}.csv"
        frame = read_csv(path)
        greedy = frame.loc[frame["strategy"] == WEIGHTED.name].assign(**GREEDY.columns)
        pd.concat([frame, greedy], ignore_index=True).to_csv(path, index=False)
    shown = lookup.attained(record.load(reports), "all", "generations", 1.0)
    assert dict(zip(shown["strategy"], shown["budget"], strict=True)) == {GREEDY.label: 1, WEIGHTED.label: 1}


@pytest.mark.parametrize("unit", UNITS)
def test_each_strategy_is_shown_with_the_most_that_the_budget_buys(reports: Path, unit: lookup.Unit) -> None:
    found, prices = record.load(reports), lookup.Prices(2.0, 3.0, 4.0)
    names = {words: name for name, (words, _) in found.strategies.items()}
    for limit in np.geomspace(1e-6, 1e9, 60):
        shown = lookup.attained(found, "oracle:1", unit, float(limit), prices)
        assert shown["accuracy"].is_monotonic_decreasing
        for words, budget in zip(shown["strategy"], shown["budget"], strict=True):
            name = names[words]
            costs = {n: lookup.cost(found, name, n, unit, prices) for n in found.attained["oracle:1"][name]}
            assert max(n for n, cost in costs.items() if cost <= limit) == budget
    cheapest = lookup.cost(found, WEIGHTED.name, 1, unit, prices)
    assert lookup.attained(found, "all", unit, cheapest * 0.99, prices).empty
    assert lookup.chosen(found, "all", unit, cheapest * 0.99, prices) is None


def test_the_exchange_is_that_of_the_tables(reports: Path) -> None:
    found = record.load(reports)
    even = read_csv(reports / "results/flops_matched/break_even.csv").iloc[0]
    shown = lookup.exchange(found, "all", 0.79, M)
    assert shown is not None
    assert shown["k"] == matched_budget(M, 0.79) and shown["budget"] == 16 and shown["high"] == 0.16
    assert shown["even"] == pytest.approx(even["r"], rel=1e-4)
    assert (shown["even_low"], shown["even_high"]) == (0.0, float("inf"))  # off the grid; at any R
    assert lookup.exchange(found, "predicted:1", 0.79, M) is None


def test_memory_traffic_is_left_out_where_it_is_not_known(reports: Path) -> None:
    """As of samples that existed already: nobody knows how wide the model is."""
    known = record.load(reports)
    assert "bytes moved" in explore.render(known, WAY, About("", "")) and "bytes" in known.units
    assert lookup.attained(known, "all", "bytes", 8e5).iloc[0]["bytes_alone"] == 7e5 + 3e4
    path = reports / "results/compute_optimal/costs.csv"
    read_csv(path).assign(cache_bytes=np.nan).to_csv(path, index=False)
    unknown = record.load(reports)
    assert "bytes" not in unknown.units and "bytes_alone" not in lookup.attained(unknown, "all", "tokens", 1e9)
    assert "unit-bytes" not in explore.render(unknown, WAY, About("", ""))


@pytest.mark.skipif(shutil.which("node") is None, reason="needs node")
def test_the_script_finds_what_python_finds(reports: Path, tmp_path: Path) -> None:
    found = record.load(reports)
    states = [
        {"group": group, "unit": unit, "limit": float(limit), "r": r, "m": m, "count": count}
        for group, unit, limit, (r, m, count) in product(
            found.groups,
            UNITS,
            (1e-5, 1.0, 5.0, 100.0, 1e8),
            ((0.16, M, "v1"), (22.0, 3.0, "iclr"), (1.0, 1.0, "small_only")),
        )
    ]
    prices = lookup.Prices(2.0, 3.0, 4.0)
    (tmp_path / "given.json").write_text(
        json.dumps({"record": found.plain(), "states": states, "prices": vars(prices)})
    )
    program = """
const it = require(process.argv[1]), given = JSON.parse(require("fs").readFileSync(process.argv[2]));
console.log(JSON.stringify(given.states.map((s) => [
  it.attained(given.record, s.group, s.unit, s.limit, given.prices),
  it.chosen(given.record, s.group, s.unit, s.limit, given.prices),
  it.exchange(given.record, s.group, s.r, s.m, s.count)]), (_, x) => (x === Infinity ? "inf" : x)));
"""
    script = ROOT / "tts_lib/report/pages/templates/explore.js"
    ran = subprocess.run(
        ["node", "-e", program, str(script), str(tmp_path / "given.json")], capture_output=True, text=True
    )
    assert ran.returncode == 0, ran.stderr
    for state, (rows, pick, even) in zip(states, json.loads(ran.stdout), strict=True):
        group, unit = state["group"], cast("lookup.Unit", state["unit"])
        ours = lookup.attained(found, group, unit, state["limit"], prices)
        assert pd.DataFrame(rows).reindex(columns=list(ours)).to_dict("records") == ours.to_dict("records")
        mine = lookup.chosen(found, group, unit, state["limit"], prices)
        assert mine == (pick and {name: value for name, value in pick.items() if name not in ("name", "at")})
        traded = lookup.exchange(found, group, state["r"], state["m"], state["count"])
        assert traded == (even and {name: float(value) for name, value in even.items()})


@pytest.mark.skipif(shutil.which("node") is None, reason="needs node")
def test_the_better_buy_is_named_only_where_its_interval_says_so() -> None:
    program = "console.log([[0.1, 0.2], [-0.2, -0.1], [-0.1, 0.2]].map(require(process.argv[1]).betterBuy).join())"
    script = ROOT / "tts_lib/report/pages/templates/explore.js"
    ran = subprocess.run(["node", "-e", program, str(script)], capture_output=True, text=True)
    small, large, neither = ran.stdout.strip().split(",")
    assert "small" in small and "large" in large and neither == "Which model is the better buy is open"


def test_one_script_runs_and_the_policy_knows_it_by_its_hash(reports: Path) -> None:
    page = explore.render(record.load(reports), WAY, About("foot", ""))
    found = Scripts(page)
    assert [kind for kind, _ in found.scripts] == ["application/json", None] and not found.fetched
    digest = b64encode(sha256(found.scripts[1][1].encode()).digest()).decode()
    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]*)"', page)
    assert f"script-src 'sha256-{digest}';" in policy and policy.startswith("default-src 'none'")
    assert "unsafe" not in policy.replace("style-src 'unsafe-inline'", "")
    assert not re.search(r"\b(fetch|XMLHttpRequest|eval|innerHTML|import)\b|\son\w+=", found.scripts[1][1])
    assert len(page.encode()) < 1e6


def test_a_name_cannot_end_the_data(reports: Path) -> None:
    found = record.load(reports)
    hostile = "</script><script>document.title = 'owned'</script>"
    found.strategies[BEAM.name] = (hostile, "#000")
    page = explore.render(found, WAY, About("", ""))
    assert embedded(page)["strategies"][BEAM.name][0] == hostile and len(Scripts(page).scripts) == 2


def test_a_study_without_a_large_model_or_a_choice_has_an_explorer(reports: Path) -> None:
    for path in (reports / "results/flops_matched").iterdir():
        path.write_text(path.read_text().partition("\n")[0] + "\n")
    shares = reports / "results/compute_optimal/shares.csv"
    shares.write_text(shares.read_text().partition("\n")[0] + "\n")
    found = record.load(reports)
    assert found.large is None and lookup.exchange(found, "all", 1.0, 14.0) is None
    assert set(found.strategies) == {strategy.name for strategy in BUDGETS} - {CONTROL.name}
    assert embedded(explore.render(found, WAY, About("", "")))["large"] is None


def test_the_notebook_shows_the_same(reports: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import ipywidgets

    from tts_lib.study import parameters

    moved: list[dict[str, Any]] = []

    def interact(shown: Any, **controls: Any) -> None:
        first = {name: c[0] if isinstance(c, list) else c.value for name, c in controls.items()}
        moved.append(first | {"shown": shown(**first)})

    displayed: list[Any] = []
    monkeypatch.setattr(ipywidgets, "interact", interact)
    monkeypatch.setattr(parameters, "here", lambda: None)
    monkeypatch.chdir(reports.parent)
    cells = [
        cell.source for cell in nbformat.read(ROOT / "notebooks/explore.ipynb", 4).cells if cell.cell_type == "code"
    ]
    space: dict[str, Any] = {"display": lambda *things: displayed.extend(things)}
    for source in cells:
        exec(source.replace("from IPython.display import display\n", ""), space)
    table, pick = displayed
    assert table["accuracy"].is_monotonic_decreasing and pick["strategy"] == "beam search, M = 4"
    assert moved[1]["shown"] == lookup.exchange(record.load(), "all", 0.79, moved[1]["m"])
