"""Sequential against parallel (§6.1-6.2): one question's budget N as N / L chains of L revisions each, for every L.

All of it is replayed from one pass over `revisions.chains.chain_lengths(N)`. A smaller budget is the mean over the
disjoint groups of chains that the pass holds: of 128 attempts with L = 1 there are 32 groups of 4.

Selection by a verifier is hierarchical: best-of-N weighted inside each chain, whose winning answer is represented by
its solution of highest score, and again across the chains. By majority all attempts of all chains vote at once. Ties go
to the earliest, chain by chain.
"""

from collections.abc import Mapping
from typing import Literal

import numpy as np
import pandas as pd
from jaxtyping import Float, Int, Shaped

from tts_lib.answers.cost import LEDGER, attended
from tts_lib.common.budgets import doublings
from tts_lib.common.errors import StudyError
from tts_lib.estimators.selection import MAJORITY
from tts_lib.grading import verdicts
from tts_lib.revisions.chains import chain_lengths

COLUMNS = ["question_id", "selection", "length", "budget", "accuracy", *LEDGER]
_AT_ONCE = 50  # questions: what is counted of their answers stays in the processor's cache


def accuracy(attempts: pd.DataFrame, scores: Mapping[str, np.ndarray], budget: int) -> pd.DataFrame:
    """One row (COLUMNS) for each question, selection, chain length and budget up to `budget`.

    Args:
        attempts: of `over_questions.sample_chains` over `chain_lengths(budget)`.
        scores: by selection, one for each attempt, of verifiers that read the prompt again before each attempt of a
            chain; majority needs none and is always there.

    Raises:
        StudyError: a question lacks attempts.
    """
    number, ids = pd.factorize(attempts["question_id"], sort=True)
    order = np.lexsort((attempts["position"], attempts["chain"], number))
    n_of_each, n_attempts = np.bincount(number, minlength=len(ids)), sum(chain_lengths(budget))
    if (wrong := n_of_each != n_attempts).any():
        first = int(wrong.argmax())
        raise StudyError(f"question {ids[first]} has {n_of_each[first]} attempts, not {n_attempts}")
    known = {name: attempts[name].to_numpy() for name in ("position", "n_prompt", "n_context", "n_tokens")}
    known |= {"answer": attempts["answer"].to_numpy(dtype=object)} | dict(scores)
    known["right"] = (attempts["verdict"] == verdicts.CORRECT).to_numpy()
    columns = {name: values[order].reshape(-1, n_attempts) for name, values in known.items()}
    found = []
    for first in range(0, len(ids), _AT_ONCE):
        here = slice(first, first + _AT_ONCE)
        values = {name: of[here] for name, of in columns.items()}
        found.append(_of_questions(np.asarray(ids)[here], values, list(scores), budget))
    return pd.concat(found, ignore_index=True) if found else pd.DataFrame(columns=COLUMNS)


def mean_accuracy(ratios: pd.DataFrame) -> pd.DataFrame:
    """Mean over questions for each selection, budget and chain length."""
    return pd.DataFrame(ratios.groupby(["selection", "budget", "length"], as_index=False)["accuracy"].mean())


def chain_length(way: Literal["parallel", "sequential", "mixed"], budget: int) -> int:
    """Length of the chains: 1, all of the budget, or in between the longest whose sequential:parallel is up to 16:1.

    16:1 is near the best ratio of the paper (Fig. 7). A budget below 4 has nothing in between: all of it.
    """
    if way == "mixed":
        between = [length for length in doublings(budget)[1:-1] if length * length <= 16 * budget]
        return between[-1] if between else budget
    return 1 if way == "parallel" else budget


def chosen(classes: Int[np.ndarray, " attempt"], scores: Float[np.ndarray, " attempt"], length: int) -> int:
    """The attempt that answers, of chains of this length, end to end: the best of each chain, and of those the best."""
    winners = _winners(np.arange(len(classes)).reshape(-1, length), classes, scores)
    return int(_winners(winners[None], classes, scores)[0])


def _of_questions(
    ids: np.ndarray, values: Mapping[str, Shaped[np.ndarray, "question attempt"]], verifiers: list[str], budget: int
) -> pd.DataFrame:
    """The rows of some questions, whose attempts are in order of chain and position."""
    n_questions, n_attempts = values["answer"].shape
    classes = np.stack([pd.factorize(of)[0] for of in values["answer"]])  # -1 = none
    class_right = np.zeros((n_questions, classes.max() + 2), bool)  # the last entry stands for no answer
    question, attempt = np.nonzero(values["right"])
    class_right[question, classes[question, attempt]] = True
    of_each, every = np.arange(n_questions)[:, None], classes.ravel()
    starts, prompt = np.flatnonzero(values["position"][0] == 1), values["n_prompt"][:, 0].astype(np.float64)
    keys, rows = [], []
    for length in doublings(budget):
        chains = starts[: budget // length, None] + np.arange(length)  # (chain, position)
        members = (n_attempts * of_each[..., None] + chains).reshape(-1, length)
        context, own = values["n_context"][:, chains], values["n_tokens"][:, chains]
        contexts, written = context[..., 1:].sum(2), own.sum(2)
        # First attempts share one reading of the prompt; the others read their contexts, as their verifier does.
        after = (attended(0, context[..., 1:]).sum(2), attended(context, own).sum(2))
        winners = {name: _winners(members, every, values[name].ravel()) for name in verifiers}
        for n in doublings(budget, length):
            shape = (n_questions, budget // n, n // length)  # groups of chains that spend this budget, chains of each
            read, wrote, *positions = (tokens.reshape(shape).sum(2).mean(1) for tokens in (contexts, written, *after))
            all_attended = attended(0, prompt) + sum(positions)
            # Attempts of one turn are sampled beside each other: the longest of each takes as many passes.
            passes = own.reshape(*shape, length).max(2).sum(2).mean(1)
            policy = (prompt + read, wrote)  # first attempts share their prompt
            verifier = (prompt if length == 1 else n * prompt, wrote)
            chosen = {MAJORITY: (members.reshape(-1, n), None)}
            chosen |= {name: (of.reshape(-1, n // length), values[name].ravel()) for name, of in winners.items()}
            for name, (group, scores) in chosen.items():
                final = every[_winners(group, every, scores)].reshape(n_questions, -1)
                judged = (0.0, 0.0) if scores is None else verifier
                seen = (all_attended, 0.0 if scores is None else all_attended)
                seen += (passes, prompt + read + positions[1], 0.0 if scores is None else 1.0)
                keys.append((name, length, n))
                rows.append(np.broadcast_arrays(class_right[of_each, final].mean(1), *policy, *judged, length, *seen))
    numbers = np.array(rows).transpose(2, 0, 1).reshape(n_questions * len(keys), -1)  # a question's rows together
    named = pd.DataFrame(keys * n_questions, columns=COLUMNS[1:4])
    named.insert(0, "question_id", np.repeat(ids, len(keys)))
    return pd.concat([named, pd.DataFrame(numbers, columns=COLUMNS[4:])], axis=1)


def _winners(
    groups: Int[np.ndarray, "group member"], classes: Int[np.ndarray, " attempt"], scores: np.ndarray | None
) -> Int[np.ndarray, " group"]:
    """The attempt that represents each group's answer, by majority where there are no scores.

    Members are attempts. A group without any answer is represented by its first attempt, which has none either.
    """
    proposed = classes[groups]
    weights = np.ones(groups.shape) if scores is None else scores[groups].astype(np.float64)
    return np.take_along_axis(groups, _vote(proposed, weights)[:, None], 1)[:, 0]


def _vote(
    classes: Int[np.ndarray, "group member"], weights: Float[np.ndarray, "group member"]
) -> Int[np.ndarray, " group"]:
    """The member that represents each group's winning answer: its highest weight, the first of equals.

    The answer of the largest sum of weights wins, of equal sums the one proposed first. Members without an answer
    (class -1) do not vote; where none has one, the choice does not matter.
    """
    n_groups = len(classes)
    n_classes = int(classes.max(initial=-1)) + 1
    if n_classes == 0:
        return np.zeros(n_groups, np.int64)
    voting = classes >= 0
    group = np.broadcast_to(np.arange(n_groups)[:, None], classes.shape)
    cells = (group * n_classes + classes)[voting]
    sums = np.bincount(cells, weights[voting], n_groups * n_classes)
    mine = np.where(voting, sums[np.where(voting, group * n_classes + classes, 0)], -1.0)
    first = mine.argmax(1)  # a member of the winning answer, the first proposed
    winner = np.take_along_axis(classes, first[:, None], 1)
    return np.where(classes == winner, weights, -1.0).argmax(1)
