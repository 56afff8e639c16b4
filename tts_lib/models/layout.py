"""A solution in the template of a declared PRM: its tokens, and where each step's score is read.

Statement and steps were written by others: text in them that spells one of the PRM's special tokens is broken up, so
that it cannot close a turn or pass for a marker.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from tokenizers import Tokenizer

from tts_lib.common.errors import StudyError
from tts_lib.models.prompts import defused, filled


@dataclass(frozen=True, eq=False)
class Laid:
    """One solution as the PRM reads it."""

    tokens: np.ndarray  # int64 (T,)
    places: np.ndarray  # int64 (step,): the tokens at which the steps' scores are read


class Layout:
    """Lays solutions out in a template (`tts_lib.study.config.checkpoint.Template`)."""

    def __init__(self, tokenizer: Tokenizer, template: Mapping[str, str], before_marker: bool, max_length: int):
        """Check the template against the PRM's tokenizer.

        Args:
            before_marker: whether a score is read at the token that predicts the marker.
            max_length: tokens that a solution may take with its problem.

        Raises:
            StudyError: the marker is not one token.
        """
        self.marker = single_token(tokenizer, template["marker"], "step marker")
        self._tokenizer, self._template = tokenizer, template
        self._shift, self._max_length = int(before_marker), max_length
        self._specials = [token.content for token in tokenizer.get_added_tokens_decoder().values() if token.special]

    def lay(self, statement: str, steps: Sequence[str]) -> Laid:
        """Lay out a question and the steps of a solution to it.

        Raises:
            StudyError: it does not fit, or the tokenizer merges a marker with its neighbours.
        """
        pieces = self._pieces(statement, steps)
        laid = self._whole(pieces) if self._template["tokenised"] == "whole" else self._apart(pieces)
        if len(laid.tokens) > self._max_length:
            raise StudyError(
                f"a solution of {len(steps)} steps to {statement[:60]!r} takes {len(laid.tokens)} tokens of the "
                f"PRM, whose max_length is {self._max_length}: raise it if the model's window allows, or lower "
                "sampling.max_tokens"
            )
        return laid

    def _pieces(self, statement: str, steps: Sequence[str]) -> list[str]:
        """The texts around the markers: one before each, and one after the last."""
        form, marker = self._template, "{marker}"
        text, pieces = filled(form["opening"], problem=defused(statement, self._specials)), []
        for number, step in enumerate(steps, start=1):
            head, tail = form["step"].split(marker)
            words = {"step": defused(step, self._specials), "number": str(number)}
            pieces.append(text + filled(head, **words))
            text = filled(tail, **words) + (form["between"] if number < len(steps) else "")
        return [*pieces, text]

    def _apart(self, pieces: Sequence[str]) -> Laid:
        tokens: list[int] = []
        places = []
        for piece in pieces[:-1]:
            tokens += self._encode(piece).ids
            places.append(len(tokens) - self._shift)
            tokens.append(self.marker)
        return Laid(np.array(tokens, np.int64), np.array(places, np.int64))

    def _whole(self, pieces: Sequence[str]) -> Laid:
        marker = self._template["marker"]
        encoded = self._encode(marker.join(pieces[:-1]) + marker)
        ends = np.cumsum([len(piece) + len(marker) for piece in pieces[:-1]])  # characters up to the end of each marker
        at = {end: place for place, (_, end) in enumerate(encoded.offsets)}
        places = [at.get(int(end), -1) for end in ends]
        if any(place < 0 or encoded.ids[place] != self.marker for place in places):
            raise StudyError(
                f"the PRM's tokenizer does not keep the step marker {marker!r} a token of its own in this template: "
                "put a space beside it, or set template.tokenised to pieces"
            )
        return Laid(np.array(encoded.ids, np.int64), np.array(places, np.int64) - self._shift)

    def _encode(self, text: str) -> Any:
        return self._tokenizer.encode(text, add_special_tokens=False)


def single_token(tokenizer: Tokenizer, text: str, what: str) -> int:
    """The id of a text that is one token.

    Raises:
        StudyError: it is none, or several.
    """
    ids = tokenizer.encode(text, add_special_tokens=False).ids
    unknown = tokenizer.token_to_id(getattr(tokenizer.model, "unk_token", None) or "")
    if len(ids) != 1 or (ids[0] == unknown and unknown is not None):
        found = "unknown to" if not ids or unknown in ids else f"{len(ids)} tokens of"
        raise StudyError(f"the {what} {text!r} is {found} the PRM's tokenizer, but must be one token of it")
    return ids[0]
