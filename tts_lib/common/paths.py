"""Where every file of a study lies, seen from its folder; no other module spells a path.

The runner starts a notebook in the study's folder. Opened by hand it works in a folder of links to what the study holds
(`tts_lib.study.scratch`), from which `STUDY` leads back.
"""

from pathlib import Path

from tts_lib.common.errors import StudyError

STUDY = Path()  # what params.yaml names from outside stands relative to it
DATA, MODELS, REPORTS = Path("data"), Path("models"), Path("reports")
STORE = Path(".tts_store")
CHECKPOINTS = STORE / "checkpoints"
JUDGEMENTS = STORE / "judgements.jsonl"  # of answers in mathematical notation
CONVERTED = STORE / "models"  # made of GGUF files, under their SHA-256
WHEELS = STORE / "wheels"  # that somebody put there by hand: they are not fetched
CORPUS, CORPUS_VALIDATION = DATA / "corpus" / "train.safetensors", DATA / "corpus" / "validation.safetensors"
TOKENIZER = DATA / "tokenizer.json"
DATA_CARD = DATA / "DATA_CARD.md"
FOUNDATION = DATA / "foundation.json"  # what the rooms under every stage say
RECIPE = DATA / "problems" / "recipe.json"  # of the nano benchmark
REVISION_MODELS = DATA / "revisions" / "verifier" / "models.json"  # hashes of their weights
REVISIONS_NOTE = DATA / "revisions" / "README.txt"  # so that the folder is there where no revision model is
STEP_LABELS = DATA / "step_labels.parquet"
PREDICTOR = DATA / "predictors" / "zero.json"  # the predictor of difficulty that is handed on
SCORER = DATA / "predictors" / "scorer"  # its model, where it is one
STOPPING = DATA / "stopping" / "policies.json"  # the policies that are handed on
METRICS = REPORTS / "metrics"
SUPPLEMENTS = REPORTS / "supplements"
STRATEGY_TABLE = REPORTS / "strategy.json"
SUMMARY = REPORTS / "summary.json"


def problems(split: str) -> Path:
    return DATA / "problems" / f"{split}.parquet"


def model(name: str) -> Path:
    """A policy (base, large, a revision model) or a verifier of revisions, in Hugging Face format."""
    return MODELS / name


def verifier(name: str) -> Path:
    """What the stage of the verifier leaves: prm, and orm and orm_matched where they were trained."""
    return MODELS / "verifiers" / name


def pool(model_name: str, split: str) -> Path:
    return DATA / "pools" / f"{model_name}-{split}" / "samples.parquet"


def greedy(model_name: str, split: str) -> Path:
    return pool(model_name, split).with_name("greedy.parquet")


def pool_beside(model_name: str, split: str) -> Path:
    """Smaller pools at other temperatures, which are a column."""
    return pool(model_name, split).with_name("beside.parquet")


def scores(split: str) -> Path:
    return DATA / "scores" / f"{split}.parquet"


def step_scores(split: str) -> Path:
    """The PRM's score after each step of every sample."""
    return DATA / "scores" / f"steps-{split}.parquet"


def costs(split: str) -> Path:
    """What one sample of each question costs, on average."""
    return DATA / "scores" / f"costs-{split}.parquet"


def scores_beside(split: str) -> Path:
    """The PRM's last step scores of the pools at other temperatures."""
    return DATA / "scores" / f"beside-{split}.parquet"


def costs_beside(split: str) -> Path:
    """As `costs`, of the pools at other temperatures."""
    return DATA / "scores" / f"costs-beside-{split}.parquet"


def greedy_answers(split: str) -> Path:
    """Whether the greedy answer to each question is right, and its tokens."""
    return DATA / "scores" / f"greedy-{split}.parquet"


def accuracy(split: str) -> Path:
    """Expected correctness per question, strategy and budget, replayed from the pool."""
    return DATA / "accuracy" / f"{split}.parquet"


def difficulty(split: str) -> Path:
    return DATA / "difficulty" / f"{split}.parquet"


def predictors(split: str) -> Path:
    """Difficulty predicted from each question alone."""
    return DATA / "predictors" / f"{split}.parquet"


def search(method: str) -> Path:
    return DATA / "search" / f"{method}.parquet"


def revisions(pairing: str) -> Path:
    """Every attempt of the chains of a revision model."""
    return DATA / "revisions" / pairing / "chains.parquet"


def checkpoints(pairing: str) -> Path:
    """Loss, and accuracy of each attempt on validation questions, of each checkpoint of a revision model."""
    return DATA / "revisions" / pairing / "checkpoints.parquet"


def revision_verifier(name: str) -> Path:
    """`train`: the chains it learned from; `scores` of all attempts; `ratios`: every split of a budget."""
    return DATA / "revisions" / "verifier" / f"{name}.parquet"


def metrics(stage: str) -> Path:
    """Small results as JSON, kept in git."""
    return METRICS / f"{stage}.json"


def results(stage: str) -> Path:
    """The folder of a stage's tables (CSV) and figures (PNG and SVG)."""
    return REPORTS / "results" / stage


def find_root(start: str | Path = ".") -> Path:
    """The project's folder: the nearest one at or above `start` that holds params.yaml.

    Raises:
        StudyError: there is none, or it has lost that file: the study around it is another one.
    """
    here = Path(start).resolve()
    for folder in (here, *here.parents):
        if (folder / "params.yaml").is_file():
            return folder
        if (folder / "dvc.yaml").is_file():
            raise StudyError(f"No params.yaml in {folder}, which is a study by its dvc.yaml; take the file back.")
    raise StudyError(f"No params.yaml in {here} or above it; start from the project's folder.")
