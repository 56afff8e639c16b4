"""The stopping policies that are handed on: for every number of samples a question may have, a rule that spends fewer.

Each is `bellman` without anything known beforehand, fitted on one half of the validation questions. Its price is the
largest that keeps the risk, on the other half, to lose a right answer. Handed on is only what beats, on that half, a
uniform budget of the mean that it spends: else a smaller budget would do as well.
"""

from dataclasses import replace

import numpy as np
from jaxtyping import Int

from tts_lib.strategies.stopping.comparison import Attained, Comparison, Spending
from tts_lib.strategies.stopping.fitting import PRICES, fit_bellman, too_few, within_risk
from tts_lib.strategies.stopping.policy import Look, Policy
from tts_lib.strategies.stopping.rules import Bellman
from tts_lib.strategies.stopping.walks import States

RISK = 0.02  # chance that stopping early loses a right answer


def policies(compared: Comparison, rng: np.random.Generator) -> list[Policy]:
    """One for each power of two that pays, up to what the pools hold; none from too few questions."""
    everyone = replace(compared.fit.seen, prior=None)
    n_fit = everyone.right.shape[1]
    half = np.zeros(n_fit, bool)
    half[rng.permutation(n_fit)[: n_fit // 2]] = True
    if too_few(int(half.sum())):
        return []
    found = []
    for budget in everyone.n[1:]:
        here = everyone.at([n for n in everyone.n if n <= budget])
        policy = _policy(compared, here.of(half), here.of(~half), compared.fit.uniform.of(~half))
        if policy is not None:
            found.append(policy)
    return found


def _policy(compared: Comparison, fit: States, calibration: States, uniform: States) -> Policy | None:
    rules = fit_bellman(fit, PRICES[::-1])  # the cheapest samples, and so the most careful, first
    places = [rule.stop(calibration) for rule in rules]
    lost = np.stack([(calibration.right[-1] & ~_right(calibration, at)).mean(axis=1) for at in places])
    never = np.zeros((1, lost.shape[1]))
    if (at := within_risk(np.vstack([never, lost]), RISK) - 1) < 0:
        return None
    even = np.full((1, lost.shape[1]), 1 / lost.shape[1])
    known = Spending(uniform.curve, np.broadcast_to(np.array(uniform.n, np.float64), uniform.curve.shape), even)
    own = _attained(calibration, places[at])
    if own.accuracy.mean() <= known.at(own.n)[0] + 1e-9:  # or it stops nowhere
        return None
    rule, tested = rules[at], compared.test.seen.at(fit.n)
    one = _attained(tested, rule.stop(tested))
    row = compared.row("bellman", rule.price, one)
    return Policy(
        vote=compared.vote,  # pyright: ignore
        budget=fit.n[-1],
        price=rule.price,
        risk=RISK,
        looks=_looks(rule),
        mean_budget_fit=float(own.n.mean()),
        accuracy_of_all=float(tested.right[-1].mean()),
        n_questions=len(one.n),
        **{name: float(row[name]) for name in ("mean_budget", "rounds", "accuracy", "gain", "gain_low", "gain_high")},
    )


def _attained(seen: States, places: Int[np.ndarray, "problem walk"]) -> Attained:
    n = np.array(seen.n)[places]
    return Attained(_right(seen, places).mean(axis=1), n.mean(axis=1), (places + 1).mean(axis=1))


def _right(seen: States, places: Int[np.ndarray, "problem walk"]) -> np.ndarray:
    return np.take_along_axis(seen.right, places[None], axis=0)[0]


def _looks(rule: Bellman) -> tuple[Look, ...]:
    found = []
    for n, cells, goes_on in zip(rule.n, rule.cells, rule.goes_on, strict=True):
        rows = goes_on.reshape(len(cells.share) + 1, len(cells.score) + 1).tolist()
        share, score = tuple(cells.share.tolist()), tuple(cells.score.tolist())
        found.append(Look(n=n, share=share, score=score, goes_on=tuple(tuple(row) for row in rows)))
    return tuple(found)
