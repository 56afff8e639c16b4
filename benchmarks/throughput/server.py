"""vLLM's completion server on the CPU, in a process group of its own, all of which ends with the block."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.request import urlopen

from tts_lib.common.lifetimes import die_with_parent

START_SECONDS = 300
SETTINGS = {"VLLM_CPU_KVCACHE_SPACE": "4", "VLLM_NO_USAGE_STATS": "1", "HF_HUB_OFFLINE": "1"}


@contextmanager
def serving(weights: Path, name: str, window: int, n_sequences: int) -> Iterator[str]:
    """Serves the model in `weights` under a name; gives the address, up to and with /v1.

    Args:
        window: tokens of a text at most.
        n_sequences: computed together at most.
    """
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    # What `vllm serve` runs; the command itself asks for the metadata of a package that vllm-cpu calls otherwise.
    command = [sys.executable, "-m", "vllm.entrypoints.openai.api_server", "--model", str(weights)]
    command += ["--served-model-name", name, "--host", "127.0.0.1", "--port", str(port), "--enforce-eager"]
    command += ["--max-model-len", str(window), "--max-num-seqs", str(n_sequences)]
    command += ["--no-enable-chunked-prefill"]  # with it a server on a CPU dies of a request with a seed
    process = subprocess.Popen(
        command, stdout=sys.stderr, env=os.environ | SETTINGS, start_new_session=True, preexec_fn=die_with_parent
    )
    try:
        deadline = time.monotonic() + START_SECONDS
        while not answers(f"http://127.0.0.1:{port}/health"):
            if process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit("vLLM's server does not start: see above")
            time.sleep(0.2)
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def answers(url: str) -> bool:
    with suppress(OSError), urlopen(url, timeout=5):
        return True
    return False
