"""A server of a study's fitted choice, measured: `python -m benchmarks.serving FOLDER [PART ...]`.

    answers     test questions under their own ids: each answer against that of the stored samples, usage against the
                tokens that the engines were asked for
    worth       accuracy and tokens a question of the table by each way to know difficulty, with and without stopping
                early, against one vote for all; paired over questions
    throughput  requests a second at 1, 16 and 64 clients against the engines alone given the same generations; the same
                by processor time, which a machine that does other things too does not distort
    soak        many requests, mixed with hang-ups, oversized and hostile ones: statuses, memory, what a hang-up costs
    kill        the server is killed under load and started again; then the sample store is verified

FOLDER is a study of the nano world that has been run; of it nothing is changed. All figures are of this machine as it
is: `load` is what else was running.
"""

import argparse
import asyncio
import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tts_lib.answers.protocols import SampleRequest, Sampling, ScoreRequest
from tts_lib.commands.serving import loading
from tts_lib.commands.serving.answering import Choice
from tts_lib.commands.serving.answers import Answer, Wish
from tts_lib.commands.serving.foreknown import Foreknown
from tts_lib.commands.serving.live import n_tokens
from tts_lib.common import paths, tables
from tts_lib.common.rng import derive_seeds
from tts_lib.estimators import selection
from tts_lib.strategies.fitted_choice import FORESEEN

PORT = 8765
CLIENTS = (1, 16, 64)
VOTES = {"majority": "majority", "best_of_n:prm_last": "best_of_n", "weighted:prm_last": "weighted"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("parts", nargs="*", default=list(PARTS), help=f"of {', '.join(PARTS)}; default: all")
    parser.add_argument("--questions", type=int, default=200)
    parser.add_argument("--requests", type=int, default=200, help="of the soak (default: 200)")
    parser.add_argument("--budget", type=int, default=64, help="of throughput and worth (default: 64)")
    options = parser.parse_args()
    for part in options.parts:
        begun = time.perf_counter()
        found = PARTS[part](options)
        found |= {"seconds": round(time.perf_counter() - begun, 1), "load": round(os.getloadavg()[0], 1)}
        print(json.dumps({part: found}, indent=1, default=float), flush=True)


# answers and worth: the choice in this process


class Counted:
    """An engine, and the tokens that it was asked for."""

    def __init__(self, engine: Any) -> None:
        self.engine, self.n_tokens = engine, 0

    def sample(self, requests: list[SampleRequest], sampling: Sampling) -> Any:
        found = self.engine.sample(requests, sampling)
        self.n_tokens += sum(len(each.prefix) for each in requests) + sum(len(each.tokens) for each in found)
        return found

    def score(self, requests: list[ScoreRequest]) -> Any:
        self.n_tokens += sum(len(each.prefix) + sum(map(len, each.continuations)) for each in requests)
        return self.engine.score(requests)


@contextlib.contextmanager
def opened(folder: Path) -> Iterator[Choice]:
    with loading.load(folder / paths.STRATEGY_TABLE) as choice:
        yield choice


def questions(options: argparse.Namespace) -> pd.DataFrame:
    found = tables.read_table(options.folder / paths.problems("test"), ["question_id", "problem", "answer"])
    return found.head(options.questions)


def answers(options: argparse.Namespace) -> dict[str, Any]:
    asked = questions(options)
    pool = tables.read_table(options.folder / paths.pool("base", "test"), ["question_id", "answer", "answer_class"])
    scores = tables.read_table(options.folder / paths.scores("test"), ["question_id", "prm_last"])
    drawn = dict(iter(pool.assign(score=scores["prm_last"]).groupby("question_id")))
    rules = {"weighted": selection.best_of_n_weighted, "best_of_n": selection.best_of_n}
    found: dict[str, Any] = {}
    with opened(options.folder) as choice:
        counted = {role: (Counted(policy), Counted(verifier)) for role, (policy, verifier) in choice.engines.items()}
        choice = replace(choice, engines=counted)
        charged = 0
        for name, budget in ((name, budget) for name in VOTES for budget in (4, 16, 64)):
            if name not in choice.strategies:
                continue
            right, offline, different = [], [], 0
            for row in asked.to_dict("records"):
                wish = Wish(budget, name, question_id=row["question_id"], stop_early=False)
                answer = choice.alone(row["problem"], wish)
                charged += n_tokens(answer.cost)
                first = drawn[row["question_id"]].head(budget)
                rule = rules.get(VOTES[name], selection.majority)
                classes, of = first["answer_class"].to_numpy(), first["score"].to_numpy(np.float64)
                at = rule(classes, of, np.zeros(budget, bool)).chosen
                stored = None if at < 0 else first["answer"].iloc[at]
                different += stored != answer.answer
                right.append(answer.answer == row["answer"])
                offline.append(stored == row["answer"])
            served, replayed = float(np.mean(right)), float(np.mean(offline))
            found[f"{name} at {budget}"] = {
                "served": served,
                "replayed": replayed,
                "difference": served - replayed,
                "answers_that_differ": different,
            }
        asked_for = sum(engine.n_tokens for pair in counted.values() for engine in pair)
    return found | {"usage": charged, "engines": asked_for, "usage_minus_engines": charged - asked_for}


def worth(options: argparse.Namespace) -> dict[str, Any]:
    asked, found = questions(options), {}
    with opened(options.folder) as choice:

        def spent(**more: Any) -> tuple[np.ndarray, np.ndarray]:
            given: list[Answer] = []
            for row in asked.to_dict("records"):
                wish = Wish(options.budget, question_id=row["question_id"], **more)
                given.append(choice.alone(row["problem"], wish))
            right = [answer.answer == gold for answer, gold in zip(given, asked["answer"], strict=True)]
            return np.array(right, np.float64), np.array([n_tokens(answer.cost) for answer in given], np.float64)

        ways: dict[str, tuple[np.ndarray, np.ndarray]] = {}
        vote = "weighted:prm_last"
        ways["one vote for all"] = spent(strategy=vote, stop_early=False)
        ways["one vote for all, stopped early"] = spent(strategy=vote)
        table = choice.table
        for use in ("fixed", "zero", "probe", "zero+probe"):
            if use in table.tables:
                choice = replace(choice, table=table.model_copy(update={"use": use}))
                if use in FORESEEN and table.zero is not None:
                    base = options.folder / table.models["base"].folder
                    choice = replace(choice, zero=Foreknown(table.zero, options.folder, base).score)
                for stop in (False, True):
                    ways[f"table {use}{', stopped early' if stop else ''}"] = spent(stop_early=stop)
        base_right, base_tokens = ways["one vote for all"]
        for name, (right, tokens) in ways.items():
            better, saved = right - base_right, 1 - tokens.mean() / base_tokens.mean()
            half = 1.96 * better.std(ddof=1) / np.sqrt(len(better))
            found[name] = {
                "accuracy": right.mean(),
                "tokens": tokens.mean(),
                "accuracy_a_1000_tokens": 1000 * right.mean() / tokens.mean(),
                "more_right": [better.mean(), better.mean() - half, better.mean() + half],
                "tokens_saved": saved,
            }
    return {"budget": options.budget, "questions": len(asked)} | found


# the others: the server in a process of its own


class Server:
    """`tts serve` on the study. Use it in a `with` statement."""

    def __init__(self, folder: Path) -> None:
        command = [sys.executable, "-m", "tts_lib.commands", "serve", str(folder), "--port", str(PORT)]
        self.process = subprocess.Popen([*command, "--max-requests", "128"])

    def __enter__(self) -> "Server":
        for _ in range(1200):
            with contextlib.suppress(OSError):
                status, _ = asyncio.run(ask_once(b"GET", "/health", b""))
                if status == 200:
                    return self
            if self.process.poll() is not None:
                raise SystemExit("the server did not start")
            time.sleep(0.1)
        raise SystemExit("the server did not answer within two minutes")

    def __exit__(self, *error: object) -> None:
        self.process.terminate()
        self.process.wait(30)

    @property
    def processor(self) -> float:
        """Seconds that it has used."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    @property
    def resident(self) -> float:
        """MiB."""
        text = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.findall(r"VmRSS:\s+(\d+)", text)[0]) / 1024


@contextlib.asynccontextmanager
async def connected() -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection("127.0.0.1", PORT)
    try:
        yield reader, writer
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


def head(method: bytes, path: str, length: int) -> bytes:
    return method + f" {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n".encode()


async def exchange(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, method: bytes, path: str, body: bytes
) -> tuple[int, bytes]:
    writer.write(head(method, path, len(body)) + body)
    await writer.drain()
    got = await reader.readuntil(b"\r\n\r\n")
    length = int(re.findall(rb"(?i)content-length: (\d+)", got)[0])
    return int(got[9:12]), await reader.readexactly(length)


async def ask_once(method: bytes, path: str, body: bytes) -> tuple[int, bytes]:
    async with connected() as (reader, writer):
        return await exchange(reader, writer, method, path, body)


def completion(problem: str, **more: Any) -> bytes:
    return json.dumps({"model": "tts", "prompt": problem, **more}).encode()


def throughput(options: argparse.Namespace) -> dict[str, Any]:
    asked = questions(options)["problem"].tolist()
    vote, found = "weighted:prm_last", {}
    bare = {n: alone(options, asked, n) for n in CLIENTS}
    with Server(options.folder) as server:

        async def client(todo: Iterator[str], seconds: list[float]) -> None:
            async with connected() as (reader, writer):
                for problem in todo:
                    begun = time.perf_counter()
                    body = completion(problem, model=f"tts:{vote}", budget=options.budget, stop_early=False)
                    status, _ = await exchange(reader, writer, b"POST", "/v1/completions", body)
                    assert status == 200
                    seconds.append(time.perf_counter() - begun)

        async def all_of(n_clients: int, problems: list[str]) -> tuple[float, list[float]]:
            todo, seconds, begun = iter(problems), list[float](), time.perf_counter()
            await asyncio.gather(*(client(todo, seconds) for _ in range(n_clients)))
            return len(problems) / (time.perf_counter() - begun), seconds

        asyncio.run(all_of(4, asked[:32]))  # warm
        for n in CLIENTS:
            before = server.processor
            rate, seconds = asyncio.run(all_of(n, asked))
            used, (rate_alone, used_alone) = (server.processor - before) / len(asked), bare[n]
            found[f"{n} clients"] = {
                "served_a_second": rate,
                "engines_alone_a_second": rate_alone,
                "ratio": rate / rate_alone,
                "median_ms": 1000 * float(np.median(seconds)),
                "processor_ms_a_request": 1000 * used,
                "processor_ms_added": 1000 * (used - used_alone),
                "ratio_by_processor": used_alone / used,
            }
    return {"budget": options.budget, "questions": len(asked)} | found


def alone(options: argparse.Namespace, asked: list[str], at_once: int) -> tuple[float, float]:
    """Questions a second, and seconds of processor a question, of policy and verifier asked directly.

    Args:
        at_once: questions in a call.
    """
    with opened(options.folder) as choice:
        policy, verifier = choice.engines["base"]
        assert choice.table.sampling is not None
        sampling = Sampling(**choice.table.sampling.model_dump(), until="end")
        prompts = choice.readers["base"].codec.encode(asked)

        def served(batch: list[np.ndarray], first: int) -> None:
            requests = [
                SampleRequest(prompt, derive_seeds((0, "base", str(first + i), "pool"), options.budget))
                for i, prompt in enumerate(batch)
            ]
            drawn = policy.sample(requests, sampling)
            texts = [[found[i] for i in range(len(found))] for found in drawn]
            distinct = [list({text.tobytes(): text for text in each}.values()) for each in texts]
            verifier.score([ScoreRequest(prompt, each) for prompt, each in zip(batch, distinct, strict=True)])

        served(prompts[:32], 0)  # warm
        begun, used = time.perf_counter(), time.process_time()
        for first in range(0, len(prompts), at_once):
            served(prompts[first : first + at_once], first)
        return len(prompts) / (time.perf_counter() - begun), (time.process_time() - used) / len(prompts)


def soak(options: argparse.Namespace) -> dict[str, Any]:
    rng, asked = np.random.default_rng(0), questions(options)["problem"].tolist()
    statuses: Counter[str] = Counter()
    long = completion(asked[0], model="tts:revisions_16:orm", budget=128, seed=1)

    def request(number: int) -> tuple[str, str, bytes]:
        kind = rng.choice(["answered", "hangup", "oversized", "hostile"], p=[0.55, 0.15, 0.15, 0.15])
        problem = asked[number % len(asked)]
        if kind == "oversized":
            bodies = [completion("?" * 70_000), completion("?h=26a" * 500), completion(problem, budget=60_000)]
            return kind, "/v1/completions", bodies[number % 3]
        if kind == "hostile":
            bodies = [
                *(b"{", b"[" * 50_000, b"\xff\xfe", b'{"model": "tts", "prompt": "\\ud800"}', b"null"),
                *(
                    completion(problem, model=model)
                    for model in ("tts:../../etc/passwd", "$(reboot)", "{{7*7}}\r\nX: 1")
                ),
                *(completion(problem, budget=budget) for budget in (0, -1, 1e300, "64", True)),
                completion(problem, question_id="\x00" * 200, temperature=float("1e9")),
            ]
            path = "/v1/../../etc/passwd" if number % 17 == 0 else "/v1/completions"
            return kind, path, bodies[number % len(bodies)]
        more = {"budget": int(rng.choice([1, 2, 4, 8])), "seed": number}
        return str(kind), "/v1/completions", long if kind == "hangup" else completion(problem, **more)

    async def one(number: int) -> None:
        kind, path, body = request(number)
        if kind == "hangup":
            async with connected() as (_, writer):
                writer.write(head(b"POST", path, len(body)) + body)
                await writer.drain()
                await asyncio.sleep(float(rng.uniform(0, 0.02)))
            statuses["hangup"] += 1
            return
        status, _ = await ask_once(b"POST", path, body)
        statuses[f"{kind} {status}"] += 1

    async def many(numbers: range) -> None:
        todo = iter(numbers)

        async def client() -> None:
            for number in todo:
                await one(number)

        await asyncio.gather(*(client() for _ in range(16)))

    with Server(options.folder) as server:
        begun = time.perf_counter()
        asyncio.run(ask_once(b"POST", "/v1/completions", long))
        whole = time.perf_counter() - begun
        asyncio.run(many(range(min(100, options.requests))))
        resident = [server.resident]
        edges = np.linspace(0, options.requests, 11).astype(int)
        for first, last in pairwise(edges):
            asyncio.run(many(range(first, last)))
            resident.append(server.resident)
        freed = asyncio.run(left(long))
        metrics = asyncio.run(ask_once(b"GET", "/metrics", b""))[1].decode()
        unknown = server.process.poll()
    of_server = dict(line.rsplit(" ", 1) for line in metrics.splitlines() if not line.startswith("#"))
    return {
        "requests": options.requests,
        "statuses": dict(sorted(statuses.items())),
        "beyond_4xx": sum(n for name, n in statuses.items() if name.split()[-1] >= "5" and name != "hangup"),
        "server_statuses": {k: v for k, v in of_server.items() if k.startswith("tts_requests_total")},
        "under_way_at_the_end": of_server["tts_requests_under_way"],
        "resident_mib": [round(each, 1) for each in resident],
        "server_ended": unknown is not None,
        "long_request_ms": 1000 * whole,
        "busy_after_hangup_ms": 1000 * freed,
    }


async def left(body: bytes) -> float:
    """Seconds until the server is idle again after a client has left in the middle of a long request."""
    async with connected() as (_, writer):
        writer.write(head(b"POST", "/v1/completions", len(body)) + body)
        await writer.drain()
        await asyncio.sleep(0.05)
    begun = time.perf_counter()
    while b"tts_requests_under_way 0.0" not in (await ask_once(b"GET", "/metrics", b""))[1]:
        await asyncio.sleep(0.005)
    return time.perf_counter() - begun


def kill(options: argparse.Namespace) -> dict[str, Any]:
    asked = questions(options)["problem"].tolist()
    before = verified(options.folder)

    async def load() -> int:
        bodies = [completion(problem, budget=64, seed=i) for i, problem in enumerate(asked[:64])]
        found = await asyncio.gather(
            *(ask_once(b"POST", "/v1/completions", body) for body in bodies), return_exceptions=True
        )
        return sum(isinstance(each, BaseException) for each in found)

    with Server(options.folder) as server:

        async def killed() -> int:
            asking = asyncio.create_task(load())
            await asyncio.sleep(0.3)
            os.kill(server.process.pid, signal.SIGKILL)
            return await asking

        broken = asyncio.run(killed())
    with Server(options.folder):
        status, body = asyncio.run(ask_once(b"POST", "/v1/completions", completion(asked[0], budget=16)))
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


PARTS = {"answers": answers, "worth": worth, "throughput": throughput, "soak": soak, "kill": kill}

if __name__ == "__main__":
    main()
