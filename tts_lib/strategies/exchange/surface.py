"""The exchange surface: accuracy over model size, pretraining tokens and samples, of two models or any number.

The paper compares two sizes at one multiple M. With the accuracy of each model at each number of samples there is more
to say: ε(a), the samples that a doubling of parameters is worth at accuracy a, and M*, the multiple of the base's
parameters up to which the base with test-time compute is no worse at equal FLOPs. Models may be trained here or be
pools of samples that existed already (`Sized.of_pools`); parameters are counted without embeddings.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float

from tts_lib.estimators import exchange_rate, intervals
from tts_lib.estimators.bounded import Bounded, bounded
from tts_lib.estimators.trainings import training_weights
from tts_lib.strategies.exchange.matched import REACHED
from tts_lib.strategies.exchange.sized import COVERAGE, MAJORITY, WEIGHTED, Prices, Sized

DEFINED = 0.95  # of the resamples that a rate must be defined in


class TooFewSamplesError(ValueError):
    """Samples that a comparison at equal FLOPs needs are not there."""


@dataclass(frozen=True, eq=False)
class Surface:
    """Models on the same questions, and resamples of both questions and seeds."""

    models: Sequence[Sized]  # by parameters, then by tokens
    budgets: Sequence[int]
    weights: Float[np.ndarray, "resample question"]
    shares: Sequence[Float[np.ndarray, "resample _"]]  # of each model's seeds in each resample

    @classmethod
    def of(
        cls, models: Sequence[Sized], budgets: Sequence[int], n_bootstrap: int, rng: np.random.Generator
    ) -> "Surface":
        """The surface of these models.

        Raises:
            ValueError: fewer than two models, or they answer other numbers of questions.
        """
        ordered = sorted(models, key=lambda model: (model.n_params, model.n_tokens))
        sizes = {each.shape[1:] for model in ordered for each in model.accuracy.values()}
        if len(ordered) < 2 or len(sizes) != 1:
            raise ValueError(
                f"{len(ordered)} models of {sorted(sizes)} questions and budgets: two models or more, alike"
            )
        (n_questions, _) = sizes.pop()
        weights = intervals.bootstrap_weights(n_questions, n_bootstrap, rng)
        n_seeds = [len(next(iter(model.accuracy.values()))) for model in ordered]
        return cls(ordered, budgets, weights, [training_weights(n, n_bootstrap, rng) for n in n_seeds])

    @cached_property
    def full(self) -> "Surface":
        """The models that saw the most tokens: one a size."""
        most = max(model.n_tokens for model in self.models)
        kept = [number for number, model in enumerate(self.models) if model.n_tokens > 0.99 * most]
        models, shares = [self.models[i] for i in kept], [self.shares[i] for i in kept]
        return replace(self, models=models, shares=shares)

    @property
    def selectors(self) -> list[str]:
        """Those that every model knows."""
        return [name for name in (COVERAGE, WEIGHTED, MAJORITY) if all(name in one.accuracy for one in self.models)]

    def means(
        self, selector: str, members: Bool[np.ndarray, " question"] | None = None
    ) -> Float[np.ndarray, "resample model budget"]:
        """Accuracy of each model at each budget; the first row are the questions as they are, the others resamples."""
        found = []
        for model, shares in zip(self.models, self.shares, strict=True):
            each = model.accuracy[selector]
            part = self.weights if members is None else self.weights * members
            drawn = part / np.maximum(part.sum(axis=1, keepdims=True), 1e-12)
            replicates = np.einsum("rs,rq,sqb->rb", shares, drawn, each, optimize=True)
            own = each.mean(axis=0) if members is None else each[:, members].mean(axis=0)
            found.append(np.concatenate([own.mean(axis=0)[None], replicates]))
        return np.stack(found, axis=1)

    def curves(self, selector: str, levels: Sequence[float]) -> pd.DataFrame:
        """The curves of equal accuracy: samples that each model needs for each level, with their interval."""
        means, ends = self.means(selector), np.log([self.budgets[0], self.budgets[-1]])
        rows: list[dict[str, Any]] = []
        for level in levels:
            log_n = exchange_rate.log_samples(means, self.budgets, level)
            for number, model in enumerate(self.models):
                found = bounded(log_n[0, number], log_n[1:, number], (ends[0], ends[1]))
                row = {"selector": selector, "accuracy": level, "model": model.name, "parameters": model.n_params}
                samples = {end: float(np.exp(getattr(found, end))) for end in ("estimate", "low", "high")}
                rows.append(row | {"tokens": model.n_tokens} | samples | _bounds(found))
        return pd.DataFrame(rows)

    def log_rates(self, selector: str, levels: Sequence[float]) -> Float[np.ndarray, "resample level"]:
        """ε at each level, the first row as measured, the others of resamples; NaN where it is not defined."""
        means = self.means(selector)
        sizes = np.log([model.n_params for model in self.models])
        found = [exchange_rate.exchange_rate(exchange_rate.log_samples(means, self.budgets, a), sizes) for a in levels]
        return np.stack(found, axis=1)

    def rates(self, selector: str, levels: Sequence[float]) -> pd.DataFrame:
        """ε(a) with its interval, at the levels where nearly all resamples define it."""
        found = self.log_rates(selector, levels)
        means = self.means(selector)[0]
        rows = []
        for number, level in enumerate(levels):
            defined = np.isfinite(found[1:, number])
            if not np.isfinite(found[0, number]) or defined.mean() < DEFINED:
                continue
            low, high = np.quantile(found[1:, number][defined], [0.025, 0.975])
            reached = np.isfinite(exchange_rate.log_samples(means, self.budgets, level))
            names = [model.name for model, inside in zip(self.models, reached, strict=True) if inside]
            row = {"selector": selector, "accuracy": level, "rate": float(found[0, number]), "low": float(low)}
            rows.append(row | {"high": float(high), "models": len(names), "from": names[0], "to": names[-1]})
        found = pd.DataFrame(rows, columns=["selector", "accuracy", "rate", "low", "high", "models", "from", "to"])
        return found.astype(dict.fromkeys(("accuracy", "rate", "low", "high"), float))

    def log_multiple(
        self, selector: str, base: str, r: float, prices: Prices, members: Bool[np.ndarray, " question"] | None = None
    ) -> tuple[Float[np.ndarray, " resample"], tuple[float, float]]:
        """log M*, the first as measured, the others of resamples (±inf beyond the sizes), and the sizes' own range.

        R = tokens of inference / of pretraining fixes how many questions each larger model answers, once each; the
        base gets as many FLOPs, and samples for those its own pretraining spares (`matched_budget`, with counted
        tokens). Up to M* it is no worse. Where it is worse with all the samples there are, and might have more for as
        many FLOPs, nothing is known, and the sizes end before that model.

        Raises:
            ValueError: no model is larger than the base.
            TooFewSamplesError: nothing is known of the next larger model.
        """
        at = next(number for number, model in enumerate(self.models) if model.name == base)
        small, larger = self.models[at], self.models[at + 1 :]
        if not larger:
            raise ValueError(f"{base} is the largest model: there is none to compare it with")
        means = self.means(selector, members)
        rising = np.maximum.accumulate(means[:, at], axis=-1)
        differences = []
        for number, large in enumerate(larger, at + 1):
            questions = r * large.n_tokens / (large.prompt_tokens + large.sample_tokens)
            spent = large.flops(1, questions, prices, False)
            k = small.samples_for(spent, questions, prices, selector == WEIGHTED)
            difference = _between(rising, self.budgets, k) - means[:, number, 0]
            if k > REACHED * self.budgets[-1] and difference[0] < 0:
                break
            differences.append(difference)
        if not differences:
            raise TooFewSamplesError(
                f"for the FLOPs of one answer of {larger[0].name} at R = {r:g} {base} may have {k:.3g} samples a "
                f"question, but {self.budgets[-1]} are there, with which it is worse: it is not known where they break "
                "even"
            )
        multiples = np.log([large.n_params / small.n_params for large in larger[: len(differences)]])
        found = exchange_rate.break_even(np.stack(differences, axis=-1), multiples)
        return found, (float(multiples[0]), float(multiples[-1]))


def _between(means: Float[np.ndarray, "resample budget"], budgets: Sequence[int], k: float) -> np.ndarray:
    """Accuracy at k samples, linear in log k; beyond the largest budget what that one attains."""
    logs = np.log(np.asarray(budgets, np.float64))
    place = float(np.interp(np.log(k), logs, np.arange(len(logs))))
    left = min(int(place), len(logs) - 1)
    right = min(left + 1, len(logs) - 1)
    return means[:, left] + (place - left) * (means[:, right] - means[:, left])


def _bounds(found: Bounded) -> dict[str, str]:
    return {"bound": found.bound, "low_bound": found.low_bound, "high_bound": found.high_bound}
