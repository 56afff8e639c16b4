"""vLLM's completion server on loopback, for tests: in a process group of its own, all of which ends with it."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.error import URLError
from urllib.request import ProxyHandler, build_opener

from tts_lib.common.lifetimes import die_with_parent

NAME = "tiny"
START_SECONDS = 300
SMALL = {"VLLM_CPU_KVCACHE_SPACE": "1", "VLLM_NO_USAGE_STATS": "1", "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}


class VllmServer:
    """A server of the model in `folder`, always at the same URL; what it says goes to the file `log`."""

    def __init__(self, folder: Path, log: Path):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}/v1"
        self._log = log
        self._health = f"http://127.0.0.1:{port}/health"
        # What `vllm serve` runs; the command itself asks for the metadata of a package that vllm-cpu calls otherwise.
        self._command = [sys.executable, "-m", "vllm.entrypoints.openai.api_server", "--model", str(folder)]
        self._command += ["--served-model-name", NAME, "--host", "127.0.0.1", "--port", str(port)]
        self._command += ["--dtype", "float32", "--enforce-eager", "--max-num-seqs", "64"]
        # A prefill in parts of a request with a seed ends a server on a CPU ("CPU Generator does not use offset").
        self._command += ["--no-enable-chunked-prefill"]
        self._process: subprocess.Popen | None = None

    def start(self) -> None:
        """Start it and wait until it serves."""
        with self._log.open("ab") as output:
            self._process = subprocess.Popen(
                self._command,
                stdout=output,
                stderr=output,
                env=os.environ | SMALL,
                start_new_session=True,
                preexec_fn=die_with_parent,
            )
        direct, deadline = build_opener(ProxyHandler({})), time.monotonic() + START_SECONDS
        while True:
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"vLLM does not start:\n{self._log.read_text(errors='replace')[-5000:]}")
            try:
                with direct.open(self._health, timeout=5):
                    return
            except (URLError, ConnectionError, TimeoutError):
                time.sleep(0.2)

    def kill(self) -> None:
        """End it and its children at once."""
        if self._process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()


@contextmanager
def vllm_serving(folder: Path, log: Path) -> Iterator[VllmServer]:
    server = VllmServer(folder, log)
    try:
        server.start()
        yield server
    finally:
        server.kill()
