"""The OpenAI engine against a server in this process that does what servers do, and what they should not."""

import json
import logging
import socket
import threading
from collections import Counter
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from helpers.completion_server import (
    END,
    STEP,
    VOCAB,
    WINDOW,
    CompletionServer,
    Reply,
    completion,
    good,
    serving,
    tokens_for,
)
from tts_lib.answers.cached_policy import CachedPolicy
from tts_lib.answers.protocols import (
    FINISH_END,
    FINISH_LENGTH,
    FINISH_STEP,
    SampleRequest,
    Samples,
    Sampling,
    StreamingPolicy,
)
from tts_lib.answers.store.store import Store
from tts_lib.common.errors import StudyError
from tts_lib.common.rng import derive_seeds, mix
from tts_lib.engines.openai.client import API_KEY, Limits
from tts_lib.engines.openai.engine import OpenAIPolicy
from tts_lib.engines.openai.model import ServedModel
from tts_lib.engines.openai.waiting import Clock, backoff
from tts_lib.models.tokenizer import TokenCodec, build

MODEL = ServedModel("tiny", "weights-1", VOCAB, WINDOW, (END,), (STEP,))
SAMPLING = Sampling(temperature=0.8, top_p=1.0, max_tokens=12, until="end")
TODAY = datetime(2026, 1, 1, tzinfo=UTC)


def server_seed(seed: np.uint64) -> int:
    return int(mix(np.uint64(0), seed)[0]) % 2**63


class FakeClock:
    """Passes no time but what is waited."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.waits: list[float] = []
        self.lock = threading.Lock()
        self.clock = Clock(now=lambda: self.seconds, today=lambda: TODAY, wait=self.wait)

    def wait(self, stop: threading.Event, seconds: float) -> None:
        with self.lock:
            self.seconds += seconds
            self.waits.append(seconds)


def policy_for(server: CompletionServer, codec=None, **limits) -> tuple[OpenAIPolicy, FakeClock]:
    fake = FakeClock()
    settings = Limits(**({"concurrency": 4, "n_tries": 3, "timeout_seconds": 1000.0} | limits))
    return OpenAIPolicy(server.url, MODEL, settings, codec, fake.clock), fake


def requests_for(n_requests: int = 3, n_samples: int = 4) -> list[SampleRequest]:
    return [
        SampleRequest(np.array([5, 6 + i], np.int32), derive_seeds(("served", i), n_samples)) for i in range(n_requests)
    ]


def assert_same(one: list[Samples], other: list[Samples]) -> None:
    assert len(one) == len(other)
    for a, b in zip(one, other, strict=True):
        np.testing.assert_array_equal(a.tokens, b.tokens)
        np.testing.assert_array_equal(a.offsets, b.offsets)
        np.testing.assert_array_equal(a.finish, b.finish)


@pytest.fixture(scope="module")
def expected(_no_proxy) -> list[Samples]:
    with serving() as server, policy_for(server)[0] as policy:
        return policy.sample(requests_for(), SAMPLING)


@pytest.fixture(scope="module", autouse=True)
def _no_proxy():
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NO_PROXY", "127.0.0.1")
        patch.delenv(API_KEY, raising=False)
        yield


def failing_first(reply: Reply, n_times: int = 1):
    """Each request fails n_times before it is served."""
    return lambda request, n_before: reply if n_before < n_times else good(request)


def test_each_sample_is_asked_for_with_its_own_seed():
    requests = requests_for()
    with serving() as server, policy_for(server)[0] as policy:
        results = policy.sample(requests, SAMPLING)
        asked = {(tuple(r["prompt"]), r["seed"]): r for r in server.requests}
        assert len(asked) == len(server.requests) == 12
        assert len(server.connections) <= 4  # kept
        assert isinstance(policy, StreamingPolicy)
        assert policy.version == "openai-1:0.0.fake:weights-1:96:end=1:step=0"
        assert policy.errors == {}
    for request, samples in zip(requests, results, strict=True):
        for i, seed in enumerate(request.seeds):
            sent = asked[tuple(request.prefix), server_seed(seed)]
            assert (sent["n"], sent["return_token_ids"], sent["top_k"], sent["stop_token_ids"]) == (1, True, -1, [END])
            assert samples[i].tolist() == tokens_for(sent)
            assert samples.finish[i] == (FINISH_END if samples[i][-1] == END else FINISH_LENGTH)


def test_steps_end_at_the_server():
    with serving() as server, policy_for(server)[0] as policy:
        (samples,) = policy.sample(requests_for(1, 60), Sampling(0.8, 1.0, 12, "step"))
        assert all(request["stop_token_ids"] == [END, STEP] for request in server.requests)
    last = {STEP: FINISH_STEP, END: FINISH_END}
    assert [last.get(samples[i][-1], FINISH_LENGTH) for i in range(60)] == samples.finish.tolist()
    assert set(samples.finish) == {FINISH_STEP, FINISH_END, FINISH_LENGTH}


def test_a_text_can_close_a_step():
    """The server says which of its stops it met, or none for the end token."""
    model = ServedModel("tiny", "weights-1", VOCAB, WINDOW, (END,), stop="\n\n")

    def stopped(request, _):
        kind = request["seed"] % 3
        choice = {"token_ids": [5, 6, END if kind == 1 else 7], "finish_reason": "stop" if kind < 2 else "length"}
        return completion([choice | {"stop_reason": "\n\n" if kind == 0 else None}])

    with serving(stopped) as server, OpenAIPolicy(server.url, model) as policy:
        assert policy.version.endswith(r":end=1:step='\n\n'")
        (samples,) = policy.sample(requests_for(1, 30), Sampling(0.8, 1.0, 3, "step"))
        assert all((r["stop"], r["include_stop_str_in_output"]) == (["\n\n"], True) for r in server.requests)
        server.requests.clear()
        server.answer = good
        policy.sample(requests_for(1, 1), SAMPLING)
        assert "stop" not in server.requests[0]
    kinds = [server_seed(seed) % 3 for seed in requests_for(1, 30)[0].seeds]
    assert samples.finish.tolist() == [(FINISH_STEP, FINISH_END, FINISH_LENGTH)[kind] for kind in kinds]
    assert len(set(kinds)) == 3


def test_a_model_says_how_its_steps_and_texts_end():
    for ends, steps, stop in [((), (STEP,), None), ((END,), (), None), ((END,), (STEP,), "\n")]:
        with pytest.raises(StudyError, match="needs a token that ends its texts, and either tokens or a text"):
            ServedModel("tiny", "w", VOCAB, WINDOW, ends, steps, stop)


def test_a_temperature_that_servers_raise_is_refused():
    with (
        serving() as server,
        policy_for(server)[0] as policy,
        pytest.raises(ValueError, match=r"0\.005; allowed is 0 \(greedy\), or 0\.01"),
    ):
        policy.sample(requests_for(1, 1), Sampling(0.005, 1.0, 12, "end"))


def test_greedy_samples_of_a_prefix_are_one_request():
    with serving() as server, policy_for(server)[0] as policy:
        samples = policy.sample(requests_for(), Sampling(0.0, 1.0, 12, "end", logprobs=True))
        assert len(server.requests) == 3
    assert all((each[i] == each[0]).all() for each in samples for i in range(4))
    assert all(len(each.logprobs) == len(each.tokens) for each in samples)


def test_logprobs_stand_beside_their_tokens():
    with serving() as server, policy_for(server)[0] as policy:
        samples = policy.sample(requests_for(), Sampling(0.8, 1.0, 12, "end", logprobs=True))
    for each in samples:
        np.testing.assert_array_equal(each.logprobs, -each.tokens.astype(np.float32) / 8)


def test_solutions_end_at_a_text_where_one_is_given():
    """The server stops there; with a step's text, too, it says which of both it met."""
    model = ServedModel("tiny", "weights-1", VOCAB, WINDOW, (END,), stop="\n\n", end="# Question")

    def stopped(request, _):
        return completion(
            [{"token_ids": [5, 6, 7], "finish_reason": "stop", "stop_reason": request["stop"][request["seed"] % 2 - 1]}]
        )

    with serving(stopped) as server, OpenAIPolicy(server.url, model) as policy:
        (whole,) = policy.sample(requests_for(1, 20), SAMPLING)
        assert all(r["stop"] == ["# Question"] and r["include_stop_str_in_output"] for r in server.requests)
        (steps,) = policy.sample(requests_for(1, 20), Sampling(0.8, 1.0, 12, "step"))
        assert all(r["stop"] == ["\n\n", "# Question"] for r in server.requests[20:])
    assert set(whole.finish) == {FINISH_END} and set(steps.finish) == {FINISH_STEP, FINISH_END}

    def written(request, _):
        return completion([{"text": "ab", "finish_reason": "stop"}])  # without the text that stopped it

    codec = TokenCodec(build(["_", "$", "a", "b", *(f"<{i}>" for i in range(VOCAB - 4))]))
    with serving(written) as server, OpenAIPolicy(server.url, model, codec=codec) as policy:
        (samples,) = policy.sample(requests_for(1, 3), SAMPLING)
        assert server.requests[0]["stop"] == ["# Question"]
    assert [samples[i].tolist() for i in range(3)] == [[2, 3, END]] * 3 and set(samples.finish) == {FINISH_END}


def test_failed_tries_are_shown_while_they_happen_and_at_the_end(capfd, caplog):
    with serving() as server:
        server.answer = failing_first(Reply(b"", 429))
        policy = OpenAIPolicy(server.url, MODEL, Limits(concurrency=2), clock=FakeClock().clock, progress=True)
        with policy:
            policy.sample(requests_for(), SAMPLING)
            shown = capfd.readouterr().err
            server.answer = good
            policy.sample(requests_for(), SAMPLING)
    assert "12/12" in shown and "12 tries failed (status 429: 12)" in shown
    assert [record.getMessage() for record in caplog.records if record.name.startswith("tts_lib")] == [
        f"{server.url}: 12 tries failed (status 429: 12)"
    ]


def test_the_servers_window_counts():
    with serving() as server:
        server.models[0]["max_model_len"] = 8
        with policy_for(server)[0] as policy:
            policy.sample([SampleRequest(np.full(5, 7, np.int32), np.zeros(1, np.uint64))], SAMPLING)
            with pytest.raises(ValueError, match="window of 8 allows 7"):
                policy.sample([SampleRequest(np.full(8, 7, np.int32), np.zeros(1, np.uint64))], SAMPLING)
        assert [request["max_tokens"] for request in server.requests] == [3]


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (Reply(b"", 429), "status 429"),
        *((Reply(b"oops", status), f"status {status}") for status in (500, 501, 502, 503, 504)),
        (Reply(b"{"), "garbage"),
        (Reply(b"[" * 100_000), "garbage"),
        (Reply(b"[]"), "garbage"),
        (Reply(b'{"choices": [{"token_ids": [NaN]}]}'), "garbage"),
        (Reply(b'{"choices": 1}'), "garbage"),
        (Reply(b"\xff\xfe"), "garbage"),
        (completion([]), "garbage"),
        (completion([{"token_ids": [END], "finish_reason": "stop"}] * 2), "garbage"),
        (completion(["text"]), "garbage"),
        (completion([{"token_ids": [], "finish_reason": "stop"}]), "garbage"),
        (completion([{"token_ids": "12", "finish_reason": "stop"}]), "garbage"),
        (completion([{"token_ids": [VOCAB] * 12, "finish_reason": "length"}]), "garbage"),
        (completion([{"token_ids": [-1] * 12, "finish_reason": "length"}]), "garbage"),
        (completion([{"token_ids": [True] * 12, "finish_reason": "length"}]), "garbage"),
        (completion([{"token_ids": [2.0] * 12, "finish_reason": "length"}]), "garbage"),
        (completion([{"token_ids": [2**70] * 12, "finish_reason": "length"}]), "garbage"),
        (completion([{"token_ids": [5] * 13, "finish_reason": "length"}]), "garbage"),
        (completion([{"token_ids": [5] * 11, "finish_reason": "length"}]), "garbage"),
        (completion([{"token_ids": [5] * 12, "finish_reason": "abort"}]), "garbage"),
        (completion([{"token_ids": [5, END, 5, END], "finish_reason": "stop"}]), "garbage"),
        (Reply(b'{"choices": []}' * 50, drop_after=20), "connection"),
    ],
)
def test_a_failure_is_counted_and_the_sample_asked_for_again(reply, kind, expected):
    with serving(failing_first(reply)) as server:
        policy, fake = policy_for(server)
        with policy:
            assert_same(policy.sample(requests_for(), SAMPLING), expected)
            assert policy.errors == {kind: 12}
        assert Counter(Counter(map(str, server.requests)).values()) == {2: 12}
    assert len(fake.waits) == 12


@pytest.mark.parametrize("logprobs", [None, {}, [], {"token_logprobs": [0.0]}, {"token_logprobs": ["0"] * 12}])
@pytest.mark.parametrize("value", [None, 0.5, float("-1e999")])
def test_absurd_logprobs_are_garbage(logprobs, value):
    if isinstance(logprobs, dict) and value is not None:
        logprobs = {"token_logprobs": [value] * 12}
    choice = {"token_ids": [5] * 12, "finish_reason": "length", "logprobs": logprobs}
    with (
        serving(lambda *_: completion([choice])) as server,
        policy_for(server, n_tries=1)[0] as policy,
        pytest.raises(StudyError, match=r"log-probabilities|not JSON"),
    ):
        policy.sample(requests_for(1, 1), Sampling(0.8, 1.0, 12, "end", logprobs=True))


@pytest.mark.parametrize(
    ("header", "waits"),
    [("7", 7.0), ((TODAY + timedelta(seconds=9)).strftime("%a, %d %b %Y %H:%M:%S GMT"), 9.0)],
)
def test_retry_after_is_honoured(header, waits, expected):
    with serving(failing_first(Reply(b"", 429, {"Retry-After": header}))) as server:
        policy, fake = policy_for(server)
        with policy:
            assert_same(policy.sample(requests_for(), SAMPLING), expected)
    assert fake.waits == [waits] * 12


@pytest.mark.parametrize("header", ["soon", "-3", "", "1e9", "٣"])
def test_a_retry_after_that_says_nothing_leaves_the_backoff(header, expected):
    with serving(failing_first(Reply(b"", 503, {"Retry-After": header.encode().decode("latin-1")}))) as server:
        policy, fake = policy_for(server)
        with policy:
            assert_same(policy.sample(requests_for(), SAMPLING), expected)
    assert all(0.5 <= wait <= 1.5 for wait in fake.waits)


def test_a_server_that_asks_for_an_eternity_has_failed():
    with (
        serving(lambda *_: Reply(b"", 429, {"Retry-After": "9" * 20})) as server,
        policy_for(server)[0] as policy,
        pytest.raises(StudyError, match=r"failed 1 times, at last with status 429 and asks to wait 9+ s: lower"),
    ):
        policy.sample(requests_for(1, 1), SAMPLING)


def test_backoff_doubles_within_its_jitter_and_is_the_same_again():
    seeds = derive_seeds(("jitter",), 200)
    waits = np.array([[backoff(n, seed, 1.0, 60.0) for n in range(1, 9)] for seed in seeds])
    assert np.array_equal(waits, [[backoff(n, seed, 1.0, 60.0) for n in range(1, 9)] for seed in seeds])
    middle = 2.0 ** np.arange(8)
    assert (waits >= np.minimum(60, 0.5 * middle)).all()
    assert (waits <= np.minimum(60, 1.5 * middle)).all()
    assert len(np.unique(waits[:, 0])) == 200  # they do not come back all at once
    assert backoff(10_000, seeds[0], 1.0, 60.0) == 60.0


def test_always_500_ends_with_one_sentence():
    with serving(lambda *_: Reply(b"boom", 500)) as server, policy_for(server)[0] as policy:
        with pytest.raises(StudyError) as caught:
            policy.sample(requests_for(1, 1), SAMPLING)
        assert str(caught.value) == (
            f"{server.url}/completions failed 3 times, at last with status 500: see the server's log, then run again; "
            "what was sampled and stored is not asked for twice."
        )
        assert policy.errors == {"status 500": 3}
        assert len(server.requests) == 3


def test_a_slow_server_runs_into_the_time_limit():
    release = threading.Event()

    def slow(*_):
        release.wait(10)
        return Reply(b"{}")

    with serving(slow) as server, policy_for(server, timeout_seconds=0.01, n_tries=2)[0] as policy:
        try:
            with pytest.raises(StudyError, match=r"no answer in 0\.01 s: lower the concurrency or raise timeout"):
                policy.sample(requests_for(1, 1), SAMPLING)
            assert policy.errors == {"time-out": 2}
        finally:
            release.set()


def test_a_server_that_drips_runs_into_the_time_limit_too():
    with serving() as server:
        policy, fake = policy_for(server, n_tries=1, timeout_seconds=20.0)

        def late(request, _):
            fake.seconds += 21
            return good(request)

        server.answer = late
        with policy, pytest.raises(StudyError, match="no whole answer in 20 s"):
            policy.sample(requests_for(1, 1), SAMPLING)


def test_an_endless_answer_is_cut():
    with (
        serving(lambda *_: Reply(b" " * 100_000)) as server,
        policy_for(server, most_bytes=10_000, n_tries=1)[0] as policy,
        pytest.raises(StudyError, match="an answer above 10,000 bytes"),
    ):
        policy.sample(requests_for(1, 1), SAMPLING)


def test_nobody_listens():
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # bound, not listening
        url = f"http://127.0.0.1:{unused.getsockname()[1]}/v1"
        with pytest.raises(StudyError, match=r"failed 2 times, .*a broken connection .*: start the server or correct"):
            OpenAIPolicy(url, MODEL, Limits(n_tries=2), clock=FakeClock().clock)


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (400, r"refuses the request \(status 400\): the prompt \[31m is too long\."),
        (401, rf"wants a key \(status 401\): the environment variable {API_KEY} is empty"),
        (302, r"points elsewhere \(status 302\), which is not followed"),
        (404, r"refuses the request \(status 404\)"),
    ],
)
def test_what_no_further_try_can_mend_ends_at_once(status, message):
    reply = Reply(b"the prompt\x1b[31m is\n too long.", status, {"Location": "http://127.0.0.1:9/"})
    with serving(lambda *_: reply) as server, policy_for(server, concurrency=1)[0] as policy:
        with pytest.raises(StudyError, match=message):
            policy.sample(requests_for(), SAMPLING)
        assert policy.errors == {f"status {status}": 1}
        assert len(server.requests) == 1


def test_the_model_must_be_served():
    with serving() as server:
        server.models = [{"id": "other"}, {"id": 7}, "x"]  # type: ignore[list-item]
        with pytest.raises(StudyError, match="serves 'other', not 'tiny': correct the url or the name"):
            policy_for(server)


@pytest.mark.parametrize(
    "url", ["ftp://127.0.0.1/v1", "http://me:secret@127.0.0.1/v1", "http://127.0.0.1/v1?key=secret", "http://[/", "v1"]
)
def test_urls_that_are_refused(url):
    with pytest.raises(StudyError, match="url of the completion server") as caught:
        OpenAIPolicy(url, MODEL)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "change", [{"concurrency": 0}, {"requests_per_second": 0.0}, {"timeout_seconds": -1.0}, {"n_tries": 0}]
)
def test_limits_are_positive(change):
    with pytest.raises(StudyError, match=f"{next(iter(change))} is .*; allowed is a number above 0"):
        Limits(**change)


def test_the_key_goes_to_the_server_and_nowhere_else(monkeypatch, caplog, tmp_path):
    key = "sk-very-secret-0123456789"
    monkeypatch.setenv(API_KEY, key)
    caplog.set_level(logging.DEBUG)
    said = []
    with (
        serving() as server,
        Store.open(tmp_path / "store", write=True) as store,
        policy_for(server, n_tries=1)[0] as policy,
    ):
        CachedPolicy(policy, store).sample(requests_for(), SAMPLING)
        assert {headers["Authorization"] for headers in server.headers} == {f"Bearer {key}"}
        for status in (400, 401, 500):
            server.answer = lambda *_, status=status: Reply(f"the key {key} is odd".encode(), status)
            with pytest.raises(StudyError) as caught:
                policy.sample(requests_for(1, 1), SAMPLING)
            said.append(repr(caught.value))
        said += [policy.version, repr(policy), repr(vars(policy)), repr(policy.errors)]
    assert "***" in said[0]
    files = [path.read_bytes() for path in (tmp_path / "store").rglob("*") if path.is_file()]
    assert files
    assert key not in "".join(said) + caplog.text
    assert not any(key.encode() in content for content in files)


def test_a_key_with_a_line_break_is_refused_unseen(monkeypatch):
    monkeypatch.setenv(API_KEY, "secret\nHost: elsewhere")
    with pytest.raises(StudyError, match=f"{API_KEY} holds signs that no key has") as caught:
        OpenAIPolicy("http://127.0.0.1:1/v1", MODEL)
    assert "secret" not in str(caught.value)


def test_requests_keep_their_pace():
    with serving() as server:
        policy, fake = policy_for(server, requests_per_second=2.0, concurrency=1)
        with policy:
            policy.sample(requests_for(), SAMPLING)
    np.testing.assert_allclose(fake.waits, 0.5)
    assert len(fake.waits) == 13  # 2 questions about the server, 12 samples; the first goes at once


def test_no_more_requests_at_once_than_allowed():
    under_way, most, lock = [0], [0], threading.Lock()
    all_there = threading.Barrier(3)

    def counting(request, _):
        with lock:
            under_way[0] += 1
            most[0] = max(most[0], under_way[0])
        all_there.wait(10)  # 12 requests pass in threes
        with lock:
            under_way[0] -= 1
        return good(request)

    with serving(counting) as server, policy_for(server, concurrency=3)[0] as policy:
        policy.sample(requests_for(), SAMPLING)
    assert most[0] == 3


def test_the_order_of_answers_changes_nothing(expected):
    """The first half of the requests is answered only when the second half has been."""
    others_done, n_done, lock = threading.Event(), [0], threading.Lock()
    first_half = {server_seed(seed) for seed in np.concatenate([r.seeds for r in requests_for()])[:6]}

    def crosswise(request, _):
        if request["seed"] in first_half:
            others_done.wait(10)
        else:
            with lock:
                n_done[0] += 1
                if n_done[0] == 6:
                    others_done.set()
        return good(request)

    with serving(crosswise) as server, policy_for(server, concurrency=12)[0] as policy:
        assert_same(policy.sample(requests_for(), SAMPLING), expected)


def test_a_server_that_goes_down_in_mid_call_costs_nothing_that_was_finished(tmp_path, expected):
    requests = requests_for()
    served: list[dict] = []
    lock = threading.Lock()

    def until_it_dies(request, _):
        with lock:
            if len(served) >= 5:
                return Reply(b"{}", drop_after=0)
            served.append(request)
        return good(request)

    with (
        serving(until_it_dies) as server,
        policy_for(server)[0] as policy,
        Store.open(tmp_path / "store", write=True) as store,
        pytest.raises(StudyError, match="broken connection"),
    ):
        CachedPolicy(policy, store).sample(requests, SAMPLING)
    with serving() as server, policy_for(server)[0] as policy:
        with Store.open(tmp_path / "store", write=True) as store:
            cached = CachedPolicy(policy, store)
            assert_same(cached.sample(requests, SAMPLING), expected)
            assert (cached.n_sampled, cached.n_reused) == (7, 5)
        assert not [request for request in server.requests if request in served]
        assert len(server.requests) == 7


def test_a_failure_ends_the_call_but_not_the_requests_under_way():
    """One request is refused when three others have arrived: these are delivered before the error is."""
    arrived = threading.Barrier(4)
    refused_seed = server_seed(requests_for(1, 4)[0].seeds[0])

    def one_refused(request, _):
        arrived.wait(10)
        return Reply(b"no", 400) if request["seed"] == refused_seed else good(request)

    with serving(one_refused) as server, policy_for(server)[0] as policy:
        parts = []
        with pytest.raises(StudyError, match="status 400"):
            for part in policy.stream(requests_for(1, 4), SAMPLING):
                parts.append(part)
    assert sorted(int(part.positions[0]) for part in parts) == [1, 2, 3]


def test_a_call_that_is_left_asks_for_no_more():
    with serving() as server, policy_for(server, concurrency=1)[0] as policy:
        parts = policy.stream(requests_for(3, 50), SAMPLING)
        next(parts)
        parts.close()
        n_asked = len(server.requests)
        assert n_asked < 150
        policy.sample(requests_for(1, 1), SAMPLING)
        assert len(server.requests) == n_asked + 1


def test_empty_calls():
    with serving() as server, policy_for(server)[0] as policy:
        assert policy.sample([], SAMPLING) == []
        (none,) = policy.sample([SampleRequest(np.array([5], np.int32), np.zeros(0, np.uint64))], SAMPLING)
        assert (len(none), none.offsets.tolist(), none.logprobs) == (0, [0], None)
        assert server.requests == []


# Servers without token ids


def words() -> TokenCodec:
    """One token per character from "\\n" (STEP) over "$" (END) to letters."""
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers

    vocabulary = {"\n": STEP, "$": END} | {chr(ord("a") + i): 2 + i for i in range(26)}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="a"))
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(r"[\s\S]"), behavior="isolated")
    tokenizer.decoder = decoders.Fuse()
    return TokenCodec(tokenizer)


@pytest.mark.parametrize(
    ("text", "reason", "until", "tokens", "finish"),
    [
        ("ab", "stop", "end", [2, 3, END], FINISH_END),
        ("", "stop", "end", [END], FINISH_END),
        ("ab$", "stop", "end", [2, 3, END], FINISH_END),
        ("a\nb", "stop", "end", [2, STEP, 3, END], FINISH_END),
        ("a\nb", "stop", "step", [2, STEP], FINISH_STEP),
        ("ab", "stop", "step", [2, 3, END], FINISH_END),
        ("abcdefghijkl", "length", "end", list(range(2, 14)), FINISH_LENGTH),
        ("abcdefghijklmno", "length", "end", list(range(2, 14)), FINISH_LENGTH),
        ("abc", "length", "step", [2, 3, 4], FINISH_LENGTH),
    ],
)
def test_text_is_encoded_and_cut_at_its_first_step(text, reason, until, tokens, finish):
    answer = completion([{"text": text, "finish_reason": reason}])
    with serving(lambda *_: answer) as server, policy_for(server, words())[0] as policy:
        (samples,) = policy.sample(requests_for(1, 1), Sampling(0.8, 1.0, 12, until))
        assert not {"return_token_ids", "stop_token_ids"} & server.requests[0].keys()
        assert 0 <= server.requests[0]["seed"] < 2**31
        assert policy.version == "openai-1:0.0.fake:text:weights-1:96:end=1:step=0"
    assert (samples[0].tolist(), samples.finish.tolist()) == (tokens, [finish])


@pytest.mark.parametrize(
    ("text", "reason", "tokens", "finish"),
    [
        ("abbc", "stop", [2, 3, 3], FINISH_STEP),
        ("abc", "stop", [2, 3, 4, END], FINISH_END),
        ("abb$", "length", [2, 3, 3], FINISH_STEP),
        ("cccccccccccbb", "stop", [4] * 11 + [3], FINISH_LENGTH),
    ],
)
def test_text_is_cut_where_a_text_closes_its_first_step(text, reason, tokens, finish):
    model = ServedModel("tiny", "weights-1", VOCAB, WINDOW, (END,), stop="bb")
    answer = completion([{"text": text, "finish_reason": reason}])
    with serving(lambda *_: answer) as server, OpenAIPolicy(server.url, model, codec=words()) as policy:
        (samples,) = policy.sample(requests_for(1, 1), Sampling(0.8, 1.0, 12, "step"))
        assert "stop" not in server.requests[0]
    assert (samples[0].tolist(), samples.finish.tolist()) == (tokens, [finish])


@pytest.mark.parametrize(
    "choice",
    [
        {"text": 5, "finish_reason": "stop"},
        {"text": "a", "finish_reason": None},
        {"text": "", "finish_reason": "length"},
        {"finish_reason": "stop"},
    ],
)
def test_texts_that_are_garbage(choice):
    with serving(lambda *_: completion([choice])) as server, policy_for(server, words(), n_tries=1)[0] as policy:
        with pytest.raises(StudyError):
            policy.sample(requests_for(1, 1), SAMPLING)
        assert policy.errors == {"garbage": 1}


def test_without_token_ids_the_way_out_is_named():
    with serving(lambda *_: completion([{"text": "a", "finish_reason": "stop"}])) as server:
        with (
            policy_for(server)[0] as policy,
            pytest.raises(StudyError, match=r"answers without token ids: .*\(codec\)"),
        ):
            policy.sample(requests_for(1, 1), SAMPLING)
        with policy_for(server, words())[0] as policy, pytest.raises(StudyError, match="Log-probabilities need"):
            policy.sample(requests_for(1, 1), Sampling(0.8, 1.0, 12, "end", logprobs=True))


def test_nothing_is_sent_but_plain_json():
    with serving() as server, policy_for(server)[0] as policy:
        policy.sample(requests_for(1, 1), SAMPLING)
        (request,) = server.requests
    assert json.loads(json.dumps(request)) == request
    assert request["max_tokens"] == 12
