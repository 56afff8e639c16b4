"""Time and memory of the import of a large pool: `python benchmarks/importing.py`.

A made-up pool of 500 questions x 512 samples in the search-and-learn format is read, searched for shared text and
joined to its questions, answers judged by string.
"""

import argparse
import json
import resource
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

from tts_lib.imported import overlap
from tts_lib.imported.pool import Grade, to_pool
from tts_lib.imported.sources import Source, read

STEPS = "step by step\n\n" * 100


def answer_of(text: str) -> str | None:
    return text.rpartition("= ")[2] if "= " in text else None


def same(golds: list, answers: list) -> list[str]:
    return [
        "no_answer" if answer is None else "correct" if gold == answer else "wrong"
        for gold, answer in zip(golds, answers, strict=True)
    ]


def write_pool(path: Path, n_questions: int, n_samples: int) -> pd.DataFrame:
    """Write the pool, a third of whose answers are right; returns its questions."""
    rng = np.random.default_rng(0)
    golds = rng.integers(0, 100_000, n_questions)
    with path.open("w") as file:
        for number, gold in enumerate(golds):
            right, wrong = rng.random(n_samples) < 0.3, rng.integers(0, 100_000, n_samples)
            texts = [f"{i} {STEPS} = {answer}" for i, answer in enumerate(np.where(right, gold, wrong))]
            row = {"problem": f"q{number}", "answer": str(gold), "completions": texts}
            row |= {"scores": [[0.5] * 10] * n_samples, "completion_tokens": [400] * n_samples}
            file.write(json.dumps(row) + "\n")
    numbers = [str(i) for i in range(n_questions)]
    return pd.DataFrame({"question_id": numbers, "problem": [f"q{i}" for i in numbers], "answer": golds.astype(str)})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--questions", type=int, default=500)
    parser.add_argument("--samples", type=int, default=512)
    arguments = parser.parse_args()
    grade = Grade(answer_of, same, lambda ids, golds, answers: pd.factorize(np.array(answers))[0])
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "large.jsonl"
        table = write_pool(path, arguments.questions, arguments.samples)
        stages = [time.perf_counter()]
        raw = read(Source(path, "search_and_learn"))
        stages.append(time.perf_counter())
        overlap.overlap(raw.samples)
        stages.append(time.perf_counter())
        pool = to_pool(raw, table, grade).pool
        stages.append(time.perf_counter())
    for name, seconds in zip(("read", "shared text", "joined and judged"), np.diff(stages), strict=True):
        print(f"{name:18} {seconds:6.1f} s")
    peak_gib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"{len(pool):,} samples, largest memory {peak_gib:.2f} GiB")


if __name__ == "__main__":
    main()
