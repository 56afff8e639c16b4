"""Numbers that only a run can tell: taken from the metrics of an earlier one where there are any, else upper limits.

Every number that is handed out is noted with its source, so that the plan can say what it rests on.
"""

import math
from pathlib import Path
from statistics import mean
from typing import Any, NamedTuple

from tts_lib.answers.expected import Expected
from tts_lib.answers.protocols import n_alike
from tts_lib.common import paths, tables
from tts_lib.common.errors import StudyError
from tts_lib.common.tables import TableError
from tts_lib.models import pointer
from tts_lib.models.tokenizer import TokenCodec
from tts_lib.plan.needs import checkpoints
from tts_lib.plan.sizes import VOCABULARY, Size, counted, named_size, size_of
from tts_lib.questions.files import questions
from tts_lib.study.config.checkpoint import Source
from tts_lib.study.config.study import Study

TOKEN_COUNTS = ("policy_decode_tokens", "policy_prefill_tokens", "verifier_tokens", "verifier_prefill_tokens")
PROMPT = 256  # tokens, of a checkpoint whose questions are not here yet
CHARACTERS = 4  # a token, of questions that no tokenizer has read yet
AROUND = 16  # tokens around a question; examples and system prompts begin all prompts and are read once
UNMERGED = "upper limit: no two samples of a step are equal; at budget"


class Like(NamedTuple):
    """Another study of this kind, which has run."""

    metrics: Path  # the folder of its metrics
    called: str


class Known:
    """What an earlier run left under `root`: reports/metrics, data/problems; or else one of a study like this."""

    def __init__(self, study: Study, root: Path, folder: Path | None = None, like: Like | None = None):
        """Nothing is read yet.

        Args:
            folder: from which the study's files are seen; None: `root`.
            like: whose metrics serve where `root` has none.
        """
        self.notes: dict[str, str] = {}  # what -> value and source
        self._study, self._root, self._folder, self._like = study, root, folder or root, like
        self._read: dict[str, tuple[dict[str, Any], str]] = {}

    def size(self, model: str) -> Size:
        """Parameters of a model of the study, or of its PRM (`prm`); one trained from the base has the base's.

        Raises:
            StudyError: a checkpoint was not looked at yet, and its name does not tell.
        """
        sources = checkpoints.sources(self._study)
        if model == "prm" and "prm" not in sources:
            return self.size("base")
        if model not in sources:
            return size_of(self._study, model)
        metrics, _ = self._metrics("verifier" if model == "prm" else f"model-{model}")
        metrics = metrics.get("prm") if model == "prm" else metrics
        metrics = metrics if isinstance(metrics, dict) and metrics.get("name") == called(sources[model]) else {}
        block, total = (_positive(metrics.get(key)) for key in ("n_params_block", "n_params"))
        if block is not None and total is not None:
            self.notes[f"size of {model}"] = f"{block:.4g} parameters (reports/metrics)"
            return Size(int(block), int(total), VOCABULARY)
        name = called(sources[model])
        if (here := checkpoints.local(sources[model], self._folder)) is not None:
            found, how = counted(here), "counted"
        elif (found := named_size(name)) is not None:
            how = f"the name of {name}"
        else:
            raise StudyError(f"How large {name} is cannot be told before it is on this disk: its name does not say")
        self.notes[f"size of {model}"] = f"{found.total:.4g} parameters ({how})"
        return found

    def solution_tokens(self, model: str, split: str) -> float:
        """Mean tokens of a sampled solution."""
        assert self._study.sampling is not None
        what = f"tokens a solution, {model} on {split}"
        limit = self._study.sampling.max_tokens
        return self._either(what, f"generate-{model}-{split}", "mean_tokens", limit, "sampling.max_tokens")

    def prompt_tokens(self) -> float:
        """Mean tokens of a prompt, over the questions of all splits; what the window leaves beside a solution."""
        assert self._study.sampling is not None
        data = self._root / "data"
        tables_there = sorted((data / "problems").glob("*.parquet"))
        tokenizer = data if self._study.problems else self._root / "models" / "base"
        if tables_there and (tokenizer / "tokenizer.json").is_file():
            codec = TokenCodec.from_folder(tokenizer)
            problems = [text for path in tables_there for text in tables.read_table(path, ["problem"])["problem"]]
            encoded = codec.encode(problems)
            alike = n_alike(encoded) if self._study.questions else 0
            n_tokens = sum(len(tokens) - alike for tokens in encoded)
            shared = f", beside {alike} that all begin with, read once" if alike else ""
            return self._note("tokens a prompt", n_tokens / max(1, len(problems)), f"data/problems{shared}")
        if self._study.pretrain is None:
            return self._unread_prompt()
        limit = max(1, self._study.pretrain.max_length - self._study.sampling.max_tokens)
        return self._note("tokens a prompt", limit, "upper limit: pretrain.max_length less sampling.max_tokens")

    def _unread_prompt(self) -> float:
        what, lengths = "tokens a prompt", list[int]()
        try:
            for asked in self._study.questions.values():
                lengths += map(len, questions.load(self._folder / asked.folder / asked.test)["statement"])
        except (StudyError, OSError):  # the plan says what is missing
            lengths = []
        if not lengths:
            return self._note(what, PROMPT, "assumed: a chat template, a system prompt and a question")
        words = f"{CHARACTERS} characters a token and {AROUND} around a question; what all begin with is read once"
        return self._note(what, mean(lengths) / CHARACTERS + AROUND, words)

    def steps(self) -> float:
        """Mean steps of a solution."""
        assert self._study.search is not None
        metrics, source = self._metrics("verifier")
        n_labels, n_solutions = (_positive(metrics.get(key)) for key in ("n_labels", "n_solutions"))
        if n_labels is not None and n_solutions is not None and n_labels >= n_solutions:
            return self._note("steps a solution", n_labels / n_solutions, source)
        return self._note("steps a solution", self._study.search.max_rounds, "upper limit: search.max_rounds")

    def rolled_out(self, at_most: Expected, n_solutions: float) -> Expected:
        """Tokens of rollouts from the steps of so many solutions, of which equal beginnings share theirs.

        Args:
            at_most: if no two solutions began alike.
        """
        metrics, source = self._metrics("verifier")
        n_tokens, n_labelled = (_positive(metrics.get(key)) for key in ("label_tokens", "n_solutions"))
        if n_tokens is None or n_labelled is None or at_most.sampled == 0:
            return at_most
        share = min(1.0, n_tokens * n_solutions / n_labelled / at_most.sampled)
        self._note("rollouts of different beginnings, share", share, source)
        return at_most * share

    def trajectories(self, pairing: str, limit: int) -> float:
        """Right samples of the training questions, each of which teaches a revision model."""
        what = f"trajectories, {pairing}"
        return self._either(what, f"revisions-{pairing}", "n_trajectories", limit, "every sample of base-train")

    def search(self, method: str, budget: int, generations: int) -> Expected | None:
        """Tokens a question that the method spent at the budget, if that is known."""
        metrics, source = self._metrics(f"search-{method}")
        rows = metrics.get("by_budget")
        for row in rows if isinstance(rows, list) else []:
            if isinstance(row, dict) and row.get("budget") == budget:
                found = [value for name in TOKEN_COUNTS if (value := _positive(row.get(name))) is not None]
                if len(found) == len(TOKEN_COUNTS):
                    self.notes.setdefault(f"tokens of {method}", source)
                    sampled, prefilled, *verified = found
                    return Expected(generations, sampled, prefilled, sum(verified))
        before = self.notes.get(f"tokens of {method}", "")
        budgets = f"{before}, {budget}" if before.startswith(UNMERGED) else f"{UNMERGED} {budget}"
        self.notes[f"tokens of {method}"] = budgets
        return None

    def _either(self, what: str, stage: str, key: str, limit: float, meaning: str) -> float:
        metrics, source = self._metrics(stage)
        found = _positive(metrics.get(key))
        if found is not None and found <= limit:
            return self._note(what, found, source)
        return self._note(what, limit, f"upper limit: {meaning}")

    def _note(self, what: str, value: float, source: str) -> float:
        self.notes[what] = f"{value:,.4g} ({source})"
        return value

    def _metrics(self, stage: str) -> tuple[dict[str, Any], str]:
        """The metrics of a stage, empty where there are none, and their file in words.

        Raises:
            TableError: the file is damaged.
        """
        if stage not in self._read:
            self._read[stage] = {}, ""
            own = Like(self._root / paths.METRICS, "")
            for metrics, study in filter(None, (own, self._like)):
                if (path := metrics / f"{stage}.json").is_file():
                    record = tables.read_json(path)
                    if not isinstance(record, dict):
                        raise TableError(f"{path} is not a record of metrics; delete it, or run `dvc repro`")
                    self._read[stage] = record, f"{stage}.json{study and ' of ' + study}"
                    break
        return self._read[stage]


def called(source: Source) -> str:
    """The name of a checkpoint, as the metrics of its model have it."""
    return pointer.called(source.model_dump())


def _positive(value: Any) -> float | None:
    """The value as a finite number above 0, None if it is none."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number and math.isfinite(value) and value > 0 else None
