from itertools import pairwise

import numpy as np
import pytest

from tts_lib.common.errors import StudyError
from tts_lib.common.examples import Examples, batches, pad


def examples(n: int = 200, seed: int = 0) -> Examples:
    """Example i is the token i, 1 to 12 times; its weights and targets are its own."""
    rng = np.random.default_rng(seed)
    lengths = rng.integers(1, 13, n)
    tokens = np.arange(n, dtype=np.int32).repeat(lengths)
    weight = rng.random(len(tokens)).astype(np.float32) + 1
    return Examples(tokens, np.r_[0, np.cumsum(lengths)], weight, rng.random(len(tokens)).astype(np.float32))


def drawn(batch_tokens: int = 64, n_epochs: int = 1, seed: int = 0, n: int = 200):
    return list(batches(examples(n), batch_tokens, n_epochs, np.random.default_rng(seed)))


@pytest.mark.parametrize("batch_tokens", [1, 5, 64, 10_000])
@pytest.mark.parametrize("n", [1, 7, 200])
def test_every_example_comes_once_an_epoch(batch_tokens, n):
    stream = drawn(batch_tokens, n_epochs=3, n=n)
    first_tokens = np.concatenate([batch.tokens[:, 0] for batch in stream])
    assert len(first_tokens) == 3 * n
    for epoch in np.split(first_tokens, 3):
        assert sorted(epoch) == list(range(n))
    assert sum(batch.n_tokens for batch in stream) == 3 * len(examples(n).tokens)


def test_pools_end_where_the_data_does_not(monkeypatch):
    monkeypatch.setattr("tts_lib.common.examples.POOL_BATCHES", 2)
    assert sorted(np.concatenate([batch.tokens[:, 0] for batch in drawn(16)])) == list(range(200))


def test_batches_hold_nearly_as_many_tokens_as_asked():
    sizes = [batch.n_tokens for batch in drawn(64)]
    assert max(sizes) < 64 + 12 and sum(size > 64 - 12 for size in sizes) >= len(sizes) - 1


def test_the_order_is_fixed_by_the_generator():
    def order(seed):
        return [batch.tokens[:, 0].tolist() for batch in drawn(seed=seed, n_epochs=2)]

    assert order(0) == order(0) != order(1)
    epochs = order(0)
    assert epochs[: len(epochs) // 2] != epochs[len(epochs) // 2 :]


def test_similar_lengths_go_together():
    padded = sum(batch.tokens.size for batch in drawn(64))
    assert padded < 1.2 * len(examples().tokens)


def test_padding_has_weight_0_and_the_rest_its_own():
    data = examples()
    for batch in drawn():
        assert batch.tokens.shape == batch.weight.shape == batch.target.shape
        assert batch.tokens.dtype == np.int64 and batch.weight.dtype == batch.target.dtype == np.float32
        assert (batch.weight > 0).sum() == batch.n_tokens and (batch.target[batch.weight == 0] == 0).all()
        for tokens, weight, target in zip(batch.tokens, batch.weight, batch.target, strict=True):
            part = slice(*data.offsets[tokens[0] : tokens[0] + 2])
            n = part.stop - part.start
            np.testing.assert_array_equal(tokens[:n], data.tokens[part])
            np.testing.assert_array_equal(weight[:n], data.weight[part])
            np.testing.assert_array_equal(target[:n], data.target[part])
            assert not tokens[n:].any() and not weight[n:].any()


def test_workers_share_the_rows_of_a_batch():
    batch = pad(examples(), np.arange(7))
    parts = [batch.rows(slice(rank, None, 3)) for rank in range(3)]
    assert [len(part.tokens) for part in parts] == [3, 2, 2]
    assert sorted(np.concatenate([part.tokens[:, 0] for part in parts])) == list(range(7))
    assert sum(part.weight.sum() for part in parts) == pytest.approx(batch.weight.sum())
    assert len(pad(examples(), np.arange(1)).rows(slice(1, None, 2)).tokens) == 0


def test_only_solutions_count_for_a_language_model():
    problems = [np.array([5, 6, 7], np.int32), np.array([8], np.int32)]
    solutions = [np.array([1, 2], np.int32), np.array([3, 4, 9], np.int32)]
    made = Examples.language(problems, solutions)
    assert made.tokens.tolist() == [5, 6, 7, 1, 2, 8, 3, 4, 9] and made.offsets.tolist() == [0, 5, 9]
    assert made.weight.tolist() == [0, 0, 0, 1, 1, 0, 1, 1, 1] and not made.target.any()
    assert len(made) == 2 and made.tokens.dtype == np.int32


def test_a_problem_without_solution_is_refused():
    with pytest.raises(ValueError, match="zip"):
        Examples.language([np.array([1], np.int32)], [])


def test_examples_survive_a_file(tmp_path):
    path = tmp_path / "new" / "folder" / "examples.safetensors"
    examples().save(path)
    loaded = Examples.load(path)
    for name, array in vars(examples()).items():
        np.testing.assert_array_equal(getattr(loaded, name), array)
        assert getattr(loaded, name).dtype == array.dtype


@pytest.mark.parametrize("damage", ["missing", "empty", "cut", "text", "other"])
def test_a_damaged_file_is_named(tmp_path, damage):
    from safetensors.numpy import save_file

    path = tmp_path / "examples.safetensors"
    examples().save(path)
    match damage:
        case "missing":
            path.unlink()
        case "empty":
            path.write_bytes(b"")
        case "cut":
            path.write_bytes(path.read_bytes()[:-10])
        case "text":
            path.write_text("not tensors")
        case "other":
            save_file({"tokens": np.zeros(3)}, path)
    with pytest.raises(StudyError, match=r"examples\.safetensors: not a readable file .* repeat its stage"):
        Examples.load(path)


def test_packing_joins_neighbours_and_loses_nothing():
    rng = np.random.default_rng(0)
    pieces = [np.arange(n, dtype=np.int32) for n in rng.integers(3, 9, 200)]
    whole = Examples.language(pieces, pieces)
    packed = whole.packed(500, 5, np.random.default_rng(1))
    assert 480 < len(packed.tokens) <= 500
    np.testing.assert_array_equal(packed.tokens, whole.tokens[: len(packed.tokens)])
    np.testing.assert_array_equal(packed.weight, whole.weight[: len(packed.tokens)])
    assert set(packed.offsets) <= set(whole.offsets) and packed.offsets[-1] == len(packed.tokens)
    joined = [len(set(whole.offsets[(whole.offsets >= a) & (whole.offsets < b)])) for a, b in pairwise(packed.offsets)]
    assert set(joined) == {1, 2, 3, 4, 5}
