"""What a verifier knows of answers: does it rank right above wrong, does it mean its scores."""

from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, Int

from tts_lib.estimators import score_quality


def of_answers(
    scores: Float[np.ndarray, " solution"],
    correct: Bool[np.ndarray, " solution"],
    question: Int[np.ndarray, " solution"],
    weights: Float[np.ndarray, "resample question"],
) -> tuple[dict[str, Any], pd.DataFrame]:
    """AUC with its interval over questions, calibration error and Brier score; and the calibration curve.

    Args:
        scores: after the last step.
        question: row of each solution's question, as in the columns of `weights`.
    """
    calibration = score_quality.calibration(scores, correct.astype(float), question)
    auc = score_quality.auc(scores, correct, question, weights)
    known = {"answer_auc": vars(auc), "calibration_error": calibration.expected_error, "brier": calibration.brier}
    columns = ("n", "predicted", "observed", "standard_error")
    return known, pd.DataFrame({column: getattr(calibration, column) for column in columns})
