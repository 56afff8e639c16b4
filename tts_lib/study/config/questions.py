"""The schema of questions from files: where they are, how models are asked, how answers are graded."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from tts_lib.common.section import Section
from tts_lib.study.config.folders import FilePath, Folder
from tts_lib.study.config.replay import Conventions, ReadingStyle

Share = Annotated[int, Field(ge=1, le=10_000_000, description="questions")]
Text = Annotated[str, Field(max_length=20_000)]


class Plain(Section):
    """The problem as it stands."""

    kind: Literal["plain"]


class Chat(Section):
    """One turn of a conversation, in the chat template of the base model's tokenizer."""

    kind: Literal["chat"]
    system: Annotated[Text, Field(description="empty: none")]
    user: Annotated[Text, Field(description="with {problem}")]
    n_examples: Annotated[int, Field(ge=0, le=64, description="questions from train with solutions, as turns")] = 0

    @model_validator(mode="after")
    def _asks(self) -> "Chat":
        if self.user.count("{problem}") != 1:
            raise ValueError("user must hold {problem} once")
        return self


class FewShot(Section):
    """Worked examples in the style of PRM800K, for models that were not taught to chat."""

    kind: Literal["few_shot"]
    n_examples: Annotated[int, Field(ge=1, le=64, description="questions with solutions, taken from train")]


class Examples(Section):
    """Worked examples in words that are declared here; a model's solution ends where it begins one more."""

    kind: Literal["examples"]
    n_examples: Annotated[int, Field(ge=1, le=64, description="questions with solutions, taken from train")]
    example: Annotated[Text, Field(description="with {problem} and {solution}")]
    question: Annotated[Text, Field(description="with {problem}: what a solution follows")]
    step: Annotated[str, Field(min_length=1, max_length=20, description="between the steps of an example")]

    @model_validator(mode="after")
    def _has_its_places(self) -> "Examples":
        for field, place in (("example", "{problem}"), ("example", "{solution}"), ("question", "{problem}")):
            if getattr(self, field).count(place) != 1:
                raise ValueError(f"{field} must hold {place} once")
        return self


Prompt = Annotated[Plain | Chat | FewShot | Examples, Field(discriminator="kind")]


class Questions(Section):
    """Question files in the formats of MATH and GSM8K (`tts_lib.questions.files.questions`)."""

    folder: Folder
    test: FilePath
    train: FilePath
    n_train: Share
    n_val: Share
    n_test: Share
    prompt: Prompt


class Exact(Section):
    """What follows `=` on the last line, compared character by character: the nano benchmark's own answers."""

    kind: Literal["exact"]


class Words(Section):
    """Names and other words after "the answer is": without case, accents and article, in any spelling of the gold."""

    kind: Literal["words"]


class Math(Section):
    """Answers in mathematical notation, read in processes that may be killed and compared by what they say."""

    kind: Literal["math"]
    style: ReadingStyle
    conventions: Conventions
    timeout_s: Annotated[float, Field(gt=0, le=600, description="seconds of a processor that an answer may take")]


Grading = Annotated[Exact | Words | Math, Field(discriminator="kind")]
