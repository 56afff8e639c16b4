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
from tts_lib.answers.scheduler import Question, Search
from tts_lib.common.rng import Part, derive_seeds
from tts_lib.search.candidates import Candidates
from tts_lib.search.prefixes import Prefix, roll_out, sample_steps, score_steps

Duplicates = Literal["keep", "merge"]


@dataclass(frozen=True, kw_only=True)
class StepOptions:
    """Options of every step search: temperature, top_p (1 = off), tokens of a step and of a solution, rounds at most
    (paper: 40)."""

    temperature: float
    top_p: float
    max_step_tokens: int
    max_tokens: int
    max_rounds: int


@dataclass(frozen=True)
class Shape:
    """How a search uses its slots: n_trees subtrees, each keeping n_keep prefixes with `width` slots each."""

    n_trees: int
    n_keep: int
    width: int
    depth: int
    remember: bool
    duplicates: Duplicates

    @property
    def n_slots(self) -> int:
        """Slots of one subtree."""
        return self.n_keep * self.width

    @property
    def generations(self) -> int:
        """Cost N(k+1): each slot is a generation, and so is each of the k rollouts it may make in a round."""
        return self.n_trees * self.n_slots * (self.depth + 1)


@dataclass
class _Tree:
    """A subtree: the prefix that each slot is to expand (None: idle), and the pool of the last round."""

    slots: list[Prefix | None]
    pool: list[Prefix] = field(default_factory=list)

    @property
    def live(self) -> bool:
        return any(prefix is not None for prefix in self.slots)

    def advance(self, children: list[Prefix | None], shape: Shape) -> None:
        """Form the new pool from the children of the slots, and give the slots to what is kept of it."""
        finished = [prefix for prefix in self.pool if shape.remember and prefix.finish == FINISH_END]
        self.pool = finished + [child for child in children if child is not None]
        rivals = [prefix for prefix in self.pool if prefix.finish != FINISH_LENGTH]
        if shape.duplicates == "merge":
            rivals = list(dict.fromkeys(rivals))
        kept = sorted(rivals, key=lambda prefix: prefix.value, reverse=True)[: shape.n_keep]
        unfinished = [prefix for prefix in kept if prefix.finish == FINISH_STEP]
        self.slots = [prefix if prefix.finish == FINISH_STEP else None for prefix in kept for _ in range(shape.width)]
        heirs = unfinished or [None]
        self.slots += [heirs[i % len(heirs)] for i in range(shape.n_slots - len(self.slots))]

    def candidates(self, n: int) -> list[Prefix]:
        """The n first of the pool: finished ones first, then by score, then by index."""
        return sorted(self.pool, key=lambda prefix: (prefix.finish == FINISH_END, prefix.value), reverse=True)[:n]


def step_search(
    question: Question, shape: Shape, options: StepOptions, seed_key: tuple[Part, ...]
) -> Search[Candidates]:
    """Search one question step by step; the text of the module has the rules.

    Raises:
        ValueError: the verifier returned no score, or one that is not finite, for a new step.
    """
    key = (*seed_key, question.question_id, "step_search", shape.n_trees, shape.n_keep, shape.width, shape.depth)
    sampling = Sampling(options.temperature, options.top_p, options.max_step_tokens, until="step")
    root = Prefix(question.prompt)
    trees = [_Tree([root] * shape.n_slots) for _ in range(shape.n_trees)]
    n_rounds = n_samples = n_distinct = n_truncated = 0
    while n_rounds < options.max_rounds and any(tree.live for tree in trees):
        slots = [prefix for tree in trees for prefix in tree.slots]
        seeds = derive_seeds((*key, n_rounds), len(slots))
        begun = shape.generations if n_rounds == 0 else 0
        children, families = yield from sample_steps(slots, seeds, sampling, options.max_tokens, begun)
        rolled_out = yield from roll_out(families, shape.depth, options.max_step_tokens, options.max_tokens)
        yield from score_steps(families, rolled_out)
        for i, tree in enumerate(trees):
            if tree.live:
                tree.advance(children[i * shape.n_slots : (i + 1) * shape.n_slots], shape)
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
