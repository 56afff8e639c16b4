"""Examples whose labels stand at given places."""

import numpy as np
import pytest

from tts_lib.common.examples import pad
from tts_lib.verifiers.placed import placed_examples

TOKENS = [np.array([5, 6, 7, 8]), np.array([9, 10])]


def test_labels_stand_at_their_places_and_unknown_ones_do_not_count():
    examples = placed_examples(TOKENS, [np.array([1, 3]), np.array([1])], [np.array([0.25, np.nan]), np.array([0.0])])
    batch = pad(examples, np.array([0, 1]))
    np.testing.assert_array_equal(batch.tokens, [[5, 6, 7, 8], [9, 10, 0, 0]])
    np.testing.assert_array_equal(batch.weight, [[0, 1, 0, 0], [0, 1, 0, 0]])
    np.testing.assert_array_equal(batch.target, [[0, 0.25, 0, 0], [0, 0, 0, 0]])
    assert [array.dtype for array in vars(examples).values()] == [np.int32, np.int64, np.float32, np.float32]


@pytest.mark.parametrize(
    ("places", "labels", "said"),
    [
        ([[1], [1]], [[0.5, 0.5], [0.5]], "solution 0 has 1 places but 2 labels"),
        ([[1], [2]], [[0.5], [0.5]], "solution 1 of 2 tokens has places"),
        ([[-1], [1]], [[0.5], [0.5]], "solution 0 of 4 tokens has places"),
        ([[1], [1]], [[0.5], [1.5]], "solution 1 of 2 tokens has places"),
    ],
)
def test_places_and_labels_out_of_range_are_refused(places, labels, said):
    with pytest.raises(ValueError, match=said):
        placed_examples(TOKENS, [np.array(p) for p in places], [np.array(y) for y in labels])
