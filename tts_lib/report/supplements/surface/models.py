"""The models of the exchange surface: trained, sampled and scored as the study does with its own."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float, Int

from tts_lib.answers import grid as grids
from tts_lib.answers import pools
from tts_lib.answers.protocols import Verifier
from tts_lib.answers.question_table import QuestionTable
from tts_lib.common import paths, rng
from tts_lib.common.examples import Examples
from tts_lib.estimators import subsets
from tts_lib.grading import verdicts
from tts_lib.models import pointer
from tts_lib.report.supplements import own_prm
from tts_lib.report.supplements.pools import Pools
from tts_lib.strategies.exchange.sized import WEIGHTED, Size, Sized
from tts_lib.study.asking import Asking
from tts_lib.study.config.nano import Shape
from tts_lib.study.config.study import Study
from tts_lib.verifiers import scoring

PRM, OWN = "prm", "own"  # who reads a model's solutions: the base's PRM, and one of its own solutions
BASE, LARGE = "base", "large"  # the study's own, which are reused as found
MADE = Path("studies") / "surface" / "models"


@dataclass(frozen=True)
class Training:
    """One model of the surface."""

    size: str
    n_params: int  # without embeddings
    n_tokens: int
    seed: int
    folder: Path

    @property
    def name(self) -> str:
        """What its samples' seeds are derived from; the study's own models keep the name they have there."""
        return self.folder.name


@dataclass(frozen=True, eq=False)
class Measured:
    """A size with a number of tokens: what it attains, and for each training its right samples and greedy answers."""

    sized: Sized
    seeds: Sequence[int]
    right: Int[np.ndarray, "seed question"]
    greedy: Bool[np.ndarray, "seed question"]
    n_samples: int
    own: Float[np.ndarray, "question budget"] | None = (
        None  # weighted by a PRM of its own solutions, the first training
    )

    def coverage(self, budgets: Sequence[int]) -> Float[np.ndarray, "question budget"]:
        """Chance that one of so many samples is right, over its trainings."""
        return np.mean([subsets.coverage(each, self.n_samples, budgets) for each in self.right], axis=0)

    def counts(self, weights: Float[np.ndarray, " question"]) -> Float[np.ndarray, " right"]:
        """Questions with 0, 1, ... right samples, as they are weighted, over its trainings."""
        each = np.stack([np.bincount(row, weights, minlength=self.n_samples + 1) for row in self.right])
        return each.mean(axis=0) * len(weights)


def trained(
    study: Study, sizes: Mapping[str, Shape], corpus_shares: Sequence[float], seeds: Mapping[str, Sequence[int]]
) -> list[Training]:
    """Train what is not there yet: base and sizes on every share of the corpus, and with more seeds on all of it.

    Raises:
        StudyError: a file of the study is damaged, a training failed.
    """
    # Training loads torch, which a report that is only shown does without.
    from tokenizers import Tokenizer

    from tts_lib.questions.nano.world import END
    from tts_lib.training import sizes as other_sizes
    from tts_lib.training.loop import Training as Settings

    assert study.pretrain
    tokenizer = Tokenizer.from_file(str(paths.TOKENIZER))
    corpus, validation = Examples.load(paths.CORPUS), Examples.load(paths.CORPUS_VALIDATION)
    (end,) = tokenizer.encode(END).ids
    material = other_sizes.Material(corpus, validation, tokenizer, end, study.pretrain.max_length)
    whole = len(corpus.tokens)
    n_params = {name: material.shape(dict(shape)).n_params_block for name, shape in {**study.models, **sizes}.items()}
    found = [Training(name, n_params[name], whole, study.seed, paths.model(name)) for name in (BASE, LARGE)]
    for name, shape in {BASE: study.models[BASE], **sizes}.items():
        for seed in (study.seed, *seeds.get(name, ())):
            lengths = [round(share * whole) for share in (corpus_shares if seed == study.seed else [1.0])]
            made = {n: MADE / f"{name}-{n}-{seed}" for n in lengths if (name, n, seed) != (BASE, whole, study.seed)}
            rates = study.pretrain.model_dump(include={"batch_tokens", "lr_muon", "lr_adamw", "shards"})
            settings = Settings(n_epochs=1, dropout=0.0, seed=seed, n_evaluations=1, **rates)
            other_sizes.make(
                material, dict(shape), settings, made, paths.CHECKPOINTS, f"pretraining {name}, seed {seed}"
            )
            found += [Training(name, n_params[name], n, seed, folder) for n, folder in made.items()]
    return found


def own_prms(asking: Asking, trainings: Sequence[Training], sizes: Sequence[str]) -> dict[str, Path]:
    """Train a PRM for the first training of each size on the whole corpus, of its own solutions; by the model's name.

    Raises:
        StudyError: see `own_prm.learn`.
    """
    if not sizes:
        return {}
    from tts_lib.training.learners import WholeModel

    study = asking.study
    assert study.verifier and study.verifier.trained
    recipe, whole = study.verifier.trained, max(one.n_tokens for one in trainings)
    how = own_prm.settings(recipe, study.seed)
    learner = WholeModel(paths.model(BASE), how, how, paths.CHECKPOINTS)
    to_learn, made = Pools.of(asking, 1), {}
    for one in trainings:
        if one.size in sizes and (one.n_tokens, one.seed) == (whole, study.seed):
            samples = to_learn.samples(one.folder, to_learn.train, recipe.samples, one.name)
            made[one.name] = one.folder.with_name(f"{one.name}-prm")
            policy = own_prm.Policy(one.folder, one.name)
            own_prm.learn(to_learn, learner, recipe, policy, samples, made[one.name])
    return made


@dataclass(frozen=True, eq=False)
class Measuring:
    """The questions that all models answer, and how many samples of each of them are drawn."""

    asking: Asking
    questions: QuestionTable
    n_samples: int
    budgets: Sequence[int]

    def measured(self, trainings: Sequence[Training], prms: Mapping[str, Path]) -> list[Measured]:
        """Sample, judge and score each model; one row a size and number of tokens.

        Args:
            prms: of the models that have a PRM of their own solutions, its folder; by a model's name.
        """
        folders = {PRM: paths.verifier("prm"), **prms}
        with ExitStack() as stack:
            opened = {
                name: stack.enter_context(self.asking.verifier([self.questions.table], folder))
                for name, folder in folders.items()
            }
            found = []
            for group in _alike(trainings):
                own = {OWN: opened[group[0].name]} if group[0].name in prms else {}
                found.append(self._measured(group, {PRM: opened[PRM]} | own))
            return found

    def _measured(self, group: Sequence[Training], verifiers: Mapping[str, Verifier]) -> Measured:
        drawn, seed = self.asking.sampling, self.asking.study.seed
        at_first = replace(drawn, temperature=0.0, top_p=1.0)
        found, greedy, lengths = [], [], []
        scores: dict[str, list[np.ndarray]] = {name: [] for name in verifiers}
        aggregation = pointer.resolve(paths.verifier("prm")).aggregation
        for one in group:
            with self.asking.policy(one.folder) as policy:
                pool = pools.sample_pool(policy, self.questions, self.n_samples, drawn, (seed, one.name))
                once = pools.sample_pool(policy, self.questions, 1, at_first, (seed, one.name))
            found.append(grids.grid(pool, self.questions.table["question_id"].tolist()))
            for name, verifier in verifiers.items() if one is group[0] else [(PRM, verifiers[PRM])]:
                scored, _ = scoring.score_pool({"prm": verifier}, self.questions, pool, aggregation)
                scores[name].append(found[-1].spread(scored["prm_last"].to_numpy(float)))
            greedy.append((once["verdict"] == verdicts.CORRECT).to_numpy())
            lengths.append(float(pool["n_tokens"].to_numpy().mean()))
        prompt = float(np.mean([len(each) for each in self.questions.prompts.values()]))
        size = Size(group[0].size, group[0].n_params, group[0].n_tokens, prompt, float(np.mean(lengths)))
        first = np.stack(greedy)
        read = {
            name: Sized.of_pools(
                size, found[: len(each)], each, self.budgets, rng.generator("surface-votes", seed, group[0].name)
            ).with_first(first[: len(each)].astype(float))
            for name, each in scores.items()
        }
        right = np.stack([each.correct.sum(axis=1) for each in found])
        of_its_own = read.get(PRM if group[0].folder == paths.model(BASE) else OWN)
        own = None if of_its_own is None or WEIGHTED not in of_its_own.accuracy else of_its_own.accuracy[WEIGHTED][0]
        return Measured(read[PRM], [one.seed for one in group], right, first, self.n_samples, own)


def _alike(trainings: Sequence[Training]) -> Iterator[list[Training]]:
    """Those of one size and number of tokens together."""
    groups: dict[tuple[str, int], list[Training]] = {}
    for one in trainings:
        groups.setdefault((one.size, one.n_tokens), []).append(one)
    yield from groups.values()
