"""The schema of a study: `params.yaml` and every file of `profiles/`, checked as a whole before anything runs.

A setting without a default must stand in the file, an unknown one is refused, and every number has a range. A part that
a kind of study has no use for is left out. The models are plain data: reading one neither touches the disk nor depends
on the environment.
"""

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from tts_lib.common.errors import listed
from tts_lib.common.section import Section
from tts_lib.search.methods import Method, reachable
from tts_lib.study.config.checkpoint import Checkpoint
from tts_lib.study.config.engine import Engine, OpenAI, Reference, Vllm
from tts_lib.study.config.fields import FieldError, Name, Pairing, PoolName
from tts_lib.study.config.methods import (
    ComputeOptimal,
    Difficulty,
    FlopsMatched,
    Grid,
    Pool,
    Sampling,
    Search,
    Select,
)
from tts_lib.study.config.nano import Corpus, Pretrain, Problems, Shape, Window
from tts_lib.study.config.questions import Examples, Grading, Questions
from tts_lib.study.config.replay import Replay
from tts_lib.study.config.revisions import RevisionModel, Revisions, RevisionVerifier, TunedRevisions
from tts_lib.study.config.verifiers import Verifier

SHOWING = {"few_shot": "'# Question'", "examples": "how prompt.question begins"}  # prompts, and where solutions end
PAPER, REST_EM = "edit_distance", "rest_em"  # the paper's revision model, and that of its ablation


class Study(Section):
    """One of three kinds: it trains its models (`problems`), takes `checkpoints`, or is a `replay` of samples."""

    seed: Annotated[int, Field(ge=0, lt=2**63, description="study seed")]
    problems: dict[Literal["nano"], Problems] = Field(default_factory=dict)
    questions: dict[Name, Questions] = Field(default_factory=dict)
    replay: dict[Name, Replay] = Field(default_factory=dict)
    corpus: Corpus | None = None
    models: dict[Name, Shape] = Field(default_factory=dict)
    ladder: dict[Name, Shape] = Field(default_factory=dict, description="sizes between, trained by benchmarks/world.py")
    pretrain: Pretrain | None = None
    checkpoints: dict[Name, Checkpoint | None] = Field(default_factory=dict, description="null: no such model")
    engine: Engine | None = None
    sampling: Sampling | None = None
    grading: Grading | None = None
    generate: dict[PoolName, Pool] = Field(default_factory=dict)
    verifier: Verifier | None = None
    select: Select
    difficulty: Difficulty
    search: Search | None = None
    options: dict[Name, Method]
    grid: Grid
    window: dict[Name, Window] = Field(default_factory=dict)
    revisions: Revisions | None = None
    pairings: dict[Pairing, RevisionModel]
    revision_verifier: dict[Literal["edit_distance"], RevisionVerifier] = Field(default_factory=dict)
    compute_optimal: ComputeOptimal
    flops_matched: FlopsMatched

    @property
    def taken(self) -> dict[str, Checkpoint]:
        """The models that exist already."""
        return {name: made for name, made in self.checkpoints.items() if made is not None}

    @model_validator(mode="after")
    def _is_of_one_kind(self) -> "Study":
        for name in ("replay", "questions"):
            if len(names := getattr(self, name)) > 1:
                raise ValueError(f"{name} must name one study, got {', '.join(names)}")
        trained = ("problems", "corpus", "models", "pretrain")
        taken = ("questions", "checkpoints")
        revised = ("revisions", "pairings", "revision_verifier")
        sampled = ("engine", "sampling", "grading", "generate", "verifier", "search")
        if self.replay:
            needed, foreign = (), (*trained, "ladder", "window", *taken, *sampled, "options", *revised)
            kind = "a replay: nothing is sampled"
        elif self.checkpoints:
            needed, foreign = (*taken, *sampled), (*trained, "ladder", "window")
            kind = "a study of checkpoints: nothing is pretrained"
        else:
            needed, foreign = (*trained, *sampled), taken
            kind = "a study that trains its models"
        found = next((name for name in foreign if getattr(self, name)), None)
        if found := found or ("grid.methods" if self.replay and self.grid.methods else None):
            raise ValueError(f"{found} must be empty or left out in {kind}")
        if missing := [name for name in ("sampling", "search") if name not in self.model_fields_set]:
            raise ValueError(f"{missing[0]} must stand there, as null, in {kind}")
        if missing := [name for name in needed if not getattr(self, name)]:
            raise ValueError(f"{missing[0]} is needed by {kind.partition(':')[0]} (or else checkpoints or replay)")
        if absent := [name for name in self.checkpoints if name not in self.taken and name != "large"]:
            raise FieldError(f"checkpoints.{absent[0]}", "is null, but only large may be: no larger model is compared")
        if self.verifier and (self.verifier.trained is not None) == bool(self.checkpoints):
            names = "tuned or declared" if self.checkpoints else "trained"
            raise ValueError(f"verifier must be {names} in {kind}")
        return self

    @model_validator(mode="after")
    def _parts_fit(self) -> "Study":
        """Checks that need two sections; a budget above the pool could only be guessed, so it is refused."""
        for name, replay in self.replay.items():
            _at_most("difficulty.n_bins", self.difficulty.n_bins, f"replay.{name}.n_val", replay.n_val)
        learned = self.difficulty.predictors.texts or self.difficulty.predictors.model
        assert learned
        if self.difficulty.predictors.model and not self.problems:
            raise FieldError("difficulty.predictors", "must be texts: only models of the nano study are read for it")
        if self.replay and learned.pool != "base-val":
            raise FieldError("difficulty.predictors.texts.pool", f"is {learned.pool}, but must be base-val in a replay")
        if self.replay:
            return self  # its pools are as large as they are: a budget out of reach is left out, and said
        where, models = ("checkpoints", self.checkpoints) if self.checkpoints else ("models", self.models)
        for name, pool in self.generate.items():
            _known(f"generate.{name}.model", pool.model, where, models)
            if name != f"{pool.model}-{pool.split}":
                raise FieldError(
                    f"generate.{name}", f"must be called {pool.model}-{pool.split}, for its model and split"
                )
        assert self.verifier
        learner = self.verifier.learner
        for name in (*(["base-train"] if learner or self.pairings else []), "base-val", "base-test", "large-test"):
            _known("the study", name, "generate", self.generate)
        _known("difficulty.predictors", learned.pool, "generate", self.generate)
        if isinstance(self.engine, OpenAI):
            for name in self.taken or models:
                _known("the study", name, "engine.models", self.engine.models)
        for method in self.grid.methods:
            _known("grid.methods", method, "options", self.options)
            options, largest = self.options[method], self.grid.search_budgets[-1]
            if not reachable(options, [largest]):
                least = options.least
                raise FieldError(
                    "grid.search_budgets", f"ends at {largest}, but options.{method} needs at least {least}"
                )
        self._pools_beside_fit()
        for pool in ("base-val", "base-test"):
            place, size = f"generate.{pool}.n_samples", self.generate[pool].n_samples
            _at_most("difficulty.n_probe", self.difficulty.n_probe[-1], place, size)
            _at_most("difficulty.n_samples", self.difficulty.n_samples, place, size)
        for place, size in self._left.items():
            _at_most("grid.budgets", self.grid.budgets[-1], place, size)
            _at_most("grid.search_budgets", self.grid.search_budgets[-1], place, size)
        if learner:
            kind, train_pool = "trained" if self.verifier.trained else "tuned", self.generate["base-train"].n_samples
            _at_most(f"verifier.{kind}.samples", learner.samples, "generate.base-train.n_samples", train_pool)
        for where, tables in (("problems", self.problems), ("questions", self.questions)):
            for name, table in tables.items():
                for split, n in (("n_val", table.n_val), ("n_test", table.n_test)):
                    _at_most("difficulty.n_bins", self.difficulty.n_bins, f"{where}.{name}.{split}", n)
        return self

    @property
    def _left(self) -> dict[str, int]:
        """Samples a question that strategies are replayed from, by pool, in words."""
        sizes = {f"generate.{pool}.n_samples": self.generate[pool].n_samples for pool in ("base-val", "base-test")}
        if not self.difficulty.disjoint:
            return sizes
        binned = self.difficulty.n_samples
        return {f"what difficulty.n_samples leaves of {place}": size - binned for place, size in sizes.items()}

    def _pools_beside_fit(self) -> None:
        """A temperature is chosen on validation questions and measured on test questions, so both need its pool."""
        pools = {name: pool.beside for name, pool in self.generate.items()}
        if pools["base-val"] != pools["base-test"]:
            raise FieldError("generate.base-test.beside", "must be equal to generate.base-val.beside")
        if name := next(
            (name for name, beside in pools.items() if beside and name not in ("base-val", "base-test")), ""
        ):
            raise FieldError(f"generate.{name}.beside", "must be left out: only base-val and base-test may have it")
        if (beside := pools["base-val"]) and self.sampling and self.sampling.temperature in beside.temperatures:
            raise FieldError(
                "generate.base-val.beside.temperatures",
                f"holds {self.sampling.temperature}, which is sampling.temperature, the pool's own",
            )

    @model_validator(mode="after")
    def _solutions_end(self) -> "Study":
        for name, table in self.questions.items():
            without = next((model for model, made in self.taken.items() if made.end is None), None)
            if table.prompt.kind in SHOWING and without:
                raise ValueError(
                    f"checkpoints.{without}.end is missing; with questions.{name}.prompt {table.prompt.kind} it must "
                    f"be {SHOWING[table.prompt.kind]}, as a model that is shown examples goes on with a question of "
                    "its own"
                )
            if isinstance(table.prompt, Examples):
                self._steps_are_shown(name, table.prompt)
        return self

    def _steps_are_shown(self, name: str, prompt: Examples) -> None:
        for model, made in self.taken.items():
            if made.step not in prompt.step:
                raise FieldError(
                    f"questions.{name}.prompt.step", f"is {prompt.step!r}, but must hold checkpoints.{model}.step, "
                    f"{made.step!r}: a model closes its steps as the examples do"
                )  # fmt: skip

    @model_validator(mode="after")
    def _revisions_fit(self) -> "Study":
        """All parts of the revisions, or none: a study whose revision models cannot be used would end after hours."""
        settings = self.revisions
        if settings is None and not self.pairings and not self.revision_verifier:
            return self
        if settings is None or PAPER not in self.pairings or not self.revision_verifier:
            raise ValueError(
                "revisions is needed, and pairings and revision_verifier must both name edit_distance, the paper's "
                "(or all three must be empty or left out)"
            )
        for name, model in self.pairings.items():
            if model.attempts & (model.attempts - 1):
                raise FieldError(f"pairings.{name}.attempts", f"is {model.attempts}, which is not a power of two")
            for place, size in self._left.items():  # with as many its attempts are compared
                _at_most(f"pairings.{name}.attempts", model.attempts, place, size)
            source = "revisions/verifier" if name == REST_EM else "pools/base-train"
            if model.learns_from != source:
                raise FieldError(f"pairings.{name}.learns_from", f"is {model.learns_from}, but must be {source}")
        if any(verifier.kind != settings.kind for verifier in self.revision_verifier.values()):
            raise ValueError(f"revision_verifier.edit_distance.kind must be {settings.kind}, as revisions.kind is")
        if (settings.kind == "trained") != bool(self.pretrain):
            raise ValueError(f"revisions.kind must be {'trained' if self.pretrain else 'tuned'} in this kind of study")
        if isinstance(settings, TunedRevisions):
            self._adapters_fit(settings)
        elif self.pretrain:
            _known("revisions.start", settings.start, "window", self.window)
            needed, window = (settings.max_history + 1) * self.pretrain.max_length, self.window[settings.start]
            if window.max_length < needed:
                raise ValueError(
                    f"window.{settings.start}.max_length is {window.max_length}, but must be at least {needed}: "
                    "pretrain.max_length for each of revisions.max_history attempts and one more"
                )
        return self

    def _adapters_fit(self, settings: TunedRevisions) -> None:
        if settings.start != "base":
            raise ValueError(f"revisions.start is {settings.start}, but must be base, whose adapters are tuned")
        if REST_EM in self.pairings:
            raise ValueError("pairings.rest_em is for revision models that are trained, not tuned")
        if settings.tuning.adapter is None:
            raise ValueError("revisions.tuning.adapter is null, but every revision model is an adapter of base")
        if not isinstance(self.engine, Reference | Vllm):
            raise ValueError("engine.kind must be reference or vllm to tune revisions: no other serves adapters")
        if isinstance(self.engine, Vllm) and self.engine.max_model_len is not None:
            _at_most("revisions.max_length", settings.max_length, "engine.max_model_len", self.engine.max_model_len)
        needed = (settings.max_history + 1) * self.sampling.max_tokens if self.sampling else 0
        if settings.max_length <= needed:
            raise ValueError(
                f"revisions.max_length is {settings.max_length}, but must be above {needed}: sampling.max_tokens "
                "for each of max_history attempts and one more, beside as many prompts"
            )


def _known(place: str, name: str, where: str, names: dict[str, Any]) -> None:
    if name not in names:
        raise FieldError(place, f"names {name!r}, but {where} has only {listed(name, names)}")


def _at_most(name: str, value: int, limit_name: str, limit: int) -> None:
    if value > limit:
        raise FieldError(name, f"reaches {value}, but must be at most {limit_name}, which is {limit}")
