"""`reports/README.md` and the story of a study: what the summary and the claims say, in plain Markdown."""

import re
from pathlib import Path
from typing import Any

import pytest

from helpers.example_study import HOSTILE
from tts_lib.common import tables
from tts_lib.report import story
from tts_lib.report.pages import markdown
from tts_lib.report.pages.about import About
from tts_lib.report.pages.supplements import Kept, added

RAN = dict.fromkeys(["voted", "verified", "searched", "revised", "compared"], True) | {"imported": False}
MODELS = {"base": {"n_params_block": 100, "name": None}, "large": {"n_params_block": 1400, "name": None}}
CARDS = [
    {"label": "small model", "model": "small", "how": "", "at": "greedy", "text": "30.0% [25.0%, 35.0%]"},
    {
        "label": "small model, one sample",
        "model": "small",
        "how": "one sample",
        "at": "pass@1",
        "text": "28.0% [24.0%, 32.0%]",
    },
    {
        "label": "small model, best-of-N weighted",
        "model": "small",
        "how": "best-of-N weighted",
        "at": "N = 64",
        "text": "46.0% [41.0%, 51.0%]",
    },
    {"label": "large model", "model": "large", "how": "", "at": "greedy", "text": "51.0% [46.0%, 56.0%]"},
    {"label": "beam search", "at": "N = 16", "text": "+1.0 points [−1.0, +3.0]", "verdict": "inconclusive"},
]


def summary(**changes: Any) -> dict[str, Any]:
    study = {"questions": {"test": 1000}, "ran": RAN, "models": MODELS}
    names = ("coverage_by_budget", *story.FIGURES)
    figures = [{"name": name, "title": f"Title of {name}", "caption": "What to see."} for name in names]
    return {"study": study, "headline": CARDS, "figures": figures} | changes


def claim(number: str, ours: str, verdict: str, of_all: str = "", words: str = "A claim") -> dict[str, str]:
    row = {"number": number, "ours": ours, "verdict": verdict, "verdict_of_all": of_all or verdict, "claim": words}
    return row | {"paper": "yes", "contrast": "N = 64"}


CLAIMS = [
    claim("13a", "1.66× [1.03×, 2.33×]; best fixed 1.77×", "supported", "inconclusive", "The choice is cheaper"),
    claim("13b", "1.66× [1.03×, 2.33×]", "contradicted", words="The choice is 4 times cheaper"),
    claim("16a", "−0.3 points [−1.2, +0.5]", "inconclusive"),
    claim("28d", "", "not testable"),
    claim("29b", "−84.3% [−92.1%, −67.0%]", "supported", words="The large model wins"),
]


def test_three_sentences_that_quote_the_tables() -> None:
    bought, chosen, traded = story.sentences(summary(), CLAIMS, {})
    assert "1,000 test questions" in bought and "30.0% [25.0%, 35.0%] (greedy) and 46.0% [41.0%, 51.0%]" in bought
    assert "the large model 51.0% [46.0%, 56.0%] (greedy)" in bought and "28.0%" not in bought
    assert "1.66× [1.03×, 2.33×] fewer generations than best-of-N (supported; inconclusive among all claims)" in chosen
    assert "−0.3 points [−1.2, +0.5]" in chosen and "1.77×" not in chosen
    assert "14 times the parameters" in traded and "−84.3% [−92.1%, −67.0%]" in traded and "medium" not in traded


def test_a_replay_searched_nothing_and_spends_what_it_has() -> None:
    facts = {"questions": {"test": 80}, "ran": RAN | {"searched": False}}
    facts["models"] = {"base": {"n_params_block": 1.5e9}, "large": {"n_params_block": 7e9}}
    rows = [claim("28c", "+19.2%", "supported") | {"contrast": "R = 0.16, k = 73, shown at N = 4"}]
    traded = story.sentences(summary(study=facts), rows, {})[-1]
    assert "4.67 times the parameters, at up to as many FLOPs" in traded and "shown at N = 4" in traded
    assert "that chooses among its samples is right by +19.2%" in traded and "search" not in traded


def test_the_story_says_what_other_trainings_and_sizes_do_to_it() -> None:
    trainings = Kept("", "", "", [], {"13a": {"text": "over 2 trainings 1.1×", "verdict": "inconclusive"}})
    sizes = Kept("", "", "", [], {"28d": {"text": "M* ≤ 2.0, R = 0.16"}, "1a": {"text": "of no interest"}})
    other_model = Kept("", "", "", [], {"13a": {"text": "SmolLM2: 3×", "verdict": "supported", "by": "SmolLM2"}})
    other_study = Kept("", "", "", ["params"], {"29b": {"text": "M* = 9"}})
    *three, beyond = story.sentences(summary(), CLAIMS, added([trainings, sizes, other_model, other_study]))
    assert three == story.sentences(summary(), CLAIMS, {})
    assert "choosing by difficulty, over 2 trainings 1.1×; medium questions, M* ≤ 2.0, R = 0.16 (M*: " in beyond
    assert "SmolLM2" not in beyond and "9" not in beyond and "interest" not in beyond


def test_a_study_says_only_what_it_has_measured() -> None:
    assert len(story.sentences(summary(headline=CARDS[:1]), [], {})) == 1
    only = summary()["figures"][:1]
    assert story.figures(summary(figures=only)) == only and len(story.figures(summary())) == 3


def test_what_other_trainings_do_not_confirm_stands_apart() -> None:
    """29b holds over trainings too, 30 does not; what another model or a figure adds says nothing of trainings."""
    claims = [*CLAIMS, claim("30", "+1.0 points [+0.5, +1.5]", "supported", words="A search pays")]
    over = {
        "29b": {"text": "each −84, −83", "verdict": "supported"},
        "30": {"text": "each +1, −1", "verdict": "inconclusive"},
    }
    other = {"29b": {"text": "SmolLM2: −3", "verdict": "inconclusive", "by": "SmolLM2"}, "30": {"text": "M* is 3"}}
    kept = [
        Kept(name, "", "supplements/x/index.html", [], of) for name, of in (("3 trainings", over), ("others", other))
    ]
    page = markdown.render(summary(), claims, kept, About("", ""))
    holds = page.partition("## What holds")[2].partition("## What does not")[0]
    sure, _, alone = holds.partition("With this training of the models, but not for sure with another:")
    assert (
        "- The large model wins: −84.3% [−92.1%, −67.0%] (N = 64); each −84, −83\n" in sure and "A search" not in sure
    )
    assert "- A search pays: +1.0 points [+0.5, +1.5] (N = 64); each +1, −1" in alone and "SmolLM2" not in holds
    foreign = [Kept("3 trainings", "", "supplements/x/index.html", ["params"], over)]
    assert "not for sure with another" not in markdown.render(summary(), claims, foreign, About("", ""))


def test_the_page_has_story_figures_claims_and_supplements(tmp_path: Path) -> None:
    own = Kept("What a parameter is worth", "Much.", "supplements/surface/index.html", [], {})
    foreign = Kept("Of another study", "Nothing.", "supplements/other/index.html", ["params"], {})
    page = markdown.render(summary(), CLAIMS, [own, foreign], About("Study nano", ""))
    assert page.count("![Title of ") == 3 and "(figures/accuracy_by_budget_search.png)" in page
    holds, fails = page.partition("## What holds")[2].split("## What does not")
    assert "The large model wins: −84.3%" in holds and "cheaper" not in holds  # not among all claims
    assert "- The choice is 4 times cheaper: 1.66× [1.03×, 2.33×] (N = 64)" in fails
    assert "| 13a | The choice is cheaper | yes |" in page and page.count("\n| ") == len(CLAIMS) + 2
    assert (
        "- [What a parameter is worth](supplements/surface/README.md): Much." in page and "Of another study" not in page
    )
    assert page.endswith("Study nano\n")


@pytest.mark.parametrize("hostile", HOSTILE)
def test_hostile_words_are_no_markup(hostile: str, tmp_path: Path) -> None:
    page = markdown.render(summary(), [claim("1", hostile, "supported", words=hostile)], [], About("", ""))
    assert not re.search(r"(?<!\\)<\w", page)
    assert len([line for line in page.splitlines() if line.startswith("| ")]) == 3


def test_what_is_shown_is_copied_and_what_was_is_removed(tmp_path: Path) -> None:
    results = tmp_path / "results/report"
    results.mkdir(parents=True)
    for figure in summary()["figures"]:
        for suffix in (".png", ".csv"):
            (results / f"{figure['name']}{suffix}").write_text(figure["name"])
    (results / "claims.csv").write_text("number\n")
    (tmp_path / "figures").mkdir()
    (tmp_path / "figures/old.csv").write_text("")
    markdown.copy_shown(tmp_path, summary())
    found = {path.name for path in (tmp_path / "figures").iterdir()}
    assert found == {f"{figure['name']}.csv" for figure in summary()["figures"]} | {
        f"{name}.png" for name in story.FIGURES
    }
    assert (tmp_path / "claims.csv").read_text() == "number\n"
    (results / "claims.csv").unlink()
    with pytest.raises(tables.TableError, match=r"claims\.csv is missing"):
        markdown.copy_shown(tmp_path, summary())
