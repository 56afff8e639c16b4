"""Solutions that end with a text: cut where it begins, whatever tokens it comes in."""

import numpy as np
import pytest

from helpers.tiny_models import checkpoint, tokenizer
from tts_lib.answers.protocols import (
    FINISH_END,
    FINISH_LENGTH,
    FINISH_STEP,
    Part,
    SampleRequest,
    Samples,
    Sampling,
    StreamingPolicy,
)
from tts_lib.engines.ending import ended
from tts_lib.engines.opening import open_policy
from tts_lib.models import pointer
from tts_lib.models.tokenizer import TokenCodec

WORDS = TokenCodec(tokenizer())
END = tokenizer().token_to_id("<|im_end|>")
TEXTS = [
    "It is 4.\n\n# Answer\n\n4\n\n# Question\n\nWhat is 5?",
    "It is 4.\n\n",
    "# Question\n\n",
    "No end # Answer",
    "",
]


class Written:
    """A policy that writes the texts of a request in turn, cut off or closed at a step."""

    version = "written"

    def sample(self, requests, sampling):
        tokens = WORDS.encode(TEXTS)
        finish = np.array([FINISH_STEP if text.endswith("\n\n") else FINISH_LENGTH for text in TEXTS], np.uint8)
        flat = np.concatenate(tokens)
        logprobs = -np.arange(len(flat), dtype=np.float32) if sampling.logprobs else None
        return [Samples(flat, np.cumsum([0, *map(len, tokens)]), finish, logprobs) for _ in requests]


class WrittenInParts(Written):
    def stream(self, requests, sampling):
        for number, samples in enumerate(self.sample(requests, sampling)):
            yield Part(number, np.arange(len(samples)), samples)


REQUESTS = [SampleRequest(np.array([5], np.int32), np.arange(len(TEXTS), dtype=np.uint64))] * 2
SAMPLING = Sampling(0.8, 1.0, 99, "end", logprobs=True)


def check(samples: Samples) -> None:
    (plain,) = Written().sample(REQUESTS[:1], SAMPLING)
    assert WORDS.decode(list(samples)) == [
        "It is 4.\n\n# Answer\n\n4\n\n",
        "It is 4.\n\n",
        "",
        "No end # Answer",
        "",
    ]
    assert samples.finish.tolist() == [FINISH_END, FINISH_STEP, FINISH_END, FINISH_LENGTH, FINISH_LENGTH]
    assert samples.logprobs is not None and plain.logprobs is not None
    for i in (0, 2):
        n = len(samples[i])
        assert samples[i][-1] == END
        np.testing.assert_array_equal(samples[i][:-1], plain[i][: n - 1])
        start = plain.offsets[i]
        own = samples.logprobs[samples.offsets[i] : samples.offsets[i + 1]]
        np.testing.assert_array_equal(own, plain.logprobs[start : start + n])


def test_a_sample_is_cut_where_the_text_begins_and_closed() -> None:
    policy = ended(Written(), WORDS, "# Question", END)
    assert policy.version == "written:end='# Question'" and not isinstance(policy, StreamingPolicy)
    for samples in policy.sample(REQUESTS, SAMPLING):
        check(samples)
    assert policy.sample(REQUESTS, Sampling(0.8, 1.0, 99, "end"))[0].logprobs is None


def test_a_streaming_policy_stays_one() -> None:
    policy = ended(WrittenInParts(), WORDS, "# Question", END)
    assert isinstance(policy, StreamingPolicy)
    parts = list(policy.stream(REQUESTS, SAMPLING))
    assert [part.request for part in parts] == [0, 1]
    for part in parts:
        check(part.samples)


@pytest.mark.parametrize("until", ["step", "end"])
def test_a_checkpoint_that_declares_how_its_solutions_end_is_opened_so(tmp_path, until) -> None:
    weights = checkpoint(tmp_path / "weights")
    where = {"model": None, "revision": None, "folder": str(weights)}
    engine = {"kind": "reference", "device": "cpu", "batch_size": 64}
    pointer.make(tmp_path / "plain", where, step="\n\n")
    pointer.make(tmp_path / "ended", where, step="\n\n", end="e")
    request = [SampleRequest(np.array([5, 6, 7], np.int32), np.arange(64, dtype=np.uint64))]
    sampling = Sampling(1.5, 1.0, 40, until)
    plain, cut = (open_policy(tmp_path / name, engine).sample(request, sampling)[0] for name in ("plain", "ended"))
    texts, shorter = (WORDS.decode([samples[i] for i in range(64)]) for samples in (plain, cut))
    assert sum("e" in text for text in texts) > 10
    for i, (text, short) in enumerate(zip(texts, shorter, strict=True)):
        assert text.partition("e")[0].startswith(short.rstrip("\ufffd"))  # cut inside a character
        assert cut.finish[i] == (FINISH_END if "e" in text else plain.finish[i])
