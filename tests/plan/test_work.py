"""The work of each stage: what the methods say of one question, added up; what an earlier run told goes before."""

import json
from pathlib import Path

import numpy as np
import pytest

from helpers.made_weights import write_checkpoint
from helpers.pipeline import ROOT
from tts_lib.answers.expected import Expected
from tts_lib.common.errors import StudyError
from tts_lib.common.tables import TableError
from tts_lib.estimators.flops import inference_flops, pretraining_flops
from tts_lib.models.folder import ModelConfig
from tts_lib.plan.known import AROUND, PROMPT, Known, Like
from tts_lib.plan.ledger import Work
from tts_lib.plan.sizes import named_size, size_of
from tts_lib.plan.work import total, works
from tts_lib.revisions.chains import chain_lengths
from tts_lib.study.config import loading
from tts_lib.study.config.checkpoint import Checkpoint
from tts_lib.study.config.study import Study

STUDY = loading.load(ROOT / "profiles/nano.yaml")
METRICS = ROOT / "reports/metrics"


def plan(root: Path, study: Study = STUDY) -> dict[str, Work]:
    return works(study, Known(study, root))


def measured(stage: str) -> dict:
    return json.loads((METRICS / f"{stage}.json").read_text())


@pytest.fixture(scope="module")
def limit(tmp_path_factory) -> dict[str, Work]:
    """The plan before anything has run."""
    return plan(tmp_path_factory.mktemp("empty"))


@pytest.mark.parametrize("model", ["base", "large"])
def test_sizes_are_those_of_the_model_folder(model):
    shape = STUDY.models[model]
    size = size_of(STUDY, model)
    folder = ModelConfig(
        size.vocab_size, shape.n_layers, shape.width, shape.n_heads, shape.width_mlp, 128, 1e4, 1e-5, 1, False
    )
    counts = {name: int(np.prod(dims)) for name, dims in folder.tensor_shapes().items()}
    embeddings = counts["model.embed_tokens.weight"] + counts["lm_head.weight"]
    assert (size.block, size.total) == (sum(counts.values()) - embeddings, sum(counts.values()))
    assert size.vocab_size == measured("problems")["vocabulary"]
    with pytest.raises(StudyError, match="no model 'huge'; models has base, large"):
        size_of(STUDY, "huge")


def test_every_sampling_and_training_stage_is_planned(limit):
    names = ["questions-nano@nano", "model-trained@base", "model-trained@large", "model-longer@base_long"]
    names += [f"generate@{name}" for name in STUDY.generate]
    names += ["verifier@trained", "score@trained", *(f"search@{name}" for name in STUDY.grid.methods)]
    names += [f"revisions@{name}" for name in STUDY.pairings]
    assert list(limit) == [*names, "revision_verifier@edit_distance"]


def test_generations_follow_from_the_params(limit):
    assert limit["generate@base-test"].asked.generations == 1000 * (512 + 1 + 2 * 128)
    assert limit["search@beam_4"].asked.generations == 1400 * (4 * (4 + 16 + 64) + 256)
    least = 4 * (3 + 1)  # four beams with three rollouts each: a budget of 4 is too small
    assert limit["search@lookahead_3"].asked.generations == 1400 * (4 * (least + 64) + 256)
    tried = 4 * 400 * 4 * 5  # checkpoints, validation questions, chains, attempts
    assert limit["revisions@edit_distance"].asked.generations == tried + 1400 * sum(chain_lengths(128))
    assert limit["revisions@random"].asked.generations == tried + 1000 * sum(chain_lengths(16))
    assert limit["revision_verifier@edit_distance"].asked.generations == 6000 * 4 * 5
    assert limit["revision_verifier@edit_distance"].asked.verified == 3 * 1400 * 576 * (28 + 100)
    assert limit["verifier@trained"].asked.generations == 6000 * 6 * (40 - 1) * 4
    assert limit["score@trained"].asked.generations == 0


def test_before_a_run_everything_stands_at_its_limit(tmp_path):
    known = Known(STUDY, tmp_path)
    parts = works(STUDY, known)
    assert parts["generate@base-val"].asked.sampled == 400 * (513 + 256) * 100
    assert all("upper limit" in note for note in known.notes.values())
    assert known.notes["tokens of beam_4"].endswith("at budget 4, 16, 64, 256")


def test_flops_are_those_of_the_ledger(limit):
    base, large = size_of(STUDY, "base").block, size_of(STUDY, "large").block
    assert limit["model-trained@large"].flops == pretraining_flops(large, 5_000_000)
    pool = limit["generate@large-test"]
    assert pool.flops == inference_flops(large, pool.asked.sampled + pool.asked.prefilled)
    search = limit["search@dvts"]
    assert search.flops == inference_flops(base, search.asked.sampled + search.asked.prefilled + search.asked.verified)
    verifier = limit["verifier@trained"]
    sampling = inference_flops(base, verifier.asked.sampled + verifier.asked.prefilled)
    assert verifier.flops == pytest.approx(sampling + pretraining_flops(base, verifier.trained))
    assert total(list(limit.values())).flops == pytest.approx(sum(work.flops for work in limit.values()))


def test_an_earlier_run_is_believed(tmp_path):
    folder = tmp_path / "reports/metrics"
    folder.mkdir(parents=True)
    counts = {"policy_decode_tokens": 7.0, "policy_prefill_tokens": 5.0, "verifier_tokens": 3.0}
    row = counts | {"budget": 4, "verifier_prefill_tokens": 2.0}
    files = {
        "generate-base-val": {"mean_tokens": 30.0},
        "generate-base-train": {"mean_tokens": 20.0},
        "verifier": {"n_labels": 50, "n_solutions": 10},
        "revisions-random": {"n_trajectories": 1000},
        "search-beam_4": {"by_budget": [row, {**counts, "budget": 16}]},
    }
    for name, record in files.items():
        (folder / f"{name}.json").write_text(json.dumps(record))
    known = Known(STUDY, tmp_path)
    parts = works(STUDY, known)
    assert parts["generate@base-val"].asked.sampled == 400 * (513 + 256) * 30
    assert parts["verifier@trained"].asked.generations == 6000 * 6 * (5 - 1) * 4
    assert parts["verifier@trained"].asked.sampled == parts["verifier@trained"].asked.generations * 20 / 2
    assert known.search("beam_4", 4, 4) == Expected(4, 7.0, 5.0, 5.0)
    assert known.search("beam_4", 16, 16) is None  # a count is missing
    assert known.notes["tokens a solution, base on val"] == "30 (generate-base-val.json)"
    assert known.notes["trajectories, random"] == "1,000 (revisions-random.json)"


@pytest.mark.parametrize("value", ["NaN", "Infinity", "-3", "0", "true", '"30"', "null", "[1]"])
def test_a_number_that_is_none_is_not_believed(tmp_path, value):
    folder = tmp_path / "reports/metrics"
    folder.mkdir(parents=True)
    (folder / "generate-base-val.json").write_text(f'{{"mean_tokens": {value}}}')
    assert plan(tmp_path)["generate@base-val"].asked.sampled == 400 * (513 + 256) * 100


@pytest.mark.parametrize("content", ["{", "[]", "7"])
def test_damaged_metrics_are_named(tmp_path, content):
    folder = tmp_path / "reports/metrics"
    folder.mkdir(parents=True)
    (folder / "verifier.json").write_text(content)
    with pytest.raises(TableError, match=r"verifier\.json is not"):
        plan(tmp_path)


@pytest.mark.skipif(not (METRICS / "verifier.json").is_file(), reason="the study has not run here")
def test_the_plan_meets_the_study_that_ran(limit):
    """What the plan works out beside what the committed study counted; what it only reads is not compared."""
    planned, verifier = plan(ROOT), measured("verifier")
    assert planned["model-trained@base"].trained == pytest.approx(measured("model-base")["n_tokens"], rel=0.01)
    # Equal prefixes are continued once, and how many are equal only a run tells.
    assert verifier["label_tokens"] <= planned["verifier@trained"].asked.sampled <= 2.5 * verifier["label_tokens"]
    n_trained = sum(verifier[name]["n_tokens"] for name in ("prm", "orm", "orm_matched"))
    assert (
        n_trained <= planned["verifier@trained"].trained <= 2 * n_trained
    )  # without data/, prompts stand at their limit
    assert all(planned[stage].flops <= limit[stage].flops * 1.001 for stage in planned)


def test_a_study_of_checkpoints_is_planned_from_their_names(tmp_path):
    study = loading.load(ROOT / "profiles/math500.yaml")
    known = Known(study, tmp_path)
    parts = works(study, known)
    assert "score@declared" in parts and not [name for name in parts if name.startswith(("model", "verifier"))]
    large = parts["generate@large-test"]
    assert large.flops == pytest.approx(2 * 7e9 * (large.asked.sampled + large.asked.prefilled))
    score = parts["score@declared"]
    assert score.flops == pytest.approx(2 * 7e9 * score.asked.verified)
    assert known.notes["size of base"] == "5e+08 parameters (the name of Qwen/Qwen2.5-0.5B-Instruct)"


def test_a_prm_trained_from_a_checkpoint_is_planned(tmp_path):
    study = loading.load(ROOT / "profiles/gsm8k.yaml")
    parts = plan(tmp_path, study)
    work = parts["verifier@tuned"]
    solutions = 1000 * 4
    assert work.asked.generations == solutions * (20 - 1) * 8
    assert work.asked.sampled == work.asked.generations * 512 / 2
    assert work.trained == pytest.approx(2 * 0.9 * solutions * (256 + 512))
    sampling, training = (
        inference_flops(5e8, work.asked.sampled + work.asked.prefilled),
        pretraining_flops(5e8, work.trained),
    )
    assert work.flops == pytest.approx(sampling + training)
    assert parts["score@tuned"].flops == pytest.approx(inference_flops(5e8, parts["score@tuned"].asked.verified))


def test_revision_models_of_checkpoints_are_planned(tmp_path):
    study = loading.load(ROOT / "profiles/math500.yaml")
    assert study.sampling and study.revisions
    parts, base, prm = plan(tmp_path, study), 5e8, 7e9
    prompt, solution, questions = 256, study.sampling.max_tokens, 64 + 500
    tried, split = 3 * 64 * 4 * 5, sum(chain_lengths(16))  # checkpoints, validation questions, chains, attempts
    revisions = parts["revisions@edit_distance"]
    assert revisions.asked.generations == tried + questions * split
    assert revisions.asked.sampled == revisions.asked.generations * solution
    n_trajectories = 500 * 16 * (1 - 0.1)  # every sample of base-train may be right
    assert revisions.trained == pytest.approx(2 * n_trajectories * 3 * (prompt + solution))  # epochs, attempts each
    sampling = inference_flops(base, revisions.asked.sampled + revisions.asked.prefilled)
    assert revisions.flops == pytest.approx(sampling + pretraining_flops(base, revisions.trained))
    alone = parts["revisions@none"]
    assert (
        alone.trained == pytest.approx(revisions.trained / 3) and alone.asked.generations < revisions.asked.generations
    )
    verifier = parts["revision_verifier@edit_distance"]
    assert verifier.asked.generations == 500 * 4 * 5
    read = questions * split * (prompt + solution)
    assert verifier.asked.verified == 3 * read
    sampling = inference_flops(base, verifier.asked.sampled + verifier.asked.prefilled)
    training = pretraining_flops(base, verifier.trained)
    assert verifier.flops == pytest.approx(sampling + training + 2 * (2 * base + prm) * read)


def test_what_the_checkpoint_stage_found_goes_before_the_name(tmp_path):
    folder = tmp_path / "reports/metrics"
    folder.mkdir(parents=True)
    facts = {"n_params_block": 357898112, "n_params": 494032768, "name": "Qwen/Qwen2.5-0.5B-Instruct"}
    (folder / "model-base.json").write_text(json.dumps(facts))
    (folder / "model-large.json").write_text(json.dumps(facts))  # of another study
    known = Known(loading.load(ROOT / "profiles/math500.yaml"), tmp_path)
    assert (known.size("base").block, known.size("base").total) == (357898112, 494032768)
    assert known.size("large").block == 7e9


def test_weights_on_this_disk_are_counted(tmp_path):
    write_checkpoint(tmp_path / "small")
    given = {"folder": "small", "pretraining_tokens": 1.0, "step": "\n"}
    study = loading.load(ROOT / "profiles/math500.yaml")
    study = study.model_copy(update={"checkpoints": {**study.checkpoints, "base": Checkpoint(**given)}})
    known = Known(study, tmp_path / "elsewhere", tmp_path)
    assert (known.size("base").block, known.size("base").total) == (6, 46)
    assert known.notes["size of base"] == "46 parameters (counted)"


def test_what_another_study_of_the_kind_left_serves_where_nothing_is(tmp_path):
    for name, tokens in (("mine", 20.0), ("other", 30.0)):
        (tmp_path / name / "reports/metrics").mkdir(parents=True)
        for split in ("val", "test") if name == "other" else ("val",):
            path = tmp_path / name / f"reports/metrics/generate-base-{split}.json"
            path.write_text(json.dumps({"mean_tokens": tokens}))
    known = Known(STUDY, tmp_path / "mine", like=Like(tmp_path / "other/reports/metrics", "the default study"))
    assert (known.solution_tokens("base", "val"), known.solution_tokens("base", "test")) == (20, 30)
    assert known.notes["tokens a solution, base on test"] == "30 (generate-base-test.json of the default study)"


def test_a_limit_that_was_lowered_since_goes_before_what_was_measured(tmp_path):
    (tmp_path / "reports/metrics").mkdir(parents=True)
    (tmp_path / "reports/metrics/generate-base-val.json").write_text('{"mean_tokens": 130.0}')
    assert Known(STUDY, tmp_path).solution_tokens("base", "val") == 100


@pytest.mark.parametrize(
    ("name", "total"),
    [
        ("Qwen2.5-0.5B-Instruct", 5e8),
        ("Llama-3.1-70b", 7e10),
        ("org/Model-7B", 7e9),
        ("gpt2", None),
        ("8BitBert", None),
    ],
)
def test_a_name_tells_a_size_or_none(name, total):
    found = named_size(name)
    assert (found and found.total) == total


def test_questions_that_no_tokenizer_has_read_are_counted_by_their_characters(tmp_path):
    study = loading.load(ROOT / "profiles/smollm.yaml")
    known = Known(study, tmp_path)
    assert known.prompt_tokens() == PROMPT and known.notes["tokens a prompt"].startswith("256 (assumed: ")
    (tmp_path / "profiles/facts").mkdir(parents=True)
    rows = [{"problem": "x" * n, "answer": "1"} for n in (20, 60)]
    (tmp_path / "profiles/facts/test.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert known.prompt_tokens() == 10 + AROUND
