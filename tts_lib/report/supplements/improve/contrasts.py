"""What is claimed of the loop, measured: differences question by question, and worth in samples of the base."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float

from tts_lib.estimators.amortisation import amortisation, break_even, crossing
from tts_lib.estimators.bounded import Bounded
from tts_lib.estimators.flops import Sizes
from tts_lib.estimators.iso_accuracy import IsoAccuracy, MeanCurve
from tts_lib.estimators.per_question import PerQuestion
from tts_lib.report.supplements.improve.loop import TOKENS, Taught
from tts_lib.strategies.rounds import Round

START, RETRAINED = "start", "retrained"  # who reads: the study's PRM, or one of the last round's solutions


@dataclass(frozen=True, eq=False)
class Measured:
    """All models of the loop on the same questions.

    Attributes:
        models: the base, each teacher's round by round, the controls, with what each attains.
        base: what the base attains in its whole pool, read by the PRM of the start.
        n_rounds, at: see the profile.
        weights: resamples of the questions.
        making: FLOPs that went into the retrained PRM.
    """

    models: Sequence[tuple[Taught, Round]]
    base: Round
    sizes: Sizes
    n_rounds: int
    at: int
    weights: Float[np.ndarray, "resample question"]
    making: float = 0.0

    def of(self, teacher: str, number: int) -> Round:
        """What that model attains."""
        return next(found for model, found in self.models if (model.teacher, model.number) == (teacher, number))

    def last(self, teacher: str) -> Round:
        return self.of(teacher, self.n_rounds)

    @property
    def start(self) -> Round:
        """The base, in as many samples as the others."""
        return self.models[0][1]

    def worth(self, after: Round, reader: str, at: int) -> IsoAccuracy:
        """A(N): samples of the base that one of N samples of a model is worth, read by this verifier."""
        read = MeanCurve.of(after.budgets, PerQuestion(after.weighted[reader]), self.weights)
        base = MeanCurve.of(self.base.budgets, PerQuestion(self.base.weighted[START]), self.weights)
        return amortisation(read, base, at)

    def crossing(self, after: Round) -> Bounded:
        """k×: samples above which it covers fewer questions than the base, guesses left out."""
        a, b = (MeanCurve.of(read.budgets, PerQuestion(read.not_guessed), self.weights) for read in (after, self.start))
        return crossing(a, b)


def differences(found: Measured) -> dict[str, Float[np.ndarray, " question"]]:
    """The contrasts that are differences, question by question; those whose models the study has."""
    base, verifier, gold = found.start, found.last("verifier"), found.last("gold")
    gain = verifier.pass_at_1 - base.pass_at_1
    made: dict[str, Float[np.ndarray, " question"]] = {
        "verifier_gain": gain,
        "half_of_gold": gain - (gold.pass_at_1 - base.pass_at_1) / 2,
        "coverage": verifier.not_guessed[:, -1] - base.not_guessed[:, -1],
        "last_round": verifier.pass_at_1 - found.of("verifier", found.n_rounds - 1).pass_at_1,
        "gap": verifier.gap(START, found.at) - base.gap(START, found.at),
        "majority_minus_verifier": found.last("majority").pass_at_1 - verifier.pass_at_1,
        "all_minus_verifier": found.last("all").pass_at_1 - verifier.pass_at_1,
    }
    if RETRAINED in verifier.weighted:
        made["retrained_minus_start"] = verifier.weighted[RETRAINED][:, -1] - verifier.weighted[START][:, -1]
    if any(model.teacher == TOKENS for model, _ in found.models):
        made["tokens_minus_verifier"] = found.of(TOKENS, 1).pass_at_1 - found.of("verifier", 1).pass_at_1
    return made


def gold_gain(found: Measured) -> Float[np.ndarray, " question"]:
    """What right samples teach: half of a gain that is not there is no promise."""
    return found.last("gold").pass_at_1 - found.start.pass_at_1


def amortised(found: Measured) -> pd.DataFrame:
    """A(N) and Q* of the last round of each teacher and of the controls, at every N: a row each.

    `loop_flops` are paid once; `break_even` are the questions after which answering with N samples of the model, loop
    included, was cheaper than the samples of the base that attain the same: a bound where A is one, inf where never.
    """
    rows = []
    for model, after in found.models[1:]:
        is_last = model.number == found.n_rounds or (model.number == 1 and _is_control(found, model))
        for reader in after.weighted if is_last else ():
            once = model.flops + (found.making if reader == RETRAINED else 0.0)
            rows += [_row(found, model.teacher, after, reader, once, budget) for budget in after.budgets]
    return pd.DataFrame(rows)


def _row(found: Measured, teacher: str, after: Round, reader: str, once: float, budget: int) -> dict[str, Any]:
    worth = found.worth(after, reader, budget)
    cost = flops(found.sizes, after, budget)
    paid = [
        break_even(once, flops(found.sizes, found.base, a * budget), cost)
        for a in (worth.estimate, worth.high, worth.low)
    ]
    row: dict[str, Any] = {"teacher": teacher, "reader": reader, "budget": budget, "accuracy": worth.target}
    row |= {"loop_flops": once, "worth": worth.estimate, "low": worth.low, "high": worth.high}
    row |= {"bound": worth.bound, "low_bound": worth.low_bound, "high_bound": worth.high_bound}
    return row | dict(zip(("break_even", "break_even_low", "break_even_high"), paid, strict=True))


def _is_control(found: Measured, model: Taught) -> bool:
    return sum(other.teacher == model.teacher for other, _ in found.models) == 1


def flops(sizes: Sizes, asked: Round, n_samples: float) -> float:
    """Of a question in the mean: n samples that share one reading of the prompt, and the verifier's reading."""
    tokens = asked.prompt + n_samples * asked.tokens
    return float(sizes.flops(tokens, tokens, True).mean())


def against_sampling(found: Measured, teacher: str, at: int) -> pd.DataFrame:
    """Accuracy over the number of questions asked in all: the model after the loop, and the base given as many FLOPs.

    Returns a table questions, line, accuracy: the loop's FLOPs are spread over the questions; at its pool's end the
    base's curve ends.
    """
    model, after = next(
        (model, read) for model, read in found.models if (model.teacher, model.number) == (teacher, found.n_rounds)
    )
    cost, column = flops(found.sizes, after, at), after.budgets.index(at)
    base = [flops(found.sizes, found.base, budget) for budget in found.base.budgets]
    attained = found.base.weighted[START].mean(axis=0)
    questions = np.logspace(2, 8, 61)
    spent = cost + model.flops / questions
    sampled = np.interp(np.log(spent), np.log(base), attained)
    sampled[spent > base[-1]] = np.nan
    lines = {
        f"{teacher}, round {found.n_rounds}, {at} samples": np.full(61, after.weighted[START][:, column].mean()),
        f"the base, for the FLOPs of these {at} and of the loop": sampled,
    }
    parts = [pd.DataFrame({"questions": questions, "line": name, "accuracy": y}) for name, y in lines.items()]
    return pd.concat(parts, ignore_index=True)
