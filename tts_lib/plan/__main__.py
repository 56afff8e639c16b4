"""What a study will cost, before anything runs: `python -m tts_lib.plan [params.yaml] [--tokens-per-second X]`.

What only a run can tell is taken from the metrics of an earlier run beside the file, if there are any, and else stands
at its upper limit; the plan says which.

Hours come from one figure: the tokens a second that the base model reads and writes on all devices together, stated or
measured here on the base model of an earlier run (`--probe SECONDS`). It stands for 2 N FLOPs a token; every stage is
taken to keep that pace in FLOPs a second, whichever model it samples from, scores with or trains.
"""

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from tts_lib.common import paths
from tts_lib.common.errors import StudyError
from tts_lib.estimators import flops
from tts_lib.plan.known import Known
from tts_lib.plan.work import Work, total, works
from tts_lib.study.config import loading
from tts_lib.study.config.study import Study

HEADER = ("stage", "generations", "sampled", "prefilled", "verifier", "trained", "FLOPs", "storage")
SECONDS = 3600.0


def table(parts: Sequence[Work], notes: Mapping[str, str], flops_per_second: float | None, n_gpus: int) -> list[str]:
    """The lines of the plan: a row for each stage, their sum, and what the numbers rest on."""
    rows = [(*HEADER, "GPU hours" if n_gpus else "CPU hours")]
    rows += [_row(part, flops_per_second, n_gpus or 1) for part in [*parts, total(parts)]]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [f"{row[0]:{widths[0]}}" + "".join(f"  {row[i]:>{widths[i]}}" for i in range(1, len(row))) for row in rows]
    lines.insert(-1, "-" * len(lines[0]))
    return [*lines, "", "What this rests on:", *(f"  {what}: {value}" for what, value in notes.items())]


def _row(part: Work, flops_per_second: float | None, n_devices: int) -> tuple[str, ...]:
    counts = (part.generations, part.sampled, part.prefilled, part.verified, part.trained)
    hours = f"{part.flops / flops_per_second / SECONDS * n_devices:,.3f}" if flops_per_second else "?"
    return (
        part.stage,
        *(f"{count:,.0f}" if count else "-" for count in counts),
        f"{part.flops:.3g}" if part.flops else "-",
        f"{part.storage / 2**20:,.1f} MiB" if part.storage else "-",
        hours if part.flops else "-",
    )


def measured(study: Study, root: Path, seconds: float) -> float:
    """Tokens a second of the base model under `root`.

    Raises:
        StudyError: there is none yet.
    """
    from tts_lib.engines.opening import open_policy
    from tts_lib.models import pointer
    from tts_lib.models.folder import STEP_TEXT
    from tts_lib.models.vocabulary import Vocabulary
    from tts_lib.plan.probe import tokens_per_second

    path = root / "models" / "base"
    if not path.is_dir():
        raise StudyError(f"{path} is not there yet, so nothing can be measured: state --tokens-per-second.")
    assert study.sampling is not None
    target = pointer.resolve(path)
    vocab_size = Vocabulary.of(target.weights, target.step or STEP_TEXT).size
    policy = open_policy(path, study.engine.model_dump())
    return tokens_per_second(policy, vocab_size, study.sampling.max_tokens, seconds)


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m tts_lib.plan", description="What a study will cost, before it runs."
    )
    parser.add_argument("params", nargs="?", help="default: the active params.yaml")
    pace = parser.add_mutually_exclusive_group()
    pace.add_argument("--tokens-per-second", type=_positive, help="that the base model reads and writes")
    pace.add_argument("--probe", type=_positive, metavar="SECONDS", help="measure it on models/base")
    parser.add_argument("--gpus", type=_count, default=0, help="GPUs that this pace takes (default: CPU hours)")
    given = parser.parse_args(arguments)
    try:
        root = Path(given.params).resolve().parent if given.params else paths.find_root()
        study = loading.load(given.params or root / "params.yaml")
        known = Known(study, root)
        parts = works(study, known)
        pace = measured(study, root, given.probe) if given.probe else given.tokens_per_second
        notes = known.notes | {"pace": _pace_in_words(pace, given.gpus)}
        flops_per_second = pace and flops.inference_flops(known.size("base").block, pace)
        print("\n".join(table(parts, notes, flops_per_second, given.gpus)))
    except StudyError as error:
        sys.exit(str(error))


def _pace_in_words(tokens_per_second: float | None, n_gpus: int) -> str:
    if tokens_per_second is None:
        return "unknown: state --tokens-per-second, or measure it by --probe once models/base exists"
    return f"{tokens_per_second:,.0f} tokens a second of base on {f'{n_gpus} GPUs' if n_gpus else 'this machine'}"


def _positive(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is not a number above 0")
    return value


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"{text} is not a whole number above 0")
    return int(text)


if __name__ == "__main__":
    main(sys.argv[1:])
