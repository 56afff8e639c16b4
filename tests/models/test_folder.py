"""Model folders: written whole, read by transformers and by ourselves, refused when damaged."""

import json
import os
import subprocess
import sys
import textwrap

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM, AutoModelForTokenClassification, AutoTokenizer

from helpers.model_folders import END, STEP, VOCAB, WINDOW, random_folder, tiny_tokenizer
from helpers.pipeline import ROOT
from tts_lib.models.folder import FolderError, ModelConfig, read, read_config, step_token, weights_hash, write
from tts_lib.models.llama import Llama, LlamaShape
from tts_lib.models.names import from_hf_state, to_hf_state

SHAPE = LlamaShape(VOCAB, 2, 48, 3, 128, WINDOW)


@pytest.fixture(scope="module")
def llama() -> Llama:
    model = Llama(SHAPE)
    model.initialise(torch.Generator().manual_seed(0))
    for parameter in model.parameters():  # away from the start, where attention is flat and norms are 1
        parameter.data.mul_(4 if parameter.ndim == 2 else 1.1)
    return model


def config(*, is_verifier: bool = False, shape: LlamaShape = SHAPE) -> ModelConfig:
    return ModelConfig(
        shape.vocab_size, shape.n_layers, shape.width, shape.n_heads, shape.width_mlp, shape.max_length,
        shape.rope_theta, shape.norm_eps, END, is_verifier,
    )  # fmt: skip


def numpy_state(llama: Llama) -> dict[str, np.ndarray]:
    return {name: tensor.detach().numpy() for name, tensor in llama.named_parameters()}


def text() -> torch.Tensor:
    return torch.randint(0, VOCAB, (3, 40), generator=torch.Generator().manual_seed(1))


def test_transformers_agrees_with_the_model_trained(llama, tmp_path):
    write(tmp_path / "base", config(), to_hf_state(numpy_state(llama)), tiny_tokenizer(), "# Base\n")
    theirs = AutoModelForCausalLM.from_pretrained(tmp_path / "base", attn_implementation="eager")
    with torch.no_grad():
        expected = llama.logits(llama(text()))
        np.testing.assert_allclose(theirs(text()).logits, expected, atol=1e-4)
    assert expected.std() > 0.1


def test_transformers_agrees_with_a_scored_model(llama, tmp_path):
    rng = np.random.default_rng(0)
    head = {"score.weight": rng.normal(size=(1, 48)).astype(np.float32), "score.bias": np.array([0.3], np.float32)}
    state = to_hf_state(numpy_state(llama) | head)
    write(tmp_path / "prm", config(is_verifier=True), state, tiny_tokenizer(), "# PRM\n")
    theirs = AutoModelForTokenClassification.from_pretrained(tmp_path / "prm", attn_implementation="eager")
    with torch.no_grad():
        expected = llama(text()).numpy() @ head["score.weight"].T + head["score.bias"]
        np.testing.assert_allclose(theirs(text()).logits, expected, atol=1e-4)


def test_names_translate_both_ways(llama):
    state = numpy_state(llama)
    back = from_hf_state(to_hf_state(state))
    assert back.keys() == state.keys()
    for name, tensor in state.items():
        np.testing.assert_array_equal(back[name], tensor)


def test_reads_what_was_written(tmp_path):
    folder = random_folder(tmp_path / "model")
    found, tensors = read(folder)
    assert found == read_config(folder)
    assert (found.width, found.n_heads, found.width_mlp, found.end_token) == (32, 2, 72, END)
    assert {name: tensor.shape for name, tensor in tensors.items()} == found.tensor_shapes()
    assert step_token(folder) == STEP
    assert (folder / "README.md").read_text() == "# A random model\n"
    tokenizer = AutoTokenizer.from_pretrained(folder)
    assert (tokenizer.eos_token_id, tokenizer.convert_tokens_to_ids("\n")) == (END, STEP)


def test_hash_follows_the_content(tmp_path):
    one, same = random_folder(tmp_path / "one"), random_folder(tmp_path / "same")
    assert weights_hash(one) == weights_hash(same)
    assert weights_hash(one) != weights_hash(random_folder(tmp_path / "other", scale=0.1))
    raw = json.loads((same / "config.json").read_text())
    (same / "config.json").write_text(json.dumps(raw | {"rms_norm_eps": 1e-6}))
    assert weights_hash(one) != weights_hash(same)


def test_killed_before_every_step_of_a_replacement_a_whole_folder_is_left(tmp_path):
    """Whole is the old or the new one, in its place or, between two renames, beside it; the next one is written."""
    script = """
        import os, sys
        from pathlib import Path
        from helpers.crashing_run import die_before_step
        from tts_lib.common.files import replacing_folder

        folder = Path(sys.argv[1])
        for step in range(1, 8):
            if (child := os.fork()) == 0:
                die_before_step(step)
                with replacing_folder(folder) as new:
                    (new / "a").write_text(str(step))
                    (new / "b").write_text(str(step))
                os._exit(0)
            status = os.waitpid(child, 0)[1]
            whole = [path for path in (folder, folder.with_name(".model-old")) if path.exists()]
            contents = [{(path / name).read_text() for name in "ab"} for path in whole[:1]]
            print(step, os.WIFSIGNALED(status), *whole[0].relative_to(folder.parent).parts, *contents[0])
    """
    folder = tmp_path / "model"
    folder.mkdir()
    for name in "ab":
        (folder / name).write_text("0")
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(map(str, [ROOT / "tests", ROOT]))}
    command = [sys.executable, "-c", textwrap.dedent(script), str(folder)]
    shown = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout.splitlines()
    assert [line.split() for line in shown] == [
        ["1", "True", "model", "0"],  # before the first fsync
        ["2", "True", "model", "0"],
        ["3", "True", "model", "0"],  # before the old folder steps aside
        ["4", "True", ".model-old", "0"],  # between the two renames
        ["5", "True", ".model-old", "0"],  # there again, after it was put back
        ["6", "True", "model", "6"],  # before the renames are made durable
        ["7", "False", "model", "7"],
    ]


def test_replaces_a_folder_or_leaves_it(tmp_path):
    folder = random_folder(tmp_path / "model")
    before = weights_hash(folder)
    with pytest.raises(FolderError, match=r"lack the tensor lm_head\.weight"):
        state = {name: np.zeros(shape) for name, shape in config().tensor_shapes().items() if name != "lm_head.weight"}
        write(folder, config(), state, tiny_tokenizer(), "")
    assert weights_hash(folder) == before
    random_folder(folder, width=48, n_heads=3)
    assert weights_hash(folder) != before
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_reading_needs_no_torch(tmp_path):
    folder = random_folder(tmp_path / "model")
    code = f"import sys; from tts_lib.models.folder import read; read({str(folder)!r}); print('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "False\n"


def damage(folder, name, change):
    path = folder / name
    content = path.read_bytes()
    path.write_bytes(change(content)) if change else path.unlink()


def setting(key, value):
    return lambda content: json.dumps({**json.loads(content), key: value}).encode()


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("config.json", None, "lacks config.json"),
        ("model.safetensors", None, "lacks model.safetensors"),
        ("config.json", lambda content: content[:100], "config.json is not valid JSON"),
        ("model.safetensors", lambda content: content[:-100], "model.safetensors is damaged or truncated"),
        ("model.safetensors", lambda content: content[:4], "model.safetensors is damaged or truncated"),
        ("config.json", setting("num_hidden_layers", 3), "lack the tensor model.layers.2"),
        ("config.json", setting("num_hidden_layers", 1), "hold the unexpected tensor model.layers.1"),
        ("config.json", setting("intermediate_size", 64), r"has shape \(72, 32\), not \(64, 32\)"),
        ("config.json", setting("num_key_value_heads", 1), r"k_proj.weight of .* has shape \(32, 32\), not \(16, 32\)"),
        ("config.json", setting("architectures", ["GPT2LMHeadModel"]), "architectures .* is not supported"),
        ("config.json", setting("rope_parameters", {"rope_type": "yarn", "rope_theta": 1.0}), "rope_parameters"),
        ("config.json", setting("rope_parameters", {}), "lacks a Llama setting: KeyError"),
    ],
)
def test_refuses_a_damaged_folder(tmp_path, name, change, message):
    folder = random_folder(tmp_path / "model")
    damage(folder, name, change)
    with pytest.raises(FolderError, match=message):
        read(folder)


def test_refuses_a_missing_folder_or_tokenizer(tmp_path):
    with pytest.raises(FolderError, match="there is no model folder"):
        read(tmp_path / "nothing")
    folder = random_folder(tmp_path / "model")
    damage(folder, "tokenizer.json", lambda content: b"{")
    with pytest.raises(FolderError, match=r"tokenizer\.json is not a valid tokenizer file"):
        step_token(folder)
