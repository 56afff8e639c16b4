"""What a completion server answers, trusted in nothing: each field is checked before it becomes part of a sample."""

import json
import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from tts_lib.answers.protocols import FINISH_END, FINISH_LENGTH, FINISH_STEP, Codec

ROUNDING = 1e-3  # a log-probability may lie above 0 by as much


class GarbageError(Exception):
    """The answer is not what was asked for; another try may get a better one."""


class NoTokenIdsError(Exception):
    """The server answers in text only."""


@dataclass(frozen=True)
class Asked:
    """What was asked for, to hold an answer against."""

    vocab_size: int
    max_tokens: int
    end_tokens: tuple[int, ...]
    step_tokens: tuple[int, ...]  # that end the sample: none where no token or no step does
    stop: str | None  # text that closes a step and so ends the sample
    end: str | None  # text that ends the solution
    logprobs: bool

    @property
    def stops(self) -> list[str]:
        """The texts at which a server is to stop."""
        return [text for text in (self.stop, self.end) if text is not None]


@dataclass(frozen=True)
class Sample:
    tokens: np.ndarray  # int32 (T,), with the closing token
    finish: int
    logprobs: np.ndarray | None  # float32 (T,)


def parsed(body: bytes) -> dict[str, Any]:
    """The JSON object of a body.

    Raises:
        GarbageError: it is none.
    """
    try:
        value = json.loads(body, parse_constant=_refused)
    except (ValueError, RecursionError) as error:
        raise GarbageError("an answer that is not JSON") from error
    if not isinstance(value, dict):
        raise GarbageError("an answer that is not a JSON object")
    return value


def sample_of(body: bytes, asked: Asked) -> Sample:
    """The one sample of a completion with token ids.

    Raises:
        GarbageError: something in it is not as it was asked for.
        NoTokenIdsError: the choice has no token ids.
    """
    choice = _only_choice(body)
    tokens = choice.get("token_ids")
    if tokens is None:
        raise NoTokenIdsError
    if not isinstance(tokens, list) or any(type(token) is not int for token in tokens):
        raise GarbageError("token ids that are not a list of whole numbers")
    if not 1 <= len(tokens) <= asked.max_tokens:
        raise GarbageError(f"{len(tokens)} tokens where 1 to {asked.max_tokens} were asked for")
    if not all(0 <= token < asked.vocab_size for token in tokens):
        raise GarbageError(f"a token outside of the vocabulary of {asked.vocab_size}")
    if any(token in asked.end_tokens or token in asked.step_tokens for token in tokens[:-1]):
        raise GarbageError("tokens that go on after the sample's end")
    finish, reason = _finish(tokens[-1], asked), choice.get("finish_reason")
    if asked.stop is not None and (reason, choice.get("stop_reason")) == ("stop", asked.stop):
        finish = FINISH_STEP
    if asked.end is not None and (reason, choice.get("stop_reason")) == ("stop", asked.end):
        finish = FINISH_END
    if finish == FINISH_LENGTH and (reason != "length" or len(tokens) != asked.max_tokens):
        raise GarbageError(
            f"a sample that ends with token {tokens[-1]} after {len(tokens)} of {asked.max_tokens} tokens for the "
            f"reason {_shown(reason)}"
        )
    logprobs = _logprobs(choice, len(tokens)) if asked.logprobs else None
    return Sample(np.array(tokens, np.int32), finish, logprobs)


def sample_of_text(body: bytes, asked: Asked, codec: Codec) -> Sample:
    """The one sample of a completion without token ids: its text encoded, and cut where its first step closes.

    Raises:
        GarbageError: something in it is not as it was asked for.
    """
    choice = _only_choice(body)
    text, reason = choice.get("text"), choice.get("finish_reason")
    if not isinstance(text, str) or reason not in ("stop", "length"):
        raise GarbageError(f"a choice without text, or with the finish reason {_shown(reason)}")
    step_end = text.find(asked.stop) + len(asked.stop) if asked.stop and asked.stop in text else None
    tokens = codec.encode([text[:step_end]])[0].astype(np.int32)
    if len(tokens) > asked.max_tokens:
        tokens, step_end, reason = tokens[: asked.max_tokens], None, "length"
    if len(tokens) and not 0 <= tokens.min() <= tokens.max() < asked.vocab_size:
        raise GarbageError(f"a text whose tokens lie outside of the vocabulary of {asked.vocab_size}")
    closing = np.flatnonzero(np.isin(tokens, (*asked.end_tokens, *asked.step_tokens)))
    if closing.size:
        tokens = tokens[: closing[0] + 1]
    elif step_end is not None:
        return Sample(tokens, FINISH_STEP, None)
    elif reason == "stop" and len(tokens) < asked.max_tokens:
        tokens = np.append(tokens, np.int32(asked.end_tokens[0]))
    elif not len(tokens):
        raise GarbageError("an empty text that was cut off")
    return Sample(tokens, _finish(int(tokens[-1]), asked), None)


def _only_choice(body: bytes) -> dict[str, Any]:
    choices = parsed(body).get("choices")
    if not isinstance(choices, list) or len(choices) != 1 or not isinstance(choices[0], dict):
        n = len(choices) if isinstance(choices, list) else 0
        raise GarbageError(f"{n} choices where 1 was asked for" if n != 1 else "a choice that is not a JSON object")
    return choices[0]


def _finish(last: int, asked: Asked) -> int:
    if last in asked.end_tokens:
        return FINISH_END
    return FINISH_STEP if last in asked.step_tokens else FINISH_LENGTH


def _logprobs(choice: dict[str, Any], n_tokens: int) -> np.ndarray:
    listed = choice.get("logprobs")
    values = listed.get("token_logprobs") if isinstance(listed, dict) else None
    if not isinstance(values, list) or len(values) != n_tokens:
        raise GarbageError(f"no list of log-probabilities for {n_tokens} tokens")
    if not all(type(value) in (int, float) and math.isfinite(value) and value <= ROUNDING for value in values):
        raise GarbageError("log-probabilities that are not finite numbers up to 0")
    return np.minimum(np.array(values, np.float64), 0).astype(np.float32)


def _refused(constant: str) -> None:
    raise ValueError(constant)


def _shown(value: object) -> str:
    return ascii(value)[:40]
