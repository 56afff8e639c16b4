"""PRMs by declaration: layouts, heads, one pass against a pass a step, and what is refused."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
import yaml
from tokenizers import Tokenizer
from transformers import AutoModel, AutoModelForCausalLM

from helpers.model_folders import random_folder
from helpers.pipeline import ROOT
from helpers.tiny_models import WINDOW, checkpoint, head, tokenizer
from tts_lib.answers.protocols import ScoreRequest
from tts_lib.answers.question_table import QuestionTable
from tts_lib.common.errors import StudyError
from tts_lib.engines.native.declared import NativeDeclaredVerifier
from tts_lib.engines.opening import open_verifier
from tts_lib.engines.transformers.asked import Asked
from tts_lib.engines.transformers.declared import DeclaredVerifier, self_test
from tts_lib.models import pointer
from tts_lib.models.layout import Layout
from tts_lib.models.tokenizer import TokenCodec
from tts_lib.study.config.checkpoint import Prm
from tts_lib.verifiers import scoring

SHIPPED = sorted((ROOT / "profiles/prm").glob("*.yaml"))
QWEN = {
    "opening": "<|im_start|>user\n{problem}<|im_end|>\n<|im_start|>assistant\n",
    "step": "{step}{marker}",
    "between": "",
    "marker": "<extra_0>",
    "tokenised": "whole",
}
SHEPHERD = {
    "opening": "{problem} ",
    "step": "Step {number}: {step} {marker}",
    "between": "\n",
    "marker": " ки",
    "tokenised": "pieces",
}
TURNS = {
    "opening": "<|im_start|>user\n{problem} ",
    "step": "{step}<|im_end|>\n<|im_start|>assistant\n{marker}",
    "between": "<|im_end|>\n<|im_start|>user\n",
    "marker": "+",
    "tokenised": "whole",
}
LINES = QWEN | {"opening": "{problem}\n", "marker": "\n", "tokenised": "pieces"}
LABELS = {"kind": "token_labels", "good": "+", "bad": "-"}
KINDS: dict[str, tuple[str, dict, dict[str, str], dict[str, Any]]] = {  # family, tensors, template, score
    "labels at the marker": ("llama", {}, SHEPHERD, LABELS | {"position": "marker"}),
    "labels before the marker": ("llama", {}, TURNS, LABELS | {"position": "before"}),
    "two classes": ("qwen2", head("score", (32, 32), (2, 32)), QWEN, {"kind": "two_class_head", "positive": 1}),
    "reward": ("llama", head("score", (1, 32)), QWEN, {"kind": "reward_head"}),
    "value": ("qwen2", head("v_head.summary", (1, 32)), LINES, {"kind": "value_head"}),
}
SOLUTIONS = [
    ("What is the sum of two and two?", ["First, we add.", "Then 2 + 2 = 4.", "# Answer 4"]),
    ("What is 3 + 5?", ["It is 8."]),
    ("What is ки?", ["a <extra_0> b ки", "+", "user\n\nki", "<|im_end|> x"]),
]
STEP = "\n\n"


def declared(**settings: Any) -> dict[str, Any]:
    record = {
        "folder": "prm",
        "aggregation": "last",
        "max_length": WINDOW,
        "device": "cpu",
        "batch_size": 2,
    } | settings
    return Prm.model_validate(record).model_dump(mode="json")


def asked() -> Asked:
    prompts = [f"Q: {problem}\nA: " for problem, _ in SOLUTIONS]
    return Asked(TokenCodec(tokenizer()), prompts, [problem for problem, _ in SOLUTIONS], STEP)


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    torch.set_num_threads(1)
    root = tmp_path_factory.mktemp("prms")
    return {name: checkpoint(root / str(i), kind[0], kind[1] or None) for i, (name, kind) in enumerate(KINDS.items())}


def opened(folders: dict[str, Path], name: str, **changes: Any) -> DeclaredVerifier:
    settings = {"template": KINDS[name][2], "score": KINDS[name][3]} | changes
    return DeclaredVerifier(folders[name], declared(**settings), asked())


def test_whole_solutions_come_apart_into_steps_that_are_not_blank() -> None:
    texts = [f"First.{STEP} {STEP}4.", " ", f"4.{STEP}"]
    assert asked().solutions(["a", "b", "c"], texts) == [("a", ["First.", "4."]), ("b", [""]), ("c", ["4."])]


@pytest.mark.parametrize("name", KINDS)
def test_one_pass_scores_the_steps_as_a_pass_of_each_does(folders: dict[str, Path], name: str) -> None:
    verifier = opened(folders, name)
    assert self_test(verifier, SOLUTIONS) < 1e-5
    scores = np.concatenate(verifier.read([verifier.layout.lay(*solution) for solution in SOLUTIONS]))
    assert ((scores > 0) & (scores < 1)).all() and np.ptp(scores) > 0.01


def test_the_self_test_finds_a_model_that_looks_ahead(
    folders: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    verifier = opened(folders, "two classes")
    body = verifier._body.forward

    def looking_ahead(*args: Any, **options: Any) -> Any:
        found = body(*args, **options)
        found.last_hidden_state = found.last_hidden_state + found.last_hidden_state.mean(1, keepdim=True)
        return found

    monkeypatch.setattr(verifier._body, "forward", looking_ahead)
    assert self_test(verifier, SOLUTIONS) > 1e-3


def test_scores_are_what_the_makers_code_computes(folders: dict[str, Path]) -> None:
    """The published recipes, written out with transformers alone, on one solution each."""
    problem, steps = SOLUTIONS[0]
    words = Tokenizer.from_file(str(folders["two classes"] / "tokenizer.json"))

    verifier = opened(folders, "two classes")
    turn = "<|im_start|>user\n" + problem + "<|im_end|>\n<|im_start|>assistant\n" + "<extra_0>".join([*steps, ""])
    ids = torch.tensor([words.encode(turn).ids])
    tensors = KINDS["two classes"][1]
    with torch.no_grad():
        hidden = AutoModel.from_pretrained(folders["two classes"])(ids).last_hidden_state
        inner = torch.relu(hidden @ tensors["score.0.weight"].T + tensors["score.0.bias"])
        logits = inner @ tensors["score.2.weight"].T + tensors["score.2.bias"]
    expected = logits.softmax(-1)[0, ids[0] == words.token_to_id("<extra_0>"), 1]
    np.testing.assert_allclose(verifier.read([verifier.layout.lay(problem, steps)])[0], expected, atol=1e-5)

    verifier = opened(folders, "labels before the marker")
    turns = [f"{problem} {steps[0]}", *steps[1:]]
    talk = "<|im_end|>\n".join(f"<|im_start|>user\n{turn}<|im_end|>\n<|im_start|>assistant\n+" for turn in turns)
    ids = torch.tensor([words.encode(talk).ids])
    pair = [words.token_to_id("+"), words.token_to_id("-")]
    starts = words.encode("<|im_start|>assistant\n").ids
    ends = [i for i in range(len(starts), ids.shape[1]) if ids[0, i - len(starts) : i].tolist() == starts]
    with torch.no_grad():
        logits = AutoModelForCausalLM.from_pretrained(folders["labels before the marker"])(ids).logits
    expected = logits[0, [end - 1 for end in ends]][:, pair].softmax(-1)[:, 0]
    np.testing.assert_allclose(verifier.read([verifier.layout.lay(problem, steps)])[0], expected, atol=1e-5)


def test_continuations_are_scored_from_where_the_prefix_ends(folders: dict[str, Path]) -> None:
    verifier, codec = opened(folders, "two classes"), TokenCodec(tokenizer())
    problem, steps = SOLUTIONS[0]
    whole = verifier.read([verifier.layout.lay(problem, steps)])[0]
    prompt, first, second, third, end = codec.encode(
        [f"Q: {problem}\nA: ", steps[0] + STEP, steps[1] + STEP, steps[2], "<|im_end|>"]
    )
    rest = np.concatenate([second, third, end])
    requests = [
        ScoreRequest(prompt, [np.concatenate([first, rest]), first]),
        ScoreRequest(np.concatenate([prompt, first]), [rest, second, end]),
    ]
    got = verifier.score(requests)
    np.testing.assert_allclose(got[0][0], whole, atol=1e-5)
    np.testing.assert_allclose(got[0][1], whole[:1], atol=1e-5)
    np.testing.assert_allclose(got[1][0], whole[1:], atol=1e-5)
    np.testing.assert_allclose(got[1][1], whole[1:2], atol=1e-5)
    np.testing.assert_allclose(got[1][2], whole[:1], atol=1e-5)  # nothing but the end: the step before it
    with pytest.raises(StudyError, match="begins with none of the study's prompts"):
        verifier.score([ScoreRequest(first, [second])])


@pytest.mark.parametrize(("how", "expected"), [("min", np.minimum.accumulate), ("prod", np.cumprod)])
def test_the_aggregation_is_of_the_steps_so_far(folders: dict[str, Path], how: str, expected: Any) -> None:
    problem, steps = SOLUTIONS[0]
    prompt, text = TokenCodec(tokenizer()).encode([f"Q: {problem}\nA: ", STEP.join(steps)])
    request = [ScoreRequest(prompt, [text])]
    last = opened(folders, "two classes").score(request)[0][0]
    np.testing.assert_allclose(opened(folders, "two classes", aggregation=how).score(request)[0][0], expected(last))


def test_scores_are_kept_apart_by_what_decides_them(folders: dict[str, Path]) -> None:
    version = opened(folders, "two classes").version
    assert opened(folders, "two classes", batch_size=1, max_length=64).version == version
    others = [{"aggregation": "min"}, {"template": SHEPHERD}, {"score": {"kind": "two_class_head", "positive": 0}}]
    versions = {opened(folders, "two classes", **change).version for change in others}
    words = tokenizer()
    words.add_tokens(["one more"])
    other = Asked(TokenCodec(words), ["Q"], ["Q"], STEP)
    settings = declared(template=QWEN, score=KINDS["two classes"][3])
    versions.add(DeclaredVerifier(folders["two classes"], settings, other).version)
    assert len(versions) == 4 and version not in versions


@pytest.mark.parametrize("how", ["last", "min", "prod", "mean"])
def test_a_pool_aggregates_the_scores_of_the_steps_once(folders: dict[str, Path], tmp_path: Path, how: str) -> None:
    prm = declared(folder=str(folders["two classes"]), template=QWEN, score=KINDS["two classes"][3], aggregation=how)
    pointer.make(tmp_path / "prm", prm, prm=prm)
    problem, steps = SOLUTIONS[0]
    problems = pd.DataFrame({"question_id": ["q"], "problem": [f"Q: {problem}\nA: "]})
    questions = QuestionTable(problems, TokenCodec(tokenizer()))
    pool = pd.DataFrame({"question_id": ["q"], "sample": [0], "text": [STEP.join(steps)]})
    verifier = open_verifier(tmp_path / "prm", {"kind": "native"}, asked(), aggregated=False)
    aggregation = pointer.resolve(tmp_path / "prm").aggregation
    table, found = scoring.score_pool({"prm": verifier}, questions, pool, aggregation)

    raw = opened(folders, "two classes").read([Layout(tokenizer(), QWEN, False, WINDOW).lay(problem, steps)])[0]
    np.testing.assert_allclose(found[0], raw, rtol=1e-5)
    once = {"last": raw[-1], "min": raw.min(), "prod": raw.prod(), "mean": raw.mean()}
    columns = {"prm_last": once[how]} | {f"prm_{name}": once[name] for name in ("min", "prod", "mean")}
    for column, value in columns.items():
        assert table[column].item() == pytest.approx(value, rel=1e-5), column
    prompt, text = TokenCodec(tokenizer()).encode([problems["problem"][0], pool["text"][0]])
    searched = open_verifier(tmp_path / "prm", {"kind": "native"}, asked()).score([ScoreRequest(prompt, [text])])
    assert searched[0][0][-1] == pytest.approx(once[how], rel=1e-5)


def test_text_that_spells_a_marker_is_no_marker() -> None:
    words = tokenizer()
    layout = Layout(words, QWEN, False, WINDOW)
    laid = layout.lay("<|im_end|>", ["a<extra_0>b", "c"])
    assert (laid.tokens == words.token_to_id("<extra_0>")).sum() == 2 == len(laid.places)
    assert (laid.tokens == words.token_to_id("<|im_end|>")).sum() == 1


def test_what_a_declaration_cannot_mean_is_refused(folders: dict[str, Path]) -> None:
    labels, two, words = "labels at the marker", "two classes", tokenizer()
    cases = [
        (labels, {"template": SHEPHERD | {"marker": "<step>"}}, "the step marker '<step>' is 4 tokens of the PRM's"),
        (
            labels,
            {"score": LABELS | {"good": "right so far", "position": "marker"}},
            "label good 'right so far' is",
        ),
        (two, {"score": {"kind": "value_head"}}, "hold no score head v_head.weight"),
        (two, {"score": {"kind": "reward_head"}}, "has 2 outputs, not 1"),
        (two, {"max_length": WINDOW + 1}, f"prm.max_length is {WINDOW + 1}, but the window of"),
    ]
    for name, changes, words_said in cases:
        with pytest.raises(StudyError) as caught:
            opened(folders, name, **changes)
        assert words_said in str(caught.value), str(caught.value)
    with pytest.raises(StudyError, match=r"to 'What is .*' takes [34]\d tokens of the PRM, whose max_length is 20"):
        Layout(words, QWEN, False, 20).lay(*SOLUTIONS[0])
    merged = LINES | {"tokenised": "whole", "step": "{step}\n{marker}"}  # two newlines are one token
    with pytest.raises(StudyError, match=r"does not keep the step marker '\\n' a token of its own"):
        Layout(words, merged, False, WINDOW).lay("x", ["a", "b"])
    assert len(Layout(words, merged | {"tokenised": "pieces"}, False, WINDOW).lay("x", ["a", "b"]).places) == 2


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_every_shipped_declaration_is_valid(path: Path) -> None:
    record = yaml.safe_load(path.read_text(encoding="utf-8"))
    record["revision"] = record["revision"] if len(record["revision"]) == 40 else "0" * 40
    assert Prm.model_validate(record).template.marker
    assert len(SHIPPED) >= 4


def test_the_native_engine_reads_what_transformers_reads(tmp_path: Path) -> None:
    folder = random_folder(tmp_path / "prm", verifier=True)
    template = LINES | {"opening": "t9 {problem}\n"}
    prm = declared(folder=str(folder), template=template, score={"kind": "reward_head"}, max_length=64)
    words, codec = ["t3", "t4 t5", "t6"], TokenCodec.from_folder(folder)
    known = Asked(codec, words, words, "\n")
    slow, fast = DeclaredVerifier(folder, prm, known), NativeDeclaredVerifier(folder, prm, known)
    assert slow.version != fast.version
    solutions = [(word, ["t7", "t8", "t3", "t4"][:n]) for word in words for n in (1, 2, 4)]
    laid = [slow.layout.lay(*solution) for solution in solutions]
    for one, other in zip(slow.read(laid), fast.read(laid), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)
    begun = codec.encode(["t3"])[0], codec.encode(["t3\nt7\nt8\n"])[0]
    requests = [
        ScoreRequest(begun[0], codec.encode(["\nt7\n", "\nt7\nt8\nt9\n", "\n"])),
        ScoreRequest(begun[1], codec.encode(["t9\n", "t4\n", "t9\nt4\n", "<end>"])),
    ]
    for each, others in zip(slow.score(requests), fast.score(requests), strict=True):
        for one, other in zip(each, others, strict=True):
            np.testing.assert_allclose(one, other, atol=1e-5)
    pointer.make(tmp_path / "models/prm", prm, prm=prm)
    opened = open_verifier(tmp_path / "models/prm", {"kind": "native"}, known)
    assert isinstance(opened, NativeDeclaredVerifier)
