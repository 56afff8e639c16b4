"""Problems about the world: drawn at random, none twice, each with its one right answer."""

from dataclasses import dataclass
from random import Random

import numpy as np

from tts_lib.common import rng
from tts_lib.common.errors import StudyError
from tts_lib.questions.nano.world import World, names

ROUTE_MAPS = 4  # maps a route may choose from
MAX_DRAWS = 1000  # draws in vain before the world counts as too small


@dataclass(frozen=True)
class Question:
    """One problem in structured form.

    `forward_maps` are applied to `start` first, `inverse_maps` are then undone; a route has `choices`
    to go from `start` to `goal`, and `forward_maps` is its one right sequence.
    """

    subject: str  # chain, inverse, bridge or route
    start: int
    forward_maps: list[int]
    inverse_maps: list[int]
    choices: list[int]
    goal: int

    @property
    def level(self) -> int:
        """1-5: facts the shortest solution states."""
        return min(len(self.forward_maps) + len(self.inverse_maps), 5)

    @property
    def problem(self) -> str:
        """The problem in the language of the world, a line."""
        start, goal = f"{self.start:02d}", f"{self.goal:02d}"
        forward, inverse = names(self.forward_maps), names(self.inverse_maps)
        return {
            "chain": f"{start}{forward}=?\n",
            "inverse": f"?{inverse}={start}\n",
            "bridge": f"?{inverse}={start}{forward}\n",
            "route": f"{start}~{goal}:{names(self.choices)}{len(self.forward_maps)}\n",
        }[self.subject]

    @property
    def statement(self) -> str:
        """The problem in words."""
        start, goal, n = f"{self.start:02d}", f"{self.goal:02d}", len(self.forward_maps)
        forward, inverse = ", then ".join(names(self.forward_maps)), ", then ".join(names(self.inverse_maps))
        return {
            "chain": f"Apply {forward} to {start}. Which value results?",
            "inverse": f"Which value becomes {start} by {inverse}?",
            "bridge": f"Which value becomes, by {inverse}, the same as {start} by {forward}?",
            "route": f"Go from {start} to {goal} in {n} steps using only {', '.join(names(self.choices))}. Which maps?",
        }[self.subject]


def answer(world: World, question: Question) -> str:
    """The gold: two digits, or the letters of a route's maps."""
    if question.subject == "route":
        return names(question.forward_maps)
    return f"{world.undo(question.inverse_maps, question.goal):02d}"


def draw_question(
    world: World, subject: str, n_hops: int, random: Random, asked: list[list[float]] | None = None
) -> Question:
    """A random question of `n_hops` facts; a bridge spends one or two of them forward, a route has two or three.

    Args:
        asked: asked[y][f] is how often undoing map f is asked for at value y, relative to others (`unequal_facts`).
            Without it every value is asked for as often, and every map as often as it is met.
    """
    start = random.randrange(world.n_values)
    if subject == "route":
        return _draw_route(world, start, max(2, min(n_hops, 3)), random)
    maps = world.draw_maps(n_hops, random)
    n_forward = {"chain": n_hops, "inverse": 0, "bridge": min(random.randint(1, 2), n_hops - 1)}[subject]
    forward, inverse = maps[:n_forward], maps[n_forward:]
    if asked and inverse:
        if not forward:
            (start,) = random.choices(range(world.n_values), [sum(weights) for weights in asked])
        inverse = _draw_undone(world, asked, world.apply(forward, start), len(inverse), random)
    return Question(subject, start, forward, inverse, [], world.apply(forward, start))


def unequal_facts(world: World, octaves: float, seed: int) -> list[list[float]]:
    """How often undoing each map at each value is asked for: log-uniform, from 1 down to 2**-octaves.

    With all maps and values alike, what is needed to undo one fact is learned early, from the frequent facts, and the
    facts one after another; were maps unequal, each would be learned as a whole, and accuracy would rise in steps
    (LOG.md).
    """
    n_maps = len(world.forward)
    rank = rng.generator("facts", seed).permutation(n_maps * world.n_values).reshape(world.n_values, n_maps)
    return (np.array(world.frequency) * 2 ** (-octaves * rank / rank.size)).tolist()


def _draw_undone(world: World, asked: list[list[float]], y: int, n: int, random: Random) -> list[int]:
    """`n` maps to undo from y on, drawn in that order by what is asked for, listed as they are applied."""
    maps: list[int] = []
    for _ in range(n):
        (f,) = random.choices(range(len(world.forward)), asked[y])
        maps.append(f)
        y = world.backward[f][y]
    return maps[::-1]


def _draw_route(world: World, start: int, n_steps: int, random: Random) -> Question:
    """Redraws until exactly one of the possible sequences reaches the goal.

    Raises:
        StudyError: the world is too small for such a route.
    """
    for _ in range(MAX_DRAWS):
        choices = sorted(set(world.draw_maps(2 * ROUTE_MAPS, random)))[:ROUTE_MAPS]
        sequence = random.choices(choices, k=n_steps)
        goal, reached = world.apply(sequence, start), [start]
        for _ in range(n_steps):
            reached = [world.forward[f][x] for f in choices for x in reached]
        if len(choices) == ROUTE_MAPS and reached.count(goal) == 1:
            return Question("route", start, sequence, [], choices, goal)
    raise StudyError(
        f"params.yaml, problems: no route of {n_steps} steps has one solution among {len(world.forward)} maps of "
        f"{world.n_values} values; raise n_maps or n_values, or give route the weight 0"
    )


@dataclass(frozen=True)
class Mixture:
    """How often each subject and each number of hops (1, 2, ...) is drawn: relative weights.

    asked: see `draw_question`.
    """

    subjects: dict[str, float]
    hops: list[float]
    asked: list[list[float]] | None = None

    def draw(self, world: World, random: Random) -> Question:
        (subject,) = random.choices(list(self.subjects), list(self.subjects.values()))
        (n_hops,) = random.choices(range(1, len(self.hops) + 1), self.hops)
        return draw_question(world, subject, n_hops + (subject == "bridge"), random, self.asked)


def draw_distinct(world: World, mixture: Mixture, n: int, taken: set[str], random: Random) -> list[Question]:
    """`n` questions whose problem texts are neither in `taken` nor repeated; `taken` gains them.

    Raises:
        StudyError: nothing new came in a thousand draws: the world has too few such problems.
    """
    questions: list[Question] = []
    n_in_vain = 0
    while len(questions) < n:
        question = mixture.draw(world, random)
        n_in_vain += 1
        if question.problem not in taken:
            taken.add(question.problem)
            questions.append(question)
            n_in_vain = 0
        if n_in_vain == MAX_DRAWS:
            raise StudyError(
                f"params.yaml, problems: only {len(questions)} of {n} different questions could be drawn from "
                f"{len(world.forward)} maps of {world.n_values} values; ask for fewer, or raise n_maps or n_values"
            )
    return questions
