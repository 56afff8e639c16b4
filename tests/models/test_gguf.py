"""GGUF files as model folders: every weight and token where Hugging Face has it, and what is refused in which words."""

import json
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("gguf")
pytest.importorskip("torch")

import torch
import transformers
from safetensors.torch import load_file
from tokenizers import Tokenizer, pre_tokenizers

from helpers import made_gguf
from tts_lib.common.errors import StudyError
from tts_lib.models import pointer
from tts_lib.models.gguf import convert

ANY = float("inf")  # a model of random weights babbles


def converted(tmp_path: Path, stored: str = "F32", **said: object) -> tuple[dict[str, np.ndarray], Path]:
    weights = made_gguf.hf_weights()
    file = made_gguf.write_gguf(tmp_path / "in" / "model.gguf", weights, stored, **said)
    convert.convert(file, tmp_path / "out", "a test", babble=ANY)
    return weights, tmp_path / "out"


def test_weights_come_out_as_they_went_in(tmp_path: Path) -> None:
    weights, folder = converted(tmp_path)
    found = load_file(folder / "model.safetensors")
    assert set(found) == set(weights)
    for name, values in weights.items():
        np.testing.assert_array_equal(found[name].numpy(), values, err_msg=name)


def test_transformers_reads_the_folder_as_the_model_that_it_is(tmp_path: Path) -> None:
    weights, folder = converted(tmp_path)
    s = made_gguf.SIZES
    config = transformers.LlamaConfig(
        vocab_size=s["vocab"], hidden_size=s["width"], intermediate_size=s["mlp"], num_hidden_layers=s["layers"],
        num_attention_heads=s["heads"], num_key_value_heads=s["shared"], rms_norm_eps=1e-5, tie_word_embeddings=True,
        max_position_embeddings=s["window"],
    )  # fmt: skip
    expected = transformers.LlamaForCausalLM(config).eval()
    expected.load_state_dict({name: torch.from_numpy(values) for name, values in weights.items()}, strict=False)
    model = transformers.AutoModelForCausalLM.from_pretrained(folder).eval()
    tokens = torch.arange(3, 60)[None]
    with torch.inference_mode():
        torch.testing.assert_close(model(tokens).logits, expected(tokens).logits, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(("stored", "coarseness"), [("F16", 1e-3), ("Q8_0", 1e-2), ("Q5_0", 0.1), ("Q4_1", 0.1)])
def test_quantised_weights_are_near_and_kept_in_bfloat16(tmp_path: Path, stored: str, coarseness: float) -> None:
    weights, folder = converted(tmp_path, stored)
    found = load_file(folder / "model.safetensors")
    assert {values.dtype for values in found.values()} == {torch.bfloat16}
    for name, values in weights.items():
        far = np.abs(found[name].float().numpy() - values).max() / np.abs(values).max()
        assert far < coarseness + 2**-8, name


def test_digits_are_read_one_by_one_and_specials_as_one(tmp_path: Path) -> None:
    tokenizer = Tokenizer.from_file(str(converted(tmp_path)[1] / "tokenizer.json"))
    text = "in the 1984\n\n<end>é"
    encoded = tokenizer.encode(text)
    assert encoded.tokens[:8] == ["in", "Ġthe", "Ġ", "1", "9", "8", "4", "Ċ"] and "<end>" in encoded.tokens
    assert tokenizer.decode(encoded.ids, skip_special_tokens=False) == text


def test_a_bos_that_the_model_was_taught_with_is_not_lost(tmp_path: Path) -> None:
    _, folder = converted(tmp_path, bos=True)
    assert Tokenizer.from_file(str(folder / "tokenizer.json")).encode("the").tokens == ["<start>", "the"]
    assert transformers.AutoTokenizer.from_pretrained(folder)("the").input_ids[0] == 1


def test_the_card_says_licence_and_origin(tmp_path: Path) -> None:
    card = (converted(tmp_path)[1] / "README.md").read_text()
    assert "apache-2.0" in card and "Taken from a test" in card and "model.gguf" in card


@pytest.mark.parametrize(
    ("said", "stored", "words"),
    [
        ({"architecture": "gemma3"}, "F32", "architecture 'gemma3'; allowed is 'llama'"),
        ({}, "Q4_0", "is stored as Q4_0; allowed are F32, F16"),
        ({"tokenizer": "llama"}, "F32", "a tokenizer of the kind 'llama'; allowed is 'gpt2'"),
        ({"split": "qwen2"}, "F32", "splits text as 'qwen2' does; allowed is smollm or gpt-2"),
        ({"renamed": {"blk.0.attn_q.weight": "blk.0.attn_q.bias"}}, "F32", "blk.0.attn_q.bias, which is not known"),
        ({"renamed": {"blk.0.attn_q.weight": "rope_freqs.weight"}}, "F32", "scales its rotary embedding"),
    ],
)
def test_what_is_not_known_is_refused(tmp_path: Path, said: dict, stored: str, words: str) -> None:
    with pytest.raises(StudyError, match=words):
        converted(tmp_path, stored, **said)
    assert [path.name for path in tmp_path.iterdir()] == ["in"]


def test_a_damaged_file_is_refused(tmp_path: Path) -> None:
    file = made_gguf.write_gguf(tmp_path / "in" / "model.gguf", made_gguf.hf_weights())
    whole = file.read_bytes()
    for part in (b"", b"GGUF", whole[:5000], whole[: len(whole) // 2], b"x" * 5000):
        file.write_bytes(part)
        with pytest.raises(StudyError, match=r"model\.gguf is no GGUF file, or damaged"):
            convert.convert(file, tmp_path / "out", "a test")
    assert not (tmp_path / "out").exists()


def test_a_model_that_babbles_is_not_kept(tmp_path: Path) -> None:
    file = made_gguf.write_gguf(tmp_path / "in" / "model.gguf", made_gguf.hf_weights())
    with pytest.raises(StudyError, match=r"a perplexity of \d+, where at most 60 is allowed"):
        convert.convert(file, tmp_path / "out", "a test")
    assert [path.name for path in tmp_path.iterdir()] == ["in"]


def test_a_small_disk_is_noticed_before_anything_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = made_gguf.write_gguf(tmp_path / "in" / "model.gguf", made_gguf.hf_weights())
    free = type("Usage", (), {"free": 1000})
    monkeypatch.setattr(convert.shutil, "disk_usage", lambda place: free)
    with pytest.raises(StudyError, match=r"has 0\.0 GB free, and the model needs 0\.0 GB"):
        convert.convert(file, tmp_path / "out", "a test")
    assert not (tmp_path / "out").exists()


def test_a_step_that_the_tokenizer_takes_apart_is_refused(tmp_path: Path) -> None:
    where = {"model": None, "revision": None, "folder": str(converted(tmp_path)[1])}
    pointer.make(tmp_path / "models" / "base", where, step="\n")
    with pytest.raises(StudyError, match=r"has no token that holds '\\n\\n'"):
        pointer.make(tmp_path / "models" / "other", where, step="\n\n")
    merged = Tokenizer.from_file(str(tmp_path / "out/tokenizer.json"))
    merged.add_tokens(["in the"])  # never written between two words: it is part of a longer one
    merged.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)  # pyright: ignore[reportAttributeAccessIssue]
    monkey = json.loads(merged.to_str())
    monkey["added_tokens"][-1]["single_word"] = True
    (tmp_path / "out/tokenizer.json").write_text(json.dumps(monkey))
    with pytest.raises(StudyError, match=r"writes 'in the' between two words as several tokens .* give another step"):
        pointer.make(tmp_path / "models" / "other", where, step="in the")
    assert not (tmp_path / "models" / "other").exists()
