"""The stages of a replay without kernels: each notebook's cells in this process, with the parameters of its study."""

import os
from pathlib import Path

from helpers.pipeline import ROOT
from tts_lib.study import notebooks, parameters
from tts_lib.study.config import loading

REPLAYED = (
    *(
        "01_questions-imported",
        "06_select",
        "07_difficulty",
        "07_predictors-texts",
        "11_stopping",
        "11_compute_optimal",
    ),
    *("12_flops_matched", "13_report"),
)


def run(study: Path, names: tuple[str, ...] = REPLAYED) -> None:
    """Run these notebooks in the folder of a study, as its stages would."""
    before = Path.cwd()
    os.chdir(study)
    try:
        for name in names:
            path = ROOT / f"notebooks/{name}.ipynb"
            given = parameters.values(path, loading.load(), {})
            scope = {"__name__": "__main__", "display": lambda *_: None} | given
            for number, cell in enumerate(notebooks.read(path).cells):
                if cell.cell_type == "code" and "parameters" not in cell.metadata.get("tags", []):
                    exec(compile(cell.source, f"{name}, cell {number}", "exec"), scope)
    finally:
        os.chdir(before)
