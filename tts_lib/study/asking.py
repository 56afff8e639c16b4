"""A study that has run, opened again: its questions, and whoever answers or reads them, through its store.

What stands beside a study asks its models, or others made of them, with the study's own settings and judge. Samples,
scores and judgements are kept where the study keeps its own, so that nothing is asked for twice.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tts_lib.answers.cached_policy import CachedPolicy
from tts_lib.answers.protocols import Policy, Sampling, Verifier
from tts_lib.answers.question_table import QuestionTable
from tts_lib.answers.store.store import Store
from tts_lib.common import paths, tables
from tts_lib.common.errors import StudyError
from tts_lib.engines.opening import close, open_verifier, serving
from tts_lib.engines.transformers.asked import Asked
from tts_lib.grading.judging import Judge, open_judge
from tts_lib.models import pointer
from tts_lib.models.tokenizer import TokenCodec
from tts_lib.models.vocabulary import Vocabulary
from tts_lib.search.methods import Method
from tts_lib.search.step_search import StepSearch
from tts_lib.study.config.study import Study
from tts_lib.study.effort import NOTHING

BASE, PRM = paths.model("base"), paths.verifier("prm")
COLUMNS = ["question_id", "problem", "statement", "solution", "answer"]


@dataclass(frozen=True, eq=False)
class Asking:
    """The study in the working folder, its store and its judge open."""

    study: Study
    store: Store
    judge: Judge

    @classmethod
    def open(cls, study: Study, stack: ExitStack) -> "Asking":
        """Of the study in the working folder, until the stack is left.

        Raises:
            StudyError: it samples nothing, or another process writes to its store.
        """
        if study.engine is None or study.grading is None or study.sampling is None:
            raise StudyError(NOTHING)
        store = stack.enter_context(Store.open(paths.STORE, write=True))
        judge = stack.enter_context(open_judge(study.grading.model_dump(mode="json"), paths.JUDGEMENTS))
        return cls(study, store, judge)

    @staticmethod
    def table(split: str, n: int | None = None) -> pd.DataFrame:
        """The first questions of a split (COLUMNS); all of them without n."""
        found = tables.read_table(paths.problems(split), COLUMNS)
        return found if n is None else found.head(n)

    def questions(self, table: pd.DataFrame, folder: Path = BASE) -> QuestionTable:
        """Questions in the tokens of the model in a folder, to be judged as the study judges."""
        return QuestionTable(table, TokenCodec.from_folder(folder), self.judge)

    @contextmanager
    def policy(self, folder: Path = BASE) -> Iterator[Policy]:
        """The policy in a folder; an engine that holds memory gives it back at the end."""
        with serving(folder, self._engine) as policy:
            yield CachedPolicy(policy, self.store)

    @contextmanager
    def verifier(
        self, asked: Sequence[pd.DataFrame], folder: Path = PRM, aggregated: bool = True
    ) -> Iterator[Verifier]:
        """The verifier in a folder, to read what was answered to these questions; see `opening.open_verifier`."""
        verifier = open_verifier(folder, self._engine, self.asked(asked), store=self.store, aggregated=aggregated)
        try:
            yield verifier
        finally:
            close(verifier)

    def asked(self, asked: Sequence[pd.DataFrame]) -> Asked:
        """Tables of questions as a verifier that reads text knows them."""
        return Asked.about(TokenCodec.from_folder(BASE), asked, step(BASE))

    def step_ends(self, asked: Sequence[pd.DataFrame], folder: Path = BASE) -> Callable[[np.ndarray], np.ndarray]:
        """Where the steps of a solution, int32 (T,), end that the study's PRM scores: behind what closes them.

        For a PRM that reads text a blank step is none, and the last one may be closed by nothing.
        """
        known = vocabulary(folder)
        closing = (*known.step_tokens, *known.end_tokens)

        def closed(tokens: np.ndarray) -> np.ndarray:
            return np.flatnonzero(np.isin(tokens, closing)) + 1

        if pointer.resolve(PRM).prm is None:
            return closed
        read = self.asked(asked)

        def filled(tokens: np.ndarray) -> np.ndarray:
            at = np.union1d(closed(tokens), [len(tokens)])
            steps = read.steps([(tokens[:end], tokens[end:]) for end in at.tolist()])
            n_closed = [n for _, n in steps[:-1]] + [len(steps[-1][0])]
            return at[np.searchsorted(n_closed, np.arange(1, n_closed[-1] + 1))]

        return filled

    @property
    def sampling(self) -> Sampling:
        """How the study samples whole solutions."""
        settings = self.study.sampling
        assert settings
        return Sampling(settings.temperature, settings.top_p, settings.max_tokens, until="end")

    @property
    def guess_rate(self) -> float:
        """Chance that a guess at a test question is right; 0 where answers are not drawn from a known set."""
        if not self.study.problems:
            return 0.0
        return float(tables.read_json(paths.metrics("problems"), ["guess_rate"])["guess_rate"])

    @cached_property
    def _engine(self) -> Mapping[str, Any]:
        assert self.study.engine
        return self.study.engine.model_dump(mode="json")


def step(folder: Path) -> str:
    """The text that closes a step of the solutions of the policy in a folder."""
    found = pointer.resolve(folder).step
    assert found is not None
    return found


def vocabulary(folder: Path = BASE) -> Vocabulary:
    """The tokens of the policy in a folder that close its steps and end its solutions."""
    return Vocabulary.of(pointer.resolve(folder).weights, step(folder))


def searching(study: Study, method: Method, closing: Sequence[int]) -> StepSearch:
    """A search as the study runs its own.

    Args:
        closing: tokens that close a step of its policy.
    """
    assert study.search and study.sampling
    return StepSearch(
        method=method, temperature=study.search.temperature, top_p=study.sampling.top_p,
        max_step_tokens=study.search.max_step_tokens, max_tokens=study.sampling.max_tokens,
        max_rounds=study.search.max_rounds, duplicates=study.search.duplicates, closing=tuple(closing),
    )  # fmt: skip
