"""Claims 31-34 on planted tables: what is judged is the row asked for, with its interval and its sign."""

from dataclasses import replace

import pandas as pd
import pytest

from tts_lib.report.claims import claims, registered
from tts_lib.report.results import Results

IDS = [f"q{i}" for i in range(50)]


def results(**tables: pd.DataFrame) -> Results:
    bins = [1 + i % 5 for i in range(len(IDS))]
    difficulty = pd.DataFrame({"oracle": 0.5, "oracle_bin": bins, "n_samples": 64}, index=IDS)
    named = {name.replace("__", "/"): table for name, table in tables.items()}
    return Results({}, {}, difficulty, named, {}, seed=0, n_bootstrap=100)


def verdict(number: str, found: Results) -> str:
    table = claims.claims_table(found, [one for one in registered.registered().claims if one.number == number])
    return str(table["verdict"].iloc[0])


def targets(gain: float, other: float = 0.0) -> pd.DataFrame:
    """The gain of the rule set for a mean of 16, weighted; `other` at 64, and of majority."""
    rows = []
    for vote in ("majority", "weighted"):
        for target in (8, 16, 64):
            value = gain if (vote, target) == ("weighted", 16) else other
            row = {"vote": vote, "policy": "bellman_prior", "target": target, "mean_budget": target + 0.5}
            for over in ("gain", "over_half_oracle"):
                row |= {over: value, f"{over}_low": value - 0.01, f"{over}_high": value + 0.01}
            rows.append(row)
    return pd.DataFrame(rows)


@pytest.mark.parametrize(
    ("gain", "expected"),
    [(0.03, "supported"), (-0.03, "contradicted"), (0.008, "inconclusive"), (0.0, "no difference")],
)
def test_a_stopping_rule_is_judged_at_the_mean_it_was_set_for(gain: float, expected: str) -> None:
    found = results(stopping__targets=targets(gain, other=-0.5))
    assert verdict("31a", found) == verdict("31d", found) == expected
    assert verdict("31b", found) == verdict("31c", found) == "contradicted"
    assert verdict("31e", found) == "not testable"  # no such rule in the table


@pytest.mark.parametrize(
    ("realised", "spent", "expected"),
    [(0.01, 9.0, "supported"), (0.06, 9.0, "contradicted"), (0.01, 64.0, "not testable")],  # of 64 samples
)
def test_risk_is_held_against_what_was_promised(realised: float, spent: float, expected: str) -> None:
    rows = [
        {"vote": "weighted", "policy": "beta", "risk": risk, "realised": value, "realised_low": value - 0.004}
        | {"realised_high": value + 0.004, "realised_in_splits": value, "mean_budget": spent}
        for risk, value in ((0.02, realised), (0.05, 0.5))
    ]
    assert verdict("32a", results(stopping__risk=pd.DataFrame(rows))) == expected


def test_predictors_are_compared_where_they_learned_from_as_many() -> None:
    rows = [
        {"a": "tuned", "b": "random", "n_questions": n, "of_a": 0.5, "of_b": 0.5 - value, "difference": value}
        | {"low": value - 0.05, "high": value + 0.05}
        for n, value in ((100, 0.2), (300, 0.0), (3000, -0.2))
    ]
    found = results(predictors__differences=pd.DataFrame(rows))
    assert (verdict("33b", found), verdict("33c", found)) == ("supported", "contradicted")
    assert verdict("33a", found) == "not testable"
    (row,) = claims.claims_table(found, [one for one in registered.registered().claims if one.number == "33b"]).to_dict(
        "records"
    )
    assert row["unit"] == "correlation" and row["ours"] == "+0.200 of rank correlation [+0.150, +0.250]"


def test_a_choice_without_a_sample_is_judged_at_its_budget() -> None:
    rows = [
        {"strategy_set": "paper", "predictor": name, "budget": n, "charged_budget": n + 0.3}
        | {
            f"{over}{end}": (0.05 if (name, n) in (("zero", 16), ("oracle", 16)) else -0.5) + shift
            for over in ("gain_fixed", "over_half_oracle", "over_probe")
            for end, shift in (("", 0.0), ("_low", -0.01), ("_high", 0.01))
        }
        for name in ("zero", "length", "oracle")
        for n in (4, 16, 64)
    ]
    gains = pd.DataFrame({"strategy_set": ["paper"]})
    found = results(compute_optimal__zero=pd.DataFrame(rows), compute_optimal__gains=gains)
    assert {verdict(number, found) for number in ("34a", "34b", "34c")} == {"supported"}
    assert verdict("34a", results(compute_optimal__gains=gains)) == "not testable"
    one_bin = replace(found, difficulty=found.difficulty.assign(oracle_bin=1))
    assert {verdict(number, one_bin) for number in ("34a", "34b", "34c")} == {"not testable"}
    for row in rows:
        if row["predictor"] == "oracle":
            row["gain_fixed_low"] = -0.001  # half of nothing is no promise
    assert (
        verdict("34c", results(compute_optimal__zero=pd.DataFrame(rows), compute_optimal__gains=gains))
        == "not testable"
    )
