"""A replay study of made-up samples, the barest there is: `python -m helpers.made_pools PROJECT`.

Texts only, read by their last number, of most of the questions; no step scores, pools of unequal size, no large model.
Writes PROJECT/pools/ and profiles/made.yaml.
"""

import json
import sys
from pathlib import Path

import numpy as np

from helpers.example_study import REPLAY

N_QUESTIONS, N_UNANSWERED = 63, 3


def write(project: Path) -> None:
    rng = np.random.default_rng(0)
    chance = np.linspace(0.05, 0.95, N_QUESTIONS)
    golds = [{"id": f"q{i}", "problem": f"What is {i} + {i}?", "answer": str(2 * i)} for i in range(N_QUESTIONS)]
    samples = [
        {"id": gold["id"], "text": f"In all {gold['answer'] if rng.random() < p else rng.integers(500, 510)} of them."}
        for gold, p in list(zip(golds, chance, strict=True))[:-N_UNANSWERED]
        for _ in range(rng.integers(7, 12))
    ]
    (project / "pools").mkdir()
    for name, rows in (("questions", golds), ("small", samples)):
        (project / f"pools/{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    text = REPLAY[: REPLAY.index("    large:")] + REPLAY[REPLAY.index("select:") :]
    for old, new in (
        ("n_val: 100", "n_val: 20"),
        (", answer: answer, step_scores: scores", ", text: text"),
        ("    conventions:", "    style: number\n    partial: true\n    conventions:"),
        ("      name: small", "      name: small\n      tokens_per_sample: 30.0"),
        ("fold_seeds: 50, n_bootstrap: 2000", "fold_seeds: 5, n_bootstrap: 200"),
        ("budgets: [1, 2, 4]", "budgets: [1, 2, 4, 16]"),
        ("n_samples: 1", "n_samples: 2"),
    ):
        assert old in text
        text = text.replace(old, new)
    (project / "profiles/made.yaml").write_text(text)


if __name__ == "__main__":
    write(Path(sys.argv[1]))
