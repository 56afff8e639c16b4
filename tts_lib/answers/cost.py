"""What an answer costs: one ledger for every method, counted from the requests an engine got and what it gave back.

`generations` is the paper's budget N (§1.6); tokens are counted beside it, and turned into FLOPs elsewhere. Pruned
prefixes, truncated samples and lookahead rollouts are work that was done, so they are in.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import ArrayLike

from tts_lib.answers.protocols import SampleRequest, Samples, ScoreRequest

LEDGER = (
    *("policy_prefill_tokens", "policy_decode_tokens", "verifier_prefill_tokens", "verifier_tokens", "rounds"),
    *("policy_attended", "verifier_attended"),
    *("policy_passes", "policy_cached", "verifier_passes"),
)


@dataclass(frozen=True)
class Cost:
    """Compute spent on one question, or with `+` on several.

    Attributes:
        generations: solution attempts begun (a beam is one generation however many steps it takes, and each of the k
            rollouts a lookahead slot may make is another).
        policy_prefill_tokens: prefix tokens given to the policy, once for each request, and again in each round.
        policy_decode_tokens: tokens the policy sampled.
        verifier_prefill_tokens: prefix tokens given to the verifier as context, once for each request.
        verifier_tokens: tokens of the continuations the verifier scored.
        rounds: serial calls of the policy, a measure of latency. Scoring follows sampling and is not counted.
        policy_attended, verifier_attended: positions that these tokens attend to, themselves included, each token's
            added up: what attention costs grows with them.
        policy_passes: forward passes of the policy one after another, where nothing else is sampled beside: as many as
            the longest continuation of each round has tokens. Its weights are read once in each.
        policy_cached: positions whose keys and values the policy reads: each token of a prefix once, in a request's
            first pass, and for each sampled token those that it attends to.
        verifier_passes: forward passes of the verifier, one each time that it is asked. It writes nothing, so that each
            token it reads is one position of its cache.
    """

    generations: int = 0
    policy_prefill_tokens: int = 0
    policy_decode_tokens: int = 0
    verifier_prefill_tokens: int = 0
    verifier_tokens: int = 0
    rounds: int = 0
    policy_attended: int = 0
    verifier_attended: int = 0
    policy_passes: int = 0
    policy_cached: int = 0
    verifier_passes: int = 0

    def __add__(self, other: "Cost") -> "Cost":
        return Cost(*(getattr(self, name) + getattr(other, name) for name in COUNTED))


COUNTED = tuple(field.name for field in fields(Cost))


def attended(before: ArrayLike, n: ArrayLike) -> np.ndarray:
    """Positions that n tokens attend to which follow `before` others: each those before it and itself."""
    before, n = np.asarray(before, np.float64), np.asarray(n, np.float64)
    return np.asarray(n * before + n * (n + 1) / 2)


def sampling_cost(requests: Sequence[SampleRequest], samples: Sequence[Samples], generations: int) -> Cost:
    """Cost of one round of sampling that begins `generations` new solution attempts (0 when it continues old ones)."""
    lengths = [len(request.prefix) for request in requests]
    written = [np.diff(result.offsets) for result in samples]
    behind = _attended_behind(lengths, written)
    return Cost(
        generations=generations,
        policy_prefill_tokens=sum(lengths),
        policy_decode_tokens=sum(len(result.tokens) for result in samples),
        rounds=1,
        policy_attended=behind + _attended_within(lengths),
        policy_passes=max((int(each.max()) for each in written if len(each)), default=0),
        policy_cached=behind + sum(lengths),
    )


def scoring_cost(requests: Sequence[ScoreRequest]) -> Cost:
    """Cost of one round of scoring: each request's prefix once, each continuation once."""
    lengths = [len(request.prefix) for request in requests]
    read = [np.array([len(each) for each in request.continuations], np.int64) for request in requests]
    return Cost(
        verifier_prefill_tokens=sum(lengths),
        verifier_tokens=int(sum(each.sum() for each in read)),
        verifier_attended=_attended_behind(lengths, read) + _attended_within(lengths),
        verifier_passes=1,
    )


def _attended_behind(prefixes: Sequence[int], continuations: Sequence[np.ndarray]) -> int:
    """By the tokens that go on from each prefix."""
    return int(sum(float(attended(length, n).sum()) for length, n in zip(prefixes, continuations, strict=True)))


def _attended_within(prefixes: Sequence[int]) -> int:
    """By the tokens of the prefixes, each read once."""
    return int(attended(0, prefixes).sum())
