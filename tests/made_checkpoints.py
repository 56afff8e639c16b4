"""A study of models and questions that exist already: `python tests/made_checkpoints.py PROJECT` after smoke.

Takes the smoke study's base, large model and PRM as if they were somebody's checkpoints, and its questions as a file.
Writes PROJECT/taken/ and two profiles in which nothing is pretrained: in profiles/taken.yaml the PRM is declared, in
profiles/tuned.yaml it is trained from the base model.
"""

import json
import shutil
import sys
from pathlib import Path

from example_study import EXAMPLE
from tts_lib import tables

N_TRAIN, N_VAL, N_TEST = 50, 30, 40
TAKEN = """\
problems: {}
models: {}
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
  base-val: {model: base, split: val, n_samples: 16}
  base-test: {model: base, split: test, n_samples: 16}
  large-test: {model: large, split: test, n_samples: 8}
verifier: {}
PRMreplay: {}
select: {n_resamples: 50, flip_share: 0.2}
difficulty: {n_bins: 5, n_samples: 16, disjoint: false, n_probe: [1, 4], absolute_edges: [0.1, 0.5]}
search: {max_step_tokens: 16, max_rounds: 40, duplicates: keep}
options: {beam_4: {kind: beam, width: 4, depth: 0}}
grid: {budgets: [1, 2, 4, 8, 16], search_budgets: [4, 16], methods: [beam_4]}
pairings: {}
revision_verifier: {}
rest_em: {}
compute_optimal: {fold_seeds: 10, n_bootstrap: 300}
"""
READ = """\
    template: {opening: "{problem}", step: "{step}{marker}", between: "", marker: "\\n", tokenised: pieces}
    max_length: 128
    device: cpu
    batch_size: 64
"""
DECLARED = f"""\
prm:
  base:
    folder: taken/prm
    score: {{kind: reward_head}}
    aggregation: last
{READ}prm_tuning: {{}}
"""
TUNED = f"""\
prm: {{}}
prm_tuning:
  base:
    samples: 8
    rollouts: 8
    validation_share: 0.2
{READ}    tuning:
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
"""
TRAIN_POOL = "  base-train: {model: base, split: train, n_samples: 8}\n"


def write(project: Path) -> None:
    for name in ("base", "large", "prm"):
        shutil.copytree(project / "models" / name, project / "taken" / name)
    for split, names in (("test", ["test"]), ("train", ["train", "val"])):
        rows = [
            {"id": row.question_id, "problem": row.problem, "answer": row.answer}
            for name in names
            for row in tables.read_table(
                project / f"data/problems/{name}.parquet", ["question_id", "problem", "answer"]
            ).itertuples()
        ]
        (project / f"taken/{split}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    seed, flops = (EXAMPLE[EXAMPLE.index(name) :].splitlines()[0] for name in ("seed:", "flops_matched:"))
    text = TAKEN.replace("N_TRAIN", str(N_TRAIN)).replace("N_VAL", str(N_VAL)).replace("N_TEST", str(N_TEST))
    for name, verifier, pools in (("taken", DECLARED, ""), ("tuned", TUNED, TRAIN_POOL)):
        study = text.replace("PRM", verifier).replace("generate:\n", f"generate:\n{pools}")
        (project / f"profiles/{name}.yaml").write_text(f"{seed}\n{study}{flops}\n")


if __name__ == "__main__":
    write(Path(sys.argv[1]))
