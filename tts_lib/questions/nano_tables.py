"""From the nano world to files: question tables, the pretraining corpus and the data card."""

from dataclasses import dataclass, fields
from pathlib import Path
from random import Random

import numpy as np
import pandas as pd

from tts_lib.common import rng, tables
from tts_lib.questions import nano, nano_steps


@dataclass(frozen=True)
class Recipe:
    """What a benchmark is made from: its world, its mixture of questions, and how many of each split.

    It is kept beside the questions, from which the world cannot be read.
    """

    seed: int
    n_maps: int
    n_values: int
    zipf_offset: float
    subjects: dict[str, float]  # relative frequency, in the order in which they are drawn from
    hops: list[float]
    sizes: dict[str, int]  # of each split, in the order in which they are drawn

    def world(self) -> nano.World:
        return nano.World.build(self.n_maps, self.n_values, self.zipf_offset, self.seed)

    def mixture(self) -> nano.Mixture:
        return nano.Mixture(self.subjects, self.hops)

    def questions(self) -> dict[str, list[nano.Question]]:
        """The questions of each split; no problem text occurs twice in all of them."""
        world, mixture, taken = self.world(), self.mixture(), set[str]()
        return {
            split: nano.draw_distinct(world, mixture, n, taken, _random("questions", self.seed, split))
            for split, n in self.sizes.items()
        }

    def by_id(self) -> dict[str, nano.Question]:
        """All questions in structured form."""
        return {question_id(split, i): q for split, part in self.questions().items() for i, q in enumerate(part)}

    def save(self, path: Path) -> None:
        """Write as JSON, whose records keep no order."""
        ordered = {"subjects": list(self.subjects.items()), "sizes": list(self.sizes.items())}
        tables.write_json(vars(self) | ordered, path)

    @classmethod
    def load(cls, path: Path) -> "Recipe":
        """What `save` wrote.

        Raises:
            TableError: the file is missing or damaged.
        """
        record = tables.read_json(path, [field.name for field in fields(cls)])
        return cls(**record | {"subjects": dict(record["subjects"]), "sizes": dict(record["sizes"])})


def question_id(split: str, i: int) -> str:
    return f"{split}-{i:05d}"


def right_steps(world: nano.World, questions: dict[str, nano.Question], solutions: pd.DataFrame) -> list[list[bool]]:
    """Whether each solution (question_id, text) is still right after each of its steps."""
    return [
        nano_steps.right_so_far(world, questions[q], text)
        for q, text in zip(solutions["question_id"], solutions["text"], strict=True)
    ]


def _random(*parts: str | int) -> Random:
    return Random(int(rng.derive_seed(*parts)))


def question_table(world: nano.World, split: str, questions: list[nano.Question]) -> pd.DataFrame:
    """The questions of a split as the table every later stage reads."""
    return pd.DataFrame(
        {
            "question_id": question_id(split, i),
            "problem": q.problem,
            "statement": q.statement,
            "solution": nano.attempt(world, q, nano.PERFECT, Random(0)),
            "answer": nano.answer(world, q),
            "subject": q.subject,
            "level": q.level,
        }
        for i, q in enumerate(questions)
    )


def guess_rate(world: nano.World, questions: pd.DataFrame) -> float:
    """Mean chance that an answer of the right form, drawn uniformly, is right."""
    n_possible = [
        nano.ROUTE_MAPS ** len(answer) if subject == "route" else world.n_values
        for subject, answer in zip(questions["subject"], questions["answer"], strict=True)
    ]
    return float(np.mean(1 / np.array(n_possible)))


def data_card(world: nano.World, mixture: nano.Mixture, noise: nano.Noise, metrics: dict, splits: dict) -> str:
    """The data card in Markdown: what the benchmark is, how it was drawn, what it must not be used for."""
    sizes = ", ".join(f"{len(frame):,} {split}" for split, frame in splits.items())
    example = splits["test"].groupby("subject").first()
    shown = "\n".join(
        f"- **{subject}**: {row.statement}\n\n```\n{row.problem}{row.solution}\n```"
        for subject, row in example.iterrows()
    )
    return f"""# Data card: the nano benchmark

Procedural questions about {len(world.forward)} secret permutations ("maps") of {world.n_values} values, with worked
steps that can be checked exactly. Made by `tts_lib/nano.py` from the study's seed; no outside data.

- Questions: {sizes}. No problem text occurs in two splits or in the corpus; single facts do.
- Subjects, by weight: {mixture.subjects}. Facts to use (1, 2, ...), by weight: {mixture.hops}.
- Maps are met with frequency 1/(rank + offset), so some facts are common knowledge and some are rare.
- Corpus: {metrics["n_tokens"]:,} tokens in {metrics["n_texts"]:,} texts. Its solutions err on purpose:
  {noise.wrong_guess:.0%} of guesses are random, refuted guesses are tried again in {noise.retry:.0%} of cases and
  carried on with otherwise, {noise.astray:.0%} of routes go astray. What a line states is always true.
- An answer of the right form drawn at random is right in {metrics["guess_rate"]:.1%} of questions.
- Grading is exact comparison of what follows `=` on the last line.
- Not for: judging models trained elsewhere. The facts exist only in this corpus.

{shown}
"""
