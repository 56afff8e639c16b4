"""How large the models of a study are, which turns their tokens into FLOPs."""

from collections.abc import Mapping
from typing import Any

from tts_lib.common import paths, tables
from tts_lib.estimators.flops import Sizes, inference_flops, pretraining_flops


def model_sizes() -> Sizes:
    """Of the base model and its verifier; a trained PRM is as large as the base.

    Raises:
        TableError: a record is missing or damaged.
    """
    base = tables.read_json(paths.metrics("model-base"), ["n_params_block"])
    prm = tables.read_json(paths.metrics("verifier"), ["prm"])["prm"] or {}
    read = prm if "n_params_block" in prm else base
    return Sizes(base["n_params_block"], read["n_params_block"], layers_by_width(base), layers_by_width(read))


def making(revised: bool) -> dict[str, float]:
    """FLOPs that went into the study's `prm` (rollouts and training), and with `revised` into its revision model and
    that one's verifier; 0 where a model existed already.

    Raises:
        TableError: a record is missing or damaged.
    """
    record, size = tables.read_json(paths.metrics("verifier"), ["prm"]), model_sizes().policy
    prm = record["prm"] or {}
    found = {
        "prm": inference_flops(size, record.get("label_tokens", 0)) + pretraining_flops(size, prm.get("n_tokens", 0))
    }
    if not revised:
        return found
    record = tables.read_json(paths.REVISION_MODELS, ["flops", "orm_sampled", "orm_learned"])
    orm = inference_flops(size, record["orm_sampled"]) + pretraining_flops(size, record["orm_learned"])
    return found | {"revision": record["flops"], "revision_orm": orm}


def layers_by_width(record: Mapping[str, Any]) -> float:
    """Of the model in a stage's metrics; 0 where they do not say."""
    return float(record.get("n_layers") or 0) * float(record.get("width") or 0)
