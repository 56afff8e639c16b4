"""A question answered by a fitted choice: its difficulty, the strategy, the answer, and everything that it cost.

`Choice.respond` is a generator, as a search is: it yields searches of one policy or the other, and is sent what they
found. `Choice.answer` runs them by themselves; in the server the searches of many share the engines' calls. Both give
the same answer for the same seed.
"""

import hashlib
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import cached_property
from math import fsum
from typing import Any, TypeAlias, TypeVar

import numpy as np

from tts_lib.answers.cost import Cost
from tts_lib.answers.protocols import FINISH_END, Policy, SampleRequest, Sampling, Verifier
from tts_lib.answers.question_table import Question
from tts_lib.answers.scheduler import AskSamples, Outcome, Scheduler, Search
from tts_lib.commands.serving.answers import Answer, Wish
from tts_lib.commands.serving.building import Proposed, Reader, Runnable, build, check_room
from tts_lib.commands.serving.limits import watched
from tts_lib.commands.serving.prompts import Prompts
from tts_lib.common.errors import StudyError
from tts_lib.common.rng import derive_seeds
from tts_lib.estimators.difficulty import with_prior
from tts_lib.estimators.flops import inference_flops
from tts_lib.estimators.selection import NO_ANSWER
from tts_lib.grading.judging import Judge
from tts_lib.strategies import fitted_choice
from tts_lib.strategies.fitted_choice import FORESEEN, GIVEN, PROBED, FittedChoice, TableName
from tts_lib.strategies.stopping.policy import Policy as StoppingPolicy

NO_GOLD = "\\text{the right answer is not known}"  # nothing that is asked is compared with it
T = TypeVar("T")
Asking: TypeAlias = Generator[tuple[str, Search[Any]], Outcome[Any], T]  # yields a role and a search of its models


@dataclass(frozen=True, eq=False)
class Choice:
    """A fitted choice with its models, for one thread at a time. Use it in a `with` statement, or `close` it."""

    table: FittedChoice
    engines: Mapping[str, tuple[Policy, Verifier]]  # by the role of the policy
    readers: Mapping[str, Reader]
    prompts: Prompts
    judge: Judge
    zero: Callable[[str | None, np.ndarray], tuple[float, Cost] | None] | None  # see `Foreknown.score`
    resources: ExitStack

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
        wish = Wish(budget, difficulty=difficulty, seed=seed, question_id=question_id, text=question)
        return self.alone(self.prompts.render(question), wish)

    def alone(self, prompt: str, wish: Wish) -> Answer:
        """What `respond` returns, its searches run by themselves."""
        (answer,) = self.together([(prompt, wish)])
        return answer

    def together(self, asked: Sequence[tuple[str, Wish]]) -> list[Answer]:
        """What `respond` returns for each prompt and wish, their searches run together."""
        responding = [self.respond(*each) for each in asked]
        answers: dict[int, Answer] = {}
        outcomes: dict[int, Any] = dict.fromkeys(range(len(asked)))
        while outcomes:
            searches: dict[str, dict[int, Search[Any]]] = {role: {} for role in self.engines}
            for i, outcome in outcomes.items():
                try:
                    role, search = responding[i].send(outcome)
                    searches[role][i] = search
                except StopIteration as end:
                    answers[i] = end.value
            runs = [Scheduler(*self.engines[role]).run(of_role) for role, of_role in searches.items()]
            outcomes = {i: outcome for run in runs for i, outcome in run.items()}
        return [answers[i] for i in range(len(asked))]

    def respond(self, prompt: str, wish: Wish) -> Asking[Answer]:
        """Answer what a model is to continue, a whole prompt.

        Raises:
            StudyError: a budget too small, a strategy that is not there, a prompt that does not fit.
        """
        (tokens,) = self.readers["base"].codec.encode([prompt])
        self.prompts.check(prompt, tokens)
        name = wish.question_id or hashlib.sha256(prompt.encode()).hexdigest()
        question, seed = Question(name, tokens), self.table.seed if wish.seed is None else wish.seed
        nothing = Answer(budget=wish.budget, seed=seed)
        if wish.sampling is not None:
            return (yield from self._bare(question, wish.sampling, nothing))
        found, drawn = yield from self._chosen(question, wish, nothing)
        if drawn is not None and found.stopped:
            return self._read(question, self._vote, found, drawn)
        strategy = self.strategies[found.strategy]
        policy = self.table.stops(found.strategy, found.budget) if wish.stop_early else None
        if policy is not None:
            found, proposed = yield from self._until_enough(question, found, policy, drawn)
        else:
            search = strategy.search(question, found.budget, seed, drawn)
            found, proposed = yield from self._run(question, found, strategy.policy, search, drawn)
        return self._read(question, self._vote if found.stopped else strategy, found, proposed)

    def _until_enough(
        self, question: Question, answer: Answer, policy: StoppingPolicy, drawn: Proposed | None
    ) -> Asking[tuple[Answer, Proposed]]:
        """The samples of a vote up to where its policy has had enough, at most the budget."""
        strategy = self.strategies[answer.strategy]
        seen = drawn or Proposed([], np.zeros(0, np.float32), np.zeros(0, bool))
        while (n := min(self._wanted(question, policy, seen), answer.budget)) > len(seen.texts):
            search = strategy.search(question, n, answer.seed, seen)
            answer, seen = yield from self._run(question, answer, strategy.policy, search, seen)
            if answer.stopped:
                return answer, seen
        return replace(answer, stopped_early=len(seen.texts) < answer.budget), seen

    def _wanted(self, question: Question, policy: StoppingPolicy, seen: Proposed) -> int:
        """Samples in all that the policy wants when these are there."""
        classes = self._judged(question, seen)[0] if seen.texts else np.zeros(0, np.int64)
        return policy.wants(classes, seen.scores)

    def _run(
        self, question: Question, answer: Answer, role: str, search: Search[Proposed], drawn: Proposed | None = None
    ) -> Asking[tuple[Answer, Proposed]]:
        """The answer with what a search on a role's models cost, and what the search proposes.

        Args:
            drawn: samples that were drawn before.
        """
        outcome = yield role, watched(search, question, self.readers[role].codec, drawn)
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

    def _chosen(self, question: Question, wish: Wish, answer: Answer) -> Asking[tuple[Answer, Proposed | None]]:
        """The answer with its strategy, and the samples of the probe, if one was drawn."""
        if wish.strategy is not None:
            way = self.strategies.get(wish.strategy) or build(self.table, wish.strategy, self.readers["base"])
            if wish.budget < way.least:
                raise StudyError(
                    f"the budget is {wish.budget}, but {wish.strategy} takes at least {way.least} generations"
                )
            return replace(answer, strategy=wish.strategy), None
        use, drawn = self.table.use, None
        if wish.difficulty is not None:
            answer = replace(answer, difficulty=wish.difficulty, difficulty_by=GIVEN)
        elif use is not None and wish.budget >= self.table.tables[use].budgets[0]:
            answer, drawn = yield from self._told_apart(question, wish, use, answer)
            if answer.stopped:
                return answer, drawn
        pick = self.table.pick(wish.budget, answer.difficulty, answer.difficulty_by)
        if answer.difficulty_by is not None and answer.difficulty is not None:
            answer = replace(answer, bin=self.table.tables[answer.difficulty_by].bin(answer.difficulty))
        return replace(answer, strategy=pick.strategy, budget=pick.budget), drawn

    def _told_apart(
        self, question: Question, wish: Wish, use: TableName, answer: Answer
    ) -> Asking[tuple[Answer, Proposed | None]]:
        """The answer with the question's difficulty as a table scores it, paid for; and the probe's samples, if any.

        Without difficulty where a prediction needs a text that is not known, or a limit ended the probe.
        """
        table, prior, drawn = self.table.tables[use], None, None
        if use in FORESEEN:
            known = None if self.zero is None else self.zero(wish.text, question.prompt)
            if known is None:
                return answer, None
            prior, answer = known[0], self._charged(answer, "base", known[1])
        score = prior
        if use in PROBED:
            search = self._probing.search(question, table.n_scored, answer.seed, None)
            answer, drawn = yield from self._run(question, answer, "base", search)
            if answer.stopped:
                return replace(answer, probe=answer.cost), drawn
            score = float(np.mean(drawn.scores.astype(np.float64)))
            if prior is not None and table.prior_worth is not None:
                score = with_prior(prior, table.prior_worth, score, table.n_scored)
        if score is None:  # fixed: nothing is to be known
            return answer, None
        return replace(answer, difficulty=score, difficulty_by=use, probe=answer.cost), drawn

    def _bare(self, question: Question, sampling: Sampling, answer: Answer) -> Asking[Answer]:
        """One sample of the base model."""
        check_room(question, sampling.max_tokens, self.readers["base"].window)
        outcome = yield "base", _one(question, sampling, answer.seed)
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
        classes, answers = self._judged(question, proposed)
        if (at := strategy.choose(classes, proposed.scores)) < 0:
            return replace(answer, finish="length")
        voting = classes != NO_ANSWER
        total = fsum(proposed.scores[voting].tolist())
        share = fsum(proposed.scores[classes == classes[at]].tolist()) / total if voting[at] and total > 0 else None
        return replace(answer, text=proposed.texts[at], answer=answers[at], share=share)

    def _judged(self, question: Question, proposed: Proposed) -> tuple[np.ndarray, list[str | None]]:
        """The class of each solution's answer, -1 where it has none, and the answers."""
        place: dict[str, int] = {}  # each text is read once
        of = np.array([place.setdefault(text, len(place)) for text in proposed.texts])
        judged = self.judge.judge(question.question_id, NO_GOLD, list(place))
        return np.where(proposed.finished, judged.classes[of], NO_ANSWER), [judged.answers[i] for i in of.tolist()]


def _one(question: Question, sampling: Sampling, seed: int) -> Generator[AskSamples, Any, tuple[np.ndarray, str]]:
    """One sample, and how it ended."""
    request = SampleRequest(question.prompt, derive_seeds((seed, "base", question.question_id, "pool"), 1))
    (samples,) = yield AskSamples([request], sampling, 1)
    return samples[0], "stop" if samples.finish[0] == FINISH_END else "length"
