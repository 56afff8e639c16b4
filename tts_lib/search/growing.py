"""How a tree over whole solutions grows (`tts_lib.search.tree`)."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tts_lib.answers.protocols import FINISH_END, SampleRequest, Samples, Sampling, ScoreRequest
from tts_lib.answers.question_table import Question
from tts_lib.answers.scheduler import AskSamples, AskScores, Search
from tts_lib.common.rng import Part, derive_seeds, generator
from tts_lib.search.candidates import Candidates
from tts_lib.search.tree import Simulations


@dataclass(eq=False, slots=True)
class _Node:
    """A prefix of solutions.

    Attributes:
        text: prompt and steps, int32 (T,); n_tokens are those of the steps.
        anew, through: solutions sampled from here, and passing through here: right and wrong ones, prior included.
    """

    text: np.ndarray
    n_tokens: int = 0
    parent: "_Node | None" = None
    anew: np.ndarray = field(default_factory=lambda: np.full(2, 0.5))
    through: np.ndarray = field(default_factory=lambda: np.full(2, 0.5))
    children: dict[bytes, "_Node"] = field(default_factory=dict)

    def choose(self, rng: np.random.Generator) -> "_Node":
        """The node to sample anew from, by Thompson sampling from here down."""
        node = self
        while True:
            below = list(node.children.values())
            drawn = rng.beta(*np.array([node.anew, *(child.through for child in below)]).T)
            if (best := int(drawn.argmax())) == 0:
                return node
            node = below[best - 1]

    def learn(self, solution: np.ndarray, ends: np.ndarray, score: float) -> None:
        """Count a solution that was sampled from here: its tokens, int32 (T,); where its steps end; its score."""
        outcome, node = np.array([score, 1 - score]), self
        self.anew += outcome
        while node.parent is not None:
            node.through += outcome
            node = node.parent
        node, begun = self, 0
        for end in ends.tolist():
            step = solution[begun:end]
            if (child := node.children.get(step.tobytes())) is None:
                child = _Node(np.concatenate((node.text, step)), node.n_tokens + len(step), node)
                node.children[step.tobytes()] = child
            child.through += outcome
            node, begun = child, end


def grow(
    shape: Simulations, question: Question, sampling: Sampling, closing: tuple[int, ...], key: tuple[Part, ...]
) -> Search[Candidates]:
    """The search of one question, for the scheduler.

    Args:
        sampling: of whole solutions.
        closing: the tokens that close a step.
        key: names the search.

    Raises:
        ValueError: the verifier returned no score, or one that is not a finite number.
    """
    root = _Node(question.prompt)
    seeds = derive_seeds(key, shape.n)
    solutions: list[np.ndarray] = []
    scores: list[np.ndarray] = []
    finished: list[bool] = []
    n_duplicates = 0
    for number, n in enumerate(shape.rounds):
        rng = generator(*key, number, "thompson")
        chosen: dict[_Node, list[int]] = {}
        for i in range(len(solutions), len(solutions) + n):
            chosen.setdefault(root.choose(rng), []).append(i)
        requests = [SampleRequest(node.text, seeds[which]) for node, which in chosen.items()]
        results: list[Samples] = yield AskSamples(requests, sampling, n)
        sampled = [
            (node, samples, j) for node, samples in zip(chosen, results, strict=True) for j in range(len(samples))
        ]
        n_duplicates += sum(len(each) - len({each[j].tobytes() for j in range(len(each))}) for each in results)
        whole = [np.concatenate((node.text[len(question.prompt) :], samples[j])) for node, samples, j in sampled]
        ended = [
            samples.finish[j] == FINISH_END and len(solution) <= sampling.max_tokens
            for (_, samples, j), solution in zip(sampled, whole, strict=True)
        ]
        distinct = {solution.tobytes(): solution for solution, done in zip(whole, ended, strict=True) if done}
        given: list[list[np.ndarray]] = []
        if distinct:
            given = yield AskScores([ScoreRequest(question.prompt, list(distinct.values()))])
        score_of = dict(zip(distinct, map(_checked, given[0] if given else []), strict=True))
        for (node, samples, j), solution, done in zip(sampled, whole, ended, strict=True):
            own, steps = samples[j], score_of[solution.tobytes()] if done else np.zeros(0, np.float32)
            ends = np.flatnonzero(np.isin(own[:-1], closing)) + 1
            ends = ends[node.n_tokens + ends < sampling.max_tokens]
            node.learn(own, ends, float(steps[-1]) if done else 0.0)
            scores.append(steps)
        solutions, finished = solutions + whole, finished + ended
    order = sorted(range(shape.n), key=lambda i: finished[i], reverse=True)
    return Candidates(
        tokens=[solutions[i] for i in order],
        step_scores=[scores[i] for i in order],
        finished=np.array([finished[i] for i in order], bool),
        n_rounds=len(shape.rounds),
        n_samples=shape.n,
        n_duplicates=n_duplicates,
        n_truncated=finished.count(False),
        hit_round_limit=False,
        weights=np.ones(shape.n),
    )


def _checked(steps: Any) -> np.ndarray:
    if not len(steps) or not np.isfinite(steps).all():
        raise ValueError(
            f"the verifier scored a new solution with {np.asarray(steps).tolist()}, not with finite numbers"
        )
    return steps
