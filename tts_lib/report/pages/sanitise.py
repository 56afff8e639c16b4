"""Rebuilds HTML from a short list of harmless tags and attributes; whatever else stands in it becomes text or nothing.

Nothing of the input is copied through: each tag that leaves is written here, every value escaped, every tag closed.
"""

import html
import re
from html.parser import HTMLParser

_TEXT = "h1 h2 h3 h4 h5 h6 p div span pre code em strong b i u s del sub sup br hr blockquote a img".split()
_LISTS = "ul ol li dl dt dd".split()
_TABLES = "table caption colgroup col thead tbody tfoot tr th td".split()
_FORMULAS = (
    "math mrow mi mn mo ms mtext mspace msub msup msubsup mfrac msqrt mroot mover munder munderover mtable mtr mtd "
    "mstyle mpadded mphantom mmultiscripts mprescripts none"
).split()
TAGS = frozenset(_TEXT + _LISTS + _TABLES + _FORMULAS + ["details", "summary"])
VOID_TAGS = frozenset({"br", "hr", "img", "col", "mprescripts", "none"})
# What stands inside these is not text for the reader.
DROPPED_WITH_CONTENT = frozenset({"script", "style", "title", "template", "noscript", "iframe", "object", "svg"})
ATTRIBUTES = frozenset(
    "alt title class id colspan rowspan scope start open width height style href src display stretchy fence form "
    "accent accentunder columnalign columnspacing rowspacing linethickness mathvariant minsize maxsize movablelimits "
    "lspace rspace separator".split()
)
_NAME = re.compile(r"[A-Za-z0-9_: .-]*")
_STYLE = re.compile(r"(?:[a-z-]+: *[#A-Za-z0-9.% -]+;? *)*")  # no brackets: no url(), no expression()
_LINK = re.compile(r"(?:#|https://|(?:\.{1,2}/)*[A-Za-z0-9_])[^\s:]*|https://[^\s]*")
_IMAGE = re.compile(r"data:image/(?:png|jpeg|svg\+xml);base64,[A-Za-z0-9+/=\s]*")
_ACCEPTED = {"class": _NAME, "id": _NAME, "style": _STYLE, "href": _LINK, "src": _IMAGE}


def sanitise(markup: str) -> str:
    """`markup` with harmless tags only. Links stay if relative or https, pictures if they are inlined."""
    builder = _Builder()
    builder.feed(markup)
    builder.close()
    return builder.finish()


class _Builder(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._parts: list[str] = []
        self._open: list[str] = []
        self._dropping = 0  # depth inside elements that are dropped with their content

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in DROPPED_WITH_CONTENT:
            self._dropping += 1
        elif tag in TAGS and not self._dropping:
            self._parts.append(f"<{tag}{_attributes(attrs)}>")
            if tag not in VOID_TAGS:
                self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in TAGS and not self._dropping:
            self._parts.append(f"<{tag}{_attributes(attrs)}>" + ("" if tag in VOID_TAGS else f"</{tag}>"))

    def handle_endtag(self, tag: str) -> None:
        if tag in DROPPED_WITH_CONTENT:
            self._dropping = max(0, self._dropping - 1)
        elif tag in self._open and not self._dropping:
            while True:  # a tag left open inside is closed with it
                last = self._open.pop()
                self._parts.append(f"</{last}>")
                if last == tag:
                    break

    def handle_data(self, data: str) -> None:
        if not self._dropping:
            self._parts.append(html.escape(data, quote=False))

    def finish(self) -> str:
        return "".join(self._parts) + "".join(f"</{tag}>" for tag in reversed(self._open))


def _attributes(attributes: list[tuple[str, str | None]]) -> str:
    kept = {}
    for name, value in attributes:
        value = value or ""
        pattern = _ACCEPTED.get(name)
        if name in ATTRIBUTES and (pattern is None or pattern.fullmatch(value)):
            kept.setdefault(name, value)
    return "".join(f' {name}="{html.escape(value)}"' for name, value in kept.items())
