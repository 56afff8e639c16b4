"""Contrasts of claims 18-27: revisions along a chain, and how the model is trained (§6)."""

from typing import Literal

import numpy as np
from jaxtyping import Float

from tts_lib.common.strategy import REVISIONS, SEQUENTIAL, Strategy
from tts_lib.estimators.intervals import in_words
from tts_lib.report.claims.contrast import Budget, Contrast, Difference, Of, generations
from tts_lib.report.claims.findings import Demand, Finding, paired
from tts_lib.report.results import PAPER, NotMeasured, Results

_SEQUENTIAL_VOTE, _PARALLEL_VOTE = Strategy(SEQUENTIAL, "majority"), Strategy(REVISIONS, "majority", length=1)


class Rise(Contrast):
    """Change of accuracy along the chain from the attempt `since` on; with `against`, minus that model's own change."""

    kind: Literal["rise"]
    since: int
    against: Literal["shuffled"] | None = None

    def find(self, results: Results, budget: Budget, demand: Demand) -> Finding:
        last = generations(budget)
        early, late = results.attempt(PAPER, self.since), results.attempt(PAPER, last)
        note, change = f"{early.mean():.1%} to {late.mean():.1%}", late - early
        at = f"attempt {self.since} to {last}"
        if self.against is not None:
            before, after = (results.attempt(self.against, n) for n in (self.since, last))
            note += f"; with histories of other questions {before.mean():.1%} to {after.mean():.1%}"
            change, at = change - (after - before), f"{at}, minus histories of other questions"
        rates = results.transitions
        if "new_after_wrong" in rates:
            found, fresh, most = (rates[what].rate for what in ("new_after_wrong", "independent", "without_repeats"))
            note += f"; after nothing but wrong attempts {found:.1%} are right, of fresh samples {fresh:.1%}, and "
            note += f"{most:.1%} of samples that never repeat an answer shown"
        return paired(change, at, demand, note)


class Undone(Contrast):
    """Share of right attempts that the next one makes wrong."""

    kind: Literal["undone"]
    threshold: float

    def find(self, results: Results, budget: Budget, demand: Demand) -> Finding:
        if PAPER not in results.revisions:
            raise NotMeasured("there are no chains of revisions")
        rates = results.transitions
        if "right_to_wrong" not in rates:
            raise NotMeasured("no right attempt is followed by another")
        found = rates["right_to_wrong"]
        judged = Demand(demand.direction, demand.margin, self.threshold).judge(found.low, found.high)
        note = f"{found.n:,} right attempts"
        if "wrong_to_right" in rates:
            other = rates["wrong_to_right"]
            note += f"; wrong ones turn right in {in_words(other.rate, other.low, other.high)}"
        return Finding("from one attempt to the next", found.rate, found.low, found.high, "rate", judged, note=note)


class Pairing(Contrast):
    """Accuracy of an attempt with the paper's histories minus that with others, or minus a fresh answer of that model.

    A model that never saw a history answers out of its distribution when it is given one; its first attempt is fresh.
    """

    kind: Literal["pairing"]
    other: Literal["random", "none", "shuffled"]
    fresh: bool = False

    def find(self, results: Results, budget: Budget, demand: Demand) -> Finding:
        attempt = generations(budget)
        rival = results.attempt(self.other, 1 if self.fresh else attempt)
        at = f"attempt {attempt}, {self.other.replace('_', ' ')} histories"
        if self.fresh:
            at = f"attempt {attempt}, fresh answers of the model without histories"
        return paired(results.attempt(PAPER, attempt) - rival, at, demand)


class LateCheckpoint(Contrast):
    """Accuracy of the attempt after four others at the last checkpoint minus that at the lowest loss (validation)."""

    kind: Literal["late_checkpoint"]

    def find(self, results: Results, budget: Budget, demand: Demand) -> Finding:
        if (table := results.checkpoints) is None:
            raise NotMeasured("there is no revision model")
        losses = dict(zip(table["checkpoint"], table["validation_loss"], strict=True))
        lowest, last = min(losses, key=losses.__getitem__), max(losses)
        if lowest == last:
            raise NotMeasured("the loss on trajectories still falls at the last checkpoint")
        step = str(max(int(column) for column in table if column.isdigit()))
        by = table.set_index(["question_id", "checkpoint"]).loc[:, step].unstack("checkpoint")
        note = f"{by[lowest].mean():.1%} to {by[last].mean():.1%} of the {len(by)} validation questions"
        at = f"checkpoint {last} minus {lowest}, attempt {step}"
        return paired((by[last] - by[lowest]).to_numpy(), at, demand, note)


class AfterRestEM(Contrast):
    """One chain minus parallel samples by majority after ReST-EM; with `minus_before`, minus what it gains before."""

    kind: Literal["after_rest_em"]
    minus_before: bool = False

    def find(self, results: Results, budget: Budget, demand: Demand) -> Finding:
        after = results.after_rest_em()
        if not self.minus_before:
            a, b = (Of(**s.__dict__) for s in (_SEQUENTIAL_VOTE, _PARALLEL_VOTE))
            return Difference(kind="difference", a=a, b=b).find(after, budget, demand)
        n = min(model.budget(generations(budget), _SEQUENTIAL_VOTE, _PARALLEL_VOTE) for model in (after, results))

        def gain(model: Results) -> Float[np.ndarray, " question"]:
            return model.of(_SEQUENTIAL_VOTE, n) - model.of(_PARALLEL_VOTE, n)

        return paired(gain(after) - gain(results), f"N = {n}", demand)
