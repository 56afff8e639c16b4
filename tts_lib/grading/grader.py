"""Verdicts and answer classes of many answers, judged in processes that may hang, crash or run out of memory.

Equal pairs are judged once: what needs no parser in this process, the rest by pebble's workers, each pair with a
time-out of its own. Workers come from a fork server, so that this process's memory and threads stay out of them.
"""

import json
import os
import resource
import signal
from collections.abc import Callable, Sequence
from dataclasses import astuple
from importlib.metadata import version
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from tts_lib.grading.cache import JudgementCache, Pair
from tts_lib.grading.equivalence import VERSION, Conventions, Judgement, judge, judge_cheaply
from tts_lib.grading.normal_form import normalise
from tts_lib.grading.verdicts import CORRECT, ERROR, NO_ANSWER, TIMEOUT

_TASKS_PER_WORKER = 500  # SymPy's caches grow
_GRACE_S = 5.0  # for the pool to stop a worker before it stops itself
_SAVE_EVERY = 200  # judgements lost at most by a kill


class Grader:
    """Compares answers with gold answers. Use it in a `with` statement, in a script under `if __name__ == "__main__"`.

    Args:
        conventions: what counts as the same answer.
        timeout_s: seconds that one pair may take.
        memory_mib: MiB that a worker may take on top of what it starts with.
        workers: processes; by default one for each processor that this process may use.
        cache: file that keeps the judgements for the next run, time-outs too (other limits try those again);
            damaged lines are judged again.

    Raises:
        ValueError: a limit is not positive.
    """

    def __init__(
        self,
        conventions: Conventions = Conventions(),  # noqa: B008 - frozen
        timeout_s: float = 5.0,
        memory_mib: int = 1024,
        workers: int | None = None,
        cache: Path | None = None,
    ) -> None:
        workers = len(os.sched_getaffinity(0)) if workers is None else workers
        for name, value in (("timeout_s", timeout_s), ("memory_mib", memory_mib), ("workers", workers)):
            if value <= 0:
                raise ValueError(f"{name} is {value}: it must be positive")
        self.conventions = conventions
        self.timeout_s = timeout_s
        self.memory_mib = memory_mib
        self.workers = workers
        self._cache = JudgementCache(Path(cache), self._setting()) if cache is not None else None
        self._judgements: dict[Pair, Judgement] = self._cache.read() if self._cache else {}
        self._normal_forms: dict[str, str] = {}
        self._pool: Any = None  # pebble's, once there is work for it

    def __enter__(self) -> "Grader":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stop the workers; what they were doing is lost."""
        if self._pool is not None:
            self._pool.stop()
            self._pool.join()
            self._pool = None

    def verdicts(self, golds: Sequence[str], answers: Sequence[str | None]) -> list[str]:
        """Return one verdict of `tts_lib.grading` for each answer, in the order given.

        Args:
            golds: the gold answer of each answer.
            answers: as `answers.extract_answer` returns them; None or a blank text is `no_answer`.

        Raises:
            ValueError: not one gold answer for each answer.
            WriteError: the cache could not be written.
        """
        return [NO_ANSWER if pair is None else self._judgements[pair].verdict for pair in self._judge(golds, answers)]

    def classes(self, question_ids: Sequence[str], golds: Sequence[str], answers: Sequence[str | None]) -> np.ndarray:
        """Return one answer class (int) for each answer: equal answers to a question vote together.

        Classes count from 0 within each question, in order of appearance; -1 is no answer. All correct answers to a
        question are one class, and no wrong one is in it. Wrong answers share a class if their coarse keys agree: value
        to ten digits, that of an expression at two points, that of each part of a set or tuple. An answer that could
        not be judged or parsed is with those of the same normal form.

        Raises:
            ValueError: not one question and gold answer for each answer, or a question with two gold answers.
            WriteError: the cache could not be written.
        """
        if len(question_ids) != len(answers):
            raise ValueError(f"{len(question_ids)} question ids for {len(answers)} answers")
        pairs = self._judge(golds, answers)
        gold_of: dict[str, str] = {}
        seen: dict[str, dict[str, int]] = {}
        classes = np.full(len(answers), -1)
        for i, (question, gold, pair) in enumerate(zip(question_ids, golds, pairs, strict=True)):
            if gold_of.setdefault(question, gold) != gold:
                raise ValueError(f"question {question} has two gold answers: {gold_of[question]!r} and {gold!r}")
            if pair is not None:
                of_question = seen.setdefault(question, {})
                classes[i] = of_question.setdefault(_vote(pair, self._judgements[pair]), len(of_question))
        return classes

    def _judge(self, golds: Sequence[str], answers: Sequence[str | None]) -> list[Pair | None]:
        """Judge what is new; returns for each answer the pair of normal forms under which its judgement is kept."""
        if len(golds) != len(answers):
            raise ValueError(f"{len(golds)} gold answers for {len(answers)} answers")
        pairs = [
            None if answer is None or not answer.strip() else (self._normal(gold), self._normal(answer))
            for gold, answer in zip(golds, answers, strict=True)
        ]
        hard = []
        for pair in dict.fromkeys(pair for pair in pairs if pair is not None and pair not in self._judgements):
            cheap = judge_cheaply(*pair, self.conventions)
            if cheap is None:
                hard.append(pair)
            else:
                self._judgements[pair] = cheap
        for start in range(0, len(hard), _SAVE_EVERY):
            self._judge_in_workers(hard[start : start + _SAVE_EVERY])
        return pairs

    def _judge_in_workers(self, pairs: list[Pair]) -> None:
        from pebble import ProcessExpired

        pool = self._started_pool()
        futures = {
            pair: pool.schedule(
                _judge_or_die, args=(judge, *pair, self.conventions, self.timeout_s), timeout=self.timeout_s
            )
            for pair in pairs
        }
        lasting = {}
        for pair, future in futures.items():
            try:
                lasting[pair] = future.result()
            except TimeoutError:
                lasting[pair] = Judgement(TIMEOUT)
            except ProcessExpired:  # killed from outside, perhaps: another run may do better, so it is not kept on disk
                self._judgements[pair] = Judgement(ERROR)
        self._judgements |= lasting
        if self._cache:
            self._cache.append(lasting)

    def _started_pool(self) -> Any:
        if self._pool is None:
            import multiprocessing

            from pebble import ProcessPool

            context = multiprocessing.get_context("forkserver")
            context.set_forkserver_preload(["math_verify"])  # a worker that replaces a killed one is there at once
            self._pool = ProcessPool(
                max_workers=self.workers,
                max_tasks=_TASKS_PER_WORKER,
                initializer=_limit_worker,
                initargs=(self.memory_mib,),
                context=context,
            )
        return self._pool

    def _normal(self, answer: str) -> str:
        if answer not in self._normal_forms:
            self._normal_forms[answer] = normalise(answer)
        return self._normal_forms[answer]

    def _setting(self) -> str:
        libraries = [version(name) for name in ("math-verify", "latex2sympy2_extended", "sympy")]
        limits = [self.timeout_s, self.memory_mib]
        return json.dumps([VERSION, libraries, astuple(self.conventions), limits])


def _vote(pair: Pair, judgement: Judgement) -> str:
    if judgement.verdict == CORRECT:
        return CORRECT
    return judgement.key if judgement.key is not None else f"t:{pair[1]}"


def _judge_or_die(
    how: Callable[[str, str, Conventions], Judgement],
    gold: str,
    answer: str,
    conventions: Conventions,
    timeout_s: float,
) -> Judgement:
    """What a worker runs. The alarm ends it where the pool cannot, because this process was killed meanwhile."""
    signal.setitimer(signal.ITIMER_REAL, timeout_s + _GRACE_S)
    try:
        return how(gold, answer, conventions)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def _limit_worker(memory_mib: int) -> None:
    used = 0
    if (statm := Path("/proc/self/statm")).exists():
        used = int(statm.read_text().split()[0]) * resource.getpagesize()
    limit = used + memory_mib * 2**20
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    import math_verify  # noqa: F401 - a missing library stops the pool here, instead of failing every pair
