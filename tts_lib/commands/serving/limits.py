"""A search that may be ended before it has found its answer: what it has by then is not lost."""

import numpy as np

from tts_lib.answers.protocols import FINISH_END, Codec, Samples
from tts_lib.answers.question_table import Question
from tts_lib.answers.scheduler import AskSamples, Search
from tts_lib.commands.serving.building import Proposed


class Stopped(Exception):  # noqa: N818 - not an error: what was found by then is the answer
    """Raised where a search waits, when a limit is reached; its text names the limit."""


def watched(
    search: Search[Proposed], question: Question, codec: Codec, drawn: Proposed | None
) -> Search[tuple[Proposed, str | None]]:
    """What the search proposes, and None; or, once it is stopped, what has been finished so far, and the limit.

    Of a stopped search each solution has one vote, those drawn before it too.
    """
    asked: list[tuple[AskSamples, list[Samples]]] = []
    results = None
    try:
        while True:
            ask = search.send(results)
            results = yield ask
            if isinstance(ask, AskSamples):
                asked.append((ask, results))
    except StopIteration as end:
        return end.value, None
    except Stopped as stop:
        search.close()
        seen = [text for ask, results in asked for text in _finished(ask, results, len(question.prompt))]
        before = drawn or Proposed([], np.zeros(0, np.float32), np.zeros(0, bool))
        texts = [*before.texts, *(codec.decode(seen) if seen else [])]
        finished = np.concatenate([before.finished, np.ones(len(seen), bool)])
        return Proposed(texts, np.ones(len(texts), np.float32), finished), str(stop)


def _finished(ask: AskSamples, results: list[Samples], n_prompt: int) -> list[np.ndarray]:
    """The solutions that ended in what was asked for, with the steps before, as int32 (token,)."""
    found: list[np.ndarray] = []
    for request, samples in zip(ask.requests, results, strict=True):
        begun = request.prefix[n_prompt:] if ask.sampling.until == "step" else []
        ended = np.flatnonzero(samples.finish == FINISH_END).tolist()
        found += [np.concatenate([begun, samples[i]]).astype(np.int32) for i in ended]
    return found
