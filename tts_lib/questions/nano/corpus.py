"""Worked solutions, and the texts for pretraining.

In these some guesses are wrong, are seen to be wrong, and are tried again or carried on with, and some routes end
elsewhere; what a line states is always true. Questions of the benchmark carry the error-free solution.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from random import Random

from tts_lib.questions.nano.questions import Mixture, Question
from tts_lib.questions.nano.world import END, MAP_NAMES, NEWLINE, World, mark, names

NEAR = 5  # values that a near miss is away, at most


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


def pretraining_texts(
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
