"""The stages of a study in the order in which they can run, read from dvc.yaml as DVC reads it."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

_REFERENCE = re.compile(r"\$\{([\w.]+)\}")


@dataclass(frozen=True)
class Stage:
    """One stage: its name and what it reads and makes."""

    name: str  # such as search@beam_4
    deps: tuple[str, ...]
    outs: tuple[str, ...]

    @property
    def kind(self) -> str:
        """What it has in common with others: search."""
        return kind(self.name)

    @cached_property
    def read(self) -> set[Path]:
        return set(map(Path, self.deps))

    @cached_property
    def made(self) -> set[Path]:
        return set(map(Path, self.outs))

    @cached_property
    def read_and_above(self) -> set[Path]:
        """What it reads, and the folders that hold that."""
        return self.read.union(*(path.parents for path in self.read))

    @cached_property
    def made_and_above(self) -> set[Path]:
        """What it makes, and the folders that hold that."""
        return self.made.union(*(path.parents for path in self.made))


def kind(name: str) -> str:
    """What stands before the @ that DVC puts behind the name of a group of stages."""
    return name.partition("@")[0]


def ordered(pipeline: Path, params: Mapping[str, Any]) -> list[Stage]:
    """The stages, each behind those whose outputs it reads; in the file's order where that leaves a choice.

    Args:
        pipeline: a dvc.yaml.
        params: the settings as they stand in params.yaml.
    """
    record = yaml.safe_load(pipeline.read_text(encoding="utf-8"))
    values = {name: value for part in record.get("vars", []) for name, value in part.items()} | dict(params)
    waiting = [stage for name, body in record["stages"].items() for stage in _expanded(name, body, values)]
    done: list[Stage] = []
    while waiting:
        ready = next((s for s in waiting if not any(feeds(o, s) for o in waiting if o is not s)), waiting[0])
        waiting.remove(ready)
        done.append(ready)
    return done


def feeds(one: Stage, other: Stage) -> bool:
    """Whether a dependency of the other is, holds or lies in an output of the one."""
    return bool(one.made & other.read_and_above or one.made_and_above & other.read)


def _expanded(name: str, body: Mapping[str, Any], values: Mapping[str, Any]) -> Iterator[Stage]:
    if "foreach" not in body:
        yield _stage(name, body, values)
        return
    items = picked(_REFERENCE.fullmatch(body["foreach"])[1], values)  # pyright: ignore[reportOptionalSubscript]
    pairs = items.items() if isinstance(items, Mapping) else [(item, item) for item in items]
    for key, item in pairs:
        yield _stage(f"{name}@{key}", body["do"], {**values, "key": key, "item": item})


def _stage(name: str, body: Mapping[str, Any], values: Mapping[str, Any]) -> Stage:
    def filled(text: str) -> str:
        return _REFERENCE.sub(lambda found: str(picked(found[1], values)), text)

    outs = [
        entry if isinstance(entry, str) else next(iter(entry))
        for kind in ("outs", "metrics")
        for entry in body.get(kind, [])
    ]
    return Stage(name, tuple(map(filled, body.get("deps", []))), tuple(map(filled, outs)))


def picked(dotted: str, values: Mapping[str, Any]) -> Any:
    """A setting by its dotted name.

    Raises:
        KeyError, TypeError: there is none.
    """
    node: Any = values
    for key in dotted.split("."):
        node = node[key]
    return node
