"""Claims 18-27: revisions along a chain, ways to split a budget into chains, and how the model is trained (§6)."""

from tts_lib.common.strategy import MIXED, ORACLE, PARALLEL, REVISIONS, SEQUENTIAL, Strategy
from tts_lib.report.claims.claim import LARGEST, MIDDLE, Check, Claim, contrast
from tts_lib.report.claims.findings import LESS, MORE, Demand, Finding, paired
from tts_lib.report.claims.strategies import cheaper
from tts_lib.report.results import PAPER, TRAINED, NotMeasured, Results

_SEQUENTIAL, _MIXED = Strategy(SEQUENTIAL, "orm"), Strategy(MIXED, "orm")
_SEQUENTIAL_PRM, _SEQUENTIAL_ALONE = Strategy(SEQUENTIAL, "prm"), Strategy(SEQUENTIAL, "orm_alone")
_SEQUENTIAL_VOTE, _PARALLEL_VOTE = Strategy(SEQUENTIAL, "majority"), Strategy(REVISIONS, "majority", length=1)
_NOTABLE = 0.1  # of the right answers
_SPLIT = 128  # generations at which the ways to split them are compared
_EASY, _HARD = (1, 2), (4, 5)


def _rise(first: int, last: int) -> Check:
    """Change of accuracy along the chain."""

    def check(results: Results) -> Finding:
        early, late = results.attempt(PAPER, first), results.attempt(PAPER, last)
        rates = results.transitions
        note = f"{early.mean():.1%} to {late.mean():.1%}"
        if "new_after_wrong" in rates:
            found, fresh, most = (rates[what].rate for what in ("new_after_wrong", "independent", "without_repeats"))
            note += f"; after nothing but wrong attempts {found:.1%} are right, of fresh samples {fresh:.1%}, and "
            note += f"{most:.1%} of samples that never repeat an answer shown"
        return paired(results, late - early, f"attempt {first} to {last}", MORE, note=note)

    return check


def _undone(results: Results) -> Finding:
    """Share of right attempts that the next one makes wrong."""
    if PAPER not in results.revisions:
        raise NotMeasured("there are no chains of revisions")
    rates = results.transitions
    if "right_to_wrong" not in rates:
        raise NotMeasured("no right attempt is followed by another")
    found = rates["right_to_wrong"]
    verdict = Demand("more", threshold=_NOTABLE).verdict(found.low, found.high)
    shown = (100 * found.rate, 100 * found.low, 100 * found.high)
    note = f"{found.n:,} right attempts"
    if "wrong_to_right" in rates:
        other = rates["wrong_to_right"]
        note += f"; wrong ones turn right in {other.rate:.1%} [{other.low:.1%}, {other.high:.1%}]"
    return Finding("from one attempt to the next", *shown, "percent", verdict, note=note)


def _pairing(other: str) -> Check:
    """Accuracy after four attempts with the paper's histories minus that with others."""

    def check(results: Results) -> Finding:
        difference = results.attempt(PAPER, TRAINED) - results.attempt(other, TRAINED)
        return paired(results, difference, f"attempt {TRAINED}, {other.replace('_', ' ')} histories", MORE)

    return check


def _late_checkpoint(results: Results) -> Finding:
    """Accuracy of the attempt after four others at the last checkpoint minus that at the lowest loss (validation)."""
    if (table := results.checkpoints) is None:
        raise NotMeasured("there is no revision model")
    losses = dict(zip(table["checkpoint"], table["validation_loss"], strict=True))
    lowest, last = min(losses, key=losses.__getitem__), max(losses)
    if lowest == last:
        raise NotMeasured("the loss on trajectories still falls at the last checkpoint")
    step = str(max(int(column) for column in table if column.isdigit()))
    by = table.set_index(["question_id", "checkpoint"]).loc[:, step].unstack("checkpoint")
    note = f"{by[lowest].mean():.1%} to {by[last].mean():.1%} of the {len(by)} validation questions"
    at = f"checkpoint {last} minus {lowest}, attempt {step}"
    return paired(results, (by[last] - by[lowest]).to_numpy(), at, MORE, note=note)


def _after_rest_em(results: Results) -> Finding:
    """One chain minus parallel samples after ReST-EM."""
    return contrast(_SEQUENTIAL_VOTE, _PARALLEL_VOTE, LARGEST, LESS)(results.after_rest_em())


def _by_rest_em(results: Results) -> Finding:
    """What one chain gains over parallel samples after ReST-EM, minus what it gains before."""
    models = (results.after_rest_em(), results)
    n = min(model.budget(LARGEST, _SEQUENTIAL_VOTE, _PARALLEL_VOTE) for model in models)
    after, before = (model.of(_SEQUENTIAL_VOTE, n) - model.of(_PARALLEL_VOTE, n) for model in models)
    return paired(results, after - before, f"N = {n}", LESS)


CLAIMS = (
    Claim(
        "18a",
        "Revisions are right more often than first attempts",
        "change of accuracy along a chain",
        "18% to about 23% (Fig. 6)",
        _rise(1, TRAINED),
    ),
    Claim(
        "18b",
        "… and still improve past the fifth, the last one trained on",
        "change of accuracy along a chain",
        "to about 24% (Fig. 6)",
        _rise(TRAINED + 1, 4 * TRAINED),
    ),
    Claim(
        "19",
        "Right answers turn wrong at the next revision",
        "share above 10%",
        "38%",
        _undone,
    ),
    Claim(
        "20a",
        "Sequential revisions beat parallel samples (verifier)",
        "paired difference, one chain minus first attempts",
        "about 41% vs 39% at N = 64 (Fig. 6)",
        contrast(_SEQUENTIAL, PARALLEL, MIDDLE, MORE),
    ),
    Claim(
        "20b",
        "Sequential revisions beat parallel samples (majority)",
        "paired difference, one chain minus first attempts",
        "yes (Fig. 6)",
        contrast(_SEQUENTIAL_VOTE, _PARALLEL_VOTE, MIDDLE, MORE),
    ),
    Claim(
        "21a",
        "The best ratio is interior: a mixture beats parallel samples",
        "paired difference, chains near 16:1 minus first attempts",
        "about 44% vs 40% at N = 256 (Fig. 7)",
        contrast(_MIXED, PARALLEL, _SPLIT, MORE),
    ),
    Claim(
        "21b",
        "… and beats one long chain",
        "paired difference, chains near 16:1 minus one chain",
        "slightly (Fig. 7)",
        contrast(_MIXED, _SEQUENTIAL, _SPLIT, MORE),
    ),
    Claim(
        "22a",
        "Easy questions want one long chain rather than parallel samples",
        "paired difference, one chain minus first attempts",
        "yes (Fig. 7)",
        contrast(_SEQUENTIAL, PARALLEL, _SPLIT, MORE, bins=_EASY),
    ),
    Claim(
        "22b",
        "… and rather than a mixture",
        "paired difference, one chain minus chains near 16:1",
        "yes (Fig. 7)",
        contrast(_SEQUENTIAL, _MIXED, _SPLIT, MORE, bins=_EASY),
    ),
    Claim(
        "22c",
        "Hard questions want a mixture rather than one long chain",
        "paired difference, chains near 16:1 minus one chain",
        "yes (Fig. 7)",
        contrast(_MIXED, _SEQUENTIAL, _SPLIT, MORE, bins=_HARD),
    ),
    Claim(
        "22d",
        "… and rather than parallel samples",
        "paired difference, chains near 16:1 minus first attempts",
        "yes (Fig. 7)",
        contrast(_MIXED, PARALLEL, _SPLIT, MORE, bins=_HARD),
    ),
    Claim(
        "23",
        "Compute-optimal revisions are cheaper than parallel samples (oracle bins)",
        "iso-accuracy ratio, parallel at N = 64, above 1",
        "4 (64 vs 256)",
        cheaper(ORACLE, 1.0, "revisions", PARALLEL, "parallel"),
    ),
    Claim(
        "24a",
        "An ORM trained on revisions beats the base model's PRM",
        "paired difference, one chain",
        "about +1 at N = 64 (Fig. 15)",
        contrast(_SEQUENTIAL, _SEQUENTIAL_PRM, MIDDLE, MORE),
    ),
    Claim(
        "24b",
        "… and reading the earlier attempts helps it",
        "paired difference, one chain",
        "0 to +1 (Fig. 15)",
        contrast(_SEQUENTIAL, _SEQUENTIAL_ALONE, MIDDLE, MORE),
    ),
    Claim(
        "25a",
        "Choosing the history by edit distance helps",
        "paired difference from random histories",
        "claimed, not ablated",
        _pairing("random"),
    ),
    Claim(
        "25b",
        "… and histories help: better than learning right answers alone",
        "paired difference from no histories",
        "claimed, not ablated",
        _pairing("none"),
    ),
    Claim(
        "25c",
        "… and it is what they say that helps",
        "paired difference from the histories of other questions",
        "not tested",
        _pairing("shuffled"),
    ),
    Claim(
        "26",
        "A checkpoint past the lowest validation loss revises better",
        "paired difference on validation questions, one run whose rate decays",
        "qualitative (App. H)",
        _late_checkpoint,
    ),
    Claim(
        "27a",
        "After ReST-EM, long chains do worse than parallel samples",
        "paired difference by majority, one chain minus first attempts",
        "sharp decline (Fig. 16)",
        _after_rest_em,
    ),
    Claim(
        "27b",
        "… and lose more by it than those of the revision model it began from",
        "the same difference minus that of the paper's model, by majority",
        "yes (Fig. 16)",
        _by_rest_em,
    ),
)
