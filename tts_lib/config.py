"""The schema of a study: `params.yaml` and every file of `profiles/`, checked as a whole before anything runs.

A field without a default must stand in the file, an unknown field is refused, and every number has a range.
The models are plain data: reading one neither touches the disk nor depends on the environment.
"""

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import Field, ValidationError, model_validator

from tts_lib.config_checkpoint import Checkpoint, Prm
from tts_lib.config_engine import Engine, OpenAI, Reference, Vllm
from tts_lib.config_errors import sentence
from tts_lib.config_questions import Grading, Questions
from tts_lib.config_replay import Replay
from tts_lib.config_revision_tuning import RevisionTuning, RevisionVerifierTuning
from tts_lib.config_section import Section
from tts_lib.config_tuning import PrmTuning
from tts_lib.types import StudyError

Count = Annotated[int, Field(ge=1, le=100_000_000)]
Tokens = Annotated[int, Field(ge=1, le=10**13)]
Rate = Annotated[float, Field(gt=0, le=1)]
Temperature = Annotated[float, Field(ge=0, le=10, description="0 = greedy")]
Fraction = Annotated[float, Field(gt=0, lt=1)]
Name = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]*$", max_length=40)]
Split = Literal["train", "val", "test"]
Subject = Literal["chain", "inverse", "bridge", "route"]
Weight = Annotated[float, Field(ge=0, le=1e6)]
Pairing = Literal["edit_distance", "random", "none", "shuffled"]
Workers = Annotated[int, Field(ge=1, le=1024, description="processes, one per core")]
Seconds = Annotated[float, Field(gt=0, le=86_400, description="between checkpoints")]
BatchTokens = Annotated[int, Field(ge=64, le=10_000_000)]
Window = Annotated[int, Field(ge=16, le=32_768, description="tokens")]
TopP = Annotated[float, Field(gt=0, le=1, description="1 = off")]
PoolName = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]*-(train|val|test)$", max_length=60)]
Attempts = Annotated[
    int, Field(ge=4, le=4096, description="a question, a power of two: split into chains in every way")
]
Budget = Annotated[int, Field(ge=1, le=65_536, description="generations per question, a power of two")]


class Problems(Section):
    n_maps: Annotated[int, Field(ge=4, le=26, description="maps of the world, named a-z")]
    n_values: Annotated[int, Field(ge=10, le=100, description="values a map permutes, two digits each")]
    zipf_offset: Annotated[float, Field(gt=0, le=1000, description="a map's frequency is 1 / (rank + offset)")]
    subjects: dict[Subject, Weight]
    hops: Annotated[list[Weight], Field(min_length=1, max_length=4, description="weights of 1, 2, ... facts to use")]
    n_train: Count
    n_val: Count
    n_test: Count

    @model_validator(mode="after")
    def _something_to_draw(self) -> "Problems":
        for name, weights in (("subjects", self.subjects.values()), ("hops", self.hops)):
            if not sum(weights) > 0:
                raise ValueError(f"{name} must have a weight above 0")
        return self


class Corpus(Section):
    tokens: Tokens
    validation_tokens: Tokens
    wrong_guess: Annotated[float, Field(ge=0, lt=1, description="P(a guess is drawn at random)")]
    retry: Annotated[float, Field(ge=0, lt=1, description="P(a refuted guess is tried again)")]
    astray: Annotated[float, Field(ge=0, le=1, description="P(a route goes astray)")]


class Shape(Section):
    """Sizes of a Llama model trained from scratch."""

    n_layers: Annotated[int, Field(ge=1, le=128)]
    width: Annotated[int, Field(ge=8, le=16_384)]
    n_heads: Annotated[int, Field(ge=1, le=256)]
    width_mlp: Annotated[int, Field(ge=8, le=65_536)]

    @model_validator(mode="after")
    def _heads_fit(self) -> "Shape":
        if self.width % self.n_heads or (self.width // self.n_heads) % 2:
            raise ValueError(f"width {self.width} must be n_heads {self.n_heads} times an even head width")
        return self


class Pretrain(Section):
    max_length: Window
    batch_tokens: BatchTokens
    lr_muon: Rate
    lr_adamw: Rate
    workers: Workers
    checkpoint_seconds: Seconds


class Sampling(Section):
    temperature: Temperature
    top_p: TopP
    max_tokens: Annotated[int, Field(ge=1, le=32_768, description="new tokens a solution")]


class Pool(Section):
    model: Name
    split: Split
    n_samples: Annotated[int, Field(ge=1, le=65_536, description="samples a question")]


class Verifier(Section):
    samples: Annotated[int, Field(ge=1, le=1024, description="labelled solutions a training question")]
    rollouts: Annotated[int, Field(ge=1, le=1024, description="Monte-Carlo rollouts a step")]
    epochs: Annotated[int, Field(ge=1, le=100)]
    batch_tokens: BatchTokens
    lr_muon: Rate
    lr_adamw: Rate
    dropout: Annotated[float, Field(ge=0, lt=1)]
    validation_share: Annotated[float, Field(gt=0, le=0.5, description="share of the training questions held out")]
    workers: Workers
    checkpoint_seconds: Seconds


class Select(Section):
    n_resamples: Annotated[int, Field(ge=2, le=100_000, description="subsets a vote")]
    flip_share: Annotated[float, Field(ge=0, le=0.5, description="share of the PRM's scores flipped")]


class Difficulty(Section):
    n_bins: Annotated[int, Field(ge=1, le=100)]
    n_samples: Annotated[int, Field(ge=1, le=65_536, description="a question, the first of its pool, that bin it")]
    disjoint: Annotated[bool, Field(description="whether strategies are evaluated on the other samples only")]
    n_probe: Annotated[list[Budget], Field(min_length=1, description="samples spent on predicting difficulty")]
    absolute_edges: Annotated[list[Fraction], Field(min_length=1, description="pass@1 between two bins")]

    @model_validator(mode="after")
    def _ordered(self) -> "Difficulty":
        _increasing("n_probe", self.n_probe)
        _increasing("absolute_edges", self.absolute_edges)
        return self


class Search(Section):
    max_step_tokens: Annotated[int, Field(ge=1, le=4096, description="new tokens a step")]
    max_rounds: Annotated[int, Field(ge=1, le=1000, description="steps of a solution at most")]
    duplicates: Literal["keep", "merge"]


class Revisions(Section):
    max_history: Annotated[int, Field(ge=1, le=64, description="earlier attempts in context")]
    max_length: Window
    extension_tokens: Annotated[Tokens, Field(description="of joined corpus documents, to learn the longer window")]
    epochs: Annotated[int, Field(ge=1, le=100)]
    n_checkpoints: Annotated[int, Field(ge=1, le=100, description="kept along training; one is chosen on validation")]
    n_chains: Annotated[int, Field(ge=1, le=1024, description="of max_history + 1 attempts: to choose and to verify")]
    batch_tokens: BatchTokens
    lr_muon: Rate
    lr_adamw: Rate
    validation_share: Annotated[float, Field(gt=0, le=0.5, description="share of the training questions held out")]
    workers: Workers
    checkpoint_seconds: Seconds


class RevisionVerifier(Section):
    epochs: Annotated[int, Field(ge=1, le=100)]
    batch_tokens: BatchTokens
    lr_muon: Rate
    lr_adamw: Rate
    dropout: Annotated[float, Field(ge=0, lt=1)]
    validation_share: Annotated[float, Field(gt=0, le=0.5, description="share of the training questions held out")]
    workers: Workers
    checkpoint_seconds: Seconds


class SearchOptions(Section):
    """One search method: width is the expansions per kept beam (M of the paper), `sqrt` the root of the budget."""

    kind: Literal["beam", "lookahead", "dvts"]
    width: Annotated[int, Field(ge=2, le=1024)] | Literal["sqrt"]
    depth: Annotated[int, Field(ge=0, le=64, description="greedy steps looked ahead per candidate")]

    @model_validator(mode="after")
    def _depth_is_used(self) -> "SearchOptions":
        if (self.kind == "lookahead") != (self.depth > 0) and self.kind != "dvts":
            raise ValueError(f"depth is {self.depth}, but must be 0 for beam and at least 1 for lookahead")
        return self

    def least_budget(self) -> int:
        """The smallest budget, in generations, at which the method can run: M beams with k rollouts each."""
        return (2 if self.width == "sqrt" else self.width) * (self.depth + 1)


class Grid(Section):
    """What is swept; apart from the settings, so that adding one entry reruns only that entry."""

    budgets: Annotated[list[Budget], Field(min_length=1)]
    search_budgets: Annotated[
        list[Budget], Field(min_length=1, description="where searches are run and policies are compared")
    ]
    methods: list[Name]

    @model_validator(mode="after")
    def _ordered(self) -> "Grid":
        for name in ("budgets", "search_budgets"):
            budgets: list[int] = getattr(self, name)
            _increasing(name, budgets)
            odd = [b for b in budgets if b & (b - 1)]
            if odd:
                raise ValueError(f"{name} holds {odd[0]}, which is not a power of two")
        missing = sorted(set(self.search_budgets) - set(self.budgets))
        if missing:
            raise ValueError(f"search_budgets holds {missing[0]}, which is not among the budgets {self.budgets}")
        if len(set(self.methods)) < len(self.methods):
            raise ValueError(f"methods names one method twice: {self.methods}")
        return self


class ComputeOptimal(Section):
    fold_seeds: Annotated[int, Field(ge=1, le=10_000, description="random splits into folds")]
    n_bootstrap: Annotated[int, Field(ge=100, le=1_000_000, description="resamples of the questions")]


class FlopsMatched(Section):
    r_values: Annotated[
        list[Annotated[float, Field(gt=0, le=1e6)]],
        Field(min_length=1, description="R, inference tokens per pretraining token"),
    ]

    @model_validator(mode="after")
    def _ordered(self) -> "FlopsMatched":
        _increasing("r_values", self.r_values)
        return self


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


def load(path: str | Path = "params.yaml") -> Study:
    """The study described by a YAML file.

    Raises:
        StudyError: the file is missing, is not YAML, names a field twice, or breaks the schema; one sentence.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
        data = yaml.load(text, Loader=_UniqueKeys)
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise StudyError(f"{path} cannot be read: {reason}.") from error
    except yaml.YAMLError as error:
        raise StudyError(f"{path} is not valid YAML: {' '.join(str(error).split())}.") from error
    try:
        return Study.model_validate(data)
    except ValidationError as error:
        raise StudyError(f"{path}: {sentence(error, Study.model_json_schema())}") from error


def find_root(start: str | Path = ".") -> Path:
    """The project's folder: the nearest one at or above `start` that holds params.yaml.

    Raises:
        StudyError: there is none.
    """
    here = Path(start).resolve()
    for folder in (here, *here.parents):
        if (folder / "params.yaml").is_file():
            return folder
    raise StudyError(f"No params.yaml in {here} or above it; start from the project's folder.")


class _UniqueKeys(yaml.SafeLoader):
    """YAML without objects, in which a key given twice is an error and not the last value."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        for key in keys:
            if keys.count(key) > 1:
                raise yaml.constructor.ConstructorError(None, None, f"{key!r} is given twice", node.start_mark)
        return super().construct_mapping(node, deep)


def _increasing(name: str, values: Sequence[int] | Sequence[float]) -> None:
    if any(b <= a for a, b in pairwise(values)):
        raise ValueError(f"{name} must be strictly increasing, got {list(values)}")


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
