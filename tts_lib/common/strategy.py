"""What a strategy is called, in every table and every figure: no other module spells its name.

A strategy is known by its columns. Its name and its words are made of them, and nothing takes a name apart again.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

_FROM_POOL = ("majority", "best_of_n", "weighted", "coverage")  # rules that read a pool of samples
_ALONE = ("greedy", "weighted_tuned")  # one answer at temperature 0; best-of-N at the temperature that suits it
REVISIONS, SEQUENTIAL, MIXED = "revisions", "sequential", "mixed"  # chains of a fixed length, or as the budget allows
COMPUTE_OPTIMAL, ARGMAX = "compute_optimal", "compute_optimal_argmax"  # by the default rule of choice, by the paper's
_CHOICES = (COMPUTE_OPTIMAL, ARGMAX, "best_fixed", "random_choice", "shuffled_bins")
TAKEN = (*_FROM_POOL, *_ALONE, REVISIONS, SEQUENTIAL, MIXED, *_CHOICES)

_RULES = {  # in words, and in short
    "majority": ("majority", "majority"),
    "coverage": ("any correct (coverage)", ""),
    "best_of_n": ("best-of-N", "best-of-N"),
    "weighted": ("weighted", "weighted"),
    "greedy": ("greedy", "greedy"),
    "weighted_tuned": ("weighted at its best temperature", ""),
    "beam_4": ("beam search, M = 4", "beam 4"),
    "beam_sqrt": ("beam search, M = √N", "beam √N"),
    "lookahead_1": ("lookahead k = 1, M = √N", "look. 1"),
    "lookahead_3": ("lookahead k = 3, M = 4", "look. 3"),
    "dvts": ("DVTS, M = 4", "DVTS"),
    "rebase": ("REBASE", "REBASE"),
    "particles_odds": ("particle filter by odds", "odds"),
    "particles_ratio": ("particle filter by ratios", "ratios"),
    "tree": ("tree by Thompson sampling", "tree"),
    COMPUTE_OPTIMAL: ("compute-optimal", ""),
    ARGMAX: ("compute-optimal by the paper's argmax", ""),
    "best_fixed": ("best fixed strategy", "best fixed"),
    "random_choice": ("random choice", ""),
    "shuffled_bins": ("shuffled bins", ""),
}
_SCORES = {
    "prm_last": "PRM last",
    "prm_min": "PRM min",
    "prm_prod": "PRM product",
    "prm_mean": "PRM mean",
    "orm": "ORM",
    "orm_matched": "label-matched ORM",
    "prm_flipped": "PRM flipped",
}
_SCORES_OF_REVISIONS = {"orm": "verifier", "orm_alone": "verifier without history", "prm": "base PRM"}
_BINNINGS = {
    "oracle": "oracle bins",
    "predicted": "predicted bins",
    "absolute": "absolute bins",
    "level": "by level",
    "subject": "by subject",
}


@dataclass(frozen=True)
class Strategy:
    """A way to spend a budget on a question (the paper's θ), or a choice among several by difficulty (its θ*)."""

    rule: str  # how the answer is come by: a selection from the pool, a search, a split into revisions, a choice
    score: str = ""  # what the answers are weighed by
    length: int = 0  # attempts of a chain, where it is fixed
    binning: str = ""  # of a choice: the difficulty it goes by
    frozen: bool = False  # of a choice: made on validation questions
    at: float = 0.0  # temperature of the samples, where it is not the study's

    @property
    def name(self) -> str:
        """The one name, as in `weighted:prm_last`, `revisions_4:orm`, `compute_optimal_oracle_frozen`."""
        temperature = f"at_{self.at:g}" if self.at else ""
        parts = (self.rule, str(self.length or ""), self.binning, "frozen" if self.frozen else "", temperature)
        return "_".join(filter(None, parts)) + (f":{self.score}" if self.score else "")

    @property
    def columns(self) -> dict[str, str | int | float | bool]:
        """Name and fields, as a row of a table carries them."""
        return {"strategy": self.name} | vars(self)

    @classmethod
    def of(cls, row: Mapping[Any, Any]) -> "Strategy":
        """The strategy of a row that carries its columns."""
        words = (str(row["rule"]), str(row["score"]), int(row["length"]), str(row["binning"]), bool(row["frozen"]))
        return cls(*words, at=float(row["at"]))

    @property
    def is_from_pool(self) -> bool:
        """Whether it reads the study's pool, so that it is known at every budget and may reuse samples drawn before."""
        return self.rule in _FROM_POOL and not self.at

    @property
    def is_search(self) -> bool:
        """Whether it goes step by step."""
        return self.rule not in TAKEN

    def generations(self, budget: int) -> int:
        """Solution attempts that it makes of a budget, at most: a greedy answer is one."""
        return 1 if self.rule == "greedy" else budget

    @property
    def is_revisions(self) -> bool:
        return self.rule in (REVISIONS, SEQUENTIAL, MIXED)

    @property
    def label(self) -> str:
        """In words, for a legend."""
        if self.is_revisions:
            chains = "parallel" if self.length == 1 else f"chains of {self.length}" if self.length else self.rule
            words = (chains, _SCORES_OF_REVISIONS.get(self.score, self.score))
        else:
            rule, _ = _RULES.get(self.rule, (self.rule.replace("_", " "), ""))
            score, binning = _SCORES.get(self.score, self.score), _BINNINGS.get(self.binning, self.binning)
            temperature = f"T = {self.at:g}" if self.at else ""
            words = (rule, score, binning, "from validation" if self.frozen else "", temperature)
        return ", ".join(filter(None, words))

    @property
    def short(self) -> str:
        """What fits into a tile or beside an axis; empty where nothing does."""
        if self.is_revisions:
            return f"L = {self.length}" if self.length else self.rule
        if self.at:
            return f"{_RULES[self.rule][1]} at {self.at:g}"
        return _BINNINGS.get(self.binning) or _RULES.get(self.rule, ("", ""))[1]


STRATEGY_COLUMNS = ["strategy", *(field.name for field in fields(Strategy))]

MAJORITY, COVERAGE = Strategy("majority"), Strategy("coverage")
PLAIN, WEIGHTED = Strategy("best_of_n", "prm_last"), Strategy("weighted", "prm_last")
FLIPPED = Strategy("weighted", "prm_flipped")  # the weaker verifier of ICLR Fig. 17
GREEDY = Strategy("greedy")  # one answer, whatever the budget
WEIGHTED_TUNED = Strategy("weighted_tuned", "prm_last")  # temperature by validation, at each budget
PARALLEL = Strategy(REVISIONS, "orm", length=1)  # first answers of the revision model: its parallel baseline (§6.1)
ORACLE, PREDICTED = (Strategy(COMPUTE_OPTIMAL, binning=name) for name in ("oracle", "predicted"))
BEST_FIXED, RANDOM_CHOICE, SHUFFLED_BINS = map(Strategy, ("best_fixed", "random_choice", "shuffled_bins"))
