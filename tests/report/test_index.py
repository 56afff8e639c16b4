"""The first page: says what the tables say, runs nothing, fetches nothing, whatever a model wrote."""

import json
import re
import shutil
from pathlib import Path

import nbformat
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from helpers.example_study import EXAMPLE, HOSTILE
from helpers.explored_study import write_results
from tts_lib.common import tables
from tts_lib.plots import style
from tts_lib.report import gallery
from tts_lib.report.claims.claims import COLUMNS
from tts_lib.report.pages import index, navigation, supplements
from tts_lib.report.pages.__main__ import main
from tts_lib.report.pages.about import About, about

FACTS = {"n_params_block": 130_000, "n_params": 150_000, "n_tokens": 6_000_000, "flops": 4.7e12}
FACTS |= {"validation_loss": 0.5, "n_layers": 4, "width": 48, "name": None}
POOL = {"n_questions": 400, "n_samples": 512, "pass_at_1": 0.3, "greedy_accuracy": 0.4, "mean_tokens": 26.0}
CARD = {"label": "small model", "model": "small", "how": "", "text": "32.5% [29.7%, 35.5%]", "at": "pass@1"}


RAN = dict.fromkeys(["voted", "verified", "searched", "revised", "compared"], True) | {"imported": False}
REGISTRATION = {"sha256": "ab" * 32, "rules_changed": "2026-11-28"}
SAID = About("Study <mine> · commit abc", "")
PAGES = navigation.in_order([("01", "The questions")])


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made") / "reports"
    study = {
        "seed": 0,
        "methods": ["beam_4"],
        "budgets": [1, 2],
        "drawn": [2],
        "search_budgets": [4],
        "models": {"base": FACTS},
        "pools": {"base-test": POOL},
        "questions": {"train": 3000, "test": 400},
        "ran": RAN,
        "versions": {"python": "3.11"},
    }
    figure = {"name": "a", "title": "A figure", "caption": "What it shows."}
    summary = {"study": study, "headline": [CARD], "figures": [figure], "claims": REGISTRATION}
    tables.write_json(summary, folder / "summary.json")
    drawn = Figure()
    drawn.subplots().plot([0, 1])
    style.save_figure(drawn, folder / "results/report/a")
    claims = [
        ("1a", "One claim", "supported", "+1.0 points [+0.5, +1.5]", 1.0),
        ("2", "Another", "contradicted", "−1.0 points [−1.5, −0.5]", -1.0),
        ("3", "A third", "inconclusive", "+0.0 points [−1.0, +1.0]", 0.0),
        ("4a", "The grid ends before", "not testable", "", np.nan),
        ("18a", "A fourth", "not testable", "", np.nan),
    ]
    frame = pd.DataFrame(claims, columns=["number", "claim", "verdict", "ours", "estimate"]).reindex(columns=COLUMNS)
    frame["card"] = frame["number"].map({"1a": CARD["label"]})
    write_csv(frame, folder / "results/report/claims.csv")
    write_csv(traces("x01\ny02"), folder / "results/report/gallery.csv")
    attempt = {"case": "loses it", "question_id": "q", "chain": 0, "statement": "Find x.", "score": 0.25}
    attempts = [attempt | {"position": n, "text": f"=0{n}", "verdict": "wrong"} for n in (1, 2)]
    write_csv(pd.DataFrame(attempts), folder / "results/report/gallery_chains.csv")
    write_csv(pd.DataFrame({"budget": [1]}), folder / "results/report/a.csv")
    write_results(folder)
    return folder


@pytest.fixture(scope="module")
def harmless(made: Path) -> str:
    """The page of it."""
    return index.render(made, PAGES, SAID)


@pytest.fixture
def reports(made: Path, tmp_path: Path) -> Path:
    """One of its own for each test."""
    return Path(shutil.copytree(made, tmp_path / "reports"))


def write_csv(frame: pd.DataFrame, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    frame.to_csv(path, index=False)


def traces(text: str, statement: str = "Find x.") -> pd.DataFrame:
    chosen = pd.DataFrame([{"case": "too short", "question_id": "q", "sample": 0, "text": text, "answer": text}])
    chosen = chosen.assign(verdict="wrong", pass_at_1=0.5)
    chosen["scores"] = [np.linspace(0.1, 0.9, len(gallery.steps_of(text)))]
    return gallery.traces(chosen, pd.DataFrame({"question_id": ["q"], "statement": [statement]}))


def add_notebook(reports: Path, name: str, *cells: str) -> None:
    (reports / "executed").mkdir(exist_ok=True)
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell(cell) for cell in cells])
    nbformat.write(notebook, reports / "executed" / f"{name}.ipynb")


def test_the_page_says_what_the_tables_say(reports: Path) -> None:
    page = index.render(reports, PAGES, SAID)
    for expected in ("32.5%", "[29.7%, 35.5%]", "+1.0 points [+0.5, +1.5]", "✓ 1 supported", "✗ 1 contradicted"):
        assert expected in page
    for expected in ("? 1 inconclusive", 'href="pages/01.html"', "130,000", "6 million", "A figure"):
        assert expected in page
    assert 'href="claims.csv"' in page and 'href="results' not in page and 'href="summary.json"' in page
    assert "The grid ends before" in page and "A fourth" in page and "Left out" not in page
    assert "repeated whole: a small model is sampled, verified, searched and taught to revise its answers" in page
    assert "own gold" not in page and "Searches" not in page
    assert "1, 2 generations from the pool; 4 for searches; drawn: 2<" in page


def test_a_replay_speaks_of_itself_alone(reports: Path) -> None:
    """Of one model, of which the verdicts are known: no claim, no gallery, no larger model."""
    summary = tables.read_json(reports / "summary.json")
    summary["study"] |= {"ran": dict.fromkeys(RAN, False) | {"imported": True}, "methods": []}
    unknown = dict.fromkeys(["n_params", "n_layers", "width", "validation_loss"])
    summary["study"]["models"]["base"] |= {"name": "tiny <1B>"} | unknown
    tables.write_json(summary, reports / "summary.json")
    for name in ("gallery", "gallery_chains"):
        write_csv(pd.read_csv(reports / f"results/report/{name}.csv").head(0), reports / f"results/report/{name}.csv")
    claims = pd.read_csv(reports / "results/report/claims.csv", dtype=str)
    write_csv(claims.assign(estimate=None), reports / "results/report/claims.csv")
    page = index.render(reports, PAGES, SAID)
    assert "those of tiny &lt;1B&gt; are counted (is any of 512 right?). Nothing was sampled" in page
    assert "all 4 on verifiers, all 1 on revisions" in page and "<table class=" not in page
    for absent in ("larger", "verified", "Solutions", "searches", "layers", "validation loss", "0 supported"):
        assert absent not in page, absent


def test_a_checkpoint_is_called_by_its_name(reports: Path) -> None:
    summary = tables.read_json(reports / "summary.json")
    summary["study"]["models"]["base"] |= {"name": "tiny <1B>", "n_tokens": 2e12}
    tables.write_json(summary, reports / "summary.json")
    page = index.render(reports, PAGES, SAID)
    assert "tiny &lt;1B&gt; is sampled" in page and "2 trillion" in page and "a small model" not in page


def test_the_order_of_imported_samples_is_shown(reports: Path) -> None:
    assert "order of the samples" not in index.render(reports, PAGES, SAID)
    summary = tables.read_json(reports / "summary.json")
    known = {"own_gold": 190.0, "own_gold_by_chance": 4.0, "duplicate_share": None, "shared_prefix_questions": None}
    summary["study"]["pools"]["base-test"] |= known | {"order_of_samples": "trusted, misplaced: 9 golds <lead>"}
    tables.write_json(summary, reports / "summary.json")
    page = index.render(reports, PAGES, SAID)
    assert (
        "<th>order of the samples</th>" in page
        and "<th>duplicates</th>" not in page
        and "<td>trusted, misplaced: 9 golds &lt;lead&gt;</td>" in page
    )


def test_nothing_runs_and_nothing_is_fetched(reports: Path) -> None:
    page = index.render(reports, PAGES, SAID)
    assert "default-src 'none'" in page
    assert not re.search(r"<(script|iframe|object|embed|link|base|form)\b", page, re.IGNORECASE)
    sources = re.findall(r'\b(?:src|href)\s*=\s*"([^"]*)"', page)
    assert sources and not [source for source in sources if re.match(r"\w+:", source) and "data:image/" not in source]
    assert "url(" not in page and "@import" not in page


@pytest.mark.parametrize("hostile", HOSTILE)
def test_hostile_text_is_inert(reports: Path, harmless: str, hostile: str) -> None:
    write_csv(traces(hostile.replace("\n", " "), hostile), reports / "results/report/gallery.csv")
    claims = pd.read_csv(reports / "results/report/claims.csv", dtype=str)
    claims["note"] = hostile
    write_csv(claims, reports / "results/report/claims.csv")
    page = index.render(reports, navigation.in_order([("01", hostile)]), SAID)
    tags = re.compile(r"<[a-zA-Z!/][^>]*>")
    allowed = {re.sub(r'"[^"]*"', '""', tag) for tag in tags.findall(harmless)} | {"<small>", "</small>"}
    assert {re.sub(r'"[^"]*"', '""', tag) for tag in tags.findall(page)} <= allowed


def test_every_executed_notebook_gets_a_page_in_order(reports: Path) -> None:
    add_notebook(reports, "02_b", "# Second")
    add_notebook(reports, "02_b.partial", "# Second, which failed once")
    add_notebook(reports, "01_a", "# First\n\n$x$")
    pages = index.render_notebooks(reports, [], SAID)
    assert [(page.file, page.title) for page in pages[2:]] == [
        ("pages/01_a.html", "First"),
        ("pages/02_b.html", "Second"),
    ]
    first, second = ((reports / page.file).read_text() for page in pages[2:])
    assert '<a rel="prev" href="../explore.html">← Explorer</a>' in first
    assert '<a rel="next" href="../pages/02_b.html">Second →</a>' in first and 'rel="next"' not in second
    for page in (first, second):
        assert [f'href="../{other.file}"' in page for other in pages].count(False) == 1  # the page itself


def test_a_notebook_that_cannot_be_shown_is_named(reports: Path) -> None:
    add_notebook(reports, "01_a", r"$\unknowncommand{x}$")
    with pytest.raises(index.StudyError, match=r"01_a\.ipynb: The formula"):
        index.render_notebooks(reports, [], SAID)


@pytest.mark.parametrize("lost", ["summary.json", "results/report/claims.csv", "results/report/a.svg"])
def test_a_missing_input_is_one_sentence(reports: Path, lost: str, monkeypatch: pytest.MonkeyPatch) -> None:
    (reports.parent / "params.yaml").write_text(EXAMPLE)
    monkeypatch.chdir(reports.parent)
    main([])
    before = (reports / "index.html").read_bytes()
    assert {path.name for path in reports.iterdir()} >= {"README.md", "explore.html", "claims.csv", "figures"}
    (reports / lost).unlink()
    with pytest.raises(SystemExit, match=f"{Path(lost).name} is missing"):
        main([])
    assert (reports / "index.html").read_bytes() == before


def test_two_pages_of_the_same_results_are_equal(reports: Path, tmp_path: Path) -> None:
    shutil.copytree(reports, tmp_path / "elsewhere/reports")
    assert index.render(reports, PAGES, SAID) == index.render(tmp_path / "elsewhere/reports", PAGES, SAID)


def test_large_numbers_in_words() -> None:
    assert [index.compact(x) for x in (12, 4700, 6e6, 2e9, 4.7e12)] == [
        *("12", "4.7 thousand", "6 million", "2 billion", "4.7 trillion")
    ]


def test_the_gallery_takes_the_extremes_of_each_kind() -> None:
    rows = [
        ("easy", 0, "a\nb\nc", "correct", 0.9, 3),
        ("easy", 1, "a\nb\nc", "correct", 0.2, 3),
        ("easy", 2, "a\nb\nd", "wrong", 0.95, 3),
        ("easy", 3, "a", "wrong", 0.5, 1),
        ("easy", 4, "a\na\na", "wrong", 0.1, 3),
        ("easy", 5, "a\nb\n", "no_answer", 0.3, 2),
    ]
    table = pd.DataFrame(rows, columns=["question_id", "sample", "text", "verdict", "prm_last", "n_steps"])
    pool, scores = table[["question_id", "sample", "text", "verdict"]], table.drop(columns=["text", "verdict"])
    chosen = gallery.choose(pool.assign(answer="1"), scores).set_index("case")["sample"]
    assert chosen.to_dict() == {
        "wrong, and sure of it: the verifier is fooled": 2,
        "right, but doubted": 1,
        "repeats itself": 4,
        "too short": 3,
        "gives no answer": 5,
    }
    assert gallery.steps_of("a\nb\n") == ["a", "b"] and gallery.repeated_lines("a\na\na\nb") == 0.5


@pytest.mark.parametrize("text", ["x" * 200_000, "01234567\n" * 22_000 + "x" * 2_000])
def test_a_very_long_sample_is_cut_with_its_length_said(text: str) -> None:
    found = traces(text, statement=text)
    shown, said = "".join(found["text"]), " … (cut: 200,000 characters in all)"
    assert shown.endswith(said) and len(shown) == gallery.LONGEST + len(said)
    assert len(found["statement"].iloc[0]) == gallery.LONGEST + len(said)
    n = len(gallery.steps_of(text))
    np.testing.assert_allclose(found["score"], np.linspace(0.1, 0.9, n)[: len(found)])
    assert gallery.cut("x" * gallery.LONGEST) == "x" * gallery.LONGEST


@pytest.mark.parametrize(
    ("text", "scores", "steps"),
    [("a\nb", [0.1, 0.2], ["a", "b"]), ("a\nb\n\nc", [0.1, 0.2], ["a\nb", "c"]), ("a\nb", [0.1] * 3, ["a\nb"])],
)
def test_a_text_is_cut_as_its_scores_are(text: str, scores: list[float], steps: list[str]) -> None:
    chosen = pd.DataFrame([{"case": "c", "question_id": "q", "sample": 3, "text": text, "answer": None}])
    chosen = chosen.assign(verdict="wrong", pass_at_1=0.0, scores=[np.array(scores)])
    found = gallery.traces(chosen, pd.DataFrame({"question_id": ["q"], "statement": ["s"]}))
    assert found["text"].tolist() == steps and found["score"].iloc[-1] == scores[-1]


def test_a_pool_without_texts_or_scores_has_nothing_to_show() -> None:
    pool = pd.DataFrame({"question_id": ["q"], "sample": [0], "text": [None], "answer": ["1"], "verdict": ["wrong"]})
    scores = pd.DataFrame({"question_id": ["q"], "sample": [0], "n_steps": [1]})
    assert gallery.choose(pool, scores.assign(prm_last=0.5)).empty
    assert gallery.choose(pool.assign(text="a"), scores).empty


def test_chains_worth_reading_are_one_of_each_kind() -> None:
    """Letters: r = right, x = no answer, others wrong answers."""
    letters = {"a": ["bbrbbb", "bbbbbr"], "b": ["rbcdef"], "c": ["bbbxbb", "bbbbbb"], "d": ["abcdef", "ab"]}
    rows = [
        (question, chain, position, letter)
        for question, of_chains in letters.items()
        for chain, text in enumerate(of_chains)
        for position, letter in enumerate(text, start=1)
    ]
    table = pd.DataFrame(rows, columns=["question_id", "chain", "position", "text"])
    verdict = table["text"].map(lambda x: {"r": "correct", "x": "no_answer"}.get(x, "wrong"))
    table = table.assign(verdict=verdict, answer=table["text"].where(table["text"] != "x", None), orm=0.5)
    problems = pd.DataFrame({"question_id": list(letters), "statement": list(letters)})
    found = gallery.chains(table.sample(frac=1, random_state=0), problems)
    assert list(found) == gallery.CHAIN_COLUMNS
    texts = {case: "".join(part["text"]) for case, part in found.groupby("case", sort=False)}
    assert texts == {
        "finds its way": "bbbbbr",
        "loses it": "rbcdef",
        "repeats its mistake": "bbbbbb",
        "tries something else each time": "abcdef",
    }
    assert gallery.chains(table.head(0), problems).empty


def test_every_page_says_what_study_it_is_of_and_when_it_concludes_nothing(reports: Path) -> None:
    few = About("Study <mine> · commit abc", "40 test questions: too few")
    for said in (SAID, few):
        page = index.render(reports, PAGES, said)
        assert "<footer>Study &lt;mine&gt; · commit abc</footer>" in page
        assert ("too few" in page) == (said is few)


def test_what_is_known_of_a_study(tmp_path: Path) -> None:
    (tmp_path / "params.yaml").write_text(EXAMPLE)
    (tmp_path / "logs").mkdir()
    stage = {"stage": "a", "wall_s": 200.0, "ended": 1.0, "succeeded": True}
    (tmp_path / "logs/stages.jsonl").write_text(f"{json.dumps(stage)}\n{json.dumps(stage | {'stage': 'b'})}\n")
    said = about(tmp_path, 40)
    assert said.foot.startswith(f"Study {tmp_path.name} · ")
    assert " · 7 min, the last runs of its 2 stages together" in said.foot
    assert said.warning.startswith("40 test questions: enough to see that everything runs, too few to conclude")
    assert about(tmp_path, 400).warning == ""


def test_a_supplement_of_this_study_speaks_beside_its_claims_and_another_is_silent(reports: Path) -> None:
    (reports.parent / "params.yaml").write_text(EXAMPLE)
    added = {"1a": {"text": "over 3 trainings <+0.2>", "verdict": "inconclusive"}}
    record = {"title": "3 trainings", "lead": "What it is.", "claims": added}
    path = reports / "supplements/trainings/summary.json"

    def page(claims: str) -> str:
        belongs = supplements.fingerprint(reports.parent, claims)
        tables.write_json(record | {"belongs": belongs}, path)
        return index.render(reports, navigation.in_order([]), SAID)

    without = index.render(reports, navigation.in_order([]), SAID)
    assert without.count("one training") == 3 and "Supplements" not in without  # of each measured claim
    own, foreign = page(REGISTRATION["sha256"]), page("cd" * 32)
    assert "over 3 trainings &lt;+0.2&gt;" in own and "over trainings: inconclusive" in own
    assert own.count("one training") == 2 and 'href="supplements/trainings/index.html"' in own
    assert (
        "; over trainings: inconclusive</span></div>" in own and "; over trainings" not in without + foreign
    )  # on its card
    assert "over 3 trainings" not in foreign and foreign.count("one training") == 3
    assert "This supplement belongs to another study, of other claims." in foreign
    added |= {"1a": {"text": "another model: −1", "verdict": "contradicted", "by": "another model"}}
    other = page(REGISTRATION["sha256"])
    assert "another model: contradicted" in other and other.count("one training") == 3
    added |= {"1a": {"text": "break-even at M* ≤ 2"}}  # a remark without a verdict
    remarked = page(REGISTRATION["sha256"])
    assert "break-even at M* ≤ 2" in remarked and remarked.count("one training") == 3
