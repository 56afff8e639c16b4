"""The schema of the engine: what samples from the models and reads them for the verifiers.

Every field reaches an engine through `tts_lib.engines.opening`.
"""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from tts_lib.common.section import Section

Device = Annotated[str, Field(pattern=r"^(cpu|cuda(:[0-9]{1,2})?)$", description="cpu, cuda or cuda:N")]


class Native(Section):
    """The compiled CPU kernel: models that a study trains itself, and Llama folders of up to 200M parameters."""

    kind: Literal["native"]


class Reference(Section):
    """`transformers` itself: any causal language model, slowly."""

    kind: Literal["reference"]
    device: Device
    batch_size: Annotated[int, Field(ge=1, le=65_536, description="sequences computed together")]


class Vllm(Section):
    """vLLM in this process, or in `workers` processes that each own an engine."""

    kind: Literal["vllm"]
    dtype: Literal["auto", "float32", "bfloat16", "float16"]
    max_model_len: Annotated[int | None, Field(ge=16, le=10_000_000, description="tokens; null: the model's window")]
    gpu_memory: Annotated[float, Field(gt=0, le=1, description="share of the accelerator's memory that is taken")]
    tensor_parallel: Annotated[int, Field(ge=1, le=1024, description="accelerators an engine")]
    max_sequences: Annotated[int, Field(ge=1, le=65_536, description="sequences computed together")]
    workers: Annotated[int, Field(ge=1, le=1024, description="engines; questions are shared out among them")]
    gpus_per_worker: Annotated[
        float, Field(ge=0, le=1024, description="0 without accelerators; 0.5: policy and verifier share one")
    ]
    cluster: Annotated[
        str | None, Field(pattern=r"^(auto|(ray://)?[A-Za-z0-9.-]+:[0-9]+)$", description="of Ray; null: this machine")
    ]

    @model_validator(mode="after")
    def _whole_accelerators(self) -> "Vllm":
        if self.gpus_per_worker > 1 and self.gpus_per_worker % 1:
            raise ValueError(f"gpus_per_worker is {self.gpus_per_worker}, but above 1 must be a whole number")
        return self


class OpenAI(Section):
    """A server with the completions of the OpenAI protocol. It serves policies; verifiers are read on this machine.

    vLLM's server on a CPU wants `--no-enable-chunked-prefill`: one that prefills a request with a seed in parts dies.
    """

    kind: Literal["openai"]
    url: Annotated[str, Field(pattern=r"^https?://[^\s@?#]+$", max_length=2000, description="up to and with /v1")]
    models: Annotated[
        dict[str, Annotated[str, Field(min_length=1, max_length=200)]],
        Field(min_length=1, description="the server's name of each model of the study"),
    ]
    token_ids: Annotated[bool, Field(description="whether the server can answer in token ids, as vLLM's can")]
    concurrency: Annotated[int, Field(ge=1, le=4096, description="requests under way at once")]
    requests_per_second: Annotated[float | None, Field(gt=0, le=1e6, description="null: as many as it takes")]
    timeout_seconds: Annotated[float, Field(gt=0, le=86_400, description="a try")]
    n_tries: Annotated[int, Field(ge=1, le=100, description="of one request, with growing pauses")]


Engine = Annotated[Native | Reference | Vllm | OpenAI, Field(discriminator="kind")]
