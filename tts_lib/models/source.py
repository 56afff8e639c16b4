"""Where a model comes from: a folder, or a commit on the Hugging Face hub; only safetensors, never code.

Knows nothing about architectures or engines: it finds the files and gives them the name that enters the store's keys.
"""

import json
import re
from dataclasses import dataclass
from pathlib import Path

from tts_lib.common.errors import StudyError, one_line
from tts_lib.models.checkpoint import checkpoint_hash
from tts_lib.models.folder import FolderError

COMMIT = re.compile(r"[0-9a-f]{40}")
DOWNLOADED = ["*.json", "*.safetensors", "*.model", "*.txt", "*.jinja"]


@dataclass(frozen=True)
class Source:
    """A model that is on this disk."""

    folder: Path  # with a config.json and safetensors
    identity: str  # SHA-256 of a folder (`checkpoint_hash`), or id@commit


def resolve(model: str | Path, revision: str | None = None) -> Source:
    """Find a model folder, or fetch a commit from the Hugging Face hub into its cache.

    Raises:
        FolderError: a folder lacks its configuration or weights.
        StudyError: a hub model without a commit, unknown, gated, or out of reach.
    """
    if Path(model).is_dir():
        if revision is not None:
            raise StudyError(f"the model {model} is a folder, which has no revision; leave out revision {revision!r}")
        return Source(Path(model), checkpoint_hash(Path(model)))
    if revision is None or not COMMIT.fullmatch(revision):
        raise StudyError(
            f"there is no model folder {model}, and as a model of the Hugging Face hub it needs as its revision the 40 "
            f"hexadecimal digits of a commit (see its page, Files, History), not {revision!r}"
        )
    return Source(_fetch(str(model), revision), f"{model}@{revision}")


def read_json(path: Path) -> dict:
    """Return the object in a configuration file.

    Raises:
        FolderError: it is missing or holds no JSON object.
    """
    try:
        content = json.loads(path.read_text())
    except FileNotFoundError:
        raise FolderError(f"model folder {path.parent} lacks {path.name}") from None
    except ValueError as error:
        raise FolderError(f"{path} is not valid JSON: {one_line(error)}") from error
    if not isinstance(content, dict):
        raise FolderError(f"{path} must hold a JSON object, not a {type(content).__name__}")
    return content


def _fetch(model: str, revision: str) -> Path:
    import huggingface_hub
    from huggingface_hub import errors

    where = f"the model {model} at commit {revision[:12]}"
    try:
        folder = Path(huggingface_hub.snapshot_download(model, revision=revision, allow_patterns=DOWNLOADED))
    except errors.GatedRepoError as error:
        raise StudyError(
            f"{where} is gated: accept its licence on its page, then log in with `hf auth login` or set HF_TOKEN"
        ) from error
    except (errors.RepositoryNotFoundError, errors.HFValidationError) as error:
        raise StudyError(f"the Hugging Face hub shows you no model {model}; check the name and your login") from error
    except errors.RevisionNotFoundError as error:
        raise StudyError(f"the model {model} has no commit {revision}; take one from its history") from error
    except (OSError, errors.HfHubHTTPError) as error:  # no network, no cache, a full disk
        raise StudyError(
            f"{where} is not in the cache of this machine and could not be fetched ({one_line(error)[:200]}); "
            "fetch it where there is a network, or give the path of its folder"
        ) from error
    if not any(folder.glob("*.safetensors")):
        raise StudyError(f"{where} has no safetensors weights, the only kind that is loaded; choose another commit")
    return folder
