"""What each stage of a study will sample, read, train and store.

FLOPs are those of the study's own ledger (`tts_lib.estimators.flops`): 2 N a token that a model of N parameters
(without embeddings) reads or writes, 6 N a token it is trained on; attention over the context is left out. A stage
that the table does not list computes on tables alone: seconds to minutes, and no tokens.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from tts_lib.common.errors import StudyError
from tts_lib.estimators import flops
from tts_lib.plan.known import Known
from tts_lib.plan.sizes import Size
from tts_lib.revisions.chains import chain_lengths
from tts_lib.search.over_questions import method_from
from tts_lib.study.config.nano import Revisions, Verifier
from tts_lib.study.config.prm_tuning import PrmTuning
from tts_lib.study.config.revision_tuning import RevisionTuning, RevisionVerifierTuning
from tts_lib.study.config.study import Study

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
    if study.checkpoints:
        return [
            *(plan.generate(name) for name in study.generate),
            *(plan.tuned_prm() for _ in study.prm_tuning),
            plan.declared_score(),
            *(plan.search(method) for method in study.grid.methods),
            *(plan.revisions("tuned_revisions", name, attempts) for name, attempts in study.tuned_pairings.items()),
            *(plan.revision_verifier("tuned_revision_verifier", pairing) for pairing in study.tuned_revision_verifier),
        ]
    return [
        plan.corpus(),
        *(plan.pretrain(model) for model in study.models),
        *(plan.generate(name) for name in study.generate),
        plan.verifier(),
        plan.score(),
        *(plan.search(method) for method in study.grid.methods),
        *(plan.revisions("revisions", pairing, attempts) for pairing, attempts in study.pairings.items()),
        *(plan.revision_verifier("revision_verifier", pairing) for pairing in study.revision_verifier),
        *(plan.revisions("rest_em", name, attempts) for name, attempts in study.rest_em.items()),
    ]


class _Plan:
    """A study that samples, and what is known of it."""

    def __init__(self, study: Study, known: Known):
        assert study.sampling and study.search
        self.study, self.known = study, known
        self.sampling, self.limits = study.sampling, study.search
        (questions,) = (study.problems or study.questions).values()
        self.n_questions = {"train": questions.n_train, "val": questions.n_val, "test": questions.n_test}
        self.base = known.size("base")
        self.prompt = known.prompt_tokens()

    @property
    def corpus_tokens(self) -> int:
        assert self.study.corpus
        return self.study.corpus.tokens

    @property
    def revision(self) -> Revisions | RevisionTuning:
        settings = self.study.revisions or self.study.revision_tuning
        assert settings
        return settings

    def corpus(self) -> Work:
        return Work("problems@nano", storage=CORPUS_BYTES * self.corpus_tokens)

    def pretrain(self, model: str) -> Work:
        size = self.known.size(model)
        return Work(
            f"pretrain@{model}",
            trained=self.corpus_tokens,
            flops=flops.pretraining_flops(size.block, self.corpus_tokens),
            storage=WEIGHT_BYTES * size.total * (1 + CHECKPOINT_WEIGHTS),
        )

    def generate(self, name: str) -> Work:
        """K samples and a greedy one of every question; a request's prompt is read once."""
        pool = self.study.generate[name]
        n = self.n_questions[pool.split]
        generations = n * (pool.n_samples + 1)
        sampled = generations * self.known.solution_tokens(pool.model, pool.split)
        return self._sampling(f"generate@{name}", pool.model, generations, sampled, 2 * n * self.prompt)

    def verifier(self) -> Work:
        settings = self.study.verifier["base"]
        return self._learned("verifier@base", settings, settings.epochs, VERIFIERS)

    def tuned_prm(self) -> Work:
        """A PRM from the base checkpoint; an adapter is counted as if it were all weights."""
        settings = self.study.prm_tuning["base"]
        return self._learned("prm_tuning@base", settings, settings.tuning.epochs, 1)

    def _learned(self, stage: str, settings: Verifier | PrmTuning, epochs: int, n_models: int) -> Work:
        """Rollouts from the end of every step but the last, then verifiers trained on the solutions."""
        n_solutions = self.n_questions["train"] * settings.samples
        length, steps = self.known.solution_tokens("base", "train"), self.known.steps()
        n_prefixes = n_solutions * max(0.0, steps - 1)
        generations = n_prefixes * settings.rollouts
        # Ends of the steps lie evenly in a solution, so half of it is before and half after such an end on average.
        sampling = self._sampling(
            stage, "base", generations, generations * length / 2, n_prefixes * (self.prompt + length / 2)
        )
        read = n_solutions * (1 - settings.validation_share) * (self.prompt + length)
        trained = n_models * epochs * read
        return Work(
            stage,
            generations=generations,
            sampled=sampling.sampled,
            prefilled=sampling.prefilled,
            trained=trained,
            flops=sampling.flops + flops.pretraining_flops(self.base.block, trained),
            storage=sampling.storage + n_models * WEIGHT_BYTES * self.base.total * (1 + CHECKPOINT_WEIGHTS),
        )

    def score(self) -> Work:
        """Three verifiers read every solution of the pools of validation and test questions."""
        verified = 0.0
        for split in ("val", "test"):
            n, k = self.n_questions[split], self.study.generate[f"base-{split}"].n_samples
            verified += VERIFIERS * n * (self.prompt + k * self.known.solution_tokens("base", split))
        return Work("score@base", verified=verified, flops=flops.inference_flops(self.base.block, verified))

    def declared_score(self) -> Work:
        """A declared PRM reads every solution of the pools of validation and test questions."""
        verified = 0.0
        for split in ("val", "test"):
            k = self.study.generate[f"base-{split}"].n_samples
            verified += self.n_questions[split] * k * (self.prompt + self.known.solution_tokens("base", split))
        return Work(
            "score@base", verified=verified, flops=flops.inference_flops(self.known.size("prm").block, verified)
        )

    def search(self, name: str) -> Work:
        """Both sets of questions at every budget that the method can run at."""
        options = self.study.options[name]
        steps = {"temperature": 1.0, "top_p": 1.0, "max_tokens": self.sampling.max_tokens}
        steps |= {"max_step_tokens": self.limits.max_step_tokens, "max_rounds": self.limits.max_rounds}
        method = method_from(options.model_dump(), steps, self.limits.duplicates)
        n = self.n_questions["val"] + self.n_questions["test"]
        generations = 0.0
        spent: dict[str, float] = dict.fromkeys(("sampled", "prefilled", "verified"), 0.0)
        for budget in self.study.grid.search_budgets:
            if budget < options.least_budget():
                continue
            used = method.generations(budget)
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

    def revisions(self, stage: str, pairing: str, attempts: int) -> Work:
        """Training on trajectories; chains of each checkpoint, then of all ways to split N.

        A trained model learns a longer window before; a checkpoint has one, and its adapter takes hardly any storage.
        """
        settings, length = self.revision, self.known.solution_tokens("base", "test")
        pool = self.study.generate["base-train"].n_samples * self.n_questions["train"]
        most = 0 if pairing == "none" else settings.max_history
        pair = self.prompt + length
        trajectory = (1 + most / 2) * pair  # the number of earlier attempts is drawn evenly from 0 to `most`
        n = self.known.trajectories(pairing, pool) * (1 - settings.validation_share)
        if isinstance(settings, RevisionTuning):
            extension, epochs, checkpoints = 0, settings.tuning.epochs, settings.tuning.checkpoints
            copies = 0
        else:
            extension, epochs, checkpoints = settings.extension_tokens, settings.epochs, settings.n_checkpoints
            copies = 2 * (1 + CHECKPOINT_WEIGHTS)
        trained = extension + epochs * n * trajectory
        tried = self._chains([settings.max_history + 1] * settings.n_chains, "val")
        asked = ("val", "test") if pairing == "edit_distance" else ("test",)  # the paper's: its strategies are fitted
        split = [self._chains(chain_lengths(attempts), part) for part in asked]
        generations = checkpoints * tried[0] + sum(n for n, _ in split)
        read = checkpoints * tried[1] + sum(tokens for _, tokens in split)
        sampling = self._sampling(f"{stage}@{pairing}", "base", generations, generations * length, read)
        return Work(
            sampling.stage,
            generations=generations,
            sampled=sampling.sampled,
            prefilled=sampling.prefilled,
            trained=trained,
            flops=sampling.flops + flops.pretraining_flops(self.base.block, trained),
            storage=sampling.storage + copies * WEIGHT_BYTES * self.base.total,
        )

    def revision_verifier(self, stage: str, pairing: str) -> Work:
        """Chains on training questions, two ORMs trained on them, which read every chain, and so does the PRM."""
        settings = {**self.study.revision_verifier, **self.study.tuned_revision_verifier}[pairing]
        if isinstance(settings, RevisionVerifierTuning):
            epochs, in_checkpoint = settings.tuning.epochs, 0 if settings.tuning.adapter else CHECKPOINT_WEIGHTS
        else:
            epochs, in_checkpoint = settings.epochs, CHECKPOINT_WEIGHTS
        length = self.known.solution_tokens("base", "test")
        generations, read = self._chains([self.revision.max_history + 1] * self.revision.n_chains, "train")
        pair = self.prompt + length
        trained = 2 * epochs * generations * (1 - settings.validation_share) * pair
        lengths = chain_lengths({**self.study.pairings, **self.study.tuned_pairings}[pairing])
        attempts = sum(self._chains(lengths, part)[0] for part in ("val", "test"))
        sampling = self._sampling(f"{stage}@{pairing}", "base", generations, generations * length, read)
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
