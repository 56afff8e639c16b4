import json
from pathlib import Path

import numpy as np
import pytest

from helpers.pipeline import ROOT
from tts_lib.answers.protocols import FINISH_LENGTH, Samples
from tts_lib.common.errors import StudyError
from tts_lib.common.tables import TableError
from tts_lib.estimators.flops import inference_flops, pretraining_flops
from tts_lib.models.folder import ModelConfig
from tts_lib.plan.__main__ import main
from tts_lib.plan.known import Known
from tts_lib.plan.probe import PROMPT_TOKENS, PROMPTS, SAMPLES, tokens_per_second
from tts_lib.plan.sizes import named_size, size_of
from tts_lib.plan.work import Work, total, works
from tts_lib.revisions.chains import chain_lengths
from tts_lib.study.config import loading
from tts_lib.study.config.study import Study

STUDY = loading.load(ROOT / "profiles/nano.yaml")
METRICS = ROOT / "reports/metrics"


def plan(root: Path, study: Study = STUDY) -> dict[str, Work]:
    return {work.stage: work for work in works(study, Known(study, root))}


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
    assert limit["generate@base-test"].generations == 400 * (512 + 1)
    assert limit["search@beam_4"].generations == 600 * (4 + 16 + 64 + 256)
    assert limit["search@lookahead_3"].generations == 600 * (16 + 64 + 256)  # too few: 4 for beams with 3 rollouts
    tried = 4 * 200 * 4 * 5  # checkpoints, validation questions, chains, attempts
    assert limit["revisions@edit_distance"].generations == tried + 600 * sum(chain_lengths(128))
    assert limit["revisions@random"].generations == tried + 400 * sum(chain_lengths(16))
    assert limit["revision_verifier@edit_distance"].generations == 3000 * 4 * 5
    assert limit["revision_verifier@edit_distance"].verified == 3 * 600 * 576 * (28 + 100)
    assert limit["verifier@trained"].generations == 3000 * 8 * (40 - 1) * 8
    assert limit["score@trained"].generations == 0


def test_before_a_run_everything_stands_at_its_limit(tmp_path):
    known = Known(STUDY, tmp_path)
    parts = {work.stage: work for work in works(STUDY, known)}
    assert parts["generate@base-val"].sampled == 200 * 513 * 100
    assert all("upper limit" in note for note in known.notes.values())
    assert known.notes["tokens of beam_4"].endswith("at budget 4, 16, 64, 256")


def test_flops_are_those_of_the_ledger(limit):
    base, large = size_of(STUDY, "base").block, size_of(STUDY, "large").block
    assert limit["model-trained@large"].flops == pretraining_flops(large, 5_000_000)
    pool = limit["generate@large-test"]
    assert pool.flops == inference_flops(large, pool.sampled + pool.prefilled)
    search = limit["search@dvts"]
    assert search.flops == inference_flops(base, search.sampled + search.prefilled + search.verified)
    verifier = limit["verifier@trained"]
    sampling = inference_flops(base, verifier.sampled + verifier.prefilled)
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
    parts = {work.stage: work for work in works(STUDY, known)}
    assert parts["generate@base-val"].sampled == 200 * 513 * 30
    assert parts["verifier@trained"].generations == 3000 * 8 * (5 - 1) * 8
    assert parts["verifier@trained"].sampled == parts["verifier@trained"].generations * 20 / 2
    assert known.search("beam_4", 4) == counts | {"verifier_prefill_tokens": 2.0}
    assert known.search("beam_4", 16) == {}  # a count is missing
    assert known.notes["tokens a solution, base on val"] == "30 (generate-base-val.json)"
    assert known.notes["trajectories, random"] == "1,000 (revisions-random.json)"


@pytest.mark.parametrize("value", ["NaN", "Infinity", "-3", "0", "true", '"30"', "null", "[1]"])
def test_a_number_that_is_none_is_not_believed(tmp_path, value):
    folder = tmp_path / "reports/metrics"
    folder.mkdir(parents=True)
    (folder / "generate-base-val.json").write_text(f'{{"mean_tokens": {value}}}')
    assert plan(tmp_path)["generate@base-val"].sampled == 200 * 513 * 100


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
    assert planned["verifier@trained"].sampled == pytest.approx(verifier["label_tokens"], rel=0.2)
    n_trained = sum(verifier[name]["n_tokens"] for name in ("prm", "orm", "orm_matched"))
    assert (
        n_trained <= planned["verifier@trained"].trained <= 2 * n_trained
    )  # without data/, prompts stand at their limit
    assert all(planned[stage].flops <= limit[stage].flops * 1.001 for stage in planned)


# The command


@pytest.fixture
def study_file(tmp_path) -> Path:
    path = tmp_path / "params.yaml"
    path.write_text((ROOT / "profiles/nano.yaml").read_text())
    return path


def rows_of(text: str) -> dict[str, list[str]]:
    return {line.split()[0]: line.split() for line in text.splitlines() if "@" in line or line.startswith("in all")}


def test_hours_follow_from_the_pace(study_file, capsys):
    main([str(study_file), "--tokens-per-second", "1000"])
    alone = capsys.readouterr().out
    main([str(study_file), "--tokens-per-second", "1000", "--gpus", "8"])
    on_gpus = capsys.readouterr().out
    shape = size_of(STUDY, "base").block, size_of(STUDY, "large").block
    hours = 3 * 5_000_000 * shape[1] / shape[0] / 1000 / 3600  # 6 N D against 2 N a token
    assert float(rows_of(alone)["model-trained@large"][-1].replace(",", "")) == pytest.approx(hours, abs=6e-4)
    assert float(rows_of(on_gpus)["model-trained@large"][-1].replace(",", "")) == pytest.approx(8 * hours, abs=6e-4)
    assert "CPU hours" in alone
    assert "GPU hours" in on_gpus
    assert "1,000 tokens a second of base on 8 GPUs" in on_gpus


def test_without_a_pace_the_hours_stay_open(study_file, capsys):
    main([str(study_file)])
    text = capsys.readouterr().out
    assert rows_of(text)["model-trained@base"][-1] == "?"
    assert "pace: unknown: state --tokens-per-second" in text


@pytest.mark.parametrize("profile", ["nano", "smoke"])
def test_every_profile_that_samples_can_be_planned(profile, capsys):
    main([str(ROOT / "profiles" / f"{profile}.yaml")])
    assert "in all" in capsys.readouterr().out


def test_a_replay_has_nothing_to_plan():
    with pytest.raises(SystemExit, match=r"replays samples that exist already .*: nothing is sampled"):
        main([str(ROOT / "profiles/replay.yaml")])


@pytest.mark.parametrize("value", ["0", "-1", "nan", "inf", "fast"])
@pytest.mark.parametrize("option", ["--tokens-per-second", "--probe", "--gpus"])
def test_a_pace_is_above_0(study_file, option, value, capsys):
    with pytest.raises(SystemExit):
        main([str(study_file), f"{option}={value}"])
    assert f"{value} is not a " in capsys.readouterr().err


def test_nothing_can_be_measured_before_there_is_a_model(study_file):
    with pytest.raises(SystemExit, match=r"models/base is not there yet, .*: state --tokens-per-second"):
        main([str(study_file), "--probe", "1"])


def test_a_missing_file_is_one_sentence(tmp_path):
    with pytest.raises(SystemExit, match=r"none\.yaml cannot be read"):
        main([str(tmp_path / "none.yaml")])


def test_the_probe_counts_all_calls_but_the_first():
    seconds, n_calls = [0.0], [0]

    class Steady:
        """100 tokens a sample in a second a call; 1,000 seconds for the first."""

        version = "steady"

        def sample(self, requests, sampling):
            n_calls[0] += 1
            seconds[0] += 1.0 if n_calls[0] > 1 else 1000.0
            assert {len(request.prefix) for request in requests} == {PROMPT_TOKENS}
            n = len(requests[0].seeds)
            tokens, offsets = np.zeros(100 * n, np.int32), np.arange(n + 1) * 100
            return [Samples(tokens, offsets, np.full(n, FINISH_LENGTH, np.uint8), None) for _ in requests]

    pace = tokens_per_second(Steady(), 94, 100, 2.5, clock=lambda: seconds[0])
    assert n_calls == [4]
    assert pace == PROMPTS * (SAMPLES * 100 + PROMPT_TOKENS)


def test_a_study_of_checkpoints_is_planned_from_their_names(tmp_path):
    study = loading.load(ROOT / "profiles/math500.yaml")
    known = Known(study, tmp_path)
    parts = {work.stage: work for work in works(study, known)}
    assert "score@declared" in parts and not [name for name in parts if name.startswith(("model", "verifier"))]
    large = parts["generate@large-test"]
    assert large.flops == pytest.approx(2 * 7e9 * (large.sampled + large.prefilled))
    score = parts["score@declared"]
    assert score.flops == pytest.approx(2 * 7e9 * score.verified)
    assert known.notes["size of base"] == "5e+08 parameters (the name of Qwen/Qwen2.5-0.5B-Instruct)"


def test_a_prm_trained_from_a_checkpoint_is_planned(tmp_path):
    study = loading.load(ROOT / "profiles/gsm8k.yaml")
    parts = plan(tmp_path, study)
    work = parts["verifier@tuned"]
    solutions = 4000 * 4
    assert work.generations == solutions * (40 - 1) * 8
    assert work.sampled == work.generations * 1024 / 2
    assert work.trained == pytest.approx(2 * 0.9 * solutions * (256 + 1024))
    sampling, training = inference_flops(5e8, work.sampled + work.prefilled), pretraining_flops(5e8, work.trained)
    assert work.flops == pytest.approx(sampling + training)
    assert parts["score@tuned"].flops == pytest.approx(inference_flops(5e8, parts["score@tuned"].verified))


def test_revision_models_of_checkpoints_are_planned(tmp_path):
    study = loading.load(ROOT / "profiles/math500.yaml")
    assert study.sampling and study.revisions
    parts, base, prm = plan(tmp_path, study), 5e8, 7e9
    prompt, solution, questions = 256, study.sampling.max_tokens, 200 + 500
    tried, split = 6 * 200 * 4 * 5, sum(chain_lengths(64))  # checkpoints, validation questions, chains, attempts
    revisions = parts["revisions@edit_distance"]
    assert revisions.generations == tried + questions * split
    assert revisions.sampled == revisions.generations * solution
    n_trajectories = 1000 * 64 * (1 - 0.1)  # every sample of base-train may be right
    assert revisions.trained == pytest.approx(3 * n_trajectories * 3 * (prompt + solution))  # epochs, attempts each
    sampling = inference_flops(base, revisions.sampled + revisions.prefilled)
    assert revisions.flops == pytest.approx(sampling + pretraining_flops(base, revisions.trained))
    alone = parts["revisions@none"]
    assert alone.trained == pytest.approx(revisions.trained / 3) and alone.generations < revisions.generations
    verifier = parts["revision_verifier@edit_distance"]
    assert verifier.generations == 1000 * 4 * 5
    read = questions * split * (prompt + solution)
    assert verifier.verified == 3 * read
    sampling = inference_flops(base, verifier.sampled + verifier.prefilled)
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
