"""The rooms of the library, floor by floor from the ground up.

A room imports rooms of lower floors and nothing else: those of its own floor do not know each other.
"""

FLOORS = """
common estimators
grading plots
questions answers models
verifiers search revisions strategies imported engines
training
study
report plan
commands
"""
ROOMS = {room: number for number, floor in enumerate(FLOORS.strip().splitlines()) for room in floor.split()}
HEAVY = {"torch", "transformers", "vllm", "numba", "llvmlite", "ray", "httpx2"}
HEAVY_ROOMS = {"models", "engines", "training"}  # the only ones that may load these


def room(module: str) -> str:
    """The room of `tts_lib.<room>...`."""
    name = module.split(".")[1]
    if name not in ROOMS:
        raise AssertionError(f"tts_lib.{name} has no place in tests/layers.py; give it one")
    return name
