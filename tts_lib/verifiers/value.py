"""Verifiers of a known quality: from exact values down a ladder of calibrated misjudgements, and shuffled ones.

What a search is worth depends on the verifier that guides it. The value of a prefix is the share of right solutions
among those that the policy itself would write from there; `RolledOut` measures it. `Misjudged` errs by a chosen amount
and is calibrated all the same: x = logit(value) + sigma * e, with e normal and fixed by the text, so that the same text
is misjudged the same way twice, as by a trained verifier; its score is E[value | x]. `Shuffled` has the scores of
another verifier and no information about which of the siblings has which. All are upper limits and controls, never
results: values come from the right answers.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from jaxtyping import Float
from scipy.optimize import isotonic_regression
from scipy.special import ndtri

from tts_lib.answers.protocols import Policy, SampleRequest, Sampling, ScoreRequest, Verifier
from tts_lib.answers.question_table import QuestionTable
from tts_lib.common.rng import Part, derive_seed, derive_seeds, generator
from tts_lib.grading.verdicts import CORRECT

_SMALLEST = 1e-6  # scores lie in (0, 1)


def _scores(values: Float[np.ndarray, " text"]) -> list[float]:
    return np.clip(values, _SMALLEST, 1 - _SMALLEST).astype(np.float32).tolist()


class OfPrefixes(ABC):
    """A verifier (`tts_lib.answers.protocols.Verifier`) that says of each prefix by itself what it is worth.

    Attributes:
        closing: the tokens that close a step, those that end a solution among them.
    """

    version: str
    closing: tuple[int, ...]

    @abstractmethod
    def values(self, texts: Sequence[np.ndarray]) -> Float[np.ndarray, " text"]:
        """The value of each text, prompt included, int32 (T,) each; in [0, 1]."""

    def score(self, requests: Sequence[ScoreRequest]) -> list[list[np.ndarray]]:
        """The value at the end of every step, float32; a last step without closing token ends at its last token."""
        texts: list[np.ndarray] = []
        n_steps: list[list[int]] = []
        for request in requests:
            n_steps.append([])
            for continuation in request.continuations:
                closes = (i for i, token in enumerate(continuation.tolist(), start=1) if token in self.closing)
                ends = {*closes, len(continuation)}
                texts += [np.concatenate((request.prefix, continuation[:end])) for end in sorted(ends)]
                n_steps[-1].append(len(ends))
        values = iter(_scores(self.values(texts)))
        return [[np.array([next(values) for _ in range(n)], np.float32) for n in counts] for counts in n_steps]


@dataclass
class RolledOut(OfPrefixes):
    """The share of rollouts from the prefix that are right; of a whole solution, whether it is.

    Attributes:
        policy: behind a store, rollouts are sampled once.
        sampling: of the rollouts, to the end.
        ends: the tokens that end a solution.
        seed_key: names the study and the policy.
        spent: tokens of the policy that the values asked for so far cost: in a call each prefix is read once and its
            rollouts are written, whether or not they were known already.
    """

    policy: Policy
    questions: QuestionTable
    sampling: Sampling
    n_rollouts: int
    closing: tuple[int, ...]
    ends: tuple[int, ...]
    seed_key: tuple[Part, ...]
    spent: int = field(default=0, init=False)
    _known: dict[bytes, float] = field(default_factory=dict[bytes, float], init=False)
    _cost: dict[bytes, int] = field(default_factory=dict[bytes, int], init=False)

    @property
    def version(self) -> str:  # pyright: ignore[reportIncompatibleVariableOverride]
        return f"value-{self.n_rollouts}:{self.policy.version}"

    def values(self, texts: Sequence[np.ndarray]) -> Float[np.ndarray, " text"]:
        new = {text.tobytes(): text for text in texts if text.tobytes() not in self._known}
        asked = [(self._question(text), text) for text in new.values()]
        key = (*self.seed_key, "value")
        requests = [
            SampleRequest(text, derive_seeds((*key, name, text.tobytes()), self.n_rollouts))
            for name, text in asked
            if text[-1] not in self.ends
        ]
        with self.questions.naming():
            drawn = iter(self.policy.sample(requests, self.sampling) if requests else [])
        solutions: dict[str, list[list[np.ndarray]]] = {}  # of each question: of each of its texts
        for name, text in asked:
            begun = text[len(self.questions.prompts[name]) :]
            written, cost = [begun], 0
            if text[-1] not in self.ends:
                samples = next(drawn)
                written = [np.concatenate((begun, each)) for each in samples]
                cost = len(text) + len(samples.tokens)
            solutions.setdefault(name, []).append(written)
            self._cost[text.tobytes()] = cost
        values = {name: iter(self._shares(name, written)) for name, written in solutions.items()}
        self._known |= {text.tobytes(): next(values[name]) for name, text in asked}
        self.spent += sum(self._cost[text] for text in {text.tobytes() for text in texts})
        return np.array([self._known[text.tobytes()] for text in texts])

    def _shares(self, question_id: str, solutions: list[list[np.ndarray]]) -> list[float]:
        """Of the solutions of each text of a question, the share that is right."""
        texts = self.questions.codec.decode([each for written in solutions for each in written])
        right = iter([verdict == CORRECT for verdict in self.questions.judged(question_id, texts).verdicts])
        return [float(np.mean([next(right) for _ in written])) for written in solutions]

    def _question(self, text: np.ndarray) -> str:
        begun = (self._by_prompt.get(text[:length].tobytes()) for length in self._lengths)
        return next(name for name in begun if name is not None)

    @cached_property
    def _by_prompt(self) -> dict[bytes, str]:
        return {prompt.tobytes(): name for name, prompt in self.questions.prompts.items()}

    @cached_property
    def _lengths(self) -> list[int]:
        return sorted({len(prompt) for prompt in self.questions.prompts.values()}, reverse=True)


@dataclass(frozen=True)
class Misjudged(OfPrefixes):
    """Exact values seen through noise, calibrated on prefixes of other questions (`fitted`).

    Attributes:
        sigma: standard deviation of the noise, in logits.
        x, expected: E[value | x], rising, between which it is interpolated.
    """

    exact: RolledOut
    sigma: float
    seed_key: tuple[Part, ...]
    x: Float[np.ndarray, " knot"] = field(default_factory=lambda: np.zeros(0))
    expected: Float[np.ndarray, " knot"] = field(default_factory=lambda: np.zeros(0))

    @property
    def version(self) -> str:  # pyright: ignore[reportIncompatibleVariableOverride]
        return f"misjudged-{self.sigma:g}:{self.exact.version}"

    @property
    def closing(self) -> tuple[int, ...]:  # pyright: ignore[reportIncompatibleVariableOverride]
        return self.exact.closing

    def values(self, texts: Sequence[np.ndarray]) -> Float[np.ndarray, " text"]:
        return np.interp(self._seen(texts), self.x, self.expected)

    def fitted(self, texts: Sequence[np.ndarray]) -> "Misjudged":
        """The same, calibrated by isotonic regression on these prefixes, prompts included."""
        seen = self._seen(texts)
        order = np.argsort(seen, kind="stable")
        expected = isotonic_regression(self.exact.values(texts)[order]).x
        return replace(self, x=seen[order], expected=expected)

    def _seen(self, texts: Sequence[np.ndarray]) -> Float[np.ndarray, " text"]:
        n = self.exact.n_rollouts
        share = (n * self.exact.values(texts) + 0.5) / (n + 1)  # finite logits where all or none are right
        drawn = np.array([derive_seed(*self.seed_key, "misjudged", text.tobytes()) for text in texts], np.float64)
        return np.log(share / (1 - share)) + self.sigma * ndtri((drawn + 0.5) / 2.0**64)


@dataclass(frozen=True)
class AtEnd:
    """The value of each continuation as a whole, without those of its steps: for searches of whole solutions."""

    verifier: OfPrefixes

    @property
    def version(self) -> str:
        return f"at-end:{self.verifier.version}"

    def score(self, requests: Sequence[ScoreRequest]) -> list[list[np.ndarray]]:
        texts = [np.concatenate((request.prefix, each)) for request in requests for each in request.continuations]
        values = iter(_scores(self.verifier.values(texts)))
        return [[np.array([next(values)], np.float32) for _ in request.continuations] for request in requests]


@dataclass(frozen=True)
class Shuffled:
    """The scores of another verifier, those of the last steps dealt anew among the continuations of each prefix."""

    verifier: Verifier
    seed_key: tuple[Part, ...]

    @property
    def version(self) -> str:  # pyright: ignore[reportIncompatibleVariableOverride]
        return f"shuffled:{self.verifier.version}"

    def score(self, requests: Sequence[ScoreRequest]) -> list[list[np.ndarray]]:
        """As the other, but for the last score of each continuation."""
        results = []
        for request, given in zip(requests, self.verifier.score(requests), strict=True):
            order = generator(*self.seed_key, "shuffled", request.prefix.tobytes()).permutation(len(given))
            results.append([np.append(own[:-1], given[i][-1]) for own, i in zip(given, order, strict=True)])
        return results
