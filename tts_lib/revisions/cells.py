"""The cells of `restart` and the trees of `tree` over a table of questions: sampled, graded, and what each is worth."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from jaxtyping import Float

from tts_lib.answers.protocols import FINISH_END, Policy, Verifier
from tts_lib.answers.question_table import Question, QuestionTable
from tts_lib.answers.scheduler import Scheduler
from tts_lib.common.rng import Part
from tts_lib.estimators import selection
from tts_lib.grading import verdicts
from tts_lib.revisions.restart import Restart, Restarted
from tts_lib.revisions.tree import Revised, ReviseTree

COLUMNS = [
    *("question_id", "group", "turn", "before", "text", "answer_class", "finished", "right", "score"),
    *("n_read", "n_written", "n_tokens"),
]


def sample_cell(
    method: Restart,
    questions: QuestionTable,
    shape: tuple[int, int],
    engines: tuple[Policy, Verifier],
    seed_key: tuple[Part, ...],
) -> pd.DataFrame:
    """Chains of a cell: one row (COLUMNS) for each attempt, in order of question, chain (group) and position (turn).

    Args:
        shape: chains, and attempts of each.

    Raises:
        StudyError: sampling failed for a question; names it and the reason.
    """
    with questions.naming():
        found = Scheduler(*engines).run({q.question_id: method.search(q, *shape, seed_key) for q in questions})
    parts = [_chains(questions, q, found[q.question_id].found(f"the chains of {q.question_id}")) for q in questions]
    return pd.concat(parts, ignore_index=True)


def sample_tree(
    method: ReviseTree,
    questions: QuestionTable,
    shape: tuple[int, int],
    engines: tuple[Policy, Verifier],
    seed_key: tuple[Part, ...],
) -> pd.DataFrame:
    """Trees: one row (COLUMNS) for each attempt, `group` its place and `turn` its level, `before` its parent's place.

    Args:
        shape: attempts of a level, and levels.

    Raises:
        StudyError: sampling failed for a question; names it and the reason.
    """
    with questions.naming():
        found = Scheduler(*engines).run({q.question_id: method.search(q, *shape, seed_key) for q in questions})
    parts = [_levels(questions, q, found[q.question_id].found(f"the tree of {q.question_id}")) for q in questions]
    return pd.concat(parts, ignore_index=True)


def accuracy(attempts: pd.DataFrame, n_groups: int, length: int) -> dict[int, Float[np.ndarray, " problem"]]:
    """By budget, how often best-of-N weighted among all attempts is right, questions in the table's order.

    A budget of so many chains is the mean over the disjoint groups of chains that there are.

    Args:
        attempts: of `sample_cell`, all questions alike.
        n_groups, length: chains a question, a power of two, and attempts of each.
    """
    n = n_groups * length
    classes, scores = (attempts[name].to_numpy().reshape(-1, n) for name in ("answer_class", "score"))
    right, found = attempts["right"].to_numpy(bool).reshape(-1, n), dict[int, np.ndarray]()
    n_chains = 1
    while n_chains <= n_groups:
        size = n_chains * length
        shares = [
            np.mean([_weighted(c[at : at + size], s[at : at + size], r[at : at + size]) for at in range(0, n, size)])
            for c, s, r in zip(classes, scores, right, strict=True)
        ]
        found[size] = np.array(shares)
        n_chains *= 2
    return found


def tokens(attempts: pd.DataFrame, prompt_tokens: Mapping[str, int]) -> Float[np.ndarray, "2 problem"]:
    """Tokens of policy and verifier for one attempt of each question, on average.

    First attempts share one reading of the prompt, as their verifier does, so that a question's prompt is added twice
    whatever the budget; later ones read their context, and the verifier every attempt as a whole.
    """
    read = np.where(attempts["turn"] == 1, 0, attempts["n_read"])
    table = pd.DataFrame({"question_id": attempts["question_id"], "policy": read + attempts["n_written"]})
    table["verifier"] = np.where(attempts["finished"], attempts["n_tokens"], 0)
    means = pd.DataFrame(table.groupby("question_id", sort=False).mean())
    return means.reindex(index=list(prompt_tokens), columns=["policy", "verifier"]).to_numpy(np.float64).T


def flips(attempts: pd.DataFrame) -> pd.DataFrame:
    """Of the attempts after the first turn: how often a right one became wrong and a wrong one right, per question.

    Returns a table question_id, n_right, right_to_wrong, n_wrong, wrong_to_right (counts).
    """
    keys = ["question_id", "turn", "group"]
    before = attempts.set_index(keys)["right"]
    after = attempts.loc[attempts["turn"] > 1]
    index = pd.MultiIndex.from_arrays([after["question_id"], after["turn"] - 1, after["before"]], names=keys)
    was, now = before.reindex(index).to_numpy(bool), after["right"].to_numpy(bool)
    counts = {"n_right": was, "right_to_wrong": was & ~now, "n_wrong": ~was, "wrong_to_right": ~was & now}
    table = pd.DataFrame({"question_id": after["question_id"].to_numpy(), **counts})
    return pd.DataFrame(table.groupby("question_id", sort=False, as_index=False).sum())


def _weighted(classes: np.ndarray, scores: np.ndarray, right: np.ndarray) -> bool:
    return selection.best_of_n_weighted(classes, scores.astype(np.float64), right).correct


def _chains(questions: QuestionTable, question: Question, attempts: Sequence[Restarted]) -> pd.DataFrame:
    ordered = sorted(attempts, key=lambda attempt: (attempt.chain, attempt.position))
    facts = [
        (a.chain, a.position, a.chain, a.scores[-1] if len(a.scores) else 0.0, a.n_context, len(a.tokens) - a.n_kept)
        for a in ordered
    ]
    return _judged(questions, question, [(a.tokens, a.finish) for a in ordered], facts)


def _levels(questions: QuestionTable, question: Question, attempts: Sequence[Revised]) -> pd.DataFrame:
    facts = [(a.place, a.level, a.parent, a.score, a.n_context, len(a.tokens)) for a in attempts]
    return _judged(questions, question, [(a.tokens, a.finish) for a in attempts], facts)


def _judged(
    questions: QuestionTable, question: Question, solutions: Sequence[tuple[np.ndarray, int]], facts: Sequence[tuple]
) -> pd.DataFrame:
    texts = questions.codec.decode([tokens for tokens, _ in solutions])
    judged, done = questions.judged(question.question_id, texts), np.array([f == FINISH_END for _, f in solutions])
    group, turn, before, score, n_read, n_written = zip(*facts, strict=True)
    return pd.DataFrame(
        {
            "question_id": question.question_id,
            "group": group,
            "turn": turn,
            "before": before,
            "text": texts,
            "finished": done,
            "answer_class": np.where(done, judged.classes, selection.NO_ANSWER),
            "right": done & (np.array(judged.verdicts) == verdicts.CORRECT),
            "score": score,
            "n_read": n_read,
            "n_written": n_written,
            "n_tokens": [len(tokens) for tokens, _ in solutions],
        },
        columns=COLUMNS,
    )
