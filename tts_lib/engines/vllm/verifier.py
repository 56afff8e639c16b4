"""`VllmVerifier`: step scores through vLLM's pooling, for the verifiers that this project trains."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tts_lib.answers.protocols import ScoreRequest
from tts_lib.engines.checks import check_score_requests, closing_tokens, probability
from tts_lib.engines.vllm.engine import Engine
from tts_lib.engines.vllm.settings import DEFAULT, VllmSettings
from tts_lib.models import folder as model_folder
from tts_lib.models.folder import FolderError


class VllmVerifier(Engine):
    """A verifier (`tts_lib.answers.protocols.Verifier`) through vLLM: a `LlamaForTokenClassification` with one label.

    vLLM gives a logit for every token of prefix and continuation; those of the closing tokens are the scores. Each
    continuation is read with its prefix: pooling of all tokens cannot use the prefix cache.
    """

    def __init__(self, folder: Path, settings: VllmSettings = DEFAULT, *, progress: bool = False) -> None:
        """Load a verifier of this project.

        Raises:
            FolderError: the folder lacks something or holds a policy.
            StudyError: vLLM is not installed or cannot load the model.
        """
        config = model_folder.read_config(folder)
        if not config.has_score_head:
            raise FolderError(f"model folder {folder} holds a policy, not a verifier")
        super().__init__(
            folder,
            None,
            settings,
            runner="pooling",
            convert="classify",
            pooler_config={"task": "token_classify", "use_activation": False},
        )
        self.progress = progress
        self._step_token, self._end_token = model_folder.step_token(folder), config.end_token

    def score(self, requests: Sequence[ScoreRequest]) -> list[list[np.ndarray]]:
        """Step scores of each continuation of each request, in one call of vLLM for all of them.

        Raises:
            ValueError: a request out of range.
            StudyError: vLLM fails.
        """
        check_score_requests(requests, self.vocab_size, self.window)
        texts = [text for request in requests for text in request.continuations]
        read = [np.concatenate([request.prefix, text]) for request in requests for text in request.continuations]
        outputs = []
        if read:
            outputs = self.run("encode", read, pooling_task="token_classify", use_tqdm=self.progress)
        scores = iter(
            self._step_scores(text, output.outputs.data[:, 0].float().numpy())
            for text, output in zip(texts, outputs, strict=True)
        )
        return [[next(scores) for _ in request.continuations] for request in requests]

    def _step_scores(self, text: np.ndarray, logits: np.ndarray) -> np.ndarray:
        """float32 (step,) from the logits (T,) of the prefix and the text."""
        closes = closing_tokens(text, np.array([0, len(text)]), self._step_token, self._end_token)
        return probability(logits[-len(text) :][closes == 1])
