"""Accuracy and cost of each way to spend a budget, question by question: single strategies and choices among them.

A curve keeps its values per question, so that any two can be compared in pairs and in any group of questions, and a
choice also what it takes in each resample, in which it is made anew. The choices: compute-optimal by cross-validation
inside bins (§3.2), by the default rule and by the paper's, the same frozen (bins and choice from validation questions),
and the controls best fixed strategy, random choice and shuffled bins.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from jaxtyping import Bool, Float, Int

from tts_lib.common.errors import StudyError
from tts_lib.common.processes import on_cores
from tts_lib.common.strategy import ARGMAX, BEST_FIXED, COMPUTE_OPTIMAL, RANDOM_CHOICE, SHUFFLED_BINS, Strategy
from tts_lib.estimators.difficulty import quantile_binning
from tts_lib.estimators.flops import Sizes
from tts_lib.estimators.per_question import PerQuestion, Remade
from tts_lib.strategies import choice, rules
from tts_lib.strategies.bins import Bins
from tts_lib.strategies.choice import Choice
from tts_lib.strategies.frozen import Difficulty, fit_table, frozen_accuracy
from tts_lib.strategies.outcomes import Outcomes
from tts_lib.strategies.strategy_table import Method, StrategyTable

SINGLE = "single"
REMADE = 300  # resamples in which choices are made anew
RULES = {COMPUTE_OPTIMAL: rules.shrunken, ARGMAX: rules.argmax}
Generators = Callable[[str], np.random.Generator]  # purpose -> its generator


@dataclass(frozen=True, eq=False)
class Curve:
    """One way to spend a budget, at the budgets at which it is known."""

    strategy_set: str  # what a choice is among
    strategy: Strategy
    budgets: tuple[int, ...]  # generations
    complete: tuple[bool, ...]  # per budget: see Outcomes.complete
    accuracy: Float[np.ndarray, "problem budget"]
    ledger: Float[np.ndarray, "problem budget entry"]  # tokens and rounds, entries as in LEDGER
    shares: Float[np.ndarray, "bin budget strategy"] | None = None  # how often each strategy was chosen
    remade: Remade | None = None  # of a choice: made anew in each resample

    @property
    def columns(self) -> dict[str, str | int | float | bool]:
        return {"strategy_set": self.strategy_set} | self.strategy.columns

    @property
    def attained(self) -> PerQuestion:
        """Accuracy at each of the budgets."""
        return PerQuestion.of(self.accuracy, self.remade)

    def open(self) -> tuple[tuple[int, ...], PerQuestion]:
        """The complete budgets, and the accuracy there."""
        kept = tuple(budget for budget, complete in zip(self.budgets, self.complete, strict=True) if complete)
        return kept, self.attained.at(np.array(self.complete))

    @property
    def policy_tokens(self) -> Float[np.ndarray, "problem budget"]:
        """Tokens the policy read or wrote."""
        return self.ledger[..., 0] + self.ledger[..., 1]

    @property
    def verifier_tokens(self) -> Float[np.ndarray, "problem budget"]:
        """Tokens the verifier read."""
        return self.ledger[..., 2] + self.ledger[..., 3]

    def flops(self, sizes: Sizes, count_verifier: bool) -> Float[np.ndarray, "problem budget"]:
        """2 x parameters x tokens (§7)."""
        return sizes.flops(self.policy_tokens, self.verifier_tokens, count_verifier)

    def attention_flops(self, sizes: Sizes, count_verifier: bool) -> Float[np.ndarray, "problem budget"]:
        """What `flops` leaves out, as the paper does: attention over the context."""
        return sizes.attention_flops(self.ledger[..., 5], self.ledger[..., 6], count_verifier)


def single_curves(outcomes: Outcomes) -> list[Curve]:
    """Each strategy by itself."""
    curves: list[Curve] = []
    for strategy in outcomes.strategies:
        alone = outcomes.only([strategy])
        values = (alone.accuracy[0].T, alone.ledger[0].swapaxes(0, 1))
        curves.append(Curve(SINGLE, strategy, alone.budgets, (True,) * len(alone.budgets), *values))
    return curves


@dataclass(frozen=True, eq=False)
class CrossValidation:
    """Choices among the strategies of a set, each made on one half of the questions for the other.

    Attributes:
        n_repeats: random splits into halves.
        weights: bootstrap weights; the choices are made anew in the first REMADE resamples.
    """

    strategy_set: str
    outcomes: Outcomes
    n_repeats: int
    generator: Generators
    weights: Float[np.ndarray, "resample problem"]

    def compute_optimal(self, bins: Bins, rule: str = COMPUTE_OPTIMAL) -> Curve:
        """The best strategy of each bin, by the default rule or the paper's."""
        best, folds = RULES[rule], self._folds(bins)
        found = choice.compute_optimal(self._accuracy, bins.of_problem, bins.n_bins, folds, self._some, best)
        return self._curve(Strategy(rule, binning=bins.binning), found, bins.of_problem)

    def best_fixed(self, bins: Bins) -> Curve:
        """One strategy for all questions, on the halves of these bins."""
        found = choice.best_fixed(self._accuracy, self._folds(bins), self._some)
        return self._curve(BEST_FIXED, found, np.ones_like(bins.of_problem))

    def shuffled(self, bins: Bins) -> Curve:
        """Compute-optimal with the bins exchanged among questions."""
        folds, shuffle = self._folds(bins), self.generator("shuffle")
        found = choice.shuffled_bins(self._accuracy, bins.of_problem, bins.n_bins, folds, shuffle, self._some)
        return self._curve(SHUFFLED_BINS, found, bins.of_problem)

    def random(self) -> Curve:
        """Any strategy that is known at the budget."""
        equal = self.outcomes.known.T.astype(np.float64)[None]
        drawn = Choice(choice.random_choice(self._accuracy), equal / equal.sum(axis=2, keepdims=True))
        return self._curve(RANDOM_CHOICE, drawn, np.ones(self._accuracy.shape[2], np.int64))

    @property
    def _accuracy(self) -> Float[np.ndarray, "strategy budget problem"]:
        return self.outcomes.accuracy

    @property
    def _some(self) -> Float[np.ndarray, "resample problem"]:
        return self.weights[:REMADE]

    def _folds(self, bins: Bins) -> Bool[np.ndarray, "repeat problem"]:
        return choice.split_folds(bins.of_problem, self.n_repeats, self.generator(f"folds-{bins.binning}"))

    def _curve(self, strategy: Strategy, result: Choice, bins: Int[np.ndarray, " problem"]) -> Curve:
        """A question's expected tokens follow the shares of its bin."""
        outcomes, shares = self.outcomes, result.shares[bins - 1]  # (problem, budget, strategy)
        ledger = np.einsum("pbs,sbpe->pbe", shares, np.nan_to_num(outcomes.ledger))
        curve = Curve(self.strategy_set, strategy, outcomes.budgets, outcomes.complete(), result.accuracy, ledger)
        return replace(curve, shares=result.shares, remade=result.remade)


def cross_validated_curves(made: CrossValidation, binnings: Sequence[Bins]) -> list[Curve]:
    """Compute-optimal in each binning by both rules, and the controls, which use the folds of the first binning.

    Raises:
        StudyError: there is no binning, or no strategy is defined at one of the budgets.
    """
    return on_cores(lambda make: make(), ways_to_choose(made, binnings))


def ways_to_choose(made: CrossValidation, binnings: Sequence[Bins]) -> list[Callable[[], Curve]]:
    """What makes each of `cross_validated_curves`, for work on many sets at once.

    Raises:
        StudyError: there is no binning.
    """
    if not binnings:
        raise StudyError("Cross-validated curves need at least one binning.")
    ways = [partial(made.compute_optimal, bins, rule) for bins in binnings for rule in RULES]
    return [*ways, partial(made.best_fixed, binnings[0]), partial(made.shuffled, binnings[0]), made.random]


def fit_frozen(fit: Outcomes, difficulty: Difficulty, n_bins: int, methods: tuple[Method, ...]) -> StrategyTable:
    """The strategy table of these (validation) questions, in quantile bins of their difficulty.

    One bin makes it the best fixed strategy.
    """
    edges = quantile_binning(difficulty.score, n_bins).edges
    return fit_table(fit.accuracy, difficulty, edges, methods, fit.budgets)


def frozen_curve(
    strategy_set: str,
    strategy: Strategy,
    table: StrategyTable,
    outcomes: Outcomes,
    score: Float[np.ndarray, " problem"],
    remade: Remade,
) -> Curve:
    """A table fitted elsewhere, applied to these questions: the choice `strategy`, frozen.

    Args:
        remade: fitted anew in each resample of the questions it is fitted on.
    """
    entries = np.moveaxis(outcomes.ledger, -1, 0)
    ledger = np.stack([frozen_accuracy(table, entry, score) for entry in entries], axis=-1)
    applied = (frozen_accuracy(table, outcomes.accuracy, score), ledger)
    shares = np.eye(len(table.strategies))[np.array(table.choices)]
    curve = Curve(strategy_set, replace(strategy, frozen=True), outcomes.budgets, outcomes.complete(), *applied)
    return replace(curve, shares=shares, remade=remade)


def at_budget(attained: PerQuestion, budgets: Sequence[int | float], at: float) -> PerQuestion:
    """Values between the budgets, linear in log budget; NaN outside them."""
    if not budgets[0] <= at <= budgets[-1]:
        return PerQuestion(np.full(attained.n_questions, np.nan))
    left, right, share = between(budgets, at)
    return attained.at(left).mixed(attained.at(right), share)


def between(budgets: Sequence[int | float], at: float) -> tuple[int, int, float]:
    """The places of the two budgets around one among them, and how near it is to the second in log budget, 0..1."""
    place = float(np.interp(np.log(at), np.log(budgets), np.arange(len(budgets))))
    left = min(int(place), len(budgets) - 2) if len(budgets) > 1 else 0
    return left, min(left + 1, len(budgets) - 1), place - left


def find(curves: Sequence[Curve], strategy_set: str, strategy: Strategy) -> Curve:
    """The curve of this choice in this set, or of this single strategy.

    Raises:
        KeyError: there is none.
    """
    for curve in curves:
        if curve.strategy == strategy and curve.strategy_set in (strategy_set, SINGLE):
            return curve
    raise KeyError(f"there is no curve {strategy.name} of the set {strategy_set}")
