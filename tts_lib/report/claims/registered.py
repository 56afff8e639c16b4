"""The registered claims: data in `registered.yaml`, with the date of each and the hash of the whole.

`sentences.yaml` has the words of those that go on where another began.
"""

import datetime
from functools import cache
from pathlib import Path
from typing import Annotated

import yaml
from pydantic import Field, model_validator

from tts_lib.common.files import file_hash
from tts_lib.common.section import Section
from tts_lib.common.yaml_files import read
from tts_lib.report.claims.adaptive import Predicts, Risk, Stopping, Zero
from tts_lib.report.claims.contrast import Budget, Difference, Growth
from tts_lib.report.claims.findings import Demand, Direction, Finding
from tts_lib.report.claims.revisions import AfterRestEM, LateCheckpoint, Pairing, Rise, Undone
from tts_lib.report.claims.search import Brevity, HardestBin, Repetition
from tts_lib.report.claims.strategies import AfterProbe, AgainstLarge, Cheaper, Gain, Ladder
from tts_lib.report.results import Results

FILE = Path(__file__).parent / "registered.yaml"
SENTENCES = Path(__file__).parent / "sentences.yaml"
AnyContrast = Annotated[
    Difference
    | Growth
    | HardestBin
    | Repetition
    | Brevity
    | Cheaper
    | Gain
    | AfterProbe
    | AgainstLarge
    | Ladder
    | Rise
    | Undone
    | Pairing
    | LateCheckpoint
    | AfterRestEM
    | Stopping
    | Risk
    | Predicts
    | Zero,
    Field(discriminator="kind"),
]


class Change(Section):
    """What was changed after the claim was registered."""

    date: datetime.date
    what: str


class Claim(Section):
    """One claim of the paper, how it is judged here, and the paper's own value."""

    number: Annotated[str, Field(pattern=r"^\d+[a-z]?$")]  # of the list of claims, with a letter where it has parts
    claim: str
    measure: str
    paper: str
    contrast: AnyContrast
    direction: Direction
    margin: Annotated[float, Field(gt=0, lt=1)]
    budget: Annotated[int, Field(ge=1)] | Budget
    registered: datetime.date
    before_results: bool = True
    changed: Change | None = None
    card: str = ""  # what it is called among the headline numbers, if it is one

    def find(self, results: Results) -> Finding:
        """What this study found on it.

        Raises:
            NotMeasured: the study has no data on it.
        """
        return self.contrast.find(results, self.budget, Demand(self.direction, self.margin))

    @property
    def history(self) -> str:
        """When it was registered, and what was changed."""
        seen = "" if self.before_results else ", after results of its kind were seen"
        changed = f"; changed {self.changed.date}: {self.changed.what}" if self.changed else ""
        return f"registered {self.registered}{seen}{changed}"


class Registered(Section):
    """All claims, in the order of the paper."""

    version: Annotated[int, Field(ge=1, le=1)]
    rules_changed: datetime.date
    claims: Annotated[list[Claim], Field(min_length=1)]

    @model_validator(mode="after")
    def _numbers_differ(self) -> "Registered":
        numbers = [claim.number for claim in self.claims]
        if twice := sorted({number for number in numbers if numbers.count(number) > 1}):
            raise ValueError(f"claims: number {twice[0]} is given twice")
        return self


def load(path: Path = FILE) -> Registered:
    """The claims of a file.

    Raises:
        StudyError: the file cannot be read, or a field is missing or out of its range; one sentence.
    """
    return read(path, Registered)


@cache
def registered() -> Registered:
    """The claims that are registered, each a sentence that stands alone."""
    found, words = load(), yaml.safe_load(SENTENCES.read_text(encoding="utf-8"))
    whole = [claim.model_copy(update={"claim": words.get(claim.number, claim.claim)}) for claim in found.claims]
    return found.model_copy(update={"claims": whole})


def fingerprint() -> str:
    """The hash of the file of registered claims."""
    return file_hash(FILE)
