"""A fitted choice by hand, as the record of its file: every kind of strategy, every table."""

from typing import Any

PRICE = {"generations": 1.0, "policy_tokens": 9.0, "verifier_tokens": 9.0, "flops": 99.0, "rounds": 1.0}
ROLES = {"policy": "base", "verifier": "prm"}


def picks(*chosen: tuple[str, int, float]) -> list[dict[str, Any]]:
    """(strategy, budget, expected accuracy) each."""
    measured = {"accuracy": 0.5, "low": 0.4, "high": None, "n_questions": 7, "price": PRICE}
    return [{"strategy": name, "budget": budget, "expected": share} | measured for name, budget, share in chosen]


RECORD: dict[str, Any] = {
    "format": 2,
    "about": {},
    "use": "probe",
    "seed": 3,
    "n_questions": 20,
    "sampling": {"temperature": 0.8, "top_p": 1.0, "max_tokens": 20},
    "steps": {"max_step_tokens": 8, "max_rounds": 6, "duplicates": "keep"},
    "models": {
        "base": {"folder": "models/base", "sha256": "a", "parameters": 10},
        "prm": {"folder": "models/verifiers/prm", "sha256": "b", "parameters": 10},
        "revision": {"folder": "models/revision-edit_distance", "sha256": "c", "parameters": 10},
        "revision_orm": {"folder": "models/revision_orm", "sha256": "d", "parameters": 10},
    },
    "strategies": [
        {"name": "majority", "kind": "majority", "policy": "base", "verifier": None},
        {"name": "best_of_n:prm_last", "kind": "best_of_n", **ROLES},
        {"name": "weighted:prm_last", "kind": "weighted", **ROLES},
        {"name": "beam_4", "kind": "beam", "width": 4, "depth": 0, **ROLES},
        {"name": "lookahead_1", "kind": "lookahead", "width": "sqrt", "depth": 1, **ROLES},
        {"name": "dvts", "kind": "dvts", "width": 2, "depth": 0, **ROLES},
        {"name": "rebase", "kind": "rebase", "temperature_of_values": 0.2, **ROLES},
        {"name": "particles_odds", "kind": "particles", "weights": "odds", **ROLES},
        {"name": "tree", "kind": "tree", **ROLES},
        {
            "name": "revisions_2:orm",
            "kind": "revisions",
            "length": 2,
            "max_history": 4,
            "policy": "revision",
            "verifier": "revision_orm",
        },
    ],
    "tables": {
        "fixed": {
            "n_scored": 0,
            "edges": [],
            "budgets": [1, 4, 16],
            "bins": [picks(("majority", 1, 0.2), ("weighted:prm_last", 4, 0.3), ("beam_4", 16, 0.4))],
            "cross_validated": 0.3,
        },
        "probe": {
            "n_scored": 2,
            "edges": [0.5],
            "budgets": [4, 16],
            "bins": [
                picks(("weighted:prm_last", 4, 0.5), ("weighted:prm_last", 16, 0.6)),
                picks(("beam_4", 4, 0.1), ("beam_4", 4, 0.1)),
            ],
            "cross_validated": 0.4,
        },
        "given": {
            "n_scored": 256,
            "edges": [0.5],
            "budgets": [1, 16],
            "bins": [
                picks(("majority", 1, 0.5), ("best_of_n:prm_last", 16, 0.6)),
                picks(("majority", 1, 0.1), ("revisions_2:orm", 16, 0.2)),
            ],
            "cross_validated": None,
        },
    },
}


def changed(fields: dict[str, Any]) -> dict[str, Any]:
    """The record with other fields."""
    return RECORD | fields
