"""What is asked, and what is answered."""

from dataclasses import dataclass, field

from tts_lib.answers.cost import Cost
from tts_lib.answers.protocols import Sampling
from tts_lib.strategies.fitted_choice import TableName


@dataclass(frozen=True)
class Wish:
    """What is asked for beside the question.

    Attributes:
        budget: generations, those of a probe included.
        strategy: of the choice, instead of what the choice picks.
        difficulty: mean verifier score of the question, where it is known, instead of the table that is to be used.
        seed: by default the study's.
        question_id: names the question in the seeds; by default a hash of the prompt.
        sampling: one sample by these settings and nothing else: the bare policy.
        text: the question as it was asked, where the prompt is made of it.
        stop_early: whether votes end by the stopping policies of the choice.
    """

    budget: int
    strategy: str | None = None
    difficulty: float | None = None
    seed: int | None = None
    question_id: str | None = None
    sampling: Sampling | None = None
    text: str | None = None
    stop_early: bool = True


@dataclass(frozen=True)
class Answer:
    """What came back, and what happened."""

    budget: int  # generations the strategy was given
    seed: int
    difficulty: float | None = None
    difficulty_by: TableName | None = None  # the table that the difficulty belongs to
    bin: int | None = None
    strategy: str = ""
    text: str = ""  # the solution that answers; empty where none was finished
    answer: str | None = None  # as the study's judge reads it
    finish: str = "stop"  # or length, where the text was cut or none was finished
    cost: Cost = field(default_factory=Cost)
    probe: Cost = field(default_factory=Cost)  # of these, what the difficulty cost
    flops: float = 0.0
    share: float | None = None  # of the votes, by weight, that the answer got
    stopped: str | None = None  # the limit that ended it
    stopped_early: bool = False  # whether a stopping policy had enough before the budget was spent
