"""Tidy tables of stopping rules: what each comes to at its mean budget, who gets the samples, what risk control keeps.

Rules of one policy differ in a setting. Which of them stands for the policy at a mean budget is settled on validation
questions; what it spends on test questions is what it is then compared at.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, Int

from tts_lib.strategies.stopping.comparison import Attained, Comparison, Family, Row, Side, Spending, interval, share
from tts_lib.strategies.stopping.fitting import PRICES, fit_bellman, fit_budgets, too_few, within_risk, worth
from tts_lib.strategies.stopping.rules import Beta, Budgets
from tts_lib.strategies.stopping.walks import Rule, States, Stopped, ladder, orders, replay, states

TARGETS = (2, 4, 8, 16, 64)  # mean budgets at which policies are compared
RISKS = (0.02, 0.05)  # chance that stopping early loses a right answer
CONFIDENCES = (1.0, 0.999, 0.99, 0.95, 0.9, 0.8, 0.65, 0.5)  # of `beta` under risk control, the most careful first
N_SPLITS = 200

_MEASURED = ["mean_budget", "accuracy", "low", "high", "gain", "gain_low", "gain_high"]
_MEASURED += ["gain_flops", "gain_flops_low", "gain_flops_high", "rounds", "flops"]
_OVER_HALF = ["over_half_oracle", "over_half_oracle_low", "over_half_oracle_high"]
COLUMNS = {
    "policies": ["vote", "policy", "setting", *_MEASURED],
    "targets": ["vote", "policy", "setting", *_MEASURED, "target", "share_of_oracle", *_OVER_HALF],
    "by_bin": ["vote", "policy", "target", "bin", "mean_budget"],
    "risk": [
        "vote",
        "policy",
        "setting",
        *_MEASURED,
        "risk",
        "realised",
        "realised_low",
        "realised_high",
        "n_calibration",
        "realised_in_splits",
    ],
}


@dataclass(frozen=True, eq=False)
class Oracle:
    """Pass@1 of the questions: for budgets that know it, an upper limit, and to say who is given the samples."""

    fit: Float[np.ndarray, " fitted"]
    test: Float[np.ndarray, " problem"]
    bins: Int[np.ndarray, " problem"]


def measured(
    comparison: Comparison, families: Sequence[Family], oracle: Oracle, n_bins: int, rng: np.random.Generator
) -> dict[str, pd.DataFrame]:
    """The tables of one vote, columns as COLUMNS."""
    limit, of_halves = _limit(comparison, rng)
    references = {} if too_few(len(oracle.fit)) else _references(comparison, oracle, n_bins, rng)
    careful = _careful(comparison, rng)
    every = [rule for one in (*families, *careful) for rule in one.rules.values()]
    stopped_fit, stopped_test = (
        replay({rule: rule for rule in every}, side.ballots, side.order) for side in (comparison.fit, comparison.test)
    )
    found, on_fit = (
        {one.policy: {at: Attained.of(of[rule]) for at, rule in one.rules.items()} for one in families}
        for of in (stopped_test, stopped_fit)
    )
    found["uniform"] = {float(n): one for n, one in zip(comparison.test.uniform.n, comparison.uniform, strict=True)}
    chosen = {policy: _nearest(of, comparison.fit.ballots.cap) for policy, of in on_fit.items()}
    found |= {"oracle": limit} | references
    policies = [comparison.row(policy, at, one) for policy, of in found.items() for at, one in of.items()]
    best = Spending.along(list(limit.values()), comparison.drawn)
    targets, by_bin = [], []
    for policy, at_target in chosen.items():
        for target, setting in at_target.items():
            one = found[policy][setting]
            extra = _beside_oracle(comparison, one, best, of_halves)
            targets.append(comparison.row(policy, setting, one) | {"target": target} | extra)
            where: Row = {"vote": comparison.vote, "policy": policy, "target": target}
            by_bin += [
                where | {"bin": int(number), "mean_budget": float(one.n[oracle.bins == number].mean())}
                for number in np.unique(oracle.bins)
            ]
    rows = {"policies": policies, "targets": targets, "by_bin": by_bin, "risk": []}
    for one in careful:
        rows["risk"] += _risks(comparison, one, stopped_fit, stopped_test, rng)
    return {name: pd.DataFrame(of, columns=COLUMNS[name]) for name, of in rows.items()}


def _nearest(on_fit: Mapping[float, Attained], cap: int) -> dict[int, float]:
    """For each target within reach, the setting whose mean budget is nearest to it on validation questions."""
    means = {setting: float(one.n.mean()) for setting, one in on_fit.items()}
    there = [target for target in TARGETS if target < cap]
    return {target: min(means, key=lambda at: abs(np.log(means[at] / target))) for target in there}


def _limit(comparison: Comparison, rng: np.random.Generator) -> tuple[dict[float, Attained], Spending]:
    """Each question's own best budgets by price, from one half of its pool and judged on the other, both ways.

    Also the uniform budget on the same halves.
    """
    ballots, n_walks = comparison.test.ballots, comparison.test.order.shape[1]
    middle = int(ballots.n_samples.min()) // 2
    halves: list[States] = []
    for first, last in ((0, middle), (middle, 2 * middle)):
        part = ballots.part(first, last)
        halves.append(states(part, orders(part, n_walks, rng), ladder(part.cap)))
    found: dict[float, Attained] = {}
    for price in PRICES:
        both = []
        for own, other in (halves, halves[::-1]):
            n = np.array(own.n)[worth(own.curve, own.n, price)]
            both.append(Attained.ahead(other, n))
        found[price] = Attained(
            *((getattr(both[0], of) + getattr(both[1], of)) / 2 for of in ("accuracy", "n", "rounds"))
        )
    curve = (halves[0].curve + halves[1].curve) / 2
    return found, Spending(curve, np.broadcast_to(np.array(halves[0].n, np.float64), curve.shape), comparison.drawn)


def _beside_oracle(comparison: Comparison, one: Attained, best: Spending, of_halves: Spending) -> Row:
    """What share of the oracle's gain is kept at the same mean budget, and how far that is above one half."""
    own = comparison.drawn @ one.accuracy - comparison.spending.at(one.n)
    most = best.at(one.n) - of_halves.at(one.n)
    share = float(own[0] / most[0]) if most[0] > 0 else float("nan")
    return {"share_of_oracle": share} | interval("over_half_oracle", "over_half_oracle_", own - most / 2)


def _references(
    comparison: Comparison, oracle: Oracle, n_bins: int, rng: np.random.Generator
) -> dict[str, dict[float, Attained]]:
    """Budgets by bins of pass@1, which uses answers, and by bins that say nothing."""
    seen, fit = comparison.test.seen, comparison.fit.seen
    priors = {"table_oracle": (oracle.fit, oracle.test)}
    if fit.prior is not None and seen.prior is not None:
        priors["table_shuffled"] = (rng.permutation(fit.prior), rng.permutation(seen.prior))
    return {
        policy: {
            price: Attained.ahead(seen, rule.of(known))
            for price, rule in zip(PRICES, fit_budgets(replace(fit, prior=of_fit), PRICES, n_bins), strict=True)
        }
        for policy, (of_fit, known) in priors.items()
    }


@dataclass(frozen=True)
class _Careful(Family):
    """Rules from the most careful on, and the validation questions that choose among them: none they are fitted on."""

    calibration: Bool[np.ndarray, " fitted"]


def _careful(comparison: Comparison, rng: np.random.Generator) -> list[_Careful]:
    """`beta`, calibrated on all validation questions, and `bellman`, fitted on one half and calibrated on the other."""
    fit, n_fit, cap = comparison.fit.seen, len(comparison.fit.order), comparison.test.ballots.cap
    half = np.zeros(n_fit, bool)
    half[rng.permutation(n_fit)[: n_fit // 2]] = True
    found = [_Careful("beta", {at: Beta(at, cap) for at in CONFIDENCES}, np.ones(n_fit, bool))]
    if not too_few(int(half.sum())):
        name = "bellman" if fit.prior is None else "bellman_prior"
        fitted = {rule.price: rule for rule in fit_bellman(fit.of(half), PRICES[::-1])}
        found.append(_Careful(name, {0.0: Budgets((cap,))} | fitted, ~half))
    return found


def _risks(
    comparison: Comparison,
    careful: _Careful,
    on_fit: Mapping[Rule, Stopped],
    on_test: Mapping[Rule, Stopped],
    rng: np.random.Generator,
) -> list[Row]:
    """The setting that conformal risk control takes, on validation questions.

    As a check of the promise, it is also taken on random halves of the test questions, its risk measured on the rest.
    """
    rules, rows = list(careful.rules.values()), list[Row]()
    losses = _losses(comparison.fit, [on_fit[rule] for rule in rules])[:, careful.calibration]
    tested = _losses(comparison.test, [on_test[rule] for rule in rules])
    splits = [rng.permutation(tested.shape[1]) < tested.shape[1] // 2 for _ in range(N_SPLITS)]
    for risk in RISKS:
        place = within_risk(losses, risk)
        kept = [float(tested[within_risk(tested[:, one], risk)][~one].mean()) for one in splits]
        row = comparison.row(careful.policy, list(careful.rules)[place], Attained.of(on_test[rules[place]]))
        row |= {"risk": risk, "n_calibration": losses.shape[1]}
        row |= share("realised", "realised_", tested[place], comparison.drawn @ tested[place])
        rows.append(row | {"realised_in_splits": float(np.mean(kept))})
    return rows


def _losses(side: Side, stopped: Sequence[Stopped]) -> Float[np.ndarray, "rule problem"]:
    """How often stopping early loses an answer that all samples get right."""
    at_last = side.seen.right[-1]
    return np.stack([(at_last & ~one.right).mean(axis=1) for one in stopped])
