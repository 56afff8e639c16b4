"""What one stage takes, put together from the kinds of work that there are: sampling, reading, training.

FLOPs are those of the study's own ledger (`tts_lib.estimators.flops`): 2 N a token that a model of N parameters
(without embeddings) reads or writes, 6 N a token it is trained on; attention over the context is left out.
"""

from dataclasses import dataclass, field, replace

from tts_lib.answers.expected import Expected
from tts_lib.estimators import flops
from tts_lib.plan.sizes import Size

STORED_BYTES = 13  # of a sample in the store beside its tokens: seed, length, finish
WEIGHT_BYTES = 4  # fp32
CHECKPOINT_WEIGHTS = 4  # copies of the weights in a checkpoint: weights, their best, two moments


@dataclass(frozen=True)
class Work:
    """Work of one kind, or with `+` of several; tokens are summed over the models.

    Attributes:
        asked: tokens of policies and verifiers.
        trained: tokens a model is trained on, every pass.
        writing, reading, training: FLOPs.
        storage: bytes.
        processes: that train side by side, at most.
    """

    asked: Expected = field(default_factory=Expected)
    trained: float = 0.0
    writing: float = 0.0
    reading: float = 0.0
    training: float = 0.0
    storage: float = 0.0
    processes: int = 1

    def __add__(self, other: "Work") -> "Work":
        return Work(
            self.asked + other.asked,
            self.trained + other.trained,
            self.writing + other.writing,
            self.reading + other.reading,
            self.training + other.training,
            self.storage + other.storage,
            max(self.processes, other.processes),
        )

    @property
    def flops(self) -> float:
        return self.writing + self.reading + self.training


def sampling(size: Size, asked: Expected) -> Work:
    """A policy of this size samples, and the samples are kept in the store; what is verified is left out."""
    token_bytes = 2 if size.vocab_size <= 2**16 else 4
    return Work(
        replace(asked, verified=0.0),
        writing=flops.inference_flops(size.block, asked.sampled),
        reading=flops.inference_flops(size.block, asked.prefilled),
        storage=STORED_BYTES * asked.generations + token_bytes * asked.sampled,
    )


def scoring(size: Size, asked: Expected) -> Work:
    """A verifier of this size reads what is to be verified."""
    return Work(Expected(verified=asked.verified), reading=flops.inference_flops(size.block, asked.verified))


def training(size: Size, n_tokens: float, copies: int, processes: int = 1) -> Work:
    """A model of this size is trained on tokens, all passes together, and leaves so many copies of its weights."""
    return Work(
        trained=n_tokens,
        training=flops.pretraining_flops(size.block, n_tokens),
        storage=copies * WEIGHT_BYTES * size.total,
        processes=processes,
    )
