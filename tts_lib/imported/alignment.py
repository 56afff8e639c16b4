"""Are the samples of a pool attached to their own questions? A known defect of public pools.

The null hypothesis is an honest pool, in which golds turn up at other questions by coincidence and by recitation; the
alternative, that some share of its samples is misplaced (`tts_lib.imported.explanations`). Each measure
(`tts_lib.imported.strays`) is made for a way in which that happens:

- moved: golds lead the answers of other questions and are missing at their own. Whole questions were exchanged.
- shifted: golds are given at one distance from their own questions and are missing there. Rows slipped.
- mixed: questions give the golds of several others, and their own golds are elsewhere. Samples were exchanged.
- near: golds are given by the neighbours on both sides. The samples of a batch were mixed.

The pool is also read in other orders (`tts_lib.imported.orders`), slipped or dealt out in turn, where many golds that
each tell little are enough: another order must give more golds than the pool's own, which chance would not. Whether a
block slipped is also weighed by likelihood (`tts_lib.imported.slips`), which sees it in fewer questions.

Own matches above chance prove nothing, since a part may be misplaced; matches elsewhere prove nothing, since models
recite. So the first two ask both: are there more strays than coincidence makes, and do their homes lack them. Where
hardly any sample matches its own gold, so that nobody can be reciting, the first answer is enough.

A pool passes where there is little evidence; how much would have been seen is found by exchanging its own questions and
samples. Evidence in between does not refuse a pool, but leaves it undecided. `benchmarks/alignment.py` has the rates of
all errors.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from math import sqrt
from typing import Any

import numpy as np
from jaxtyping import Int
from scipy.special import pdtrc

from tts_lib.common import rng
from tts_lib.imported import orders, strays
from tts_lib.imported.orders import Orders
from tts_lib.imported.strays import Answers, Strays
from tts_lib.questions.files.fields import shorten

_ACCURACY = 0.07  # below it nobody recites
_ONE_WAY = -3.0  # log odds of two-way traffic that show recitation all the same
_SHARES = (0.1, 0.2, 0.3, 0.5, 0.8)  # out of place
_TRIALS = 3
_LEAST_GOLDS = 3.0  # that another order gives above chance
_AT_CHANCE = 3.0  # standard deviations of the own golds of what slipped
_TWO_WAY = 0.5  # of the traffic in what slipped, at least
_NOT_ONE_WAY = 0.2  # where recitation was weighed already

Samples = Int[np.ndarray, " sample"]


@dataclass(frozen=True)
class _Level:
    """How much evidence is enough. Logarithms are natural."""

    moved: float  # log-likelihood over coincidence
    shifted: float  # the same, of the best of many distances
    recited: float  # log odds over recitation
    mixed: float  # probability of as much two-way traffic
    near: float  # standard deviations
    slipped: float  # the same
    dealt: float  # the same, forward and back
    odds: float  # of a slip


_REFUSED = _Level(moved=4.0, shifted=8.0, recited=1.5, mixed=1e-3, near=4.0, slipped=6.0, dealt=3.0, odds=3.0)
_DOUBTED = _Level(moved=1.5, shifted=5.0, recited=0.0, mixed=0.1, near=2.5, slipped=5.0, dealt=2.5, odds=1.0)


@dataclass(frozen=True)
class Alignment:
    """What was found of a pool, and what would have been."""

    n_questions: int
    strays: Strays
    orders: Orders
    evidence: list[str]  # of misplacement, enough to refuse the pool
    doubts: list[str]  # the same at a lower level
    examples: list[tuple[int, int]]  # (question, question whose gold it gives), where there are doubts
    seen_from: dict[str, float | None]  # least share of questions, and of samples, out of place that would be refused

    @property
    def conclusion(self) -> str:
        """In words, for tables and lists."""
        if self.evidence:
            return "misplaced: " + "; ".join(self.evidence)
        if self.doubts:
            return "undecided: " + "; ".join(self.doubts)
        seen = [f"{share:.0%} of the {what}" for what, share in self.seen_from.items() if share is not None]
        if not seen:
            exchanged = f"{_SHARES[-1]:.0%} of its questions or samples exchanged"
            return f"undecided: nothing speaks against it, yet {exchanged} would not show"
        return f"in order: {' or '.join(seen)} exchanged would show"


def measure(golds: Sequence[str], question: Samples, answers: Sequence[str | None]) -> Alignment:
    """Measure the alignment of a pool.

    Args:
        golds: one a question, in the order that the questions have in the pool's file.
        question: each sample's question, an index into `golds`.
        answers: each sample's answer, None where it has none.
    """
    read = Answers.read(golds, answers)
    found, others = strays.find(read, question), orders.find(read, question)
    evidence, doubts = (
        _evidence(found, len(golds), level) + _of_orders(others, len(golds), level) for level in (_REFUSED, _DOUBTED)
    )
    if doubts:
        return Alignment(len(golds), found, others, evidence, doubts, strays.examples(read, question), {})
    seen_from = {what: _seen_from(read, question, exchange) for what, exchange in _EXCHANGES.items()}
    return Alignment(len(golds), found, others, [], [], [], seen_from)


def record(found: Alignment, is_trusted: bool) -> dict[str, Any]:
    """What stands in the metrics: all measures, and whether the order was checked or trusted."""
    measures = {name: value for name, value in asdict(found).items() if name != "examples"}
    order, conclusion = ("trusted", f"trusted, {found.conclusion}") if is_trusted else ("checked", found.conclusion)
    return {"order": order, "conclusion": conclusion} | measures


def refusal(found: Alignment, path: object, names: Sequence[str], places: Sequence[str], golds: Sequence[str]) -> str:
    """The sentence that refuses a pool whose samples are attached to the wrong questions, with two examples.

    Args:
        found: the measures; there is evidence.
        path: the pool's file.
        names, places, golds: of each question: its key, where its samples begin, its gold.
    """
    cases = "; ".join(
        f"{places[a]}: question {shorten(names[a])} gives {shorten(golds[b])}, the gold of {shorten(names[b])}, "
        f"not its own, {shorten(golds[a])}"
        for a, b in found.examples
    )
    return (
        f"{path}: the samples are attached to the wrong questions: {found.strays.own:.0f} of {found.n_questions} "
        f"questions' samples give their own gold ({found.strays.chance:.0f} would by chance), "
        f"{'; '.join(found.evidence)}; for example {cases}; if you know that they are in order, declare order: trusted"
    )


def _evidence(found: Strays, n_questions: int, level: _Level) -> list[str]:
    """What speaks for misplacement, at this level, in words."""
    moved, shifted = found.moved, found.shifted
    nobody_recites = found.own + 3 * sqrt(max(found.own, 1.0)) < found.chance + _ACCURACY * n_questions
    is_moved, is_shifted = (
        each.two_way > _ONE_WAY if nobody_recites else each.over_recitation + each.two_way > level.recited
        for each in (moved, shifted)
    )
    evidence = []
    if moved.over_chance > level.moved and is_moved:
        evidence.append(
            f"{moved.strays} golds lead the answers of another question ({moved.by_chance:.0f} would by chance), "
            f"{moved.lost} of them missing at their own"
        )
    if shifted.over_chance > level.shifted and is_shifted:
        evidence.append(
            f"{shifted.strays} questions give the gold of the question {found.distance:+d} from theirs "
            f"({shifted.by_chance:.0f} would by chance), {shifted.lost} of these golds missing at their own"
        )
    if found.mixed and pdtrc(found.mixed - 1, found.mixed_by_chance) < level.mixed:
        evidence.append(
            f"{found.mixed} times a question gives one more gold of others, or one while its own is given elsewhere "
            f"({found.mixed_by_chance:.0f} times would by chance)"
        )
    if found.near > max(level.near * found.near_sd, found.at_home / 2):
        evidence.append(
            f"neighbours on both sides give {found.near:.0f} golds more than chance would, their own questions "
            f"{found.at_home:.0f}"
        )
    return evidence


def _of_orders(found: Orders, n_questions: int, level: _Level) -> list[str]:
    """What speaks for another order of the whole pool, at this level, in words."""
    evidence, slip = [], found.slip
    length = found.block[1] - found.block[0]
    sd = found.sd * sqrt(length / n_questions)
    if (
        found.slipped > max(level.slipped * sd, _LEAST_GOLDS, 2 * found.kept)
        and found.kept < _AT_CHANCE * sd
        and found.two_way > _TWO_WAY
    ):
        evidence.append(
            f"of {length} questions in a row {found.slipped:.0f} more than chance would give the gold of the question "
            f"{found.distance:+d} from theirs, {found.kept:.0f} more their own"
        )
    elif slip.odds > level.odds and slip.given > max(_LEAST_GOLDS, 2 * slip.kept) and slip.two_way > _NOT_ONE_WAY:
        evidence.append(
            f"{slip.block[1] - slip.block[0]} questions in a row give the gold of the question {slip.distance:+d} from "
            f"theirs in place of their own, which recitation does not explain"
        )
    if found.dealt_sds > level.dealt and found.dealt > max(_LEAST_GOLDS, 1.2 * found.own):
        evidence.append(
            f"if the samples were dealt out in turn to {found.batch} questions each, {found.dealt:.0f} of "
            f"{n_questions} more than chance would give their own gold, {found.own:.0f} as they stand"
        )
    return evidence


def _seen_from(
    answers: Answers, question: Samples, exchange: Callable[[np.random.Generator, Samples, float], Samples]
) -> float | None:
    """The least share out of place that would be refused: half of it was, in each trial. None: no share."""
    n_questions = len(answers.gold)
    for share in _SHARES:
        randoms = (rng.generator("alignment", str(share), i) for i in range(_TRIALS))
        trials = (exchange(random, question, share / 2) for random in randoms)
        if all(_evidence(strays.find(answers, trial), n_questions, _REFUSED) for trial in trials):
            return share
    return None


def _exchange_questions(random: np.random.Generator, question: Samples, share: float) -> Samples:
    """Samples of this share of the questions, passed round among them."""
    to = np.arange(question.max() + 1)
    chosen = random.permutation(len(to))[: round(share * len(to))]
    to[chosen] = np.roll(to[chosen], 1)
    return to[question]


def _exchange_samples(random: np.random.Generator, question: Samples, share: float) -> Samples:
    """This share of the samples, passed round among them."""
    chosen = random.permutation(len(question))[: round(share * len(question))]
    exchanged = question.copy()
    exchanged[chosen] = np.roll(question[chosen], 1)
    return exchanged


_EXCHANGES = {"questions": _exchange_questions, "samples": _exchange_samples}
