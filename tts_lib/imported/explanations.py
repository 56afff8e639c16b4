"""Why golds turn up at other questions than their own, and how well each reason accounts for what was seen.

- Coincidence: wrong answers hit them, wherever and whoever they belong to.
- Recitation: a question is a changed copy of another, and the model gives the answer that it knows. That is one-way,
  from the original to its copies, and what is recited is known at home too.
- Misplacement: samples stand at the wrong question. What came to one place has left another, so a gold that turns up
  elsewhere is missing at home, and traffic is two-way: a question that hosts strays has lost samples of its own.
"""

from dataclasses import dataclass
from functools import partial
from math import log

import numpy as np
from jaxtyping import Bool, Float

_KNOWN = 0.1  # of the recited golds, at least, are given at home
_SHARES = np.linspace(0, 0.98, 50)[:, None]  # of the golds that strayed for a reason
_LEAST_TRAFFIC = 0.25  # questions of two-way traffic that coincidence makes, at least


@dataclass(frozen=True)
class Traffic:
    """Golds given elsewhere, and what misplacement explains of them. Logarithms are natural."""

    strays: int  # golds
    lost: int  # of them, missing at home
    by_chance: float  # strays expected of coincidence
    over_chance: float  # log-likelihood of misplacement less that of coincidence alone
    over_recitation: float  # less that of recitation and coincidence
    two_way: float  # the same, of how many questions both host strays and are missed elsewhere


def explain(
    hosts: Bool[np.ndarray, " question"],
    strayed: Bool[np.ndarray, " question"],
    found: Bool[np.ndarray, " question"],
    tells: Bool[np.ndarray, " question"],
    by_chance: Float[np.ndarray, " question"],
    home_by_chance: Float[np.ndarray, " question"],
) -> Traffic:
    """Weigh the explanations of some strays.

    Args:
        hosts: questions that give one of the strays.
        strayed: questions whose golds they are; these golds tell.
        found: questions whose golds are given at home.
        tells: golds to judge by.
        by_chance: probabilities with which coincidence makes a gold stray.
        home_by_chance: probabilities with which coincidence gives it at home.
    """
    # Where one way is recitation, the other is coincidence: a host's gold strays, or the question of a stray hosts.
    if_recited = by_chance[hosts & tells].sum() + strayed.sum() * by_chance[tells].sum() / len(hosts)
    if_recited = max(if_recited, _LEAST_TRAFFIC)
    if_misplaced = max(hosts.sum() * strayed.sum() / len(hosts), if_recited)
    n_two_way = (hosts & strayed).sum()
    over_chance, over_recitation = _log_odds(*(x[tells] for x in (strayed, found, by_chance, home_by_chance)))
    return Traffic(
        strays=int(strayed.sum()),
        lost=int((strayed & ~found).sum()),
        by_chance=float(by_chance[tells].sum()),
        over_chance=over_chance,
        over_recitation=over_recitation,
        two_way=float(n_two_way * log(if_misplaced / if_recited) - (if_misplaced - if_recited)),
    )


def _log_odds(
    strayed: Bool[np.ndarray, " gold"],
    found: Bool[np.ndarray, " gold"],
    by_chance: Float[np.ndarray, " gold"],
    home_by_chance: Float[np.ndarray, " gold"],
) -> tuple[float, float]:
    """Log-likelihood of misplacement less that of coincidence, and less that of recitation.

    Each gold is given elsewhere, at home, at both, or nowhere. A share of the golds, the likeliest, was misplaced or
    recited, and coincidence strikes the others. Misplaced golds are found at home by coincidence only, recited ones as
    often as all golds are, or a tenth of them.
    """
    if not len(found):
        return 0.0, 0.0
    known = max(float((found.mean() - home_by_chance.mean()) / (1 - home_by_chance.mean())), 0.0)
    at_home = partial(_at_home, found, home_by_chance)
    log_likelihoods = partial(_log_likelihoods, strayed, by_chance)
    misplaced = log_likelihoods(at_home(0.0), at_home(np.minimum(known / (1 - _SHARES), 1)))
    recited = log_likelihoods(at_home(max(known, _KNOWN)), at_home(known))
    return float(misplaced.max() - misplaced[0]), float(misplaced.max() - recited.max())


def _at_home(
    found: Bool[np.ndarray, " gold"], home_by_chance: Float[np.ndarray, " gold"], known: float | np.ndarray
) -> Float[np.ndarray, "share gold"] | Float[np.ndarray, " gold"]:
    """Probabilities of what was seen at home, where this share of the golds is known."""
    missing = (1 - home_by_chance) * (1 - known)
    return np.where(found, 1 - missing, missing)


def _log_likelihoods(
    strayed: Bool[np.ndarray, " gold"],
    by_chance: Float[np.ndarray, " gold"],
    of_strays: Float[np.ndarray, "share gold"] | Float[np.ndarray, " gold"],
    of_others: Float[np.ndarray, "share gold"] | Float[np.ndarray, " gold"],
) -> Float[np.ndarray, " share"]:
    """One a share of strays."""
    elsewhere = _SHARES * of_strays + (1 - _SHARES) * by_chance * of_others
    not_elsewhere = (1 - _SHARES) * (1 - by_chance) * of_others
    return np.log(np.where(strayed, elsewhere, not_elsewhere).clip(1e-300)).sum(axis=1)
