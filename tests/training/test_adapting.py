"""Revision models of checkpoints: an adapter beside a pointer, texts that end with a token of their own, and chains."""

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from safetensors.numpy import load_file, save_file

from helpers.declared_engines import NATIVE, REFERENCE, SAMPLING, SERVER, request, where
from helpers.model_folders import random_folder
from helpers.scripted_policy import CODEC
from helpers.tiny_models import checkpoint
from tts_lib.answers import pools
from tts_lib.answers.protocols import FINISH_END, FINISH_LENGTH, Samples
from tts_lib.answers.question_table import QuestionTable
from tts_lib.common.errors import StudyError
from tts_lib.engines.opening import open_policy, serving
from tts_lib.grading.judging import Judged
from tts_lib.models import adapter, pointer, vocabulary
from tts_lib.models.chat import ChatTokenizer
from tts_lib.models.checkpoint import checkpoint_hash
from tts_lib.models.folder import FolderError
from tts_lib.models.prompts import chat_messages
from tts_lib.models.tokenizer import TokenCodec
from tts_lib.revisions import over_questions, trajectories, verifier
from tts_lib.revisions.chains import Revisions, context

RANK, ALPHA = 2, 3.0


def lora(folder: Path, base: Path, seed: int = 0, **config) -> Path:
    """An adapter of random matrices on the queries of a base."""
    rng, tensors = np.random.default_rng(seed), {}
    for name, weight in load_file(base / "model.safetensors").items():
        if "q_proj" in name and name.endswith("weight"):
            layer = adapter.PREFIX + name.removesuffix(".weight")
            shapes = {"lora_A": (RANK, weight.shape[1]), "lora_B": (weight.shape[0], RANK)}
            tensors |= {f"{layer}.{k}.weight": rng.normal(0, 0.5, v).astype(np.float32) for k, v in shapes.items()}
    adapter.write(folder, tensors, RANK, ALPHA, checkpoint_hash(base))
    written = json.loads((folder / adapter.CONFIG).read_text())
    (folder / adapter.CONFIG).write_text(json.dumps(written | config))
    return folder


@pytest.fixture
def adapted(tmp_path: Path) -> Path:
    """A model of the study that is a base pointed to, with an adapter."""
    weights = random_folder(tmp_path / "weights")
    pointer.make(tmp_path / "models/base", where(weights), step="\n")
    pointer.adapt(tmp_path / "models/revision", tmp_path / "models/base", lora(tmp_path / "lora", weights))
    return tmp_path / "models/revision"


def test_the_reference_engine_adds_an_adapter_to_the_weights(adapted: Path, tmp_path: Path) -> None:
    merged = shutil.copytree(tmp_path / "weights", tmp_path / "merged")
    tensors = load_file(merged / "model.safetensors")
    parts = load_file(tmp_path / "lora" / adapter.WEIGHTS)
    for name in [name for name in parts if "lora_A" in name]:
        layer = name.removeprefix(adapter.PREFIX).removesuffix(".lora_A.weight")
        tensors[f"{layer}.weight"] += ALPHA / RANK * parts[name.replace("lora_A", "lora_B")] @ parts[name]
    save_file(tensors, merged / "model.safetensors", metadata={"format": "pt"})
    with serving(adapted, REFERENCE) as served, serving(merged, REFERENCE) as expected:
        with serving(tmp_path / "models/base", REFERENCE) as base:
            a, b, c = (policy.sample(request(16), SAMPLING)[0].tokens for policy in (served, expected, base))
        np.testing.assert_array_equal(a, b)
        assert not np.array_equal(a, c)
        assert served.version == f"{base.version}:adapter={adapter.read(adapted).hash}"


def test_engines_without_adapters_say_so(adapted: Path) -> None:
    for engine in (NATIVE, SERVER | {"models": {"revision": "x"}}):
        with pytest.raises(StudyError, match=rf"the engine {engine['kind']} serves no LoRA adapters, as in "):
            open_policy(adapted, engine)


def test_an_adapter_stays_on_its_base(adapted: Path, tmp_path: Path) -> None:
    other = random_folder(tmp_path / "other", scale=0.3)
    pointer.make(tmp_path / "models/large", where(other), step="\n")
    with pytest.raises(FolderError, match="was trained on another base than"):
        pointer.adapt(tmp_path / "models/new", tmp_path / "models/large", tmp_path / "lora")
    with pytest.raises(FolderError, match="is a model with weights of its own; an adapter is put on a checkpoint"):
        pointer.adapt(tmp_path / "models/new", other, tmp_path / "lora")
    assert not (tmp_path / "models/new").exists()
    odd = lora(tmp_path / "odd", tmp_path / "weights", use_rslora=True)
    pointer.adapt(tmp_path / "models/odd", tmp_path / "models/base", odd)
    with pytest.raises(FolderError, match="scales its layers otherwise than by lora_alpha / r"):
        open_policy(tmp_path / "models/odd", REFERENCE)


def test_an_engine_is_closed_when_its_block_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Closable:
        closed = False

        def close(self) -> None:
            self.closed = True

    policy = Closable()
    monkeypatch.setattr("tts_lib.engines.opening.open_policy", lambda *_: policy)
    with pytest.raises(KeyError), serving(tmp_path, REFERENCE) as served:
        assert served is policy and not policy.closed
        raise KeyError
    assert policy.closed


# --- texts and tokens


@pytest.fixture(scope="module")
def chat(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return checkpoint(tmp_path_factory.mktemp("qwen") / "base")


def prompt_of(folder: Path) -> str:
    how = {"kind": "chat", "system": "Think.", "user": "{problem}"}
    return ChatTokenizer(folder).render(chat_messages(how, "What is the sum of two and two?"))


def test_the_token_that_a_tokenizer_names_ends_what_is_learned(chat: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(chat, tmp_path / "chat")
    end = TokenCodec.from_folder(folder).encode(["<|im_end|>"])[0].item()
    (folder / "generation_config.json").write_text(json.dumps({"eos_token_id": [3, end, 7]}))
    known = vocabulary.Vocabulary.of(folder, "\n\n")
    assert vocabulary.end_tokens(folder, known) == (end, 3, 7)
    (folder / "tokenizer_config.json").write_text(json.dumps({"eos_token": {"content": "<|im_end|>"}}))
    assert vocabulary.end_tokens(folder, known)[0] == end
    (folder / "tokenizer_config.json").unlink()
    assert vocabulary.end_tokens(folder, known) == (3, end, 7)


def test_what_is_learned_and_scored_is_what_a_chain_samples_token_by_token(chat: Path) -> None:
    """A byte-pair tokenizer and a chat template: an end token that the texts do not show, and merges over borders."""
    codec, known = TokenCodec.from_folder(chat), vocabulary.Vocabulary.of(chat, "\n\n")
    ends, prompt = vocabulary.end_tokens(chat, known), prompt_of(chat)
    texts = ["First, we add the numbers.\n\n# Answer\n\n5", "Then we see that 2 + 2 = 4.\n\n# Answer\n\n4"]
    sampled = [np.append(tokens, ends[0]).astype(np.int32) for tokens in codec.encode(texts)]
    assert codec.decode(sampled) == texts  # what a pool keeps
    questions = QuestionTable(pd.DataFrame({"question_id": ["a"], "problem": [prompt]}), codec)
    asked = codec.encode([prompt])[0]
    table = pd.DataFrame({"question_id": ["a"], "history": [[texts[0]]], "text": [texts[1]]})
    found = trajectories.examples(table, questions, ends)
    np.testing.assert_array_equal(found.tokens, np.concatenate([context(asked, (sampled[0],)), sampled[1]]))
    np.testing.assert_array_equal(found.tokens[found.weight > 0], sampled[1])

    attempts = pd.DataFrame({"question_id": "a", "chain": 0, "position": [1, 2], "text": texts, "finish": "end"})
    attempts["verdict"] = ["wrong", "correct"]
    block = verifier.examples(attempts, questions, 4, ends)
    np.testing.assert_array_equal(block.tokens, found.tokens)
    labelled = np.flatnonzero(block.weight)
    assert (block.tokens[labelled] == ends[0]).all() and block.target[labelled].tolist() == [0, 1]
    closing = (*known.step_tokens, *known.end_tokens)
    scores = verifier.scores(attempts, questions, Counting(closing), 4, closing, ends)
    assert scores.tolist() == [labelled[0] + 1, labelled[1] + 1]
    with pytest.raises(StudyError, match="an attempt at a has no score"):
        verifier.scores(attempts, questions, Counting(closing), 4, known.step_tokens, ends)


def test_a_text_that_shows_its_end_is_not_ended_twice() -> None:
    (end,) = CODEC.encode(["$"])[0].tolist()
    shown, hidden = pools.encode_attempts(CODEC, ["=04$", "=04"], (end, 1))
    np.testing.assert_array_equal(shown, hidden)
    assert shown.tolist() == CODEC.encode(["=04$"])[0].tolist()
    assert pools.encode_attempts(CODEC, ["", "=04"])[1].tolist() == CODEC.encode(["=04"])[0].tolist()


class Counting:
    """Scores each closing token, and the last, with the number of tokens read so far."""

    version = "counting"

    def __init__(self, closing):
        self.closing = closing

    def score(self, requests):
        return [
            [
                np.array(
                    [len(r.prefix) + i + 1 for i, t in enumerate(text) if t in self.closing or i == len(text) - 1],
                    np.float32,
                )
                for text in r.continuations
            ]
            for r in requests
        ]


# --- chains


class Cycling:
    """Answers 2, 4, 3 and a 2 that is cut off, in turn."""

    version = "cycling"

    def sample(self, requests, sampling):
        results = []
        for asked in requests:
            place = np.arange(len(asked.seeds)) % 4
            tokens = CODEC.encode([("=02$", "=04$", "=03$", "=02")[i] for i in place])
            finish = np.array([FINISH_LENGTH if i == 3 else FINISH_END for i in place], np.uint8)
            results.append(Samples(np.concatenate(tokens), np.cumsum([0, *map(len, tokens)]), finish, None))
        return results


class Numbers:
    """Takes =04 for another spelling of =02."""

    def judge(self, question_id, gold, texts):
        answers = [text.strip("$").removeprefix("=") for text in texts]
        classes = np.array([{"02": 0, "04": 0, "03": 1}[answer] for answer in answers])
        return Judged(answers, ["correct" if c == 0 else "wrong" for c in classes], classes)


PROBLEMS = pd.DataFrame({"question_id": ["test-a"], "problem": ["01a=?\n"], "answer": ["2"]})


def revising(window: int = 64) -> Revisions:
    return Revisions(temperature=1.0, top_p=1.0, max_tokens=4, max_history=1, window=window)


def test_chains_are_judged_as_their_study_judges() -> None:
    questions = QuestionTable(PROBLEMS, CODEC, Numbers())
    found = over_questions.sample_chains(revising(), questions, [1] * 4, Cycling(), (0,))
    assert sorted(found["text"]) == ["=02", "=02$", "=03$", "=04$"]
    finished = found[found["finish"] == "end"].set_index("text")
    assert finished.loc["=04$", "answer"] == finished.loc["=02$", "answer"] != finished.loc["=03$", "answer"]
    assert finished["verdict"].to_dict() == {"=02$": "correct", "=04$": "correct", "=03$": "wrong"}
    cut = found[found["finish"] == "length"].iloc[0]
    assert cut["verdict"] == "no_answer" and pd.isna(cut["answer"])


@pytest.mark.parametrize(("own", "models"), [(17, 64), (64, 17)])
def test_a_window_too_small_for_the_longest_chain_is_refused_beforehand(own: int, models: int) -> None:
    questions = QuestionTable(PROBLEMS, CODEC)
    over_questions.check_window(revising(18), questions, 18)
    with pytest.raises(StudyError, match=r"2 prompts of up to 5 tokens with attempts of 4 need a window of 18 tokens"):
        over_questions.check_window(revising(own), questions, models)
