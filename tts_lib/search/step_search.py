"""The step loop that beam search, lookahead, DVTS, REBASE and the particle filter share (§1.6 and §3.1 of the notes).

A search has N slots. In each round every busy slot samples one more step of the prefix it holds, the verifier scores
the new prefixes, and a rule deals the slots anew (`tts_lib.search.dealing`): in it alone the methods differ. The tree,
which goes on from a prefix to the end at once, is a search of its own (`tts_lib.search.tree`).

Decisions where the papers are silent:
- A search ends when no slot is busy, or at the round limit. Candidates that are unfinished then have no answer and are
  marked so.
- Equal prefixes are separate samples with a slot and a vote each ("keep"); "merge" counts each distinct prefix once.
- A step cut off at its own or its solution's token limit ends its prefix: not scored, not kept, counted, shown if it
  is in the last pool.
- Lookahead ranks a prefix by the last step of a greedy rollout of at most k steps, which is then dropped; the
  prefix keeps the score of its own step.

Every sample has its own seed, derived from the question, what names the shape, the round and the slot. Options
that leave those alone (temperature, the round limit, duplicates) share their random numbers.
"""

from itertools import islice
from typing import Literal

import numpy as np
from pydantic import model_validator

from tts_lib.answers.protocols import FINISH_END, FINISH_LENGTH, Sampling
from tts_lib.answers.question_table import Question
from tts_lib.answers.scheduler import Search
from tts_lib.common.rng import Part, derive_seeds
from tts_lib.common.section import Section
from tts_lib.search.candidates import Candidates
from tts_lib.search.dealing import Shape
from tts_lib.search.growing import grow
from tts_lib.search.methods import Method
from tts_lib.search.prefixes import Prefix, roll_out, sample_steps, score_steps
from tts_lib.search.tree import Simulations, Tree


class StepSearch(Section):
    """A method, and what all of them have in common.

    Attributes:
        method: gives the search its shape.
        temperature, top_p: of the steps (top_p 1 = off).
        max_step_tokens, max_tokens: new tokens of a step, and of a solution; the first is not the tree's.
        max_rounds: steps of a solution at most (paper: 40); not the tree's.
        duplicates: what becomes of equal prefixes; keep or merge is nothing to the tree and the particle filter.
        closing: the tokens that close a step, which the tree must know: to all others the engine says where one ends.
    """

    method: Method
    temperature: float
    top_p: float
    max_step_tokens: int
    max_tokens: int
    max_rounds: int
    duplicates: Literal["keep", "merge"]
    closing: tuple[int, ...] = ()

    @model_validator(mode="after")
    def _knows_steps(self) -> "StepSearch":
        if isinstance(self.method, Tree) and not self.closing:
            raise ValueError("closing is empty, but a tree must know the tokens that close a step")
        return self

    def generations(self, budget: int) -> int:
        """Generations spent at this budget, at most the budget.

        Raises:
            ValueError: the method cannot run at it (`tts_lib.search.methods.reachable`).
        """
        return self.method.shape(budget).generations

    def search(self, question: Question, budget: int, seed_key: tuple[Part, ...]) -> Search[Candidates]:
        """A search of one question, for the scheduler; seed_key names the study and the policy.

        Raises:
            ValueError: see `generations`; later, the verifier returned no score, or one that is not finite, for a step.
        """
        shape, key = self.method.shape(budget), (*seed_key, question.question_id)
        if isinstance(shape, Simulations):
            sampling = Sampling(self.temperature, self.top_p, self.max_tokens, until="end")
            return grow(shape, question, sampling, self.closing, (*key, "tree", budget))
        return self._steps(question, shape, (*key, "step_search", *shape.parts))

    def _steps(self, question: Question, shape: Shape, key: tuple[Part, ...]) -> Search[Candidates]:
        sampling = Sampling(self.temperature, self.top_p, self.max_step_tokens, until="step")
        dealers = shape.dealers(Prefix(question.prompt), self.duplicates == "merge", key)
        n_rounds = n_samples = n_distinct = n_truncated = 0
        while n_rounds < self.max_rounds and any(dealer.live for dealer in dealers):
            slots = [prefix for dealer in dealers for prefix in dealer.slots]
            seeds = derive_seeds((*key, n_rounds), len(slots))
            begun = shape.generations if n_rounds == 0 else 0
            children, families = yield from sample_steps(slots, seeds, sampling, self.max_tokens, begun)
            rolled_out = yield from roll_out(families, shape.ahead, self.max_step_tokens, self.max_tokens)
            yield from score_steps(families, rolled_out)
            by_slot = iter(children)
            for dealer in dealers:
                own = list(islice(by_slot, len(dealer.slots)))
                if dealer.live:
                    dealer.deal(own)
            n_rounds += 1
            sampled = [child for child in children if child is not None]
            n_samples += len(sampled)
            n_distinct += sum(len(family) for _, family in families)
            n_truncated += sum(child.finish == FINISH_LENGTH for child in sampled)

        weighed = [(prefix, dealer.weight(prefix)) for dealer in dealers for prefix in dealer.candidates()]
        weighed.sort(key=lambda pair: pair[0].finish == FINISH_END, reverse=True)
        best = [prefix for prefix, _ in weighed]
        return Candidates(
            tokens=[prefix.text[len(question.prompt) :] for prefix in best],
            step_scores=[np.array(prefix.scores, np.float32) for prefix in best],
            finished=np.array([prefix.finish == FINISH_END for prefix in best], bool),
            n_rounds=n_rounds,
            n_samples=n_samples,
            n_duplicates=n_samples - n_distinct,
            n_truncated=n_truncated,
            weights=np.array([weight for _, weight in weighed]),
            hit_round_limit=any(dealer.live for dealer in dealers),
        )
