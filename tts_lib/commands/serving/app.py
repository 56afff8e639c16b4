"""An OpenAI-compatible server in front of a fitted choice: /v1/chat/completions, /v1/completions, /v1/models, /health,
/metrics.

Models: `tts`, by the table; `tts:NAME`, one of its strategies; `base`, the bare policy. `usage` counts every token, a
`tts` object beside it says what happened. Nothing of a request reaches a path, a shell, a template or a log.
"""

import asyncio
import json
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tts_lib.answers.protocols import Sampling
from tts_lib.commands.serving.answering import Choice
from tts_lib.commands.serving.answers import Answer, Wish
from tts_lib.commands.serving.live import EngineError, GoneError, Job, Live, n_tokens
from tts_lib.commands.serving.metrics import Metrics
from tts_lib.commands.serving.wishes import Chat, Completion, RefusedError, budget_of, parsed
from tts_lib.common.errors import StudyError

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response

TABLE, BARE = "tts", "base"
READ_SECONDS = 10.0  # for a body to arrive


@dataclass(frozen=True)
class Bounds:
    """Most that is done: requests at once, and for each of them generations, tokens, seconds, bytes of its body."""

    requests: int = 64
    generations: int = 512
    tokens: int = 4_000_000
    seconds: float = 120.0
    body: int = 65_536


class Service:
    """The requests of one server."""

    def __init__(self, choice: Choice, bounds: Bounds, budget: int) -> None:
        """Answer by this choice; `budget` is that of requests that name none."""
        self.choice, self.bounds, self.budget = choice, bounds, budget
        self.live = Live(choice.engines)
        self.metrics = Metrics(choice.table, lambda: self.live.calls)
        self._under_way = 0
        self._begun = int(time.time())

    @property
    def models(self) -> list[str]:
        return [TABLE, BARE, *(f"{TABLE}:{strategy.name}" for strategy in self.choice.table.strategies)]

    async def complete(self, request: "Request", kind: type[Chat] | type[Completion]) -> "Response":
        """Answer one request for a completion."""
        from starlette.responses import JSONResponse, StreamingResponse

        status = 499  # the client left
        try:
            body = parsed(kind, await self._body(request))
            wish = self._wish(request, body)
            prompt = self.choice.prompts.render(body.messages[0].content) if kind is Chat else body.prompt
            answer, seconds = await self._answer(request, prompt, wish)
            self.metrics.add(answer, seconds, n_tokens(answer.cost))
            status = 200
            written = _written(answer, body.model, kind is Chat, seconds)
            if body.stream:
                return StreamingResponse(_events(written, kind is Chat), media_type="text/event-stream")
            return JSONResponse(written)
        except RefusedError as refused:
            status = refused.status
            return _error(status, str(refused), refused.code)
        except EngineError as error:
            status = 503
            return _error(status, str(error), "engine_failed")
        except StudyError as error:
            status = 400
            return _error(status, str(error), "invalid_request")
        finally:
            self.metrics.requests.labels(str(status)).inc()

    async def _body(self, request: "Request") -> bytes:
        """The body, at most as long as is allowed."""
        found = bytearray()
        try:
            async with asyncio.timeout(READ_SECONDS):
                async for chunk in request.stream():
                    found += chunk
                    if len(found) > self.bounds.body:
                        raise RefusedError(413, f"the body is longer than {self.bounds.body} bytes", "too_large")
        except TimeoutError as error:
            words = f"the body did not arrive within {READ_SECONDS:.0f} seconds"
            raise RefusedError(408, words, "timeout") from error
        return bytes(found)

    def _wish(self, request: "Request", body: Any) -> Wish:
        """What the body asks for, within the bounds."""
        budget = budget_of(request.headers.get("x-tts-budget"), body, self.budget)
        table = self.choice.table
        assert table.sampling is not None
        longest = body.max_tokens or (body.max_completion_tokens if isinstance(body, Chat) else None)
        if body.model == BARE:
            given = {"temperature": body.temperature, "top_p": body.top_p, "max_tokens": longest}
            given = {name: value for name, value in given.items() if value is not None}
            sampling = Sampling(**table.sampling.model_dump() | given, until="end")
            return Wish(1, seed=body.seed, question_id=body.question_id, sampling=sampling)
        if body.model not in self.models:
            raise RefusedError(404, f"there is no such model; there are {', '.join(self.models)}", "model_not_found")
        for name in ("temperature", "top_p"):
            if (given := getattr(body, name)) is not None and given != (known := getattr(table.sampling, name)):
                raise RefusedError(400, f"{name} belongs to the strategies, which were fitted at {known}: leave it out")
        if longest is not None and longest < table.sampling.max_tokens:
            raise RefusedError(
                400, f"max_tokens must be at least {table.sampling.max_tokens}, as in the fit, or left out"
            )
        if budget > self.bounds.generations:
            raise RefusedError(400, f"the budget is {budget}, but this server spends at most {self.bounds.generations}")
        strategy = body.model.partition(":")[2] or None
        text = body.messages[0].content if isinstance(body, Chat) else None
        return Wish(
            budget, strategy, body.difficulty, body.seed, body.question_id, text=text, stop_early=body.stop_early
        )

    async def _answer(self, request: "Request", prompt: str, wish: Wish) -> tuple[Answer, float]:
        """The answer and the seconds it took; given up once the client leaves."""
        if self._under_way >= self.bounds.requests:
            raise RefusedError(429, f"{self.bounds.requests} requests are being answered; try again", "busy")
        self._under_way += 1
        self.metrics.under_way.inc()
        job = Job(self.bounds.seconds, self.bounds.tokens)

        async def watch() -> None:
            while (await request.receive())["type"] != "http.disconnect":
                pass
            job.gone = True

        watching = asyncio.create_task(watch())
        try:
            answer = await asyncio.wrap_future(self.live.answer(self.choice.respond(prompt, wish), job))
            return answer, time.monotonic() - job.begun
        finally:
            watching.cancel()
            job.gone = True  # for a server that ends while this is awaited
            self._under_way -= 1
            self.metrics.under_way.dec()

    def listed(self) -> dict[str, Any]:
        """All models, as /v1/models lists them."""
        return {"object": "list", "data": [self.listed_one(name) for name in self.models]}

    def listed_one(self, name: str) -> dict[str, Any]:
        return {"id": name, "object": "model", "created": self._begun, "owned_by": "tts-study"}


def application(choice: Choice, bounds: Bounds, budget: int) -> "Starlette":
    """The server as an ASGI application."""
    from starlette.applications import Starlette
    from starlette.exceptions import HTTPException
    from starlette.responses import JSONResponse, Response
    from starlette.routing import Route

    service = Service(choice, bounds, budget)

    @asynccontextmanager
    async def running(_: Starlette) -> AsyncIterator[None]:
        with service.live:
            yield

    async def chat(request: "Request") -> Response:
        return await service.complete(request, Chat)

    async def completions(request: "Request") -> Response:
        return await service.complete(request, Completion)

    async def models(_: "Request") -> Response:
        return JSONResponse(service.listed())

    async def model(request: "Request") -> Response:
        name = request.path_params["name"]
        known = name in service.models
        return (
            JSONResponse(service.listed_one(name))
            if known
            else _error(404, "there is no such model", "model_not_found")
        )

    async def health(_: "Request") -> Response:
        return JSONResponse({"status": "ok"})

    async def metrics(_: "Request") -> Response:
        return Response(service.metrics.text(), media_type="text/plain; version=0.0.4")

    async def refused(_: "Request", error: Any) -> Response:
        return _error(error.status_code, f"{error.detail}: see /v1/models", "invalid_request")

    async def gone(_: "Request", error: Exception) -> Response:
        return Response(status_code=499)  # nobody reads it

    routes = [
        Route("/v1/chat/completions", chat, methods=["POST"]),
        Route("/v1/completions", completions, methods=["POST"]),
        Route("/v1/models", models),
        Route("/v1/models/{name:path}", model),
        Route("/health", health),
        Route("/metrics", metrics),
    ]
    return Starlette(routes=routes, lifespan=running, exception_handlers={HTTPException: refused, GoneError: gone})


def _written(answer: Answer, model: str, is_chat: bool, seconds: float) -> dict[str, Any]:
    """The answer as the API has it."""
    cost = answer.cost
    total = n_tokens(cost)
    said = {"message": {"role": "assistant", "content": answer.text}} if is_chat else {"text": answer.text}
    kind = "chat.completion" if is_chat else "text_completion"
    return {
        "id": f"{'chatcmpl' if is_chat else 'cmpl'}-{uuid.uuid4().hex}",
        "object": kind,
        "created": int(time.time()),
        "model": model,
        "choices": [{"index": 0, **said, "finish_reason": answer.finish, "logprobs": None}],
        "usage": {
            "prompt_tokens": total - cost.policy_decode_tokens,
            "completion_tokens": cost.policy_decode_tokens,
            "total_tokens": total,
        },
        "tts": {
            "strategy": answer.strategy,
            "budget": answer.budget,
            "answer": answer.answer,
            "share": answer.share,
            "difficulty": answer.difficulty,
            "difficulty_by": answer.difficulty_by,
            "bin": answer.bin,
            "generations": cost.generations,
            "probe_generations": answer.probe.generations,
            "policy_tokens": cost.policy_prefill_tokens + cost.policy_decode_tokens,
            "verifier_tokens": cost.verifier_prefill_tokens + cost.verifier_tokens,
            "rounds": cost.rounds,
            "flops": answer.flops,
            "stopped": answer.stopped,
            "stopped_early": answer.stopped_early,
            "seed": answer.seed,
            "seconds": round(seconds, 6),
        },
    }


async def _events(written: dict[str, Any], is_chat: bool) -> AsyncIterator[str]:
    """The final answer as a stream: its text, how it ended with usage, the end."""
    (choice,) = written["choices"]
    kept = {name: value for name, value in written.items() if name not in ("choices", "usage", "tts")}
    kept["object"] = "chat.completion.chunk" if is_chat else "text_completion"
    first = {"delta": choice["message"]} if is_chat else {"text": choice["text"]}
    last = {"delta": {}} if is_chat else {"text": ""}
    ended = {"finish_reason": choice["finish_reason"], "logprobs": None}
    yield _event(kept | {"choices": [{"index": 0, **first, "finish_reason": None, "logprobs": None}]})
    yield _event(kept | {"choices": [{"index": 0, **last, **ended}]} | {n: written[n] for n in ("usage", "tts")})
    yield "data: [DONE]\n\n"


def _event(record: dict[str, Any]) -> str:
    return f"data: {json.dumps(record)}\n\n"


def _error(status: int, message: str, code: str) -> "Response":
    from starlette.responses import JSONResponse

    kind = "invalid_request_error" if status < 500 else "server_error"
    return JSONResponse({"error": {"message": message, "type": kind, "param": None, "code": code}}, status)
