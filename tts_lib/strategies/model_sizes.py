"""How large the models of a study are, which turns their tokens into FLOPs."""

from tts_lib.common import paths, tables
from tts_lib.estimators.flops import Sizes


def model_sizes() -> Sizes:
    """Of the base model and its verifier; a trained PRM is as large as the base.

    Raises:
        TableError: a record is missing or damaged.
    """
    base = tables.read_json(paths.metrics("model-base"), ["n_params_block"])["n_params_block"]
    prm = tables.read_json(paths.metrics("verifier"), ["prm"])["prm"] or {}
    return Sizes(base, prm.get("n_params_block", base))
