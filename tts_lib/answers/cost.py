"""What an answer costs: one ledger for every method, counted from the requests an engine got and what it gave back.

`generations` is the paper's budget N (§1.6); tokens are counted beside it, and turned into FLOPs elsewhere. Pruned
prefixes, truncated samples and lookahead rollouts are work that was done, so they are in.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from tts_lib.answers.protocols import SampleRequest, Samples, ScoreRequest

LEDGER = ("policy_prefill_tokens", "policy_decode_tokens", "verifier_prefill_tokens", "verifier_tokens", "rounds")


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
    """

    generations: int = 0
    policy_prefill_tokens: int = 0
    policy_decode_tokens: int = 0
    verifier_prefill_tokens: int = 0
    verifier_tokens: int = 0
    rounds: int = 0

    def __add__(self, other: "Cost") -> "Cost":
        return Cost(
            self.generations + other.generations,
            self.policy_prefill_tokens + other.policy_prefill_tokens,
            self.policy_decode_tokens + other.policy_decode_tokens,
            self.verifier_prefill_tokens + other.verifier_prefill_tokens,
            self.verifier_tokens + other.verifier_tokens,
            self.rounds + other.rounds,
        )


def sampling_cost(requests: Sequence[SampleRequest], samples: Sequence[Samples], generations: int) -> Cost:
    """Cost of one round of sampling that begins `generations` new solution attempts (0 when it continues old ones)."""
    return Cost(
        generations=generations,
        policy_prefill_tokens=sum(len(request.prefix) for request in requests),
        policy_decode_tokens=sum(len(result.tokens) for result in samples),
        rounds=1,
    )


def scoring_cost(requests: Sequence[ScoreRequest]) -> Cost:
    """Cost of one round of scoring: each request's prefix once, each continuation once."""
    return Cost(
        verifier_prefill_tokens=sum(len(request.prefix) for request in requests),
        verifier_tokens=sum(sum(map(len, request.continuations)) for request in requests),
    )
