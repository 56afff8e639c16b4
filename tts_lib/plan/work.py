"""What the stages of a study will sample, read, train and store: what each method says of one question, added up.

A stage that is not listed computes on tables alone, without tokens.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

from tts_lib.answers import pools
from tts_lib.answers.expected import Expected, Means
from tts_lib.plan.known import Known
from tts_lib.plan.ledger import CHECKPOINT_WEIGHTS, Work, sampling, scoring, training
from tts_lib.plan.sizes import Size
from tts_lib.revisions import chains, trajectories
from tts_lib.revisions import verifier as revision_verifier
from tts_lib.search.methods import reachable
from tts_lib.study.config.fields import Pairing
from tts_lib.study.config.revisions import Revisions, TunedRevisions, TunedRevisionVerifier
from tts_lib.study.config.study import PAPER, Study
from tts_lib.study.config.verifiers import TrainedVerifier
from tts_lib.verifiers import rollouts
from tts_lib.verifiers import scoring as verifier_scoring

CORPUS_BYTES = 12  # a token of a corpus on disk: id, weight, target
WHOLE = 1 + CHECKPOINT_WEIGHTS  # copies of its weights that a model leaves which is trained as a whole
VERIFIERS = 3  # PRM, ORM, ORM with as many labels
ORMS = 2  # of revisions: with the history and without


def works(study: Study, known: Known) -> dict[str, Work]:
    """The work of each stage that samples, scores, trains or stores by its name; none of a replay's does.

    Raises:
        StudyError: see `Known`.
    """
    if study.replay:
        return {}
    plan = _Plan(study, known)
    found = {f"questions-nano@{name}": plan.corpus() for name in study.problems}
    found |= {f"model-trained@{name}": plan.pretrain(name) for name in study.models}
    found |= {f"model-longer@{name}": plan.longer(name) for name in study.window}
    found |= {f"generate@{name}": plan.generate(name) for name in study.generate}
    assert study.verifier
    kind = study.verifier.kind
    if study.verifier.learner:
        found[f"verifier@{kind}"] = plan.verifier()
    found[f"score@{kind}"] = plan.score()
    found |= {f"search@{name}": plan.search(name) for name in study.grid.methods}
    found |= {f"revisions@{name}": plan.revisions(name) for name in study.pairings}
    return found | {f"revision_verifier@{name}": plan.revision_verifier(name) for name in study.revision_verifier}


def total(parts: Sequence[Work]) -> Work:
    """All stages together."""
    return sum(parts, Work())


class _Plan:
    """A study that samples, and what is known of it."""

    def __init__(self, study: Study, known: Known):
        self.study, self.known = study, known
        (questions,) = (study.problems or study.questions).values()
        self.n = {"train": questions.n_train, "val": questions.n_val, "test": questions.n_test}
        self.base, self.prompt = known.size("base"), known.prompt_tokens()

    def corpus(self) -> Work:
        assert self.study.corpus
        return Work(storage=CORPUS_BYTES * self.study.corpus.tokens)

    def pretrain(self, model: str) -> Work:
        assert self.study.corpus and self.study.pretrain
        return training(self.known.size(model), self.study.corpus.tokens, WHOLE, self.study.pretrain.shards)

    def longer(self, name: str) -> Work:
        """The base, trained on in a longer window."""
        window = self.study.window[name]
        return training(self.base, window.tokens, WHOLE, window.shards)

    def generate(self, name: str) -> Work:
        """K samples of every question, a greedy one, and some at other temperatures."""
        pool = self.study.generate[name]
        if self.study.checkpoints and pool.model not in self.study.taken:
            return Work()
        question = self._question(pool.split, pool.model)
        asked = pools.expected(pool.n_samples, question) + pools.expected(1, question)
        if pool.beside:
            asked += pools.expected(pool.beside.n_samples, question) * len(pool.beside.temperatures)
        return sampling(self.known.size(pool.model), asked * self.n[pool.split])

    def verifier(self) -> Work:
        """Rollouts, then verifiers trained on the solutions; an adapter is counted as if it were all weights."""
        assert self.study.verifier and self.study.verifier.learner
        settings = self.study.verifier.learner
        if isinstance(settings, TrainedVerifier):
            epochs, n_models, workers = settings.epochs, VERIFIERS, settings.shards
        else:
            epochs, n_models, workers = settings.tuning.epochs, 1, 1
        question = replace(self._question("train"), steps=self.known.steps())
        asked = rollouts.expected(settings.samples, settings.rollouts, question) * self.n["train"]
        asked = self.known.rolled_out(asked, settings.samples * self.n["train"])
        n_learned = self.n["train"] * settings.samples * (1 - settings.validation_share)
        learned = n_models * epochs * n_learned * question.pair
        return sampling(self.base, asked) + training(self.base, learned, n_models * WHOLE, workers)

    def score(self) -> Work:
        """Every solution of the pools of validation and test questions is read, by three verifiers or one PRM."""
        assert self.study.verifier
        trained, asked = self.study.verifier.trained is not None, Expected()
        for split in ("val", "test"):
            pool = self.study.generate[f"base-{split}"]
            one = verifier_scoring.expected(pool.n_samples, self._question(split), shared=trained)
            asked += one * self.n[split] * (VERIFIERS if trained else 1)
            if pool.beside:  # the PRM alone
                one = verifier_scoring.expected(pool.beside.n_samples, self._question(split), shared=trained)
                asked += one * self.n[split] * len(pool.beside.temperatures)
        return scoring(self._prm(), asked)

    def search(self, name: str) -> Work:
        """Both sets of questions at every budget that the method can run at, as counted in an earlier run if any."""
        assert self.study.search
        method, asked = self.study.options[name], Expected()
        for budget in reachable(method, self.study.grid.search_budgets):
            shape = method.shape(budget)
            found = self.known.search(name, budget, shape.generations)
            if found is None:
                found = shape.expected(replace(self._question("test"), steps=self.known.steps()))
            asked += found * self.study.search.runs(budget) * (self.n["val"] + self.n["test"])
        return sampling(self.base, asked) + scoring(self._prm(), asked)

    def revisions(self, pairing: Pairing) -> Work:
        """Training on trajectories; chains of each checkpoint, then of all ways to split N."""
        settings, question = self._revisions, self._question("test")
        if isinstance(settings, TunedRevisions):  # an adapter takes hardly any storage
            epochs, checkpoints, copies, workers = settings.tuning.epochs, settings.tuning.checkpoints, 0, 1
        else:
            epochs, checkpoints, copies, workers = settings.epochs, settings.n_checkpoints, WHOLE, settings.shards
        most = self.study.generate["base-train"].n_samples * self.n["train"]
        n_learned = self.known.trajectories(pairing, most) * (1 - settings.validation_share)
        learned = epochs * n_learned * trajectories.expected_tokens(pairing, question, settings.max_history)
        tried = self._tried(question) * self.n["val"] * checkpoints
        lengths = chains.chain_lengths(self.study.pairings[pairing].attempts)
        n_asked = self.n["test"] + (self.n["val"] if pairing == PAPER else 0)  # the paper's: its strategies are fitted
        split = chains.expected(lengths, settings.max_history, question) * n_asked
        return sampling(self.base, tried + split) + training(self.base, learned, copies, workers)

    def revision_verifier(self, pairing: Literal["edit_distance"]) -> Work:
        """Chains on training questions, two ORMs trained on them, which read every chain, and so does the PRM."""
        settings, question = self.study.revision_verifier[pairing], self._question("test")
        if isinstance(settings, TunedRevisionVerifier):
            epochs, copies, workers = settings.tuning.epochs, 1 if settings.tuning.adapter else WHOLE, 1
        else:
            epochs, copies, workers = settings.epochs, WHOLE, settings.shards
        tried = self._tried(question) * self.n["train"]
        learned = ORMS * epochs * tried.generations * (1 - settings.validation_share) * question.pair
        attempts = self.study.pairings[pairing].attempts
        n_attempts = sum(chains.chain_lengths(attempts)) * (self.n["val"] + self.n["test"])
        read = revision_verifier.expected(n_attempts, question)
        read_by_all = scoring(self.base, read * ORMS) + scoring(self._prm(), read)
        return sampling(self.base, tried) + training(self.base, learned, ORMS * copies, workers) + read_by_all

    @property
    def _revisions(self) -> Revisions:
        assert self.study.revisions
        return self.study.revisions

    def _question(self, split: str, model: str = "base") -> Means:
        return Means(self.prompt, self.known.solution_tokens(model, split))

    def _tried(self, question: Means) -> Expected:
        """The chains by which a checkpoint is chosen and a verifier taught."""
        length = self._revisions.max_history + 1
        return chains.expected([length] * self._revisions.n_chains, self._revisions.max_history, question)

    def _prm(self) -> Size:
        return self.known.size("prm") if self.study.checkpoints else self.base
