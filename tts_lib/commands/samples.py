"""Make a study of samples that exist already, from their file: columns are guessed and shown, and taken with --yes."""

import argparse
import re
import shutil
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from tts_lib.commands import run as running
from tts_lib.common.errors import StudyError
from tts_lib.common.files import write_atomically
from tts_lib.imported import guess as guessing
from tts_lib.imported import sources
from tts_lib.study import folder

SAMPLES = "samples"  # folder of the study with copies of the files
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
UNKNOWN_SIZE, UNKNOWN_TOKENS = 1e9, 1e12  # said, where they are taken
MOST_BINS, QUESTIONS_A_BIN = 5, 20


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, help="of samples: a file, or a folder of files")
    parser.add_argument("--questions", type=Path, required=True, help="file of the questions, with their answers")
    parser.add_argument("--large", type=Path, help="file of the samples of a larger model")
    parser.add_argument("--into", type=Path, help="folder of the study (default: studies/NAME of the file)")
    parser.add_argument("--columns", default="", metavar="OURS=THEIRS,...", help="where a guess is wrong or missing")
    parser.add_argument("--model", help="read this model's samples, where the file has several")
    parser.add_argument("--parameters", type=float, nargs="+", default=[], help="of the model, and of the larger one")
    parser.add_argument("--yes", action="store_true", help="take what was shown, and run")


def run(given: argparse.Namespace) -> int:
    files = [path for path in (given.file, given.large, given.questions) if path]
    if missing := [path for path in files if not path.exists()]:
        raise StudyError(f"{missing[0]} is missing")
    if len({path.name for path in files}) < len(files):
        raise StudyError("two of the files have one name; they would take each other's place in the study's folder")
    named = dict(pair.split("=", 1) for pair in given.columns.split(",") if "=" in pair)
    pools = {"base": _declared(given.file, named, given.model, given.parameters[:1])}
    if given.large:
        pools["large"] = _declared(given.large, {}, None, given.parameters[1:2])
    settings = _settings(given.questions, {given.file: "base", given.large: "large"}, pools)
    name = re.sub(r"\W+", "_", given.file.name.partition(".")[0])
    where = given.into or folder.project() / "studies" / (name if _NAME.fullmatch(name) else f"samples_{name}")
    print(f"The study would be made in {where}, with these settings:\n\n{yaml.safe_dump(settings, sort_keys=False)}")
    if not given.yes:
        print("If the columns are right, say the same with --yes; otherwise name them with --columns.")
        return 2
    folder.create(where, "replay")
    (where / SAMPLES).mkdir(exist_ok=True)
    for path in files:
        copy = shutil.copytree if path.is_dir() else shutil.copyfile
        copy(path, where / SAMPLES / path.name)
    write_atomically(where / "params.yaml", yaml.safe_dump(settings, sort_keys=False).encode())
    return running.run(argparse.Namespace(folder=where, profile=None, stages=[]))


def _declared(path: Path, named: Mapping[str, str], model: str | None, size: list[float]) -> dict[str, Any]:
    """The declaration of one pool, as params.yaml spells it."""
    found = guessing.guess(path)
    columns = {**found.columns, **named}
    if len(found.models) > 1 and model is None:
        raise StudyError(f"{path} holds samples of {', '.join(found.models)}; choose one with --model")
    declared: dict[str, Any] = {"path": path.name, "format": found.format}
    if found.format == "rows":
        declared |= {"columns": columns} | ({"rows_of": model} if model else {})
    name = model or (found.models[0] if found.models else path.name.partition(".")[0])
    if not size:
        print(f"{path}: the size of {name} is taken to be {UNKNOWN_SIZE:.0e} parameters; say --parameters otherwise.")
    return declared | {
        "name": name,
        "n_params": float(size[0] if size else UNKNOWN_SIZE),
        "pretraining_tokens": UNKNOWN_TOKENS,
    }


def _settings(questions: Path, files: Mapping[Path, str], pools: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Settings that these pools can bear: budgets within the smallest, bins that hold enough questions."""
    settings = yaml.safe_load((folder.project() / "profiles/replay.yaml").read_text(encoding="utf-8"))
    (template,) = settings["replay"].values()
    kept = {name: template[name] for name in ("chars_per_token", "conventions")}
    counts = [_counts(path, pools[role]) for path, role in files.items() if role in pools]
    n_questions, n_samples = min(map(len, counts)), min(min(count.values()) for count in counts)
    n_val = max(2, n_questions // 5)
    settings["replay"] = {"mine": {"folder": SAMPLES, "questions": questions.name, "n_val": n_val, **kept, **pools}}
    binned = max(1, n_samples // 4)
    left = n_samples - binned if n_samples > 1 else 1
    budgets = [2**i for i in range(left.bit_length())]
    n_bins = max(1, min(MOST_BINS, (n_questions - n_val) // QUESTIONS_A_BIN))
    probes = [n for n in (1, 4, 8, 16, 32) if n <= binned]
    settings["difficulty"] |= {"n_bins": n_bins, "n_samples": binned, "disjoint": n_samples > 1, "n_probe": probes}
    settings["grid"] = {"budgets": budgets, "search_budgets": budgets[-3:], "methods": []}
    return settings


def _counts(path: Path, pool: Mapping[str, Any]) -> Counter[str]:
    """Samples of each question of a pool."""
    columns = sources.Columns(**pool["columns"]) if "columns" in pool else None
    raw = sources.read(sources.Source(path, pool["format"], columns, pool.get("rows_of")))
    counts = Counter(raw.samples["question_key"])
    least, most = min(counts.values()), max(counts.values())
    each = f"{least}" if least == most else f"{least} to {most}"
    print(f"{path}: {len(raw.samples):,} samples of {pool['name']}, {len(counts):,} questions with {each} each.")
    return counts
