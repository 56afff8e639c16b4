"""Orders in which a pool's samples may really stand: as each would have it, how many more golds do they give?

Two are tried: a block of rows that slipped by some distance, and samples that were dealt out in turn to the questions
of a batch. Every gold counts, however often coincidence hits it, since all questions are judged at once: chance is what
a random pairing of questions and golds gives, with the standard deviation over all pairings (Hoeffding 1951, "A
combinatorial central limit theorem"). A question's samples weigh 1 together.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Int

from tts_lib.imported import slips
from tts_lib.imported.pairing import Pairing
from tts_lib.imported.slips import Slip
from tts_lib.imported.strays import Answers


@dataclass(frozen=True)
class Orders:
    """Golds above chance, in questions."""

    own: float  # as the pool stands
    sd: float  # by chance
    distance: int  # the one that gives most golds, in questions, in the pool's order
    block: tuple[int, int]  # the first question of those that gain most by it, and the one behind the last
    slipped: float  # golds of the block at this distance
    kept: float  # golds of the block as it stands
    two_way: float  # how far those who give these golds are also those whose golds are given: 0 in recitation, about 1
    batch: int  # questions to which samples may have been dealt out, 0 if it is none
    dealt: float  # golds if they are gathered again
    dealt_sds: float  # standard deviations, of samples that came forward or back, whichever are fewer
    slip: Slip  # of a block, by what is likely


def find(answers: Answers, question: Int[np.ndarray, " sample"]) -> Orders:
    """Try the orders on a pool.

    Args:
        answers: the golds, in the pool's order of questions, and the samples' answers.
        question: each sample's question, an index into the golds.
    """
    pairing = Pairing(answers, question)
    batch, dealt, dealt_sds = pairing.best_batch()
    by_distance = pairing.by_distance()
    distance = int(by_distance[1:].argmax()) + 1 if pairing.n > 1 else 0
    at_home, elsewhere = pairing.golds_at(0), pairing.golds_at(distance)
    gained = np.concatenate([[0.0], np.cumsum(elsewhere - at_home)])
    stop = int((gained - np.minimum.accumulate(gained)).argmax())
    start = int(gained[: stop + 1].argmin())
    slipped = float(elsewhere[start:stop].sum())
    return Orders(
        own=float(by_distance[0]),
        sd=pairing.sd,
        distance=distance if distance <= pairing.n // 2 else distance - pairing.n,
        block=(start, stop),
        slipped=slipped,
        kept=float(at_home[start:stop].sum()),
        two_way=pairing.two_way(distance, start, stop),
        batch=batch,
        dealt=dealt,
        dealt_sds=dealt_sds,
        slip=slips.find(pairing),
    )
