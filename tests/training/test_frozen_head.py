"""A head on frozen states: what it reads of a solution does not depend on the batch, and it learns what can be seen."""

from pathlib import Path

import numpy as np

from helpers.model_folders import VOCAB, random_folder
from tts_lib.models.layout import Laid
from tts_lib.training import frozen_head


def test_states_are_those_of_each_solution_alone_and_tell_what_was_said(tmp_path: Path) -> None:
    folder, rng = random_folder(tmp_path / "base"), np.random.default_rng(0)
    correct = np.arange(80) % 2 == 0
    laid = []
    for right in correct:  # token 5 is said in what is right
        tokens = np.append(rng.integers(10, VOCAB, rng.integers(2, 9)), [5 if right else 6] * 9 + [0, 9]).astype(
            np.int64
        )
        laid.append(Laid(tokens, np.array([len(tokens) - 2])))
    states = frozen_head.features(folder, laid, "cpu", 7)
    np.testing.assert_allclose(states[:9], frozen_head.features(folder, laid[:9], "cpu", 1), atol=1e-4)
    cut = Laid(laid[0].tokens[:-1], laid[0].places)  # nothing behind the last step is read
    np.testing.assert_allclose(states[0], frozen_head.features(folder, [cut], "cpu", 1)[0], atol=1e-4)
    found = frozen_head.scores(states[:60], correct[:60], states[60:])
    assert (found[correct[60:], None] > found[None, ~correct[60:]]).mean() > 0.95  # of the pairs, right above wrong
