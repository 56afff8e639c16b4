"""What must be known of a served model: the server tells its name and its window, and no more."""

from dataclasses import dataclass
from pathlib import Path

from tts_lib.models import folder as model_folder
from tts_lib.models.vocabulary import endings
from tts_lib.types import StudyError


@dataclass(frozen=True)
class ServedModel:
    """A model behind a completion server.

    Attributes:
        name: as the server calls it.
        weights: what names the weights and their number format, such as a commit or a SHA-256. A server cannot be
            asked for it, and the store keeps samples of different weights apart by it.
        vocab_size: token ids are below it.
        max_length: tokens, the model's window; the server may allow less.
        end_tokens: the tokens that end a text, the one written where a server only says that it ended first.
        step_tokens: the tokens that close a step; none where a text does.
        stop: the text that closes a step, which may be part of a token or span several; None where a token does.
        end: a text that ends a sample, which may hold it (see `tts_lib.engines.ending`); None: the end tokens alone.
    """

    name: str
    weights: str
    vocab_size: int
    max_length: int
    end_tokens: tuple[int, ...]
    step_tokens: tuple[int, ...] = ()
    stop: str | None = None
    end: str | None = None

    def __post_init__(self) -> None:
        if not self.end_tokens or bool(self.step_tokens) == bool(self.stop):
            raise StudyError(
                f"The served model {self.name!r} needs a token that ends its texts, and either tokens or a text that "
                "close a step."
            )

    @property
    def endings(self) -> str:
        """What ends texts and steps, in a few words: samples of the same weights differ by it."""
        return endings(self.end_tokens, self.step_tokens, self.stop)

    @classmethod
    def from_folder(cls, folder: Path, name: str) -> "ServedModel":
        """The model of a folder that the server has loaded too.

        Raises:
            FolderError: see `tts_lib.models.folder`.
        """
        config = model_folder.read_config(folder)
        return cls(
            name=name,
            weights=model_folder.weights_hash(folder),
            vocab_size=config.vocab_size,
            max_length=config.max_length,
            end_tokens=(config.end_token,),
            step_tokens=(model_folder.step_token(folder),),
        )
