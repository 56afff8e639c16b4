"""A study's searches, opened for verifiers of several qualities: what each attains and costs; and best-of-N."""

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd
from jaxtyping import Float

from tts_lib.answers import grid, pools
from tts_lib.answers.cost import LEDGER
from tts_lib.answers.protocols import Policy, Sampling, ScoreRequest, Verifier
from tts_lib.answers.question_table import QuestionTable
from tts_lib.common import paths, tables
from tts_lib.common.budgets import doublings
from tts_lib.common.rng import generator
from tts_lib.estimators import score_quality, selection, subsets
from tts_lib.estimators.flops import Sizes
from tts_lib.estimators.per_question import PerQuestion
from tts_lib.models.vocabulary import Vocabulary
from tts_lib.search import over_questions
from tts_lib.search.methods import Method
from tts_lib.search.tree import Tree
from tts_lib.strategies.curves import at_budget
from tts_lib.strategies.model_sizes import model_sizes
from tts_lib.study.asking import Asking, searching, vocabulary
from tts_lib.study.config.study import Study
from tts_lib.verifiers import siblings
from tts_lib.verifiers.value import AtEnd, Misjudged, OfPrefixes, RolledOut, Shuffled


@dataclass(frozen=True, eq=False)
class Attained:
    """A search at a budget on each question, on average over its runs, and what it costs a question.

    flops: of policy and verifier, as if values were read off by the PRM; rollouts are counted apart.
    """

    accuracy: Float[np.ndarray, " problem"]
    flops: float
    rollout_flops: float
    rounds: float


@dataclass(frozen=True, eq=False)
class Pooled:
    """Best-of-N weighted by a verifier, on average over subsets of the study's pool, and how it ranks its samples."""

    budgets: tuple[int, ...]
    accuracy: Float[np.ndarray, "problem budget"]
    flops: tuple[float, ...]
    auc: Float[np.ndarray, " problem"]  # right samples above wrong ones of the same question

    def at(self, generations: int) -> Float[np.ndarray, " problem"]:
        return self.accuracy[:, self.budgets.index(generations)]

    def at_cost(self, flops: float) -> Float[np.ndarray, " problem"]:
        """For as many FLOPs; where they are beyond the pool, at its end."""
        within = min(max(flops, self.flops[0]), self.flops[-1])
        return at_budget(PerQuestion(self.accuracy), self.flops, within).each


@dataclass(frozen=True, eq=False)
class World:
    """The base, its PRM and the questions of a study."""

    study: Study
    val: QuestionTable
    test: QuestionTable
    policy: Policy
    prm: Verifier
    vocabulary: Vocabulary
    sizes: Sizes

    @classmethod
    def of(cls, asking: Asking, stack: ExitStack, n_val: int, n_test: int) -> "World":
        """Of a study, with the first of its questions."""
        val, test = (asking.questions(asking.table(split, n)) for split, n in (("val", n_val), ("test", n_test)))
        return cls(
            study=asking.study,
            val=val,
            test=test,
            policy=stack.enter_context(asking.policy()),
            prm=stack.enter_context(asking.verifier([val.table, test.table])),
            vocabulary=vocabulary(),
            sizes=model_sizes(),
        )

    @property
    def closing(self) -> tuple[int, ...]:
        return (*self.vocabulary.step_tokens, *self.vocabulary.end_tokens)

    def exact(self, questions: QuestionTable, n_rollouts: int) -> RolledOut:
        """Perfect values, by rollouts at the temperature that is searched at."""
        assert self.study.search and self.study.sampling
        temperature, sampling = self.study.search.temperature, self.study.sampling
        whole = Sampling(temperature, sampling.top_p, sampling.max_tokens, until="end")
        ends, key = self.vocabulary.end_tokens, (self.study.seed, "base")
        return RolledOut(self.policy, questions, whole, n_rollouts, self.closing, ends, key)

    def misjudged(self, sigma: float, exact: Mapping[str, RolledOut], n_samples: int) -> Misjudged:
        """Calibrated on the prefixes of the first samples of validation questions, for test questions."""
        texts = [siblings.tokens(text) for text in self.prefixes("val", n_samples)["text"].unique()]
        fitted = Misjudged(exact["val"], sigma, (self.study.seed, "base")).fitted(texts)
        return replace(fitted, exact=exact["test"])

    def shuffled(self) -> Shuffled:
        return Shuffled(self.prm, (self.study.seed, "base"))

    def prefixes(self, split: str, n_samples: int) -> pd.DataFrame:
        """Of the first samples of each question (`siblings.prefixes`), with `right`: whether the sample is."""
        pool = self._pools[split]
        first = pool.loc[(pool["sample"] < n_samples) & pool["tokens"].notna()]
        placed = siblings.prefixes(self.val if split == "val" else self.test, first, self.closing)
        return placed.merge(first[["question_id", "sample", "right"]], on=["question_id", "sample"], validate="m:1")

    def auc_of_prefixes(self, verifier: Verifier, n_samples: int) -> Float[np.ndarray, " problem"]:
        """How a verifier ranks unfinished prefixes of equal depth, of samples that will be right above others."""
        placed = self.prefixes("test", n_samples).query("depth > 0")
        scores, right = siblings.scores(verifier, placed), placed["right"].to_numpy(bool)
        ids = list(self.test.prompts)
        question = pd.Index(ids).get_indexer(pd.Index(placed["question_id"]))
        return score_quality.auc_within(scores, right, question, placed["depth"].to_numpy(), len(ids))

    def pooled(self, verifier: Verifier) -> Pooled:
        """Best-of-N weighted by a verifier of whole solutions."""
        pool, ids = self._pools["test"], list(self.test.prompts)
        scores = self.whole(verifier, pool)
        there = grid.grid(pool, ids)
        budgets = tuple(doublings(there.smallest))
        spread, rng = there.spread(scores), generator(self.study.seed, "searches", "votes")
        n_resamples = self.study.select.n_resamples
        ballots = {"it": spread}
        votes = subsets.vote(there.correct, there.answers, ballots, budgets, rng, n_resamples, there.n_samples)["it"]
        right, alike = pool["right"].to_numpy(bool), np.zeros(len(pool), int)
        auc = score_quality.auc_within(scores, right, there.row, alike, len(ids))
        prompt = np.array([len(each) for each in self.test.prompts.values()], np.float64)
        written = np.bincount(there.row, pool["n_tokens"].to_numpy(np.float64)) / there.n_samples
        read = [prompt + n * written for n in budgets]
        flops = tuple(float(self.sizes.flops(each, each, True).mean()) for each in read)
        return Pooled(budgets, votes.accuracy, flops, auc)

    def searched(
        self, name: str, method: Method, guide: Verifier, budget: int, n_runs: int
    ) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Candidates and costs of a search of the test questions (`over_questions.candidates`)."""
        search = searching(self.study, method, self.vocabulary.step_tokens)
        if isinstance(method, Tree) and isinstance(guide, OfPrefixes):
            guide = AtEnd(guide)  # pyright: ignore[reportAssignmentType]  # a tree has no use for the values of steps
        key = (self.study.seed, "base", name)
        return over_questions.candidates(search, self.test, {budget: n_runs}, (self.policy, guide), key)

    def attained(
        self, candidates: pd.DataFrame, costs: pd.DataFrame, scores: Float[np.ndarray, " candidate"], rolled: int
    ) -> Attained:
        """Best-of-N weighted among the candidates by these scores.

        Args:
            rolled: tokens of the rollouts behind the values that guided all of these searches.
        """
        runs = candidates.assign(score=scores).groupby(["question_id", "replicate"], sort=False)
        right = [selection.best_of_n_weighted(*(part[name].to_numpy() for name in _VOTE)).correct for _, part in runs]
        spent = {name: float(costs[name].to_numpy(np.float64).mean()) for name in LEDGER}
        policy = spent["policy_prefill_tokens"] + spent["policy_decode_tokens"]
        verifier = spent["verifier_prefill_tokens"] + spent["verifier_tokens"]
        return Attained(
            accuracy=np.array(right, np.float64).reshape(len(self.test.prompts), -1).mean(axis=1),
            flops=self.sizes.flops(policy, verifier, True),
            rollout_flops=self.sizes.flops(rolled / len(costs), 0.0, False),
            rounds=spent["rounds"],
        )

    def whole(self, verifier: Verifier, solutions: pd.DataFrame) -> Float[np.ndarray, " solution"]:
        """The verifier's scores of finished solutions of test questions (question_id, tokens); 0 of those without."""
        keys = [
            (name, b"" if tokens is None else tokens.tobytes())
            for name, tokens in solutions[["question_id", "tokens"]].itertuples(index=False)
        ]
        distinct: dict[str, dict[bytes, float]] = {}
        for name, text in keys:
            if text:
                distinct.setdefault(name, {})[text] = 0.0
        prompts = self.test.prompts
        if isinstance(verifier, OfPrefixes):
            texts = [np.concatenate((prompts[q], siblings.tokens(t))) for q, found in distinct.items() for t in found]
            scores = iter(np.clip(verifier.values(texts), 0, 1).tolist())
        else:
            asked = [ScoreRequest(prompts[q], [siblings.tokens(t) for t in found]) for q, found in distinct.items()]
            scores = iter([float(each[-1]) for given in verifier.score(asked) for each in given])
        for found in distinct.values():
            found |= {text: next(scores) for text in found}
        return np.array([distinct[name][text] if text else 0.0 for name, text in keys])

    @cached_property
    def _pools(self) -> dict[str, pd.DataFrame]:
        """The base's samples of these questions, with `right` and tokens (None of those that did not end)."""
        found = {}
        columns = ["question_id", "sample", "text", "n_tokens", "finish", "verdict", "answer_class"]
        for split, questions in (("val", self.val), ("test", self.test)):
            pool = tables.read_table(paths.pool("base", split), columns)
            pool = pool.loc[pool["question_id"].isin(list(questions.prompts))].reset_index(drop=True)
            texts = pool["text"].drop_duplicates().tolist()
            encoded = pools.encode_attempts(questions.codec, texts, self.vocabulary.end_tokens)
            of = dict(zip(texts, encoded, strict=True))
            ended = pool["finish"] == "end"
            tokens = [of[text] if done else None for text, done in zip(pool["text"], ended, strict=True)]
            found[split] = pool.assign(tokens=tokens, right=ended & (pool["verdict"] == "correct"))
        return found


_VOTE = ("answer_class", "score", "right")
