"""What the rungs of a ladder of verifiers are worth to searches: gains, crossings, claims, a figure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import numpy as np
import pandas as pd
from jaxtyping import Float
from matplotlib.axes import Axes
from pydantic import Field

from tts_lib.common.strategy import Strategy
from tts_lib.estimators.crossing import ALWAYS, NEVER, crossing_interval
from tts_lib.estimators.intervals import Interval, difference_interval, mean_interval
from tts_lib.report.claims.findings import in_points
from tts_lib.report.supplements.declared import RegisteredClaim
from tts_lib.report.supplements.searches.world import Attained, Pooled

Named = Literal["prm", "exact", "shuffled"]
Equal = Literal["generations", "flops"]
PRM, EXACT, SHUFFLED, BEST_OF_N = "prm", "exact", "shuffled", "best_of_n"
Place = tuple[str, str, str, int]  # guided by, chosen by, search, generations


class Registered(RegisteredClaim):
    """A claim on searches, judged for each search and budget that it names."""

    searches: Annotated[list[str], Field(min_length=1)]
    over: Annotated[str, Field(description="another search, or best_of_n: weighted by what chooses")]
    guided: Named
    chosen: Named
    less_at: Annotated[Named | None, Field(description="the rung at which the same difference is taken off")] = None
    budgets: Annotated[list[int], Field(min_length=1)]
    equal: Annotated[Equal, Field(description="at equal FLOPs, the verifier's included, only over best_of_n")]


def rung(sigma: float) -> str:
    """The name of a misjudgement."""
    return f"misjudged by {sigma:g}"


@dataclass(frozen=True, eq=False)
class Ladder:
    """What was measured; arrays are by test question.

    Attributes:
        climbing: the rungs from misjudgements to perfect values, between which crossings are sought.
        pooled: best-of-N by rung.
        told_apart: AUC of unfinished prefixes by rung.
        weights: of a bootstrap over questions.
    """

    climbing: tuple[str, ...]
    pooled: Mapping[str, Pooled]
    told_apart: Mapping[str, Float[np.ndarray, " problem"]]
    attained: Mapping[Place, Attained]
    weights: Float[np.ndarray, "resample problem"]

    def gain(self, place: Place, equal: Equal) -> Float[np.ndarray, " problem"]:
        """Over best-of-N weighted by the rung that chooses."""
        found, plain = self.attained[place], self.pooled[place[1]]
        return found.accuracy - (plain.at(place[3]) if equal == "generations" else plain.at_cost(found.flops))

    def judged(self, claim: Registered) -> Iterator[dict[str, Any]]:
        """A row for each search and budget of a claim."""
        for search in claim.searches:
            for n in claim.budgets:
                difference = self._difference(claim, (claim.guided, claim.chosen, search, n))
                if claim.less_at:
                    difference = difference - self._difference(claim, (claim.less_at, claim.less_at, search, n))
                i = difference_interval(difference)
                verdict = claim.demand.judge(i.low, i.high).verdict
                text = in_points(i.estimate, i.low, i.high)
                facts = {"claim": claim.claim, "search": search, "budget": n, "equal": claim.equal, "text": text}
                facts |= {"difference": i.estimate, "low": i.low, "high": i.high, "verdict": verdict}
                yield facts | claim.stated

    def _difference(self, claim: Registered, place: Place) -> Float[np.ndarray, " problem"]:
        if claim.over == BEST_OF_N:
            return self.gain(place, claim.equal)
        guided, chosen, _, n = place
        return self.attained[place].accuracy - self.attained[guided, chosen, claim.over, n].accuracy

    def rungs(self) -> pd.DataFrame:
        """How well each verifier tells right from wrong within a question: whole solutions, and prefixes."""
        rows = []
        for name, pooled in self.pooled.items():
            row: dict[str, Any] = {"values": name}
            for what, auc in (("auc", pooled.auc), ("auc_of_prefixes", self.told_apart[name])):
                i = self._over_questions(auc)
                row |= {what: i.estimate, f"{what}_low": i.low, f"{what}_high": i.high}
            at = sorted({place[3] for place in self.attained})
            rows.append(row | {f"best_of_{n}": float(pooled.at(n).mean()) for n in at})
        return pd.DataFrame(rows)

    def gains(self) -> pd.DataFrame:
        """Each search at each rung beside best-of-N, at equal generations and at equal FLOPs."""
        rows = []
        for place, found in self.attained.items():
            row = dict(zip(("guided", "chosen", "search", "budget"), place, strict=True))
            row |= {"accuracy": float(found.accuracy.mean())}
            suffixes: dict[Equal, str] = {"generations": "", "flops": "_at_equal_flops"}
            for equal, suffix in suffixes.items():
                i = difference_interval(self.gain(place, equal))
                row |= {f"gain{suffix}": i.estimate, f"low{suffix}": i.low, f"high{suffix}": i.high}
            rows.append(
                row
                | {"flops_with_verifier": found.flops, "rollout_flops": found.rollout_flops}
                | {"rounds": found.rounds}
            )
        return pd.DataFrame(rows)

    def crossings(self, searches: Sequence[str], budgets: Sequence[int]) -> pd.DataFrame:
        """The AUC from which on each search gains, beside the PRM's."""
        rows, quality = [], np.stack([self.pooled[name].auc for name in self.climbing])
        prm = self._over_questions(self.pooled[PRM].auc).estimate
        for search in searches:
            for n in budgets:
                for equal in ("generations", "flops"):
                    gain = np.stack([self.gain((name, name, search, n), equal) for name in self.climbing])
                    i = crossing_interval(quality, gain, self.weights)
                    ends = {"pays_from_auc": said(i.estimate), "low": said(i.low), "high": said(i.high)}
                    rows.append({"search": search, "budget": n, "equal": equal, **ends, "auc_of_prm": prm})
        return pd.DataFrame(rows)

    def order(self) -> pd.DataFrame:
        """The searches from the best down, at each rung that guides and chooses."""
        table = self.gains().query("guided == chosen").sort_values("accuracy", ascending=False, kind="stable")
        rows = [
            {"budget": n, "values": values, "order": " > ".join(part.loc[part["guided"] == values, "label"])}
            for n, part in table.assign(label=[Strategy(name).label for name in table["search"]]).groupby("budget")
            for values in self.pooled
        ]
        return pd.DataFrame(rows)

    def drawn(self, n: int) -> pd.DataFrame:
        """Of one budget: a row for each search and rung, with the rung's AUC."""
        rows = []
        for place in self.attained:
            guided, chosen, search, budget = place
            if budget == n and guided == chosen:
                auc, i = self._over_questions(self.pooled[guided].auc), difference_interval(self.gain(place, "flops"))
                on = guided if guided in (PRM, SHUFFLED) else "ladder"
                row = {"search": search, "values": guided, "kind": on, "auc": auc.estimate}
                rows.append(row | {"gain": i.estimate, "low": i.low, "high": i.high})
        return pd.DataFrame(rows).sort_values(["search", "auc"], ignore_index=True)

    def _over_questions(self, auc: Float[np.ndarray, " problem"]) -> Interval:
        """Of the questions that tell: those with right and wrong ones."""
        told = ~np.isnan(auc)
        weights = self.weights[:, told]
        return mean_interval(auc[told], weights / weights.sum(axis=1, keepdims=True))


def said(auc: float) -> str:
    """A crossing in words."""
    return {ALWAYS: "always", NEVER: "never"}.get(auc, f"{auc:.3f}")


def draw(data: pd.DataFrame, ax: Axes) -> None:
    """Gain over AUC, a line a search."""
    names = list(dict.fromkeys(data["search"]))
    for number, name in enumerate(names):
        part, color, aside = data.loc[data["search"] == name], f"C{number}", 0.002 * (number - len(names) / 2)
        for kind, looks in (("ladder", "o-"), (PRM, "*"), (SHUFFLED, "o")):
            at = part.loc[part["kind"] == kind]
            gain, low, high = (100 * at[column].to_numpy(np.float64) for column in ("gain", "low", "high"))
            ax.errorbar(
                at["auc"].to_numpy() + aside, gain, (gain - low, high - gain), fmt=looks, color=color, elinewidth=0.8,
                markersize=9 if kind == PRM else 4, markerfacecolor="white" if kind == SHUFFLED else color,
                label=Strategy(name).label if kind == "ladder" else None,
            )  # fmt: skip
    ax.axhline(0, color="0.3", linewidth=0.8)
    ax.axvline(float(data.loc[data["kind"] == PRM, "auc"].iloc[0]), color="0.6", linestyle=":", zorder=0)
    ax.set(xlabel="within-question AUC of the values (dotted: the PRM's)", ylabel="gain over best-of-N, points")
    ax.legend(fontsize="x-small", loc="upper center", bbox_to_anchor=(0.5, -0.16), ncol=3)
