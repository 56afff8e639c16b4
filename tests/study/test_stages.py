"""The stages of dvc.yaml, in an order in which they can run."""

import pytest
import yaml

from helpers.pipeline import ROOT, stages
from tts_lib.study.stages import ordered

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:dvc")


@pytest.mark.parametrize("profile", ["nano", "smoke", "replay", "math500", "gsm8k"])
def test_they_are_those_that_dvc_finds_each_behind_what_it_reads(profile):
    path = ROOT / ("params.yaml" if profile == "nano" else f"profiles/{profile}.yaml")
    found = ordered(ROOT / "dvc.yaml", yaml.safe_load(path.read_text()))
    known = {stage.name: stage for stage in stages() if stage.params_file == path}
    assert {stage.name for stage in found} == set(known)
    made: set[str] = set()
    for stage in found:
        assert set(stage.deps) == set(known[stage.name].deps) and set(stage.outs) == set(known[stage.name].outs)
        late = {out for other in found for out in other.outs} - made - set(stage.outs)
        assert not late & set(stage.deps), stage.name
        made |= set(stage.outs)
