"""The way through a report's pages, in the order in which they are read: overview, explorer, notebooks, supplements."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from tts_lib.report.pages.supplements import Kept

OVERVIEW, EXPLORER = "index.html", "explore.html"


@dataclass(frozen=True)
class Page:
    """A page: its file as seen from the overview, and its title."""

    file: str
    title: str


@dataclass(frozen=True)
class Way:
    """All pages in order, seen from one of them."""

    pages: Sequence[Page]
    here: str  # the file of that page

    @property
    def back(self) -> str:
        """What leads from this page to the folder of the overview."""
        return "../" * self.here.count("/")

    @property
    def before(self) -> Page | None:
        return self._beside(-1)

    @property
    def after(self) -> Page | None:
        return self._beside(1)

    def _beside(self, step: int) -> Page | None:
        place = [page.file for page in self.pages].index(self.here) + step
        return self.pages[place] if 0 <= place < len(self.pages) else None


def in_order(titles: Sequence[tuple[str, str]], kept: Sequence[Kept] = ()) -> list[Page]:
    """All pages of a report.

    Args:
        titles: stem and title of its notebooks; of several with one title each says which it is.
        kept: its supplements.
    """
    count = Counter(title for _, title in titles)
    pages = [Page(OVERVIEW, "Overview"), Page(EXPLORER, "Explorer")]
    for stem, title in titles:
        which = stem.partition("-")[2].replace("_", " ") if count[title] > 1 else ""
        pages.append(Page(f"pages/{stem}.html", f"{title}: {which}" if which else title))
    return [*pages, *(Page(one.page, one.title) for one in kept)]
