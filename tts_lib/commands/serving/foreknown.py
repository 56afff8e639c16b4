"""Difficulty before the first sample, as the strategy table's predictor tells it from a question."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from tts_lib.answers.cost import Cost, attended
from tts_lib.common.errors import StudyError
from tts_lib.models import folder as model_folder
from tts_lib.strategies.prediction import ByScorer, ByState, Predictor
from tts_lib.strategies.predictors import words


class Foreknown:
    """A predictor with the model that it reads, if it reads one."""

    def __init__(self, predictor: Predictor, root: Path, base: Path) -> None:
        """
        Args:
            root: folder of the study.
            base: folder of the base model.

        Raises:
            StudyError: the predictor's model is missing, damaged or another one.
        """
        self._predictor = predictor
        self._read: Callable[[np.ndarray], float] | None = None
        if isinstance(predictor, ByState):
            from tts_lib.training import policies, prompt_scorer

            model, layer = policies.load_policy(base), predictor.layer
            self._read = lambda prompt: predictor.score(prompt_scorer.states(model, [prompt])[layer, 0])
        elif isinstance(predictor, ByScorer):
            from tts_lib.training import policies, prompt_scorer

            if (found := model_folder.weights_hash(root / predictor.folder)) != predictor.sha256:
                raise StudyError(
                    "the strategy table names another predictor of difficulty than the one in "
                    f"{root / predictor.folder} ({predictor.sha256[:12]}, not {found[:12]}): run "
                    "`dvc repro compute_optimal`"
                )
            scorer = policies.load_scorer(root / predictor.folder)
            self._read = lambda prompt: float(prompt_scorer.read(scorer, [prompt])[0])

    def score(self, text: str | None, prompt: np.ndarray) -> tuple[float, Cost] | None:
        """The pass@1 that is predicted, and what reading the prompt cost; None where it needs a text that is not known.

        Args:
            text: the question as it was asked; None where only the prompt is known.
            prompt: int32 (token,).
        """
        if self._read is not None:
            n = len(prompt)
            return self._read(prompt), Cost(
                policy_prefill_tokens=n, policy_attended=int(attended(0, n)), policy_passes=1, policy_cached=n
            )
        assert not isinstance(self._predictor, ByState | ByScorer)
        if self._predictor.reads == "tokens":
            return self._predictor.score([str(token) for token in prompt.tolist()]), Cost()
        return None if text is None else (self._predictor.score(words(text)), Cost())
