"""What a budget buys, looked up in the record: the same rules as those of the page's script, which a test compares."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import pandas as pd

from tts_lib.report.explorer.record import Record
from tts_lib.strategies.exchange.matched import REACHED, Accounting, matched_budget, matched_ratio

Unit = Literal["generations", "tokens", "flops", "bytes", "money"]


@dataclass(frozen=True)
class Prices:
    """Of a million tokens, read or written, in a currency of the reader's."""

    policy: float = 0.1
    verifier: float = 0.1
    large: float = 1.4


def cost(record: Record, strategy: str, budget: int, unit: Unit, prices: Prices) -> float:
    """What a question costs on average with a strategy at a budget it was measured at; bytes of a question alone."""
    generations, policy, verifier, flops, _, alone, _ = record.costs[strategy][budget]
    if unit == "generations":
        return generations
    if unit == "money":
        return (policy * prices.policy + verifier * prices.verifier) / 1e6
    return {"flops": flops, "bytes": alone}.get(unit, policy + verifier)


def attained(record: Record, group: str, unit: Unit, limit: float, prices: Prices = Prices()) -> pd.DataFrame:
    """Each strategy with the most generations of those measured that cost no more than `limit`, best first."""
    rows = []
    for name, by_budget in record.attained[group].items():
        fits = [n for n in by_budget if n in record.costs[name] and cost(record, name, n, unit, prices) <= limit]
        if fits:
            estimate, low, high = by_budget[max(fits)]
            row = {"strategy": record.strategies[name][0], "accuracy": estimate, "low": low, "high": high}
            rows.append(row | _costs(record, name, max(fits), prices))
    frame = pd.DataFrame(rows, columns=None if rows else ["strategy", "accuracy", "low", "high", "budget"])
    return frame.sort_values("accuracy", ascending=False, kind="stable", ignore_index=True)


def chosen(
    record: Record,
    group: str,
    unit: Unit,
    limit: float,
    prices: Prices = Prices(),
) -> Mapping[str, Any] | None:
    """The choice of the largest budget whose strategy costs no more than `limit`; None if none is as cheap."""
    found = None
    for name, budget, share, (estimate, low, high) in record.chosen.get(group, {}).values():
        if budget in record.costs.get(name, {}) and cost(record, name, budget, unit, prices) <= limit:
            found = {"strategy": record.strategies[name][0], "share": share}
            found |= {"accuracy": estimate, "low": low, "high": high} | _costs(record, name, budget, prices)
    return found


def exchange(record: Record, group: str, r: float, m: float, accounting: Accounting = "v1") -> Mapping[str, Any] | None:
    """The small model against one answer of the large one at equal FLOPs, pretraining included (§7).

    k are the generations that the small one may make, `budget` the most of them it was measured with; `even` is the R
    up to which it is as accurate, with its ends: 0 where it is so nowhere on the grid, infinite where always. For
    another M than the study's the large model is taken to be as good as this one.
    """
    if record.large is None or group not in record.exchange:
        return None
    g = record.large["generations"]
    k = matched_budget(m, r, accounting, g)
    rows, even = record.exchange[group]["rows"], record.exchange[group]["even"]
    reached = [row for row in rows if row[0] <= REACHED * k] or rows[:1]
    budget, small, difference, low, high = reached[-1]
    ratios = []
    for sign, value in even:
        try:
            ratios.append(0.0 if sign == ">" else matched_ratio(m, value, accounting, g))
        except ValueError:
            ratios.append(float("inf"))
    found = {"k": k, "budget": budget, "small": small, "difference": difference, "low": low, "high": high}
    return found | {"even": ratios[0], "even_low": ratios[2], "even_high": ratios[1]}


def _costs(record: Record, name: str, budget: int, prices: Prices) -> dict[str, float]:
    generations, policy, verifier, flops, rounds, alone, among_many = record.costs[name][budget]
    money = cost(record, name, budget, "money", prices)
    spent = {"budget": int(generations), "policy_tokens": policy, "verifier_tokens": verifier}
    spent |= {"flops": flops, "rounds": rounds, "money": money}
    return spent | ({"bytes_alone": alone, "bytes_among_many": among_many} if "bytes" in record.units else {})
