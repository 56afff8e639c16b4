"""How large the models of a study are, which turns their tokens into FLOPs."""

import math
from collections.abc import Mapping
from typing import Any

from tts_lib.common import paths, tables
from tts_lib.estimators.flops import Sizes, inference_flops, pretraining_flops

TRAINED_HERE = 4  # bytes of a weight


def model_sizes() -> Sizes:
    """Of the base model and its verifier; a trained PRM is as large as the base, and both keep numbers alike.

    Raises:
        TableError: a record is missing or damaged.
    """
    base = tables.read_json(paths.metrics("model-base"), ["n_params_block"])
    prm = tables.read_json(paths.metrics("verifier"), ["prm"])["prm"] or {}
    read = prm if "n_params_block" in prm else base
    return Sizes(
        policy=base["n_params_block"],
        verifier=read["n_params_block"],
        policy_attention=layers_by_width(base),
        verifier_attention=layers_by_width(read),
        policy_cache=kept_of_a_position(base),
        verifier_cache=kept_of_a_position(read),
        number_bytes=float(base.get("number_bytes") or TRAINED_HERE),
    )


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


def kept_of_a_position(record: Mapping[str, Any]) -> float:
    """Numbers of its keys and values in all layers, of the model in a stage's metrics; NaN where they do not say.

    Where queries share keys, `key_width` is what is left of the width.
    """
    width = float(record.get("key_width") or record.get("width") or math.nan)
    return 2.0 * float(record.get("n_layers") or math.nan) * width
