"""From the nano world to files: question tables, the pretraining corpus and the data card."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from random import Random

import numpy as np
import pandas as pd

from tts_lib.common import rng, tables
from tts_lib.common.errors import StudyError
from tts_lib.questions.nano.corpus import PERFECT, Noise, attempt
from tts_lib.questions.nano.questions import ROUTE_MAPS, Mixture, Question, answer, draw_distinct, unequal_facts
from tts_lib.questions.nano.steps import checks_of_wrong_guesses, reads_right, right_so_far
from tts_lib.questions.nano.world import MAP_NAMES, World


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
    fact_octaves: float = 0.0  # see `unequal_facts`; 0: all facts of a map are asked for as often

    def world(self) -> World:
        return World.build(self.n_maps, self.n_values, self.zipf_offset, self.seed)

    def mixture(self) -> Mixture:
        """Of the questions."""
        return self._mixture(self.subjects, self.hops, self.fact_octaves)

    def corpus_mixture(
        self, subjects: Mapping[str, float] | None, hops: list[float] | None, fact_octaves: float
    ) -> Mixture:
        """Of the corpus: the same facts are frequent as in the questions, by octaves of its own; None: as there."""
        return self._mixture(subjects or self.subjects, hops or self.hops, fact_octaves)

    def _mixture(self, subjects: Mapping[str, float], hops: list[float], fact_octaves: float) -> Mixture:
        asked = unequal_facts(self.world(), fact_octaves, self.seed) if fact_octaves else None
        return Mixture(dict(subjects), hops, asked)

    def questions(self) -> dict[str, list[Question]]:
        """The questions of each split; no problem text occurs twice in all of them."""
        world, mixture, taken = self.world(), self.mixture(), set[str]()
        return {
            split: draw_distinct(world, mixture, n, taken, _random("questions", self.seed, split))
            for split, n in self.sizes.items()
        }

    def further(self, name: str, n: int) -> pd.DataFrame:
        """A further set of questions, drawn as the splits are (`question_table`), all of them different.

        Others may share problems with it, and so may the splits and the corpus: kept apart, it would hold fewer of the
        short problems, of which there are few, than they do.
        """
        world = self.world()
        drawn = draw_distinct(world, self.mixture(), n, set(), _random("questions", self.seed, name))
        return question_table(world, name, drawn)

    def by_id(self) -> dict[str, Question]:
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


def right_steps(world: World, questions: dict[str, Question], solutions: pd.DataFrame) -> list[list[bool]]:
    """Whether each solution (question_id, text) is still right after each of its steps."""
    return [
        right_so_far(world, questions[q], text)
        for q, text in zip(solutions["question_id"], solutions["text"], strict=True)
    ]


def right_and_read(
    world: World, questions: dict[str, Question], solutions: pd.DataFrame
) -> tuple[np.ndarray, np.ndarray]:
    """Which solutions (question_id, text) are right with every step right, and which read right; bool (solution,) each.

    The first leaves out answers that were hit by chance; the second is a verifier without a model, which believes what
    the steps say (`reads_right`).
    """
    texts = zip(solutions["question_id"], solutions["text"], strict=True)
    reads = np.array([reads_right(questions[q], text) for q, text in texts], bool)
    steps = right_steps(world, questions, solutions)
    return reads & np.array([all(each) for each in steps], bool), reads


def honesty(world: World, texts: Iterable[str]) -> pd.DataFrame:
    """How a model writes what wrong guesses lead to, map by map and for `all`.

    Returns a table map, wrong_guesses, untrue_images (share whose image is not what the map takes the guess to) and
    misses_as_hits (share marked as a hit); NaN where no guess was wrong.
    """
    checks = [check for text in texts for check in checks_of_wrong_guesses(world, text)]
    found = np.array(checks, int).reshape(-1, 3)
    names = [*MAP_NAMES[: len(world.forward)], "all"]
    rows = [*(found[found[:, 0] == f] for f in range(len(world.forward))), found]
    return pd.DataFrame(
        {
            "map": name,
            "wrong_guesses": len(part),
            "untrue_images": (part[:, 1] == 0).mean() if len(part) else np.nan,
            "misses_as_hits": part[:, 2].mean() if len(part) else np.nan,
        }
        for name, part in zip(names, rows, strict=True)
    )


def check_honest(found: pd.DataFrame, most: float) -> None:
    """Refuse a model whose checks say nothing: no verifier could learn from its steps.

    Args:
        found: of `honesty`.
        most: share of wrong guesses that may have an untrue image, and that may be marked as hits.

    Raises:
        StudyError: more of them do.
    """
    overall = found.set_index("map").loc["all"]
    for column, what in (("untrue_images", "an untrue image"), ("misses_as_hits", "the mark of a hit")):
        if overall[column] > most:
            raise StudyError(
                f"after {overall[column]:.2%} of its {overall['wrong_guesses']:,.0f} wrong guesses the model writes "
                f"{what}, where pretrain.dishonest allows {most:.2%}; raise corpus.tokens or corpus.checks"
            )


def _random(*parts: str | int) -> Random:
    return Random(int(rng.derive_seed(*parts)))


def question_table(world: World, split: str, questions: list[Question]) -> pd.DataFrame:
    """The questions of a split as the table every later stage reads."""
    return pd.DataFrame(
        {
            "question_id": question_id(split, i),
            "problem": q.problem,
            "statement": q.statement,
            "solution": attempt(world, q, PERFECT, Random(0)),
            "answer": answer(world, q),
            "subject": q.subject,
            "level": q.level,
        }
        for i, q in enumerate(questions)
    )


def guess_rate(world: World, questions: pd.DataFrame) -> float:
    """Mean chance that an answer of the right form, drawn uniformly, is right."""
    n_possible = [
        ROUTE_MAPS ** len(gold) if subject == "route" else world.n_values
        for subject, gold in zip(questions["subject"], questions["answer"], strict=True)
    ]
    return float(np.mean(1 / np.array(n_possible)))


def data_card(world: World, mixture: Mixture, read: Mixture, noise: Noise, metrics: dict, splits: dict) -> str:
    """The data card in Markdown: what the benchmark is, how it was drawn, what it must not be used for.

    Args:
        mixture, read: of the questions, and of the corpus.
    """
    sizes = ", ".join(f"{len(frame):,} {split}" for split, frame in splits.items())
    example = splits["test"].groupby("subject").first()
    shown = "\n".join(
        f"- **{subject}**: {row.statement}\n\n```\n{row.problem}{row.solution}\n```"
        for subject, row in example.iterrows()
    )
    of_its_own = [
        f"- Of the corpus, subjects by weight: {read.subjects}; facts to use: {read.hops}." if read != mixture else "",
        "- Inverse facts are asked for unequally, and more so in the corpus." if read.asked != mixture.asked else "",
        "- Who carries a refuted guess on only guesses from there." if noise.careless else "",
        f"- {metrics['checks']:.0%} of the texts are a check alone." if metrics.get("checks") else "",
    ]
    of_corpus = "".join(f"{line}\n" for line in of_its_own if line)
    return f"""# Data card: the nano benchmark

Procedural questions about {len(world.forward)} secret permutations ("maps") of {world.n_values} values, with worked
steps that can be checked exactly. Made by `tts_lib/questions/nano` from the study's seed; no outside data.

- Questions: {sizes}. No problem text occurs in two splits or in the corpus; single facts do.
- Subjects, by weight: {mixture.subjects}. Facts to use (1, 2, ...), by weight: {mixture.hops}.
- Maps are met with frequency 1/(rank + offset), so some facts are common knowledge and some are rare.
- Corpus: {metrics["n_tokens"]:,} tokens in {metrics["n_texts"]:,} texts. Its solutions err on purpose:
  {noise.wrong_guess:.0%} of guesses are random, refuted guesses are tried again in {noise.retry:.0%} of cases and
  carried on with otherwise, {noise.astray:.0%} of routes go astray. What a line states is always true.
{of_corpus}- An answer of the right form drawn at random is right in {metrics["guess_rate"]:.1%} of questions.
- Grading is exact comparison of what follows `=` on the last line.
- Not for: judging models trained elsewhere. The facts exist only in this corpus.

{shown}
"""
