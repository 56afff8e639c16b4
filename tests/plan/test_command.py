"""`python -m tts_lib.plan`: what it prints, and its exit status."""

from pathlib import Path

import numpy as np
import pytest

from helpers.example_study import REPLAY
from helpers.pipeline import ROOT
from tts_lib.answers.protocols import FINISH_LENGTH, Samples
from tts_lib.plan.__main__ import main
from tts_lib.plan.needs import packages
from tts_lib.plan.probe import PROMPT_TOKENS, PROMPTS, SAMPLES, tokens_per_second


@pytest.fixture
def study(tmp_path, monkeypatch) -> Path:
    monkeypatch.setattr("tts_lib.plan.pace.cores", lambda: 2)
    monkeypatch.setattr(packages, "find_spec", lambda name: object())
    (tmp_path / "params.yaml").write_text((ROOT / "profiles/smoke.yaml").read_text())
    return tmp_path


def test_a_plan_has_a_row_a_stage_their_sum_and_no_question_left(study, capsys):
    assert main([str(study)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split()[-1] == "minutes" and "money" not in lines[0]
    rows = [line.split() for line in lines[1 : lines.index("") - 2]]
    total = lines[lines.index("") - 1].split()
    assert len(rows) == 26 and total[:2] == ["in", "all"]
    assert float(total[-1]) == pytest.approx(sum(float(row[-1]) for row in rows), abs=0.05 * len(rows) + 0.05)
    (time,) = [line for line in lines if line.startswith("Time: ")]
    assert time.startswith("Time: about ") and "for 26 stages on 2 x CPU core" in time
    assert "Missing:" not in lines


def test_a_folder_and_its_file_of_settings_are_the_same(study, capsys):
    main([str(study)])
    by_folder = capsys.readouterr().out
    main([str(study / "params.yaml")])
    assert capsys.readouterr().out == by_folder


def test_what_is_missing_is_printed_beside_the_plan(study, capsys, monkeypatch):
    monkeypatch.setattr(packages, "find_spec", lambda name: None if name == "numba" else object())
    assert main([str(study)]) == 1
    out = capsys.readouterr().out
    assert "Time: about" in out
    assert out.endswith("numba, which is not installed: pip install -e '.[study]'.\n")
    assert sorted(path.name for path in study.iterdir()) == ["params.yaml"]  # nothing is written


def test_a_replay_is_planned_too(study, capsys):
    (study / "params.yaml").write_text(REPLAY)
    assert main([str(study)]) == 1
    out = capsys.readouterr().out
    assert "questions-imported@mine" in out and f"there is no {study}/pools/small.jsonl" in out


def test_a_prm_that_is_not_pinned_is_refused(study, capsys):
    text = (ROOT / "profiles/math500.yaml").read_text()
    (study / "params.yaml").write_text(
        text.replace("revision: 0610740060112df12585d00a1c5f4624d2f59051", "revision: COMMIT")
    )
    assert main([str(study)]) == 1
    assert (
        "verifier.declared.revision is 'COMMIT', but must be a word (a commit of 40 hex digits"
        in capsys.readouterr().err
    )


@pytest.mark.parametrize("value", ["0", "-1", "nan", "inf", "fast"])
@pytest.mark.parametrize("option", ["--tokens-per-second", "--probe"])
def test_a_pace_is_above_0(study, option, value, capsys):
    with pytest.raises(SystemExit):
        main([str(study), f"{option}={value}"])
    assert f"{value} is not a number above 0" in capsys.readouterr().err


def test_nothing_can_be_measured_before_there_is_a_model(study, capsys):
    assert main([str(study), "--probe", "1"]) == 1
    assert "models/base is not there yet" in capsys.readouterr().err


@pytest.mark.parametrize(("content", "words"), [(None, "No params.yaml in"), ("seed: [", "is not valid YAML")])
def test_settings_that_cannot_be_read_are_one_sentence(tmp_path, content, words, capsys):
    if content:
        (tmp_path / "params.yaml").write_text(content)
    assert main([str(tmp_path)]) == 1
    out, err = capsys.readouterr()
    assert words in err and err.count("\n") == 1 and out == ""


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
