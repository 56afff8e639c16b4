"""How fast this machine is: the engine of the study, sampling from its base model for some seconds."""

import time
from collections.abc import Callable

import numpy as np

from tts_lib.answers.protocols import Policy, SampleRequest, Sampling
from tts_lib.common.rng import derive_seeds, generator

PROMPTS, PROMPT_TOKENS, SAMPLES = 32, 8, 32  # of one call


def tokens_per_second(
    policy: Policy,
    vocab_size: int,
    max_tokens: int,
    seconds: float,
    clock: Callable[[], float] = time.perf_counter,
) -> float:
    """Tokens that the policy reads and writes in a second, over calls of at least `seconds` in all.

    The first call, in which an engine compiles and warms up, is not counted. Prompts are random tokens: what the text
    says does not change the work, only its length does.
    """
    rng = generator("plan", "probe")
    sampling = Sampling(temperature=1.0, top_p=1.0, max_tokens=max_tokens, until="end")
    n_tokens, started = 0, 0.0
    call = 0
    while True:
        prompts = rng.integers(0, vocab_size, (PROMPTS, PROMPT_TOKENS)).astype(np.int32)
        requests = [SampleRequest(p, derive_seeds(("plan", call, i), SAMPLES)) for i, p in enumerate(prompts)]
        results = policy.sample(requests, sampling)
        if call == 0:
            started = clock()
        else:
            n_tokens += prompts.size + sum(len(samples.tokens) for samples in results)
            if (spent := clock() - started) >= seconds:
                return n_tokens / spent
        call += 1
