"""Report pages: nothing in them runs or is fetched, whatever a notebook's outputs hold."""

import re
from html.parser import HTMLParser
from pathlib import Path

import pandas as pd
import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from helpers.example_study import HOSTILE
from tts_lib.common.errors import StudyError
from tts_lib.report.pages import navigation
from tts_lib.report.pages.notebook import render
from tts_lib.report.pages.sanitise import sanitise
from tts_lib.report.pages.text import show_text

PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


class Page(HTMLParser):
    """What a browser would act on: the tags of a page with their attributes, and its visible text."""

    def __init__(self, markup: str):
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(markup)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def assert_inert(markup: str) -> None:
    for tag, attributes in Page(markup).tags:
        assert tag not in {"script", "iframe", "object", "embed", "link", "base", "form", "svg", "video", "audio"}
        assert not [name for name in attributes if name.startswith("on") or name in {"srcset", "action", "background"}]
        assert (attributes.get("src") or "data:image/").startswith("data:image/")
        assert not re.match(r"\s*(javascript|data|vbscript|http):", attributes.get("href") or "", re.IGNORECASE)
        assert "url(" not in (attributes.get("style") or "")


def display(**data: str) -> NotebookNode:
    return new_output("display_data", {name.replace("_", "/", 1): value for name, value in data.items()})


def notebook(*outputs: NotebookNode, prose: str = "# A *stage*") -> NotebookNode:
    return new_notebook(cells=[new_markdown_cell(prose), new_code_cell("x = '<b>'", outputs=list(outputs))])


@pytest.mark.parametrize("hostile", HOSTILE)
def test_hostile_text_is_inert_in_every_place(hostile: str, tmp_path: Path) -> None:
    frame = pd.DataFrame({hostile: [hostile]})
    page = render(
        notebook(
            new_output("stream", name="stdout", text=hostile),
            display(text_plain=hostile),
            display(text_html=hostile),
            display(text_html=frame.to_html()),
            display(text_html=frame.to_html(escape=False)),
            display(text_html=show_text(hostile).data),
            display(text_markdown=hostile.replace("$", "").replace("\\", "")),
            display(application_javascript=hostile),
            display(**{"image_png": hostile}),
            new_output("error", ename="E", evalue=hostile, traceback=[hostile]),
            prose=f"# {hostile.replace('$', '')}".replace("\\", ""),
        ),
        tmp_path,
    )
    assert_inert(page)


@pytest.mark.parametrize("hostile", HOSTILE)
def test_show_text_shows_the_text_itself(hostile: str) -> None:
    page = Page(sanitise(show_text(hostile).data))
    assert [tag for tag, _ in page.tags] == ["pre"]
    assert page.text == "".join(c if c.isprintable() or c in "\n\t" else f"\\x{ord(c):02x}" for c in hostile)


@pytest.mark.parametrize(
    ("markup", "clean"),
    [
        ("<p>a<b>b</p>c", "<p>a<b>b</b></p>c"),
        ("</div></section><p>x", "<p>x</p>"),
        ("<style>p{}</style>a<script>b</script>c<svg><a>d</a></svg>", "ac"),
        ("a < b & c &lt;i&gt;", "a &lt; b &amp; c &lt;i&gt;"),
        ("<unknown>text</unknown>", "text"),
        ('<a href="a.html#b">x</a>', '<a href="a.html#b">x</a>'),
        ('<a href="../a.html">x</a>', '<a href="../a.html">x</a>'),
        ('<a href="https://arxiv.org/abs/2408.03314">x</a>', '<a href="https://arxiv.org/abs/2408.03314">x</a>'),
        ('<a href="//evil.example">x</a>', "<a>x</a>"),
        ('<a href=" java\tscript:alert(1)">x</a>', "<a>x</a>"),
        ('<td style="color: #abc; width: 3%">x</td>', '<td style="color: #abc; width: 3%">x</td>'),
        ('<td style="background: url(x)">x</td>', "<td>x</td>"),
        ('<img src="https://a.example/x.png" alt="y">', '<img alt="y">'),
        ("<br/><hr>", "<br><hr>"),
        ("<!-- c --><!DOCTYPE html><?php x ?>a", "a"),
        ("<![CDATA[<script>alert(1)</script>]]>", "alert(1)]]&gt;"),
    ],
)
def test_only_harmless_markup_is_kept(markup: str, clean: str) -> None:
    assert sanitise(markup).strip() == clean or "<![CDATA[" in markup
    assert_inert(sanitise(markup))


def test_a_page_has_its_parts_and_fetches_nothing(tmp_path: Path) -> None:
    (tmp_path / "figure.png").write_bytes(b"png")
    prose = (
        "# Search & *rescue*\n\n$\\frac{a}{b}$ and ![f](figure.png) and ![g](https://a.example/x.png)\n\n[next](b.html)"
    )
    page = render(
        notebook(display(image_png=PNG, text_plain="<Figure>"), display(image_svg="x"), prose=prose),
        tmp_path,
        navigation.Way(navigation.in_order([("01", "One")]), "pages/01.html"),
    )
    assert "<title>Search &amp; *rescue*</title>" in page
    assert "default-src &#39;none&#39;" in page or "default-src 'none'" in page
    tags = Page(page).tags
    way = ["../explore.html", "../index.html", "../explore.html"]
    assert [attributes["href"] for tag, attributes in tags if tag == "a"] == [*way, "b.html", *way]
    pictures = [attributes.get("src") for tag, attributes in tags if tag == "img"]
    assert pictures == ["data:image/png;base64,cG5n", None, f"data:image/png;base64,{PNG}"]
    assert "<mfrac>" in page and "https://" not in page
    assert len(page) < 12_000


def test_a_drawing_is_shown_as_a_picture(tmp_path: Path) -> None:
    drawing = new_output(
        "display_data", {"image/svg+xml": "<svg onload='x'/>", "image/png": PNG}, metadata={"alt": "curve"}
    )
    page = render(notebook(drawing), tmp_path)
    assert '<img alt="curve" src="data:image/svg+xml;base64,' in page
    assert_inert(page)


@pytest.mark.parametrize(
    "formula",
    [r"\hat{p} = \frac{c}{n}", r"\operatorname{argmax}_{\theta} \mathbb{E}[r]", r"1 - \binom{n-c}{k} / \binom{n}{k}"],
)
def test_formulas_become_mathml(formula: str, tmp_path: Path) -> None:
    page = render(notebook(prose=f"# T\n\n${formula}$\n\n$${formula}$$"), tmp_path)
    assert page.count("<math ") == 2 and 'display="block"' in page and "\\" not in page


@pytest.mark.parametrize("formula", [r"\arg\max_x", r"\nosuchcommand x", r"\operatorname{arg\,max}", r"\frac{"])
def test_a_formula_that_would_leak_is_refused(formula: str, tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="formula"):
        render(notebook(prose=f"# T\n\n${formula}$"), tmp_path)
