"""Workers: Ray actors that each own an engine, on this machine or on a cluster.

Work is given out in pieces, a new one to whoever has finished. A worker that dies is replaced and its piece given
again; an error that the engine itself raises is a mistake that another try would repeat, so it ends the call.
Arguments and results travel between Ray's own processes (by pickle, as Ray does); nothing is read from files.
"""

import logging
import os
import time
from collections import deque
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from tts_lib.common.errors import StudyError, one_line

os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
try:
    ray: Any = import_module("ray")  # a type checker would take it for this folder where Ray is not installed
except ImportError as missing:
    raise StudyError(
        f"Workers need Ray ({one_line(missing)}): install it with `pip install 'tts-study[workers]'`."
    ) from missing

LOOPBACK = "127.0.0.2"  # Ray takes 127.0.0.1 for a name of the machine's own address
START_TRIES = 3
FREEING_SECONDS = 10.0
logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Crew:
    """How many workers there are, what each may use, and where.

    Attributes:
        gpus_per_worker: as many as the engine spans; below 1, workers share one.
        cpus_per_worker: that Ray counts for it; below 1, workers share one.
        address: of a running Ray cluster ("auto", "ray://host:10001", "host:6379"); None: this machine alone.
        most_deaths: workers that may be replaced, over the life of the crew.
    """

    n_workers: int
    cpus_per_worker: float = 1.0
    gpus_per_worker: float = 0.0
    address: str | None = None
    most_deaths: int = 3

    def __post_init__(self) -> None:
        if self.n_workers < 1 or self.most_deaths < 0 or min(self.cpus_per_worker, self.gpus_per_worker) < 0:
            raise StudyError(f"{self}: at least 1 worker is needed, and nothing may be below 0.")


class _Engine:
    """What runs in a worker's process."""

    def start(self, make: Callable[[], Any]) -> tuple[str, int]:
        """Make the engine; its version and the process id."""
        self._engine = make()
        return self._engine.version, os.getpid()

    def call(self, method: str, arguments: tuple[Any, ...]) -> Any:
        return getattr(self._engine, method)(*arguments)


class Workers:
    """A crew of engines of one version; a context manager."""

    def __init__(self, make: Callable[[], Any], crew: Crew):
        """Start the workers and let each make its engine.

        Args:
            make: makes an engine from nothing but absolute paths and plain settings; called in every worker.

        Raises:
            StudyError: there are too few processors, the engines differ, or workers keep dying; one sentence.
            Exception: what `make` raises.
        """
        self.n_deaths = 0
        self._make, self._crew = make, crew
        self._processes: dict[Any, int] = {}  # actor -> process id
        self.version = ""
        _connect(crew)
        try:
            self._hire(crew.n_workers)
        except BaseException:
            self.close()
            raise

    @property
    def processes(self) -> list[int]:
        """Process ids of the living workers, each on its own machine."""
        return list(self._processes.values())

    def close(self) -> None:
        """End all workers; Ray itself, which others may use too, ends with the process."""
        for actor in self._processes:
            ray.kill(actor)
        self._processes.clear()

    def __enter__(self) -> "Workers":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def run(self, method: str, pieces: Sequence[tuple[Any, ...]]) -> Generator[tuple[int, Any], None, None]:
        """Call `method` of the engines once with each piece; (number of the piece, result) as they are finished.

        Raises:
            StudyError: more workers have died than the crew allows; what was finished has been handed over.
            Exception: what the engine raises.
        """
        waiting, idle = deque(range(len(pieces))), deque(self._processes)
        under_way: dict[Any, tuple[Any, int]] = {}
        while waiting or under_way:
            while waiting and idle:
                actor, piece = idle.popleft(), waiting.popleft()
                under_way[actor.call.remote(method, pieces[piece])] = actor, piece
            (ready,), _ = ray.wait(list(under_way), num_returns=1)
            actor, piece = under_way.pop(ready)
            try:
                result = ray.get(ready)
            except ray.exceptions.RayTaskError as error:
                raise _cause(error) from None
            except ray.exceptions.RayError as error:
                waiting.appendleft(piece)
                self._bury(actor, error)
                idle.extend(self._hire(1))
            else:
                idle.append(actor)
                yield piece, result

    def _hire(self, n: int) -> list[Any]:
        """Start n workers, all at once; those that die while they start are replaced like others."""
        options = {"num_cpus": self._crew.cpus_per_worker, "num_gpus": self._crew.gpus_per_worker, "max_restarts": 0}
        hired: list[Any] = []
        while len(hired) < n:
            _await_resources(self._crew, n - len(hired))
            actors = [ray.remote(**options)(_Engine).remote() for _ in range(n - len(hired))]
            self._processes |= dict.fromkeys(actors, 0)
            for actor, answer in [(actor, actor.start.remote(self._make)) for actor in actors]:
                try:
                    version, process = ray.get(answer)
                except ray.exceptions.RayTaskError as error:
                    raise _cause(error) from None
                except ray.exceptions.RayError as error:
                    self._bury(actor, error)
                    continue
                self._processes[actor] = process
                if version != (self.version or version):
                    raise StudyError(f"The workers' engines differ, {version} and {self.version}: make them equal.")
                self.version = version
                hired.append(actor)
        return hired

    def _bury(self, actor: Any, error: Exception) -> None:
        process = self._processes.pop(actor)
        ray.kill(actor)
        self.n_deaths += 1
        reason = one_line(error)[:300]
        logger.warning("worker process %d died: %s", process, reason)
        if self.n_deaths > self._crew.most_deaths:
            raise StudyError(
                f"{self.n_deaths} workers have died, more than the {self._crew.most_deaths} that are replaced, the "
                f"last with: {reason}; give them more memory or fewer neighbours, then run again: what was sampled and "
                "stored is not asked for twice."
            ) from error


def _cause(error: Any) -> Exception:
    """What the engine raised, or a sentence where Ray could not even hand it its work."""
    if isinstance(error.cause, ray.exceptions.RayError):
        reason = one_line(error.cause).split(" traceback:")[0][:300]
        return StudyError(f"A worker cannot read its work ({reason}): it needs the same library, at the same place.")
    return error.cause


def _connect(crew: Crew) -> None:
    """Reach the cluster, or start Ray here, unless this process has done so before."""
    if ray.is_initialized():
        return
    settings: dict[str, Any] = {"configure_logging": False, "log_to_driver": False}
    if crew.address is None:
        settings |= {"include_dashboard": False, "_node_ip_address": LOOPBACK}
    else:
        settings |= {"address": crew.address}
    for tries_left in reversed(range(START_TRIES if crew.address is None else 1)):
        try:
            ray.init(**settings)
            return
        except Exception as error:  # Ray raises its bare Exception, too
            ray.shutdown()
            if not tries_left:
                where = f"be reached at {crew.address}" if crew.address else "be started on this machine"
                hint = " (RAY_AUTH_MODE=token, if the cluster wants its token)" if crew.address else ""
                raise StudyError(f"Ray cannot {where}{hint}: {one_line(error)[:300]}.") from error
            logger.warning("Ray did not start, which it gives up on a busy machine after 15 s; once more")


def _await_resources(crew: Crew, n_workers: int) -> None:
    """Wait for what was just given back; refuse workers that Ray would wait for without end."""
    wanted = {"CPU": crew.cpus_per_worker * n_workers, "GPU": crew.gpus_per_worker * n_workers}
    end = time.monotonic() + FREEING_SECONDS
    while True:
        free = ray.available_resources()
        missing = [name for name, amount in wanted.items() if amount > free.get(name, 0.0)]
        if not missing:
            return
        if time.monotonic() > end:
            name = missing[0]
            raise StudyError(
                f"{n_workers} workers need {wanted[name]:g} {name}s, but {free.get(name, 0.0):g} are free (policy and "
                "verifier are alive together): take fewer workers, or let them share (engine.gpus_per_worker: 0.5)."
            )
        time.sleep(0.1)
