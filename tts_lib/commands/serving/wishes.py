"""What a client may ask for: the bodies of requests, checked."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tts_lib.common.errors import StudyError

EFFORTS = {"low": 4, "medium": 16, "high": 64}  # generations
MAX_BUDGET = 65_536
Text = Annotated[str, Field(max_length=65_536)]


class RefusedError(StudyError):
    """A request that is answered with a status and one sentence."""

    def __init__(self, status: int, message: str, code: str = "invalid_request") -> None:
        super().__init__(message)
        self.status, self.code = status, code


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    model: Annotated[str, Field(max_length=200)]
    stream: bool = False
    n: Literal[1] = 1
    seed: Annotated[int, Field(ge=0, lt=2**63)] | None = None
    temperature: Annotated[float, Field(ge=0, le=100, allow_inf_nan=False)] | None = None
    top_p: Annotated[float, Field(gt=0, le=1)] | None = None
    max_tokens: Annotated[int, Field(ge=1, le=32_768)] | None = None
    user: Text | None = None  # read by nobody
    budget: Annotated[int, Field(ge=1, le=MAX_BUDGET)] | None = None  # generations
    reasoning_effort: Literal["low", "medium", "high"] | None = None
    difficulty: Annotated[float, Field(ge=0, le=1)] | None = None  # mean verifier score, where it is known
    stop_early: bool = True  # by the table's stopping policies; false: what the strategy attains is what the table says
    question_id: Annotated[str, Field(min_length=1, max_length=200)] | None = None  # names the question in the seeds


class Completion(_Body):
    prompt: Text  # all that a model is to continue


class Message(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    role: Literal["user"]
    content: Text


class Chat(_Body):
    messages: Annotated[list[Message], Field(min_length=1, max_length=1)]  # one question
    max_completion_tokens: Annotated[int, Field(ge=1, le=32_768)] | None = None


def parsed(kind: type[Any], body: bytes) -> Any:
    """The body as `Completion` or `Chat`.

    Raises:
        RefusedError: it is not one; names the field.
    """
    try:
        return kind.model_validate_json(body)
    except ValidationError as error:
        mistake = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part)[:50] for part in mistake["loc"])
        words = mistake["msg"].removeprefix("Value error, ")[:200]
        raise RefusedError(400, f"{where}: {words}" if where else words) from error


def budget_of(header: str | None, body: _Body, default: int) -> int:
    """Generations asked for: by the header, the body, the effort, in this order; else the default.

    Raises:
        RefusedError: the header is no whole number within the range.
    """
    if header is not None:
        if not (header.isascii() and header.isdigit() and len(header) < 9 and 1 <= int(header) <= MAX_BUDGET):
            raise RefusedError(400, f"X-TTS-Budget must be a whole number from 1 to {MAX_BUDGET}")
        return int(header)
    if body.budget is not None:
        return body.budget
    return default if body.reasoning_effort is None else EFFORTS[body.reasoning_effort]
