"""What models answer to a study's training and test questions, and how verifiers score it."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from tts_lib.answers import pools
from tts_lib.common import paths, tables
from tts_lib.grading import verdicts
from tts_lib.models import pointer
from tts_lib.questions.nano.tables import Recipe, right_and_read
from tts_lib.study.asking import Asking, step
from tts_lib.verifiers import rollouts, scoring


@dataclass(frozen=True, eq=False)
class Pools:
    """Questions to learn from and to be measured on."""

    asking: Asking
    train: pd.DataFrame
    test: pd.DataFrame

    @classmethod
    def of(cls, asking: Asking, n_test: int) -> "Pools":
        """All training questions and the first test questions."""
        return cls(asking, asking.table("train"), asking.table("test", n_test))

    def own_samples(self, split: str, table: pd.DataFrame, n: int) -> pd.DataFrame:
        """The first samples of each question in the base's pool, which the study has drawn."""
        pool = tables.read_table(paths.pool("base", split), pools.COLUMNS)
        asked = pool["question_id"].isin(table["question_id"]) & (pool["sample"] < n)
        return pool.loc[asked].reset_index(drop=True)

    def own_scores(self, split: str, table: pd.DataFrame, n: int) -> np.ndarray:
        """The study's PRM's score of each of these."""
        scores = tables.read_table(paths.scores(split), ["question_id", "sample", "prm_last"])
        asked = scores["question_id"].isin(table["question_id"]) & (scores["sample"] < n)
        return scores.loc[asked, "prm_last"].to_numpy()

    def samples(self, folder: Path, table: pd.DataFrame, n: int, name: str) -> pd.DataFrame:
        """Of another model, whose seeds are derived from its name."""
        with self.asking.policy(folder) as policy:
            questions, key = self.asking.questions(table, folder), (self.asking.study.seed, name)
            return pools.sample_pool(policy, questions, n, self.asking.sampling, key)

    def labels(self, folder: Path, solutions: pd.DataFrame, n_rollouts: int, name: str) -> tuple[pd.DataFrame, int]:
        """Soft labels of the steps of a model's solutions, by rollouts of its own; and the tokens rolled out."""
        with self.asking.policy(folder) as policy:
            questions, key = self.asking.questions(self.train, folder), (self.asking.study.seed, name)
            sampling, closed_by = self.asking.sampling, step(folder)
            return rollouts.label_steps(policy, questions, solutions, n_rollouts, sampling, key, closed_by)

    def scores(self, folder: Path, table: pd.DataFrame, samples: pd.DataFrame) -> np.ndarray:
        """A verifier's score of each sample, as it aggregates its steps; float32 (sample,)."""
        with self.asking.verifier([self.train, self.test], folder, aggregated=False) as verifier:
            steps = scoring.step_scores(verifier, self.asking.questions(table), samples)
        return scoring.aggregated(steps)[pointer.resolve(folder).aggregation]

    def prompt_tokens(self, table: pd.DataFrame) -> dict[str, int]:
        """Of each question."""
        return {name: len(tokens) for name, tokens in self.asking.questions(table).prompts.items()}

    def right_throughout(self, samples: pd.DataFrame) -> np.ndarray | None:
        """Whether each sample is right in every step; None where steps cannot be checked."""
        if not self.asking.study.problems:
            return None
        keys = ["question_id", "text"]
        right = samples.loc[(samples["verdict"] == verdicts.CORRECT) & ~samples.duplicated(keys)]
        recipe = Recipe.load(paths.RECIPE)
        throughout, _ = right_and_read(recipe.world(), recipe.by_id(), right)
        known = pd.MultiIndex.from_frame(right.loc[throughout, keys])
        return pd.MultiIndex.from_frame(samples.loc[:, keys]).isin(known)
