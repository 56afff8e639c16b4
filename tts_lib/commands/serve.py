"""Answer questions with a study's fitted choice, as an OpenAI-compatible server."""

import argparse
import gc
import os
import socket
import sys
from pathlib import Path

from tts_lib.common import paths
from tts_lib.common.errors import StudyError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", nargs="?", type=Path, help="of the study (default: the one this is called in)")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen at (default: this machine alone)")
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--budget", type=int, default=16, help="generations of requests that name none (default: 16)")
    parser.add_argument("--max-budget", type=int, default=512, help="most generations of a request (default: 512)")
    parser.add_argument("--max-requests", type=int, default=64, help="answered at once (default: 64)")
    parser.add_argument("--max-seconds", type=float, default=120.0, help="of a request (default: 120)")


def run(given: argparse.Namespace) -> int:
    try:
        import uvicorn

        from tts_lib.commands.serving import app
    except ModuleNotFoundError as error:
        raise StudyError(f"tts serve needs {error.name}: pip install 'tts-study[serve]'") from error
    from tts_lib.commands.serving import loading

    if not 1 <= given.budget <= given.max_budget:
        raise StudyError(f"--budget is {given.budget}: it must be from 1 to --max-budget, {given.max_budget}")
    if given.max_requests < 1 or given.max_seconds <= 0:
        raise StudyError("--max-requests and --max-seconds must be positive")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")  # the texts of one question are too few to be dealt out
    root = paths.find_root(given.folder or ".")
    with _listening(given.host, given.port) as listening, loading.load(root / paths.STRATEGY_TABLE) as choice:
        bounds = app.Bounds(given.max_requests, given.max_budget, seconds=given.max_seconds)
        config = uvicorn.Config(
            app.application(choice, bounds, given.budget),
            log_level="warning",
            access_log=False,
            proxy_headers=False,
            server_header=False,
        )
        gc.freeze()  # what is loaded stays: no use in going through it again with every collection
        print(f"Serving {root} at http://{given.host}:{listening.getsockname()[1]}/v1", file=sys.stderr, flush=True)
        uvicorn.Server(config).run([listening])
    return 0


def _listening(host: str, port: int) -> socket.socket:
    try:
        return socket.create_server((host, port))
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or error
        raise StudyError(f"nothing can listen at {host}, port {port}: {reason}; choose another --port") from error
