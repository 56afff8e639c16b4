"""Packages that a study's stages import, beside those that the library always has."""

from collections.abc import Collection, Iterator
from importlib.util import find_spec

from tts_lib.plan.needs import tunings
from tts_lib.study.config.engine import Vllm
from tts_lib.study.config.study import Study

ENGINES = {"native": "numba", "reference": "transformers", "vllm": "vllm", "openai": "httpx2"}


def missing(study: Study, loaders: Collection[str]) -> Iterator[str]:
    """A sentence for each package that is not installed, with the extra of this project that brings it.

    Args:
        loaders: groups of the stages that are left and load models.
    """
    wanted = {"dvc": ("Running a study", "study"), "papermill": ("Running a study", "study")}
    if study.engine and loaders:
        kind = study.engine.kind
        wanted |= {"torch": ("Training and checkpoints", "study")}
        wanted |= {ENGINES[kind]: (f"engine.kind {kind}", "vllm" if kind == "vllm" else "study")}
        if isinstance(study.engine, Vllm) and (study.engine.workers > 1 or study.engine.cluster):
            wanted |= {"ray": ("engine.workers above 1, or a cluster,", "workers")}
    if any(stage in loaders and tuning.settings.adapter for stage, tuning in tunings.by_stage(study).items()):
        wanted |= dict.fromkeys(("peft", "accelerate"), ("Tuning an adapter", "lora"))
    if "model-checkpoint" in loaders and any(each.package or each.gguf for each in study.taken.values()):
        wanted |= {"gguf": ("A checkpoint of a GGUF file", "gguf")}
    for package, (what, extra) in wanted.items():
        if find_spec(package) is None:
            yield f"{what} needs the package {package}, which is not installed: pip install -e '.[{extra}]'."
