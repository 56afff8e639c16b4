"""Another study beside a study: which of its verdicts hold there too, claim by claim, with the paper's beside both."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import pandas as pd
import yaml
from matplotlib.axes import Axes
from pydantic import Field

from tts_lib.common import paths, tables
from tts_lib.common.errors import StudyError
from tts_lib.common.strategy import BEST_FIXED, COVERAGE, MAJORITY, ORACLE, PLAIN, PREDICTED, WEIGHTED, Strategy
from tts_lib.report.claims.claims import COLUMNS, OPEN
from tts_lib.report.figures.figure import Drawing
from tts_lib.report.supplements.declared import Collected, Supplement
from tts_lib.report.supplements.drawn import rows_of_claims
from tts_lib.strategies.tables.saved import read_csv
from tts_lib.study import folder

OWN = "this study"
SHOWN = (COVERAGE, MAJORITY, PLAIN, WEIGHTED, Strategy("beam_4"), BEST_FIXED, PREDICTED, ORACLE)


class OtherStudy(Supplement):
    """The study of a profile, whole: other models, other questions, the same claims."""

    kind: Literal["study"]
    profile: Annotated[str, Field(min_length=1, description="name of the profile that it runs")]
    model: Annotated[str, Field(min_length=1, description="what tables call its base")]
    budgets: Annotated[list[Annotated[int, Field(ge=1)]], Field(min_length=1, description="at which both are shown")]

    def studies(self, seed: int) -> dict[str, dict[str, Any]]:
        return {self.profile: {}}

    def settings(self, parent: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
        """Those of its profile, whatever the study that it stands beside."""
        path = folder.project() / "profiles" / f"{self.profile}.yaml"
        if not path.is_file():
            raise StudyError(f"profile is {self.profile!r}, but there is no {path.name} in profiles/")
        return {self.profile: yaml.safe_load(path.read_text(encoding="utf-8"))}

    def seen_from(self, root: Path) -> Path:
        """The project's, where its profile lies."""
        return folder.project()

    def collect(self, root: Path, studies: Mapping[str, Path]) -> Collected:
        folders = {OWN: root, self.model: studies[self.profile]}
        own, other = (claims_of(place) for place in folders.values())
        shown = side_by_side(own, other, self.model)
        n_questions = {name: _questions(place) for name, place in folders.items()}
        agree, differ = (shown["agrees"].tolist().count(answer) for answer in ("yes", "no"))
        lead = (
            f"{self.model}, asked {n_questions[self.model]:,} test questions of profiles/{self.profile}.yaml; "
            f"this study asked {n_questions[OWN]:,}. Of {len(shown)} claims that both can test, both decide "
            f"{agree + differ} and agree on {agree} of these. "
            "Verdicts rest on one training of each model; intervals are over the questions of each study."
        )
        there = other.loc[other["verdict"].ne("not testable")]
        return Collected(
            title=f"The same claims with {self.model}",
            lead=lead,
            tables={"claims": shown, "accuracy": accuracy(folders, self.budgets), "difficulty": difficulty(folders)},
            figures=[figure(own, other, self.model)],
            claims={
                number: {"text": f"{self.model}: {ours} ({contrast})", "verdict": verdict, "by": self.model}
                for number, ours, contrast, verdict in there[["number", "ours", "contrast", "verdict"]].to_numpy(str)
            },
            left_out=dict(other.loc[other["verdict"] == "not testable", ["number", "note"]].to_numpy(str).tolist()),
            metrics=studies[self.profile] / paths.METRICS,
            facts={"questions": n_questions},
        )


def claims_of(root: Path) -> pd.DataFrame:
    """The claims table of a study that has run, text empty where there is none.

    Raises:
        StudyError: it has none.
    """
    path = root / paths.REPORTS / "claims.csv"
    if not path.is_file():
        raise StudyError(f"{path} is missing: the study there has not run to its report")
    table = pd.read_csv(path, dtype=str, keep_default_na=False)[COLUMNS]
    return table.assign(**{name: pd.to_numeric(table[name]) for name in ("estimate", "low", "high")})


def side_by_side(own: pd.DataFrame, other: pd.DataFrame, model: str) -> pd.DataFrame:
    """The claims that both studies can test: what each finds, and whether two verdicts that are none agree."""
    both = own.merge(other, on="number", suffixes=("", " there"))
    both = both.loc[both["verdict"].ne("not testable") & both["verdict there"].ne("not testable")]
    verdicts = both[["verdict", "verdict there"]].to_numpy(str)
    agrees = np.where(verdicts[:, 0] == verdicts[:, 1], "yes", "no")
    columns = {
        "number": both["number"],
        "claim": both["claim"],
        "paper": both["paper"],
        OWN: both["ours"] + " (" + both["contrast"] + ")",
        "verdict": both["verdict"],
        model: both["ours there"] + " (" + both["contrast there"] + ")",
        f"verdict, {model}": both["verdict there"],
        "agrees": np.where(np.isin(verdicts, OPEN).any(axis=1), "open", agrees),
    }
    return pd.DataFrame(columns).reset_index(drop=True)


def accuracy(folders: Mapping[str, Path], budgets: list[int]) -> pd.DataFrame:
    """What each study's strategies attain at these budgets, where they are known."""
    found = []
    for name, root in folders.items():
        table = read_csv(root / paths.results("compute_optimal") / "accuracy.csv")
        table = table[table["budget"].isin(budgets) & table["strategy_set"].isin(["single", "paper"])]
        for strategy in SHOWN:
            part = table.loc[table["strategy"] == strategy.name, ["budget", "accuracy", "low", "high"]]
            kept = part.assign(study=name, strategy=strategy.label)
            found.append(kept[["study", "strategy", "budget", "accuracy", "low", "high"]])
    return pd.concat(found, ignore_index=True)


def difficulty(folders: Mapping[str, Path]) -> pd.DataFrame:
    """Accuracy of one sample in each quintile of the test questions, the easiest first, and of the greedy answer."""
    rows = []
    for name, root in folders.items():
        table = tables.read_table(root / paths.difficulty("test"))
        row: dict[str, Any] = {"study": name, "pass@1": table["oracle"].mean()}
        if "greedy" in table:
            row["greedy"] = table["greedy"].mean()
        for number in sorted(set(table["oracle_bin"].tolist())):
            row[f"pass@1 in bin {number}"] = table.loc[table["oracle_bin"] == number, "oracle"].mean()
        rows.append(row)
    return pd.DataFrame(rows)


def figure(own: pd.DataFrame, other: pd.DataFrame, model: str) -> Drawing:
    """Differences of accuracy: one study above the other, claim by claim."""
    parts = {OWN: own, model: other}
    in_points = {name: part.loc[part["unit"] == "share"] for name, part in parts.items()}
    there = set(in_points[model]["number"])
    numbers = [number for number in in_points[OWN]["number"] if number in there]
    columns = ["number", "estimate", "low", "high"]
    data = pd.concat(
        [part.loc[part["number"].isin(numbers), columns].assign(study=name) for name, part in in_points.items()],
        ignore_index=True,
    )
    caption = "Where both bars of a claim lie on one side of 0, the models agree. Bars: 95% over the questions of each."
    return Drawing("claims", "Differences of accuracy in both studies", caption, data, draw)


def draw(data: pd.DataFrame, ax: Axes) -> None:
    """A colour a study."""
    place = rows_of_claims(data, ax)
    for shift, (name, part) in zip((0.16, -0.16), data.groupby("study", sort=False), strict=True):
        rows = [place[number] + shift for number in part["number"]]
        error = [100 * (part["estimate"] - part["low"]), 100 * (part["high"] - part["estimate"])]
        ax.errorbar(100 * part["estimate"], rows, xerr=error, fmt="o", markersize=3, linewidth=1.2, label=str(name))
    ax.legend(fontsize="small")


def _questions(root: Path) -> int:
    return tables.read_json(root / paths.SUMMARY, ["study"])["study"]["questions"]["test"]
