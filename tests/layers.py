"""The rooms of the library from the lowest layer up; a module imports its own layer and those below."""

_LAYERS = """
types config profiles files paths processes rng tables store nano nano_steps
grading estimators selection difficulty stats flops iso_accuracy score_quality examples allocation allocation_curves \
  strategy_table strategies curve_tables matched_settings matched_tables probe_curves question_groups joint_tables \
  policy_study
protocols scheduler cost cached cached_scores pools prompts benchmark binning importing large_model trajectories
methods verifiers replay searching revision_chains revision_ratios revision_summary
engines models training
report plots nbrun notebooks plan
"""
LAYERS = [set(rooms.split()) for rooms in _LAYERS.replace("\\\n", "").strip().splitlines()]
HEAVY_LAYER = 4  # the only one that may load torch and its like


def layer(module: str) -> int:
    """The layer of `tts_lib.<room>...`."""
    room = module.split(".")[1]
    for number, rooms in enumerate(LAYERS):
        if room in rooms:
            return number
    raise AssertionError(f"tts_lib.{room} has no place in tests/layers.py; give it one")
