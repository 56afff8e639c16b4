"""Models from folders and from pinned commits of the hub: what is found, what is refused and in which words."""

from pathlib import Path

import huggingface_hub
import pytest
from httpx2 import Request, Response
from huggingface_hub import errors

from helpers.model_folders import random_folder
from tts_lib.common.errors import StudyError
from tts_lib.models.checkpoint import checkpoint_hash
from tts_lib.models.folder import FolderError
from tts_lib.models.source import resolve

COMMIT = "0123456789abcdef0123456789abcdef01234567"
RESPONSE = Response(403, request=Request("GET", "https://hub.example/model"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return random_folder(tmp_path / "policy")


def test_a_folder_is_named_by_what_decides_its_output(folder: Path) -> None:
    before = resolve(folder).identity
    (folder / "README.md").write_text("another card")
    assert resolve(str(folder)).identity == before
    for name in ("config.json", "tokenizer.json", "model.safetensors"):
        (folder / name).write_bytes((folder / name).read_bytes() + b" ")
        assert resolve(folder).identity != before
        before = resolve(folder).identity
    (folder / "generation_config.json").write_text("{}")
    assert resolve(folder).identity == checkpoint_hash(folder) != before


def test_a_folder_without_weights_is_refused(folder: Path) -> None:
    with pytest.raises(StudyError, match="is a folder, which has no revision"):
        resolve(folder, COMMIT)
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(FolderError, match=r"lacks model\.safetensors; its weights are pickles, convert them"):
        resolve(folder)
    (folder / "config.json").unlink()
    with pytest.raises(FolderError, match=r"lacks config\.json"):
        resolve(folder)


@pytest.mark.parametrize("revision", [None, "main", COMMIT[:12], COMMIT.upper(), COMMIT + "0"])
def test_a_model_of_the_hub_must_be_pinned(revision: str | None) -> None:
    with pytest.raises(StudyError, match=r"there is no model folder some/model, .* the 40 hexadecimal digits"):
        resolve("some/model", revision)


def test_a_pinned_model_is_fetched_without_code_and_pickles(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = {}

    def fetch(model: str, revision: str, allow_patterns: list[str]) -> str:
        asked.update(model=model, revision=revision, patterns=allow_patterns)
        return str(folder)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", fetch)
    source = resolve("some/model", COMMIT)
    assert (source.folder, source.identity) == (folder, f"some/model@{COMMIT}")
    assert (asked["model"], asked["revision"]) == ("some/model", COMMIT)
    assert not any(Path(name).match(pattern) for name in ("a.py", "a.bin", "a.pt") for pattern in asked["patterns"])
    (folder / "model.safetensors").unlink()
    with pytest.raises(StudyError, match="has no safetensors weights, the only kind"):
        resolve("some/model", COMMIT)


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (errors.GatedRepoError("403", response=RESPONSE), "is gated: accept its licence .* `hf auth login`"),
        (errors.RepositoryNotFoundError("404", response=RESPONSE), "shows you no model some/model"),
        (errors.HFValidationError("bad name"), "shows you no model some/model"),
        (errors.RevisionNotFoundError("404", response=RESPONSE), f"has no commit {COMMIT}"),
        (errors.LocalEntryNotFoundError("no\nnetwork"), r"could not be fetched \(no network\); fetch it where"),
        (errors.OfflineModeIsEnabled("offline"), r"could not be fetched \(offline\)"),
        (OSError(28, "No space left on device"), "No space left on device"),
    ],
)
def test_says_why_a_model_cannot_be_had(error: Exception, message: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> str:
        raise error

    monkeypatch.setattr(huggingface_hub, "snapshot_download", fail)
    with pytest.raises(StudyError, match=message) as caught:
        resolve("some/model", COMMIT)
    assert "\n" not in str(caught.value)
