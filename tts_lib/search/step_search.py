"""The step loop that beam search, lookahead and DVTS share (§1.6 and §3.1 of the method notes).

A search has N slots. In each round every busy slot samples one more step of the prefix it holds and the verifier
scores the new prefixes. The `n_keep` best prefixes of a subtree's pool are kept, and each gets M = `width` slots.

Decisions where the paper is silent:
- Finished prefixes compete with unfinished ones by score. A finished prefix that is kept holds its M slots, and they
  spend nothing: it is not copied, and nobody else gets them.
- With `remember`, finished prefixes stay in the pool for good, kept or not, so no solution is lost to a prefix that
  promised more than it held; without, only the newest steps are in the pool.
- A subtree ends when none of its kept prefixes is unfinished, or at the round limit. Its candidates are its last pool,
  at most one for each slot: finished ones first, then by score. The unfinished have no answer and are marked so.
- Ties go to the lowest index: the earlier round, then the lower slot.
- Equal prefixes are separate samples with a slot and a vote each ("keep"); "merge" keeps each distinct prefix once,
  and deals the slots that this frees to the kept unfinished prefixes in turn, best first.
- A step cut off at its own or its solution's token limit ends its prefix: not scored, not kept, counted, shown if it
  is in the last pool.
- Lookahead ranks a prefix by the last step of a greedy rollout of at most k steps, which is then dropped; the
  prefix keeps the score of its own step.

Every sample has its own seed, derived from the question, the numbers of the shape, the round and the slot. Options
that leave those alone (temperature, the round limit, duplicates) share their random numbers.
"""

from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from tts_lib.answers.protocols import FINISH_END, FINISH_LENGTH, FINISH_STEP, Sampling
from tts_lib.answers.question_table import Question
from tts_lib.answers.scheduler import Search
from tts_lib.common.rng import Part, derive_seeds
from tts_lib.common.section import Section
from tts_lib.search.candidates import Candidates
from tts_lib.search.methods import Method
from tts_lib.search.prefixes import Prefix, roll_out, sample_steps, score_steps
from tts_lib.search.shape import Shape


class StepSearch(Section):
    """A method, and what all of them have in common.

    Attributes:
        method: gives the search its shape.
        temperature, top_p: of the steps (top_p 1 = off).
        max_step_tokens, max_tokens: new tokens of a step, and of a solution.
        max_rounds: steps of a solution at most (paper: 40).
        duplicates: what becomes of equal prefixes.
    """

    method: Method
    temperature: float
    top_p: float
    max_step_tokens: int
    max_tokens: int
    max_rounds: int
    duplicates: Literal["keep", "merge"]

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
        return self._steps(question, self.method.shape(budget), seed_key)

    def _steps(self, question: Question, shape: Shape, seed_key: tuple[Part, ...]) -> Search[Candidates]:
        key = (*seed_key, question.question_id, "step_search", shape.n_trees, shape.n_keep, shape.width, shape.depth)
        sampling = Sampling(self.temperature, self.top_p, self.max_step_tokens, until="step")
        root = Prefix(question.prompt)
        trees = [_Tree([root] * shape.n_slots) for _ in range(shape.n_trees)]
        n_rounds = n_samples = n_distinct = n_truncated = 0
        while n_rounds < self.max_rounds and any(tree.live for tree in trees):
            slots = [prefix for tree in trees for prefix in tree.slots]
            seeds = derive_seeds((*key, n_rounds), len(slots))
            begun = shape.generations if n_rounds == 0 else 0
            children, families = yield from sample_steps(slots, seeds, sampling, self.max_tokens, begun)
            rolled_out = yield from roll_out(families, shape.depth, self.max_step_tokens, self.max_tokens)
            yield from score_steps(families, rolled_out)
            for i, tree in enumerate(trees):
                if tree.live:
                    own = children[i * shape.n_slots : (i + 1) * shape.n_slots]
                    tree.advance(own, shape, self.duplicates == "merge")
            n_rounds += 1
            sampled = [child for child in children if child is not None]
            n_samples += len(sampled)
            n_distinct += sum(len(family) for _, family in families)
            n_truncated += sum(child.finish == FINISH_LENGTH for child in sampled)

        best = [prefix for tree in trees for prefix in tree.candidates(shape.n_slots)]
        best.sort(key=lambda prefix: prefix.finish == FINISH_END, reverse=True)
        return Candidates(
            tokens=[prefix.text[len(question.prompt) :] for prefix in best],
            step_scores=[np.array(prefix.scores, np.float32) for prefix in best],
            finished=np.array([prefix.finish == FINISH_END for prefix in best], bool),
            n_rounds=n_rounds,
            n_samples=n_samples,
            n_duplicates=n_samples - n_distinct,
            n_truncated=n_truncated,
            hit_round_limit=any(tree.live for tree in trees),
        )


@dataclass
class _Tree:
    """A subtree: the prefix that each slot is to expand (None: idle), and the pool of the last round."""

    slots: list[Prefix | None]
    pool: list[Prefix] = field(default_factory=list)

    @property
    def live(self) -> bool:
        return any(prefix is not None for prefix in self.slots)

    def advance(self, children: list[Prefix | None], shape: Shape, merge: bool) -> None:
        """Form the new pool from the children of the slots, and give the slots to what is kept of it."""
        finished = [prefix for prefix in self.pool if shape.remember and prefix.finish == FINISH_END]
        self.pool = finished + [child for child in children if child is not None]
        rivals = [prefix for prefix in self.pool if prefix.finish != FINISH_LENGTH]
        if merge:
            rivals = list(dict.fromkeys(rivals))
        kept = sorted(rivals, key=lambda prefix: prefix.value, reverse=True)[: shape.n_keep]
        unfinished = [prefix for prefix in kept if prefix.finish == FINISH_STEP]
        self.slots = [prefix if prefix.finish == FINISH_STEP else None for prefix in kept for _ in range(shape.width)]
        heirs = unfinished or [None]
        self.slots += [heirs[i % len(heirs)] for i in range(shape.n_slots - len(self.slots))]

    def candidates(self, n: int) -> list[Prefix]:
        """The n first of the pool: finished ones first, then by score, then by index."""
        return sorted(self.pool, key=lambda prefix: (prefix.finish == FINISH_END, prefix.value), reverse=True)[:n]
