"""The step searches by their `kind`, as `options` in params.yaml spells them: each gives a search its shape."""

from collections.abc import Sequence
from typing import Annotated, TypeAlias

from pydantic import Field

from tts_lib.estimators.beams import least_budget
from tts_lib.search.beam import Beam
from tts_lib.search.dvts import Dvts
from tts_lib.search.lookahead import Lookahead

Method: TypeAlias = Annotated[Beam | Lookahead | Dvts, Field(discriminator="kind")]


def reachable(method: Method, budgets: Sequence[int]) -> list[int]:
    """Those of the budgets at which the method can run: a lookahead needs M(k+1) generations at least."""
    return [budget for budget in budgets if budget >= least_budget(method.width, method.depth)]
