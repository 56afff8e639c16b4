import dataclasses
import hashlib
from itertools import islice, product
from random import Random
from typing import get_args

import numpy as np
import pytest

from helpers.scripted_policy import CODEC, WORLD
from tts_lib.common.errors import StudyError
from tts_lib.grading import exact
from tts_lib.grading.exact import grade
from tts_lib.grading.verdicts import CORRECT, NO_ANSWER, WRONG
from tts_lib.questions.nano.corpus import NEAR, PERFECT, Noise, attempt, draw_check, pretraining_texts
from tts_lib.questions.nano.questions import (
    ROUTE_MAPS,
    Mixture,
    Question,
    answer,
    draw_distinct,
    draw_question,
    unequal_facts,
)
from tts_lib.questions.nano.steps import INVERSE_LINE, checks_of_wrong_guesses, reads_right, right_so_far
from tts_lib.questions.nano.world import BELOW, HIT, MAP_NAMES, SPECIALS, World, mark, names
from tts_lib.study.config.fields import Subject

SUBJECTS = get_args(Subject)
NOISY = Noise(wrong_guess=0.4, retry=0.5, astray=0.5)
MIXTURE = Mixture({"chain": 0.1, "inverse": 0.5, "bridge": 0.2, "route": 0.2}, [0.25, 0.25, 0.25, 0.25])
CHAIN = Question("chain", 3, [0, 1, 2], [], [], WORLD.apply([0, 1, 2], 3))
INVERSE = Question("inverse", 7, [], [0, 1], [], 7)
GUESS = next(x for x in range(WORLD.n_values) if x not in (7, WORLD.backward[1][7]))  # wrong for undoing b at 7


def questions(subject: str, n: int = 100) -> list[Question]:
    random = Random(f"{subject}")
    least = 2 if subject == "bridge" else 1
    return [draw_question(WORLD, subject, random.randint(least, 4), random) for _ in range(n)]


def solve(question: Question, noise: Noise = PERFECT, seed: int = 0) -> str:
    return attempt(WORLD, question, noise, Random(seed))


def first_wrong(question: Question, lines: list[str]) -> int:
    return right_so_far(WORLD, question, "\n".join(lines)).index(False)


def undo_line(f: int, goal: int, guess: int) -> str:
    image = WORLD.forward[f][guess]
    name = MAP_NAMES[f]
    return f"{goal:02d}{name.upper()}{guess:02d}{name}{image:02d}{mark(image, goal)}"


# --- the world


def test_the_world_comes_from_its_seed_and_backward_undoes_forward():
    assert World.build(8, 20, 1.0, seed=0) == WORLD != World.build(8, 20, 1.0, seed=1)
    for forward, backward in zip(WORLD.forward, WORLD.backward, strict=True):
        assert [backward[y] for y in forward] == list(range(20)) == sorted(forward)
    for x in range(20):
        assert WORLD.undo([0, 3, 3, 5], WORLD.apply([0, 3, 3, 5], x)) == x


def test_common_maps_are_drawn_more_often():
    assert sum(WORLD.frequency) == pytest.approx(1)
    np.testing.assert_allclose(np.array(WORLD.frequency) / WORLD.frequency[0], 1 / np.arange(1, 9))
    drawn = np.bincount(WORLD.draw_maps(20_000, Random(0)), minlength=8) / 20_000
    np.testing.assert_allclose(drawn, WORLD.frequency, atol=0.015)


# --- worked solutions


@pytest.mark.parametrize("subject", SUBJECTS)
def test_a_perfect_attempt_is_right_at_every_line(subject):
    for question in questions(subject):
        text = solve(question)
        gold = answer(WORLD, question)
        assert grade(text, gold) == (gold, CORRECT)
        assert right_so_far(WORLD, question, text) == [True] * (text.count("\n") + 1)


@pytest.mark.parametrize("subject", ["inverse", "bridge", "route"])
def test_noise_makes_some_solutions_wrong(subject):
    verdicts = [
        grade(solve(question, NOISY, seed), answer(WORLD, question))[1]
        for seed, question in enumerate(questions(subject, 200))
    ]
    assert set(verdicts) == {CORRECT, WRONG} and 30 < verdicts.count(WRONG) < 170


def test_a_chain_has_nothing_to_err_about():
    for question in questions("chain"):
        assert solve(question, NOISY) == solve(question)


@pytest.mark.parametrize("subject", SUBJECTS)
def test_a_solution_is_right_exactly_if_its_last_line_is(subject):
    for seed, question in enumerate(questions(subject, 200)):
        text = solve(question, NOISY, seed)
        *lines, last = right_so_far(WORLD, question, text)
        assert last == (grade(text, answer(WORLD, question))[1] == CORRECT)
        assert lines == sorted(lines, reverse=True)  # once off the path, always off it
        if not last:
            assert False in lines


def test_a_mark_says_which_side_the_found_value_is_on():
    assert [mark(x, 7) for x in (6, 7, 8)] == [".<", "..", ">."]


def test_attempts_come_from_their_generator():
    for question in questions("inverse", 20):
        assert solve(question, NOISY, 5) == solve(question, NOISY, 5)
    assert len({solve(INVERSE, NOISY, seed) for seed in range(50)}) > 10


# --- the first wrong line


def test_a_false_statement_is_found_where_it_stands():
    lines = solve(CHAIN).split("\n")
    for i in range(3):
        other = (int(lines[i][3:]) + 1) % WORLD.n_values
        assert first_wrong(CHAIN, [*lines[:i], f"{lines[i][:3]}{other:02d}", *lines[i + 1 :]]) == i


def test_a_true_statement_about_another_value_is_wrong():
    lines = solve(CHAIN).split("\n")
    other = (int(lines[1][:2]) + 1) % WORLD.n_values
    lines[1] = f"{other:02d}b{WORLD.forward[1][other]:02d}"
    assert right_so_far(WORLD, CHAIN, "\n".join(lines)) == [True, False, False, True]


def test_a_skipped_map_is_found():
    lines = solve(CHAIN).split("\n")
    assert first_wrong(CHAIN, [lines[0], *lines[2:]]) == 1
    assert first_wrong(CHAIN, lines[1:]) == 0
    undone = solve(INVERSE).split("\n")
    assert first_wrong(INVERSE, undone[1:]) == 0


def test_a_line_too_many_is_found():
    lines = solve(CHAIN).split("\n")
    x = int(lines[2][3:])
    assert first_wrong(CHAIN, [*lines[:3], f"{x:02d}d{WORLD.forward[3][x]:02d}", lines[3]]) == 3


def test_carrying_on_with_a_refuted_guess_is_found_at_the_guess():
    lines = [undo_line(1, 7, GUESS), undo_line(0, GUESS, WORLD.backward[0][GUESS])]
    lines.append(f"={WORLD.backward[0][GUESS]:02d}$")
    assert not lines[0].endswith(HIT) and lines[1].endswith(HIT)
    assert right_so_far(WORLD, INVERSE, "\n".join(lines)) == [False, False, False]
    middle = WORLD.backward[1][7]
    bad = next(x for x in range(WORLD.n_values) if x not in (middle, WORLD.backward[0][middle]))
    lines = [undo_line(1, 7, middle), undo_line(0, middle, bad), f"={bad:02d}$"]
    assert right_so_far(WORLD, INVERSE, "\n".join(lines)) == [True, False, False]


def test_a_refuted_guess_that_is_tried_again_is_no_error():
    right = solve(INVERSE).split("\n")
    assert right_so_far(WORLD, INVERSE, "\n".join([undo_line(1, 7, GUESS)] * 2 + right)) == [True] * 5


@pytest.mark.parametrize(
    "line",
    [
        undo_line(1, 7, GUESS)[:-2] + HIT,  # calls a refuted guess right
        undo_line(1, 7, WORLD.backward[1][7])[:-2] + BELOW,  # and a right one refuted
        undo_line(2, 7, WORLD.backward[2][7]),  # another map
        undo_line(1, 8, WORLD.backward[1][8]),  # another value
        undo_line(1, 7, GUESS)[:-4] + "07..",  # an image that is not
        f"07B{WORLD.backward[1][7]:02d}c07..",  # undoes one map and checks another
        "07B99b07..",  # no value of the world
        f"07B{WORLD.backward[1][7]:02d}",
        undo_line(1, 7, WORLD.backward[1][7])[:-1],  # half a mark
        undo_line(1, 7, GUESS)[:-2] + "><",  # above and below
        "",
    ],
)
def test_a_false_check_is_wrong(line):
    assert first_wrong(INVERSE, [line, *solve(INVERSE).split("\n")]) == 0


def test_any_text_gets_one_verdict_a_line():
    random = Random(0)
    tokens = WORLD.vocabulary
    for subject in SUBJECTS:
        for question in questions(subject, 20):
            text = "".join(random.choices([*tokens, "\n", "=", "$"], k=random.randrange(30)))
            cut = solve(question)[: random.randrange(20)]
            for hostile in (text, cut, cut + text, "é٣\n" + text):
                assert len(right_so_far(WORLD, question, hostile)) == hostile.count("\n") + 1


# --- reading answers


@pytest.mark.parametrize(
    "text", ["", "\n", "=", "$", "=$", "=12", "12$", "=12$\n", "=12$ ", " =12$", "x=12$", "=1\n2$"]
)
def test_a_text_without_a_finished_answer_line_has_none(text):
    assert exact.read_answer(text) is None and grade(text, "12") == (None, NO_ANSWER)


@pytest.mark.parametrize(
    ("text", "answer"),
    [("=12$", "12"), ("=3\n=12$", "12"), ("0" * 100_000 + "\n=12$", "12"), ("=1=2$", "1=2"), ("=1$2$", "1$2")],
)
def test_the_answer_is_what_the_last_line_says(text, answer):
    assert exact.read_answer(text) == answer
    assert grade(text, "12")[1] == (CORRECT if answer == "12" else WRONG)


def test_grading_compares_exactly():
    assert [grade(f"={given}$", "07")[1] for given in ("7", "07 ", "+7", "007", "07")] == [WRONG] * 4 + [CORRECT]


# --- questions


def test_a_route_has_exactly_one_sequence():
    for question in questions("route", 60):
        n = len(question.forward_maps)
        assert len(set(question.choices)) == ROUTE_MAPS and n in (2, 3)
        sequences = product(question.choices, repeat=n)
        reaching = [s for s in sequences if WORLD.apply(list(s), question.start) == question.goal]
        assert reaching == [tuple(question.forward_maps)]
        assert answer(WORLD, question) == names(question.forward_maps)


@pytest.mark.parametrize("subject", SUBJECTS)
def test_a_problem_text_says_all_there_is(subject):
    for question in questions(subject):
        assert question.problem.endswith("\n") and question.problem.count("\n") == 1
        assert 1 <= question.level <= 5 and question.statement.endswith("?")
        if subject != "route":
            x = int(answer(WORLD, question))
            assert WORLD.apply(question.inverse_maps, x) == WORLD.apply(question.forward_maps, question.start)
    assert len({q.problem for q in questions(subject)}) == len({str(dataclasses.asdict(q)) for q in questions(subject)})


def test_questions_are_distinct_and_the_corpus_avoids_them():
    taken: set[str] = set()
    first, second = (draw_distinct(WORLD, MIXTURE, 60, taken, Random(seed)) for seed in (1, 2))
    problems = [question.problem for question in [*first, *second]]
    assert len(set(problems)) == 120 and set(problems) == taken
    texts = list(islice(pretraining_texts(WORLD, MIXTURE, NOISY, taken, Random(1)), 600))
    assert taken.isdisjoint(problem for problem, _ in texts) and len(taken) == 120
    assert len(texts) > len({problem for problem, _ in texts})  # the corpus may repeat itself


def test_the_mixture_decides_what_is_drawn():
    random = Random(0)
    drawn = [MIXTURE.draw(WORLD, random) for _ in range(500)]
    share = {subject: sum(q.subject == subject for q in drawn) / 500 for subject in SUBJECTS}
    assert share == pytest.approx(MIXTURE.subjects, abs=0.07)
    only = Mixture({"inverse": 1.0, "chain": 0.0}, [0.0, 1.0])
    drawn = [only.draw(WORLD, random) for _ in range(50)]
    assert all(q.subject == "inverse" and len(q.inverse_maps) == 2 for q in drawn)


def test_every_bridge_has_both_halves():
    assert all(q.forward_maps and q.inverse_maps for q in questions("bridge"))


# --- a corpus of unequal facts


def test_frequencies_of_facts_span_the_octaves_evenly():
    world = World.build(8, 20, 1000.0, seed=0)
    weights = np.sort(np.array(unequal_facts(world, 10, seed=0)).ravel())[::-1] * 8
    assert weights.shape == (160,)
    octaves = -np.log2(weights)
    np.testing.assert_allclose(octaves, np.arange(160) / 16, atol=0.02)
    assert unequal_facts(world, 10, seed=0) != unequal_facts(world, 10, seed=1)


@pytest.mark.parametrize("subject", ["inverse", "bridge"])
def test_facts_are_asked_for_as_often_as_they_weigh(subject):
    world, random = World.build(4, 10, 1000.0, seed=0), Random(0)
    asked = unequal_facts(world, 6, seed=0)
    drawn = [draw_question(world, subject, 2, random, asked) for _ in range(4000)]
    for question in drawn:
        assert world.apply(question.inverse_maps, int(answer(world, question))) == question.goal
    at_7 = np.bincount([q.inverse_maps[-1] for q in drawn if q.goal == 7], minlength=4)
    np.testing.assert_allclose(at_7 / at_7.sum(), np.array(asked[7]) / sum(asked[7]), atol=0.1)
    starts = np.bincount([q.goal for q in drawn], minlength=10) / 4000
    expected = np.full(10, 0.1) if subject == "bridge" else np.array(asked).sum(axis=1) / np.sum(asked)
    np.testing.assert_allclose(starts, expected, atol=0.03)


def test_the_careless_only_guess_once_a_refuted_guess_was_carried_on_with():
    noise, question, n_lost = Noise(wrong_guess=0.4, retry=0.5, astray=0.5, careless=True), INVERSE, 0
    n_hits = 0
    for seed in range(400):
        *lines, _ = solve(question, noise, seed).split("\n")
        first = [line for line in lines if line[2] == "B"]
        if not first[-1].endswith(HIT):
            n_lost += 1
            n_hits += lines[-1].endswith(HIT)
            assert len(lines) == len(first) + 1  # a is undone by one guess
    assert n_lost > 50 and n_hits < 0.2 * n_lost  # a random guess hits one time in twenty


def test_checks_alone_are_true_and_teach_only_what_follows_the_guess():
    random, found = Random(0), []
    for problem, solution in (draw_check(WORLD, random) for _ in range(600)):
        line = INVERSE_LINE.fullmatch(problem + solution.removesuffix("$"))
        assert line and line[2] == line[4].upper()
        goal, guess, image = int(line[1]), int(line[3]), int(line[5])
        assert WORLD.forward[MAP_NAMES.index(line[4])][guess] == image and line[6] == mark(image, goal)
        found.append(abs(image - goal))
    share = np.bincount(found, minlength=20) / 600
    assert 0.3 < share[0] < 0.45 and share[1 : NEAR + 1].sum() > 0.35 and share[NEAR + 1 :].sum() > 0.1
    texts = list(islice(pretraining_texts(WORLD, MIXTURE, NOISY, set(), Random(1), checks=0.4), 1000))
    assert 330 < sum("\n" not in problem for problem, _ in texts) < 470


def test_without_the_new_settings_the_corpus_is_what_it_always_was():
    texts = list(islice(pretraining_texts(WORLD, MIXTURE, NOISY, set(), Random(7)), 300))
    digest = hashlib.sha256("".join(problem + solution for problem, solution in texts).encode()).hexdigest()
    assert digest == "a050a6b7feb66e3bb416f14be8a9633e8dff0c22ed5f8d244ecd393ed4e26372"


# --- a solution by its own account


@pytest.mark.parametrize("subject", SUBJECTS)
def test_what_is_right_reads_right_and_what_reads_right_of_true_lines_is_right(subject):
    n_wrong = 0
    for seed, question in enumerate(questions(subject, 200)):
        assert reads_right(question, solve(question))
        text = solve(question, NOISY, seed)
        assert reads_right(question, text) == all(right_so_far(WORLD, question, text))
        n_wrong += not reads_right(question, text)
    assert n_wrong > 30 or subject == "chain"


def test_who_lies_about_a_check_reads_right_and_is_wrong():
    lines = [f"07B{GUESS:02d}b07..", undo_line(0, GUESS, WORLD.backward[0][GUESS])]
    text = "\n".join([*lines, f"={WORLD.backward[0][GUESS]:02d}$"])
    assert reads_right(INVERSE, text) and not any(right_so_far(WORLD, INVERSE, text))
    assert checks_of_wrong_guesses(WORLD, text) == [(1, False, True)]


@pytest.mark.parametrize("text", ["", "$", "=07$", "07B", "nonsense\n=07$", "07b19\n=19$", "é\n\n=07$"])
def test_anything_can_be_read(text):
    assert not reads_right(INVERSE, text) and checks_of_wrong_guesses(WORLD, text) == []


def test_every_wrong_guess_is_looked_at():
    bad = next(x for x in range(WORLD.n_values) if x not in (GUESS, WORLD.backward[1][7]))
    true, untrue = undo_line(1, 7, GUESS), f"07B{bad:02d}b{(WORLD.forward[1][bad] + 1) % 20:02d}.<"
    hit = undo_line(1, 7, WORLD.backward[1][7])
    foreign = ["07B99b03.<", "07Z01z03.<", "07B01a03.<"]
    found = checks_of_wrong_guesses(WORLD, "\n".join([true, untrue, hit, *foreign]))
    assert found == [(1, True, False), (1, False, False)]


# --- tokens


def test_the_vocabulary_is_lossless():
    vocabulary = WORLD.vocabulary
    assert len(set(vocabulary)) == len(vocabulary) == len(SPECIALS) + 2 * 8 + 20
    texts = [
        text
        for subject in SUBJECTS
        for seed, question in enumerate(questions(subject, 50))
        for text in (question.problem, solve(question, NOISY, seed))
    ]
    tokens = CODEC.encode(texts)
    assert CODEC.decode(tokens) == texts
    assert all(t.dtype == np.int32 and (t > 0).all() for t in tokens)  # 0 pads and stands for unknown text


def test_a_value_is_one_token():
    (tokens,) = CODEC.encode(["07B19b03.<\n=19$"])
    assert [WORLD.vocabulary[t] for t in tokens] == ["07", "B", "19", "b", "03", ".", "<", "\n", "=", "19", "$"]
    assert [len(t) for t in CODEC.encode(["", "é", "12é"])] == [0, 1, 2]


def test_a_world_too_small_for_the_questions_is_refused_in_one_sentence():
    world = World.build(4, 10, 1.0, 0)
    mixture = Mixture({"chain": 1.0}, [1.0])
    with pytest.raises(StudyError, match=r"params.yaml, problems: only \d+ of 1000 different questions"):
        draw_distinct(world, mixture, 1000, set(), Random(0))
    with pytest.raises(StudyError, match="no route of 3 steps"):
        draw_question(World.build(4, 2, 1.0, 0), "route", 3, Random(0))
