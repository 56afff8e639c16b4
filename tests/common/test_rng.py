import numpy as np
import pytest

from tts_lib.common.rng import derive_seed, derive_seeds, generator, mix


def test_seeds_never_change():
    assert derive_seed("study", 7, "base", "q1", "pool") == 411293630277226776
    assert derive_seeds(("study", 7), 3).tolist() == [16455066352335010131, 5409914976837579261, 17547551257514666788]
    assert generator("bootstrap", 7).integers(0, 1000, 4).tolist() == [429, 130, 684, 550]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("a", "b"), ("b", "a")),
        (("ab", "c"), ("a", "bc")),
        ((1,), ("1",)),
        (("a",), (b"a",)),
        ((1, 23), (12, 3)),
        (("a",), ("a", "")),
        ((-1,), (1,)),
        ((2**64,), (0,)),
    ],
)
def test_other_parts_give_other_seeds(one, other):
    assert derive_seed(*one) != derive_seed(*other)
    assert not np.intersect1d(derive_seeds(one, 100), derive_seeds(other, 100)).size
    assert generator(*one).integers(2**63) != generator(*other).integers(2**63)


def test_numpy_integers_count_as_integers():
    assert derive_seed("a", np.int64(5), np.uint8(2)) == derive_seed("a", 5, 2)


@pytest.mark.parametrize("part", [1.0, True, None, ("a",), np.float32(1)])
def test_parts_without_one_spelling_are_refused(part):
    with pytest.raises(Exception, match=r"part"):  # TypeError, or beartype's error where it is switched on
        derive_seed("a", part)


def test_a_seed_needs_a_purpose():
    with pytest.raises(TypeError, match="at least one part"):
        derive_seed()


def test_seeds_of_a_sample_do_not_depend_on_the_others():
    whole = derive_seeds(("a",), 768)
    assert whole.dtype == np.uint64
    assert np.array_equal(whole[:512], derive_seeds(("a",), 512))
    assert np.array_equal(whole[[700, 3]], derive_seeds(("a",), np.array([700, 3])))


def test_seeds_of_one_context_never_collide_and_fill_the_range():
    seeds = derive_seeds(("a",), 50_000)
    assert len(np.unique(seeds)) == len(seeds)
    bits = (seeds[:, None] >> np.arange(64, dtype=np.uint64)) & np.uint64(1)
    # 64 bits, 50,000 draws each, standard error 0.0022: a false failure has probability below 1e-6.
    assert np.abs(bits.mean(axis=0) - 0.5).max() < 0.013


def test_streams_of_neighbouring_studies_share_no_seed():
    streams = [derive_seeds(("study", seed), 1_000) for seed in range(10)]
    assert len(np.unique(np.concatenate(streams))) == 10_000


def test_mix_broadcasts_over_contexts_and_samples():
    contexts = derive_seeds(("contexts",), 3)
    seeds = mix(contexts[:, None], np.arange(4, dtype=np.uint64))
    assert seeds.shape == (3, 4)
    assert np.array_equal(seeds[1], mix(contexts[1], np.arange(4, dtype=np.uint64)))
    assert np.array_equal(derive_seeds(("a",), 4), mix(derive_seed("a"), np.arange(4, dtype=np.uint64)))


def test_indices_must_be_whole_and_not_negative():
    with pytest.raises(ValueError, match="-1"):
        derive_seeds(("a",), np.array([0, -1]))
    with pytest.raises(TypeError, match="float64"):
        derive_seeds(("a",), np.array([0.5]))


def test_generators_are_independent_of_the_global_one():
    np.random.seed(0)  # noqa: NPY002
    first = generator("a").random(3)
    np.random.seed(1)  # noqa: NPY002
    assert np.array_equal(first, generator("a").random(3))
