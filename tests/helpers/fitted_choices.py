"""A fitted choice by hand, as the record of its file: every kind of strategy, every table."""

from typing import Any

PRICE = {"generations": 1.0, "policy_tokens": 9.0, "verifier_tokens": 9.0, "flops": 99.0, "rounds": 1.0}
ROLES = {"policy": "base", "verifier": "prm"}


def picks(*chosen: tuple[str, int, float]) -> list[dict[str, Any]]:
    """(strategy, budget, expected accuracy) each."""
    measured = {"accuracy": 0.5, "low": 0.4, "high": None, "n_questions": 7, "price": PRICE}
    return [{"strategy": name, "budget": budget, "expected": share} | measured for name, budget, share in chosen]


RECORD: dict[str, Any] = {
    "format": 4,
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

FOREKNOWN: dict[str, Any] = {  # the table by a difficulty that takes no sample
    "use": "zero",
    "zero": {"kind": "length", "reads": "tokens", "weights": [0.0, -1.0], "intercept": 1.0},
    "tables": RECORD["tables"]
    | {
        "zero": {
            "n_scored": 0,
            "edges": [0.5],
            "budgets": [1, 16],
            "bins": [
                picks(("majority", 1, 0.5), ("weighted:prm_last", 16, 0.6)),
                picks(("majority", 1, 0.1), ("beam_4", 4, 0.2)),
            ],
            "cross_validated": 0.5,
        }
    },
}


_BOTH = {"n_scored": 2, "edges": [0.6], "budgets": [4, 16], "prior_worth": 6.0, "cross_validated": 0.6}
FOREKNOWN_AND_PROBED: dict[str, Any] = FOREKNOWN | {
    "use": "zero+probe",
    "tables": FOREKNOWN["tables"] | {"zero+probe": _BOTH | {"bins": RECORD["tables"]["probe"]["bins"]}},
}


def policy(vote: str, **fields: Any) -> dict[str, Any]:
    """A stopping policy of at most 8 samples: goes on while the leading answer has less than two thirds of the votes,
    with good scores up to 4.
    """
    scores = [0.5] if vote == "weighted" else []
    looks = [
        {"n": n, "share": [0.4, 0.67], "score": scores, "goes_on": [[n < 8, n < 4][: 1 + len(scores)]] * 2}
        for n in (1, 2, 4, 8)
    ]
    for look in looks:
        look["goes_on"].append([look["n"] == 1] * (1 + len(scores)))
    measured = dict.fromkeys(("mean_budget_fit", "mean_budget", "rounds"), 3.0)
    measured |= dict.fromkeys(("accuracy", "accuracy_of_all", "gain", "gain_low", "gain_high"), 0.1)
    known = {"vote": vote, "budget": 8, "price": 0.01, "risk": 0.02, "n_questions": 9, "looks": looks}
    return known | measured | fields


def changed(fields: dict[str, Any]) -> dict[str, Any]:
    """The record with other fields."""
    return RECORD | fields
