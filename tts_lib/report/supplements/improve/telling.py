"""The tables and figures of the self-improvement loop."""

from collections.abc import Callable

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from tts_lib.estimators.intervals import difference_interval
from tts_lib.report.figures.figure import Drawing
from tts_lib.report.supplements.improve.contrasts import START, Measured, against_sampling
from tts_lib.report.supplements.improve.loop import BASE
from tts_lib.training.teachers import TEACHERS

COLOURS = {BASE: "black"} | {teacher: f"C{number}" for number, teacher in enumerate(TEACHERS)}


def rounds_table(found: Measured) -> pd.DataFrame:
    """A row a model: what it attains, how diverse its samples are, what it learned from."""
    rows = []
    for model, read in found.models:
        at, last = read.budgets.index(found.at), read.budgets[-1]
        one = difference_interval(read.pass_at_1)
        row = {"teacher": model.teacher, "round": model.number, "texts_kept": model.n_kept}
        row |= {"kept_wrong": model.share_wrong, "loop_flops": model.flops}
        row |= {"pass_at_1": one.estimate, "low": one.low, "high": one.high}
        row |= {f"coverage_at_{last}": read.coverage[:, -1].mean()}
        row |= {f"unguessed_at_{last}": read.unguessed[:, -1].mean()}
        if read.right_throughout is not None:
            row |= {f"right_throughout_at_{last}": read.right_throughout[:, -1].mean()}
        row |= {f"majority_at_{found.at}": read.majority[:, at].mean()}
        row |= {f"weighted_at_{found.at}_{name}": by[:, at].mean() for name, by in read.weighted.items()}
        row |= {"gap": read.gap(START, found.at).mean()}
        row |= {f"answers_of_{found.at}": read.distinct_answers.mean()}
        row |= {f"solutions_of_{found.at}": read.distinct_solutions.mean(), "answer_entropy": read.entropy.mean()}
        row |= {f"auc_{name}": _mean_known(auc) for name, auc in read.auc.items()}
        row |= {"mixed_questions": int((~np.isnan(read.auc[START])).sum())}
        if model.teacher != BASE:
            k = found.crossing(read)
            row |= {"crossing_k": k.estimate, "crossing_low": k.low, "crossing_high": k.high}
            row |= {"crossing_bounds": f"{k.bound}, {k.low_bound}, {k.high_bound}"}
        rows.append(row)
    return pd.DataFrame(rows)


def curves_table(found: Measured) -> pd.DataFrame:
    """Every curve: teacher, round, what is read, budget, accuracy with its interval over questions."""
    rows = []
    for model, read in found.models:
        curves = {"coverage": read.coverage, "unguessed": read.unguessed, "majority": read.majority}
        curves |= {f"weighted, {name}": by for name, by in read.weighted.items()}
        if read.right_throughout is not None:
            curves["right throughout"] = read.right_throughout
        for name, each in curves.items():
            for column, budget in enumerate(read.budgets):
                mean = difference_interval(each[:, column])
                row = {"teacher": model.teacher, "round": model.number, "what": name, "budget": budget}
                rows.append(row | {"accuracy": mean.estimate, "low": mean.low, "high": mean.high})
    return pd.DataFrame(rows)


def figures(found: Measured, rounds: pd.DataFrame, curves: pd.DataFrame, worth: pd.DataFrame) -> list[Drawing]:
    """Four panels of the loop."""
    throughout = found.start.right_throughout is not None
    what, said = (
        ("right throughout", "right in every step") if throughout else ("unguessed", "right, guesses taken out")
    )
    covered = curves.loc[(curves["what"] == what) & curves["teacher"].isin([BASE, *TEACHERS])]
    taught = worth.loc[worth["teacher"].isin(TEACHERS)]
    by_round = rounds.loc[rounds["teacher"].isin([BASE, *TEACHERS])]
    at, solutions = found.at, f"solutions_of_{found.at}"
    small = [n for n in (1, 16) if n in found.start.budgets]
    paid = pd.concat([against_sampling(found, "verifier", n) for n in small], ignore_index=True)
    return [
        Drawing(
            "coverage", "What the loop covers",
            "Where a line falls below the base (black), learning has cost coverage. "
            f"Questions with a sample that is {said}, over samples; fainter: earlier rounds.",
            covered, draw_coverage,
        ),
        Drawing(
            "amortisation", "What a sample is worth in samples of the base",
            "Above 1 a sample of the taught model is worth more than one of the base; at 1 test-time compute was moved "
            "into the weights and no more. A(N), last round. Arrows: bounds. "
            "Dashed: read by the PRM that was retrained.",
            taught, draw_worth,
        ),
        Drawing(
            "gap", "Generation and verification",
            f"At 0 verifying adds nothing to one sample. Best of {at}, weighted by the PRM of the start, less pass@1.",
            by_round.loc[:, ["teacher", "round", "gap"]], _over_rounds("gap", 100, "points"),
        ),
        Drawing(
            "diversity", "How different the samples are",
            f"The lower, the more alike what is sampled. Different solutions among {at} samples of a question.",
            by_round.loc[:, ["teacher", "round", solutions]], _over_rounds(solutions, 1, f"of {at} samples"),
        ),
        Drawing(
            "break_even", "Teaching against sampling more",
            "Teaching pays right of Q*, where two of a colour cross. The base is given what the loop cost, spread over "
            "all questions ever asked.",
            paid, draw_paid,
        ),
    ]  # fmt: skip


def draw_coverage(data: pd.DataFrame, ax: Axes) -> None:
    """pass@k of every round on one axis."""
    last = data["round"].max()
    for key, part in data.groupby(["teacher", "round"], sort=False):
        teacher, number = str(key[0]), int(key[1])  # pyright: ignore[reportIndexIssue, reportArgumentType]
        label = teacher if number in (0, last) else None
        shade = 1.0 if number == 0 else 0.35 + 0.65 * number / last
        ax.plot(part["budget"], 100 * part["accuracy"], label=label, color=COLOURS[teacher], alpha=shade)
    ax.set(xlabel="samples", ylabel="questions, %")
    ax.set_xscale("log", base=2)
    ax.legend(fontsize="x-small")


def draw_worth(data: pd.DataFrame, ax: Axes) -> None:
    """A(N) of each teacher's last round."""
    for key, part in data.groupby(["teacher", "reader"], sort=False):
        teacher, reader = key  # pyright: ignore[reportGeneralTypeIssues]
        colour, style = COLOURS[str(teacher)], "-" if reader == START else "--"
        ax.plot(part["budget"], part["worth"], style, color=colour, label=f"{teacher}, {reader}")
        ax.fill_between(part["budget"], part["low"], part["high"], color=colour, alpha=0.1, linewidth=0)
        for bound, marker in (("at_least", "^"), ("at_most", "v")):
            at = part[part["bound"] == bound]
            ax.plot(at["budget"], at["worth"], marker, color=colour, markersize=4)
    ax.axhline(1, color="grey", linewidth=0.8)
    ax.set(xlabel="samples N", ylabel="samples of the base that one is worth", yscale="log")
    ax.set_xscale("log", base=2)
    ax.legend(fontsize="x-small")


def draw_paid(data: pd.DataFrame, ax: Axes) -> None:
    """Accuracy over the number of questions."""
    for number, (line, part) in enumerate(data.groupby("line", sort=False)):
        style = "-" if number % 2 == 0 else "--"
        ax.plot(part["questions"], 100 * part["accuracy"], style, color=f"C{number // 2}", label=str(line))
    ax.set(xscale="log", xlabel="questions asked in all", ylabel="right answers, %")
    ax.legend(fontsize="x-small", loc="upper center", bbox_to_anchor=(0.5, -0.16))


def _over_rounds(column: str, scale: int, label: str) -> Callable[[pd.DataFrame, Axes], None]:
    def draw(data: pd.DataFrame, ax: Axes) -> None:
        base = data[data["teacher"] == BASE]
        for teacher, part in data[data["teacher"] != BASE].groupby("teacher", sort=False):
            line = pd.concat([base, part])
            ax.plot(line["round"], scale * line[column], "o-", color=COLOURS[str(teacher)], label=str(teacher))
        ax.set(xlabel="round", ylabel=label, xticks=sorted(data["round"].unique()))
        ax.legend(fontsize="x-small")

    return draw


def _mean_known(values: np.ndarray) -> float:
    """Over the questions that have a value; NaN where none has."""
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else np.nan
