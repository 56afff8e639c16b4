"""A study's questions, and whoever answers or reads them, through the study's store."""

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tts_lib.answers import pools
from tts_lib.answers.cached_policy import CachedPolicy
from tts_lib.answers.protocols import Sampling
from tts_lib.answers.question_table import QuestionTable
from tts_lib.answers.store.store import Store
from tts_lib.common import paths, tables
from tts_lib.engines.opening import close, open_verifier, serving
from tts_lib.engines.transformers.asked import Asked
from tts_lib.grading import verdicts
from tts_lib.grading.judging import Judge, open_judge
from tts_lib.models import pointer
from tts_lib.models.tokenizer import TokenCodec
from tts_lib.questions import nano_tables
from tts_lib.study.config.study import Study
from tts_lib.verifiers import rollouts, scoring

BASE = "base"


@dataclass(frozen=True, eq=False)
class Asking:
    """Questions to learn from and to be measured on, in the study's folder."""

    study: Study
    store: Store
    judge: Judge
    train: pd.DataFrame
    test: pd.DataFrame

    @classmethod
    def open(cls, study: Study, n_test: int, stack: ExitStack) -> "Asking":
        """All training questions and the first test questions."""
        assert study.grading
        columns = ["question_id", "problem", "statement", "solution", "answer"]
        store = stack.enter_context(Store.open(paths.STORE, write=True))
        judge = stack.enter_context(open_judge(study.grading.model_dump(mode="json"), paths.JUDGEMENTS))
        train, test = (tables.read_table(paths.problems(split), columns) for split in ("train", "test"))
        return cls(study, store, judge, train, test.head(n_test))

    def questions(self, table: pd.DataFrame, folder: Path) -> QuestionTable:
        """In the tokens of the model in a folder."""
        return QuestionTable(table, TokenCodec.from_folder(folder), self.judge)

    def own_samples(self, split: str, table: pd.DataFrame, n: int) -> pd.DataFrame:
        """The first samples of each question in the base's pool, which the study has drawn."""
        pool = tables.read_table(paths.pool(BASE, split), pools.COLUMNS)
        asked = pool["question_id"].isin(table["question_id"]) & (pool["sample"] < n)
        return pool.loc[asked].reset_index(drop=True)

    def own_scores(self, split: str, table: pd.DataFrame, n: int) -> np.ndarray:
        """The study's PRM's score of each of these."""
        scores = tables.read_table(paths.scores(split), ["question_id", "sample", "prm_last"])
        asked = scores["question_id"].isin(table["question_id"]) & (scores["sample"] < n)
        return scores.loc[asked, "prm_last"].to_numpy()

    def samples(self, folder: Path, table: pd.DataFrame, n: int, name: str) -> pd.DataFrame:
        """Of another model, whose seeds are derived from its name."""
        with serving(folder, self._engine) as policy:
            cached, key = CachedPolicy(policy, self.store), (self.study.seed, name)
            return pools.sample_pool(cached, self.questions(table, folder), n, self._sampling, key)

    def labels(self, folder: Path, solutions: pd.DataFrame, n_rollouts: int, name: str) -> tuple[pd.DataFrame, int]:
        """Soft labels of the steps of a model's solutions, by rollouts of its own; and the tokens rolled out."""
        key, step = (self.study.seed, name), pointer.resolve(folder).step or ""
        with serving(folder, self._engine) as policy:
            cached, asked = CachedPolicy(policy, self.store), self.questions(self.train, folder)
            return rollouts.label_steps(cached, asked, solutions, n_rollouts, self._sampling, key, step)

    def scores(self, folder: Path, table: pd.DataFrame, samples: pd.DataFrame) -> np.ndarray:
        """A verifier's score of each sample, as it aggregates its steps; float32 (sample,)."""
        questions = self.questions(table, paths.model(BASE))
        step = pointer.resolve(paths.model(BASE)).step or ""
        asked = Asked.about(questions.codec, [self.train, self.test], step)
        verifier = open_verifier(folder, self._engine, asked, store=self.store, aggregated=False)
        try:
            steps = scoring.step_scores(verifier, questions, samples)
        finally:
            close(verifier)
        return scoring.aggregated(steps)[pointer.resolve(folder).aggregation]

    def prompt_tokens(self, table: pd.DataFrame) -> dict[str, int]:
        """Of each question."""
        return {name: len(tokens) for name, tokens in self.questions(table, paths.model(BASE)).prompts.items()}

    def right_throughout(self, samples: pd.DataFrame) -> np.ndarray | None:
        """Whether each sample is right in every step; None where steps cannot be checked."""
        if not self.study.problems:
            return None
        keys = ["question_id", "text"]
        right = samples.loc[(samples["verdict"] == verdicts.CORRECT) & ~samples.duplicated(keys)]
        recipe = nano_tables.Recipe.load(paths.RECIPE)
        throughout, _ = nano_tables.right_and_read(recipe.world(), recipe.by_id(), right)
        known = pd.MultiIndex.from_frame(right.loc[throughout, keys])
        return pd.MultiIndex.from_frame(samples.loc[:, keys]).isin(known)

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

    @property
    def _sampling(self) -> Sampling:
        settings = self.study.sampling
        assert settings
        return Sampling(settings.temperature, settings.top_p, settings.max_tokens, until="end")
