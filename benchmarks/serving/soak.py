"""Many requests, as a server on a network gets them: whether it goes on, in what memory, and for whom it works."""

import argparse
import asyncio
from collections import Counter
from itertools import pairwise
from typing import Any

import numpy as np

from benchmarks.serving.server import COMPLETIONS, Server, ask_and_leave, ask_once, completion, metrics
from benchmarks.serving.study import questions

SHARES = {"answered": 0.55, "hangup": 0.15, "oversized": 0.15, "hostile": 0.15}
CLIENTS, PARTS, LEAVERS = 16, 10, 20
MODELS = ("tts:../../etc/passwd", "$(reboot)", "{{7*7}}\r\nX: 1")


def soak(options: argparse.Namespace) -> dict[str, Any]:
    asked, statuses = questions(options)["problem"].tolist(), Counter[str]()
    long = completion(asked[0], model="tts:revisions_16:orm", budget=128, seed=1)
    with Server(options.folder) as server:
        many(range(min(100, options.requests)), asked, long, Counter[str]())  # warm
        resident = [server.resident]
        for first, last in pairwise(np.linspace(0, options.requests, PARTS + 1).astype(int)):
            many(range(first, last), asked, long, statuses)
            resident.append(server.resident)
        gone, calls = asyncio.run(left(long))
        of_server, ended = asyncio.run(metrics()), server.process.poll() is not None
    counted = {name: n for name, n in of_server.items() if name.startswith("tts_requests_total")}
    return {
        "requests": options.requests,
        "statuses": dict(sorted(statuses.items())),
        "beyond_4xx": sum(n for name, n in statuses.items() if name.split()[-1] >= "5" and name != "hangup"),
        "server_statuses": counted,
        "server_beyond_4xx": sum(n for name, n in counted.items() if 'status="5' in name),
        "under_way_at_the_end": of_server["tts_requests_under_way"],
        "resident_mib": [round(each, 1) for each in resident],
        "server_ended": ended,
        "clients_that_left": LEAVERS,
        "engine_calls_of_a_long_request": calls,
        "engine_calls_after_they_left": gone,
    }


def many(numbers: range, asked: list[str], long: bytes, statuses: Counter[str]) -> None:
    """Requests of these numbers, some at once."""
    todo = iter(numbers)

    async def client() -> None:
        for number in todo:
            rng = np.random.default_rng(number)
            kind = str(rng.choice(list(SHARES), p=list(SHARES.values())))
            if kind == "hangup":
                await ask_and_leave(long, float(rng.uniform(0, 0.02)))
                statuses[kind] += 1
            else:
                path, body = request(kind, number, asked[number % len(asked)])
                status, _ = await ask_once(b"POST", path, body)
                statuses[f"{kind} {status}"] += 1

    async def clients() -> None:
        await asyncio.gather(*(client() for _ in range(CLIENTS)))

    asyncio.run(clients())


def request(kind: str, number: int, problem: str) -> tuple[str, bytes]:
    """Path and body."""
    if kind == "answered":
        return COMPLETIONS, completion(problem, budget=2 ** (number % 4), seed=number)
    if kind == "oversized":
        bodies = [completion("?" * 70_000), completion("?h=26a" * 500), completion(problem, budget=60_000)]
        return COMPLETIONS, bodies[number % len(bodies)]
    bodies = [
        *(b"{", b"[" * 50_000, b"\xff\xfe", b'{"model": "tts", "prompt": "\\ud800"}', b"null"),
        *(completion(problem, model=model) for model in MODELS),
        *(completion(problem, budget=budget) for budget in (0, -1, 1e300, "64", True)),
        completion(problem, question_id="\x00" * 200, temperature=1e9),
    ]
    return "/v1/../../etc/passwd" if number % 17 == 0 else COMPLETIONS, bodies[number % len(bodies)]


async def left(long: bytes) -> tuple[float, float]:
    """Engine calls begun after clients left long requests, one at a time; those of a request whose client stayed."""
    begun = await idle()
    await ask_once(b"POST", COMPLETIONS, long)
    whole, after = await idle() - begun, 0.0
    for wait in np.linspace(0.01, 0.1, LEAVERS):
        await ask_and_leave(long, float(wait))
        await asyncio.sleep(0.01)  # the server reads that the connection is closed
        seen = (await metrics())["tts_engine_calls"]
        after += await idle() - seen
    return after, whole


async def idle() -> float:
    """Engine calls so far, once nothing is under way."""
    while (found := await metrics())["tts_requests_under_way"]:
        await asyncio.sleep(0.005)
    return found["tts_engine_calls"]
