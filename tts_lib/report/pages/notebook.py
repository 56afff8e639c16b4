"""One executed notebook as one page.

The page carries everything it shows and fetches nothing: no script, no font, no picture from elsewhere, formulas as
MathML. What the notebook's outputs hold is rebuilt by `sanitise`, and the page's own security policy forbids the rest.
"""

import html
import re
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tts_lib.study import notebooks  # noqa: F401 (before nbconvert, which then loads in a third of the time)

# isort: split
from latex2mathml.converter import convert
from markupsafe import Markup
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath
from nbformat import NotebookNode
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer

from tts_lib.common.errors import StudyError
from tts_lib.report.pages import rendering
from tts_lib.report.pages.about import About
from tts_lib.report.pages.frames import readable
from tts_lib.report.pages.navigation import Way
from tts_lib.report.pages.sanitise import sanitise

IMAGE_TYPES = ("image/svg+xml", "image/png", "image/jpeg")  # a drawing is sharper than a picture
BROAD, STRIP = 1.6, 3.5  # width of a figure over its height
HIDDEN_TAGS = {"injected-parameters"}
_ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_TITLE = re.compile(r"^#\s+(.+?)\s*#*\s*$", re.MULTILINE)


def to_mathml(formula: str, display: str) -> str:
    """A LaTeX formula as MathML; `display` is "inline" or "block".

    Raises:
        StudyError: something in it was not understood and would be shown as it was typed, or not at all.
    """
    try:
        mathml = convert(formula, display=display)
    except Exception as error:  # the converter raises a class of its own, or any other, per mistake
        raise StudyError(f"The formula ${formula}$ is not understood: {error or type(error).__name__}.") from error
    if "\\" in html.unescape(mathml) or "<mo />" in mathml:
        raise StudyError(f"The formula ${formula}$ uses a command that has no MathML; write it with simpler ones.")
    return mathml


class _Markdown(IPythonRenderer):
    """Markdown without raw HTML, in which formulas are MathML and local pictures are inlined."""

    def __init__(self, folder: Path):
        super().__init__(
            escape=True,
            allow_harmful_protocols=False,
            embed_images=True,
            exclude_anchor_links=True,
            path=str(folder),
        )

    def inline_math(self, body: str) -> str:
        return to_mathml(body, "inline")

    def block_math(self, body: str) -> str:
        return to_mathml(body, "block")

    def latex_environment(self, name: str, body: str) -> str:
        return to_mathml(f"\\begin{{{name}}}{body}\\end{{{name}}}", "block")


def render(
    notebook: NotebookNode,
    folder: Path,
    way: Way | None = None,
    said: About = About("", ""),  # noqa: B008
    names: Mapping[str, str] = {},
) -> str:
    """The page of an executed notebook.

    Args:
        folder: where pictures named in its prose are looked up.
        way: to the other pages of the report.
        said: what stands at head and foot.
        names: of strategies -> in words.

    Raises:
        StudyError: a formula that cannot be shown.
    """

    def markdown(source: str) -> Markup:
        return tidy(MarkdownWithMath(_Markdown(folder)).render(source))

    def tidy(markup: str) -> Markup:
        return Markup(readable(sanitise(markup), names))

    cells: list[dict[str, Any]] = []
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cells.append({"prose": markdown(cell.source)})
        elif cell.cell_type == "code":
            hidden = HIDDEN_TAGS & set(cell.metadata.get("tags", []))
            code = "" if hidden else Markup(highlight(cell.source, PythonLexer(), HtmlFormatter(nowrap=True)))
            cells.append({"code": code, "outputs": [_output(output, markdown, tidy) for output in cell.outputs]})
    titles = [_TITLE.search(cell.source) for cell in notebook.cells if cell.cell_type == "markdown"]
    title = next((match.group(1) for match in titles if match), "Report")
    template = rendering.environment().get_template("page.html.j2")
    return template.render(title=title, cells=cells, way=way, said=said)


def _output(output: NotebookNode, markdown: Callable[[str], Markup], tidy: Callable[[str], Markup]) -> Markup:
    """One output of a cell in its richest form that is safe."""
    if output.output_type == "stream":
        return _preformatted(output.text)
    if output.output_type == "error":
        return _preformatted("\n".join(output.traceback))
    data = output.data
    for image_type in IMAGE_TYPES:
        if image_type in data:
            return _image(image_type, data[image_type], output.metadata.get("alt", "figure"))
    if "text/html" in data:
        return tidy(data["text/html"])
    if "text/markdown" in data:
        return markdown(data["text/markdown"])
    return _preformatted(data.get("text/plain", ""))


def _preformatted(text: str) -> Markup:
    return Markup("<pre>{}</pre>").format(_ANSI.sub("", text))


def _image(image_type: str, content: str, alt: str) -> Markup:
    """A picture as data inside the page; scripts in an SVG do not run where it is shown as a picture."""
    if image_type == "image/svg+xml":
        content = b64encode(content.encode()).decode()
    content = "".join(content.split())
    drawn = Markup('<img alt="{}" src="data:{};base64,{}">').format(alt, image_type, content)
    box = _box(content)
    return Markup('<div class="{}">{}</div>').format(box, drawn) if box else drawn


def _box(content: str) -> str:
    """The box in which a PNG of several panels side by side is shown, and scrolls: `strip` on every screen, `broad` on
    a narrow one.
    """
    try:
        head = b64decode(content[:44], validate=True)
    except ValueError:
        return ""
    width, height = (int.from_bytes(head[at : at + 4]) for at in (16, 20))
    if not head.startswith(b"\x89PNG") or width <= BROAD * height:
        return ""
    return "broad" if width <= STRIP * height else "strip"
