"""The schema of a study: `params.yaml` and every file of `profiles/`, checked as a whole before anything runs.

A field without a default must stand in the file, an unknown field is refused, and every number has a range.
The models are plain data: reading one neither touches the disk nor depends on the environment.
"""

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from tts_lib.common.section import Section
from tts_lib.study.config.checkpoint import Checkpoint, Prm
from tts_lib.study.config.engine import Engine, OpenAI, Reference, Vllm
from tts_lib.study.config.fields import Attempts, Name, Pairing, PoolName
from tts_lib.study.config.methods import (
    ComputeOptimal,
    Difficulty,
    FlopsMatched,
    Grid,
    Pool,
    Sampling,
    Search,
    SearchOptions,
    Select,
)
from tts_lib.study.config.nano import Corpus, Pretrain, Problems, Revisions, RevisionVerifier, Shape, Verifier
from tts_lib.study.config.prm_tuning import PrmTuning
from tts_lib.study.config.questions import Grading, Questions
from tts_lib.study.config.replay import Replay
from tts_lib.study.config.revision_tuning import RevisionTuning, RevisionVerifierTuning


class Study(Section):
    """One of three kinds: it trains its models (`problems`), takes `checkpoints`, or is a `replay` of samples."""

    seed: Annotated[int, Field(ge=0, lt=2**63, description="study seed")]
    problems: dict[Literal["nano"], Problems]
    corpus: Corpus | None = None
    models: dict[Name, Shape]
    pretrain: Pretrain | None = None
    checkpoints: dict[Name, Checkpoint]
    questions: dict[Name, Questions]
    engine: Engine | None = None
    sampling: Sampling | None = None
    grading: Grading | None = None
    generate: dict[PoolName, Pool]
    verifier: dict[Literal["base"], Verifier]
    prm: dict[Literal["base"], Prm]
    prm_tuning: dict[Literal["base"], PrmTuning]
    replay: dict[Name, Replay]
    select: Select
    difficulty: Difficulty
    search: Search | None = None
    revisions: Revisions | None = None
    options: dict[Name, SearchOptions]
    grid: Grid
    pairings: dict[Pairing, Attempts]
    revision_verifier: dict[Literal["edit_distance"], RevisionVerifier]
    rest_em: dict[Literal["rest_em"], Attempts]
    revision_tuning: RevisionTuning | None = None
    tuned_pairings: dict[Pairing, Attempts]
    tuned_revision_verifier: dict[Literal["edit_distance"], RevisionVerifierTuning]
    compute_optimal: ComputeOptimal
    flops_matched: FlopsMatched

    @model_validator(mode="after")
    def _is_of_one_kind(self) -> "Study":
        for name in ("replay", "questions"):
            if len(names := getattr(self, name)) > 1:
                raise ValueError(f"{name} must name one study, got {', '.join(names)}")
        trained = ("problems", "corpus", "models", "pretrain", "verifier", "revisions")
        taken = ("questions", "checkpoints")
        verified = ("prm", "prm_tuning")  # one of them
        revised = ("pairings", "revision_verifier", "rest_em")
        tuned = ("revision_tuning", "tuned_pairings", "tuned_revision_verifier")
        sampled = ("engine", "sampling", "grading", "generate", "search")
        if self.replay:
            needed, foreign = (), (*trained, *taken, *verified, *sampled, "options", *revised, *tuned)
            kind = "a replay: nothing is sampled"
        elif self.checkpoints:
            needed, foreign = (*taken, *sampled), (*trained, *revised)
            kind = "a study of checkpoints: nothing is pretrained"
        else:
            needed, foreign = (*trained, *sampled), (*taken, *verified, *tuned)
            kind = "a study that trains its models"
        found = next((name for name in foreign if getattr(self, name)), None)
        if found := found or ("grid.methods" if self.replay and self.grid.methods else None):
            raise ValueError(f"{found} must be empty or left out in {kind}")
        if missing := [name for name in needed if not getattr(self, name)]:
            raise ValueError(f"{missing[0]} is needed by {kind.partition(':')[0]} (or else checkpoints or replay)")
        if self.checkpoints and bool(self.prm) == bool(self.prm_tuning):
            raise ValueError("either prm or prm_tuning must be given in a study of checkpoints, the other one empty")
        return self

    @model_validator(mode="after")
    def _parts_fit(self) -> "Study":
        """Checks that need two sections; a budget above the pool could only be guessed, so it is refused."""
        if self.replay:
            return self  # its pools are as large as they are: a budget out of reach is left out, and said
        where, models = ("checkpoints", self.checkpoints) if self.checkpoints else ("models", self.models)
        for name, pool in self.generate.items():
            _known(f"generate.{name}.model", pool.model, where, models)
            if name != f"{pool.model}-{pool.split}":
                raise ValueError(f"generate.{name} must be called {pool.model}-{pool.split}, for its model and split")
        learners = [*self.verifier, *self.prm_tuning, *self.tuned_pairings]
        for name in (*(["base-train"] if learners else []), "base-val", "base-test", "large-test"):
            _known("the study", name, "generate", self.generate)
        if isinstance(self.engine, OpenAI):
            for name in models:
                _known("the study", name, "engine.models", self.engine.models)
        for method in self.grid.methods:
            _known("grid.methods", method, "options", self.options)
            least, largest = self.options[method].least_budget(), self.grid.search_budgets[-1]
            if least > largest:
                raise ValueError(f"grid.search_budgets ends at {largest}, but options.{method} needs at least {least}")
        for pool in ("base-val", "base-test"):
            place, size = f"generate.{pool}.n_samples", self.generate[pool].n_samples
            _at_most("grid.budgets", self.grid.budgets[-1], place, size)
            _at_most("difficulty.n_probe", self.difficulty.n_probe[-1], place, size)
            _at_most("difficulty.n_samples", self.difficulty.n_samples, place, size)
            if self.difficulty.disjoint:
                left, unused = size - self.difficulty.n_samples, f"what difficulty.n_samples leaves of {place}"
                _at_most("grid.budgets", self.grid.budgets[-1], unused, left)
        for where, learner in (("verifier", self.verifier), ("prm_tuning", self.prm_tuning)):
            for settings in learner.values():
                train_pool = self.generate["base-train"].n_samples
                _at_most(f"{where}.samples", settings.samples, "generate.base-train.n_samples", train_pool)
        for where, tables in (("problems", self.problems), ("questions", self.questions)):
            for name, table in tables.items():
                _at_most("difficulty.n_bins", self.difficulty.n_bins, f"{where}.{name}.n_test", table.n_test)
        return self

    @model_validator(mode="after")
    def _solutions_end(self) -> "Study":
        for name, table in self.questions.items():
            without = next((model for model, made in self.checkpoints.items() if made.end is None), None)
            if table.prompt.kind == "few_shot" and without:
                raise ValueError(
                    f"checkpoints.{without}.end is missing; with questions.{name}.prompt few_shot it must be "
                    "'# Question', as a model that is shown examples goes on with a question of its own"
                )
        return self

    @model_validator(mode="after")
    def _revisions_fit(self) -> "Study":
        """Checks of a study that trains its models: one whose revision models cannot be used would end after hours."""
        if self.revisions is None or self.pretrain is None:
            return self
        if "edit_distance" not in self.pairings or not self.revision_verifier:
            raise ValueError("pairings and revision_verifier must both name edit_distance, the paper's")
        _powers_of_two(self.pairings | self.rest_em)
        _at_most("pairings.edit_distance", self.pairings["edit_distance"], "grid.budgets", self.grid.budgets[-1])
        needed = (self.revisions.max_history + 1) * self.pretrain.max_length
        if self.revisions.max_length < needed:
            raise ValueError(
                f"revisions.max_length is {self.revisions.max_length}, but must be at least {needed}: a window of "
                "pretrain.max_length for each of max_history attempts and one more"
            )
        return self

    @model_validator(mode="after")
    def _tuned_revisions_fit(self) -> "Study":
        """Checks of a study of checkpoints that revises: all of its three parts, or none."""
        tuning, engine = self.revision_tuning, self.engine
        if tuning is None and not self.tuned_pairings and not self.tuned_revision_verifier:
            return self
        if tuning is None or "edit_distance" not in self.tuned_pairings or not self.tuned_revision_verifier:
            raise ValueError(
                "revision_tuning is needed, and tuned_pairings and tuned_revision_verifier must both name "
                "edit_distance, the paper's (or all three must be empty or left out)"
            )
        _powers_of_two(self.tuned_pairings)
        for name, attempts in self.tuned_pairings.items():
            _at_most(f"tuned_pairings.{name}", attempts, "grid.budgets", self.grid.budgets[-1])
        if tuning.tuning.adapter is None:
            raise ValueError("revision_tuning.tuning.adapter is null, but every revision model is an adapter of base")
        if not isinstance(engine, Reference | Vllm):
            raise ValueError("engine.kind must be reference or vllm to tune revisions: no other serves adapters")
        if isinstance(engine, Vllm) and engine.max_model_len is not None:
            _at_most("revision_tuning.max_length", tuning.max_length, "engine.max_model_len", engine.max_model_len)
        needed = (tuning.max_history + 1) * self.sampling.max_tokens if self.sampling else 0
        if tuning.max_length <= needed:
            raise ValueError(
                f"revision_tuning.max_length is {tuning.max_length}, but must be above {needed}: sampling.max_tokens "
                "for each of max_history attempts and one more, beside as many prompts"
            )
        return self


def _powers_of_two(attempts: dict[Any, int]) -> None:
    for name, n in attempts.items():
        if n & (n - 1):
            raise ValueError(f"{name} has {n} attempts a question, which is not a power of two")


def _known(place: str, name: str, where: str, names: dict[str, Any]) -> None:
    if name not in names:
        raise ValueError(f"{place} names {name!r}, but {where} has only {', '.join(names) or 'nothing'}")


def _at_most(name: str, value: int, limit_name: str, limit: int) -> None:
    if value > limit:
        raise ValueError(f"{name} reaches {value}, but must be at most {limit_name}, which is {limit}")
