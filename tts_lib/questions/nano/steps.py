"""Which steps of a solution to a nano problem are right: exactly, for measuring verifiers, and by its own account."""

import re
from typing import NamedTuple

from tts_lib.grading.exact import read_answer
from tts_lib.questions.nano.questions import Question, answer
from tts_lib.questions.nano.world import HIT, MAP_NAMES, NEWLINE, World, mark

FORWARD_LINE = re.compile(r"(\d\d)([a-z])(\d\d)((?:[.>][.<])?)")
INVERSE_LINE = re.compile(r"(\d\d)([A-Z])(\d\d)([a-z])(\d\d)([.>][.<])")


def right_so_far(world: World, question: Question, text: str) -> list[bool]:
    """Whether a solution is still on a right path after each of its lines.

    It leaves it with the first line that states something untrue, uses another map or value than the problem
    asks for next, or goes on from a guess that its own check refuted; a refuted guess that the next line
    tries again is no error. The verdict on the last line is whether its answer is right.
    """
    *lines, last = text.split(NEWLINE)
    forward, inverse = list(question.forward_maps), list(reversed(question.inverse_maps))
    verdicts, x, on_path = [], question.start, True
    for i, line in enumerate(lines):
        if forward:
            f = forward.pop(0)
            is_last_of_route = question.subject == "route" and not forward
            on_path = on_path and line == _true_line(world, f, x) + (HIT if is_last_of_route else "")
            x = int(line[3:5]) if on_path else x
        else:
            guess = INVERSE_LINE.fullmatch(line)
            on_path = on_path and bool(inverse) and guess is not None and _is_true_check(world, inverse[0], x, guess)
            if on_path and guess is not None and guess[6] == HIT:
                x = int(guess[3])
                inverse.pop(0)
            elif on_path and guess is not None:
                following = INVERSE_LINE.fullmatch(lines[i + 1]) if i + 1 < len(lines) else None
                on_path = following is not None and following.group(1, 2) == guess.group(1, 2)
        verdicts.append(on_path)
    return [*verdicts, read_answer(last) == answer(world, question)]


def _true_line(world: World, f: int, x: int) -> str:
    return f"{x:02d}{MAP_NAMES[f]}{world.forward[f][x]:02d}"


def _is_true_check(world: World, f: int, goal: int, line: re.Match[str]) -> bool:
    """Whether a guess-and-check line is about undoing f at `goal` and what it finds is true."""
    guess, image = int(line[3]), int(line[5])
    true_image = guess < world.n_values and world.forward[f][guess] == image
    return _is_about(f, goal, line) and true_image and line[6] == mark(image, goal)


def _is_about(f: int, goal: int, line: re.Match[str]) -> bool:
    return line[1] == f"{goal:02d}" and line[2] == MAP_NAMES[f].upper() and line[4] == MAP_NAMES[f]


class Check(NamedTuple):
    """What a solution writes of a wrong guess: whether the image is true, and whether the mark says that it hits."""

    f: int
    true_image: bool
    called_hit: bool


def checks_of_wrong_guesses(world: World, text: str) -> list[Check]:
    """One for each line that undoes a map by a guess that does not."""
    found: list[Check] = []
    for line in filter(None, map(INVERSE_LINE.fullmatch, text.split(NEWLINE))):
        f, goal, guess = MAP_NAMES.index(line[4]), int(line[1]), int(line[3])
        if line[2] == line[4].upper() and f < len(world.forward) and guess < world.n_values:
            image = world.forward[f][guess]
            if image != goal:
                found.append(Check(f, int(line[5]) == image, line[6] == HIT))
    return found


def reads_right(question: Question, text: str) -> bool:
    """Whether a solution is right if every line of it is true: what can be seen without knowing any map.

    It uses the maps and values that the problem asks for, carries no refuted guess on, and answers with what it found.
    """
    *lines, last = text.split(NEWLINE)
    x, route = question.start, question.subject == "route"
    for i, f in enumerate(question.forward_maps):
        line = FORWARD_LINE.fullmatch(lines[i]) if i < len(lines) else None
        ending = HIT if route and i == len(question.forward_maps) - 1 else ""
        if line is None or line[1] != f"{x:02d}" or (line[2] != MAP_NAMES[f] and not route) or line[4] != ending:
            return False
        x = int(line[3])
    inverse = list(question.inverse_maps)
    for line in lines[len(question.forward_maps) :]:
        guess = INVERSE_LINE.fullmatch(line)
        if guess is None or not inverse or not _is_about(inverse[-1], x, guess):
            return False
        if guess[6] == HIT:
            x = int(guess[3])
            inverse.pop()
    if route:
        return read_answer(last) == "".join(line[2] for line in lines)
    return not inverse and read_answer(last) == f"{x:02d}"
