"""A set of questions, asked of a study's models by every strategy at one budget, as the study asked its own."""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import pandas as pd

from tts_lib.answers import pools
from tts_lib.answers.cost import LEDGER
from tts_lib.answers.grid import greedy_answers, grid, sample_costs
from tts_lib.answers.protocols import Policy, Sampling, Verifier
from tts_lib.answers.question_table import QuestionTable
from tts_lib.common import paths, rng
from tts_lib.common.strategy import GREEDY, Strategy
from tts_lib.estimators import intervals
from tts_lib.models import pointer
from tts_lib.report.supplements.combine.cells import MODEL, sampled
from tts_lib.revisions import over_questions as chains_over_questions
from tts_lib.revisions import ratios
from tts_lib.revisions import verifier as revision_verifier
from tts_lib.revisions.chains import Revisions, chain_lengths
from tts_lib.search import over_questions
from tts_lib.search.methods import reachable
from tts_lib.strategies import difficulty_bins, outcomes, pool_accuracy
from tts_lib.strategies.curves import CrossValidation, cross_validated_curves, single_curves
from tts_lib.strategies.experiment import Experiment
from tts_lib.strategies.outcomes import strategy_sets
from tts_lib.strategies.tables.gains import gain_table
from tts_lib.strategies.tables.groups import everyone
from tts_lib.study.asking import PRM, Asking, searching, step, vocabulary
from tts_lib.study.config.study import PAPER, Study
from tts_lib.verifiers import scoring

REVISION, REVISION_ORM = paths.model(MODEL), paths.model("revision_orm")


def attempts_of(study: Study) -> Revisions | None:
    """How the study samples attempts that see earlier ones; None where it has no revision model."""
    return sampled(study) if study.revisions else None


def searches(study: Study, budget: int) -> list[str]:
    """The study's searches that can be run at a budget."""
    return [name for name in study.grid.methods if reachable(study.options[name], [budget])]


@dataclass(frozen=True, eq=False)
class Answering:
    """The study's models, open, to be asked at one budget.

    Attributes:
        whole, steps: the PRM, as it scores pools and as it guides a search.
        revising: the paper's revision model and its verifier; None where the study has none.
    """

    asking: Asking
    budget: int
    policy: Policy
    whole: Verifier
    steps: Verifier
    revising: tuple[Policy, Verifier] | None

    @classmethod
    def of(cls, asking: Asking, stack: ExitStack, budget: int, tables: Sequence[pd.DataFrame]) -> "Answering":
        """Open until the stack is left, for these tables of questions."""
        revising = None
        if attempts_of(asking.study):
            reviser = stack.enter_context(asking.policy(REVISION))
            revising = reviser, stack.enter_context(asking.verifier(tables, REVISION_ORM))
        return cls(
            asking=asking,
            budget=budget,
            policy=stack.enter_context(asking.policy()),
            whole=stack.enter_context(asking.verifier(tables, aggregated=False)),
            steps=stack.enter_context(asking.verifier(tables)),
            revising=revising,
        )

    def experiment(self, table: pd.DataFrame, own: Experiment, name: str) -> Experiment:
        """The study's experiment with these questions in the place of its test questions.

        Args:
            table: as the study's, with subject and level.
            own: whose validation questions a temperature is chosen on.
            name: of the set, from which subsets of its pools are drawn.
        """
        questions, study = self.asking.questions(table), self.asking.study
        replayed, costs, found = self._pooled(questions, name)
        sampled = {Strategy(method): self._searched(questions, method) for method in searches(study, self.budget)}
        sampled[GREEDY] = self._greedy(questions)
        if self.revising:
            sampled |= self._revised(table)
        ids = table["question_id"].tolist()
        known = outcomes.assemble(replayed, costs, sampled, ids, [self.budget])
        return replace(own, questions=found, test=outcomes.merged(known, own.searches))

    def _pooled(self, questions: QuestionTable, name: str) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
        """Accuracy of what is chosen from the pools, costs of their samples, and the difficulty of the questions."""
        study, prompts = self.asking.study, {each: len(prompt) for each, prompt in questions.prompts.items()}
        size, aggregation = study.generate["base-test"], pointer.resolve(PRM).aggregation
        pool = self._pool(questions, size.n_samples, self.asking.sampling)
        scores, _ = scoring.score_pool({"prm": self.whole}, questions, pool, aggregation)
        samples = grid(pool, list(prompts))
        prm = samples.spread(scores["prm_last"].to_numpy(np.float64))
        n_tokens = samples.spread(pool["n_tokens"].to_numpy(np.int64))
        draws, replay = partial(rng.generator, study.seed, "question_sets", name), study.select
        of_pool = (samples, {"prm_last": prm}, [self.budget], draws("replay"), replay.n_resamples, replay.flip_share)
        accuracy, _ = pool_accuracy.selection_accuracy(*of_pool)
        replayed = [pool_accuracy.with_longest(accuracy, samples, n_tokens.astype(np.float64))]
        costs = [sample_costs(pool, scores["n_steps"].to_numpy(), prompts).assign(temperature=0.0)]
        if beside := size.beside:
            parts = [
                self._pool(questions, beside.n_samples, replace(self.asking.sampling, temperature=t)).assign(
                    temperature=t
                )
                for t in beside.temperatures
            ]
            others = pd.concat(parts, ignore_index=True)
            scored, spent = scoring.score_beside(self.whole, questions, others, aggregation)
            others = others.assign(prm_last=scored["prm_last"])
            of_others = (others, list(prompts), [self.budget], draws("replay-beside"), replay.n_resamples)
            replayed.append(pool_accuracy.accuracy_beside(*of_others))
            costs.append(spent)
        binned = study.difficulty
        known = (questions.table, samples, prm, n_tokens, binned.n_samples, binned.n_probe)
        scored = difficulty_bins.difficulty_scores(*known)
        found = difficulty_bins.assign_bins(scored, {}, binned.n_bins, binned.absolute_edges)
        return pd.concat(replayed, ignore_index=True), pd.concat(costs, ignore_index=True), found

    def _pool(self, questions: QuestionTable, n_samples: int, sampling: Sampling) -> pd.DataFrame:
        return pools.sample_pool(self.policy, questions, n_samples, sampling, (self.asking.study.seed, "base"))

    def _greedy(self, questions: QuestionTable) -> pd.DataFrame:
        greedy = self._pool(questions, 1, replace(self.asking.sampling, temperature=0.0, top_p=1.0))
        prompts = {name: len(prompt) for name, prompt in questions.prompts.items()}
        return outcomes.greedy(greedy_answers(greedy, prompts), [self.budget])

    def _searched(self, questions: QuestionTable, name: str) -> pd.DataFrame:
        study = self.asking.study
        assert study.search
        search = searching(study, study.options[name], vocabulary().step_tokens)
        n_runs, key = {self.budget: study.search.runs(self.budget)}, (study.seed, "base", name)
        runs, _ = over_questions.run(search, questions, n_runs, self.policy, self.steps, key, step(paths.model("base")))
        return outcomes.over_runs(runs, ["correct", *LEDGER])

    def _revised(self, table: pd.DataFrame) -> dict[Strategy, pd.DataFrame]:
        study, method = self.asking.study, attempts_of(self.asking.study)
        assert self.revising and method
        policy, orm = self.revising
        questions, attempts = self.asking.questions(table, REVISION), study.pairings[PAPER].attempts
        key, known = (study.seed, REVISION.name), vocabulary(REVISION)
        chains = chains_over_questions.sample_chains(method, questions, chain_lengths(attempts), policy, key)
        closing = (*known.step_tokens, *known.end_tokens)
        scores = revision_verifier.scores(chains, questions, orm, method.max_history, closing)
        return outcomes.of_ratios(ratios.accuracy(chains, {"orm": scores}, attempts), [self.budget])


def gains(found: Experiment, study: Study, name: str) -> pd.DataFrame:
    """What every choice gains over others on the questions of a set (`gain_table`), as in the study.

    Args:
        name: of the set, from which its folds and resamples are drawn.
    """
    settings, draws = study.compute_optimal, partial(rng.generator, study.seed, "question_sets", name)
    weights, weights_fit = (
        intervals.bootstrap_weights(len(of), settings.n_bootstrap, draws(what))
        for what, of in (("bootstrap", found.questions), ("bootstrap-validation", found.questions_fit))
    )
    curves = [*single_curves(found.test), *found.tuned_curve(weights_fit)]
    for menu, members in strategy_sets(found.test.strategies).items():
        made = CrossValidation(menu, found.test.only(members), settings.fold_seeds, draws, weights)
        curves += cross_validated_curves(made, found.binnings)
    return gain_table(curves, everyone(weights))
