"""One colour, marker and name for whatever is drawn, the same in the whole project.

A strategy's look is put together from its columns. The colours are those of Okabe and Ito (2008), which stay apart for
colour-blind readers; strategies of one colour differ in marker and line.
"""

import math
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace

import pandas as pd

from tts_lib.common.strategy import COMPUTE_OPTIMAL, MIXED, REVISIONS, SEQUENTIAL, Strategy

INK, FAINT = "#333333", "#8c8c8c"
BLACK, ORANGE, SKY, GREEN = "#222222", "#e69f00", "#56b4e9", "#009e73"
YELLOW, BLUE, RED, PINK = "#c9b400", "#0072b2", "#d55e00", "#cc79a7"
# Chains of 1, 2, 4, ... attempts: dark to light, through hues that stay apart.
_BY_LENGTH = ("#0d0887", "#46039f", "#7201a8", "#9c179e", "#bd3786", "#d8576b", "#ed7953", "#fb9f3a", "#e6bf00")
_OWN = [(color, marker) for marker in "hdp8" for color in (SKY, GREEN, YELLOW, RED, PINK, ORANGE)]

VERIFIERS = {  # in words
    "prm": "PRM",
    "orm": "ORM",
    "orm_matched": "label-matched ORM",
    "orm_alone": "ORM without history",
    "revision_orm": "ORM of the revisions",
    "revision_orm_alone": "ORM without history",
}


@dataclass(frozen=True)
class Look:
    """How something is drawn and what it is called."""

    color: str
    marker: str
    line: str
    label: str = ""
    short: str = ""  # what fits into a tile
    fill: str = ""  # of bars and tiles, where the colour alone would be another strategy's

    @property
    def area(self) -> str:
        return self.fill or self.color


_RULES = {
    "majority": Look(FAINT, "s", "-"),
    "coverage": Look(BLACK, ".", ":"),
    "best_of_n": Look(BLUE, "o", "--", fill=GREEN),
    "weighted": Look(BLUE, "o", "-"),
    "greedy": Look(BLACK, "x", ":"),
    "weighted_tuned": Look(BLUE, "*", "--"),
    "beam_4": Look(ORANGE, "^", "-"),
    "beam_sqrt": Look(RED, "v", "-"),
    "lookahead_1": Look(PINK, "<", "-"),
    "lookahead_3": Look(SKY, ">", "-"),
    "dvts": Look(YELLOW, "D", "-"),
    "rebase": Look(GREEN, "s", "-"),
    "particles_odds": Look(PINK, "h", "-"),
    "particles_ratio": Look(PINK, "d", "--"),
    "tree": Look(SKY, "p", "-"),
    REVISIONS: Look(SKY, "<", "-"),
    SEQUENTIAL: Look(GREEN, "^", "-"),
    MIXED: Look(ORANGE, "X", "-"),
    COMPUTE_OPTIMAL: Look(GREEN, "*", "-"),
    "best_fixed": Look(BLACK, "D", "--"),
    "random_choice": Look(FAINT, "x", ":"),
    "shuffled_bins": Look(FAINT, "+", "--"),
}
_SCORES = {  # what differs from the rule's look
    "prm_min": {"color": GREEN, "marker": "v"},
    "prm_prod": {"color": ORANGE, "marker": "p"},
    "prm_mean": {"color": SKY, "marker": "D"},
    "orm": {"color": RED, "marker": "P"},
    "orm_matched": {"color": PINK, "marker": "X"},
    "prm_flipped": {"marker": "X", "line": ":"},
}
_SCORES_OF_REVISIONS = {
    "majority": {"line": ":"},
    "orm_alone": {"color": PINK, "marker": "d"},
    "prm": {"color": RED, "marker": "8"},
}
_BINNINGS = {
    "predicted": {"color": PINK, "marker": "P"},
    "absolute": {"color": RED, "marker": "d"},
    "level": {"color": SKY, "marker": "h"},
    "subject": {"color": YELLOW, "marker": "p"},
}
_COARSE = ("easy", "medium", "hard")
_BROKEN = {"-": "--", "--": ":", ":": ":"}

NAMED = {
    # revision models, by the histories they learned from
    "edit_distance": Look(GREEN, "H", "-", "by edit distance (paper)"),
    "random": Look(BLUE, "<", "-", "random"),
    "none": Look(FAINT, "D", "-", "no history"),
    "shuffled": Look(ORANGE, "s", "-", "shuffled"),
    "rest_em": Look(RED, "v", "--", "ReST-EM"),
    # what a choice is among
    "searches": Look(BLUE, "s", "-", "searches"),
    "revisions": Look(GREEN, "v", ":", "revisions"),
    "both mechanisms": Look(BLACK, "*", "-", "both"),
    # end to end, difficulty predicted from few samples
    "probe of 1": Look("#d9b3ff", "o", "-", "with a probe of 1 sample"),
    "probe of 4": Look("#b37fe6", "v", "-", "with a probe of 4 samples"),
    "probe of 8": Look("#8c4fc6", "s", "-", "with a probe of 8 samples"),
    "probe of 16": Look("#66299c", "^", "-", "with a probe of 16 samples"),
    "probe of 32": Look("#3f0a6b", "D", "-", "with a probe of 32 samples"),
    # ways to choose among the final candidates of a search
    "correct": Look(BLUE, "o", "-", "best-of-N weighted"),
    "correct_majority": Look(FAINT, "s", "-", "majority"),
    "correct_best": Look(ORANGE, "^", "-", "best-of-N"),
    "correct_by_weight": Look(PINK, "d", "-", "by the particles' weights"),
    # difficulty bins from easy to hard: dark to light in print, and apart without colour vision
    "1": Look("#2b3a8c", "o", "-"),
    "2": Look("#2a788e", "s", "-"),
    "3": Look("#22a884", "^", "-"),
    "4": Look("#b08a00", "D", "-"),
    "5": Look("#d1495b", "v", "-"),
    "easy": Look("#2b3a8c", "o", "-"),
    "medium": Look("#22a884", "^", "-"),
    "hard": Look("#d1495b", "v", "-"),
    "all": Look(BLACK, "D", "--", "all questions"),
}


def of_strategy(strategy: Strategy) -> Look:
    """The look of a strategy; a search of the reader's own gets a fixed one made from its name."""
    scores = _SCORES_OF_REVISIONS if strategy.is_revisions else _SCORES
    changes = scores.get(strategy.score, {}) | _BINNINGS.get(strategy.binning, {})
    look = replace(_RULES.get(strategy.rule) or _own(strategy.rule), **changes)
    if strategy.length:
        fill = _BY_LENGTH[min(strategy.length.bit_length(), len(_BY_LENGTH)) - 1]
        look = replace(look, fill=fill, color=look.color if strategy.length == 1 else fill)
    if strategy.at:
        look = replace(look, color=_own(f"{strategy.at:g}").color, marker=_own(f"{strategy.at:g}").marker)
    if strategy.frozen:
        look = replace(look, line=_BROKEN[look.line])
    return replace(look, label=strategy.label, short=strategy.short)


def named(name: str, n_bins: int = 5) -> Look:
    """The look of what is no strategy: one of `n_bins` difficulty bins, a group of questions, a revision model, a set
    of strategies.
    """
    look = NAMED.get(name) or _own(name)
    label = _bin(name, n_bins) if name.isdecimal() else _bins(name, n_bins) if name in _COARSE else look.label
    return replace(look, label=label)


def lines(df: pd.DataFrame, by: str, n_bins: int = 5) -> Iterator[tuple[Look, pd.DataFrame]]:
    """The rows of each line in order of appearance, with its look: of a strategy from its columns, else by name."""
    for name, rows in df.groupby(by, sort=False):
        is_strategy = by == "strategy" and "rule" in rows
        yield (of_strategy(Strategy.of(rows.iloc[0].to_dict())) if is_strategy else named(str(name), n_bins)), rows


def areas(df: pd.DataFrame) -> dict[str, Look]:
    """The look of each single strategy of a table, by its name; `binning` and `frozen` there are those of the bins."""
    first = df.drop_duplicates("strategy")
    columns = zip(first["strategy"], first["rule"], first["score"], first["length"], strict=True)
    return {name: of_strategy(Strategy(rule, score, int(length))) for name, rule, score, length in columns}


def _bin(number: str, n_bins: int) -> str:
    ends = {} if n_bins == 1 else {1: " (easiest)", n_bins: " (hardest)"}
    return f"bin {number}{ends.get(int(number), '')}"


def _bins(name: str, n_bins: int) -> str:
    """A coarse group with its bins: those before, at and after the middle (`tts_lib.strategies.bins`)."""
    middle = (n_bins + 1) / 2
    first, last = {
        "easy": (1, math.ceil(middle) - 1),
        "medium": (math.ceil(middle), math.floor(middle)),
        "hard": (math.floor(middle) + 1, n_bins),
    }[name]
    return f"{name} (bin {first})" if first == last else f"{name} (bins {first}-{last})"


def _own(name: str) -> Look:
    color, marker = _OWN[zlib.crc32(name.encode()) % len(_OWN)]
    return Look(color, marker, "-", name.replace("_", " "))
