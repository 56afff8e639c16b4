"""Make a study of samples that exist already, from their file: columns are guessed and shown, and taken with --yes."""

import argparse
import re
import shutil
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import yaml
from pydantic import ValidationError

from tts_lib.commands import run as running
from tts_lib.common.budgets import doublings
from tts_lib.common.errors import StudyError
from tts_lib.common.files import write_atomically
from tts_lib.common.mistakes import sentence
from tts_lib.imported import guess as guessing
from tts_lib.imported import pool, sources
from tts_lib.questions.files import questions as question_files
from tts_lib.questions.files.fields import normalised
from tts_lib.study import folder
from tts_lib.study.config.study import Study

SAMPLES = "samples"  # folder of the study with copies of the files
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
UNKNOWN_SIZE, UNKNOWN_TOKENS, UNKNOWN_LENGTH = 1e9, 1e12, 500.0  # said, where they are taken
MOST_BINS, QUESTIONS_A_BIN = 5, 20
COLUMNS = "where a guess is wrong or missing; THEIRS is a column or a path such as choices[].message.content"
_SCALES = {
    "logit": "lie outside 0 to 1, so they are taken for logits, and their sigmoids used",
    "percent": "reach above 1 and none is below 0, so they are taken for percent, and divided by 100",
}
FEWEST = 4  # questions: two to fit on, two to test


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, help="of samples: a file, or a folder of files")
    parser.add_argument("--questions", type=Path, required=True, help="file of the questions, with their answers")
    parser.add_argument("--large", type=Path, help="file of the samples of a larger model")
    parser.add_argument("--into", type=Path, help="folder of the study (default: studies/NAME of the file)")
    parser.add_argument("--columns", default="", metavar="OURS=THEIRS,...", help=COLUMNS)
    parser.add_argument("--model", help="read this model's samples, where the file has several")
    parser.add_argument("--temperature", type=float, help="read the samples at this one, where the file has several")
    parser.add_argument("--parameters", type=float, nargs="+", default=[], help="of the model, and of the larger one")
    parser.add_argument("--yes", action="store_true", help="take what was shown, and run")


def run(given: argparse.Namespace) -> int:
    files = [path for path in (given.file, given.large, given.questions) if path]
    if missing := [path for path in files if not path.exists()]:
        raise StudyError(f"{missing[0]} is missing")
    if len({path.name for path in files}) < len(files):
        raise StudyError("two of the files have one name; they would take each other's place in the study's folder")
    asked = question_files.load(given.questions)
    golds = _golds(asked)
    named = _named(given.columns)
    pools = {"base": _declared(given.file, golds, given.parameters[:1], named, given.model)}
    if given.temperature is not None:
        pools["base"]["rows_at"] = given.temperature
    raws = {"base": _read(given.file, pools["base"])}
    if given.large:
        pools["large"] = _declared(given.large, golds, given.parameters[1:2])
        raws["large"] = _read(given.large, pools["large"])
    settings = _settings(given.questions.name, asked, pools, raws)
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


def _golds(asked: pd.DataFrame) -> dict[str, str]:
    """The golds by what samples may call their question: its text or its id."""
    names = [*asked["problem"], *asked["question_id"]]
    return dict(zip(map(normalised, names), [*asked["answer"]] * 2, strict=True))


def _named(columns: str) -> dict[str, str]:
    """What `--columns` names, ours to theirs."""
    pairs = [pair.partition("=") for pair in columns.split(",") if pair.strip()]
    for ours, sign, theirs in pairs:
        if not (ours.strip() and sign and theirs.strip()):
            raise StudyError(f"--columns has {ours + sign + theirs!r}, but must be OURS=THEIRS, such as question=uid")
    return {ours.strip(): theirs.strip() for ours, _, theirs in pairs}


def _declared(
    path: Path,
    golds: Mapping[str, str],
    size: list[float],
    named: Mapping[str, str] | None = None,
    model: str | None = None,
) -> dict[str, Any]:
    """The declaration of one pool, as params.yaml spells it."""
    found = guessing.guess(path, named, golds)
    if (gold := found.columns.get("gold")) and "gold" not in (named or {}):
        print(f"{path}: the column {gold!r} holds the golds of the questions, not answers of the samples.")
    if len(found.models) > 1 and model is None:
        raise StudyError(f"{path} holds samples of {', '.join(found.models)}; choose one with --model")
    declared: dict[str, Any] = {"path": path.name, "format": found.format}
    if found.format == "rows":
        declared |= {"columns": found.columns} | ({"rows_of": model} if model else {})
    name = model or (found.models[0] if found.models else path.name.partition(".")[0])
    if found.unused:
        print(f"{path}: not used: {', '.join(found.unused)} (--columns says what they are).")
    if found.scores != "probability":
        print(f"{path}: step scores {_SCALES[found.scores]}.")
        declared["scores"] = found.scores
    if not size:
        print(f"{path}: the size of {name} is taken to be {UNKNOWN_SIZE:.0e} parameters; say --parameters otherwise.")
    return declared | {
        "name": name,
        "n_params": float(size[0] if size else UNKNOWN_SIZE),
        "pretraining_tokens": UNKNOWN_TOKENS,
    }


def _read(path: Path, declared: dict[str, Any]) -> sources.RawPool:
    """The samples of a pool; where neither their tokens nor their length stand in the file, a length is declared."""
    columns = sources.Columns(**declared["columns"]) if "columns" in declared else None
    further = {"scores": declared.get("scores", "probability"), "temperature": declared.get("rows_at")}
    raw = sources.read(sources.Source(path, declared["format"], columns, declared.get("rows_of"), **further))
    for why, n in raw.left_out.items():
        print(f"{path}: {n:,} rows are left out, as {why}.")
    unscored = int(raw.samples["step_scores"].isna().to_numpy().sum())
    if 0 < unscored < len(raw.samples):
        print(f"{path}: {unscored:,} of {len(raw.samples):,} samples have no step scores; they count as scored 0.")
    known = raw.samples[["n_tokens", "n_chars", "text"]].notna().to_numpy()
    if not known.any(axis=1).all():
        declared["tokens_per_sample"] = UNKNOWN_LENGTH
        print(f"{path}: samples of no known length are taken to have {UNKNOWN_LENGTH:.0f} tokens (tokens_per_sample).")
    return raw


def _settings(
    questions: str, asked: pd.DataFrame, pools: Mapping[str, dict[str, Any]], raws: Mapping[str, sources.RawPool]
) -> dict[str, Any]:
    """Settings that these pools can bear: budgets within the base's, bins that hold enough questions.

    Args:
        questions: name of their file.
        asked: what stands in it.
        pools, raws: by role (base, large), what is declared of each pool and what stands in it.

    Raises:
        StudyError: questions of a pool that are not among those asked, or too few.
    """
    settings = yaml.safe_load((folder.project() / "profiles/replay.yaml").read_text(encoding="utf-8"))
    (template,) = settings["replay"].values()
    kept = {name: template[name] for name in ("chars_per_token", "conventions")}
    counts = {role: _counts(raw, asked, pools[role]["name"]) for role, raw in raws.items()}
    covered = set.intersection(*(set(count) for count in counts.values()))
    if len(covered) < FEWEST:
        where = " and ".join(str(raw.path) for raw in raws.values())
        raise StudyError(f"{where}: samples of {len(covered)} questions, but a study needs at least {FEWEST}")
    if partial := len(covered) < len(asked):
        print(f"{len(asked) - len(covered):,} of {len(asked):,} questions have no samples and are left out (partial).")
    n_samples, most = (end(counts["base"][question] for question in covered) for end in (min, max))
    if n_samples < most:
        print(f"Budgets are within {n_samples} samples, which is all that the question with fewest has.")
    n_val = max(2, len(covered) // 5)
    settings["replay"] = {
        "mine": {"folder": SAMPLES, "questions": questions, "partial": partial, "n_val": n_val}
        | {"style": _style(raws), **kept, **pools}
    }
    binned = max(1, n_samples // 4)
    left = n_samples - binned if n_samples > 1 else 1
    budgets = doublings(left)
    n_bins = max(1, min(MOST_BINS, (len(covered) - n_val) // QUESTIONS_A_BIN))
    probes = [n for n in (1, 4, 8, 16, 32) if n <= binned]
    settings["difficulty"] |= {"n_bins": n_bins, "n_samples": binned, "disjoint": n_samples > 1, "n_probe": probes}
    settings["grid"] = {"budgets": budgets, "search_budgets": budgets[-3:], "methods": []}
    try:
        Study.model_validate(settings)
    except ValidationError as error:
        raise StudyError(sentence(error, Study.model_json_schema())[0]) from error
    return settings


def _counts(raw: sources.RawPool, asked: pd.DataFrame, name: str) -> Counter[str]:
    """Samples of each question of a pool."""
    counts = Counter(pool.join(raw, asked, partial=True))
    least, most = min(counts.values()), max(counts.values())
    each = f"{least}" if least == most else f"{least} to {most}"
    print(f"{raw.path}: {len(raw.samples):,} samples of {name}, {len(counts):,} questions with {each} each.")
    return counts


def _style(raws: Mapping[str, sources.RawPool]) -> str:
    """How the texts are to be read, for files without a column of answers."""
    texts = [
        text
        for raw in raws.values()
        if raw.samples["answer"].isna().to_numpy().all()
        for text in raw.samples["text"].dropna().tolist()
    ]
    if not texts:
        return guessing.MARKED
    style, shares = guessing.style(texts)
    if not any(shares.values()):
        print("No text has an answer that can be read.")
        return style
    found = ", ".join(f"{share:.0%} as {name}" for name, share in shares.items())
    print(f"Answers are read in the style {style!r}: of the texts {found} have one.")
    return style
