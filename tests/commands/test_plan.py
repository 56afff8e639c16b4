"""`tts plan` is `python -m tts_lib.plan` by another name."""

import pytest

from helpers.pipeline import ROOT
from tts_lib.commands.__main__ import main
from tts_lib.plan.__main__ import main as plan
from tts_lib.plan.needs import packages


@pytest.mark.parametrize("absent", [None, "dvc"])
def test_both_print_the_same_and_end_with_the_same_status(absent, tmp_path, monkeypatch, capsys):
    (tmp_path / "params.yaml").write_bytes((ROOT / "profiles/smoke.yaml").read_bytes())
    monkeypatch.setattr(packages, "find_spec", lambda name: None if name == absent else object())
    statuses, printed = [], []
    for command in (lambda: main(["plan", str(tmp_path)]), lambda: plan([str(tmp_path)])):
        statuses.append(command())
        printed.append(capsys.readouterr().out)
    assert statuses == [1 if absent else 0] * 2 and printed[0] == printed[1]
    assert ("Missing:" in printed[0]) == bool(absent)
