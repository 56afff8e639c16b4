"""A model of one size: what its pretraining and its answers cost, and what it attains with each number of samples."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from tts_lib.answers.grid import SampleGrid
from tts_lib.estimators import subsets
from tts_lib.estimators.flops import inference_flops, pretraining_flops

COVERAGE, WEIGHTED, MAJORITY = "coverage", "weighted", "majority"  # how one answer is chosen among samples


@dataclass(frozen=True)
class Size:
    """What a model is and how long its questions and answers are."""

    name: str
    n_params: float  # without embeddings
    n_tokens: float  # of pretraining
    prompt_tokens: float  # of a question, on average
    sample_tokens: float  # of an answer


@dataclass(frozen=True)
class Prices:
    """What weighing by a verifier costs: its parameters (2 FLOPs each for a token read), and FLOPs it took to make."""

    verifier: float = 0.0
    making: float = 0.0


@dataclass(frozen=True, eq=False)
class Sized(Size):
    """A model with what each question attains at each budget, trained once or with several seeds."""

    accuracy: Mapping[str, Float[np.ndarray, "seed question budget"]]  # by selector

    @classmethod
    def of_pools(
        cls,
        size: Size,
        pools: Sequence[SampleGrid],
        scores: Sequence[Float[np.ndarray, "question sample"]],
        budgets: Sequence[int],
        rng: np.random.Generator,
    ) -> "Sized":
        """What pools of samples attain at each budget, one pool a seed.

        Coverage is exact over all subsets of a pool, votes are averaged over 200 of them. A pool without answers has no
        majority, and one without scores no weighted vote.

        Args:
            scores: of a verifier for each sample >= 0, a table a pool; none where the samples have no scores.

        Raises:
            ValueError: a budget above the smallest pool; pools of other questions.
        """
        if len({pool.question_ids for pool in pools}) != 1 or (scores and len(scores) != len(pools)):
            raise ValueError(f"{size.name}: its pools must answer the same questions, and each must have its scores")
        found: dict[str, list[np.ndarray]] = {COVERAGE: []}
        for number, pool in enumerate(pools):
            found[COVERAGE].append(subsets.coverage(_right(pool), pool.n_samples, budgets))
            knows = pool.has_answers or not pool.correct.any()  # where nothing is right a vote is not either
            weights: dict[str, np.ndarray | None] = {MAJORITY: None} if knows else {}
            if weights and scores:
                weights[WEIGHTED] = scores[number]
            if weights:
                votes = subsets.vote(pool.correct, pool.answers, weights, budgets, rng, n_samples=pool.n_samples)
                for selector, vote in votes.items():
                    found.setdefault(selector, []).append(vote.accuracy)
        return cls(**vars(size), accuracy={name: np.stack(parts) for name, parts in found.items()})

    def with_first(self, accuracy: Float[np.ndarray, "seed question"]) -> "Sized":
        """The same with another first answer, a greedy one: who samples once need not sample at random."""
        first = {name: each.copy() for name, each in self.accuracy.items()}
        for each in first.values():
            each[:, :, 0] = accuracy
        return replace(self, accuracy=first)

    def flops(self, n_samples: float, n_questions: float, prices: Prices, verified: bool) -> float:
        """Of pretraining and of so many samples to each of so many questions; one sample is not verified."""
        verified = verified and n_samples > 1
        each = inference_flops(self.n_params + verified * prices.verifier, self.prompt_tokens)
        each += inference_flops(self.n_params + verified * prices.verifier, n_samples * self.sample_tokens)
        return pretraining_flops(self.n_params, self.n_tokens) + verified * prices.making + n_questions * each

    def samples_for(self, flops: float, n_questions: float, prices: Prices, verified: bool) -> float:
        """How many samples a question these FLOPs buy, pretraining (and verifier) paid; at least 1."""
        fixed = pretraining_flops(self.n_params, self.n_tokens) + verified * prices.making
        tokens = (flops - fixed) / n_questions / inference_flops(self.n_params + verified * prices.verifier, 1.0)
        return max(1.0, (tokens - self.prompt_tokens) / self.sample_tokens)


def _right(pool: SampleGrid) -> np.ndarray:
    used = np.arange(pool.correct.shape[1]) < pool.n_samples[:, None]
    return (pool.correct & used).sum(axis=1)
