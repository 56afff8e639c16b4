"""A supplement as its profile declares it: which studies are to be run beside a study, and what is made of them."""

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Annotated, Any

import pandas as pd
import yaml
from pydantic import Field, ValidationError

from tts_lib.common.errors import StudyError
from tts_lib.common.mistakes import sentence
from tts_lib.common.section import Section
from tts_lib.report.claims.findings import Demand, Direction
from tts_lib.report.figures.figure import Drawing
from tts_lib.study.config.study import Study
from tts_lib.study.effort import Effort, Foreseen

PROFILES = Path("profiles/supplements")


@dataclass(frozen=True)
class Collected:
    """What a supplement found: the content of its folder.

    Attributes:
        claims: number -> what the supplement adds to that claim in the report: text; a verdict, and by whom, if any.
        left_out: number of a claim -> why the supplement says nothing on it.
        metrics: the folder of another study's metrics, which plans of such a study go by; None: there is none.
        beside: the figure of the report that it is linked from, if one.
        facts: what else stands in summary.json.
    """

    title: str
    lead: str
    tables: Mapping[str, pd.DataFrame]
    figures: Sequence[Drawing]
    claims: Mapping[str, Mapping[str, str]] = field(default_factory=dict[str, Mapping[str, str]])
    left_out: Mapping[str, str] = field(default_factory=dict[str, str])
    metrics: Path | None = None
    beside: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict[str, Any])


def tally(verdicts: Iterable[str]) -> str:
    """How many claims came to which verdict, in a sentence; the table of claims says which."""
    counts = Counter(verdicts)
    return f"Put to the test: {', '.join(f'{n} {verdict}' for verdict, n in counts.most_common())}."


class RegisteredClaim(Section):
    """A claim written down before its result; each kind of supplement adds what it is on."""

    claim: str
    direction: Direction
    margin: Annotated[float, Field(ge=0, lt=1)]
    registered: date

    @property
    def demand(self) -> Demand:
        return Demand(self.direction, self.margin)

    @property
    def stated(self) -> dict[str, float | str]:
        """As a table shows it beside what was found."""
        return {"margin": self.margin, "registered": self.registered.isoformat()}


class Supplement(Section, ABC):
    """Studies beside a study; each kind says which, and what is made of their results."""

    kind: str
    stages: list[str] = Field(default_factory=list[str], description="that run in each study, with what they need")
    changes: dict[str, Any] = Field(default_factory=dict[str, Any], description="dotted name of a setting -> value")

    def studies(self, seed: int) -> Mapping[str, Mapping[str, Any]]:
        """Name of each study -> what is changed in it alone; none where all is done in the study itself.

        Args:
            seed: of the study that they stand beside.

        Raises:
            StudyError: they cannot stand beside it.
        """
        return {}

    def efforts(self, study: Study, foreseen: Foreseen) -> Sequence[Effort]:
        """What is sampled, read and trained in the study itself, beside the studies that are run; at its upper limit.

        Raises:
            StudyError: the study cannot have it.
        """
        return ()

    def seen_from(self, root: Path) -> Path:
        """The folder that relative folders of its settings are seen from: that of the study in `root`."""
        return root

    @abstractmethod
    def collect(self, root: Path, studies: Mapping[str, Path]) -> Collected:
        """What the studies found, with that of the study in `root`, once all of them have run."""

    def settings(self, parent: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
        """The settings of each study, as its params.yaml holds them.

        Args:
            parent: those of the study that they stand beside.

        Raises:
            StudyError: a change of what is not there, or settings that make no study.
        """
        made = {}
        for name, own in self.studies(parent["seed"]).items():
            settings = deepcopy(dict(parent))
            for setting, value in {**self.changes, **own}.items():
                _change(settings, setting, value)
            try:
                Study.model_validate(settings)
            except ValidationError as error:
                words, _ = sentence(error, Study.model_json_schema())
                raise StudyError(f"changes make no study of {name}: {words}") from error
            made[name] = settings
        return made


def parameters(root: Path) -> dict[str, Any]:
    """The settings of a study as they are written."""
    return yaml.safe_load((root / "params.yaml").read_text(encoding="utf-8"))


def _change(settings: dict[str, Any], setting: str, value: Any) -> None:
    node: Any = settings
    *groups, last = setting.split(".")
    for group in groups:
        node = node.get(group) if isinstance(node, dict) else None
    if not isinstance(node, dict):
        raise StudyError(f"changes.{setting}: the study has no {'.'.join(groups)}")
    node[last] = deepcopy(value)
