"""The searches by their `kind`, as `options` in params.yaml spells them: each gives a search its shape."""

from collections.abc import Sequence
from typing import Annotated, TypeAlias

from pydantic import Field

from tts_lib.search.beam import Beam
from tts_lib.search.dvts import Dvts
from tts_lib.search.lookahead import Lookahead
from tts_lib.search.particles import Particles
from tts_lib.search.rebase import Rebase
from tts_lib.search.tree import Tree

Method: TypeAlias = Annotated[Beam | Lookahead | Dvts | Rebase | Particles | Tree, Field(discriminator="kind")]


def reachable(method: Method, budgets: Sequence[int]) -> list[int]:
    """Those of the budgets at which the method can run: a lookahead needs M(k+1) generations at least."""
    return [budget for budget in budgets if budget >= method.least]
