"""What a reader may move in JupyterLab; in a stage, whose page is still, it is left out."""

import os
from collections.abc import Callable, Sequence
from typing import Any

from IPython.display import display


def slider(shown: Callable[[int], Any], budgets: Sequence[int]) -> None:
    """A slider over budgets, in generations; `shown` gives the table or figure of one of them."""
    if "TTS_STAGE" in os.environ:
        return
    import ipywidgets

    chosen = ipywidgets.SelectionSlider(options=list(budgets), value=budgets[-1], description="N")
    display(ipywidgets.interactive(lambda budget: display(shown(budget)), budget=chosen))
