"""Claims 18, 19 and 25: what happens along a chain of revisions (§6.1, App. H)."""

from tts_lib import revision_chains
from tts_lib.report.findings import Finding, decide, paired
from tts_lib.report.registry import Check, Claim
from tts_lib.report.results import NotMeasured, Results

_PAPER = "edit_distance"  # how the paper chooses the history
_TRAINED = 4  # attempts in the context of the training data at most
_NOTABLE = 0.1  # of the right answers


def _rise(first: int, last: int) -> Check:
    """Change of accuracy along the chain."""

    def check(results: Results) -> Finding:
        early, late = results.attempt(_PAPER, first), results.attempt(_PAPER, last)
        rates = revision_chains.transitions(results.revisions[_PAPER], results.weights(results.n_questions))
        note = f"{early.mean():.1%} to {late.mean():.1%}"
        if "new_after_wrong" in rates:
            found, fresh = rates["new_after_wrong"], rates["independent"]
            note += f"; after nothing but wrong attempts {found.rate:.1%} are right, of fresh samples {fresh.rate:.1%}"
        return paired(results, late - early, f"attempt {first} to {last}", "more", note=note)

    return check


def _undone(results: Results) -> Finding:
    """Share of right attempts that the next one makes wrong."""
    if _PAPER not in results.revisions:
        raise NotMeasured("there are no chains of revisions")
    rates = revision_chains.transitions(results.revisions[_PAPER], results.weights(results.n_questions))
    if "right_to_wrong" not in rates:
        raise NotMeasured("no right attempt is followed by another")
    found = rates["right_to_wrong"]
    verdict = decide("more", found.low, found.high, _NOTABLE)
    shown = (100 * found.rate, 100 * found.low, 100 * found.high)
    return Finding("from one attempt to the next", *shown, "percent", verdict, note=f"{found.n:,} right attempts")


def _pairing(other: str) -> Check:
    """Accuracy after four attempts with the paper's histories minus that with others."""

    def check(results: Results) -> Finding:
        difference = results.attempt(_PAPER, _TRAINED) - results.attempt(other, _TRAINED)
        return paired(results, difference, f"attempt {_TRAINED}, {other.replace('_', ' ')} histories", "more")

    return check


CLAIMS = (
    Claim(
        "18a",
        "Revisions are right more often than first attempts",
        "change of accuracy along a chain",
        "18% to about 23% (Fig. 6)",
        _rise(1, _TRAINED),
    ),
    Claim(
        "18b",
        "… and still improve past the four attempts trained on",
        "change of accuracy along a chain",
        "to about 24% (Fig. 6)",
        _rise(_TRAINED, 2 * _TRAINED),
    ),
    Claim(
        "19",
        "Right answers turn wrong at the next revision",
        "share above 10%",
        "38%",
        _undone,
    ),
    Claim(
        "25",
        "Choosing the history by edit distance helps",
        "paired difference from random histories",
        "claimed, not ablated",
        _pairing("random"),
    ),
)
