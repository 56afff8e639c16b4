"""Tables of a notebook as a reader wants them: pandas' HTML rebuilt with the headings, units and roundings of
`tts_lib.report.columns`.

Numbers of rows are left out, an estimate stands with its interval in one cell, what is the same in all rows is said
once above the table, a long table is folded behind one line, and each stands in a box of its own that scrolls.
"""

import html
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from html.parser import HTMLParser

from tts_lib.report import columns
from tts_lib.report.columns import NOTHING, Column

FOLDED = 12  # rows from which a table is folded
LONG = 40  # characters of a cell from which it may be broken
_CUT = re.compile(r"<p>(\d+) rows × (\d+) columns</p>")
_FRAME = re.compile(r'<table[^>]*class="dataframe"[^>]*>.*?</table>', re.DOTALL)
_INTEGER = re.compile(r"-?\d+|…")
LEFT_OUT = "…"  # rows and columns that pandas left out of what it showed
_PARTS_OF_NAME = {"rule", "score", "length", "binning", "frozen", "at"}  # the strategy's words say them
_SIGNS = {"at_least": "≥ ", "at_most": "≤ "}


def readable(markup: str, names: Mapping[str, str]) -> str:
    """The (sanitised) markup with each data frame in it rebuilt, and every other table in a box that scrolls.

    Args:
        names: of strategies -> in words.
    """
    if markup.count("<table") != markup.count("</table>") or "<table" not in markup:
        return markup
    frames = [match for match in _FRAME.finditer(markup) if match[0].count("<table") == 1]
    if not frames:
        return re.sub(r"(<table.*?</table>)", r'<div class="wide">\1</div>', markup, flags=re.DOTALL)
    parts, end = [], 0
    for match in frames:
        parts += [markup[end : match.start()], _rebuilt(match[0], names)]
        end = match.end()
    rest = _CUT.sub(r'<p class="note">Cut from \1 rows and \2 columns.</p>', markup[end:])
    return "".join([*parts, rest])


def table(
    headings: Sequence[str],
    rows: Sequence[Sequence[str]],
    words: Collection[int] = (),
    above: Sequence[Sequence[tuple[str, int]]] = (),
) -> str:
    """A table in a box that scrolls; a long one folded behind a line that says what is in it.

    Args:
        words: places of the columns that hold words; numbers stand at the right.
        above: rows of headings that span several columns, each a text and how many it spans.
    """
    spans = "".join(
        "<tr>" + "".join(f'<th colspan="{n}">{html.escape(text)}</th>' for text, n in row) + "</tr>" for row in above
    )
    head = _row("th", headings, words)
    body = "".join(f"<tr>{_row('td', row, words)}</tr>" for row in rows)
    made = f'<div class="wide"><table><thead>{spans}<tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'
    if len(rows) < FOLDED:
        return made
    said = f"{len(rows)} rows: " + ", ".join(filter(None, headings))
    return f"<details><summary>{html.escape(said)}</summary>{made}</details>"


def _row(tag: str, texts: Sequence[str], words: Collection[int]) -> str:
    """Cells; words stand at the left, and only long ones are broken into lines."""
    parts = []
    for i, text in enumerate(texts):
        looks = " ".join(name for name, holds in (("words", i in words), ("long", len(text) > LONG)) if holds)
        opened = f'<{tag} class="{looks}">' if looks else f"<{tag}>"
        parts.append(f"{opened}{html.escape(text)}</{tag}>")
    return "".join(parts)


@dataclass
class _Grid(HTMLParser):
    """The cells of a table, spans filled in: rows of the head, rows of the body, and how many columns label a row."""

    head: list[list[str]] = field(default_factory=list)
    body: list[list[str]] = field(default_factory=list)
    n_labels: int = 0

    def __post_init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._rows, self._in_head = self.body, False
        self._hanging: dict[int, tuple[str, int]] = {}  # column -> text of a cell above, and rows it still covers
        self._cell: tuple[str, int, int] | None = None
        self._text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in ("thead", "tbody"):
            self._in_head, self._rows = tag == "thead", self.head if tag == "thead" else self.body
        elif tag == "tr":
            self._rows.append([])
            self._fill()
        elif tag in ("th", "td"):
            known = dict(attrs)
            columns_, rows = (int(known.get(name) or 1) for name in ("colspan", "rowspan"))
            self._cell, self._text = (tag, columns_, rows), ""

    def handle_endtag(self, tag: str) -> None:
        if tag not in ("th", "td") or self._cell is None:
            return
        kind, n_columns, n_rows = self._cell
        row, text = self._rows[-1], self._text.strip()
        for _ in range(n_columns):
            if n_rows > 1:
                self._hanging[len(row)] = (text, n_rows - 1)
            row.append(text)
        if kind == "th" and not self._in_head:
            self.n_labels = max(self.n_labels, len(row))
        self._cell = None
        self._fill()

    def handle_data(self, data: str) -> None:
        self._text += data

    def _fill(self) -> None:
        """Cells that reach down from the row above."""
        row = self._rows[-1]
        while (found := self._hanging.pop(len(row), None)) is not None:
            text, left = found
            if left > 1:
                self._hanging[len(row)] = (text, left - 1)
            row.append(text)


def _rebuilt(markup: str, names: Mapping[str, str]) -> str:
    grid = _Grid()
    grid.feed(markup)
    grid.close()
    width = len(grid.head[-1]) if grid.head else 0
    if not grid.body:
        return '<p class="note">No rows.</p>'
    if any(len(row) != width for row in [*grid.head, *grid.body]):
        return f'<div class="wide">{markup}</div>'
    n, levels, body = grid.n_labels, grid.head, grid.body
    for row in [*levels, *body]:
        row[:] = [LEFT_OUT if cell == "..." else cell for cell in row]
    labels = [""] * n
    if len(levels) > 1 and n and not any(levels[-1][n:]):
        labels, levels = levels[-1][:n], levels[:-1]
    if n == 1 and not any(labels) and all(_INTEGER.fullmatch(row[0]) for row in body):
        levels, body, labels, n = [row[1:] for row in levels], [row[1:] for row in body], [], 0
    if (
        n == 1 and len(levels) == 1 and {"estimate", "low", "high"} <= {row[0] for row in body}
    ):  # an interval stood on end
        upright = list(zip(levels[0], *body, strict=True))
        levels, body = [list(upright[0])], [list(row) for row in upright[1:]]
    axes = [row[n - 1] if n else "" for row in levels]
    if len(levels) == 1 and not (axes[0] and n):
        return _of_columns([*labels, *levels[0][n:]], n, body, names)
    return _of_values(labels, axes, [row[n:] for row in levels], body, names)


def _of_columns(header: list[str], n_labels: int, body: list[list[str]], names: Mapping[str, str]) -> str:
    """A table whose columns have names; of several rows, what they have in common is said once."""
    cells = {i: [row[i] for row in body] for i in range(len(header))}
    hidden = {
        i for i, name in enumerate(header) if "strategy" in header and "rule" in header and name in _PARTS_OF_NAME
    }
    parts = {i: found for i in range(len(header)) if i not in hidden and (found := _interval(header, i))}
    hidden |= {part for found in parts.values() for part in found if part is not None}
    said, kept = [], []
    for i in (i for i in range(len(header)) if i not in hidden):
        same = len(body) > 1 and len(set(cells[i])) == 1 and i >= n_labels and i not in parts and header[i] != LEFT_OUT
        if not same:
            kept.append(i)
        elif header[i] == "level" and "low" in header:
            said.append(f"Brackets: {float(cells[i][0]):.0%} intervals")
        elif header[i] != "complete":  # of what is shown
            said.append(f"{_titled(header[i]).title}: {_titled(header[i]).shown(cells[i][0], names)}")
    if len(kept) < max(2, len(said)):
        kept, said = [i for i in range(len(header)) if i not in hidden], []
    rows = [[_cell(row, i, header, parts.get(i), names) for i in kept] for row in body]
    above = f'<p class="note">{html.escape("; ".join(said))}</p>' if said else ""
    words = [at for at, i in enumerate(kept) if _titled(header[i]).kind in ("name", "text")]
    return above + table([_titled(header[i]).title for i in kept], rows, words)


def _titled(name: str) -> Column:
    return Column(name, "text") if name == LEFT_OUT else columns.column(name)


def _interval(header: Sequence[str], i: int) -> tuple[int | None, ...]:
    """Where the ends of a column's interval stand, and the bounds of its value and of both ends; empty if it has none.

    Plain `low` and `high` are those of the estimate before them.
    """
    place = {name: at for at, name in enumerate(header)}
    name = header[i]
    ends = (f"{name}_low", f"{name}_high")
    if "low" in place and "high" in place:
        estimates = [at for at in range(place["low"]) if not header[at].endswith("bound")]
        if estimates and estimates[-1] == i:
            ends = ("low", "high")
    if ends[0] not in place or ends[1] not in place:
        return ()
    own = "bound" if ends[0] == "low" else f"{name}_bound"
    return (*(place[end] for end in ends), *(place.get(bound) for bound in (own, *(f"{end}_bound" for end in ends))))


def _cell(
    row: Sequence[str], i: int, header: Sequence[str], parts: Sequence[int | None] | None, names: Mapping[str, str]
) -> str:
    kind = _titled(header[i])
    if not parts:
        return kind.shown(row[i], names)
    low, high, *bounds = parts
    if row[i] == LEFT_OUT:
        return row[i]
    value, low, high = (
        ("" if bound is None else _SIGNS.get(row[bound], "")) + kind.shown(row[at], names)
        for at, bound in zip((i, low, high), bounds, strict=True)
        if at is not None
    )
    return value if low == high == NOTHING else f"{value}\u00a0[{low},\u00a0{high}]"


def _of_values(
    labels: list[str], axes: list[str], levels: list[list[str]], body: list[list[str]], names: Mapping[str, str]
) -> str:
    """A table whose columns are values of something (budgets, groups), in one level or several; a first level may
    name what the cells hold.
    """
    n, kind, above = len(labels), Column(""), []
    if len(levels) > 1 and not axes[0] and len(set(levels[0])) == 1:
        kind = columns.column(levels[0][0])
        axes, levels, above = axes[1:], levels[1:], [[("", n), (kind.title, len(levels[0]))]]
    shown = [
        [columns.column(axis).shown(text, names) for text in level] for axis, level in zip(axes, levels, strict=True)
    ]
    for axis, level in zip(axes[:-1], shown[:-1], strict=True):
        spans: list[tuple[str, int]] = []
        for text in level:
            spans = [*spans[:-1], (text, spans[-1][1] + 1)] if spans and spans[-1][0] == text else [*spans, (text, 1)]
        above.append([(columns.column(axis).title if axis else "", n), *spans])
    if len(levels) == 1 and axes[-1] and n:
        title = columns.column(axes[-1]).title
        above = [[("", n), (f"{kind.title} by {title}" if kind.heading else title, len(levels[-1]))]]
    headings = [*(columns.column(label).title if label else "" for label in labels), *shown[-1]]
    rows, before = [], [""] * n
    for row in body:
        own = [
            columns.column(label).shown(text, names) if label else text.replace("_", " ")
            for label, text in zip(labels, row, strict=False)
        ]
        repeated = [all(a == b for a, b in zip(own[: i + 1], before[: i + 1], strict=True)) for i in range(n)]
        left = ["" if repeated[i] and i < n - 1 else text for i, text in enumerate(own)]
        rows.append([*left, *(kind.shown(text, names) for text in row[n:])])
        before = own
    return table(
        headings, rows, [i for i, label in enumerate(labels) if columns.column(label).kind in ("name", "text")], above
    )
