"""What a supplement takes that is made in the study itself: parts with counts that follow from its profile."""

from pathlib import Path

import pytest
import yaml

from helpers.pipeline import ROOT
from tts_lib.answers.expected import Expected, Means
from tts_lib.commands.__main__ import main
from tts_lib.common import paths
from tts_lib.common.errors import StudyError
from tts_lib.plan.beside import look
from tts_lib.report.supplements import kinds
from tts_lib.report.supplements.declared import PROFILES
from tts_lib.study.config import loading

DEFAULT = ROOT / "params.yaml"


def parts(name: str, file: Path = DEFAULT) -> dict[str, Expected]:
    """Of a supplement that is shipped, beside a study of these settings."""
    found = look(file, kinds.load(ROOT / PROFILES / f"{name}.yaml").efforts, [])
    assert {stage.name for stage in found.stages} == set(found.work) == set(found.seconds)
    assert all(seconds > 0 for seconds in found.seconds.values()) and "upper limits" in found.notes["work"]
    return {what: work.asked for what, work in found.work.items()}


def test_generations_are_those_of_the_profile() -> None:
    """8 cells of 64 attempts with 3 lengths to choose from; 4 teachers in 3 rounds and 3 controls."""
    combine = parts("combine")
    assert [each.generations for each in combine.values()] == [8 * 3 * 64 * 400, 8 * 64 * 1000, 64 * (400 + 3 * 1000)]
    assert all(each.verified > each.sampled > 0 for each in combine.values())
    improve = parts("improve")
    assert improve["samples of the rounds"].generations == 4 * 2 * 16 * 6000
    assert improve["samples of the test questions, read"].generations == 15 * 256 * 1000
    assert improve["lessons"] == Expected()
    searches = parts("searches")
    a_question = 5 * (2 * 16 + 64)  # five searches, twice at 16 generations and once at 64
    assert searches["searches guided by the PRM, also shuffled"].generations == 2 * 600 * a_question
    assert searches["searches guided by rollouts"].generations == 4 * 600 * a_question
    assert searches["searches guided by rollouts"].verified == 0 < searches["rollouts"].sampled
    sets = parts("question_sets")  # ten of 1,000 questions, each search 4 times at 64; lookahead takes no more samples
    pools = [512 + 2 * 128 + 1, 6 * 4 * 64, 128 * (1 + 7 / 2)]
    assert [each.generations for each in sets.values()] == [10_000 * n for n in pools]
    surface = parts("surface")
    assert surface["samples of base"].generations == 5 * 400 * (128 + 1)  # with its own, two seeds, two shorter
    assert surface["trainings of base"] == Expected()
    own = surface["a PRM of half"]
    assert own.generations > 6 * 6000 and own == surface["a PRM of x2"]  # 6 solutions of each, and rollouts of these


def test_trainings_are_counted_in_tokens() -> None:
    found = look(DEFAULT, kinds.load(ROOT / PROFILES / "surface.yaml").efforts, [])
    assert found.work["trainings of quarter"].trained == (0.25 + 0.5 + 1 + 2) * 5_000_000
    assert found.work["trainings of base"].trained == (0.25 + 0.5 + 2) * 5_000_000
    faster = look(DEFAULT, kinds.load(ROOT / PROFILES / "surface.yaml").efforts, [], 10_000_000.0)
    assert sum(faster.seconds.values()) < sum(found.seconds.values())


class Foreseen:
    """Every question and solution of 10 tokens."""

    def n(self, split, at_most=None):
        return 50 if at_most is None else min(50, at_most)

    def question(self, split, model="base"):
        return Means(10.0, 10.0, 2.0)

    def rolled_out(self, at_most, n_solutions):
        return at_most


@pytest.mark.parametrize("name", ["combine", "improve"])
def test_a_study_of_checkpoints_trains_adapters(name: str) -> None:
    study = loading.load(ROOT / "profiles/gsm8k.yaml")
    efforts = kinds.load(ROOT / PROFILES / f"{name}.yaml").efforts
    if study.revisions is None:
        with pytest.raises(StudyError, match="set revisions"):
            efforts(study, Foreseen())
        return
    found = {each.what: each for each in efforts(study, Foreseen())}
    assert sum(each.asked.generations for each in found.values()) > 0
    if name == "improve":
        assert found["lessons"].n_models == 0 < found["lessons"].learned  # adapters take hardly any storage
    else:
        assert found["cells, test"].asked.generations == 6 * 64 * 50


@pytest.mark.parametrize("name", ["combine", "improve", "searches"])
def test_a_replay_has_no_model_to_ask(name: str) -> None:
    with pytest.raises(StudyError, match="the study samples nothing"):
        parts(name, ROOT / "profiles/replay.yaml")


@pytest.mark.parametrize("name", ["combine", "improve", "searches", "surface"])
def test_it_is_printed_with_what_is_missing(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "params.yaml").write_bytes(DEFAULT.read_bytes())
    assert main(["plan", str(tmp_path), "--supplement", name]) == 1
    out = capsys.readouterr().out
    assert f"{name}, in the study itself" in out and "in all" in out and "Time: about" in out
    assert "summary.json is missing: a supplement is collected beside a study" in out
    for path in (paths.SUMMARY, paths.accuracy("test")):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text("{}")
    assert main(["plan", str(tmp_path), "--supplement", name]) == 0
    assert "Missing" not in capsys.readouterr().out


def test_a_study_that_cannot_have_it_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = yaml.safe_load(DEFAULT.read_text()) | {
        "revisions": None,
        "pairings": {},
        "revision_verifier": {},
        "window": {},
    }
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(made))
    assert main(["plan", str(tmp_path), "--supplement", "combine"]) == 1
    assert capsys.readouterr().err == "combine needs a study with a revision model: set revisions\n"
