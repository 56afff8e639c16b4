"""Training examples as flat arrays, and batches of them in a fixed order.

An example is a token sequence with a target at each position: the next token for a language model, a
probability for a verifier. Batches hold a nearly constant number of tokens; examples of similar length
go together, so that little is spent on padding.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file, save_file

from tts_lib.common.errors import StudyError

POOL_BATCHES = 32  # examples are sorted by length inside pools of this many batches


@dataclass(frozen=True)
class Examples:
    """Ragged examples.

    tokens (total,) int32; offsets (n+1,) int64; weight (total,) float32: share of the position in the
    loss (0 leaves it out); target (total,) float32: the label at the position, unused by language models.
    """

    tokens: np.ndarray
    offsets: np.ndarray
    weight: np.ndarray
    target: np.ndarray

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def save(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        save_file(vars(self), path)

    @classmethod
    def load(cls, path: Path) -> "Examples":
        try:
            return cls(**load_file(path))
        except Exception as error:
            raise StudyError(f"{path}: not a readable file of training examples ({error}); repeat its stage") from error

    def packed(self, n_tokens: int, most: int, rng: np.random.Generator) -> "Examples":
        """The first examples, n_tokens at most, 1 to `most` of them joined into one: practice in long contexts."""
        n_examples = int(np.searchsorted(self.offsets, n_tokens, side="right")) - 1
        joins = np.cumsum(rng.integers(1, most + 1, n_examples))
        offsets = self.offsets[np.r_[0, joins[joins < n_examples], n_examples]]
        end = int(offsets[-1])
        return Examples(self.tokens[:end], offsets, self.weight[:end], self.target[:end])

    @classmethod
    def language(cls, problems: list[np.ndarray], solutions: list[np.ndarray]) -> "Examples":
        """A language model's examples, token arrays; only the solutions' tokens count in the loss."""
        pieces = [piece for pair in zip(problems, solutions, strict=True) for piece in pair]
        lengths = np.array([len(piece) for piece in pieces])
        weight = np.tile(np.array([0, 1], np.float32), len(solutions)).repeat(lengths)
        offsets = np.r_[0, np.cumsum(lengths.reshape(-1, 2).sum(axis=1))]
        return cls(np.concatenate(pieces).astype(np.int32), offsets, weight, np.zeros_like(weight))


def held_out(question_ids: Sequence[str], share: float) -> frozenset[str]:
    """The first questions of a split, a share of them, whose examples are for validation and never trained on."""
    return frozenset(question_ids[: round(share * len(question_ids))])


@dataclass(frozen=True)
class Batch:
    """Rows padded on the right to a common length, arrays (rows, length); padding has weight 0."""

    tokens: np.ndarray
    weight: np.ndarray
    target: np.ndarray
    n_tokens: int

    def rows(self, part: slice) -> "Batch":
        return Batch(self.tokens[part], self.weight[part], self.target[part], self.n_tokens)


def batches(examples: Examples, batch_tokens: int, n_epochs: int, rng: np.random.Generator) -> Iterator[Batch]:
    """All examples once an epoch, in an order fixed by `rng`."""
    lengths = np.diff(examples.offsets)
    for _ in range(n_epochs):
        order = rng.permutation(len(examples))
        filled = np.cumsum(lengths[order])
        pools = np.searchsorted(
            filled, np.arange(1, filled[-1] // (POOL_BATCHES * batch_tokens) + 1) * POOL_BATCHES * batch_tokens
        )
        for pool in np.split(order, pools):
            pool = pool[np.argsort(lengths[pool], kind="stable")]
            cuts = np.flatnonzero(np.diff(np.cumsum(lengths[pool]) // batch_tokens)) + 1
            groups = [g for g in np.split(pool, cuts) if len(g)]
            for i in rng.permutation(len(groups)):
                yield pad(examples, groups[i])


def pad(examples: Examples, chosen: np.ndarray) -> Batch:
    starts, lengths = examples.offsets[chosen], np.diff(examples.offsets)[chosen]
    inside = np.arange(lengths.max()) < lengths[:, None]
    source = np.where(inside, starts[:, None] + np.arange(lengths.max()), 0)
    return Batch(
        tokens=np.where(inside, examples.tokens[source], 0).astype(np.int64),
        weight=np.where(inside, examples.weight[source], 0).astype(np.float32),
        target=np.where(inside, examples.target[source], 0).astype(np.float32),
        n_tokens=int(lengths.sum()),
    )
