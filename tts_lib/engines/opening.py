"""Opens the engine that a study declares (`engine` in params.yaml) on one of its models.

Nothing but the engine asked for is imported; one that is not installed, or cannot serve the model, says so in a
sentence.
"""

from collections.abc import Mapping
from math import prod
from pathlib import Path
from typing import Any

from tts_lib.models import folder as model_folder
from tts_lib.models import pointer
from tts_lib.models.pointer import Target
from tts_lib.protocols import Policy, Verifier
from tts_lib.types import StudyError
from tts_lib.verifiers.asked import Asked

NATIVE_LIMIT = 200_000_000  # parameters; kept in fp32, read once a token


def open_policy(folder: Path, engine: Mapping[str, Any], progress: bool = False) -> Policy:
    """The policy in a folder of `models/`, behind the engine of the study.

    Args:
        engine: the study's `engine` section, a record of `tts_lib.config_engine`.
        progress: whether to show how far a call has come, where the engine can.

    Raises:
        StudyError: the model is missing or damaged, the engine is not installed, or it cannot serve this model.
    """
    target = pointer.resolve(folder)
    if target.prm is not None or target.step is None:
        raise StudyError(f"{folder} is a verifier, which samples nothing")
    settings = {name: value for name, value in engine.items() if name != "kind"}
    match engine["kind"]:
        case "native":
            from tts_lib.engines.native import NativePolicy

            return NativePolicy(_native(target), progress=progress)
        case "reference":
            from tts_lib.engines.reference import ReferencePolicy

            return ReferencePolicy(target.weights, step=target.step, **settings)
        case kind:
            raise StudyError(f"engine.kind is {kind!r}, which this installation does not have")


def open_verifier(
    folder: Path, engine: Mapping[str, Any], asked: Asked | None = None, progress: bool = False
) -> Verifier:
    """The verifier in a folder of `models/`: a trained one behind the study's engine, a declared one in transformers.

    Args:
        engine: the study's `engine` section.
        asked: the questions and the policy's tokenizer, which a declared PRM needs to read what the policy wrote.

    Raises:
        StudyError: see `open_policy`.
    """
    target = pointer.resolve(folder)
    if target.prm is not None:
        from tts_lib.engines.declared import DeclaredVerifier

        if asked is None:
            raise StudyError(f"{folder} reads text, so that it needs the questions and the policy's tokenizer")
        return DeclaredVerifier(target.weights, target.prm, asked)
    match engine["kind"]:
        case "reference":
            from tts_lib.engines.reference import ReferenceVerifier

            return ReferenceVerifier(target.weights, device=engine["device"], batch_size=engine["batch_size"])
        case _:
            from tts_lib.engines.native import NativeVerifier

            return NativeVerifier(_native(target), progress=progress)


def _native(target: Target) -> Path:
    """The folder of a model that the native engine can serve."""
    config = model_folder.read_config(target.weights)
    if target.step != model_folder.STEP_TEXT:
        raise StudyError(f"the native engine closes a step at a newline, not at {target.step!r}: use reference or vllm")
    n_params = sum(prod(shape) for shape in config.tensor_shapes().values())
    if n_params > NATIVE_LIMIT:
        raise StudyError(
            f"{target.weights} has {n_params:,} parameters, but the native engine is for {NATIVE_LIMIT:,} at most: "
            "use the engine reference or vllm"
        )
    return target.weights
