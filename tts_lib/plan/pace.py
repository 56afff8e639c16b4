"""How fast a machine works, and so how long a stage takes: recorded FLOPs a second by kind of work.

FLOPs are counted as in the ledger of the plan (2 N a token read or written, 6 N a token trained on), so that a pace
holds the attention, the grading and all else that goes with the tokens.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from math import ceil

from tts_lib.common.processes import cores
from tts_lib.estimators import flops
from tts_lib.plan.ledger import Work
from tts_lib.plan.sizes import Size
from tts_lib.study import stages
from tts_lib.study.config.engine import Native, OpenAI, Reference, Vllm
from tts_lib.study.config.study import Study


@dataclass(frozen=True)
class Pace:
    """FLOPs a second of one device, of so many.

    Attributes:
        start: seconds until an engine is ready.
        slower: times that a stage takes what its tokens do, by its name, or for all of its kind.
    """

    device: str
    source: str
    writing: float
    reading: float
    training: float
    start: float
    slower: Mapping[str, float] = field(default_factory=dict[str, float])
    n: int = 1


# The default study on two idle cores, 2026-11-29 (44 min 12 s). Writing: pools of the base, 22 s. Reading: scores,
# 53 s; the chains of the paper's revisions, 239 s. Training: between the large model, 649 s, and the base, 100 s.
# Slower: rounds of a search are short, their steps sorted; rollouts are judged one by one, verifiers tested as trained.
SLOWER = {"search": 2.0, "verifier@trained": 1.15}
CORE = Pace("CPU core", "recorded on the default study", 2.1e11, 1.9e11, 4.6e10, 0.0, SLOWER)
SLOWER_CORE = replace(CORE, source="the native engine's; any other is slower on a CPU")
# Nobody has measured a study on one. Writing is 25,000 tokens a second of a model of 0.5B in vLLM; the rest is a tenth
# of what such a device multiplies in bf16 at its best (H100), or a third (A100).
GPU = Pace("GPU of 80 GB", "assumed, not measured", 2.5e13, 1.0e14, 1.0e14, 90.0)

# Seconds beside the tokens, by the name of the stage: notebook, imports, figures, tables, DVC.
ALONE = {
    **dict.fromkeys(("verifier", "revisions", "revision_verifier"), 10.0),
    **{"questions-nano": 7.0, "select": 9.0, "compute_optimal": 25.0, "flops_matched": 12.0, "report": 16.0},
    **{"predictors": 60.0, "stopping": 20.0, "foundation": 1.0},
}
ANY = 6.0


def recorded(study: Study) -> Pace | None:
    """The pace of this machine, or of the GPUs that the study declares; None for a server, which may be anything."""
    if isinstance(study.engine, OpenAI):
        return None
    if n := n_gpus(study):
        return replace(GPU, n=n)
    is_native = study.engine is None or isinstance(study.engine, Native)
    return replace(CORE if is_native else SLOWER_CORE, n=cores())


def stated(pace: Pace | None, tokens_per_second: float, base: Size, source: str) -> Pace:
    """The pace of a machine whose base model writes so many tokens a second; other work keeps its proportion."""
    pace = GPU if pace is None else pace
    factor = flops.inference_flops(base.block, tokens_per_second) / (pace.writing * pace.n)
    paces = {kind: factor * getattr(pace, kind) for kind in ("writing", "reading", "training")}
    return replace(pace, source=source, **paces)


def in_words(pace: Pace) -> str:
    """FLOPs a second of each kind of work, and where they come from."""
    kinds = ", ".join(f"{kind} {getattr(pace, kind):.2g}" for kind in ("writing", "reading", "training"))
    return f"{kinds} FLOPs a second and {pace.device} ({pace.source})"


def n_gpus(study: Study) -> int:
    """Accelerators that the study's engine and models are declared to use; 0 for a CPU."""
    engine = study.engine
    if isinstance(engine, Vllm) and engine.gpus_per_worker:
        return max(engine.tensor_parallel, ceil(engine.workers * engine.gpus_per_worker))
    return 1 if isinstance(engine, Reference) and engine.device != "cpu" else 0


def seconds(stage: str, work: Work, pace: Pace) -> float:
    """How long a stage of this name takes at this pace."""
    kind = stages.kind(stage)
    tokens = (work.writing / pace.writing + work.reading / pace.reading) / pace.n
    tokens += work.training / pace.training / min(pace.n, work.processes)
    start = pace.start if work.asked.sampled or work.asked.verified else 0.0
    return ALONE.get(kind, ANY) + start + pace.slower.get(stage, pace.slower.get(kind, 1.0)) * tokens
