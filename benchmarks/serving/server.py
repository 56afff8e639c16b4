"""The server in a process of its own, and the least client that talks to it."""

import asyncio
import contextlib
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

PORT = 8765
COMPLETIONS = "/v1/completions"


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


async def ask_and_leave(body: bytes, seconds: float) -> None:
    """Ask for a completion, wait so long, and hang up."""
    async with connected() as (_, writer):
        writer.write(head(b"POST", COMPLETIONS, len(body)) + body)
        await writer.drain()
        await asyncio.sleep(seconds)


async def metrics() -> dict[str, float]:
    """/metrics, by name and labels."""
    _, body = await ask_once(b"GET", "/metrics", b"")
    lines = [line for line in body.decode().splitlines() if not line.startswith("#")]
    return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines)}


def completion(problem: str, **more: Any) -> bytes:
    """The body of a request."""
    return json.dumps({"model": "tts", "prompt": problem, **more}).encode()
