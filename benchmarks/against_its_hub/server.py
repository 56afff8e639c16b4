"""The server of a study's base that both are given: `python -m benchmarks.against_its_hub.server FOLDER PORT`.

Whatever waits is sampled in one batch. Counted are requests, tokens and the processor's seconds.
"""

import asyncio
import contextlib
import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from tts_lib.answers.protocols import FINISH_END, FINISH_STEP, SampleRequest, Sampling
from tts_lib.common import paths
from tts_lib.engines.opening import open_policy
from tts_lib.models.tokenizer import TokenCodec
from tts_lib.models.vocabulary import Vocabulary
from tts_lib.study.config import loading

MODEL, STEP = "base", "\n"


def serve(folder: Path, port: int) -> None:
    """The base of a study: completions by token ids, and chats that continue a text to the end of its step."""
    import uvicorn
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import JSONResponse
    from starlette.routing import Route

    study = loading.load(folder / "params.yaml")
    assert study.engine and study.search and study.sampling
    home = folder / paths.model("base")
    policy = open_policy(home, study.engine.model_dump(mode="json"))
    codec, known = TokenCodec.from_folder(home), Vocabulary.of(home, STEP)
    (end,) = codec.decode([np.array(known.end_tokens[:1], np.int32)])
    a_step = Sampling(study.search.temperature or study.sampling.temperature, 1.0, study.search.max_step_tokens, "step")
    waiting: list[tuple[SampleRequest, Sampling, asyncio.Future[Any]]] = []
    counts = {"http_requests": 0, "prompt_tokens": 0, "sampled_tokens": 0, "batches": 0, "out_of_room": 0}

    async def sampled(prompt: np.ndarray, seed: int, sampling: Sampling) -> Any:
        counts["http_requests"] += 1
        counts["prompt_tokens"] += len(prompt)
        future = asyncio.get_running_loop().create_future()
        waiting.append((SampleRequest(prompt, np.array([seed], np.uint64)), sampling, future))
        found = await future
        counts["sampled_tokens"] += len(found.tokens)
        return found

    async def batching() -> None:
        while True:
            await asyncio.sleep(0.001)
            by_setting: dict[Sampling, list[tuple[SampleRequest, asyncio.Future[Any]]]] = {}
            for request, sampling, future in waiting:
                by_setting.setdefault(sampling, []).append((request, future))
            waiting.clear()
            for sampling, batch in by_setting.items():
                counts["batches"] += 1
                results = await asyncio.to_thread(policy.sample, [request for request, _ in batch], sampling)
                for (_, future), result in zip(batch, results, strict=True):
                    future.set_result(result)

    async def completions(request: Request) -> JSONResponse:
        body = await request.json()
        until = "step" if set(known.step_tokens) <= set(body["stop_token_ids"]) else "end"
        sampling = Sampling(body["temperature"], body["top_p"], body["max_tokens"], until)
        found = await sampled(np.array(body["prompt"], np.int32), body["seed"], sampling)
        ended = "stop" if found.finish[0] in (FINISH_END, FINISH_STEP) else "length"
        choice = {"index": 0, "text": "", "finish_reason": ended, "token_ids": found.tokens.tolist()}
        return JSONResponse({"object": "text_completion", "choices": [choice]})

    async def chats(request: Request) -> JSONResponse:
        (prompt,) = codec.encode(["".join(message["content"] for message in (await request.json())["messages"])])
        if (
            len(prompt) >= known.window
        ):  # a server of many would refuse; this one ends the text, so that the run goes on
            counts["out_of_room"] += 1
            text = end
        else:
            room = replace(a_step, max_tokens=min(a_step.max_tokens, known.window - len(prompt)))
            found = await sampled(prompt, int.from_bytes(os.urandom(7), "little"), room)
            (text,) = codec.decode([found.tokens])
        message = {"role": "assistant", "content": text.removesuffix(STEP)}
        return JSONResponse({"choices": [{"index": 0, "message": message, "finish_reason": "stop"}], "usage": {}})

    async def models(_: Request) -> JSONResponse:
        return JSONResponse({"data": [{"id": MODEL, "max_model_len": known.window}]})

    async def told(_: Request) -> JSONResponse:
        return JSONResponse(counts | {"server_seconds": time.process_time()})

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        task = asyncio.create_task(batching())
        yield
        task.cancel()

    routes = [Route("/v1/models", models), Route("/counts", told)]
    routes += [Route("/v1/completions", completions, methods=["POST"])]
    routes += [Route("/v1/chat/completions", chats, methods=["POST"])]
    uvicorn.run(Starlette(routes=routes, lifespan=lifespan), port=port, log_level="warning", access_log=False)


@contextlib.contextmanager
def served(folder: Path) -> Iterator[str]:
    """The server in a process of its own; its address."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "benchmarks.against_its_hub.server", str(folder), str(port)]
    process = subprocess.Popen(command)
    try:
        for _ in range(1200):
            with contextlib.suppress(OSError):
                counted(f"http://127.0.0.1:{port}")
                break
            time.sleep(0.1)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(30)


def counted(server: str) -> dict[str, float]:
    with urllib.request.urlopen(f"{server}/counts") as answer:
        return json.load(answer)


if __name__ == "__main__":
    serve(Path(sys.argv[1]), int(sys.argv[2]))
