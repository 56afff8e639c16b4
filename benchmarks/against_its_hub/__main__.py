"""Our searches against its_hub's beam search and particle filter: `python -m benchmarks.against_its_hub FOLDER`.

FOLDER is a study that has run (`tts_lib.commands run`). One server on loopback serves its base to both, in a process of
its own that batches whatever waits; scores are those of its PRM, read in the asking process by both. Each asks all
questions at once: its_hub a coroutine a question, ours one run. Counted are seconds, calls of the policy, requests over
HTTP, and prompt tokens sent; nothing is stored. A server gets a prompt with each sample, as each has a seed of its own;
`prefix_tokens` are what our other engines are given, a prefix once for all its samples, and `direct_seconds` what ours
take with the engine in their own process. Client and server seconds are those of the processor. its_hub is no
dependency of this package; beside it, in a folder:

    pip install --no-deps --target /tmp/its_hub its_hub backoff
    PYTHONPATH=/tmp/its_hub python -m benchmarks.against_its_hub FOLDER
"""

import argparse
import asyncio
import json
import os
import sys
import time
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import TypeAdapter

from benchmarks.against_its_hub.server import MODEL, STEP, counted, served
from tts_lib.answers.protocols import ScoreRequest
from tts_lib.answers.question_table import Question
from tts_lib.answers.scheduler import Scheduler
from tts_lib.commands.serving import loading
from tts_lib.commands.serving.answering import Choice
from tts_lib.commands.serving.building import build
from tts_lib.common import paths, tables
from tts_lib.engines.openai.engine import OpenAIPolicy
from tts_lib.engines.openai.model import ServedModel
from tts_lib.models.vocabulary import Vocabulary
from tts_lib.strategies.fitted_choice import Search

OURS: dict[str, dict[str, Any]] = {
    "beam_4": {"kind": "beam", "width": 4, "depth": 0},
    "rebase": {"kind": "rebase", "temperature_of_values": 0.2},
    "particles": {"kind": "particles", "weights": "odds"},
    "tree": {"kind": "tree"},
}
ITS = ("beam search", "particle filter")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--questions", type=int, default=32)
    parser.add_argument("--budget", type=int, default=16, help="generations a question (default: 16)")
    options = parser.parse_args()
    asked = tables.read_table(options.folder / paths.problems("test"), ["question_id", "problem"])
    asked = asked.head(options.questions)
    with served(options.folder) as server, loading.load(options.folder / paths.STRATEGY_TABLE) as choice:
        prompts = choice.readers["base"].codec.encode(asked["problem"].tolist())
        names = asked["question_id"].tolist()
        questions = [Question(name, prompt) for name, prompt in zip(names, prompts, strict=True)]
        ours(server, choice, options.folder, questions[:2], ("beam_4", 4))  # warm
        found = {
            f"ours, {name}": ours(server, choice, options.folder, questions, (name, options.budget)) for name in OURS
        }
        try:
            for name in ITS:
                found[f"its_hub, {name}"] = theirs(server, choice, asked["problem"].tolist(), (name, options.budget))
        except ModuleNotFoundError as error:
            print(f"{error.name} is not there, so its_hub is left out: see the head of this file", file=sys.stderr)
    print(json.dumps({"questions": len(asked), "budget": options.budget, "load": os.getloadavg()[0]} | found, indent=1))


@dataclass
class Measure:
    """What happened in a block, on both sides."""

    server: str

    def __enter__(self) -> "Measure":
        self.before = counted(self.server)
        self.clock, self.processor = time.perf_counter(), time.process_time()
        return self

    def __exit__(self, *_: object) -> None:
        seconds = {"seconds": time.perf_counter() - self.clock, "client_seconds": time.process_time() - self.processor}
        self.found = seconds | {name: now - self.before[name] for name, now in counted(self.server).items()}


class CountedVerifier:
    """The PRM, how often it was asked and how many tokens it read."""

    def __init__(self, verifier: Any) -> None:
        self.verifier, self.version, self.n_calls, self.n_tokens = verifier, verifier.version, 0, 0

    def score(self, requests: Sequence[ScoreRequest]) -> Any:
        self.n_calls += 1
        self.n_tokens += sum(len(each.prefix) + sum(map(len, each.continuations)) for each in requests)
        return self.verifier.score(requests)

    @property
    def counts(self) -> dict[str, int]:
        return {"verifier_calls": self.n_calls, "verifier_tokens": self.n_tokens}


def ours(
    server: str, choice: Choice, folder: Path, questions: list[Question], ask: tuple[str, int]
) -> dict[str, float]:
    """One of OURS at a budget, all questions in one run."""
    name, budget = ask
    way = TypeAdapter(Search).validate_python({"name": name, "policy": "base", "verifier": "prm", **OURS[name]})
    ready = build(choice.table.model_copy(update={"strategies": (way,)}), name, choice.readers["base"])
    known = Vocabulary.of(folder / paths.model("base"), STEP)
    model = ServedModel(MODEL, "benchmark", known.size, known.window, known.end_tokens, known.step_tokens)
    verifier = CountedVerifier(choice.engines["base"][1])

    def searches() -> dict[str, Any]:
        return {each.question_id: ready.search(each, budget, 0, None) for each in questions}

    with OpenAIPolicy(f"{server}/v1", model) as policy:
        scheduler = Scheduler(policy, verifier)
        with Measure(server) as measure:
            outcomes = scheduler.run(searches())
    begun = time.perf_counter()
    Scheduler(*choice.engines["base"]).run(searches())
    direct = time.perf_counter() - begun
    rounds = max(outcome.found(name) and outcome.cost.rounds for outcome in outcomes.values())
    prefixes = sum(outcome.cost.policy_prefill_tokens for outcome in outcomes.values())
    calls = {
        "policy_calls": scheduler.n_samplings,
        "rounds": rounds,
        "prefix_tokens": prefixes,
        "direct_seconds": direct,
    }
    return measure.found | calls | verifier.counts


def theirs(server: str, choice: Choice, problems: list[str], ask: tuple[str, int]) -> dict[str, float]:
    """One of ITS at a budget, a coroutine for each question and all of them at once.

    Raises:
        ModuleNotFoundError: its_hub, or what it needs, is not there.
    """
    import its_hub.core.algorithms.beam_search as beams  # pyright: ignore[reportMissingImports]
    import its_hub.core.algorithms.particle_gibbs as particles  # pyright: ignore[reportMissingImports]
    from its_hub.api import AbstractProcessRewardModel  # pyright: ignore[reportMissingImports]
    from its_hub.core.lms.openai_lm import OpenAICompatibleLanguageModel  # pyright: ignore[reportMissingImports]
    from its_hub.core.lms.step_generation import StepGeneration  # pyright: ignore[reportMissingImports]

    verifier, reader = CountedVerifier(choice.engines["base"][1]), choice.readers["base"]
    known = {
        token: text for token in reader.closing for (text,) in [reader.codec.decode([np.array([token], np.int32)])]
    }
    (end,) = {text for text in known.values() if STEP not in text}

    class Prm(AbstractProcessRewardModel):
        """The last step's score of each text, of which a cut one is closed as a step is."""

        def score(self, prompt_or_messages: Any, steps: list[str]) -> list[float]:
            texts = reader.codec.encode([each if each.endswith(end) else each + STEP for each in steps])
            (prompt,) = reader.codec.encode([prompt_or_messages])
            (scores,) = verifier.score([ScoreRequest(prompt, texts)])
            return [float(each[-1]) for each in scores]

        async def ascore(self, prompt_or_messages: Any, steps: list[str]) -> list[float]:
            return self.score(prompt_or_messages, steps)

    calls = {"policy_calls": 0}

    class Lm(OpenAICompatibleLanguageModel):
        async def agenerate(self, *given: Any, **named: Any) -> Any:
            calls["policy_calls"] += 1
            return await super().agenerate(*given, **named)

    (name, budget), limits = ask, choice.table.steps
    assert limits is not None
    step = StepGeneration(limits.max_rounds, STEP, end, temperature=limits.temperature or 1.0)
    search = beams.BeamSearch(step, Prm(), 4) if name == "beam search" else particles.ParticleFiltering(step, Prm())
    lm = Lm(f"{server}/v1", "none", MODEL)

    async def all_at_once() -> None:
        await asyncio.gather(*(search.ainfer(lm, problem, budget) for problem in problems))

    with Measure(server) as measure, warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # its own, at every call
        asyncio.run(all_at_once())
    return measure.found | calls | verifier.counts


if __name__ == "__main__":
    main()
