"""Where every file of a study lies; no other module spells a path."""

from pathlib import Path

from tts_lib.common.errors import StudyError

# The runner starts a notebook in the project's root, JupyterLab in the notebook's own folder.
ROOT = Path("..") if Path("../params.yaml").is_file() and not Path("params.yaml").is_file() else Path()
DATA, MODELS, REPORTS = ROOT / "data", ROOT / "models", ROOT / "reports"
TABLES = REPORTS / "tables"
STORE = ROOT / ".tts_store"
CHECKPOINTS = STORE / "checkpoints"
JUDGEMENTS = STORE / "judgements.jsonl"  # of answers in mathematical notation
LONG_WINDOW = CHECKPOINTS / "long-window"  # the base model with the window of the revision models
CORPUS, CORPUS_VALIDATION = DATA / "corpus.safetensors", DATA / "corpus-val.safetensors"
TOKENIZER = DATA / "tokenizer.json"
REVISION_MODELS = DATA / "revisions" / "models.json"  # hashes of their weights
REVISIONS_NOTE = DATA / "revisions" / "README.txt"  # so that the folder is there where no revision model is
STEP_LABELS = DATA / "step_labels.parquet"
STRATEGY_TABLE = REPORTS / "strategy.json"


def problems(split: str) -> Path:
    return DATA / "problems" / f"{split}.parquet"


def model(name: str) -> Path:
    """A policy (base, large) or verifier (prm, orm, orm_matched) in Hugging Face format."""
    return MODELS / name


def pool(model_name: str, split: str) -> Path:
    return DATA / "pools" / f"{model_name}-{split}.parquet"


def greedy(model_name: str, split: str) -> Path:
    return DATA / "pools" / f"{model_name}-{split}-greedy.parquet"


def scores(split: str) -> Path:
    return DATA / "scores" / f"{split}.parquet"


def step_scores(split: str) -> Path:
    """The PRM's score after each step of every sample."""
    return DATA / "steps" / f"{split}.parquet"


def accuracy(split: str) -> Path:
    """Expected correctness per question, strategy and budget, replayed from the pool."""
    return DATA / "accuracy" / f"{split}.parquet"


def costs(split: str) -> Path:
    return DATA / "costs" / f"{split}.parquet"


def difficulty(split: str) -> Path:
    return DATA / "difficulty" / f"{split}.parquet"


def search(method: str) -> Path:
    return DATA / "search" / f"{method}.parquet"


def revisions(name: str) -> Path:
    """Every attempt of the chains of a revision model; of the paper's also `scores`, and `ratios` of every split."""
    return DATA / "revisions" / f"{name}.parquet"


def checkpoints(pairing: str) -> Path:
    """Loss, and accuracy of each attempt on validation questions, of each checkpoint of a revision model."""
    return DATA / "revisions" / f"checkpoints-{pairing}.parquet"


def metrics(stage: str) -> Path:
    """Small results as JSON, kept in git."""
    return REPORTS / "metrics" / f"{stage}.json"


def table(name: str) -> Path:
    """The data of a figure or claim as CSV, kept in git."""
    return TABLES / f"{name}.csv"


def figure(name: str) -> Path:
    """A figure without its suffix; saved as PNG and SVG."""
    return REPORTS / "figures" / name


def find_root(start: str | Path = ".") -> Path:
    """The project's folder: the nearest one at or above `start` that holds params.yaml.

    Raises:
        StudyError: there is none.
    """
    here = Path(start).resolve()
    for folder in (here, *here.parents):
        if (folder / "params.yaml").is_file():
            return folder
    raise StudyError(f"No params.yaml in {here} or above it; start from the project's folder.")
