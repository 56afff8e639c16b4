"""HTTP to a completion server: kept connections, a pace, repeated tries, and every failure counted."""

import os
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn, TypeVar
from urllib.parse import urlsplit

import httpx2
import numpy as np

from tts_lib.common.errors import StudyError
from tts_lib.engines.openai.answers import GarbageError, NoTokenIdsError, parsed
from tts_lib.engines.openai.waiting import Clock, Pace, backoff, retry_after

API_KEY = "TTS_API_KEY"  # the environment variable that holds the key, the only place it is read from
PASSING = {429, 500, 501, 502, 503, 504}  # statuses after which a request is tried again
WAYS_OUT = {
    "time-out": "lower the concurrency or raise timeout_seconds",
    "connection": "start the server or correct the url",
    "status 429": "lower the concurrency or requests_per_second",
    "garbage": "see whether it is a completion server, and its log",
}
T = TypeVar("T")


@dataclass(frozen=True)
class Limits:
    """How much a server is asked at once, and how long it is borne with."""

    concurrency: int = 64  # requests under way
    requests_per_second: float | None = None  # None: as many as it takes
    timeout_seconds: float = 600.0  # a try, from sending to the last byte
    n_tries: int = 6  # of one request
    backoff_seconds: float = 1.0  # after the first failure, doubling
    longest_wait_seconds: float = 60.0  # of the back-off
    longest_retry_after_seconds: float = 600.0  # a server that asks for more has failed
    most_bytes: int = 64 * 2**20  # of an answer

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if value is not None and not 0 < value < float("inf"):
                raise StudyError(f"{name} is {value}; allowed is a number above 0.")


class StoppedError(Exception):
    """A try failed, and as the call has been given up there is no other."""


class _PassingError(Exception):
    """One try failed in a way that the next need not: counted as `kind`, told as `what`."""

    def __init__(self, kind: str, what: str, wait: float | None = None):
        super().__init__(what)
        self.kind, self.what, self.wait = kind, what, wait


class Client:
    """Asks one server; safe to use from many threads."""

    def __init__(self, url: str, limits: Limits, clock: Clock):
        self.url = _checked_url(url)
        self.errors: Counter[str] = Counter()  # tries that failed: time-out, connection, garbage, status 503, ...
        self._limits, self._clock = limits, clock
        self._pace = Pace(limits.requests_per_second, clock)
        self._lock = threading.Lock()
        self._key = _api_key()
        connections = httpx2.Limits(
            max_connections=limits.concurrency, max_keepalive_connections=limits.concurrency, keepalive_expiry=60
        )
        self._http = httpx2.Client(
            timeout=httpx2.Timeout(limits.timeout_seconds, connect=min(10.0, limits.timeout_seconds)),
            limits=connections,
            headers={"Accept-Encoding": "identity"},
            follow_redirects=False,
        )

    def close(self) -> None:
        self._http.close()

    def get(self, url: str, seed: np.uint64) -> dict[str, Any] | None:
        """The JSON object at a URL, None where there is no such page; for errors see `post`."""
        return self._persistently("GET", url, None, parsed, seed, threading.Event(), missing_is_none=True)

    def post(
        self,
        path: str,
        body: Mapping[str, object],
        read: Callable[[bytes], T],
        seed: np.uint64,
        stop: threading.Event,
    ) -> T:
        """What `read` makes of the answer, after as many tries as `limits` allows, or until `stop` is set.

        Args:
            read: raises GarbageError for an answer that is not to be had.
            seed: of the request; decides the jitter of its back-off.

        Raises:
            StudyError: the server refuses, or keeps failing; one sentence.
            StoppedError: `stop` was set before an answer was there.
        """
        result = self._persistently("POST", self.url + path, body, read, seed, stop, missing_is_none=False)
        assert result is not None
        return result

    def _persistently(
        self,
        method: str,
        url: str,
        body: Mapping[str, object] | None,
        read: Callable[[bytes], T],
        seed: np.uint64,
        stop: threading.Event,
        missing_is_none: bool,
    ) -> T | None:
        for n_failures in range(1, self._limits.n_tries + 1):
            self._pace.wait(stop)
            try:
                status, content = self._once(method, url, body)
                if status == 404 and missing_is_none:
                    return None
                if status != 200:
                    self._refuse(url, status, content)
                return read(content)
            except GarbageError as error:
                failure = _PassingError("garbage", f"{error}")
            except _PassingError as error:
                failure = error
            except NoTokenIdsError as error:
                raise StudyError(
                    f"{self.url} answers without token ids: give the engine the model's tokenizer (codec), or use a "
                    "server that knows return_token_ids."
                ) from error
            with self._lock:
                self.errors[failure.kind] += 1
            wait = backoff(n_failures, seed, self._limits.backoff_seconds, self._limits.longest_wait_seconds)
            if failure.wait is not None:
                wait = max(wait, failure.wait)
            if stop.is_set():
                raise StoppedError from failure
            if n_failures == self._limits.n_tries or wait > self._limits.longest_retry_after_seconds:
                way_out = WAYS_OUT.get(failure.kind, "see the server's log")
                asks = f" and asks to wait {wait:.0f} s" if wait > self._limits.longest_retry_after_seconds else ""
                raise StudyError(
                    f"{url} failed {n_failures} times, at last with {failure.what}{asks}: {way_out}, then run again; "
                    "what was sampled and stored is not asked for twice."
                ) from failure
            self._clock.wait(stop, wait)
        raise AssertionError("the loop ends with a return or an error")

    def _once(self, method: str, url: str, body: Mapping[str, object] | None) -> tuple[int, bytes]:
        """Status and body of one try; the body whole, and within limits of size and time."""
        headers = {"Authorization": f"Bearer {self._key}"} if self._key else {}
        end = self._clock.now() + self._limits.timeout_seconds
        try:
            with self._http.stream(method, url, json=body, headers=headers) as response:
                content = bytearray()
                for piece in response.iter_raw():
                    content += piece
                    if len(content) > self._limits.most_bytes:
                        raise _PassingError("garbage", f"an answer above {self._limits.most_bytes:,} bytes")
                    if self._clock.now() > end:
                        raise _PassingError("time-out", f"no whole answer in {self._limits.timeout_seconds:g} s")
        except httpx2.TimeoutException as error:
            raise _PassingError("time-out", f"no answer in {self._limits.timeout_seconds:g} s") from error
        except (httpx2.TransportError, httpx2.StreamError) as error:
            raise _PassingError("connection", f"a broken connection ({_quoted(str(error), self._key)})") from error
        if response.status_code in PASSING:
            wait = retry_after(response.headers.get("retry-after"), self._clock)
            raise _PassingError(f"status {response.status_code}", f"status {response.status_code}", wait)
        return response.status_code, bytes(content)

    def _refuse(self, url: str, status: int, content: bytes) -> NoReturn:
        with self._lock:
            self.errors[f"status {status}"] += 1
        if status in (401, 403):
            said = "is not the right one" if self._key else "is empty"
            raise StudyError(f"{url} wants a key (status {status}): the environment variable {API_KEY} {said}.")
        if 300 <= status < 400:
            raise StudyError(f"{url} points elsewhere (status {status}), which is not followed: give the final url.")
        reason = _quoted(content[:4000].decode("utf-8", "replace"), self._key)
        raise StudyError(f"{url} refuses the request (status {status}): {reason}.")


def _checked_url(url: str) -> str:
    """The URL without a closing slash.

    Raises:
        StudyError: it is not an http(s) URL of host and path alone; a password in it would be shown in errors.
    """
    allowed = "allowed is http(s)://host:port/v1, and a key comes from the environment variable " + API_KEY
    try:
        parts = urlsplit(url)
        is_plain = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_plain = False
    if not is_plain or "@" in url or "?" in url or "#" in url:
        raise StudyError(f"The url of the completion server cannot be used (not shown here): {allowed}.")
    return url.rstrip("/")


def _api_key() -> str:
    key = os.environ.get(API_KEY, "").strip()
    if not (key.isascii() and key.isprintable()) or " " in key:
        raise StudyError(f"The environment variable {API_KEY} holds signs that no key has (not shown here).")
    return key


def _quoted(text: str, key: str) -> str:
    """What a server says, in one short line and without the key."""
    text = text.replace(key, "***") if key else text
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return line[:200].rstrip(".") or "no reason given"
