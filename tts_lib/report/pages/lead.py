"""The first paragraph of a report: what was asked, and what was done for it in this study."""

from collections.abc import Mapping, Sequence
from typing import Any

_PAPER = "Snell et al. 2024 (“Scaling LLM Test-Time Compute Optimally”)"


def lead(study: Mapping[str, Any]) -> str:
    """The paragraph as plain text, from what `summary.study_facts` says was run."""
    ran = study["ran"]
    larger = ", and would a larger model have been the better buy" if ran["compared"] else ""
    question = f"How is a fixed inference budget best spent on each question{larger}?"
    if ran["imported"]:
        return f"{question} {_PAPER}, replayed from samples that exist already: {_replayed(study)}"
    done = ["sampled", *(["verified"] if ran["verified"] else []), *(["searched"] if ran["searched"] else [])]
    done += ["taught to revise its answers"] if ran["revised"] else []
    extent = "whole" if ran["searched"] and ran["revised"] else "in part"
    compared = ", and compared with a larger one at equal FLOPs" if ran["compared"] else ""
    model = study["models"]["base"].get("name") or "a small model"  # of a checkpoint: what it is
    return f"{question} {_PAPER}, repeated {extent}: {model} is {_listed(done)}{compared}."


def _replayed(study: Mapping[str, Any]) -> str:
    """What was done with the samples: an answer cannot be chosen among samples of which only the verdicts are known."""
    ran, models = study["ran"], study["models"]
    n = study["pools"]["base-test"]["n_samples"]
    done = [f"counted (is any of {n} right?)"]
    done += ["voted on"] if ran["voted"] else []
    done += ["chosen from by their step scores"] if ran["verified"] else []
    compared = f", and compared with those of {models['large']['name']} at equal FLOPs" if ran["compared"] else ""
    said = f"those of {models['base']['name']} are {_listed(done)}{compared}. Nothing was sampled, searched or revised."
    if not (ran["voted"] or ran["verified"]):
        said += " The samples have no answers or scores, so no answer can be chosen among them."
    return said


def _listed(words: Sequence[str]) -> str:
    return ", ".join(words[:-1]) + f" and {words[-1]}" if len(words) > 1 else words[0]
