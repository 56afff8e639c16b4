"""A question answered by a fitted choice: its difficulty, the strategy, the answer, and everything that it cost.

    choice = answering.load("reports/strategy.json")
    choice.answer("?h=26a", budget=64)

`Choice.answer` runs a question by itself; the server gives `Choice.respond` its own way to run searches, so that many
share the engines' calls. Both give the same answer for the same seed.
"""

import hashlib
import threading
from collections.abc import Callable, Generator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import cached_property
from math import fsum
from pathlib import Path
from typing import Any

import numpy as np

from tts_lib.answers.cost import Cost
from tts_lib.answers.protocols import FINISH_END, Codec, Policy, SampleRequest, Sampling, Verifier
from tts_lib.answers.question_table import Question
from tts_lib.answers.scheduler import AskSamples, Outcome, Scheduler, Search
from tts_lib.commands.serving.building import Proposed, Reader, Runnable, build, check_room
from tts_lib.commands.serving.prompts import Prompts
from tts_lib.common import paths
from tts_lib.common.errors import StudyError
from tts_lib.common.rng import derive_seeds
from tts_lib.engines import opening
from tts_lib.estimators.flops import inference_flops
from tts_lib.estimators.selection import NO_ANSWER
from tts_lib.grading.judging import Judge, open_judge
from tts_lib.models import adapter, checkpoint, pointer, vocabulary
from tts_lib.models import folder as model_folder
from tts_lib.models.tokenizer import TokenCodec
from tts_lib.models.vocabulary import Vocabulary
from tts_lib.strategies import fitted_choice
from tts_lib.strategies.fitted_choice import GIVEN, PROBE, FittedChoice
from tts_lib.study.config import loading
from tts_lib.study.config.study import Study

NO_GOLD = "\\text{the right answer is not known}"  # nothing that is asked is compared with it
Run = Callable[[str, Search[Any]], Outcome[Any]]  # role of the policy, a search of its models


class Stopped(Exception):  # noqa: N818 - not an error: what was found by then is the answer
    """Raised where a search waits, when a limit is reached; its text names the limit."""


@dataclass(frozen=True)
class Wish:
    """What is asked for beside the question.

    Attributes:
        budget: generations, those of a probe included.
        strategy: of the choice, instead of what the choice picks.
        difficulty: mean verifier score of the question, where it is known, instead of the table that is to be used.
        seed: by default the study's.
        question_id: names the question in the seeds; by default a hash of the prompt.
        sampling: one sample by these settings and nothing else: the bare policy.
    """

    budget: int
    strategy: str | None = None
    difficulty: float | None = None
    seed: int | None = None
    question_id: str | None = None
    sampling: Sampling | None = None


@dataclass(frozen=True)
class Answer:
    """What came back, and what happened."""

    budget: int  # generations the strategy was given
    seed: int
    difficulty: float | None = None
    bin: int | None = None
    strategy: str = ""
    text: str = ""  # the solution that answers; empty where none was finished
    answer: str | None = None  # as the study's judge reads it
    finish: str = "stop"  # or length, where the text was cut or none was finished
    cost: Cost = field(default_factory=Cost)
    probe: Cost = field(default_factory=Cost)  # of these, what the difficulty cost
    flops: float = 0.0
    share: float | None = None  # of the votes, by weight, that the answer got
    stopped: str | None = None  # the limit that ended it early


@dataclass(frozen=True, eq=False)
class Choice:
    """A fitted choice with its models. Use it in a `with` statement, or `close` it."""

    table: FittedChoice
    engines: Mapping[str, tuple[Policy, Verifier]]  # by the role of the policy
    readers: Mapping[str, Reader]
    prompts: Prompts
    judge: Judge
    resources: ExitStack
    _judging: threading.Lock

    def close(self) -> None:
        """Give the engines' memory back."""
        self.resources.close()

    def __enter__(self) -> "Choice":
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    @cached_property
    def strategies(self) -> dict[str, Runnable]:
        """Every strategy of the table, built."""
        ways = self.table.strategies
        return {way.name: build(self.table, way.name, self.readers[way.policy]) for way in ways}

    def answer(
        self,
        question: str,
        budget: int,
        difficulty: float | None = None,
        seed: int | None = None,
        question_id: str | None = None,
    ) -> Answer:
        """Answer a question, as the study's models are asked it; see `Wish`.

        Raises:
            StudyError: the budget is too small, or the question does not fit.
        """
        wish = Wish(budget, difficulty=difficulty, seed=seed, question_id=question_id)
        return self.respond(self.prompts.render(question), wish, self._alone)

    def respond(self, prompt: str, wish: Wish, run: Run) -> Answer:
        """Answer what a model is to continue, a whole prompt.

        Args:
            run: runs a search on the models of a role.

        Raises:
            StudyError: a budget too small, a strategy that is not there, a prompt that does not fit.
        """
        (tokens,) = self.readers["base"].codec.encode([prompt])
        self.prompts.check(prompt, tokens)
        name = wish.question_id or hashlib.sha256(prompt.encode()).hexdigest()
        question, seed = Question(name, tokens), self.table.seed if wish.seed is None else wish.seed
        nothing = Answer(budget=wish.budget, difficulty=wish.difficulty, seed=seed)
        if wish.sampling is not None:
            return self._bare(question, wish.sampling, nothing, run)
        found, drawn = self._chosen(question, wish, nothing, run)
        if drawn is not None and found.stopped:
            return self._read(question, self._vote, found, drawn)
        strategy = self.strategies[found.strategy]
        search = strategy.search(question, found.budget, seed, drawn)
        found, proposed = self._run(question, found, strategy.policy, search, run)
        return self._read(question, self._vote if found.stopped else strategy, found, proposed)

    def _run(
        self, question: Question, answer: Answer, role: str, search: Search[Proposed], run: Run
    ) -> tuple[Answer, Proposed]:
        """The answer with what a search on a role's models cost, and what the search proposes."""
        outcome = run(role, watched(search, question, self.readers[role].codec))
        if isinstance(outcome.error, StudyError):
            raise outcome.error
        proposed, stopped = outcome.found("the search")
        return self._charged(replace(answer, stopped=stopped), role, outcome.cost), proposed

    @cached_property
    def _vote(self) -> Runnable:
        """How what a stopped search has found is chosen from: by the most frequent answer, whatever the scores."""
        way = fitted_choice.Vote(name="majority", kind="majority", policy="base", verifier=None)
        alone = self.table.model_copy(update={"strategies": (way,)})
        return build(alone, "majority", self.readers["base"])

    @cached_property
    def _probing(self) -> Runnable:
        """Samples that are scored, whose mean is the difficulty."""
        way = fitted_choice.Vote(name="probe", kind="weighted", policy="base", verifier="prm")
        return build(self.table.model_copy(update={"strategies": (way,)}), "probe", self.readers["base"])

    def _chosen(self, question: Question, wish: Wish, answer: Answer, run: Run) -> tuple[Answer, Proposed | None]:
        """The answer with its strategy, and the samples of the probe, if one was drawn."""
        table = self.table.tables.get(PROBE)
        if wish.strategy is not None:
            way = self.strategies.get(wish.strategy) or build(self.table, wish.strategy, self.readers["base"])
            if wish.budget < way.least:
                raise StudyError(
                    f"the budget is {wish.budget}, but {wish.strategy} takes at least {way.least} generations"
                )
            return replace(answer, strategy=wish.strategy), None
        if wish.difficulty is None and self.table.use == PROBE and table and wish.budget >= table.budgets[0]:
            search = self._probing.search(question, table.n_scored, answer.seed, None)
            answer, drawn = self._run(question, answer, "base", search, run)
            answer = replace(answer, probe=answer.cost)
            if answer.stopped:
                return answer, drawn
            score = float(np.mean(drawn.scores.astype(np.float64)))
            pick = self.table.pick(wish.budget, score, PROBE)
            known = {"difficulty": score, "bin": table.bin(score)}
            return replace(answer, strategy=pick.strategy, budget=pick.budget, **known), drawn
        pick = self.table.pick(wish.budget, wish.difficulty)
        place = None if wish.difficulty is None else self.table.tables[GIVEN].bin(wish.difficulty)
        return replace(answer, strategy=pick.strategy, budget=pick.budget, bin=place), None

    def _bare(self, question: Question, sampling: Sampling, answer: Answer, run: Run) -> Answer:
        """One sample of the base model."""
        check_room(question, sampling.max_tokens, self.readers["base"].window)
        outcome = run("base", _one(question, sampling, answer.seed))
        tokens, finish = outcome.found("the sample")
        answer = self._charged(replace(answer, strategy="base", budget=1), "base", outcome.cost)
        (text,) = self.readers["base"].codec.decode([tokens])
        proposed = Proposed([text], np.ones(1, np.float32), np.ones(1, bool))
        return replace(self._read(question, self._vote, answer, proposed), text=text, share=None, finish=finish)

    def _charged(self, answer: Answer, role: str, cost: Cost) -> Answer:
        """The answer with the cost of a search on a role's models added."""
        policy = self.table.models[role]
        verifier = self.table.models["prm" if role == "base" else "revision_orm"]
        flops = inference_flops(policy.parameters, cost.policy_prefill_tokens + cost.policy_decode_tokens)
        flops += inference_flops(verifier.parameters, cost.verifier_prefill_tokens + cost.verifier_tokens)
        return replace(answer, cost=answer.cost + cost, flops=answer.flops + flops)

    def _read(self, question: Question, strategy: Runnable, answer: Answer, proposed: Proposed) -> Answer:
        """The answer with the text that the strategy chooses."""
        if not proposed.texts:
            return replace(answer, finish="length")
        with self._judging:
            judged = self.judge.judge(question.question_id, NO_GOLD, proposed.texts)
        classes = np.where(proposed.finished, judged.classes, NO_ANSWER)
        if (at := strategy.choose(classes, proposed.scores)) < 0:
            return replace(answer, finish="length")
        voting = classes != NO_ANSWER
        total = fsum(proposed.scores[voting].tolist())
        share = fsum(proposed.scores[classes == classes[at]].tolist()) / total if voting[at] and total > 0 else None
        return replace(answer, text=proposed.texts[at], answer=judged.answers[at], share=share)

    def _alone(self, role: str, search: Search[Any]) -> Outcome[Any]:
        return Scheduler(*self.engines[role]).run({"question": search})["question"]


def watched(search: Search[Proposed], question: Question, codec: Codec) -> Search[tuple[Proposed, str | None]]:
    """What the search proposes, and None; or, once it is stopped, what it has finished so far, and the limit.

    Of a stopped search each solution has one vote.
    """
    seen: list[np.ndarray] = []
    results = None
    try:
        while True:
            ask = search.send(results)
            results = yield ask
            if isinstance(ask, AskSamples):
                for request, samples in zip(ask.requests, results, strict=True):
                    begun = request.prefix[len(question.prompt) :] if ask.sampling.until == "step" else []
                    ended = np.flatnonzero(samples.finish == FINISH_END).tolist()
                    seen += [np.concatenate([begun, samples[i]]).astype(np.int32) for i in ended]
    except StopIteration as end:
        return end.value, None
    except Stopped as stop:
        search.close()
        texts = codec.decode(seen) if seen else []
        return Proposed(texts, np.ones(len(texts), np.float32), np.ones(len(texts), bool)), str(stop)


def load(path: Path | str = paths.STRATEGY_TABLE) -> Choice:
    """The choice in a study's strategy table, with the models that it names, opened behind the study's engine.

    Raises:
        StudyError: the table is missing or damaged, a model is not the one it was fitted with, or cannot be served.
    """
    path = Path(path)
    table, root = fitted_choice.load(path), paths.find_root(path.parent)
    study = loading.load(root / "params.yaml")
    if table.sampling is None or study.engine is None or study.grading is None:
        raise StudyError(f"{path} comes from samples that existed already: there are no models to serve")
    with ExitStack() as stack:
        found = _opened(table, root, study, stack)
        return Choice(*found, resources=stack.pop_all(), _judging=threading.Lock())


def _opened(
    table: FittedChoice, root: Path, study: Study, stack: ExitStack
) -> tuple[FittedChoice, dict[str, tuple[Policy, Verifier]], dict[str, Reader], Prompts, Judge]:
    assert study.engine is not None and study.grading is not None
    engine = study.engine.model_dump(mode="json")
    folders = {role: root / model.folder for role, model in table.models.items()}
    for role, model in table.models.items():
        if (found := identity(folders[role])) != model.sha256:
            raise StudyError(
                f"the strategy table was fitted with another {role} than the one in {folders[role]} "
                f"({model.sha256[:12]}, not {found[:12]}): run `dvc repro compute_optimal`, or take these models' table"
            )
    engines: dict[str, tuple[Policy, Verifier]] = {}
    readers: dict[str, Reader] = {}
    for role, verifier in {"base": "prm", "revision": "revision_orm"}.items():
        if role in folders:
            if pointer.resolve(folders[verifier]).prm is not None:
                raise StudyError(
                    "the PRM is a declared one, which reads the study's own questions alone: it cannot be served"
                )
            policy = stack.enter_context(opening.serving(folders[role], engine))
            engines[role] = (policy, opening.open_verifier(folders[verifier], engine))
            readers[role] = reader_of(folders[role])
    judge = stack.enter_context(open_judge(study.grading.model_dump(mode="json"), root / paths.JUDGEMENTS))
    return table, engines, readers, Prompts.of(study, folders["base"]), judge


def reader_of(folder: Path) -> Reader:
    """How the texts of a policy's folder are read."""
    target = pointer.resolve(folder)
    assert target.step is not None
    known = Vocabulary.of(target.weights, target.step)
    ends = () if target.weights == folder else vocabulary.end_tokens(target.weights, known)
    return Reader(
        TokenCodec.from_folder(target.weights), (*known.step_tokens, *known.end_tokens), tuple(ends), known.window
    )


def identity(folder: Path) -> str:
    """The hash by which a strategy table names the model in a folder of `models/`."""
    target = pointer.resolve(folder)
    if target.adapter is not None:
        return adapter.read(folder).hash
    is_own = target.weights == folder
    return model_folder.weights_hash(folder) if is_own else checkpoint.checkpoint_hash(target.weights)


def _one(question: Question, sampling: Sampling, seed: int) -> Generator[AskSamples, Any, tuple[np.ndarray, str]]:
    """One sample, and how it ended."""
    request = SampleRequest(question.prompt, derive_seeds((seed, "base", question.question_id, "pool"), 1))
    (samples,) = yield AskSamples([request], sampling, 1)
    return samples[0], "stop" if samples.finish[0] == FINISH_END else "length"
