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

import numpy as np
from jaxtyping import Float
from scipy.optimize import isotonic_regression

from tts_lib.answers.protocols import Policy, SampleRequest, Sampling, ScoreRequest, Verifier
from tts_lib.answers.question_table import QuestionTable
from tts_lib.common.rng import Part, derive_seeds, generator
from tts_lib.grading.verdicts import CORRECT

_SMALLEST = 1e-6  # scores lie in (0, 1)


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
                ends = {*(np.flatnonzero(np.isin(continuation, self.closing)) + 1).tolist(), len(continuation)}
                texts += [np.concatenate((request.prefix, continuation[:end])) for end in sorted(ends)]
                n_steps[-1].append(len(ends))
        values = iter(np.clip(self.values(texts), _SMALLEST, 1 - _SMALLEST).astype(np.float32).tolist())
        return [[np.array([next(values) for _ in range(n)], np.float32) for n in counts] for counts in n_steps]


@dataclass
class RolledOut(OfPrefixes):
    """The share of rollouts from the prefix that are right; of a whole solution, whether it is.

    Attributes:
        policy: behind a store, rollouts are sampled once.
        sampling: of the rollouts, to the end.
        ends: the tokens that end a solution.
        seed_key: names the study and the policy.
    """

    policy: Policy
    questions: QuestionTable
    sampling: Sampling
    n_rollouts: int
    closing: tuple[int, ...]
    ends: tuple[int, ...]
    seed_key: tuple[Part, ...]
    _known: dict[bytes, float] = field(default_factory=dict, init=False)

    @property
    def version(self) -> str:  # pyright: ignore[reportIncompatibleVariableOverride]
        return f"value-{self.n_rollouts}:{self.policy.version}"

    def values(self, texts: Sequence[np.ndarray]) -> Float[np.ndarray, " text"]:
        new = {text.tobytes(): text for text in texts if text.tobytes() not in self._known}
        asked = [(self._question(text), text) for text in new.values()]
        open_ended = [(name, text) for name, text in asked if text[-1] not in self.ends]
        key = (*self.seed_key, "value")
        requests = [
            SampleRequest(text, derive_seeds((*key, name, text.tobytes()), self.n_rollouts))
            for name, text in open_ended
        ]
        with self.questions.naming():
            drawn = iter(self.policy.sample(requests, self.sampling) if requests else [])
        for name, text in asked:
            solutions = [text]
            if text[-1] not in self.ends:
                samples = next(drawn)
                solutions = [np.concatenate((text, samples[i])) for i in range(len(samples))]
            n_prompt = len(self.questions.prompts[name])
            written = self.questions.codec.decode([solution[n_prompt:] for solution in solutions])
            verdicts = self.questions.judged(name, written).verdicts
            self._known[text.tobytes()] = float(np.mean([verdict == CORRECT for verdict in verdicts]))
        return np.array([self._known[text.tobytes()] for text in texts])

    def _question(self, text: np.ndarray) -> str:
        begun = (name for name, prompt in self.questions.prompts.items() if np.array_equal(text[: len(prompt)], prompt))
        return max(begun, key=lambda name: len(self.questions.prompts[name]))


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
        noise = np.array([generator(*self.seed_key, "misjudged", text.tobytes()).standard_normal() for text in texts])
        return np.log(share / (1 - share)) + self.sigma * noise


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
