"""What only a tokenizer knows of prompts: its chat template, its special tokens, and what it puts before a text."""

from pathlib import Path
from typing import Any

import jinja2
import transformers

from tts_lib.common.errors import one_line
from tts_lib.models.folder import FolderError
from tts_lib.models.prompts import Message


class ChatTokenizer:
    """The tokenizer of a model folder. Its chat template is rendered in transformers' sandbox; no code of it runs."""

    def __init__(self, folder: Path):
        """Load the tokenizer.

        Raises:
            FolderError: transformers refuses it.
        """
        self._folder = folder
        try:
            self._tokenizer: Any = transformers.AutoTokenizer.from_pretrained(
                folder, trust_remote_code=False, local_files_only=True
            )
        except (OSError, ValueError, KeyError) as error:
            raise FolderError(f"transformers cannot load the tokenizer in {folder}: {one_line(error)[:300]}") from error

    @property
    def specials(self) -> list[str]:
        """Texts of the special tokens."""
        tokens = self._tokenizer.added_tokens_decoder.values()
        return sorted({*self._tokenizer.all_special_tokens, *(token.content for token in tokens if token.special)})

    @property
    def opening(self) -> str:
        """What the tokenizer puts before a text by itself, such as <s>; empty for most."""
        added = self._tokenizer("x").input_ids
        alone = self._tokenizer("x", add_special_tokens=False).input_ids
        return self._tokenizer.decode(added[: len(added) - len(alone)]) if added[-len(alone) :] == alone else ""

    def render(self, messages: list[Message]) -> str:
        """A conversation as text, up to where the model's turn begins.

        Raises:
            FolderError: there is no chat template, or it refuses the conversation.
        """
        if not self._tokenizer.chat_template:
            raise FolderError(f"the tokenizer in {self._folder} has no chat template: use the prompt few_shot or plain")
        try:
            return self._tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
        except jinja2.TemplateError as error:
            raise FolderError(f"the chat template in {self._folder} fails: {one_line(error)[:300]}") from error
