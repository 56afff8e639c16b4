"""A completion server in this process whose every answer a test decides."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np

VOCAB, STEP, END, WINDOW = 131, 0, 1, 96


@dataclass(frozen=True)
class Reply:
    """What goes over the wire; `drop_after` bytes of the body the connection is closed."""

    body: bytes
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    drop_after: int | None = None


Answer = Callable[[dict[str, Any], int], Reply]  # of the request and how often the same was asked before


def completion(choices: object) -> Reply:
    return Reply(json.dumps({"object": "text_completion", "choices": choices}).encode())


def tokens_for(request: dict[str, Any]) -> list[int]:
    """A sample that depends on prompt, seed and temperature alone; it closes a step now and then, or the text."""
    seed = request["seed"] if request["temperature"] else 0
    rng = np.random.default_rng([seed, *request["prompt"]])
    tokens = rng.integers(2, VOCAB, request["max_tokens"])
    ends = rng.integers(0, 12, request["max_tokens"])
    tokens[ends == 0] = END
    tokens[ends == 1] = STEP
    closing = np.flatnonzero(np.isin(tokens, request.get("stop_token_ids", [END])))
    return tokens[: closing[0] + 1 if closing.size else None].tolist()


def good(request: dict[str, Any], n_before: int = 0) -> Reply:
    """As vLLM answers."""
    tokens = tokens_for(request)
    stopped = tokens[-1] in request.get("stop_token_ids", [END])
    choice: dict[str, Any] = {"index": 0, "text": "", "finish_reason": "stop" if stopped else "length"}
    choice["token_ids"] = tokens
    if "logprobs" in request:
        choice["logprobs"] = {"token_logprobs": [-token / 8 for token in tokens]}
    return completion([choice])


@dataclass
class CompletionServer:
    """A server under way: where it is, what it was asked, and how it answers (may be changed)."""

    url: str
    answer: Answer
    models: list[dict[str, Any]]
    requests: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    connections: set[Any] = field(default_factory=set)


@contextmanager
def serving(answer: Answer = good, port: int = 0) -> Iterator[CompletionServer]:
    """A server on loopback, on any free port."""
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # headers and body in one packet

        def do_GET(self) -> None:
            pages = {"/v1/models": {"data": state.models}, "/version": {"version": "0.0.fake"}}
            page = pages.get(self.path)
            self.reply(Reply(b"", 404) if page is None else Reply(json.dumps(page).encode()))

        def do_POST(self) -> None:
            request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            with lock:
                n_before = state.requests.count(request)
                state.requests.append(request)
                state.headers.append(dict(self.headers))
                state.connections.add(self.client_address)
            self.reply(state.answer(request, n_before))

        def reply(self, reply: Reply) -> None:
            self.send_response(reply.status)
            for name, value in {"Content-Length": str(len(reply.body)), **reply.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(reply.body[: reply.drop_after])
            self.close_connection = reply.drop_after is not None

        def log_message(self, *_: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 128

    with Server(("127.0.0.1", port), Handler) as server:
        state = CompletionServer(
            f"http://127.0.0.1:{server.server_port}/v1", answer, [{"id": "tiny", "max_model_len": WINDOW}]
        )
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.005})
        thread.start()
        try:
            yield state
        finally:
            server.shutdown()
            thread.join()
