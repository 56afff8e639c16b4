"""A PRM with a reward head on a Llama, read by the native engine: what a study tunes from a small policy.

A step is read on what was read before it: all continuations of a prefix share the solution up to there.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tts_lib.answers.protocols import ScoreRequest, n_alike
from tts_lib.engines.native.engine import NativeVerifier
from tts_lib.engines.transformers.declared import LEAST, MOST, DeclaredVerifier
from tts_lib.models.folder import read_config
from tts_lib.models.layout import Laid


class NativeDeclaredVerifier(DeclaredVerifier):
    """`DeclaredVerifier` whose scores are those of the native engine."""

    engine = "declared-native-1"

    def _load(self, folder: Path) -> int:
        self._reader = NativeVerifier(folder, progress=self._progress, step=self._prm["template"]["marker"])
        return self._reader.config.max_length

    def score(self, requests: Sequence[ScoreRequest]) -> list[list[np.ndarray]]:
        """See `DeclaredVerifier`; where the last step counts alone, those before it are not scored again."""
        if self._prm["aggregation"] != "last":
            return super().score(requests)
        groups, first = [], []
        for request in requests:
            statement, n_prompt = self._asked.statement(request.prefix)
            old = request.prefix[n_prompt:]
            parts = self._asked.steps([(old, new) for new in request.continuations])
            groups.append([self.layout.lay(statement, steps or [""]) for steps, _ in parts])
            first.append([min(n_old, max(len(steps), 1) - 1) for steps, n_old in parts])
        return [[np.clip(scores, LEAST, MOST) for scores in group] for group in self._read(groups, first)]

    def read(self, laid: Sequence[Laid]) -> list[np.ndarray]:
        """See `DeclaredVerifier`."""
        return [found for (found,) in self._read([[each] for each in laid], [[0]] * len(laid))]

    def _read(self, groups: list[list[Laid]], first: list[list[int]]) -> list[list[np.ndarray]]:
        """Scores, float32, of the steps of each solution from its first on that is wanted; a group begins alike."""
        requests, n_shared = [], []
        for group, wanted in zip(groups, first, strict=True):
            ends = [int(each.places[n]) for each, n in zip(group, wanted, strict=True)]
            n_shared.append(max(1, min(n_alike([each.tokens for each in group]), *ends)))
            own = [each.tokens[n_shared[-1] : each.places[-1] + 1].astype(np.int32) for each in group]
            requests.append(ScoreRequest(group[0].tokens[: n_shared[-1]].astype(np.int32), own))
        found = self._reader.score(requests)
        return [
            [self._at(each, n, scores, start) for each, n, scores in zip(group, wanted, part, strict=True)]
            for group, wanted, part, start in zip(groups, first, found, n_shared, strict=True)
        ]

    def _at(self, laid: Laid, first: int, scores: np.ndarray, start: int) -> np.ndarray:
        """Those of the scores that stand at the places of steps; others are at tokens that hold a marker's text."""
        tokens = laid.tokens[start : laid.places[-1] + 1]
        closes = self._reader.vocabulary.closes[tokens] | self._reader.vocabulary.ends[tokens]
        closes[-1] = True
        return scores[np.isin(start + np.flatnonzero(closes), laid.places[first:])]


def can_read(folder: Path, score: str) -> bool:
    """Whether the native engine reads a PRM with this kind of score: one that was tuned from a Llama."""
    return score == "reward_head" and read_config(folder).has_score_head
