"""Claims on planted results: what is true comes out supported, what is false contradicted, what is unclear open."""

import math
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from helpers.planted_results import BEAM, BUDGETS, IDS, planted
from tts_lib.common.errors import StudyError
from tts_lib.common.strategy import MAJORITY, MIXED, PARALLEL, REVISIONS, SEQUENTIAL, WEIGHTED, Strategy
from tts_lib.estimators.intervals import Interval
from tts_lib.report.claims import claims, findings, registered
from tts_lib.report.claims.findings import Demand, from_ratio
from tts_lib.report.results import REST_EM, NotMeasured, Results, split_accuracy

SPLITS = {  # ways to split a budget, by the verifier and by majority
    "parallel": PARALLEL,
    "sequential": Strategy(SEQUENTIAL, "orm"),
    "mixed": Strategy(MIXED, "orm"),
    "parallel_vote": Strategy(REVISIONS, "majority", 1),
    "sequential_vote": Strategy(SEQUENTIAL, "majority"),
    "sequential_prm": Strategy(SEQUENTIAL, "prm"),
    "sequential_alone": Strategy(SEQUENTIAL, "orm_alone"),
}


def chains(later: float) -> pd.DataFrame:
    """Two chains of 16 attempts a question: 40% of the first attempts are right, of the later ones `later`."""
    rng = np.random.default_rng(1)
    rows = [(q, chain, position) for q in IDS for chain in range(2) for position in range(1, 17)]
    table = pd.DataFrame(rows, columns=["question_id", "chain", "position"])
    right = rng.random(len(table)) < np.where(table["position"] == 1, 0.4, later)
    return table.assign(verdict=np.where(right, "correct", "wrong"), answer=np.where(right, "1", "2"))


@pytest.mark.parametrize(
    ("later", "expected"),
    [
        (0.7, {"18a": "supported", "18b": "inconclusive", "19": "supported"}),
        (0.1, {"18a": "contradicted", "19": "supported"}),
        (1.0, {"18a": "supported", "19": "contradicted"}),
        (0.4, {"18a": "not testable"}),  # the very attempts made with histories of other questions
    ],
)
def test_claims_on_revisions(later: float, expected: dict[str, str]) -> None:
    results = replace(planted(), revisions={"edit_distance": chains(later), "shuffled": chains(0.4)})
    assert {number: verdict_of(number, results) for number in expected} == expected
    assert verdict_of("25a", results) == "not testable"


def test_a_unit_is_that_of_the_number_beside_it() -> None:
    """A rate is no change and has no sign; what is shown in points is kept as a share, what is kept in percent is %."""
    known = replace(planted(), revisions={"edit_distance": chains(0.7), "shuffled": chains(0.4)})
    found = claims.claims_table(replace(known, tables=analysis(0.05, 0.01, 8.0))).set_index("number")
    units = found.loc[["5", "13a", "19", "28c"], "unit"]
    assert list(units) == ["share", "ratio", "rate", "percent"]
    assert 0 < found.loc["19", "estimate"] < 1 and re.fullmatch(
        r"\d+\.\d% \[\d+\.\d%, \d+\.\d%\]", found.loc["19", "ours"]
    )
    assert found.loc["28c", "estimate"] == 10 and found.loc["28c", "ours"].startswith("+10.0%")


def test_histories_are_compared_on_the_same_questions() -> None:
    """A model without histories is held to its fresh answers (40% right), whatever it makes of a history."""
    for later in (0.1, 0.9):
        models = {"edit_distance": chains(0.6), "random": chains(0.3), "none": chains(later)}
        known = replace(planted(), revisions=models)
        assert [verdict_of(number, known) for number in ("25a", "25b", "25c")] == [
            *("supported", "supported", "not testable"),
        ]
    assert verdict_of("19", planted()) == "not testable"


@pytest.mark.parametrize(
    ("number", "better", "worse"),
    [
        ("20a", "sequential", "parallel"),
        ("20b", "sequential_vote", "parallel_vote"),
        ("21a", "mixed", "parallel"),
        ("21b", "mixed", "sequential"),
        ("22a", "sequential", "parallel"),
        ("22b", "sequential", "mixed"),
        ("22c", "mixed", "sequential"),
        ("22d", "mixed", "parallel"),
        ("24a", "sequential", "sequential_prm"),
        ("24b", "sequential", "sequential_alone"),
    ],
)
def test_a_claim_on_splits_asks_for_the_right_difference(number: str, better: str, worse: str) -> None:
    known = planted()
    for sign, expected in ((1, "supported"), (-1, "contradicted")):
        half = sign * 0.05
        moved = {SPLITS[name]: known.accuracy[MAJORITY] + by for name, by in ((better, half), (worse, -half))}
        assert verdict_of(number, replace(known, accuracy=dict(known.accuracy) | moved)) == expected
    assert verdict_of(number, known) == "not testable"


def splits(chain: float, parallel: float = 0.5) -> pd.DataFrame:
    """By majority: first attempts right as often as `parallel`, those of one long chain by `chain` more often."""
    rng = np.random.default_rng(0)
    rows = [
        (q, "majority", length, n, parallel + (length > 1) * chain + rng.normal(0, 0.01))
        for q in IDS
        for n in BUDGETS
        for length in (1, n)
    ]
    return pd.DataFrame(rows, columns=["question_id", "selection", "length", "budget", "accuracy"])


def test_rest_em_is_held_against_the_model_it_began_from() -> None:
    """Both lose by chains; only what the one loses more is put down to ReST-EM."""
    before = split_accuracy(splits(-0.1))
    for loss, expected in ((0.2, "supported"), (0.05, "contradicted")):
        known = planted()
        after = {REST_EM: splits(-loss)}
        results = replace(known, accuracy=dict(known.accuracy) | before, splits=after)
        assert verdict_of("27b", results) == expected and verdict_of("27a", results) == "supported"
    gained = replace(known, accuracy=dict(known.accuracy) | before, splits={REST_EM: splits(0.1)})
    assert verdict_of("27a", gained) == "contradicted"
    assert verdict_of("27a", known) == "not testable"


@pytest.mark.parametrize(("losses", "expected"), [((0.5, 0.3, 0.4), "supported"), ((0.5, 0.4, 0.3), "not testable")])
def test_a_late_checkpoint_is_compared_with_that_of_the_lowest_loss(losses, expected: str) -> None:
    rows = [
        (f"val-{q}", number, loss, share + 0.01 * (q % 5))
        for number, (loss, share) in enumerate(zip(losses, (0.2, 0.3, 0.4), strict=True), start=1)
        for q in range(50)
    ]
    table = pd.DataFrame(rows, columns=["question_id", "checkpoint", "validation_loss", "5"])
    assert verdict_of("26", replace(planted(), checkpoints=table)) == expected


def verdict_of(number: str, results: Results) -> str:
    table = claims.claims_table(results, [claim for claim in registered.registered().claims if claim.number == number])
    return table.set_index("number").loc[number, "verdict"]


@pytest.mark.parametrize(("shift", "expected"), [(0.1, "supported"), (-0.1, "contradicted"), (0.0, "no difference")])
def test_a_directed_claim(shift: float, expected: str) -> None:
    assert verdict_of("5", planted(weighted_prm_last=shift)) == expected


@pytest.mark.parametrize(("shift", "expected"), [(0.1, "supported"), (-0.1, "contradicted"), (-0.004, "supported")])
def test_at_least_as_good_forgives_a_loss_within_the_margin(shift: float, expected: str) -> None:
    assert verdict_of("1a", planted(weighted_prm_last=shift)) == expected


def test_at_least_as_good_holds_for_equals() -> None:
    assert verdict_of("1a", planted()) == "supported"


def test_beam_search_no_better_at_high_budgets() -> None:
    assert verdict_of("7", planted(beam_4=-0.05)) == "supported"
    assert verdict_of("7", planted(beam_4=0.05)) == "contradicted"


def test_bins_are_those_named() -> None:
    results = planted()
    better = results.accuracy[BEAM].copy()
    better[results.difficulty["oracle_bin"].isin([3, 4])] += 0.2
    better[results.difficulty["oracle_bin"] == 1] -= 0.9
    assert verdict_of("10", replace(results, accuracy={**results.accuracy, BEAM: better})) == "supported"


def test_the_hardest_bin_moves_or_not() -> None:
    assert verdict_of("11", planted()) == "supported"
    assert verdict_of("11", planted(beam_sqrt=0.3, beam_4=0.3)) == "contradicted"


def test_brevity_is_seen_and_repetition_is_not() -> None:
    results = planted()
    some = results.search["beam_4"].assign(repetition=lambda rows: np.where(rows.index < 5, 0.11, 0.1))
    assert verdict_of("12a", replace(results, search={"beam_4": some})) == "no difference"
    assert verdict_of("12a", results) == "not testable"  # the same share at every budget
    assert verdict_of("12b", results) == "not testable"  # shorter by a step, and never as short as two
    rows = results.search["beam_4"].copy()
    rows["mean_steps"] = np.where((rows["budget"] == 256) & (rows["question_id"] < "q060"), 2.0, rows["mean_steps"])
    assert verdict_of("12b", replace(results, search={"beam_4": rows})) == "supported"


def test_questions_without_a_finished_candidate_are_counted() -> None:
    results = planted()
    rows = results.search["beam_4"].copy()
    rows.loc[(rows["question_id"] == "q000") & (rows["budget"] == 4), "mean_steps"] = math.nan
    table = claims.claims_table(replace(results, search={"beam_4": rows}))
    assert "1 questions without" in table.set_index("number").loc["12b", "note"]


def test_what_was_not_measured_says_so_and_stops_nothing() -> None:
    table = claims.claims_table(planted()).set_index("number")
    assert table.loc["4c", "verdict"] == "not testable" and "orm_matched" in table.loc["4c", "note"]
    assert table.loc["13a", "verdict"] == "not testable"
    assert table.loc["5", "verdict"] != "not testable"


def test_the_table_covers_the_paper_in_order() -> None:
    table = claims.claims_table(planted())
    numbers = table["number"].str.extract(r"(\d+)")[0].astype(int)
    assert list(numbers) == sorted(numbers) and set(numbers) == set(range(1, 35))
    assert table["number"].is_unique and list(table.columns) == claims.COLUMNS


def analysis(gain: float, half: float, ratio: float, large: float = 0.5) -> dict[str, pd.DataFrame]:
    """Tables of the compute-optimal and FLOPs-matched analysis with one value everywhere."""
    choices = ["compute_optimal_oracle", "compute_optimal_predicted", "compute_optimal_level"]
    baselines = ("best_fixed", "compute_optimal_oracle", "weighted:prm_last", "revisions_1:orm")
    interval = {"low": gain - half, "high": gain + half}
    rows = [
        {"strategy_set": menu, "strategy": c, "baseline": b, "budget": n, "complete": True, "n_questions": 200}
        for menu in ("paper", "all", "revisions")
        for c in choices
        for b in baselines
        for n in BUDGETS
    ]
    iso = [
        {"strategy_set": menu, "strategy": c, "baseline": b, "unit": "generations", "budget": n}
        for menu in ("paper", "revisions")
        for c in (*choices, "best_fixed", "shuffled_bins")
        for b in baselines[2:]
        for n in BUDGETS[1:]
    ]
    bounds = dict.fromkeys(("bound", "low_bound", "high_bound"), "exact")
    matched = [
        {"strategy": "compute_optimal_oracle", "r_label": r, "group": g, "r": 1.0, "k": 16.0}
        for r in ("low", "one", "high")
        for g in ("easy", "medium", "hard")
    ]
    common = {"strategy_set": "paper", "large": "greedy", "accounting": "v1", "r_source": "v1", "grouping": "oracle"}
    common |= {"n_questions": 80, "capped": False, "small_accuracy": large + gain, "large_accuracy": large}
    relative = {"relative": 200 * gain, "relative_low": 200 * (gain - half), "relative_high": 200 * (gain + half)}
    return {
        "compute_optimal/gains": pd.DataFrame(rows).assign(gain=gain, **interval),
        "compute_optimal/iso": pd.DataFrame(iso).assign(ratio=ratio, low=ratio / 1.2, high=ratio * 1.2, **bounds),
        "flops_matched/stars": pd.DataFrame(matched).assign(difference=gain, **interval, **common, **relative),
    }


@pytest.mark.parametrize(
    ("gain", "half", "ratio", "expected"),
    [
        (0.05, 0.01, 8.0, {"13a": "supported", "13b": "supported", "16a": "supported", "28c": "supported"}),
        (-0.05, 0.01, 0.5, {"13a": "contradicted", "13b": "contradicted", "16a": "contradicted", "29b": "supported"}),
        (-0.05, 0.01, 8.0, {"23": "contradicted", "16b": "contradicted", "16e": "not testable"}),
        (0.005, 0.01, 3.8, {"13a": "supported", "13b": "no difference", "16a": "inconclusive", "14": "supported"}),
        (0.001, 0.002, 1.0, {"13a": "no difference", "16a": "no difference", "16b": "supported", "16c": "supported"}),
        (-0.002, 0.0025, 1.0, {"16b": "inconclusive", "15": "no difference"}),
        (0.05, 0.01, 2.0, {"13b": "contradicted", "14": "contradicted", "15": "contradicted", "29b": "contradicted"}),
    ],
)
def test_claims_on_choices(gain: float, half: float, ratio: float, expected: dict[str, str]) -> None:
    results = replace(planted(), tables=analysis(gain, half, ratio))
    assert {number: verdict_of(number, results) for number in expected} == expected


def test_an_open_claim_says_how_many_questions_would_settle_it() -> None:
    table = claims.claims_table(replace(planted(), tables=analysis(0.02, 0.03, 2.0))).set_index("number")
    needed = table.loc["16a", "questions_needed"]
    assert needed == pytest.approx(200 * ((1.96 + 0.8416) * (0.03 / 1.96) / 0.02) ** 2, rel=0.01)
    assert "questions would settle it" in table.loc["16a", "note"]


def test_no_ratio_stands_alone() -> None:
    table = claims.claims_table(replace(planted(), tables=analysis(0.05, 0.01, 8.0))).set_index("number")
    for number in ("13a", "13b", "13c"):
        for words in ("best fixed strategy 8×", "shuffled bins 8×", "+5.0 [+4.0, +6.0] points over weighted, PRM last"):
            assert words in table.loc[number, "ours"]
    assert "best fixed strategy 8×" in table.loc["23", "note"] and "points" in table.loc["23", "ours"]


def test_a_comparator_at_its_ceiling_cannot_be_beaten() -> None:
    results = replace(planted(), tables=analysis(-0.003, 0.002, 1.0, large=1.0))
    table = claims.claims_table(results).set_index("number")
    verdict, note = table.loc["28c", ["verdict", "note"]]
    assert verdict == "not testable" and "comparator is right on all but 0.0%" in note and "settle" not in note


def test_a_grid_that_ends_before_k_decides_only_what_more_budget_cannot_undo() -> None:
    found = analysis(0.05, 0.01, 8.0)
    found["flops_matched/stars"] = found["flops_matched/stars"].assign(capped=True)
    ours = {"strategy_set": "paper", "strategy": "compute_optimal_oracle"}
    found["flops_matched/lines"] = pd.DataFrame({"budget": [1, 4]}).assign(**ours)
    capped = replace(planted(), tables=found)
    assert (verdict_of("28c", capped), verdict_of("29b", capped)) == ("supported", "not testable")
    assert claims.claims_table(capped).set_index("number").loc["28c", "contrast"] == "R = 1, k = 16, shown at N = 4"


def judged(number: str, results: Results) -> tuple[str, str]:
    row = claims.claims_table(results).set_index("number").loc[number]
    return row["verdict"], row["note"]


def test_a_baseline_that_is_there_already_is_no_yardstick() -> None:
    """Best-of-N at its ceiling from 16 on needs 4 times fewer generations at 64 than best-of-N itself."""
    known = replace(planted(), tables=analysis(0.05, 0.01, 2.0))
    ceiling = known.accuracy[WEIGHTED].copy()
    for n, right in ((4, 0.9), (16, 1.0), (64, 1.0), (256, 1.0)):
        ceiling[n] = right
    flat = replace(known, accuracy={**known.accuracy, WEIGHTED: ceiling})
    verdict, note = judged("13a", flat)
    assert verdict == "not testable" and "right at N = 16 already, 4× fewer than itself" in note
    ceiling[16] = 0.95
    assert judged("13a", flat)[0] == "supported"


def test_what_nothing_moves_is_no_finding() -> None:
    """Equal on every question, and at the same interval wherever it was computed; so is a ratio of all resamples."""
    known = planted()
    same = replace(known, accuracy={**known.accuracy, Strategy("weighted", "prm_min"): known.accuracy[WEIGHTED]})
    choices = replace(same, tables=analysis(0.0, 0.0, 2.0))
    found = claims.claims_table(choices).set_index("number")
    assert found.loc["1a", "ours"] == found.loc["16a", "ours"] == "+0.0 points [−1.0, +1.0]"
    assert list(found.loc[["1a", "16a", "5"], "verdict"]) == ["not testable", "not testable", "no difference"]
    exact = ("exact", "exact", "exact")
    more = Demand("more", 0.25, 1.0)
    for low, high, verdict in ((2.0, 2.0, "not testable"), (1.0, 4.0, "not testable"), (1.01, 4.0, "supported")):
        assert from_ratio(2.0, low, high, exact, "", more).judged.verdict == verdict
    assert from_ratio(2.0, 1.0, 4.0, ("exact", "at_most", "exact"), "", more).judged.verdict == "inconclusive"
    everywhere = findings.from_interval(Interval(1.0, 1.0, 1.0, 0.95), 8, "", Demand("more", 0.01))
    assert everywhere.low < 0.8 and everywhere.judged.verdict == "supported"


def test_no_progress_needs_room_for_progress() -> None:
    known = planted()
    for pass_at_1, verdict in ((0.985, "not testable"), (0.5, "supported")):
        rates = {one: pass_at_1 + 0.02 * (table - 0.45) for one, table in known.accuracy.items()}
        assert judged("11", replace(known, accuracy=rates))[0] == verdict


@pytest.mark.parametrize("number", ["13a", "13b", "13c", "14", "16a", "17", "23"])
def test_one_bin_says_nothing_of_difficulty(number: str) -> None:
    one = planted().difficulty.assign(oracle_bin=1, predicted_bin=1)
    verdict, note = judged(number, replace(planted(), difficulty=one, tables=analysis(0.05, 0.01, 8.0)))
    assert verdict == "not testable" and "in one bin" in note


def test_a_bound_may_lie_anywhere_beyond() -> None:
    more = Demand("more", 0.25, 4.0)
    open_end = from_ratio(8.0, 5.0, 16.0, ("exact", "at_most", "exact"), "", more)
    assert open_end.judged.verdict == "inconclusive" and "≤ 5×" in open_end.text
    never = from_ratio(0.1, 0.1, 0.1, ("at_most", "at_most", "at_most"), "", Demand("more", 0.25, 1.0))
    assert never.judged.verdict == "contradicted"
    assert from_ratio(9.0, 6.0, 64.0, ("exact", "exact", "at_least"), "", more).judged.verdict == "supported"


@pytest.mark.parametrize(
    ("direction", "low", "high", "expected"),
    [
        ("more", 0.02, 0.04, "supported"),
        ("more", -0.04, -0.02, "contradicted"),
        ("more", 0.001, 0.008, "no difference"),  # sure, and not worth speaking of
        ("more", -0.011, 0.011, "no difference"),  # the 90% interval lies within the margin
        ("more", -0.013, 0.013, "inconclusive"),
        ("at_least", -0.005, 0.02, "supported"),
        ("at_least", -0.02, 0.02, "inconclusive"),
        ("at_least", -0.005, -0.001, "supported"),
        ("at_least", -0.02, -0.001, "contradicted"),
        ("at_most", -0.02, 0.005, "supported"),
        ("at_most", 0.001, 0.005, "supported"),
        ("at_most", 0.001, 0.015, "contradicted"),
        ("equal", -0.005, 0.005, "supported"),
        ("equal", 0.011, 0.02, "contradicted"),
        ("less", -0.03, -0.011, "supported"),
    ],
)
def test_rules(direction: findings.Direction, low: float, high: float, expected: str) -> None:
    found = Demand(direction, 0.01).judge(low, high)
    assert found.verdict == expected and (found.p < 0.05) == (expected != "inconclusive")


def test_the_probability_is_that_of_the_interval() -> None:
    """An interval that just touches the threshold has p = .05, one twice as far away that of 3.92 deviations."""
    assert Demand("more", 0.001).judge(0.0, 0.1).p == pytest.approx(0.05, abs=1e-4)
    assert Demand("more", 0.001).judge(0.05, 0.15).p == pytest.approx(8.9e-5, rel=0.02)


def test_decisions_with_regard_to_their_number() -> None:
    p = np.array([0.001, 0.035, np.nan, 0.012, 0.045, 0.9])
    assert claims.benjamini_hochberg(p).tolist() == [True, False, False, True, False, False]
    assert claims.holm(p).tolist() == [True, False, False, True, False, False]
    assert claims.holm(np.array([0.02, 0.03])).tolist() == [True, True]
    assert not claims.holm(np.array([np.nan])).any() and not claims.benjamini_hochberg(np.array([])).any()


def test_a_second_verdict_can_only_open_what_was_decided() -> None:
    table = claims.claims_table(replace(planted(), tables=analysis(0.05, 0.049, 1.3)))
    differs = table["verdict"] != table["verdict_of_all"]
    assert set(table.loc[differs, "verdict_of_all"]) <= {"inconclusive"}
    cards = table["card"] != ""
    assert cards.sum() == 9 and (table.loc[~cards, "verdict_of_cards"] == "").all()


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("  margin: 0.01\n", "", r"line \d+: claims\.0\.margin is missing; it must be a number above 0"),
        ("  budget: 64\n", "", r"claims\.0\.budget is missing"),
        ("  direction: at_least\n", "", r"claims\.0\.direction is missing; it must be one of more, less"),
        ("margin: 0.01", "margin: 7", r"claims\.0\.margin is 7, but must be a number above 0 and below 1"),
        ("direction: at_least", "direction: up", "'up', but must be one of"),
        ("kind: growth", "kind: grow", "'grow', but must be one of after_probe"),
        ('number: "1b"', 'number: "1a"', "number 1a is given twice"),
    ],
)
def test_a_claim_without_all_it_needs_is_refused(tmp_path: Path, old: str, new: str, sentence: str) -> None:
    text = registered.FILE.read_text(encoding="utf-8")
    assert old in text
    (tmp_path / "claims.yaml").write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(StudyError, match=sentence) as refused:
        registered.load(tmp_path / "claims.yaml")
    assert "\n" not in str(refused.value)


def test_every_change_of_a_claim_carries_its_date() -> None:
    found = registered.registered()
    for claim in found.claims:
        assert claim.registered <= found.rules_changed
        assert claim.changed is None or claim.changed.date >= claim.registered
    assert "after results of its kind were seen" in next(c for c in found.claims if c.number == "20a").history


def test_every_claim_is_a_sentence_that_stands_alone_and_keeps_its_rule() -> None:
    """Those of the file go on where another began: beside a claim that failed they would say that it held."""
    for told, rule in zip(registered.registered().claims, registered.load().claims, strict=True):
        assert not told.claim.startswith(("…", "So does"))
        assert (told.claim != rule.claim) == rule.claim.startswith(("…", "So does")), rule.number
        assert told.model_copy(update={"claim": rule.claim}) == rule


def test_the_next_smaller_budget_stands_in() -> None:
    results = planted()
    assert results.budget(100, MAJORITY, BEAM) == 64
    assert results.budget(2, MAJORITY) == 4
    with pytest.raises(NotMeasured, match="majority has no two budgets from N = 64"):
        results.span(64, 200, MAJORITY)
    with pytest.raises(NotMeasured, match="dvts was not run"):
        results.budget(4, MAJORITY, Strategy("dvts"))


def test_rows_of_a_table_are_found_by_their_values() -> None:
    results = replace(planted(), tables=analysis(0.05, 0.01, 2.0))
    found = results.rows("compute_optimal/gains", strategy=["compute_optimal_level"], budget=16, strategy_set="paper")
    assert set(found["baseline"]) > {"best_fixed", "compute_optimal_oracle"} and len(found) == 4
    with pytest.raises(NotMeasured, match="gains has no rows with both, 16"):
        results.rows("compute_optimal/gains", strategy_set="both", budget=16)
    with pytest.raises(NotMeasured, match="there is no table compute_optimal/probe"):
        results.rows("compute_optimal/probe")


def test_nothing_has_one_sign_on_every_processor() -> None:
    assert [findings.points(value) for value in (1e-18, 0.0, -1e-18, -0.0004, 0.0126)] == [
        "+0.0",
        "+0.0",
        "+0.0",
        "−0.0",
        "+1.3",
    ]
