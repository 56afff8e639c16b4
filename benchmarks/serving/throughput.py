"""What serving takes beside the engines: best-of-N of a budget, the same questions and generations in three ways.

    served   by HTTP, each client asking for one question after another
    library  by `Choice.together`, so many questions at once: the same answers, made without a server
    engines  policy and verifier alone, tokens in and tokens out: no text is read, judged or chosen

Processor time tells them apart also on a machine that does other things; the three take turns, so that what else is
running meets them alike.
"""

import argparse
import asyncio
import gc
import os
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.serving.server import COMPLETIONS, Server, completion, connected, exchange
from benchmarks.serving.study import VOTE, opened, questions
from tts_lib.answers.protocols import SampleRequest, Sampling, ScoreRequest
from tts_lib.commands.serving.answering import Choice
from tts_lib.commands.serving.answers import Wish
from tts_lib.common.rng import derive_seeds

CLIENTS = (1, 16, 64)
TURNS = 3


def throughput(options: argparse.Namespace) -> dict[str, Any]:
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")  # as in the server
    asked, found = questions(options)["problem"].tolist(), {}
    with opened(options) as choice, Server(options.folder) as server:
        gc.freeze()  # as in the server
        ways: dict[str, tuple[Callable[[list[str], int], None], Callable[[], float]]] = {
            "served": (lambda problems, n: served(problems, n, options.budget), lambda: server.processor),
            "library": (lambda problems, n: library(choice, problems, n, options.budget), time.process_time),
            "engines": (lambda problems, n: engines(choice, problems, n, options.budget), time.process_time),
        }
        for way, _ in ways.values():
            way(asked[:64], 16)  # warm
        for n_clients in CLIENTS:
            spent = {name: np.zeros(2) for name in ways}
            for _ in range(TURNS):
                for name, (way, processor) in ways.items():
                    begun = np.array([time.perf_counter(), processor()])
                    way(asked, n_clients)
                    spent[name] += np.array([time.perf_counter(), processor()]) - begun
            of = {name: each / (TURNS * len(asked)) for name, each in spent.items()}
            found[f"{n_clients} clients"] = {
                "processor_ms_a_request": {name: 1000 * used for name, (_, used) in of.items()},
                "library_by_served": of["library"][1] / of["served"][1],
                "engines_by_served": of["engines"][1] / of["served"][1],
                "requests_a_second": {name: 1 / seconds for name, (seconds, _) in of.items()},
            }
    return {"budget": options.budget, "questions": len(asked), "turns": TURNS} | found


def served(problems: list[str], n_clients: int, budget: int) -> None:
    todo = iter(problems)

    async def client() -> None:
        async with connected() as (reader, writer):
            for problem in todo:
                body = completion(problem, model=f"tts:{VOTE}", budget=budget, stop_early=False)
                status, _ = await exchange(reader, writer, b"POST", COMPLETIONS, body)
                assert status == 200

    async def clients() -> None:
        await asyncio.gather(*(client() for _ in range(n_clients)))

    asyncio.run(clients())


def library(choice: Choice, problems: list[str], at_once: int, budget: int) -> None:
    wish = Wish(budget, VOTE, stop_early=False)
    for first in range(0, len(problems), at_once):
        choice.together([(problem, wish) for problem in problems[first : first + at_once]])


def engines(choice: Choice, problems: list[str], at_once: int, budget: int) -> None:
    policy, verifier = choice.engines["base"]
    assert choice.table.sampling is not None
    sampling = Sampling(**choice.table.sampling.model_dump(), until="end")
    prompts = choice.readers["base"].codec.encode(problems)
    for first in range(0, len(prompts), at_once):
        batch = prompts[first : first + at_once]
        seeds = [derive_seeds((0, "base", str(first + i), "pool"), budget) for i in range(len(batch))]
        drawn = policy.sample([SampleRequest(*each) for each in zip(batch, seeds, strict=True)], sampling)
        texts = [list(samples) for samples in drawn]
        distinct = [list({text.tobytes(): text for text in each}.values()) for each in texts]
        verifier.score([ScoreRequest(*each) for each in zip(batch, distinct, strict=True)])
