"""What a server has done so far, in the form that Prometheus reads."""

import math
from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from tts_lib.commands.serving.answers import Answer
from tts_lib.strategies.fitted_choice import PROBE, FittedChoice

ENOUGH = 100  # answers, before a share of bins says anything
DRIFTED = 0.25  # usual warning level of the population stability index


class Metrics:
    """Counts of one server; not shared between servers of one process."""

    def __init__(self, choice: FittedChoice, calls: Callable[[], float]) -> None:
        """Count for this choice; `calls` tells how often the engines were called."""
        self.registry = registry = CollectorRegistry()
        self._by = choice.use  # bins of the table in use: a difficulty that is given has bins of its own
        n_bins = len(choice.tables[self._by].bins) if self._by is not None else 1
        self._in_bin = dict.fromkeys(range(1, n_bins + 1), 0)
        self.requests = Counter("tts_requests", "requests by status", ["status"], registry=registry)
        self.under_way = Gauge("tts_requests_under_way", "requests being answered", registry=registry)
        self._seconds = Histogram("tts_seconds", "from request to answer", registry=registry)
        Gauge("tts_engine_calls", "calls of policies and verifiers so far", registry=registry).set_function(calls)
        spend = ("generations", "tokens", "flops")
        self._spent = {what: Counter(f"tts_{what}", f"{what} spent", ["strategy"], registry=registry) for what in spend}
        self._probed = Counter("tts_probe_generations", "generations spent on difficulty", registry=registry)
        self._stopped = Counter("tts_stopped", "answers that a limit ended", ["limit"], registry=registry)
        self._early = Counter("tts_stopped_early", "answers that a stopping policy ended", registry=registry)
        self._spared = Counter("tts_generations_spared", "of their budgets, what was not drawn", registry=registry)
        self._bins = Counter("tts_bin", "questions by difficulty bin", ["bin"], registry=registry)
        self._divergence = Gauge(
            "tts_bin_divergence",
            "population stability index of the bins against the questions of the fit; NaN before enough answers",
            registry=registry,
        )
        self._drifted = Gauge("tts_bin_drifted", f"1 where the divergence is above {DRIFTED}", registry=registry)
        self._divergence.set(math.nan)

    def add(self, answer: Answer, seconds: float, n_tokens: int) -> None:
        """Count an answer."""
        self._seconds.observe(seconds)
        for what, spent in (("generations", answer.cost.generations), ("tokens", n_tokens), ("flops", answer.flops)):
            self._spent[what].labels(answer.strategy or PROBE).inc(spent)
        self._probed.inc(answer.probe.generations)
        if answer.stopped:
            self._stopped.labels(answer.stopped).inc()
        if answer.stopped_early:
            self._early.inc()
            self._spared.inc(answer.budget - answer.cost.generations)
        if answer.bin is not None and answer.difficulty_by == self._by:
            self._bins.labels(answer.bin).inc()
            self._in_bin[answer.bin] += 1
            if sum(self._in_bin.values()) >= ENOUGH:
                self._divergence.set(found := divergence(list(self._in_bin.values())))
                self._drifted.set(found > DRIFTED)

    def text(self) -> bytes:
        """All of it."""
        return generate_latest(self.registry)


def divergence(counts: list[int]) -> float:
    """Population stability index of counts in quantile bins, which hold equal shares of the fit's questions."""
    expected, total = 1 / len(counts), sum(counts) + 0.5 * len(counts)
    shares = [(count + 0.5) / total for count in counts]
    return math.fsum((share - expected) * math.log(share / expected) for share in shares)
