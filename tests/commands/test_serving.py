"""The server over HTTP: what it answers, what it refuses, and that it goes on."""

import json

import pytest

pytest.importorskip("starlette")

from starlette.testclient import TestClient

from helpers.fitted_choices import RECORD, policy
from helpers.served_choice import served
from helpers.simulated_policy import SimulatedPolicy
from tts_lib.commands.serving.answers import Wish
from tts_lib.commands.serving.app import Bounds, application
from tts_lib.commands.serving.metrics import divergence

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::PendingDeprecationWarning")
CHAT = {"model": "tts", "messages": [{"role": "user", "content": "101 54"}]}
TEXT = {"model": "tts", "prompt": "101 54"}


@pytest.fixture(scope="module")
def client():
    with TestClient(application(served(), Bounds(generations=64), budget=16), raise_server_exceptions=False) as found:
        yield found


def test_an_answer_counts_every_token_and_says_what_happened(client: TestClient) -> None:
    choice = served()
    for path, body in (("/v1/chat/completions", CHAT), ("/v1/completions", TEXT)):
        reply = client.post(path, json=body)
        assert reply.status_code == 200
        found, expected = reply.json(), choice.alone("101 54", Wish(16))
        (said,) = found["choices"]
        assert (said["message"]["content"] if "message" in said else said["text"]) == expected.text
        cost = expected.cost
        assert found["usage"]["completion_tokens"] == cost.policy_decode_tokens
        read = cost.policy_prefill_tokens + cost.verifier_prefill_tokens + cost.verifier_tokens
        assert found["usage"]["prompt_tokens"] == read
        assert found["usage"]["total_tokens"] == read + cost.policy_decode_tokens
        tts = found["tts"]
        assert (tts["strategy"], tts["bin"], tts["generations"]) == (expected.strategy, expected.bin, cost.generations)
        assert tts["probe_generations"] == 2 and tts["seed"] == 3 and tts["stopped"] is None


def test_the_budget_is_the_first_that_is_given(client: TestClient) -> None:
    body = TEXT | {"model": "tts:majority"}

    def spent(headers=None, **more):
        return client.post("/v1/completions", json=body | more, headers=headers).json()["tts"]["generations"]

    assert spent() == 16 and spent(reasoning_effort="high") == 64
    assert spent(budget=7, reasoning_effort="high") == 7
    assert spent({"X-TTS-Budget": "5"}, budget=7) == 5


def test_the_bare_policy_takes_its_own_settings(client: TestClient) -> None:
    reply = client.post("/v1/completions", json=TEXT | {"model": "base", "temperature": 0.0, "max_tokens": 20}).json()
    assert reply["tts"]["generations"] == 1 and reply["tts"]["verifier_tokens"] == 0
    assert reply["choices"][0]["finish_reason"] in ("stop", "length")


def test_a_stream_is_the_final_answer(client: TestClient) -> None:
    whole = client.post("/v1/chat/completions", json=CHAT).json()
    with client.stream("POST", "/v1/chat/completions", json=CHAT | {"stream": True}) as reply:
        lines = [line.removeprefix("data: ") for line in reply.iter_lines() if line]
    assert lines[-1] == "[DONE]"
    first, last = map(json.loads, lines[:-1])
    assert first["choices"][0]["delta"]["content"] == whole["choices"][0]["message"]["content"]
    assert last["choices"][0]["finish_reason"] == "stop" and last["usage"] == whole["usage"]


def test_models_are_listed(client: TestClient) -> None:
    names = [model["id"] for model in client.get("/v1/models").json()["data"]]
    assert names == ["tts", "base", *(f"tts:{strategy['name']}" for strategy in RECORD["strategies"])]
    assert client.get("/v1/models/tts:weighted:prm_last").json()["id"] == "tts:weighted:prm_last"
    assert client.get("/v1/models/../../etc/passwd").status_code == 404
    assert client.get("/health").json() == {"status": "ok"}


REFUSED = [
    (TEXT | {"budget": 0}, 400, "budget: Input should be greater than or equal to 1"),
    (TEXT | {"budget": -4}, 400, "budget"),
    (TEXT | {"budget": "many"}, 400, "budget"),
    (TEXT | {"budget": True}, 400, "budget"),
    (TEXT | {"budget": 65}, 400, "the budget is 65, but this server spends at most 64"),
    (TEXT | {"model": "gpt"}, 404, "there is no such model; there are tts, base, tts:majority"),
    (TEXT | {"model": "tts:../../etc"}, 404, "no such model"),
    (TEXT | {"model": "tts:beam_4", "budget": 2}, 400, "beam_4 takes at least 4 generations"),
    (TEXT | {"prompt": "7 " * 400}, 400, "the prompt has 400 tokens"),
    (TEXT | {"prompt": ""}, 400, "the prompt is empty"),
    (TEXT | {"prompt": 7}, 400, "prompt"),
    (TEXT | {"difficulty": 2}, 400, "difficulty"),
    (TEXT | {"n": 2}, 400, "n: Input should be 1"),
    (TEXT | {"temperature": 0.1}, 400, "temperature belongs to the strategies, which were fitted at 0.8"),
    (TEXT | {"max_tokens": 3}, 400, "max_tokens must be at least 40"),
    (TEXT | {"tools": []}, 400, "tools: Extra inputs are not permitted"),
    ({"model": "tts"}, 400, "prompt: Field required"),
    ([], 400, "Input should be an object"),
]


@pytest.mark.parametrize(("body", "status", "words"), REFUSED)
def test_what_cannot_be_answered_is_refused_in_a_sentence(client: TestClient, body, status, words) -> None:
    reply = client.post("/v1/completions", json=body)
    assert reply.status_code == status and words in reply.json()["error"]["message"]
    assert "\n" not in reply.json()["error"]["message"]


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b"{", 400),
        (b"", 400),
        (b"\xff\xfe\x00", 400),
        (b"[" * 60_000, 400),
        (b'{"model": "tts", "prompt": "101 54", "difficulty": NaN}', 400),
        (b'{"model": "tts", "prompt": "\\ud800"}', 400),
        (b'{"model": "tts", "prompt": "' + b"1 " * 40_000 + b'"}', 413),
    ],
)
def test_hostile_bodies_get_a_4xx_and_the_server_goes_on(client: TestClient, content: bytes, status: int) -> None:
    reply = client.post("/v1/completions", content=content)
    assert reply.status_code == status and reply.json()["error"]["message"]
    assert client.post("/v1/completions", json=TEXT).status_code == 200


@pytest.mark.parametrize("header", ["0", "-1", "1e3", "٣", "9" * 30, "x", ""])
def test_a_budget_in_a_header_is_a_whole_number(client: TestClient, header: str) -> None:
    reply = client.post("/v1/completions", json=TEXT, headers={"X-TTS-Budget": header.encode()})
    assert reply.status_code == 400 and "X-TTS-Budget must be a whole number" in reply.json()["error"]["message"]


def test_other_paths_and_methods_are_refused(client: TestClient) -> None:
    assert client.get("/v1/completions").status_code == 405
    assert client.get("/nothing").json()["error"]["type"] == "invalid_request_error"
    system = {"role": "system", "content": "be kind"}
    reply = client.post("/v1/chat/completions", json=CHAT | {"messages": [system, *CHAT["messages"]]})
    assert reply.status_code == 400 and "messages" in reply.json()["error"]["message"]


def test_metrics_count_what_was_spent() -> None:
    with TestClient(application(served(), Bounds(), budget=16)) as fresh:
        answers = [fresh.post("/v1/completions", json=TEXT | {"prompt": f"{100 + i} 54"}).json() for i in range(4)]
        fresh.post("/v1/completions", json={})
        text = fresh.get("/metrics").text
    lines = dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
    spent = sum(float(value) for name, value in lines.items() if name.startswith("tts_tokens_total"))
    assert spent == sum(answer["usage"]["total_tokens"] for answer in answers)
    assert float(lines["tts_probe_generations_total"]) == 8
    assert float(lines["tts_engine_calls"]) >= sum(answer["tts"]["rounds"] for answer in answers)
    assert lines['tts_requests_total{status="200"}'] == "4.0" and lines['tts_requests_total{status="400"}'] == "1.0"
    assert sum(float(value) for name, value in lines.items() if name.startswith("tts_bin_total")) == 4


def test_a_vote_that_stopped_early_says_so_and_is_counted() -> None:
    record = served(stopping=[policy("majority")])
    body = TEXT | {"model": "tts:majority", "budget": 8}
    with TestClient(application(record, Bounds(), budget=16)) as fresh:
        found = [fresh.post("/v1/completions", json=body | {"prompt": f"{100 + i} 54"}).json()["tts"] for i in range(8)]
        whole = fresh.post("/v1/completions", json=body | {"stop_early": False}).json()["tts"]
        text = fresh.get("/metrics").text
    early = [each for each in found if each["stopped_early"]]
    assert early and all(each["generations"] < 8 for each in early)
    assert whole["generations"] == 8 and not whole["stopped_early"]
    lines = dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
    assert float(lines["tts_stopped_early_total"]) == len(early)
    assert float(lines["tts_generations_spared_total"]) == sum(8 - each["generations"] for each in early)


def test_an_engine_that_dies_is_a_503_and_one_sentence() -> None:
    class Dying(SimulatedPolicy):
        def sample(self, requests, sampling):
            raise MemoryError("no memory left")

    with TestClient(application(served(Dying()), Bounds(), budget=16)) as fresh:
        reply = fresh.post("/v1/completions", json=TEXT)
        assert reply.status_code == 503 and "the engine failed (MemoryError" in reply.json()["error"]["message"]
        assert fresh.get("/health").status_code == 200


def test_drift_shows_in_the_divergence_of_the_bins() -> None:
    assert divergence([100] * 5) == pytest.approx(0) and divergence([96, 1, 1, 1, 1]) > 1
