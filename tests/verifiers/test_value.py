"""Verifiers of a known quality, where every value is known."""

import numpy as np
import pandas as pd
import pytest

from helpers.known_values import CLOSE, END, FIRST, KnownPolicy, KnownVerifier, World
from tts_lib.answers.protocols import Sampling, ScoreRequest
from tts_lib.answers.question_table import QuestionTable
from tts_lib.common.rng import derive_seed
from tts_lib.grading.judging import Judged
from tts_lib.verifiers.value import Misjudged, RolledOut, Shuffled

WORLD = World(5, 3, 4, lambda path: derive_seed("right", *path) % 3 == 0)
PROMPT = WORLD.question.prompt


class Numbers:
    version = "numbers"

    def encode(self, texts):
        return [np.array([int(word) for word in text.split()], np.int32) for text in texts]

    def decode(self, tokens):
        return [" ".join(map(str, each.tolist())) for each in tokens]


class Knows:
    """Judges by the world itself."""

    def judge(self, question_id, gold, texts):
        paths = [WORLD.path(each) for each in Numbers().encode(texts)]
        right = [len(path) == 3 and WORLD.right(path) for path in paths]
        return Judged([None] * len(texts), ["correct" if r else "wrong" for r in right], np.zeros(len(texts), int))


class Counting(KnownPolicy):
    n_asked = 0

    def sample(self, requests, sampling):
        self.n_asked += sum(len(request.seeds) for request in requests)
        return super().sample(requests, sampling)


def rolled_out(n: int = 400) -> RolledOut:
    table = pd.DataFrame({"question_id": ["q5"], "problem": [str(PROMPT[0])], "answer": ["-"]})
    sampling = Sampling(1.0, 1.0, 20, until="end")
    return RolledOut(Counting(WORLD), QuestionTable(table, Numbers(), Knows()), sampling, n, (CLOSE, END), (END,), (0,))


def text(*path: int) -> np.ndarray:
    return np.array([t for i, s in enumerate(path) for t in (FIRST + s, END if i == 2 else CLOSE)], np.int32)


def prefixes(n: int) -> list[np.ndarray]:
    return [np.concatenate((PROMPT, text(*path[:n]))) for path in WORLD.solutions[:: 4 ** (3 - n)]]


def test_rollouts_measure_the_value_of_every_step_and_a_whole_solution_is_right_or_not():
    verifier = rolled_out()
    for path in WORLD.solutions[::7]:
        ((scores,),) = verifier.score([ScoreRequest(PROMPT, [text(*path)])])
        exact = [WORLD.value(path[:t]) for t in (1, 2, 3)]
        error = 4 * np.sqrt(np.multiply(exact, np.subtract(1, exact)) / 400)
        assert scores.dtype == np.float32 and (np.abs(scores - exact) <= error + 1e-5).all()
        assert (scores > 0).all() and (scores < 1).all()


def test_a_prefix_is_rolled_out_once_and_worth_the_same_in_any_company():
    one, other = rolled_out(32), rolled_out(32)
    ((alone,),) = one.score([ScoreRequest(np.concatenate((PROMPT, text(1))), [text(1, 2)[2:]])])
    n = one.policy.n_asked
    assert n == 32 and one.score([ScoreRequest(PROMPT, [text(1, 2)])])[0][0][1] == alone[0] and one.policy.n_asked == 64
    together = other.score([ScoreRequest(PROMPT, [text(0, 1, 1), text(1, 2)])])
    assert together[0][1][1] == alone[0]


@pytest.mark.parametrize("sigma", [0.5, 2.0])
def test_a_misjudgement_is_calibrated_and_the_same_twice(sigma):
    exact, texts = rolled_out(64), prefixes(2) + prefixes(1)
    verifier = Misjudged(exact, sigma, (1,)).fitted(texts)
    scores = verifier.values(texts)
    np.testing.assert_array_equal(scores, verifier.values(texts))
    truth = exact.values(texts)
    assert abs(scores.mean() - truth.mean()) < 1e-9
    groups = [(scores == score) for score in np.unique(scores)]
    assert all(abs(truth[members].mean() - scores[members].mean()) < 1e-9 for members in groups)


def test_the_more_noise_the_less_a_misjudgement_follows_the_value():
    exact, texts = rolled_out(64), prefixes(2)
    truth = exact.values(texts)
    correlations = [
        np.mean([np.corrcoef(Misjudged(exact, s, (k,))._seen(texts), truth)[0, 1] for k in range(20)])
        for s in (0.0, 1.0, 4.0)
    ]
    assert (
        correlations[0] > 0.9 and correlations[0] > correlations[1] + 0.05 and correlations[1] > correlations[2] + 0.2
    )


def test_shuffling_keeps_the_scores_of_siblings_and_forgets_whose_they_are():
    verifier = KnownVerifier(WORLD, lambda path: 0.1 + 0.2 * path[-1])
    siblings = [ScoreRequest(np.concatenate((PROMPT, text(s))), [text(s, t)[2:] for t in range(4)]) for s in range(4)]
    before, after = verifier.score(siblings), Shuffled(verifier, (0,)).score(siblings)
    assert [sorted(np.concatenate(each)) for each in before] == [sorted(np.concatenate(each)) for each in after]
    assert [np.concatenate(each).tolist() for each in before] != [np.concatenate(each).tolist() for each in after]
