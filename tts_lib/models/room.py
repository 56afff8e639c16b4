"""Whether a model's window has room for the longest prompt and a solution: known before anything is sampled."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tts_lib.common.errors import StudyError
from tts_lib.models import pointer
from tts_lib.models.folder import STEP_TEXT
from tts_lib.models.tokenizer import TokenCodec
from tts_lib.models.vocabulary import Vocabulary


def check(folder: Path, prompts: Sequence[str], engine: Mapping[str, Any], max_tokens: int) -> None:
    """Refuse a window behind whose longest prompt no solution fits.

    Engines would cut a solution at the window and ask for less room. But then a question with a long prompt would have
    shorter solutions than the others, and what a verifier reads would end where the window does.

    Args:
        folder: of the model, in `models/`.
        prompts: whole texts.
        engine: the study's `engine` section.
        max_tokens: of a solution.

    Raises:
        StudyError: it is too short; names the setting and what it must be.
    """
    target = pointer.resolve(folder)
    longest = max(map(len, TokenCodec.from_folder(target.weights).encode(list(prompts))))
    window, limit = Vocabulary.of(target.weights, target.step or STEP_TEXT).window, engine.get("max_model_len")
    needed = longest + max_tokens
    why = (
        f"a prompt has up to {longest} tokens, its examples included, and a solution {max_tokens} (sampling.max_tokens)"
    )
    if limit is not None and limit < needed <= window:
        raise StudyError(f"engine.max_model_len is {limit}; allowed is {needed} to {window}, as {why}")
    if window < needed:
        fewer = f", or sampling.max_tokens of {window - longest} at most" if window > longest else ""
        raise StudyError(
            f"the window of {folder} is {window} tokens, but {needed} are needed, as {why}: give it fewer or shorter "
            f"examples (questions.*.prompt){fewer}"
        )
