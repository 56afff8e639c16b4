"""The random numbers of sampling, shared by the engines: a hash of (seed of the sample, index of the token), no state.

Works alike on Python-level uint64 arrays and, compiled by Numba, on scalars.
"""

import numpy as np

LANES = 8  # the inverse CDF takes the tokens in the order 0, 8, 16, ..., 1, 9, 17, ...
GOLDEN = np.uint64(0x9E3779B97F4A7C15)
MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
MIX_2 = np.uint64(0x94D049BB133111EB)
S11, S27, S30, S31 = np.uint64(11), np.uint64(27), np.uint64(30), np.uint64(31)
TWO_TO_MINUS_53 = 2.0**-53


def uniform(seed, index):
    """Number in [0, 1) for token `index` (uint64, 0 = the first sampled) of the sample with this seed (uint64).

    Two rounds of the splitmix64 finaliser, the index entering between them.
    """
    h = seed + GOLDEN
    h = (h ^ (h >> S30)) * MIX_1
    h = (h ^ (h >> S27)) * MIX_2
    h = (h ^ (h >> S31)) + (index + np.uint64(1)) * GOLDEN
    h = (h ^ (h >> S30)) * MIX_1
    h = (h ^ (h >> S27)) * MIX_2
    h = h ^ (h >> S31)
    return (h >> S11) * TWO_TO_MINUS_53
