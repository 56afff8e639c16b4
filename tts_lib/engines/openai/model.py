"""What must be known of a served model: the server tells its name and its window, and no more."""

from dataclasses import dataclass
from pathlib import Path

from tts_lib.common.errors import StudyError
from tts_lib.models.checkpoint import checkpoint_hash
from tts_lib.models.folder import STEP_TEXT
from tts_lib.models.vocabulary import Vocabulary, endings


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
    def from_folder(cls, folder: Path, name: str, step: str = STEP_TEXT, end: str | None = None) -> "ServedModel":
        """The model of a folder that the server has loaded too.

        Args:
            step: text that closes a step: the one token that holds it, or else the text, in whatever tokens it comes.

        Raises:
            FolderError: see `tts_lib.models.vocabulary.Vocabulary.of`.
        """
        known = Vocabulary.of(folder, step)
        by_token = len(known.step_tokens) == 1
        return cls(
            name=name,
            weights=checkpoint_hash(folder),
            vocab_size=known.size,
            max_length=known.window,
            end_tokens=known.end_tokens,
            step_tokens=known.step_tokens if by_token else (),
            stop=None if by_token else step,
            end=end,
        )
