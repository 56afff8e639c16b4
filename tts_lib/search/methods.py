"""The methods by name, as params.yaml spells them: each is a frozen set of options that can search a question."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, Protocol, runtime_checkable

from tts_lib.answers.scheduler import Question, Search
from tts_lib.common.rng import Part
from tts_lib.search.beam import Beam
from tts_lib.search.best_of_n import BestOfN
from tts_lib.search.candidates import Candidates
from tts_lib.search.dvts import Dvts
from tts_lib.search.lookahead import Lookahead

__all__ = ["METHODS", "Beam", "BestOfN", "Candidates", "Dvts", "Lookahead", "Method", "Question", "build"]


@runtime_checkable
class Method(Protocol):
    def generations(self, budget: int) -> int:
        """Generations spent at this budget, at most the budget; ValueError if it cannot run there."""
        ...

    def search(self, question: Question, budget: int, seed_key: tuple[Part, ...]) -> Search[Candidates]:
        """A search of one question for the scheduler; seed_key names the study and the policy."""
        ...


METHODS: dict[str, type[BestOfN] | type[Beam] | type[Lookahead] | type[Dvts]] = {
    "best_of_n": BestOfN,
    "beam": Beam,
    "lookahead": Lookahead,
    "dvts": Dvts,
}


def build(name: str, options: Mapping[str, Any]) -> Method:
    """Make the method `name` with exactly its options.

    Raises:
        ValueError: there is no such method, or an option is unknown or missing.
    """
    if name not in METHODS:
        raise ValueError(f"no method is called {name!r}; there are {', '.join(METHODS)}")
    known = {field.name for field in fields(METHODS[name])}
    if unknown := sorted(options.keys() - known):
        raise ValueError(f"{name} has no option {', '.join(unknown)}; it has {', '.join(sorted(known))}")
    if missing := sorted(known - options.keys()):
        raise ValueError(f"{name} lacks the option {', '.join(missing)}")
    return METHODS[name](**options)
