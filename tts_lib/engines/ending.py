"""Solutions that end with a text: a few-shot prompt's model does not end one, it goes on with the next question.

The samples are cut where that text begins, and closed with the model's own end token: to whoever reads, grades or
scores them they are like those of a model that ends its solutions itself.
"""

from bisect import bisect_right
from collections.abc import Generator, Sequence
from dataclasses import replace

import numpy as np

from tts_lib.answers.protocols import FINISH_END, Codec, Part, Policy, SampleRequest, Samples, Sampling, StreamingPolicy


class EndedPolicy:
    """A policy (`tts_lib.answers.protocols.Policy`) whose samples end where a text begins.

    The end token stands in the place, and has the log-probability, of the token in which that text begins.
    """

    def __init__(self, policy: Policy, codec: Codec, end: str, end_token: int) -> None:
        """Wrap ``policy``, whose tokenizer is ``codec``; it need not stop at ``end`` itself, which only saves time."""
        self.version = f"{policy.version}:end={end!r}"
        self._policy, self._codec = policy, codec
        self._end, self._end_token = end, end_token

    def sample(self, requests: Sequence[SampleRequest], sampling: Sampling) -> list[Samples]:
        """Samples of each request; for errors see the policy."""
        return [self._cut(samples) for samples in self._policy.sample(requests, sampling)]

    def close(self) -> None:
        """End what the policy has started, if it can be ended."""
        getattr(self._policy, "close", lambda: None)()

    def _cut(self, samples: Samples) -> Samples:
        each = list(samples)
        texts = self._codec.decode(each)
        kept, finish, tokens = np.ones(len(samples.tokens), bool), samples.finish.copy(), samples.tokens.copy()
        for i, text in enumerate(texts):
            if self._end in text:
                last = samples.offsets[i] + self._n_before(each[i], text.index(self._end))
                tokens[last], finish[i] = self._end_token, FINISH_END
                kept[last + 1 : samples.offsets[i + 1]] = False
        return Samples(
            tokens=tokens[kept],
            offsets=np.r_[0, np.cumsum(kept)][samples.offsets],
            finish=finish,
            logprobs=None if samples.logprobs is None else samples.logprobs[kept],
        )

    def _n_before(self, tokens: np.ndarray, n_characters: int) -> int:
        """How many tokens lie wholly within the first characters of their text."""
        ends = range(1, len(tokens) + 1)
        return bisect_right(ends, n_characters, key=lambda n: len(self._codec.decode([tokens[:n]])[0]))


class EndedStreamingPolicy(EndedPolicy):
    """The same of a `StreamingPolicy`."""

    _policy: StreamingPolicy

    def stream(self, requests: Sequence[SampleRequest], sampling: Sampling) -> Generator[Part, None, None]:
        """The samples as they are finished; for errors see the policy."""
        for part in self._policy.stream(requests, sampling):
            yield replace(part, samples=self._cut(part.samples))


def ended(policy: Policy, codec: Codec, end: str, end_token: int) -> Policy:
    """The policy with its samples ended where the text `end` begins."""
    kind = EndedStreamingPolicy if isinstance(policy, StreamingPolicy) else EndedPolicy
    return kind(policy, codec, end, end_token)
