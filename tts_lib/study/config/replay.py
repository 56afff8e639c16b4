"""The schema of a replay: the files of samples that exist already, and what is known of their models."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from tts_lib.common.section import Section
from tts_lib.study.config.folders import FilePath, Folder

ReadingStyle = Annotated[
    Literal["marked", "boxed", "number", "heading"],
    Field(description="what counts as an answer: tts_lib/grading/answers.py; heading: below # Answer"),
]
Column = Annotated[str, Field(min_length=1, max_length=200)]


class PoolColumns(Section):
    """Which column of a file of rows, or path into its records, is what (`tts_lib.imported.sources.Columns`)."""

    question: Column
    sample: Column | None = None
    text: Column | None = None
    answer: Column | None = None
    correct: Column | None = None
    step_scores: Column | None = None
    n_tokens: Column | None = None
    n_chars: Column | None = None
    gold: Column | None = None
    problem: Column | None = None
    finish: Column | None = None
    lcp: Column | None = None
    model: Column | None = None
    temperature: Column | None = None
    once: Column | None = None


class ImportedPool(Section):
    """A file or folder with the samples of one model, and what is known of the model."""

    path: FilePath
    format: Literal["rows", "search_and_learn", "large_language_monkeys"]
    columns: PoolColumns | None = None
    scores: Annotated[
        Literal["probability", "percent", "logit"],
        Field(description="what step scores are; of logits the sigmoid is taken"),
    ] = "probability"
    rows_of: Annotated[str | None, Field(min_length=1, description="read the rows of this model only")] = None
    rows_at: Annotated[float | None, Field(ge=0, le=1e6, description="read the rows at this temperature only")] = None
    name: Annotated[str, Field(min_length=1, max_length=200, description="of the model")]
    n_params: Annotated[
        float, Field(ge=1000, le=1e15, description="parameters without embeddings, 1.5e+9 for 1.5 billion")
    ]
    pretraining_tokens: Annotated[float, Field(ge=1, le=1e17)]
    tokens_per_sample: Annotated[float | None, Field(gt=0, le=1e7, description="where the file does not say")] = None
    order: Annotated[Literal["checked", "trusted"], Field(description="that samples stand by question")] = "checked"


class Conventions(Section):
    """What counts as the same answer (`tts_lib.grading.conventions.Conventions`)."""

    list_order: Literal["any", "given"]
    multiplicities: Annotated[bool, Field(description="whether 2, 2, 3 is not 2, 3, 3")] = True
    tuple_is_set: bool
    vector_is_tuple: bool
    relation_is_set: bool
    percent: Literal["number", "fraction", "either"]
    units: Annotated[Literal["optional", "required"], Field(description="whether 5 answers 5 cm")] = "optional"
    unit_conversion: Annotated[bool, Field(description="whether 1.5 hours answer 90 minutes")] = True
    option_labels: Annotated[bool, Field(description="whether (B) 12 answers 12, and B")] = True
    decimals: Annotated[int, Field(ge=1, le=12, description="places to which decimals must agree")]
    decimal_comma: Annotated[bool, Field(description="whether 1,5 is 1.5")]


class Replay(Section):
    """A study of samples that exist already; nothing is trained or sampled."""

    folder: Folder
    questions: FilePath
    partial: Annotated[bool, Field(description="whether questions without samples are left out, or refused")] = False
    n_val: Annotated[int, Field(ge=2, le=1_000_000, description="questions that strategies and edges are fitted on")]
    chars_per_token: Annotated[float, Field(gt=0, le=100, description="of prompts, and of samples without a count")]
    style: ReadingStyle = "marked"
    conventions: Conventions
    base: ImportedPool
    large: ImportedPool | None = None

    @model_validator(mode="after")
    def _base_is_smaller(self) -> "Replay":
        if self.large and self.large.n_params <= self.base.n_params:
            raise ValueError(f"large.n_params must be above base.n_params, which is {self.base.n_params:g}")
        return self
