"""Which steps of a solution to a nano problem are right: exact, for measuring verifiers."""

import re

from tts_lib.grading.exact import read_answer
from tts_lib.questions.nano import HIT, MAP_NAMES, NEWLINE, Question, World, answer, mark

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
    right_task = line[1] == f"{goal:02d}" and line[2] == MAP_NAMES[f].upper() and line[4] == MAP_NAMES[f]
    true_image = guess < world.n_values and world.forward[f][guess] == image
    return right_task and true_image and line[6] == mark(image, goal)
