"""The study in three sentences: what samples and a verifier buy, what choosing by difficulty adds, and whether a larger
model had been the better buy; and what its supplements, of other trainings and sizes, say of the last two. Every number
comes from the summary, the claims and the supplements.
"""

from collections.abc import Mapping, Sequence
from typing import Any

FIGURES = (  # that answer the three questions, in this order
    "accuracy_by_budget_search",
    "accuracy_by_budget_compute_optimal",
    "accuracy_by_budget_flops_matched",
)


def sentences(
    summary: Mapping[str, Any], claims: Sequence[Mapping[str, str]], more: Mapping[str, Sequence[Mapping[str, str]]]
) -> list[str]:
    """As many of the three, and of what supplements add, as the study has something to say on.

    Args:
        summary: reports/summary.json.
        claims: rows of reports/claims.csv, as they are written.
        more: number of a claim -> what supplements add to it (`supplements.added`).
    """
    return list(filter(None, (_bought(summary), _chosen(claims), _against_large(summary, claims), _beyond(more))))


def figures(summary: Mapping[str, Any]) -> list[Mapping[str, str]]:
    """The figures of the three sentences that the study has; one of its others if it has none of them."""
    known = {figure["name"]: figure for figure in summary["figures"]}
    return [known[name] for name in FIGURES if name in known] or list(summary["figures"][:1])


def _bought(summary: Mapping[str, Any]) -> str:
    small, larges = ([row for row in summary["headline"] if row.get("model") == name] for name in ("small", "large"))
    kept = [small[0], *small[1:][-1:]]  # one answer, and the most that was made of several
    parts = [f"{row['text']} ({_how(row)})" for row in kept]
    large = [f"; the large model {row['text']} ({_how(row)})" for row in larges]
    n = summary["study"]["questions"]["test"]
    return f"Of {n:,} test questions the small model gets {_listed(parts)} right{''.join(large)}."


def _how(row: Mapping[str, str]) -> str:
    return ", ".join(filter(None, (row["how"], row["at"])))


def _chosen(claims: Sequence[Mapping[str, str]]) -> str:
    cheaper, fixed = (_measured(claims, number) for number in ("13a", "16a"))
    parts = []
    if cheaper:
        parts.append(f"needs {_value(cheaper)} fewer generations than best-of-N ({_verdict(cheaper)})")
    if fixed:
        parts.append(f"adds {_value(fixed)} to the best fixed strategy ({_verdict(fixed)})")
    return f"Choosing the strategy by the question's difficulty {' and '.join(parts)}." if parts else ""


def _against_large(summary: Mapping[str, Any], claims: Sequence[Mapping[str, str]]) -> str:
    where = {
        "28c": "more often on easy questions where inference is rare",
        "28d": "on medium ones there",
        "29b": "on hard ones where inference is plenty",
    }
    found = [(words, row) for number, words in where.items() if (row := _measured(claims, number))]
    if not found:
        return ""
    models = summary["study"]["models"]
    times = models["large"]["n_params_block"] / models["base"]["n_params_block"]
    parts = [f"{_value(row)} {words} ({row['contrast']}; {_verdict(row)})" for words, row in found]
    how = "with search" if summary["study"]["ran"]["searched"] else "that chooses among its samples"
    equal = "at up to as many FLOPs" if any("shown at" in row["contrast"] for _, row in found) else "at equal FLOPs"
    return (
        f"Relative to a model with {times:.3g} times the parameters, {equal}, pretraining included, the small model "
        f"{how} is right by {_listed(parts)}."
    )


def _beyond(more: Mapping[str, Sequence[Mapping[str, str]]]) -> str:
    """A choice that saves with one training, and a larger model of one size, are not yet what holds in general.

    What another model says (`by`) is left out.
    """
    where = {"13a": "choosing by difficulty", "28d": "medium questions", "29b": "hard questions"}
    own = {number: [one["text"] for one in more.get(number, ()) if "by" not in one] for number in where}
    parts = [f"{words}, {text.partition('; ')[0]}" for number, words in where.items() for text in own[number]]
    if not parts:
        return ""
    break_even = " (M*: up to so many times its parameters no model beats the small one at equal FLOPs)"
    explained = break_even if any("M*" in part for part in parts) else ""
    return f"Other trainings and other sizes say: {'; '.join(parts)}{explained}."


def _measured(claims: Sequence[Mapping[str, str]], number: str) -> Mapping[str, str] | None:
    return next((row for row in claims if row["number"] == number and row["ours"]), None)


def _value(row: Mapping[str, str]) -> str:
    return row["ours"].partition("; ")[0]


def _verdict(row: Mapping[str, str]) -> str:
    """Among all claims, where that differs, too."""
    return row["verdict"] + (
        f"; {row['verdict_of_all']} among all claims" if row["verdict_of_all"] != row["verdict"] else ""
    )


def _listed(words: Sequence[str]) -> str:
    return ", ".join(words[:-1]) + f" and {words[-1]}" if len(words) > 1 else words[0]
