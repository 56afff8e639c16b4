"""Both mechanisms in one solution: where the next attempt begins and what it sees, and who is revised.

All cells are chains of the paper's revision model, located and chosen by the base's PRM: best-of-N weighted among all
attempts. The length of the chains is chosen for each cell on validation questions, at the largest budget, and the
table is measured on test questions. Contrasts are at equal FLOPs, the verifier's included: a cell stands where its
curve over its budgets has the cost of the cell of both mechanisms, by interpolation in log FLOPs.
"""

from collections.abc import Mapping
from contextlib import ExitStack, chdir
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import pandas as pd
from jaxtyping import Float
from matplotlib.axes import Axes
from pydantic import Field

from tts_lib.answers.expected import Expected
from tts_lib.answers.question_table import QuestionTable
from tts_lib.common import paths
from tts_lib.estimators.intervals import difference_interval, in_words
from tts_lib.report.claims.findings import in_points
from tts_lib.report.figures.figure import Drawing
from tts_lib.report.supplements.combine.cells import MODEL, TREES, Cell, Measured, Revising, sampled
from tts_lib.report.supplements.declared import Collected, RegisteredClaim, Supplement, tally
from tts_lib.revisions import chains
from tts_lib.revisions.restart import Where
from tts_lib.study.asking import Asking
from tts_lib.study.config import loading
from tts_lib.study.config.study import Study
from tts_lib.study.effort import Effort, Foreseen
from tts_lib.verifiers import scoring

Contrast = Literal[
    "both_minus_parents", "interaction", "located_minus_random", "gain_minus_score", "score_minus_uniform"
]
PLACES: dict[Where, str] = {
    "start": "the beginning",
    "random": "a random step",
    "first_error": "the first bad step",
    "true_error": "the true first error",
}
BOTH: Cell = ("first_error", True)
PARENTS: tuple[Cell, ...] = (("start", True), ("first_error", False))  # revisions, backtracking


class Registered(RegisteredClaim):
    """A claim on one of the contrasts."""

    contrast: Contrast


class Combine(Supplement):
    """Chains and trees of revisions in the study itself; no other study is run."""

    kind: Literal["combine"]
    attempts: Annotated[list[int], Field(min_length=1, description="of a chain: the lengths to choose from")]
    budget: Annotated[int, Field(ge=2, le=4096, description="attempts a question, a power of two")]
    levels: Annotated[int, Field(ge=2, description="of a tree of as many attempts")]
    n_val: Annotated[int, Field(ge=30, description="questions to choose on, the first")]
    n_test: Annotated[int, Field(ge=30, description="questions to measure on, the first")]
    claims: Annotated[list[Registered], Field(min_length=1)]

    def efforts(self, study: Study, foreseen: Foreseen) -> list[Effort]:
        """Every length of chains in each cell on validation questions, one on test questions, and the trees.

        What an attempt keeps of the one before it is counted as if it were written anew.
        """
        question, history = foreseen.question("test"), sampled(study).max_history
        n_val, n_test = foreseen.n("val", self.n_val), foreseen.n("test", self.n_test)
        cells = [shown for _ in range(4 if study.problems else 3) for shown in (False, True)]

        def asked(length: int, shown: bool) -> Expected:
            wide = self.budget // length
            read = scoring.expected(wide, question, shared=True) * length
            return chains.expected([length] * wide, history if shown else 0, question) + read

        tried = sum((asked(length, shown) for shown in cells for length in self.attempts), Expected())
        measured = sum((asked(max(self.attempts), shown) for shown in cells), Expected())
        return [
            Effort("lengths of chains, validation", asked=tried * n_val),
            Effort("cells, test", asked=measured * n_test),
            Effort("trees", asked=asked(self.levels, True) * (n_val + len(TREES) * n_test)),
        ]

    def collect(self, root: Path, studies: Mapping[str, Path]) -> Collected:
        with chdir(root), ExitStack() as stack:
            study = loading.load()
            sampling, tree = sampled(study), (self.budget // self.levels, self.levels)
            asking = Asking.open(study, stack)
            questions = {
                split: asking.questions(asking.table(split, n), paths.model(MODEL))
                for split, n in (("val", self.n_val), ("test", self.n_test))
            }
            revising = Revising.of(asking, stack, sampling, questions)
            chosen = {cell: self._chosen(revising, cell, questions["val"]) for cell in revising.cells}
            measured = {
                cell: revising.measured(cell, questions["test"], (self.budget // length, length))
                for cell, length in chosen.items()
            }
            gain = revising.gain(questions["val"], tree)
            trees = {dealt: revising.grown(dealt, questions["test"], tree, gain) for dealt in TREES}
            return self._told(revising.threshold, chosen, measured, trees)

    def _chosen(self, revising: Revising, cell: Cell, questions: QuestionTable) -> int:
        """The length of chains that is best on these questions at the largest budget; the first of equals."""
        means = {
            length: revising.measured(cell, questions, (self.budget // length, length)).accuracy[-1].mean()
            for length in self.attempts
        }
        return max(means, key=lambda length: round(float(means[length]), 12))

    def _told(
        self,
        threshold: float,
        chosen: Mapping[Cell, int],
        measured: Mapping[Cell, Measured],
        trees: Mapping[str, Measured],
    ) -> Collected:
        table, curves = [], []
        for (where, shown), found in measured.items():
            cell = {"restart_at": PLACES[where], "earlier_attempts": "shown" if shown else "not shown"}
            table.append(cell | {"attempts_of_a_chain": chosen[where, shown]} | found.at_the_end)
            name = f"{PLACES[where]}, {'shown' if shown else 'not shown'}"
            curves += [{"cell": name} | row for row in found.along]
        grown = pd.DataFrame({"parents": dealt} | found.at_the_end for dealt, found in trees.items())
        found = contrasts(measured, trees)
        rows = []
        for claim in self.claims:
            interval = difference_interval(found[claim.contrast])
            verdict = claim.demand.judge(interval.low, interval.high).verdict
            text = in_points(interval.estimate, interval.low, interval.high)
            rows.append(
                {"claim": claim.claim, "difference": interval.estimate, "low": interval.low, "high": interval.high}
                | {"text": text, "verdict": verdict}
                | claim.stated
            )
        said = tally(row["verdict"] for row in rows)
        lead = f"One revision model, {self.budget} attempts a question, {self.n_test} test questions. {said}"
        data = pd.DataFrame(curves)
        caption = (
            "Higher at the same cost is better: solid lines see the earlier attempts, dashed ones do not; a colour is "
            "where the next attempt begins. The same revision model in all of them."
        )
        return Collected(
            title="Verifiers and revisions in one solution",
            lead=" ".join(filter(None, [lead, beside_choice(measured[BOTH])])),
            tables={"cells": pd.DataFrame(table), "trees": grown, "claims": pd.DataFrame(rows)},
            figures=[Drawing("cells", "Where the next attempt begins, and what it sees", caption, data, draw)],
            facts={"threshold": threshold or None},
        )


def contrasts(
    measured: Mapping[Cell, Measured], trees: Mapping[str, Measured]
) -> dict[str, Float[np.ndarray, " problem"]]:
    """The differences that claims are on, question by question, at the FLOPs of the cell of both mechanisms."""
    cost = float(measured[BOTH].flops[-1])
    at = {cell: found.at_cost(cost) for cell, found in measured.items()}
    better = max(PARENTS, key=lambda parent: at[parent].mean())
    located = at["first_error", True] - at["start", True]
    backtracked = at["first_error", False] - at["start", False]
    level = min(float(found.flops[-1]) for found in trees.values())
    tree = {dealt: found.at_cost(level) for dealt, found in trees.items()}
    return {
        "both_minus_parents": at[BOTH] - at[better],
        "interaction": located - backtracked,
        "located_minus_random": at["first_error", False] - at["random", False],
        "gain_minus_score": tree["gain"] - tree["score"],
        "score_minus_uniform": tree["score"] - tree["uniform"],
    }


def beside_choice(both: Measured) -> str:
    """Both mechanisms in one solution beside the study's choice between them, and what an attempt makes of the last.

    The choice, in oracle bins, stands where its curve has the same cost, by interpolation in log FLOPs. Empty where the
    study has none.
    """
    path = paths.results("compute_optimal") / "accuracy.csv"
    if not path.is_file():
        return ""
    curve = pd.read_csv(path).query("strategy_set == 'both' and strategy == 'compute_optimal_oracle'")
    if curve.empty:
        return ""
    costs, end = np.log(curve["flops_with_verifier"].to_numpy(float)), both.at_the_end
    cost = np.log(end["flops_with_verifier"])
    choice = {name: float(np.interp(cost, costs, curve[name].to_numpy(float))) for name in ("accuracy", "low", "high")}
    known = "" if costs[0] <= cost <= costs[-1] else " at least" if cost > costs[-1] else " at most"
    return (
        f"For as many FLOPs, the verifier's included, both mechanisms in one solution have {_right(end)} right, the "
        f"study's choice among searches and revisions (oracle bins){known} {_right(choice)}. Of attempts that follow "
        f"a right one {end['right_to_wrong']:.1%} are wrong, of those that follow a wrong one "
        f"{end['wrong_to_right']:.1%} right: more than that revising does not change."
    )


def _right(row: Mapping[str, float]) -> str:
    return in_words(row["accuracy"], row["low"], row["high"])


def draw(data: pd.DataFrame, ax: Axes) -> None:
    """Accuracy over FLOPs, a line a cell."""
    for number, (name, part) in enumerate(data.groupby("cell", sort=False)):
        shown = str(name).endswith(", shown")
        ax.plot(
            part["flops_with_verifier"], 100 * part["accuracy"], label=str(name),
            color=f"C{number // 2}", linestyle="-" if shown else "--", marker="o" if shown else "^", markersize=4,
        )  # fmt: skip
    ax.set(xscale="log", xlabel="FLOPs a question, the verifier's included", ylabel="right answers, %")
    ax.legend(fontsize="x-small", loc="upper center", bbox_to_anchor=(0.5, -0.16), ncol=2)
