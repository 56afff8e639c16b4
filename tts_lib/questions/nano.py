"""The nano benchmark: problems about a small world of secret maps, with worked steps.

The world is a handful of maps (`a`, `b`, ...), each a fixed random permutation of the values 00, 01, ....
A model can know that a takes 07 to 31 only by having read `07a31`, and that 31 undone by a is 07 only by
having read `31A07`; maps differ in how often they are met (frequency 1/(rank + offset)), so facts are
learned one after another. Four subjects ask for different uses of the same facts:

    chain    `17km=?`       apply k, then m, to 17.
    inverse  `?km=17`       which value becomes 17 by k, then m?
    bridge   `?k=17mq`      which value does k take to where m, then q, take 17?
    route    `17~40:bkms3`  from 17 to 40 in three steps with the maps listed: which ones, in order?

A line of a solution applies a map (`17k05`) or undoes one by guess and check: `26J19j24.<` undoes j at 26
with the guess 19, finds that j takes 19 to 24, and marks whether that is above (`>`, else `.`) and then
whether it is below (`<`, else `.`) the value wanted, so that `..` is a hit. Two thresholds are learned
by models that do not learn, from as many tokens, to tell two values apart (LOG.md). The last line of a
route is marked in the same way against the goal. A solution ends with `=` and the answer.

In the pretraining corpus (`attempt`) some guesses are wrong, are seen to be wrong, and are tried again or
carried on with, and some routes end elsewhere; what a line states is always true. Questions of the
benchmark carry the error-free solution.
"""

import string
from collections.abc import Iterator
from dataclasses import dataclass, replace
from random import Random

import numpy as np

from tts_lib.common import rng
from tts_lib.common.errors import StudyError

SUBJECTS = ("chain", "inverse", "bridge", "route")
NEWLINE, END = "\n", "$"
HIT, BELOW, ABOVE = "..", ".<", ">."
SPECIALS = ("_", END, NEWLINE, "=", "?", "~", ":", ".", "<", ">", *string.digits)  # "_" pads
MAP_NAMES = string.ascii_lowercase
ROUTE_MAPS = 4  # maps a route may choose from
NEAR = 5  # values that a near miss is away, at most
MAX_DRAWS = 1000  # draws in vain before the world counts as too small


@dataclass(frozen=True)
class World:
    """forward[f][x] is where map f takes value x; backward is its inverse; frequency[f] sums to 1."""

    forward: list[list[int]]
    backward: list[list[int]]
    frequency: list[float]

    @classmethod
    def build(cls, n_maps: int, n_values: int, zipf_offset: float, seed: int) -> "World":
        generator = rng.generator("world", seed)
        forward = np.stack([generator.permutation(n_values) for _ in range(n_maps)])
        weight = 1 / (np.arange(n_maps) + zipf_offset)
        return cls(forward.tolist(), np.argsort(forward, axis=1).tolist(), (weight / weight.sum()).tolist())

    @property
    def n_values(self) -> int:
        return len(self.forward[0])

    @property
    def vocabulary(self) -> list[str]:
        """Every token of the language; a value, a map and the undoing of a map are one token each."""
        maps = MAP_NAMES[: len(self.forward)]
        return [*SPECIALS, *maps, *maps.upper(), *(f"{x:02d}" for x in range(self.n_values))]

    def draw_maps(self, n: int, random: Random) -> list[int]:
        return random.choices(range(len(self.frequency)), self.frequency, k=n)

    def apply(self, maps: list[int], x: int) -> int:
        for f in maps:
            x = self.forward[f][x]
        return x

    def undo(self, maps: list[int], y: int) -> int:
        for f in reversed(maps):
            y = self.backward[f][y]
        return y


@dataclass(frozen=True)
class Noise:
    """How worked solutions err, as probabilities.

    wrong_guess: a guess is drawn at random; retry: a refuted guess is tried again, and not carried on with;
    astray: a route takes random maps from some step on. Who is `careless` draws every guess at random and tries none
    again once a refuted one was carried on with: no fact is then stated because a solution went astray.
    """

    wrong_guess: float
    retry: float
    astray: float
    careless: bool = False


PERFECT = Noise(0.0, 0.0, 0.0)


@dataclass(frozen=True)
class Question:
    """One problem in structured form.

    `forward_maps` are applied to `start` first, `inverse_maps` are then undone; a route has `choices`
    to go from `start` to `goal`, and `forward_maps` is its one right sequence.
    """

    subject: str
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


def names(maps: list[int]) -> str:
    return "".join(MAP_NAMES[f] for f in maps)


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


def answer(world: World, question: Question) -> str:
    if question.subject == "route":
        return names(question.forward_maps)
    return f"{world.undo(question.inverse_maps, question.goal):02d}"


def attempt(world: World, question: Question, noise: Noise, random: Random) -> str:
    """A worked solution that errs as `noise` says; with PERFECT, the right one."""
    sequence = question.forward_maps
    if question.subject == "route" and random.random() < noise.astray:
        turn = random.randrange(len(sequence))
        sequence = sequence[:turn] + random.choices(question.choices, k=len(sequence) - turn)
    lines: list[str] = []
    x = question.start
    for f in sequence:
        y = world.forward[f][x]
        lines.append(f"{x:02d}{MAP_NAMES[f]}{y:02d}")
        x = y
    if question.subject == "route":
        lines[-1] += mark(x, question.goal)
    for f in reversed(question.inverse_maps):
        goal, x = x, _undo_by_guessing(world, f, x, noise, random, lines)
        if noise.careless and world.forward[f][x] != goal:
            noise = replace(noise, wrong_guess=1.0, retry=0.0)
    final = names(sequence) if question.subject == "route" else f"{x:02d}"
    return NEWLINE.join([*lines, f"={final}{END}"])


def mark(found: int, wanted: int) -> str:
    """How a check ends."""
    return HIT if found == wanted else BELOW if found < wanted else ABOVE


def _undo_by_guessing(world: World, f: int, goal: int, noise: Noise, random: Random, lines: list[str]) -> int:
    """Adds a line for each guess of the value that f takes to `goal`; returns the guess carried on with."""
    name = MAP_NAMES[f]
    while True:
        wrong = random.random() < noise.wrong_guess
        guess = random.randrange(world.n_values) if wrong else world.backward[f][goal]
        image = world.forward[f][guess]
        lines.append(f"{goal:02d}{name.upper()}{guess:02d}{name}{image:02d}{mark(image, goal)}")
        if image == goal or random.random() >= noise.retry:
            return guess


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


def draw_check(world: World, random: Random) -> tuple[str, str]:
    """A check alone: `26J19j`, to go on with `24.<`, where 19 hits, nearly hits or is any value, in a third each.

    The guess stands in the problem, from which nothing is learned, so that near misses can be frequent without being
    taken for good guesses.
    """
    f, goal = random.randrange(len(world.forward)), random.randrange(world.n_values)
    near = min(max(goal + random.choice((-1, 1)) * random.randint(1, NEAR), 0), world.n_values - 1)
    image = random.choice((goal, near, random.randrange(world.n_values)))
    name = MAP_NAMES[f]
    problem = f"{goal:02d}{name.upper()}{world.backward[f][image]:02d}{name}"
    return problem, f"{image:02d}{mark(image, goal)}{END}"


def corpus(
    world: World, mixture: Mixture, noise: Noise, taken: set[str], random: Random, checks: float = 0.0
) -> Iterator[tuple[str, str]]:
    """Endless (problem, solution) texts for pretraining, none about a problem in `taken`.

    Args:
        checks: share of the texts that are a check alone.
    """
    while True:
        if checks and random.random() < checks:
            yield draw_check(world, random)
            continue
        question = mixture.draw(world, random)
        if question.problem not in taken:
            yield question.problem, attempt(world, question, noise, random)
