"""One round of a step search: sample a step, roll it out, score it. Each phase is one request list for the scheduler.

Every distinct prefix is one object. Samples that came out equal share it, so that it is prefilled, rolled out and
scored once a round, while it holds as many places in the pool as it was sampled.
"""

import math
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tts_lib.answers.protocols import (
    FINISH_END,
    FINISH_LENGTH,
    FINISH_STEP,
    SampleRequest,
    Samples,
    Sampling,
    ScoreRequest,
)
from tts_lib.answers.scheduler import AskSamples, AskScores

GREEDY_SEED = np.zeros(1, np.uint64)  # greedy rollouts use no randomness; one seed lets a store keep equal ones once


@dataclass(slots=True, eq=False)
class Prefix:
    """The prompt and the steps so far.

    Attributes:
        step: its last step, int32 (T,); the prompt if it has none.
        parent: the prefix before that step.
        n_tokens: tokens of its steps, without the prompt.
        finish: how its last step ended (FINISH_STEP: it can go on).
        scores: the verifier's score of each step; a truncated last step has none.
        value: what it competes with: the score of its last step, or of the last step of its rollout.
    """

    step: np.ndarray
    parent: "Prefix | None" = None
    finish: int = FINISH_STEP
    scores: tuple[float, ...] = ()
    value: float = -math.inf
    n_tokens: int = 0
    _text: np.ndarray | None = None

    @property
    def text(self) -> np.ndarray:
        """Prompt and all steps, int32 (T,); put together when first asked for, as most prefixes are soon dropped."""
        if self._text is None:
            self._text = self.step if self.parent is None else np.concatenate((self.parent.text, self.step))
        return self._text


Families = list[tuple[Prefix, list[Prefix]]]  # each expanded prefix with its distinct children


def sample_steps(
    slots: Sequence[Prefix | None], seeds: np.ndarray, sampling: Sampling, max_tokens: int, generations: int
) -> Generator[AskSamples, Any, tuple[list[Prefix | None], Families]]:
    """Sample one more step in each slot that holds a prefix; slot i uses seeds[i], uint64 (slot,).

    A step that makes its solution longer than max_tokens, or as long without ending it, is cut off.

    Returns:
        The child of each slot (None for an idle one), and the distinct children of each distinct prefix.
    """
    slots_by_prefix: dict[Prefix, list[int]] = {}
    for i, prefix in enumerate(slots):
        if prefix is not None:
            slots_by_prefix.setdefault(prefix, []).append(i)
    requests = [SampleRequest(prefix.text, seeds[places]) for prefix, places in slots_by_prefix.items()]
    results: list[Samples] = yield AskSamples(requests, sampling, generations)

    children: list[Prefix | None] = [None] * len(slots)
    families: Families = []
    for (parent, places), samples in zip(slots_by_prefix.items(), results, strict=True):
        distinct: dict[bytes, Prefix] = {}
        ends, finish = samples.offsets.tolist(), samples.finish.tolist()  # much faster to index than arrays
        for i, place in enumerate(places):
            step = samples.tokens[ends[i] : ends[i + 1]]
            child = distinct.get(key := step.tobytes())
            if child is None:
                n_tokens = parent.n_tokens + len(step)
                ended = finish[i] if n_tokens < max_tokens + (finish[i] == FINISH_END) else FINISH_LENGTH
                child = distinct[key] = Prefix(step, parent, ended, parent.scores, n_tokens=n_tokens)
            children[place] = child
        families.append((parent, list(distinct.values())))
    return children, families


def roll_out(
    families: Families, depth: int, max_step_tokens: int, max_tokens: int
) -> Generator[AskSamples, Any, dict[Prefix, np.ndarray]]:
    """Continue each unfinished child greedily by up to `depth` steps; return the longer texts, int32 (T,).

    A rollout stops early at the end of its solution. A rollout step cut off at a token limit is left out.
    """
    sampling = Sampling(temperature=0.0, top_p=1.0, max_tokens=max_step_tokens, until="step")
    texts: dict[Prefix, np.ndarray] = {}
    growing = [child for _, children in families for child in children if child.finish == FINISH_STEP]
    for _ in range(depth):
        if not growing:
            break
        requests = [SampleRequest(texts.get(child, child.text), GREEDY_SEED) for child in growing]
        results: list[Samples] = yield AskSamples(requests, sampling)
        still_growing = []
        for child, request, samples in zip(growing, requests, results, strict=True):
            finish, text = samples.finish[0], np.concatenate((request.prefix, samples[0]))
            n_tokens = child.n_tokens + len(text) - len(child.text)
            if finish != FINISH_LENGTH and n_tokens < max_tokens + (finish == FINISH_END):
                texts[child] = text
                still_growing += [child] if finish == FINISH_STEP else []
        growing = still_growing
    return texts


def score_steps(families: Families, rolled_out: dict[Prefix, np.ndarray]) -> Generator[AskScores, Any, None]:
    """Score each child that was not cut off: its own step's score is kept, that of the text's last step competes.

    Raises:
        ValueError: the verifier returned no score, or one that is not a finite number.
    """
    families = [(parent, [c for c in children if c.finish != FINISH_LENGTH]) for parent, children in families]
    families = [(parent, children) for parent, children in families if children]
    if not families:
        return
    results: list[list[np.ndarray]] = yield AskScores(
        [
            ScoreRequest(
                parent.text,
                [rolled_out[c][len(parent.text) :] if c in rolled_out else c.step for c in children],
            )
            for parent, children in families
        ]
    )
    for (parent, children), scored in zip(families, results, strict=True):
        for child, steps in zip(children, scored, strict=True):
            values: list[float] = steps.tolist()
            if not values or not math.isfinite(sum(values)):
                raise ValueError(f"the verifier scored a new step with {values}, not with finite numbers")
            child.scores = (*parent.scores, values[0])
            child.value = values[-1]
