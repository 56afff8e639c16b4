"""Mistakes that people make in params.yaml, each with what the one sentence about it must say."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

PARAMS = "params.yaml"


@dataclass(frozen=True)
class Mistake:
    """A study that is right but for one thing.

    Attributes:
        profile: that the study is made from.
        make: makes the mistake in the study's folder.
        says: pieces of the sentence; `line N` where YAML knows the line.
        of_dvc: DVC reads the file itself before it starts a stage, and says this one in words of its own.
        in_schema: the settings are what they should be; what they name is not there.
    """

    name: str
    make: Callable[[Path], None]
    says: tuple[str, ...]
    profile: str = "smoke"
    of_dvc: bool = False
    in_schema: bool = False


def exchanged(old: str, new: str) -> Callable[[Path], None]:
    def make(study: Path) -> None:
        text = (study / PARAMS).read_text(encoding="utf-8")
        assert text.count(old) >= 1, old
        (study / PARAMS).write_text(text.replace(old, new, 1), encoding="utf-8")

    return make


def emptied(study: Path) -> None:
    (study / PARAMS).write_text("")


def in_latin(study: Path) -> None:
    (study / PARAMS).write_bytes((study / PARAMS).read_bytes() + "# f\u00fcr mich\n".encode("latin-1"))


def gone(study: Path) -> None:
    (study / PARAMS).unlink()


def a_folder(study: Path) -> None:
    (study / PARAMS).unlink()
    (study / PARAMS).mkdir()


MISTAKES = [
    Mistake("bracket left open", exchanged("budgets: [", "budgets: [["), ("line ", "is not valid YAML"), of_dvc=True),
    Mistake("tabs", exchanged("  n_maps: 6", "\tn_maps: 6"), ("line ", "is not valid YAML", r"'\t'"), of_dvc=True),
    Mistake("a key twice", exchanged("seed: 0", "seed: 0\nseed: 1"), ("line ", "'seed' is given twice"), of_dvc=True),
    Mistake("an empty file", emptied, ("the file is None, but must be a group of settings",)),
    Mistake("another encoding", in_latin, ("cannot be read: it is not UTF-8 text",), of_dvc=True),
    Mistake("no file", gone, ("No params.yaml in",), of_dvc=True),
    Mistake("a folder in its place", a_folder, ("No params.yaml in",), of_dvc=True),
    Mistake("an unknown section", exchanged("seed: 0", "seed: 0\nsede: 1"), ("line 3", "sede is not a setting")),
    Mistake("an unknown field", exchanged("n_bins:", "n_bin: 2\n  n_bins:"), ("line ", "did you mean n_bins?")),
    Mistake("a missing field", exchanged("  validation_tokens: 5000\n", ""), ("corpus.validation_tokens is missing",)),
    Mistake("a missing section", exchanged("pretrain:", "unused:"), ("line ", "unused is not a setting")),
    Mistake(
        "a section without entries", exchanged("search:\n", "search:\nsearched:\n"), ("searched is not a setting",)
    ),
    Mistake(
        "a text for a number", exchanged("n_maps: 6", "n_maps: six"), ("n_maps is 'six'", "a whole number at least")
    ),
    Mistake("1e9 for a number", exchanged("tokens: 200000", "tokens: 2e5"), ("without quotes: 200000",)),
    Mistake("out of range", exchanged("top_p: 1.0", "top_p: 1.5"), ("sampling.top_p is 1.5", "above 0 and at most 1")),
    Mistake(
        "a temperature that engines raise",
        exchanged("  temperature: 0.8\n", "  temperature: 0.001\n"),
        ("temperature: 0.001 lies between 0 (greedy) and 0.01",),
    ),
    Mistake(
        "an unknown model", exchanged("model: large,", "model: lrage,"), ("'lrage'", "base, large (nearest: large)")
    ),
    Mistake("an unknown method", exchanged("methods: [", "methods: [beam_44, "), ("'beam_44'", "(nearest: beam_4)")),
    Mistake("an unknown pool", exchanged("pool: base-train", "pool: base-tran"), ("pool is 'base-tran'", "base-train")),
    Mistake("an unknown engine", exchanged("{kind: native}", "{kind: nativ}"), ("'nativ'", "one of native, openai")),
    Mistake(
        "an unknown verifier", exchanged("  trained:\n    pool", "  traned:\n    pool"), ("did you mean trained?",)
    ),
    Mistake("an empty list", exchanged("hops: [0.5, 0.5]", "hops: []"), ("problems.nano.hops is []", "a list")),
    Mistake("budgets out of order", exchanged("budgets: [1, 2,", "budgets: [2, 1,"), ("must be strictly increasing",)),
    Mistake(
        "no power of two", exchanged("budgets: [1, 2,", "budgets: [1, 3,"), ("holds 3, which is not a power of two",)
    ),
    Mistake("~ in a folder", exchanged("folder: ", "folder: ~/"), ("must be written out",), profile="replay"),
    Mistake(
        "the study itself as a folder",
        exchanged("folder: ", "folder: . #"),
        ("must neither hold",),
        profile="replay",
        of_dvc=True,
    ),
    Mistake(
        "a file that is not there",
        exchanged("math500.jsonl", "math5000.jsonl"),
        ("math5000.jsonl",),
        profile="replay",
        in_schema=True,
    ),
]
