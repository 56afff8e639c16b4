"""GPU memory: what the engine, the PRM and training will want of each device, against what is there.

Before a model is there only its size is known, so the parts are estimates: weights by the number of parameters, keys
and values by what models of this size keep for a token, attention in transformers by the square of the length.
"""

import shutil
import subprocess
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from tts_lib.plan.known import PROMPT, Known
from tts_lib.plan.needs import tunings
from tts_lib.plan.pace import n_gpus
from tts_lib.plan.sizes import VOCABULARY
from tts_lib.study.config.engine import Reference, Vllm
from tts_lib.study.config.study import Study
from tts_lib.training.settings import FineTuning

GIB = 2**30
HALF = 2  # bytes of a weight in bfloat16
TRAINED = 16  # bytes of a weight that is trained: fp32, its gradient, two moments
KEPT = 2e-5  # bytes a token in the cache of keys and values, for each parameter: 10 KB for 0.5B, 160 KB for 8B
SCORES = 6  # bytes of an entry of an attention matrix, in half precision and as it is normalised
LOGIT = 6  # bytes of a logit and its gradient
SPARE = 2 * GIB  # CUDA itself, activations
USUAL = 80 * GIB  # of the device that profiles are written for
# Groups of stages: those that open a policy, and those that open the PRM.
SAMPLERS = {"generate", "verifier", "search", "revisions", "revision_verifier"}
SCORERS = {"verifier", "score", "search", "revision_verifier"}


@dataclass(frozen=True)
class Want:
    """A part of the study, and the memory of the device that it needs, bytes."""

    what: str
    total: float


def missing(study: Study, known: Known, loaders: Collection[str]) -> Iterator[str]:
    """A sentence where there are too few GPUs, or too small ones; of a cluster elsewhere nothing can be seen.

    Args:
        loaders: groups of the stages that are left and load models.
    """
    wanted = wants(study, known, loaders)
    if not wanted or (isinstance(study.engine, Vllm) and study.engine.cluster):
        return
    there, n, most = gpus(), n_gpus(study) or 1, max(wanted, key=lambda want: want.total)
    if len(there) < n:
        yield (
            f"The study wants {n} GPU{'s' if n > 1 else ''} with about {most.total / GIB:.0f} GiB ({most.what}), but "
            f"nvidia-smi shows {len(there) or 'none'} on this machine; run it where there is one, or change engine and "
            "device."
        )
        return
    for want in wanted:
        if want.total > (least := min(there)):
            yield f"{want.what} wants a GPU of about {want.total / GIB:.0f} GiB, but there are {least / GIB:.0f} GiB."


def wants(study: Study, known: Known, loaders: Collection[str]) -> list[Want]:
    """What each part of these stages wants of one device; nothing where all runs on the CPU."""
    found: list[Want] = []
    if study.checkpoints and SAMPLERS & set(loaders):
        found += _served(study, known)
    if study.checkpoints and SCORERS & set(loaders):
        found += _prm(study, known)
    return found + _trained(study, known, loaders)


def at_once(study: Study, known: Known, model: str, total: float) -> int:
    """Solutions that vLLM can hold at once in its share of a device of `total` bytes, beside the model's weights."""
    engine = study.engine
    assert isinstance(engine, Vllm) and study.sampling
    size = known.size(model).total
    room = engine.tensor_parallel * (engine.gpu_memory * total - SPARE) - _width(engine) * size
    return max(0, int(room / (KEPT * size * (PROMPT + study.sampling.max_tokens))))


def gpus() -> list[float]:
    """Memory of each NVIDIA GPU of this machine, bytes."""
    if (program := shutil.which("nvidia-smi")) is None:
        return []
    command = [program, "--query-gpu=memory.total", "--format=csv,noheader,nounits"]
    try:
        found = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True).stdout
        return [float(line) * 2**20 for line in found.split()]
    except (OSError, subprocess.SubprocessError, ValueError):
        return []


def _served(study: Study, known: Known) -> Iterator[Want]:
    """A policy: its weights, and one sequence as long as the window in vLLM's share, or a batch in transformers."""
    assert study.sampling
    length = PROMPT + study.sampling.max_tokens
    for model in study.taken:
        size = known.size(model).total
        match study.engine:
            case Vllm() as engine if n_gpus(study):
                held = _width(engine) * size + (engine.max_model_len or length) * KEPT * size
                total = (held / engine.tensor_parallel + SPARE) / engine.gpu_memory
                yield Want(f"{model} in vLLM with engine.gpu_memory {engine.gpu_memory:g}", total)
            case Reference(device=device, batch_size=batch_size) if device != "cpu":
                yield Want(f"{model} with batches of {batch_size}", _read(size, batch_size, length))


def _prm(study: Study, known: Known) -> Iterator[Want]:
    """A PRM in transformers, beside the share that vLLM has taken for the policy it guides."""
    settings = study.verifier and (study.verifier.declared or study.verifier.tuned)
    if not settings or settings.device == "cpu":
        return
    assert study.sampling
    length = min(settings.max_length, PROMPT + study.sampling.max_tokens)
    left = 1 - study.engine.gpu_memory if isinstance(study.engine, Vllm) and n_gpus(study) else 1.0
    held = _read(known.size("prm").total, settings.batch_size, length)
    yield Want(f"The PRM, with batches of {settings.batch_size}, beside the engine", held / max(left, 1e-9))


def _trained(study: Study, known: Known, loaders: Collection[str]) -> list[Want]:
    return [
        Want(f"Tuning {tuning.what}", _training(known.size("base").total, tuning.settings, stage == "revisions"))
        for stage, tuning in tunings.by_stage(study).items()
        if stage in loaders and tuning.device != "cpu"
    ]


def _read(size: float, batch_size: int, length: int) -> float:
    """Bytes of a model in transformers that reads a batch of this length."""
    heads = 32 if size > 2e9 else 16
    return HALF * size + batch_size * heads * length**2 * SCORES + SPARE


def _training(size: float, tuning: FineTuning, language: bool) -> float:
    """Bytes of the weights and of one pass, whose outputs are kept for the gradient."""
    logits = VOCABULARY if language else 0
    return (HALF if tuning.adapter else TRAINED) * size + tuning.micro_tokens * logits * LOGIT + 2 * SPARE


def _width(engine: Vllm) -> int:
    """Bytes of a weight."""
    return 4 if engine.dtype == "float32" else HALF
