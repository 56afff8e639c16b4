"""Best-of-N (§1.6 of the method notes): N independent solutions, each scored once.

The samples of a smaller budget are the first ones of a larger budget (the seeds do not depend on N), so raising N
samples only what is new. Equal solutions are scored once and stay separate candidates. Truncated ones have no answer
and are not scored.
"""

from dataclasses import dataclass

import numpy as np

from tts_lib.answers.protocols import FINISH_END, FINISH_LENGTH, SampleRequest, Samples, Sampling, ScoreRequest
from tts_lib.answers.scheduler import AskSamples, AskScores, Question, Search
from tts_lib.common.rng import Part, derive_seeds
from tts_lib.search.candidates import Candidates


@dataclass(frozen=True, kw_only=True)
class BestOfN:
    """Options: sampling temperature, top_p (1 = off), and max_tokens, the new tokens of a solution at most."""

    temperature: float
    top_p: float
    max_tokens: int

    def generations(self, budget: int) -> int:
        """Generations spent at this budget.

        Raises:
            ValueError: a budget below 1.
        """
        if budget < 1:
            raise ValueError(f"best-of-N needs a budget of at least 1 generation, not {budget}")
        return budget

    def search(self, question: Question, budget: int, seed_key: tuple[Part, ...]) -> Search[Candidates]:
        """Sample `budget` solutions to the end in one round and score the finished ones in another."""
        seeds = derive_seeds((*seed_key, question.question_id, "best_of_n"), self.generations(budget))
        sampling = Sampling(self.temperature, self.top_p, self.max_tokens, until="end")
        answer: list[Samples] = yield AskSamples([SampleRequest(question.prompt, seeds)], sampling, budget)
        samples = answer[0]
        solutions = [samples[i] for i in range(budget)]
        finished = samples.finish == FINISH_END

        distinct = {solutions[i].tobytes(): solutions[i] for i in np.flatnonzero(finished)}
        scores: dict[bytes, np.ndarray] = {}
        if distinct:
            scored: list[list[np.ndarray]] = yield AskScores([ScoreRequest(question.prompt, list(distinct.values()))])
            scores = dict(zip(distinct, scored[0], strict=True))

        unscored = np.zeros(0, np.float32)
        order = np.argsort(~finished, kind="stable")
        return Candidates(
            tokens=[solutions[i] for i in order],
            step_scores=[scores[solutions[i].tobytes()] if finished[i] else unscored for i in order],
            finished=finished[order],
            n_rounds=1,
            n_samples=budget,
            n_duplicates=budget - len({solution.tobytes() for solution in solutions}),
            n_truncated=int((samples.finish == FINISH_LENGTH).sum()),
            hit_round_limit=False,
        )
