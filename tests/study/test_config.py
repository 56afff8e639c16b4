"""Study files: what is accepted, and the one sentence said about what is not."""

import re
from pathlib import Path

import pytest
import yaml

from helpers.example_study import EXAMPLE, REPLAY
from helpers.pipeline import ROOT
from tts_lib.common import paths
from tts_lib.common.errors import StudyError
from tts_lib.study.config import loading


def write(folder: Path, text: str) -> Path:
    path = folder / "params.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def refusal(folder: Path, old: str, new: str) -> str:
    """The sentence said about the example with one piece of it exchanged."""
    assert old in EXAMPLE
    path = write(folder, EXAMPLE.replace(old, new, 1))
    with pytest.raises(StudyError) as caught:
        loading.load(path)
    message = str(caught.value)
    found = re.fullmatch(rf"{re.escape(str(path))}, line \d+: (.+)", message)
    assert found, message
    return found[1]


SHOWN = """\
      kind: examples
      n_examples: 4
      example: "{problem} {solution}"
      question: "{problem}"
      step: "\\n\\n"
"""
CHAT = """\
      kind: chat
      system: "Please reason step by step, and put your final answer within \\\\boxed{}."
      user: "{problem}"
"""


def test_a_study_reads_back_as_it_was_written(tmp_path: Path) -> None:
    study = loading.load(write(tmp_path, EXAMPLE))
    assert study.generate["base-test"].n_samples == 512
    assert study.options["beam_sqrt"].width == "sqrt"
    assert study.model_dump(mode="json", exclude_unset=True) == yaml.safe_load(EXAMPLE)


@pytest.mark.parametrize(
    "path", [ROOT / "params.yaml", *(ROOT / "profiles").glob("*.yaml")], ids=lambda path: path.stem
)
def test_every_study_of_the_project_is_valid(path: Path) -> None:
    if path.exists():
        loading.load(path)


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("top_p: 1.0", "top_p: 1.5", "sampling.top_p is 1.5, but must be a number above 0 and at most 1 (1 = off)."),
        (
            "seed: 0",
            "seed: true",
            "seed is True, but must be a whole number at least 0 and below 9,223,372,036,854,775,808 (study seed).",
        ),
        (
            "n_bins: 5",
            "n_bins: '5'",
            "difficulty.n_bins is '5', but must be a whole number at least 1 and at most 100, written without quotes",
        ),
        (
            "fold_seeds: 50",
            "folds: 50",
            "compute_optimal.folds is not a setting; did you mean fold_seeds? (1 more",
        ),
        ("fold_seeds: 50, ", "", "compute_optimal.fold_seeds is missing; it must be a whole number at least 1"),
        ("disjoint: false, ", "", "difficulty.disjoint is missing; it must be true or false (whether strategies"),
        (
            "top_p: 1.0",
            "top_p: 1e-1",
            "sampling.top_p is '1e-1', but must be a number above 0 and at most",
        ),
        (
            "tokens: 6000000",
            "tokens: 6e6",
            "corpus.tokens is '6e6', but must be a whole number at least 1",
        ),
        ("fold_seeds: 50", "fold_seeds: 50, n_boot: 3", "compute_optimal.n_boot is not a setting; did you mean n_boot"),
        ("seed: 0", "seed: 0\nzzz: 1", "zzz is not a setting; known here: seed, problems"),
        (
            "{kind: lookahead, width: sqrt",
            "{kind: lookahead, width: root",
            "options.lookahead_1.width is 'root', but must be a whole number at least 2 and at most 1,024 or sqrt.",
        ),
        (
            "kind: dvts",
            "kind: mcts",
            "options.dvts.kind is 'mcts', but must be one of beam, dvts, lookahead, particles, rebase, tree.",
        ),
        ("split: val", "split: exam", "generate.base-val.split is 'exam', but must be one of train, val, test."),
        (
            "{chain: 0.2",
            "{chains: 0.2",
            "problems.nano.subjects.chains: the name 'chains' must be one of chain, inverse, ",
        ),
        ("large: {n_layers", "'../x': {n_layers", "models.../x: the name '../x' must be of the form ^[A-Za-z]"),
        ("base-val:", "base-exam:", "generate.base-exam: the name 'base-exam' must be of the form ^[A-Za-z]"),
        ("absolute_edges: [0.1, 0.5]", "absolute_edges: [0.1, 1.5]", "difficulty.absolute_edges.1 is 1.5, but must be"),
        ("absolute_edges: [0.1, 0.5]", "absolute_edges: []", "difficulty.absolute_edges is [], but must be a list"),
        (
            "search: {temperature: 0.8, max_step_tokens: 16, max_rounds: 40, duplicates: keep}",
            "search: 5",
            "search is 5, but must be a group",
        ),
        ("width: 64", "width: 65", "models.base: width 65 must be n_heads 2 times an even head width."),
        (
            "[0.16, 0.79, 22.0]",
            "[0.79, 0.16]",
            "flops_matched: r_values must be strictly increasing, got [0.79, 0.16].",
        ),
        ("[0.25, 0.25, 0.25, 0.25]", "[0, 0]", "problems.nano: hops must have a weight above 0."),
        ("astray: 0.3}", "astray: 0.3, hops: [0]}", "corpus: hops must have a weight above 0."),
        (
            "astray: 0.3}",
            "astray: 0.3, checks: 1}",
            "corpus.checks is 1, but must be a number at least 0 and below 1 (share of the texts that are a check ",
        ),
        ("[1, 2, 4,", "[1, 2, 2, 4,", "grid: budgets must be strictly increasing"),
        ("128, 256, 512]", "128, 256, 500]", "grid: budgets holds 500, which is not a power of two."),
        (
            "[4, 16, 64, 256]",
            "[4, 16, 1024]",
            "grid.search_budgets reaches 1024, but must be at most generate.base-val",
        ),
        ("lookahead_1, dvts]", "dvts, dvts]", "grid: methods names one method twice"),
        ("lookahead_1, dvts]", "weighted]", "grid: methods holds weighted, but no search may have the name of another"),
        (
            "split: test, n_samples: 512",
            "split: test, n_samples: 256",
            "grid.budgets reaches 512, but must be at most generate.base-test.n_samples, which is 256.",
        ),
        (
            "methods: [beam_4,",
            "methods: [beam_5,",
            "grid.methods names 'beam_5', but options has only beam_4, beam_sqrt",
        ),
        (
            "model: large",
            "model: larger",
            "generate.large-test.model names 'larger', but models has only base, large (",
        ),
        (
            "base-val: {model: base",
            "base-val: {model: large",
            "generate.base-val must be called large-val, for its model",
        ),
        (
            "  base-val: {model: base, split: val, n_samples: 512}\n",
            "",
            "the study names 'base-val', but generate has only",
        ),
        (
            "samples: 8",
            "samples: 64",
            "verifier.trained.samples reaches 64, but must be at most gen",
        ),
        (
            "n_test: 400",
            "n_test: 4",
            "difficulty.n_bins reaches 5, but must be at most problems.nano.n_test, which is 4.",
        ),
        (
            "kind: beam, width: 4",
            "kind: beam, width: 4, depth: 0",
            "options.beam_4.depth is not a setting; known here: kind, width.",
        ),
        (
            "width: sqrt, depth: 1",
            "width: sqrt, depth: 0",
            "options.lookahead_1.depth is 0, but must be a whole number at least 1 and at most 64 (greedy steps looked",
        ),
        (
            "kind: dvts, width: 4, depth: 0",
            "kind: dvts, width: 4",
            "options.dvts.depth is missing; it must be a whole number at least 0 and at most 64 (greedy steps looked",
        ),
        (
            "beam_4: {kind: beam, width: 4",
            "beam_4: {kind: beam, width: 512",
            "grid.search_budgets ends at 256, but option",
        ),
        (
            "disjoint: false",
            "disjoint: true",
            "grid.budgets reaches 512, but must be at most what difficulty.n_samples leaves of generate.base-val",
        ),
        (
            "n_samples: 256,",
            "n_samples: 600,",
            "difficulty.n_samples reaches 600, but must be at most generate.base-val",
        ),
        ("pretrain: {max_length: 128, batch_tokens: 4096,", "# ", "pretrain is needed by a study that trains its"),
        ("16, 32], abs", "16, 1024], abs", "difficulty.n_probe reaches 1024, but must be at most generate.base-val"),
    ],
)
def test_a_mistake_is_one_sentence_with_field_value_and_range(
    tmp_path: Path, old: str, new: str, sentence: str
) -> None:
    assert refusal(tmp_path, old, new).startswith(sentence)


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        (
            "n_params: 3.0e+9",
            "n_params: 1.0e+9",
            "replay.mine: large.n_params must be above base.n_params, which is 1e+09",
        ),
        (
            "n_params: 1.0e+9",
            "n_params: 1.5",
            "replay.mine.base.n_params is 1.5, but must be a number at least 1,000",
        ),
        ("format: rows", "format: xml", "replay.mine.base.format is 'xml', but must be one of rows, search_and_learn"),
        (
            "{question: id,",
            "{questions: id,",
            "replay.mine.base.columns.questions is not a setting; did you mean",
        ),
        ("percent: number", "percent: maybe", "replay.mine.conventions.percent is 'maybe', but must be one of number"),
        (
            "methods: []",
            "methods: [beam]",
            "grid.methods must be empty or left out in a replay",
        ),
        (
            "select:",
            "models: {a: {n_layers: 1, width: 8, n_heads: 1, width_mlp: 8}}\nselect:",
            "models must be empty or left",
        ),
        ("sampling: null\n", "", "sampling must stand there, as null, in a replay: nothing is sampled"),
        ("n_val: 100", "n_val: 1", "replay.mine.n_val is 1, but must be a whole number at least 2"),
        ("folder: pools", "folder: ''", "replay.mine.folder is '', but must be"),
        ("folder: pools", "folder: ~/pools", "replay.mine.folder: '~/pools' must be written out: ~ is not expanded"),
        ("questions: questions.jsonl", "questions: ../q.jsonl", "replay.mine.questions: '../q.jsonl' must lie inside"),
        (
            "path: small.jsonl",
            "path: /pools/small.jsonl",
            "replay.mine.base.path: '/pools/small.jsonl' must lie inside",
        ),
        ("path: small.jsonl", "path: a/../../b.jsonl", "replay.mine.base.path: 'a/../../b.jsonl' must lie inside"),
        (
            "n_val: 100",
            "n_val: 100\n    style: last",
            "replay.mine.style is 'last', but must be one of marked, boxed, nu",
        ),
        ("n_val: 100", "n_val: 100\n    partial: 1", "replay.mine.partial is 1, but must be true or false"),
        (
            "name: small",
            "name: small\n      order: any",
            "replay.mine.base.order is 'any', but must be one of checked, trusted",
        ),
        (
            "format: rows",
            "format: rows\n      scores: reward",
            "replay.mine.base.scores is 'reward', but must be one of",
        ),
    ],
)
def test_a_mistake_in_a_replay_is_one_sentence(tmp_path: Path, old: str, new: str, sentence: str) -> None:
    assert REPLAY.count(old) >= 1
    with pytest.raises(StudyError) as caught:
        loading.load(write(tmp_path, REPLAY.replace(old, new, 1)))
    assert sentence in str(caught.value)


@pytest.mark.parametrize("folder", [".", "./", "..", "pools/..", "{root}", "data", "data/pools", "reports/x", "link"])
def test_a_folder_of_the_studys_own_outputs_is_refused(tmp_path: Path, folder: str) -> None:
    (tmp_path / "link").symlink_to(tmp_path)
    named = folder.replace("{root}", str(tmp_path))
    with pytest.raises(StudyError) as caught:
        loading.load(write(tmp_path, REPLAY.replace("folder: pools", f"folder: {named}", 1)))
    said = str(caught.value)
    assert f"line 4: replay.mine.folder is '{named}', but must neither hold nor lie in" in said and "\n" not in said


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (".", "but must neither hold nor lie in data/, which the study writes."),
        ("models/qwen", "but must neither hold nor lie in models/, which the study writes."),
        ("~/qwen", "must be written out: ~ is not expanded."),
    ],
)
@pytest.mark.parametrize("name", ["checkpoints.base", "verifier.declared"])
def test_a_model_comes_from_a_folder_of_its_own(tmp_path: Path, name: str, given: str, words: str) -> None:
    section = name.partition(".")[0]
    text = (ROOT / "profiles/math500.yaml").read_text(encoding="utf-8")
    head, mark, tail = text.partition(f"\n{section}:")
    model, revision = re.findall(r"\n    (?:model|revision): .*", tail)[:2]
    tail = tail.replace(model, f"\n    folder: {given}", 1).replace(revision, "", 1)
    with pytest.raises(StudyError) as caught:
        loading.load(write(tmp_path, head + mark + tail))
    said = str(caught.value)
    assert f"{name}.folder" in said and said.endswith(words) and "\n" not in said
    line = 1 + (head + mark + tail).splitlines().index(f"    folder: {given}")
    assert f"params.yaml, line {line}: " in said


@pytest.mark.parametrize("folder", ["pools", "./pools/", "../shared", "my/data", "datasets", "/elsewhere/data"])
def test_a_folder_beside_them_is_taken(tmp_path: Path, folder: str) -> None:
    text = REPLAY.replace("folder: pools", f"folder: {folder}", 1)
    assert loading.load(write(tmp_path, text)).replay["mine"].folder == folder
    (tmp_path / "profiles").mkdir()  # a profile's folders are seen from the project
    own = write(tmp_path / "profiles", REPLAY.replace("folder: pools", "folder: ../data", 1))
    assert loading.load(own.rename(own.with_name("mine.yaml"))).replay["mine"].folder == "../data"


def test_a_replay_says_which_text_is_an_answer_and_what_may_be_missing(tmp_path: Path) -> None:
    replay = loading.load(write(tmp_path, REPLAY)).replay["mine"]
    assert (replay.style, replay.partial, replay.base.scores) == ("marked", False, "probability")
    text = REPLAY.replace("n_val: 100", "n_val: 100\n    style: heading\n    partial: true", 1)
    replay = loading.load(write(tmp_path, text.replace("format: rows", "format: rows\n      scores: logit", 1))).replay[
        "mine"
    ]
    assert (replay.style, replay.partial, replay.base.scores) == ("heading", True, "logit")


def test_a_replay_is_a_study(tmp_path: Path) -> None:
    study = loading.load(write(tmp_path, REPLAY))
    assert study.replay["mine"].base.n_params == 1e9 and study.corpus is None
    without = REPLAY.replace(REPLAY[REPLAY.index("    large:") : REPLAY.index("select:")], "")
    assert loading.load(write(tmp_path, without)).replay["mine"].large is None


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        (
            "  edit_distance: {learns_from: pools/base-train, attempts: 16}\n",
            "",
            "revisions is needed, and pairings and revision_verifier must both name edit_distance",
        ),
        ("attempts: 16}", "attempts: 24}", "pairings.edit_distance.attempts is 24, which is not a power of two."),
        (
            "attempts: 16}",
            "attempts: 1024}",
            "pairings.edit_distance.attempts reaches 1024, but must be at most generate.base-val.n_samples",
        ),
        (
            "none: {learns_from: pools/base-train",
            "none: {learns_from: revisions/verifier",
            "pairings.none.learns_from is revisions/verifier, but must be pools/base-train.",
        ),
        (
            "max_length: 640",
            "max_length: 600",
            "window.base_long.max_length is 600, but must be at least 640: ",
        ),
        ("start: base_long", "start: base", "revisions.start names 'base', but window has only base_long."),
        (
            "kind: trained\n    epochs",
            "kind: tuned\n    epochs",
            "revision_verifier.edit_distance.epochs is not a setting; known here: kind,",
        ),
        ("max_history: 4", "max_history: 0", "revisions.max_history is 0, but must be a whole number at least 1"),
    ],
)
def test_revisions_that_could_not_be_used_are_refused(tmp_path: Path, old: str, new: str, sentence: str) -> None:
    assert refusal(tmp_path, old, new).startswith(sentence)


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ("top_p: 1.0", "top_p: 1.5", "sampling:"),
        ("n_test: 400", "n_tests: 400", "    n_tests:"),
        ("    n_test: 400\n", "", "  nano:"),
        ("{kind: dvts, width: 4", "{kind: dvts, width: 1", "  dvts:"),
        ("width: 64", "width: 65", "  base:"),
        ("disjoint: false", "disjoint: [", "difficulty:"),
        ("model: large", "model: larger", "  large-test:"),
        ("methods: [beam_4,", "methods: [beam_5,", "  methods:"),
        ("128, 256, 512]", "128, 256, 500]", "  budgets:"),
    ],
)
def test_a_mistake_is_found_by_its_line(tmp_path: Path, old: str, new: str, line: str) -> None:
    assert old in EXAMPLE
    text = EXAMPLE.replace(old, new, 1)
    number = 1 + next(i for i, written in enumerate(text.splitlines()) if written.startswith(line))
    with pytest.raises(StudyError, match=rf"params\.yaml, line {number}\b"):
        loading.load(write(tmp_path, text))


@pytest.mark.parametrize(("given", "written"), [("1e9", "1.0e+9"), ("9E12", "9.0e+12"), ("25e8", "25.0e+8")])
def test_a_number_that_yaml_takes_for_a_text_is_shown_as_a_number(tmp_path: Path, given: str, written: str) -> None:
    with pytest.raises(StudyError, match=rf"n_params is '{given}', .*written as YAML knows it: {re.escape(written)}"):
        loading.load(write(tmp_path, REPLAY.replace("n_params: 1.0e+9", f"n_params: {given}")))


def test_several_mistakes_are_counted(tmp_path: Path) -> None:
    message = refusal(tmp_path, "n_train: 3000\n    n_val: 200", "n_train: 0\n    n_val: 0")
    assert message.endswith("(1 more like this.)")


def test_what_is_no_study_file_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match=r"none\.yaml cannot be read: No such file"):
        loading.load(tmp_path / "none.yaml")
    for text, words in [
        ("seed: 0\nseed: 1\n", "'seed' is given twice"),
        ("a: [1", "is not valid YAML"),
        ("!!python/object/apply:os.getcwd []", "is not valid YAML"),
        ("", "the file is None, but must be a group of settings: seed, problems"),
        ("? [1, 2]\n: 3\n", "is not valid YAML"),
    ]:
        with pytest.raises(StudyError, match=words) as caught:
            loading.load(write(tmp_path, text))
        assert "\n" not in str(caught.value)
    (tmp_path / "params.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(StudyError, match="not UTF-8"):
        loading.load(tmp_path / "params.yaml")


def test_the_root_is_found_from_below(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match=r"No params\.yaml"):
        paths.find_root(tmp_path)
    write(tmp_path, EXAMPLE)
    (tmp_path / "notebooks").mkdir()
    assert paths.find_root(tmp_path / "notebooks") == tmp_path.resolve()
    lost = tmp_path / "studies/mine"  # a study that has lost its settings is not the one around it
    (lost / "notebooks").mkdir(parents=True)
    (lost / "dvc.yaml").write_text("")
    with pytest.raises(StudyError, match=rf"No params\.yaml in {lost}, which is a study by its dvc\.yaml"):
        paths.find_root(lost / "notebooks")


def taken(old: str = "", new: str = "") -> str:
    """The profile of existing models with one piece of it exchanged."""
    text = (ROOT / "profiles/math500.yaml").read_text(encoding="utf-8")
    assert old in text
    return text.replace(old, new, 1)


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        (
            "revision: 7ae5",
            "revision: main # 7ae5",
            "checkpoints.base.revision is 'main', but must be a word (a commit of",
        ),
        (
            "    revision: 7ae557604adf67be50417f59c2c2f167def9a775\n",
            "",
            "checkpoints.base: revision is missing; it must",
        ),
        ("kind: vllm", "kind: tpu", "engine.kind is 'tpu', but must be one of native, openai, reference, vllm."),
        ("  kind: vllm\n", "", "engine.kind is missing; it must be one of native, openai, reference, vllm."),
        ("gpu_memory: 0.5", "gpu_memory: 1.5", "engine.gpu_memory is 1.5, but must be a number above 0 and at most 1"),
        ("gpu_memory: 0.5", "gpu_mem: 0.5", "engine.gpu_mem is not a setting; did you mean gpu_memory?"),
        ("  max_sequences: 128", "  max_seq: 1\n  max_sequences: 128", "engine.max_seq is not a setting; did you"),
        (
            "kind: two_class_head",
            "kind: oracle",
            "verifier.declared.score.kind is 'oracle', but must be one of reward_head, tok",
        ),
        (
            "positive: 1",
            "positive: 2",
            "verifier.declared.score.positive is 2, but must be a whole number at least 0 and at most 1",
        ),
        ("{step}{marker}", "{step}", "verifier.declared.template: step must hold {marker} once."),
        (
            "kind: chat",
            "kind: talk",
            "questions.math500.prompt.kind is 'talk', but must be one of chat, examples, few_shot, plain.",
        ),
        (
            CHAT,
            "      kind: few_shot\n      n_examples: 4\n",
            "checkpoints.base.end is missing; with questions.math500.prompt few_shot it must be '# Question'",
        ),
        (CHAT, SHOWN.replace("{solution}", "{x}"), "questions.math500.prompt: example must hold {solution} once."),
        ("checkpoints:\n", "checkpoints:\n  small:\n", "checkpoints.small is null, but only large may be"),
        (CHAT, SHOWN, "with questions.math500.prompt examples it must be how prompt.question begins"),
        ('user: "{problem}"', 'user: "?"', "questions.math500.prompt: user must hold {problem} once."),
        (
            "style: boxed",
            "style: framed",
            "grading.style is 'framed', but must be one of marked, boxed, number, heading.",
        ),
        (
            "seed: 0",
            "seed: 0\nmodels: {base: {n_layers: 1, width: 8, n_heads: 1, width_mlp: 8}}",
            "models must be empty or",
        ),
        (
            "model: large, split",
            "model: huge, split",
            "generate.large-test.model names 'huge', but checkpoints has only ba",
        ),
        (
            "n_test: 500",
            "n_test: 4",
            "difficulty.n_bins reaches 5, but must be at most questions.math500.n_test, which",
        ),
    ],
)
def test_a_mistake_in_a_study_of_checkpoints_is_one_sentence(tmp_path: Path, old: str, new: str, sentence: str) -> None:
    with pytest.raises(StudyError) as caught:
        loading.load(write(tmp_path, taken(old, new)))
    message = str(caught.value)
    assert sentence in message and "\n" not in message, message


def tuned(old: str, new: str) -> str:
    """The profile that trains its PRM, with one piece of it exchanged."""
    text = (ROOT / "profiles/gsm8k.yaml").read_text(encoding="utf-8")
    assert old in text
    return text.replace(old, new, 1)


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        (
            "samples: 4 #",
            "samples: 5 #",
            "verifier.tuned.samples reaches 5, but must be at most generate.bas",
        ),
        (
            "  base-train: {model: base, split: train, n_samples: 4}\n",
            "",
            "the study names 'base-train', but generate has only base-val",
        ),
        ("{step}{marker}", "{step}", "verifier.tuned.template: step must hold {marker} once."),
        ("validation_share: 0.1", "validation_share: 0.0", "verifier.tuned.validation_share is 0.0, but must be"),
        ("      adapter: null\n", "", "verifier.tuned.tuning.adapter is missing; it must be"),
        ("schedule: cosine", "schedule: linear", "verifier.tuned.tuning.schedule is 'linear', but must be one of"),
    ],
)
def test_a_mistake_in_training_a_prm_is_one_sentence(tmp_path: Path, old: str, new: str, sentence: str) -> None:
    with pytest.raises(StudyError) as caught:
        loading.load(write(tmp_path, tuned(old, new)))
    message = str(caught.value)
    assert sentence in message and "\n" not in message, message


def test_a_study_of_checkpoints_takes_a_prm_or_trains_one(tmp_path: Path) -> None:
    text = (ROOT / "profiles/gsm8k.yaml").read_text(encoding="utf-8")
    learned = text[text.index("  tuned: #") : text.index("select:")]
    both, neither = taken("verifier:\n", f"verifier:\n{learned}"), text.replace(f"verifier:\n{learned}", "")
    with pytest.raises(StudyError, match=r"one of trained, tuned and declared must be given, got tuned, declared"):
        loading.load(write(tmp_path, both))
    with pytest.raises(StudyError, match=r"verifier is needed by a study of checkpoints"):
        loading.load(write(tmp_path, neither))
    start, end = EXAMPLE.index("  trained:\n"), EXAMPLE.index("select:")
    with pytest.raises(StudyError, match=r"verifier must be trained in a study that trains its models"):
        loading.load(write(tmp_path, EXAMPLE[:start] + learned + EXAMPLE[end:]))


def test_a_server_needs_a_name_for_every_model(tmp_path: Path) -> None:
    text = taken()
    start, end = text.index("engine:"), text.index("sampling:")
    server = """engine:
  kind: openai
  url: http://127.0.0.1:8000/v1
  models: {base: small}
  token_ids: true
  concurrency: 8
  requests_per_second: null
  timeout_seconds: 600.0
  n_tries: 6

"""
    with pytest.raises(StudyError, match=r"the study names 'large', but engine.models has only base"):
        loading.load(write(tmp_path, text[:start] + server + text[end:]))
    both = text[:start] + server.replace("{base: small}", "{base: small, large: big}") + text[end:]
    with pytest.raises(StudyError, match=r"engine.kind must be reference or vllm to tune revisions"):
        loading.load(write(tmp_path, both))
    assert loading.load(write(tmp_path, without_revisions(both))).engine is not None


def without_revisions(text: str) -> str:
    """The profile of existing models without what it says of revision models."""
    start, end = text.index("revisions:"), text.index("compute_optimal:")
    return text[:start] + "pairings: {}\n" + text[end:]


def test_a_study_of_checkpoints_need_not_revise(tmp_path: Path) -> None:
    text = without_revisions(taken("  base-train: {model: base, split: train, n_samples: 16} # the paper: 64\n"))
    assert "pool: base-train, reads" in text
    study = loading.load(write(tmp_path, text.replace("pool: base-train, reads", "pool: base-val, reads")))
    assert study.revisions is None


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        (
            "  edit_distance: {learns_from: pools/base-train, attempts: 16}\n",
            "",
            "pairings and revision_verifier must",
        ),
        (
            "attempts: 16}",
            "attempts: 48}",
            "pairings.edit_distance.attempts is 48, which is not a power of two",
        ),
        (
            "attempts: 4}",
            "attempts: 512}",
            "pairings.none.attempts reaches 512, but must be at most generate.base-val.n_samples",
        ),
        (
            "max_length: 8192",
            "max_length: 8193",
            "revisions.max_length reaches 8193, but must be at most engine.",
        ),
        (
            "max_length: 8192",
            "max_length: 5120",
            "revisions.max_length is 5120, but must be above 5120: sampl",
        ),
        (
            "adapter: {rank: 64, alpha: 128.0, layers: all}",
            "adapter: null",
            "but every revision model is an adapter of",
        ),
        (
            "  base-train: {model: base, split: train, n_samples: 16} # the paper: 64\n",
            "",
            "the study names 'base-train', but generate",
        ),
        (
            "    lr: 1.0e-4\n",
            "",
            "revisions.tuning.lr is missing; it must be a number above 0 and at most 1 (peak",
        ),
        (
            "pairings:",
            "pairings:\n  rest_em: {learns_from: revisions/verifier, attempts: 4}",
            "pairings.rest_em is for revision models that are trained, not tuned",
        ),
    ],
)
def test_revision_models_that_could_not_be_tuned_are_refused(tmp_path: Path, old: str, new: str, sentence: str) -> None:
    with pytest.raises(StudyError) as caught:
        loading.load(write(tmp_path, taken(old, new)))
    assert sentence in str(caught.value), str(caught.value)


def test_what_a_kind_of_study_has_no_use_for_is_refused(tmp_path: Path) -> None:
    pairing = "pairings:\n  edit_distance: {learns_from: pools/base-train, attempts: 4}"
    with pytest.raises(StudyError, match="pairings must be empty or left out in a replay: nothing is sampled"):
        loading.load(write(tmp_path, REPLAY.replace("pairings: {}", pairing)))
    window = EXAMPLE[EXAMPLE.index("window:") : EXAMPLE.index("revisions:")]
    with pytest.raises(StudyError, match="window must be empty or left out in a study of checkpoints"):
        loading.load(write(tmp_path, taken("revisions:", f"{window}revisions:")))


@pytest.mark.parametrize(
    ("text", "old", "new", "said"),
    [
        (EXAMPLE, "pool: base-train, reads", "pool: base-test, reads", None),
        (EXAMPLE, "pool: base-train, reads", "pool: small-train, reads", "names 'small-train', but generate has only"),
        (REPLAY, "pool: base-val, reads", "pool: base-train, reads", "is base-train, but must be base-val in a replay"),
        (EXAMPLE, "reads: data/scores", "reads: models/base", "must be data/scores"),
    ],
)
def test_difficulty_is_learned_from_a_pool_that_is_there(tmp_path, text, old, new, said):
    assert old in text
    path = tmp_path / "params.yaml"
    path.write_text(text.replace(old, new, 1))
    if said is None:
        loading.load(path)
    else:
        with pytest.raises(StudyError, match=re.escape(said)):
            loading.load(path)
