"""A server that is killed under load: what its clients see, and that the sample store is what it was."""

import argparse
import asyncio
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from benchmarks.serving.server import COMPLETIONS, Server, ask_once, completion
from benchmarks.serving.study import questions
from tts_lib.common import paths

SECONDS = 0.3  # of load before the kill


def kill(options: argparse.Namespace) -> dict[str, Any]:
    asked = questions(options)["problem"].tolist()
    before = verified(options.folder)
    with Server(options.folder) as server:

        async def killed() -> list[Any]:
            bodies = [completion(problem, budget=64, seed=i) for i, problem in enumerate(asked[:64])]
            asking = asyncio.gather(*(ask_once(b"POST", COMPLETIONS, body) for body in bodies), return_exceptions=True)
            await asyncio.sleep(SECONDS)
            os.kill(server.process.pid, signal.SIGKILL)
            return await asking

        broken = sum(isinstance(each, BaseException) for each in asyncio.run(killed()))
    with Server(options.folder):
        status, body = asyncio.run(ask_once(b"POST", COMPLETIONS, completion(asked[0], budget=16)))
    after = verified(options.folder)
    return {
        "broken_off": broken,
        "status_after_restart": status,
        "answer": json.loads(body)["tts"]["answer"],
        "store_before": before,
        "store_after": after,
        "equal": before == after,
    }


def verified(folder: Path) -> str:
    command = [sys.executable, "-m", "tts_lib.answers.store", "verify", "--path", str(folder / paths.STORE)]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    return f"{found.returncode}: {(found.stdout + found.stderr).strip()}"
