"""Opens the engine that a study declares (`engine` in params.yaml) on one of its models.

Nothing but the engine asked for is imported; one that is not installed, or cannot serve the model, says so in a
sentence.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields, replace
from functools import partial
from math import prod
from pathlib import Path
from typing import Any, Literal

from tts_lib.answers.cached_verifier import CachedVerifier
from tts_lib.answers.protocols import Policy, Verifier
from tts_lib.answers.store.store import Store
from tts_lib.common.errors import StudyError
from tts_lib.engines.ending import ended
from tts_lib.engines.transformers.asked import Asked
from tts_lib.engines.vllm.settings import VllmSettings
from tts_lib.models import folder as model_folder
from tts_lib.models import pointer
from tts_lib.models.folder import STEP_TEXT
from tts_lib.models.pointer import Target
from tts_lib.models.tokenizer import TokenCodec
from tts_lib.models.vocabulary import Vocabulary

LIMITS = ("concurrency", "requests_per_second", "timeout_seconds", "n_tries")  # of what is asked of a server
ADAPTING = ("reference", "vllm")  # engines that serve LoRA adapters
NATIVE_LIMIT = 200_000_000  # parameters; kept in fp32, read once a token


def open_policy(folder: Path, engine: Mapping[str, Any], progress: bool = False) -> Policy:
    """The policy in a folder of `models/`, behind the engine of the study.

    Args:
        engine: the study's `engine` section, a record of `tts_lib.study.config.engine`.
        progress: whether to show how far a call has come, where the engine can.

    Raises:
        StudyError: the model is missing or damaged, the engine is not installed, or it cannot serve this model.
    """
    target = pointer.resolve(folder)
    if target.prm is not None or target.step is None:
        raise StudyError(f"{folder} is a verifier, which samples nothing")
    policy = _opened_policy(folder, target, target.step, engine, progress)
    pointer.unchanged(target, policy.version)
    if target.end is None:
        return policy
    end_token = Vocabulary.of(target.weights, target.step).end_tokens[0]
    return ended(policy, TokenCodec.from_folder(target.weights), target.end, end_token)


def _opened_policy(folder: Path, target: Target, step: str, engine: Mapping[str, Any], progress: bool) -> Policy:
    if target.adapter is not None and engine["kind"] not in ADAPTING:
        raise StudyError(f"the engine {engine['kind']} serves no LoRA adapters, as in {folder}: use reference or vllm")
    match engine["kind"]:
        case "native":
            from tts_lib.engines.native.engine import NativePolicy

            return NativePolicy(_native(target), progress=progress, step=step, end=target.end)
        case "reference":
            from tts_lib.engines.transformers.reference import ReferencePolicy

            return ReferencePolicy(
                target.weights, engine["device"], engine["batch_size"], step, target.adapter, target.end
            )
        case "vllm":
            from tts_lib.engines.vllm.policy import VllmPolicy

            by_token = step == STEP_TEXT and len(Vocabulary.of(target.weights, STEP_TEXT).step_tokens) == 1
            stop = None if by_token else step  # looked for in the text, in whatever tokens it comes
            adapter = None if target.adapter is None else target.adapter.resolve()
            make = partial(
                VllmPolicy,
                target.weights.resolve(),
                settings=_vllm(engine),
                adapter=adapter,
                stop=stop,
                end=target.end,
                progress=progress,
            )
            return _spread(make, engine, "Policy")
        case _:
            return _served(folder.name, target, step, engine, progress)


@contextmanager
def serving(folder: Path, engine: Mapping[str, Any], progress: bool = False) -> Iterator[Policy]:
    """`open_policy` for one block: an engine that holds memory gives it back, so that the next model finds it free."""
    policy = open_policy(folder, engine, progress)
    try:
        yield policy
    finally:
        close(policy)


def open_verifier(
    folder: Path,
    engine: Mapping[str, Any],
    asked: Asked | None = None,
    progress: bool = False,
    store: Store | None = None,
    aggregated: bool = True,
) -> Verifier:
    """The verifier in a folder of `models/`: a trained one behind the study's engine, a declared one in transformers.

    With several workers each of them has one, on accelerators of its own.

    Args:
        engine: the study's `engine` section.
        asked: the questions and the policy's tokenizer, which a declared PRM needs to read what the policy wrote.
        store: opened for writing; keeps the scores, except those of the native engine. It reads all pools of a study
            in a minute or two, which keeping them would only lengthen (by a twentieth).
        aggregated: whether a declared PRM gives the value of each prefix, in its aggregation, as searches need it, or
            the scores of the steps, from which a table aggregates in several ways.

    Raises:
        StudyError: see `open_policy`.
    """
    target = pointer.resolve(folder)
    if target.prm is not None and not aggregated:
        target = replace(target, prm={**target.prm, "aggregation": "last"})
    verifier = _opened(target, engine, asked, progress)
    pointer.unchanged(target, verifier.version)
    is_native = target.prm is None and engine["kind"] not in ("reference", "vllm")
    return verifier if store is None or is_native else CachedVerifier(verifier, store)


def _opened(target: Target, engine: Mapping[str, Any], asked: Asked | None, progress: bool) -> Verifier:
    if target.prm is not None:
        from tts_lib.engines.transformers.declared import DeclaredVerifier

        if asked is None:
            raise StudyError(f"{target.weights} reads text, so that it needs the questions and the policy's tokenizer")
        kind = _native_reader(target) if engine["kind"] == "native" else DeclaredVerifier
        make = partial(kind, target.weights.resolve(), target.prm, asked, progress)
        return _spread(make, engine, "Verifier")
    match engine["kind"]:
        case "reference":
            from tts_lib.engines.transformers.reference import ReferenceVerifier

            step = STEP_TEXT if asked is None else asked.step
            return ReferenceVerifier(target.weights, engine["device"], engine["batch_size"], step)
        case "vllm":
            from tts_lib.engines.vllm.verifier import VllmVerifier

            make = partial(VllmVerifier, target.weights.resolve(), _vllm(engine), progress=progress)
            return _spread(make, engine, "Verifier")
        case _:  # a completion server scores nothing: what the study trained is read here
            from tts_lib.engines.native.engine import NativeVerifier

            return NativeVerifier(_native(target), progress=progress)


def _native_reader(target: Target) -> type:
    """The class that reads a declared PRM in a study of the native engine."""
    from tts_lib.engines.transformers.declared import DeclaredVerifier

    try:
        from tts_lib.engines.native.declared import NativeDeclaredVerifier, can_read

        assert target.prm is not None
        return NativeDeclaredVerifier if can_read(_native(target), target.prm["score"]["kind"]) else DeclaredVerifier
    except StudyError:  # of another architecture, or too large
        return DeclaredVerifier


def close(opened: Policy | Verifier) -> None:
    """End what an engine has started, so that its memory is free; most engines end with their last reference."""
    if (end := getattr(opened, "close", None)) is not None:
        end()


def _native(target: Target) -> Path:
    """The folder of a model that the native engine can serve."""
    config = model_folder.read_config(target.weights)
    n_params = sum(prod(shape) for shape in config.tensor_shapes().values())
    if n_params > NATIVE_LIMIT:
        raise StudyError(
            f"{target.weights} has {n_params:,} parameters, but the native engine is for {NATIVE_LIMIT:,} at most: "
            "use the engine reference or vllm"
        )
    return target.weights


def _vllm(engine: Mapping[str, Any]) -> VllmSettings:
    settings = VllmSettings(**{field.name: engine[field.name] for field in fields(VllmSettings)})
    return replace(settings, dtype=None) if engine["dtype"] == "auto" else settings


def _spread(make: Callable[[], Any], engine: Mapping[str, Any], what: Literal["Policy", "Verifier"]) -> Any:
    """One engine in this process, or one in each of several workers, of which vLLM's alone can be declared."""
    if engine.get("workers", 1) == 1 and engine.get("cluster") is None:
        return make()
    from tts_lib.engines.ray.distributed import DistributedPolicy, DistributedVerifier
    from tts_lib.engines.ray.workers import Crew

    crew = Crew(engine["workers"], gpus_per_worker=engine["gpus_per_worker"], address=engine["cluster"])
    return DistributedPolicy(make, crew) if what == "Policy" else DistributedVerifier(make, crew)


def _served(name: str, target: Target, step: str, engine: Mapping[str, Any], progress: bool) -> Policy:
    """A model behind the completion server, under the name that the server has for it."""
    from tts_lib.engines.openai.client import Limits
    from tts_lib.engines.openai.engine import OpenAIPolicy
    from tts_lib.engines.openai.model import ServedModel

    if name not in engine["models"]:
        raise StudyError(f"engine.models has no name for {name}; it has {', '.join(engine['models'])}")
    model = ServedModel.from_folder(target.weights, engine["models"][name], step, target.end)
    limits = Limits(**{field: engine[field] for field in LIMITS})
    codec = None if engine["token_ids"] else TokenCodec.from_folder(target.weights)
    return OpenAIPolicy(engine["url"], model, limits, codec, progress=progress)
