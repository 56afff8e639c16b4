"""A study of models and questions that exist already: `python -m helpers.made_checkpoints PROJECT` after smoke.

Takes the smoke study's base (with the longer window that its revision models began from) and large model as if they
were somebody's checkpoints, and its questions as a file. Writes PROJECT/taken/ and profiles/tuned.yaml, in which
nothing is pretrained and the PRM is trained from the base model. The revision models that are fine-tuned need PEFT.
"""

import json
import re
import shutil
import sys
from pathlib import Path

from helpers.example_study import EXAMPLE
from tts_lib.common import tables

N_TRAIN, N_VAL, N_TEST = 50, 30, 40
STUDY = """\
checkpoints:
  base: {folder: taken/base, pretraining_tokens: 2.0e+5, step: "\\n"}
  large: {folder: taken/large, pretraining_tokens: 2.0e+5, step: "\\n"}
questions:
  nano:
    folder: taken
    test: test.jsonl
    train: train.jsonl
    n_train: N_TRAIN
    n_val: N_VAL
    n_test: N_TEST
    prompt: {kind: plain}
engine: {kind: reference, device: cpu, batch_size: 256}
sampling: {temperature: 0.8, top_p: 1.0, max_tokens: 100}
grading: {kind: exact}
generate:
  base-train: {model: base, split: train, n_samples: 16}
  base-val: {model: base, split: val, n_samples: 16}
  base-test: {model: base, split: test, n_samples: 16}
  large-test: {model: large, split: test, n_samples: 8}
verifier:
  tuned:
    pool: base-train
    samples: 8
    rollouts: 8
    validation_share: 0.2
    template: {opening: "{problem}", step: "{step}{marker}", between: "", marker: "\\n", tokenised: pieces}
    max_length: 128
    device: cpu
    batch_size: 64
    tuning:
      adapter: null
      epochs: 4
      batch_size: 16
      micro_tokens: 4096
      lr: 1.0e-3
      warmup_share: 0.1
      schedule: cosine
      dropout: 0.05
      clip_norm: 1.0
      gradient_checkpointing: false
      checkpoints: 4
      checkpoint_seconds: 60.0
select: {n_resamples: 50, flip_share: 0.2}
difficulty:
  {n_bins: 5, n_samples: 16, disjoint: false, n_probe: [1, 4], absolute_edges: [0.1, 0.5],
   predictors: {texts: {pool: base-train, reads: data/scores}}}
search: {temperature: 0.8, max_step_tokens: 16, max_rounds: 40, duplicates: keep}
options: {beam_4: {kind: beam, width: 4}}
grid: {budgets: [1, 2, 4, 8, 16], search_budgets: [4, 16], methods: [beam_4]}
revisions:
  kind: tuned
  start: base
  max_history: 4
  max_length: 640
  n_chains: 2
  validation_share: 0.2
  device: cpu
  tuning: TUNING
pairings:
  edit_distance: {learns_from: pools/base-train, attempts: 16}
  none: {learns_from: pools/base-train, attempts: 4}
revision_verifier:
  edit_distance: {kind: tuned, validation_share: 0.2, device: cpu, batch_size: 32, tuning: TUNING}
compute_optimal: {fold_seeds: 10, n_bootstrap: 300, n_walks: 20}
"""
TUNING = """{adapter: {rank: 4, alpha: 8.0, layers: all}, epochs: 2, batch_size: 16, micro_tokens: 4096, lr: 0.005, \
warmup_share: 0.0, schedule: constant, dropout: 0.0, clip_norm: 1.0, gradient_checkpointing: false, checkpoints: 2, \
checkpoint_seconds: 60.0}"""


def write(project: Path) -> None:
    smoke = project / "studies/smoke"
    shutil.copytree(smoke / "models/base_long", project / "taken/base")
    shutil.copytree(smoke / "models/large", project / "taken/large")
    for split, names in (("test", ["test"]), ("train", ["train", "val"])):
        rows = [
            {"id": row.question_id, "problem": row.problem, "answer": row.answer}
            for name in names
            for row in tables.read_table(
                smoke / f"data/problems/{name}.parquet", ["question_id", "problem", "answer"]
            ).itertuples()
        ]
        (project / f"taken/{split}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    seed, flops = (EXAMPLE[EXAMPLE.index(name) :].splitlines()[0] for name in ("seed:", "flops_matched:"))
    values = {"N_TRAIN": str(N_TRAIN), "N_VAL": str(N_VAL), "N_TEST": str(N_TEST), "TUNING": TUNING}
    text = re.sub("|".join(values), lambda found: values[found[0]], STUDY)
    (project / "profiles/tuned.yaml").write_text(f"{seed}\n{text}{flops}\n")


if __name__ == "__main__":
    write(Path(sys.argv[1]))
