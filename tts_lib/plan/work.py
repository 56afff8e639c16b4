"""What each stage of a study will sample, read, train and store.

FLOPs are those of the study's own ledger (`tts_lib.estimators.flops`): 2 N a token that a model of N parameters
(without embeddings) reads or writes, 6 N a token it is trained on; attention over the context is left out. A stage
that the table does not list computes on tables alone: seconds to minutes, and no tokens.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from tts_lib.common.errors import StudyError
from tts_lib.estimators import flops
from tts_lib.plan.known import Known
from tts_lib.plan.sizes import Size
from tts_lib.revisions.chains import chain_lengths
from tts_lib.search.methods import reachable
from tts_lib.study.config.revisions import Revisions, TunedRevisions, TunedRevisionVerifier
from tts_lib.study.config.study import Study
from tts_lib.study.config.verifiers import TrainedVerifier

STORED_BYTES = 13  # of a sample in the store beside its tokens: seed, length, finish
WEIGHT_BYTES = 4  # fp32
CHECKPOINT_WEIGHTS = 4  # copies of the weights in a checkpoint: weights, their best, two moments
CORPUS_BYTES = 12  # a token of a corpus on disk: id, weight, target
VERIFIERS = 3  # PRM, ORM, ORM with as many labels


@dataclass(frozen=True)
class Work:
    """One stage; tokens are summed over its models."""

    stage: str
    generations: float = 0.0
    sampled: float = 0.0  # tokens the policy writes
    prefilled: float = 0.0  # tokens the policy reads
    verified: float = 0.0  # tokens a verifier reads
    trained: float = 0.0  # tokens a model is trained on, every pass
    flops: float = 0.0
    storage: float = 0.0  # bytes


def works(study: Study, known: Known) -> list[Work]:
    """The stages in the order of the pipeline.

    Raises:
        StudyError: the study replays samples that exist already; or see `Known`.
    """
    if study.replay:
        raise StudyError(
            f"This study replays samples that exist already ({', '.join(study.replay)}): nothing is sampled, scored or "
            "trained, so there is nothing to plan."
        )
    plan = _Plan(study, known)
    return [
        *([plan.corpus()] if study.corpus else []),
        *(plan.pretrain(model) for model in study.models),
        *(plan.longer(name) for name in study.window),
        *(plan.generate(name) for name in study.generate),
        *plan.verifier(),
        plan.score(),
        *(plan.search(method) for method in study.grid.methods),
        *(plan.revisions(pairing) for pairing in study.pairings),
        *(plan.revision_verifier(pairing) for pairing in study.revision_verifier),
    ]


class _Plan:
    """A study that samples, and what is known of it."""

    def __init__(self, study: Study, known: Known):
        self.study, self.known = study, known
        (questions,) = (study.problems or study.questions).values()
        self.n_questions = {"train": questions.n_train, "val": questions.n_val, "test": questions.n_test}
        self.base = known.size("base")
        self.prompt = known.prompt_tokens()

    @property
    def corpus_tokens(self) -> int:
        assert self.study.corpus
        return self.study.corpus.tokens

    @property
    def revision(self) -> Revisions:
        assert self.study.revisions
        return self.study.revisions

    def corpus(self) -> Work:
        return Work("questions-nano@nano", storage=CORPUS_BYTES * self.corpus_tokens)

    def pretrain(self, model: str) -> Work:
        size = self.known.size(model)
        return Work(
            f"model-trained@{model}",
            trained=self.corpus_tokens,
            flops=flops.pretraining_flops(size.block, self.corpus_tokens),
            storage=WEIGHT_BYTES * size.total * (1 + CHECKPOINT_WEIGHTS),
        )

    def longer(self, name: str) -> Work:
        """The base, trained on in a longer window."""
        tokens = self.study.window[name].tokens
        return Work(
            f"model-longer@{name}",
            trained=tokens,
            flops=flops.pretraining_flops(self.base.block, tokens),
            storage=WEIGHT_BYTES * self.base.total * (1 + CHECKPOINT_WEIGHTS),
        )

    def generate(self, name: str) -> Work:
        """K samples and a greedy one of every question; a request's prompt is read once."""
        pool = self.study.generate[name]
        n = self.n_questions[pool.split]
        generations = n * (pool.n_samples + 1)
        sampled = generations * self.known.solution_tokens(pool.model, pool.split)
        return self._sampling(f"generate@{name}", pool.model, generations, sampled, 2 * n * self.prompt)

    def verifier(self) -> list[Work]:
        """Rollouts from the end of every step but the last, then verifiers trained on the solutions.

        An adapter is counted as if it were all weights; a declared PRM takes no work.
        """
        assert self.study.verifier
        if (settings := self.study.verifier.learner) is None:
            return []
        if isinstance(settings, TrainedVerifier):
            stage, epochs, n_models = "verifier@trained", settings.epochs, VERIFIERS
        else:
            stage, epochs, n_models = "verifier@tuned", settings.tuning.epochs, 1
        n_solutions = self.n_questions["train"] * settings.samples
        length, steps = self.known.solution_tokens("base", "train"), self.known.steps()
        n_prefixes = n_solutions * max(0.0, steps - 1)
        generations = n_prefixes * settings.rollouts
        # Ends of the steps lie evenly in a solution, so half of it is before and half after such an end on average.
        sampling = self._sampling(
            stage, "base", generations, generations * length / 2, n_prefixes * (self.prompt + length / 2)
        )
        learned = n_models * epochs * n_solutions * (1 - settings.validation_share) * (self.prompt + length)
        return [
            replace(
                sampling,
                trained=learned,
                flops=sampling.flops + flops.pretraining_flops(self.base.block, learned),
                storage=sampling.storage + n_models * WEIGHT_BYTES * self.base.total * (1 + CHECKPOINT_WEIGHTS),
            )
        ]

    def score(self) -> Work:
        """Every solution of the pools of validation and test questions is read, by three verifiers or one PRM.

        Those of a study from scratch read a prompt once for all solutions of a question.
        """
        assert self.study.verifier
        verified = 0.0
        for split in ("val", "test"):
            k, length = self.study.generate[f"base-{split}"].n_samples, self.known.solution_tokens("base", split)
            if self.study.verifier.trained:
                verified += VERIFIERS * self.n_questions[split] * (self.prompt + k * length)
            else:
                verified += self.n_questions[split] * k * (self.prompt + length)
        stage = f"score@{self.study.verifier.kind}"
        return Work(stage, verified=verified, flops=flops.inference_flops(self._verifier().block, verified))

    def search(self, name: str) -> Work:
        """Both sets of questions at every budget that the method can run at."""
        options = self.study.options[name]
        n = self.n_questions["val"] + self.n_questions["test"]
        generations = 0.0
        spent: dict[str, float] = dict.fromkeys(("sampled", "prefilled", "verified"), 0.0)
        for budget in reachable(options, self.study.grid.search_budgets):
            used = options.shape(budget).generations
            generations += n * used
            for what, tokens in self._of_search(name, budget, used).items():
                spent[what] += n * tokens
        sampling = self._sampling(f"search@{name}", "base", generations, spent["sampled"], spent["prefilled"])
        return Work(
            sampling.stage,
            generations=generations,
            sampled=spent["sampled"],
            prefilled=spent["prefilled"],
            verified=spent["verified"],
            flops=sampling.flops + flops.inference_flops(self._verifier().block, spent["verified"]),
            storage=sampling.storage,
        )

    def revisions(self, pairing: str) -> Work:
        """Training on trajectories; chains of each checkpoint, then of all ways to split N.

        An adapter takes hardly any storage.
        """
        settings, length = self.revision, self.known.solution_tokens("base", "test")
        attempts = self.study.pairings[pairing].attempts
        pool = self.study.generate["base-train"].n_samples * self.n_questions["train"]
        most = 0 if pairing == "none" else settings.max_history
        pair = self.prompt + length
        trajectory = (1 + most / 2) * pair  # the number of earlier attempts is drawn evenly from 0 to `most`
        n = self.known.trajectories(pairing, pool) * (1 - settings.validation_share)
        if isinstance(settings, TunedRevisions):
            epochs, checkpoints, copies = settings.tuning.epochs, settings.tuning.checkpoints, 0
        else:
            epochs, checkpoints, copies = settings.epochs, settings.n_checkpoints, 1 + CHECKPOINT_WEIGHTS
        trained = epochs * n * trajectory
        tried = self._chains([settings.max_history + 1] * settings.n_chains, "val")
        asked = ("val", "test") if pairing == "edit_distance" else ("test",)  # the paper's: its strategies are fitted
        split = [self._chains(chain_lengths(attempts), part) for part in asked]
        generations = checkpoints * tried[0] + sum(n for n, _ in split)
        read = checkpoints * tried[1] + sum(tokens for _, tokens in split)
        sampling = self._sampling(f"revisions@{pairing}", "base", generations, generations * length, read)
        return Work(
            sampling.stage,
            generations=generations,
            sampled=sampling.sampled,
            prefilled=sampling.prefilled,
            trained=trained,
            flops=sampling.flops + flops.pretraining_flops(self.base.block, trained),
            storage=sampling.storage + copies * WEIGHT_BYTES * self.base.total,
        )

    def revision_verifier(self, pairing: str) -> Work:
        """Chains on training questions, two ORMs trained on them, which read every chain, and so does the PRM."""
        settings = self.study.revision_verifier[pairing]
        if isinstance(settings, TunedRevisionVerifier):
            epochs, in_checkpoint = settings.tuning.epochs, 0 if settings.tuning.adapter else CHECKPOINT_WEIGHTS
        else:
            epochs, in_checkpoint = settings.epochs, CHECKPOINT_WEIGHTS
        length = self.known.solution_tokens("base", "test")
        generations, read = self._chains([self.revision.max_history + 1] * self.revision.n_chains, "train")
        pair = self.prompt + length
        trained = 2 * epochs * generations * (1 - settings.validation_share) * pair
        lengths = chain_lengths(self.study.pairings[pairing].attempts)
        attempts = sum(self._chains(lengths, part)[0] for part in ("val", "test"))
        sampling = self._sampling(f"revision_verifier@{pairing}", "base", generations, generations * length, read)
        spent = flops.pretraining_flops(self.base.block, trained)
        spent += flops.inference_flops(2 * self.base.block + self._verifier().block, attempts * pair)
        return Work(
            sampling.stage,
            generations=generations,
            sampled=sampling.sampled,
            prefilled=sampling.prefilled,
            verified=3 * attempts * pair,
            trained=trained,
            flops=sampling.flops + spent,
            storage=sampling.storage + 2 * WEIGHT_BYTES * self.base.total * (1 + in_checkpoint),
        )

    def _verifier(self) -> Size:
        return self.known.size("prm") if self.study.checkpoints else self.base

    def _chains(self, lengths: Sequence[int], split: str) -> tuple[float, float]:
        """Attempts of chains of these lengths over a split, and the tokens of context they are sampled after."""
        pair = self.prompt + self.known.solution_tokens("base", "test")
        shown = sum(min(position, self.revision.max_history) for chain in lengths for position in range(chain))
        n = self.n_questions[split]
        return float(n * sum(lengths)), n * (sum(lengths) * self.prompt + shown * pair)

    def _of_search(self, name: str, budget: int, generations: int) -> dict[str, float]:
        """Tokens a question: as counted in an earlier run, or as if no two samples of a step were equal."""
        if found := self.known.search(name, budget):
            return {
                "sampled": found["policy_decode_tokens"],
                "prefilled": found["policy_prefill_tokens"],
                "verified": found["verifier_tokens"] + found["verifier_prefill_tokens"],
            }
        options, length = self.study.options[name], self.known.solution_tokens("base", "test")
        rounds = self.known.steps()
        n_beams = generations / (options.depth + 1)
        kept = n_beams / (n_beams**0.5 if options.width == "sqrt" else options.width)
        context = self.prompt + length / 2
        # Each kept prefix is read once a round, and so is each candidate before each step of its rollout.
        read = rounds * kept * context
        rolled_out = rounds * n_beams * options.depth * context
        written = generations * length
        return {"sampled": written, "prefilled": read + rolled_out, "verified": read + written}

    def _sampling(self, stage: str, model: str, generations: float, sampled: float, prefilled: float) -> Work:
        size = self.known.size(model)
        token_bytes = 2 if size.vocab_size <= 2**16 else 4
        return Work(
            stage,
            generations=generations,
            sampled=sampled,
            prefilled=prefilled,
            flops=flops.inference_flops(size.block, sampled + prefilled),
            storage=STORED_BYTES * generations + token_bytes * sampled,
        )


def total(parts: Sequence[Work]) -> Work:
    """All stages together."""
    names = ("generations", "sampled", "prefilled", "verified", "trained", "flops", "storage")
    return Work("in all", *(sum(getattr(part, name) for part in parts) for name in names))
