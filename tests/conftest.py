"""Shapes and types of every call are checked in layers 0-3 (numba could not compile the wrapped functions above)."""

from beartype import BeartypeConf, beartype
from jaxtyping import install_import_hook

from layers import HEAVY_LAYER, LAYERS

check = beartype(conf=BeartypeConf(is_pep484_tower=True))  # an int may stand for a float
install_import_hook([f"tts_lib.{room}" for rooms in LAYERS[:HEAVY_LAYER] for room in rooms], "conftest.check")
