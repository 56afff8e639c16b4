"""Engines as params.yaml declares them, where a model is, and a small request."""

from pathlib import Path
from typing import Any

import numpy as np

from tts_lib.answers.protocols import SampleRequest, Sampling
from tts_lib.study.config import engine as config_engine

NATIVE = config_engine.Native(kind="native").model_dump()
REFERENCE = config_engine.Reference(kind="reference", device="cpu", batch_size=4).model_dump()
VLLM = config_engine.Vllm(
    kind="vllm",
    dtype="float32",
    max_model_len=None,
    gpu_memory=0.1,
    tensor_parallel=1,
    max_sequences=8,
    workers=1,
    gpus_per_worker=0,
    cluster=None,
).model_dump()
SERVER = config_engine.OpenAI(
    kind="openai",
    url="http://127.0.0.1:9/v1",
    models={"large": "big"},
    token_ids=True,
    concurrency=1,
    requests_per_second=None,
    timeout_seconds=1.0,
    n_tries=1,
).model_dump()
SAMPLING = Sampling(0.8, 1.0, 12, "step")


def where(folder: Path | None = None, model: str | None = None, revision: str | None = None) -> dict[str, Any]:
    return {"folder": None if folder is None else str(folder), "model": model, "revision": revision}


def request(n_samples: int) -> list[SampleRequest]:
    return [SampleRequest(np.array([5, 6, 7], np.int32), np.arange(n_samples, dtype=np.uint64))]
