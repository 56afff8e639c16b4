"""From the nano world to files: question tables, the pretraining corpus and the data card."""

from random import Random

import numpy as np
import pandas as pd

from tts_lib.common import rng
from tts_lib.questions import nano, nano_steps


def draw_questions(
    world: nano.World, mixture: nano.Mixture, sizes: dict[str, int], seed: int
) -> dict[str, list[nano.Question]]:
    """The questions of each split, drawn in the order given; no problem text occurs twice in all of them."""
    taken: set[str] = set()
    return {
        split: nano.draw_distinct(world, mixture, n, taken, _random("questions", seed, split))
        for split, n in sizes.items()
    }


def rebuild(
    n_maps: int,
    n_values: int,
    zipf_offset: float,
    subjects: dict[str, float],
    hops: list[float],
    n_test: int,
    n_val: int,
    n_train: int,
    seed: int,
) -> tuple[nano.World, dict[str, nano.Question]]:
    """The world and all its questions in structured form by question_id, from the study's `problems` settings."""
    world = nano.World.build(n_maps, n_values, zipf_offset, seed)
    sizes = {"test": n_test, "val": n_val, "train": n_train}
    drawn = draw_questions(world, nano.Mixture(subjects, hops), sizes, seed)
    return world, {question_id(split, i): q for split, questions in drawn.items() for i, q in enumerate(questions)}


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
