from itertools import islice
from random import Random
from typing import get_args

import numpy as np
import pandas as pd
import pytest

from helpers.scripted_policy import CODEC, WORLD
from tts_lib.common.errors import StudyError
from tts_lib.grading import exact
from tts_lib.grading.exact import grade
from tts_lib.grading.verdicts import CORRECT
from tts_lib.questions.nano.corpus import Noise, pretraining_texts
from tts_lib.questions.nano.questions import Mixture, unequal_facts
from tts_lib.questions.nano.tables import (
    Recipe,
    check_honest,
    data_card,
    guess_rate,
    honesty,
    question_table,
    right_and_read,
    right_steps,
)
from tts_lib.questions.nano.world import END, World, mark
from tts_lib.study.config.fields import Subject
from tts_lib.training import corpus

MIXTURE = Mixture({"chain": 0.1, "inverse": 0.5, "bridge": 0.2, "route": 0.2}, [0.25, 0.25, 0.25, 0.25])
NOISE = Noise(0.2, 0.5, 0.3)
SIZES = {"test": 20, "val": 10, "train": 30}


def recipe(seed: int = 0, **sizes: int) -> Recipe:
    return Recipe(seed, 8, 20, 1.0, MIXTURE.subjects, MIXTURE.hops, SIZES | sizes)


DRAWN = recipe().questions()


@pytest.fixture(autouse=True)
def _small_batches(monkeypatch):
    monkeypatch.setattr(corpus, "BATCH", 100)


def texts(seed: int = 0, taken: frozenset[str] = frozenset()):
    return pretraining_texts(WORLD, MIXTURE, NOISE, set(taken), Random(seed))


def built(n_tokens: int = 2000, n_validation: int = 400, max_length: int = 96):
    return corpus.build_corpus(texts(), CODEC, n_tokens, n_validation, max_length)


def test_questions_come_from_the_seed_and_never_twice():
    drawn = recipe(seed=3).questions()
    assert drawn == recipe(seed=3).questions() != recipe(seed=4).questions()
    assert {split: len(questions) for split, questions in DRAWN.items()} == SIZES
    problems = [q.problem for questions in drawn.values() for q in questions]
    assert len(set(problems)) == sum(SIZES.values())


def test_a_larger_later_split_leaves_the_earlier_ones_alone():
    small, large = (recipe(train=n).questions() for n in (30, 40))
    assert small["test"] == large["test"] and small["val"] == large["val"] and small["train"] == large["train"][:30]


def test_questions_can_be_rebuilt_by_id(tmp_path):
    recipe().save(tmp_path / "recipe.json")
    read = Recipe.load(tmp_path / "recipe.json")
    by_id = read.by_id()
    assert read.world() == WORLD and len(by_id) == 60
    assert list(read.subjects) == list(MIXTURE.subjects)  # draws depend on the order
    for split, questions in DRAWN.items():
        table = question_table(WORLD, split, questions)
        assert [by_id[i].problem for i in table["question_id"]] == table["problem"].tolist()


def test_the_question_table():
    questions = DRAWN["test"]
    table = question_table(WORLD, "test", questions)
    assert list(table) == ["question_id", "problem", "statement", "solution", "answer", "subject", "level"]
    assert table["question_id"].tolist() == [f"test-{i:05d}" for i in range(20)]
    assert table["level"].between(1, 5).all() and set(table["subject"]) <= set(get_args(Subject))
    for row in table.itertuples():
        assert grade(row.solution, row.answer) == (row.answer, CORRECT)
    solutions = table[["question_id"]].assign(text=table["solution"])
    by_id = dict(zip(table["question_id"], questions, strict=True))
    assert all(all(steps) for steps in right_steps(WORLD, by_id, solutions))


def test_the_corpus_has_weights_of_its_own_where_it_names_them():
    plain = recipe()
    assert plain.corpus_mixture(None, None, 0.0) == plain.mixture() == MIXTURE
    own = plain.corpus_mixture({"chain": 1.0}, [0.0, 1.0], 6.0)
    assert own == Mixture({"chain": 1.0}, [0.0, 1.0], unequal_facts(WORLD, 6.0, 0))
    unequal = Recipe(0, 8, 20, 1.0, MIXTURE.subjects, MIXTURE.hops, SIZES, 6.0)
    assert unequal.mixture().asked == own.asked and unequal.questions() != plain.questions()


def test_a_model_that_makes_up_its_checks_is_no_base():
    world = World.build(2, 20, 1.0, 0)
    goal, guesses = 7, [x for x in range(20) if x != world.backward[0][7]]
    lines = [f"{goal:02d}A{x:02d}a{world.forward[0][x]:02d}{mark(world.forward[0][x], goal)}" for x in guesses]
    found = honesty(world, ["\n".join(lines), lines[0]])
    assert found["map"].tolist() == ["a", "b", "all"] and found["wrong_guesses"].tolist() == [20, 0, 20]
    assert found["untrue_images"].tolist()[::2] == found["misses_as_hits"].tolist()[::2] == [0.0, 0.0]
    assert found.loc[1, ["untrue_images", "misses_as_hits"]].isna().all()
    check_honest(found, 0.0)
    copied = honesty(world, ["\n".join([*lines, f"{goal:02d}A{guesses[0]:02d}a{goal:02d}.."])])
    assert copied.loc[2, ["untrue_images", "misses_as_hits"]].tolist() == pytest.approx([0.05, 0.05])
    check_honest(copied, 0.05)
    with pytest.raises(StudyError, match=r"after 5.00% of its 20 wrong guesses .* pretrain.dishonest allows 1.00%"):
        check_honest(copied, 0.01)
    marked = honesty(world, ["\n".join([*lines, lines[0][:-2] + ".."])])
    with pytest.raises(StudyError, match="the mark of a hit"):
        check_honest(marked, 0.01)


def test_answers_hit_by_chance_are_told_from_right_ones():
    by_id = recipe().by_id()
    table = pd.concat([question_table(WORLD, split, q) for split, q in DRAWN.items()])
    right = table[["question_id"]].assign(text=table["solution"])
    lucky = right.assign(text=["=" + answer + "$" for answer in table["answer"]])
    truly, reads = right_and_read(WORLD, by_id, pd.concat([right, lucky]))
    assert truly.tolist() == reads.tolist() == [True] * 60 + [False] * 60


def test_the_corpus_holds_as_many_tokens_as_asked():
    training, validation, shown = built()
    assert 2000 <= len(training.tokens) < 2000 + 96 and 400 <= len(validation.tokens) < 400 + 96
    assert training.offsets[-1] == len(training.tokens) == len(training.weight)
    assert len(shown) == 100 and shown == [problem + solution for problem, solution in islice(texts(), 100)]


def test_the_corpus_comes_from_its_texts():
    first, again = built(), built()
    for a, b in zip(first[:2], again[:2], strict=True):
        np.testing.assert_array_equal(a.tokens, b.tokens)
    n = len(first[1].tokens)
    assert first[0].tokens[:n].tolist() != first[1].tokens.tolist()


@pytest.mark.parametrize("window", [16, 24, 96])
def test_texts_beyond_the_window_are_left_out(window):
    training, validation, _ = built(max_length=window)
    lengths = np.diff(training.offsets)
    assert lengths.max() <= window and np.diff(validation.offsets).max() <= window
    assert lengths.max() > window - 3 or window == 96  # a text may nearly fill it


def test_only_solutions_carry_weight():
    training, _, _ = built(n_tokens=1500)
    for start, stop in zip(training.offsets[:-1], training.offsets[1:], strict=True):
        tokens, weight = training.tokens[start:stop], training.weight[start:stop]
        problem, solution = CODEC.decode([tokens[weight == 0], tokens[weight == 1]])
        assert problem.endswith("\n") and problem.count("\n") == 1
        assert solution.endswith(END) and exact.read_answer(solution) is not None
        assert CODEC.decode([tokens]) == [problem + solution]


def test_the_corpus_keeps_off_the_questions():
    taken = frozenset(q.problem for questions in DRAWN.values() for q in questions)
    training, _, _ = corpus.build_corpus(texts(0, taken), CODEC, 5_000, 100, 96)
    parts = np.split(training.tokens, training.offsets[1:-1])
    problems = {text.split("\n")[0] + "\n" for text in CODEC.decode(parts)}
    assert len(problems) > 50 and problems.isdisjoint(taken)


def test_the_rate_of_blind_guesses():
    questions = pd.DataFrame({"subject": ["chain", "route", "route"], "answer": ["07", "ab", "abc"]})
    assert guess_rate(WORLD, questions) == pytest.approx((1 / 20 + 1 / 16 + 1 / 64) / 3)


def test_the_data_card_shows_every_subject():
    splits = {split: question_table(WORLD, split, questions) for split, questions in DRAWN.items()}
    metrics = {"n_tokens": 5000, "n_texts": 300, "guess_rate": 0.05}
    card = data_card(WORLD, MIXTURE, MIXTURE, NOISE, metrics, splits)
    assert all(f"**{subject}**" in card for subject in splits["test"]["subject"].unique())
    assert "20 test, 10 val, 30 train" in card and "5.0% of questions" in card


def test_further_questions_are_drawn_like_the_splits():
    """Each set from a seed of its own, none of its problems twice; a problem of the splits may be among them."""
    sets = [recipe().further(name, 100) for name in ("set_1", "set_2", "set_1")]
    pd.testing.assert_frame_equal(sets[0], sets[2])
    assert not sets[0]["problem"].duplicated().any() and sets[0]["question_id"].iloc[0] == "set_1-00000"
    assert sets[0]["problem"].tolist() != sets[1]["problem"].tolist()
    assert sets[0].columns.equals(question_table(WORLD, "test", DRAWN["test"]).columns)
