"""What a study says of one revision model: accuracy along its chains, and what follows an attempt, in words."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, Int

from tts_lib.estimators import intervals
from tts_lib.grading import verdicts

COLUMNS = ["strategy", "position", "accuracy", "low", "high"]
SAID = {
    "right_to_wrong": "of the right attempts are followed by a wrong one (paper: 38%)",
    "wrong_to_right": "of the wrong ones by a right one",
    "new_after_wrong": "of the attempts after nothing but wrong ones are right",
    "independent": "of fresh samples of the same questions would be",
    "without_repeats": "of fresh samples that never repeat an answer shown",
    "same_again": "of the wrong answers are given once more",
    "same_by_chance": "would be by chance",
}


@dataclass(frozen=True)
class Rate:
    """How often something happened, with its bootstrap interval over questions (percentile)."""

    rate: float
    low: float
    high: float
    n: int  # occasions


def by_position(attempts: pd.DataFrame, n_positions: int) -> pd.DataFrame:
    """Share of right attempts of each question (rows) at positions 1..n_positions, over chains that reach them all."""
    length = pd.Series(attempts.groupby(["question_id", "chain"])["position"].transform("max"))
    part = attempts[(length >= n_positions) & (attempts["position"] <= n_positions)]
    right = (part["verdict"] == verdicts.CORRECT).astype(float)
    shares = pd.Series(right.groupby([part["question_id"], part["position"]]).mean())
    return pd.DataFrame(shares.unstack("position"))  # noqa: PD010 - no gaps


def transitions(
    attempts: pd.DataFrame, weights: Float[np.ndarray, "resample problem"], max_history: int
) -> dict[str, Rate]:
    """What follows an attempt in its chain.

    right_to_wrong, wrong_to_right; same_again: the wrong answer before, given once more, and same_by_chance: how often
    a fresh sample gives it, the first attempt of another chain. new_after_wrong: right after nothing but wrong
    attempts; independent: how often fresh samples of the same questions are right, each counted as often;
    without_repeats: how often they would be if they never gave an answer of the attempts shown. The first above the
    second is what seeing the failures buys, the third what it could buy by ruling them out. What never had the occasion
    to happen is left out, and so is a question of one chain where fresh samples are asked for.

    Args:
        weights: bootstrap weights over the questions, in the order of their ids.
    """
    table = attempts.sort_values(["question_id", "chain", "position"], kind="stable")
    right = pd.Series(table["verdict"] == verdicts.CORRECT)
    question, chain = pd.Series(table["question_id"]), [table["question_id"], table["chain"]]
    before = pd.Series(right.groupby(chain).shift())
    earlier = right.groupby(chain).cumsum() - right
    chance = _elsewhere(table, right)
    after_right, after_wrong = before.eq(True), before.eq(False)
    only_wrong = after_wrong & (earlier == 0)
    fresh = _Fresh.of(table)
    answer_before = np.where(fresh.begins, -1, np.roll(fresh.answers, 1))
    repeated = pd.Series(fresh.share(fresh.elsewhere(answer_before)), table.index)
    seen = pd.Series(fresh.share(_seen(fresh, max_history)), table.index)
    answered = after_wrong & (answer_before >= 0)
    cases: Mapping[str, tuple[pd.Series, pd.Series]] = {
        "right_to_wrong": (after_right, ~right),
        "wrong_to_right": (after_wrong, right),
        "same_again": (answered, pd.Series(fresh.answers == answer_before, table.index)),
        "same_by_chance": (answered, repeated),
        "new_after_wrong": (only_wrong, right),
        "independent": (only_wrong, chance),
        "without_repeats": (only_wrong, (chance / (1 - seen).where(chance > 0, 1)).clip(upper=1)),
    }
    ids = sorted(table["question_id"].unique())
    cases = {name: (of & value.notna(), value) for name, (of, value) in cases.items()}
    found = {name: (of, value) for name, (of, value) in cases.items() if of.any()}
    return {name: _rate(question, of, value, ids, weights) for name, (of, value) in found.items()}


def _elsewhere(table: pd.DataFrame, right: pd.Series) -> pd.Series:
    """Share of right first attempts among the *other* chains of the question; NaN where there are none.

    A chain's own first attempt is known to be wrong where nothing but wrong attempts came, so that it says nothing of
    what a fresh sample would have given.
    """
    first = right.where(table["position"] == 1, 0).astype(float)
    of_question = pd.Series(first.groupby(table["question_id"]).transform("sum"))
    of_chain = pd.Series(first.groupby([table["question_id"], table["chain"]]).transform("sum"))
    n_chains = pd.Series(table.groupby("question_id")["chain"].transform("nunique"))
    return (of_question - of_chain) / (n_chains - 1).where(n_chains > 1)


@dataclass(frozen=True, eq=False)
class _Fresh:
    """First attempts, which are fresh samples, and how often they give an answer.

    Attributes:
        begins: whether an attempt is the first of its chain.
        answers: of the attempts as numbers, every question's its own; -1 = none.
        n_chains: others of the question, for each attempt.
    """

    begins: Bool[np.ndarray, " attempt"]
    answers: Int[np.ndarray, " attempt"]
    n_chains: Int[np.ndarray, " attempt"]
    _own: Int[np.ndarray, " attempt"]  # the answer that the chain begins with

    @classmethod
    def of(cls, table: pd.DataFrame) -> "_Fresh":
        """Of attempts in the order of their chains."""
        begins = (table["position"] == 1).to_numpy()
        questions, names = (pd.factorize(table[of])[0] for of in ("question_id", "answer"))
        pairs = pd.factorize(questions * (names.max(initial=0) + 1) + names)[0]
        answers = np.where(names >= 0, pairs, -1)
        n_chains = np.bincount(questions[begins])[questions] - 1
        return cls(begins, answers, n_chains, answers[begins][np.cumsum(begins) - 1])

    def elsewhere(self, answers: Int[np.ndarray, " attempt"]) -> Int[np.ndarray, " attempt"]:
        """How many of the question's other chains begin with this answer, for each attempt."""
        given = self.answers[self.begins & (self.answers >= 0)]
        counts = np.bincount(given, minlength=len(self.answers))
        return np.where(answers >= 0, counts[answers] - (self._own == answers), 0)

    def share(self, n: Int[np.ndarray, " attempt"]) -> Float[np.ndarray, " attempt"]:
        """So many as a share of the question's other chains; NaN where there are none."""
        return np.divide(n, self.n_chains, out=np.full(len(n), np.nan), where=self.n_chains > 0)


def _seen(fresh: _Fresh, max_history: int) -> Int[np.ndarray, " attempt"]:
    """How many of the question's other chains begin with one of the last answers of the chain, for each attempt."""
    answered = fresh.answers >= 0
    before = np.cumsum(answered) - answered  # attempts with an answer, in all chains
    first = before[fresh.begins][np.cumsum(fresh.begins) - 1]  # of the chain
    given, found, shown = np.append(fresh.answers[answered], -1), np.zeros(len(answered), np.int64), []
    for back in range(1, max_history + 1):
        answers = np.where(before - back >= first, given[before - back], -1)
        new = np.logical_and.reduce([answers != other for other in shown], axis=0) if shown else True
        found += np.where(new, fresh.elsewhere(answers), 0)
        shown.append(answers)
    return found


def _rate(
    question: pd.Series, of: pd.Series, value: pd.Series, ids: list[str], weights: Float[np.ndarray, "resample problem"]
) -> Rate:
    """The mean of `value` where `of` holds: a ratio of two sums over questions."""
    total = pd.Series(of.astype(float).groupby(question).sum()).reindex(ids).to_numpy()
    sums = pd.Series((value.astype(float).fillna(0) * of).groupby(question).sum()).reindex(ids).to_numpy()
    below = weights @ total
    drawn = (weights @ sums)[below > 0] / below[below > 0]
    low, high = np.quantile(drawn, [0.025, 0.975])
    return Rate(float(sums.sum() / total.sum()), float(low), float(high), int(total.sum()))


def summary(
    chains: pd.DataFrame,
    pairing: str,
    n_positions: int,
    max_history: int,
    weights: Float[np.ndarray, "resample problem"],
) -> tuple[pd.DataFrame, dict[str, Rate], dict[str, Any]]:
    """What the chains of a revision model on test questions say: accuracy by position, what follows what, metrics.

    Args:
        weights: bootstrap weights over the questions, in the order of their ids.
    """
    steps = accuracy_by_position(chains, n_positions, weights, pairing)
    rates = transitions(chains, weights, max_history)
    metrics = {
        "pass_at_1": steps["accuracy"].tolist(),
        "transitions": {what: vars(rate) for what, rate in rates.items()},
        "no_answer_share": chains["verdict"].eq(verdicts.NO_ANSWER).to_numpy().mean().item(),
    }
    return steps, rates, metrics


def accuracy_by_position(
    attempts: pd.DataFrame, n_positions: int, weights: Float[np.ndarray, "resample problem"], pairing: str
) -> pd.DataFrame:
    """One row (COLUMNS) for each position 1..n_positions: share of right attempts with its bootstrap interval.

    Args:
        attempts: of `tts_lib.revisions.over_questions.sample_chains`.
        weights: bootstrap weights over the questions, in the order of their ids.
        pairing: of the revision model.
    """
    right = by_position(attempts, n_positions)
    rows = []
    for position in right.columns:
        mean = intervals.mean_interval(right[position].to_numpy(), weights)
        rows.append((pairing, position, mean.estimate, mean.low, mean.high))
    return pd.DataFrame(rows, columns=COLUMNS)


def in_words(pairing: str, steps: pd.DataFrame, rates: Mapping[str, Rate]) -> str:
    """Markdown: the first and the last of `accuracy_by_position`, and `transitions`."""
    first, last = steps.iloc[0], steps.iloc[-1]
    text = f"**{pairing}**: {first['accuracy']:.1%} of the first attempts are right, {last['accuracy']:.1%} of those "
    text += f"at position {last['position']:.0f}. "
    known = ((rates[what], words) for what, words in SAID.items() if what in rates)
    return text + "; ".join(f"{intervals.in_words(r.rate, r.low, r.high)} {words}" for r, words in known) + "."
