"""The loop of self-improvement: sample, keep, learn, again; then all models answer the test questions.

Everything goes through the study's store and its runs of training, under names of its own: a run that was killed goes
on where it was, to the same result.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from tts_lib.answers import grid as grids
from tts_lib.common import examples, paths, rng, tables
from tts_lib.common.budgets import doublings
from tts_lib.common.errors import StudyError
from tts_lib.common.examples import Examples
from tts_lib.estimators.flops import Sizes, inference_flops, pretraining_flops
from tts_lib.grading import verdicts
from tts_lib.models import pointer
from tts_lib.report.supplements import own_prm
from tts_lib.report.supplements.pools import Pools
from tts_lib.revisions import trajectories
from tts_lib.strategies import rounds
from tts_lib.strategies.rounds import Round
from tts_lib.study.config.revisions import Revisions, TrainedRevisions
from tts_lib.study.config.study import Study
from tts_lib.training import teachers

if TYPE_CHECKING:  # what trains loads torch
    from tts_lib.training.learners import Learner

BASE, LARGE, SOLUTIONS, TOKENS = "base", "large", "solutions", "tokens"
FOLDER = paths.CHECKPOINTS / "improve"


@dataclass(frozen=True)
class Taught:
    """A model of the loop.

    Attributes:
        flops: of all rounds up to this one: samples, scores of the teacher, training.
        n_kept, share_wrong: of the texts that it learned from.
    """

    teacher: str
    number: int  # of the round
    folder: Path
    flops: float = 0.0
    n_kept: int = 0
    share_wrong: float = np.nan

    @property
    def name(self) -> str:
        """In seeds and messages."""
        return f"improve-{self.teacher}-{self.number}"


@dataclass(frozen=True, eq=False)
class Loop:
    """Rounds of teaching in a study, each from the base.

    Attributes:
        samples, texts: of a training question, sampled in a round and at most learned from.
    """

    pools: Pools
    learner: "Learner"
    sizes: Sizes
    n_rounds: int
    samples: int
    texts: int

    def models(self) -> list[Taught]:
        """The base, the models of each teacher round by round, and the controls."""
        base = Taught(BASE, 0, paths.model(BASE))
        made = [base]
        for teacher in teachers.TEACHERS:
            model = base
            for _ in range(self.n_rounds):
                kept, spent = self._kept(teacher, model)
                model = self._learns(teacher, model.number + 1, kept, model.flops + spent)
                made.append(model)
        return made + self._controls(base)

    def _kept(self, teacher: str, model: Taught) -> tuple[pd.DataFrame, float]:
        """What a teacher keeps of a model's samples, and the FLOPs that these and the teacher's scores took."""
        samples, spent = self._answered(model, self.samples)
        if teacher == "verifier":
            samples = samples.assign(score=self.pools.scores(paths.verifier("prm"), self.pools.train, samples))
            spent *= 1 + self.sizes.verifier / self.sizes.policy
        return teachers.kept(teacher, samples, self.texts), spent

    def _answered(self, model: Taught, n: int) -> tuple[pd.DataFrame, float]:
        """Samples of the training questions, and the FLOPs they take of a model of the base's size."""
        train = self.pools.train
        if model.teacher == BASE:
            samples = self.pools.own_samples("train", train, n)
        else:
            samples = self.pools.samples(model.folder, train, n, model.name)
        tokens = sum(self.pools.prompt_tokens(train).values()) + int(samples["n_tokens"].to_numpy(int).sum())
        return samples, inference_flops(self.sizes.policy, tokens)

    def _learns(self, teacher: str, number: int, kept: pd.DataFrame, flops: float) -> Taught:
        """The base, taught these texts."""
        wrong = float((kept["verdict"] != verdicts.CORRECT).to_numpy(bool).mean())
        model = Taught(teacher, number, FOLDER / f"{teacher}-{number}", flops, len(kept), wrong)
        return self._trained(model, *self._lessons(kept, model.name))

    def _trained(self, model: Taught, learned: Examples, held_out: Examples) -> Taught:
        title = f"teaching by {model.teacher}, round {model.number}"
        n_tokens = self.learner.policy(learned, held_out, model.folder, title)
        return replace(model, flops=model.flops + pretraining_flops(self.sizes.policy, n_tokens))

    def _lessons(self, kept: pd.DataFrame, name: str) -> tuple[Examples, Examples]:
        """Texts as examples: to learn, and held out to see the loss on."""
        train, asking = self.pools.train, self.pools.asking
        assert asking.study.revisions
        held_out = examples.held_out(train["question_id"].tolist(), asking.study.revisions.validation_share)
        is_held_out = kept["question_id"].isin(list(held_out)).to_numpy(bool)
        if is_held_out.all() or not is_held_out.any():
            which = "learned from" if is_held_out.all() else "held out"
            raise StudyError(
                f"{name}: none of the {len(kept)} texts that are kept is of a question to be {which}; raise samples of "
                "the supplement, or ask more training questions"
            )
        attempts = kept.assign(history=[[] for _ in range(len(kept))])
        questions = asking.questions(train)
        learned, shown = (
            trajectories.examples(attempts.loc[rows], questions, self.learner.end_tokens)
            for rows in (~is_held_out, is_held_out)
        )
        return learned, shown

    def _controls(self, base: Taught) -> list[Taught]:
        """One round each, of those that the study has: the large model's samples; the reference solutions of the
        questions that the verifier's first round learned from; as many tokens of the corpus.
        """
        made, train = [], self.pools.train
        if pointer.is_there(paths.model(LARGE)):
            facts = tables.read_json(paths.metrics(f"model-{LARGE}"), ["n_params_block"])
            samples, spent = self._answered(Taught(LARGE, 0, paths.model(LARGE)), self.samples)
            spent *= facts["n_params_block"] / self.sizes.policy
            made.append(self._learns(LARGE, 1, teachers.kept("all", samples, self.texts), spent))
        kept, _ = self._kept("verifier", base)
        known = train.loc[train["question_id"].isin(kept["question_id"]) & (train["solution"].fillna("") != "")]
        if len(known):
            texts = known.assign(text=known["solution"], verdict=verdicts.CORRECT)
            made.append(self._learns(SOLUTIONS, 1, texts, 0.0))
        if paths.CORPUS.is_file():
            learned, _ = self._lessons(kept, base.name)
            generator = rng.generator("improve tokens", self.pools.asking.study.seed)
            corpus = Examples.load(paths.CORPUS).packed(len(learned.tokens), 1, generator)
            model = Taught(TOKENS, 1, FOLDER / f"{TOKENS}-1")
            made.append(self._trained(model, corpus, Examples.load(paths.CORPUS_VALIDATION)))
        return made

    def retrained(self, model: Taught) -> tuple[Path, float] | None:
        """A PRM of this model's solutions by the recipe of the study's own, and the FLOPs that went into it.

        None where the study's PRM existed already.
        """
        verifier = self.pools.asking.study.verifier
        recipe = None if verifier is None else verifier.trained or verifier.tuned
        if recipe is None:
            return None
        samples, spent = self._answered(model, recipe.samples)
        policy, folder = own_prm.Policy(model.folder, model.name), FOLDER / "prm"
        n_tokens, n_learned = own_prm.learn(self.pools, self.learner, recipe, policy, samples, folder)
        spent += inference_flops(self.sizes.policy, n_tokens) + pretraining_flops(self.sizes.verifier, n_learned)
        return folder, spent

    def measured(self, model: Taught, verifiers: Mapping[str, Path], n_samples: int, at: int) -> Round:
        """What a model attains on the test questions, its samples read by these verifiers; see `rounds.read`."""
        pools, test = self.pools, self.pools.test
        if model.teacher == BASE:
            samples = pools.own_samples("test", test, n_samples)
            known = {paths.verifier("prm"): pools.own_scores("test", test, n_samples)}
        else:
            samples, known = pools.samples(model.folder, test, n_samples, model.name), {}
        scores = {
            name: known[folder] if folder in known else pools.scores(folder, test, samples)
            for name, folder in verifiers.items()
        }
        grid = grids.grid(samples, test["question_id"].tolist())
        throughout = pools.right_throughout(samples)
        pool = rounds.Pool.of(samples, grid, scores, throughout, pools.prompt_tokens(test))
        budgets = doublings(n_samples)
        generator = rng.generator("improve replay", pools.asking.study.seed)
        return rounds.read(pool, budgets, at, pools.asking.guess_rate, generator)


def rates(study: Study) -> Revisions:
    """The settings by which a study's models learn from texts.

    Raises:
        StudyError: it has no revision models, whose rates are taken.
    """
    if study.revisions is None:
        raise StudyError("improve learns at the rates of a study's revision models: set revisions")
    return study.revisions


def learner(study: Study) -> "Learner":
    """Who learns as the study's revision models and its PRM did.

    Raises:
        StudyError: see `rates`.
    """
    from tts_lib.training.learners import Adapter, WholeModel
    from tts_lib.training.loop import Training

    recipe, verifier, base = rates(study), study.verifier, paths.model(BASE)
    assert verifier
    if not isinstance(recipe, TrainedRevisions):
        tuned = None if verifier.tuned is None else verifier.tuned.model_dump(mode="json")
        return Adapter(base, recipe.tuning, tuned, paths.CHECKPOINTS, study.seed, recipe.device)
    prm = verifier.trained
    assert prm
    of_policy = Training(
        recipe.epochs, recipe.batch_tokens, recipe.lr_muon, recipe.lr_adamw, 0.0, recipe.shards, study.seed,
        n_evaluations=1, checkpoint_seconds=recipe.checkpoint_seconds,
    )  # fmt: skip
    return WholeModel(base, of_policy, own_prm.settings(prm, study.seed), paths.CHECKPOINTS)
