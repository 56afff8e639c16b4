"""A handful of sampled solutions and chains worth reading: the verifier's best and worst judgements, ways of failing.

The paper's own traces show two pathologies of searching against a PRM (App. M): repetitive steps that say little, and
solutions of one or two steps (claim 12).
"""

from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd

from tts_lib.common import paths, tables
from tts_lib.grading import verdicts
from tts_lib.report.results import PAPER

HARD = 0.2  # pass@1 below which a right answer is worth showing
SHORT = 2  # steps of an over-short solution
COLUMNS = ["case", "question_id", "sample", "statement", "answer", "verdict", "pass_at_1", "step", "text", "score"]
CHAIN_COLUMNS = ["case", "question_id", "chain", "position", "statement", "text", "verdict", "score"]
SHOWN = 6  # attempts of a chain
LONGEST = 4_000  # characters of a text


def of_pool(problems: pd.DataFrame) -> pd.DataFrame:
    """Of the base's solutions of the test questions, what `traces` shows of those that `choose` takes.

    Args:
        problems: question_id, statement.

    Raises:
        TableError: a table of the study is missing or damaged.
    """
    pool = tables.read_table(paths.pool("base", "test"), ["question_id", "sample", "text", "answer", "verdict"])
    chosen = choose(pool, tables.read_table(paths.scores("test")))
    steps = tables.read_table(paths.step_scores("test"), ["question_id", "sample", "scores"])
    return traces(chosen.merge(steps, on=["question_id", "sample"]), problems)


def of_chains(revisions: Mapping[str, pd.DataFrame], problems: pd.DataFrame) -> pd.DataFrame:
    """Of the paper's revision model, `chains` of the test questions; none where there is no such model.

    Args:
        revisions: attempts by model (`Results.revisions`).
        problems: question_id, statement.

    Raises:
        TableError: a table of the study is missing or damaged.
    """
    if PAPER not in revisions:
        return pd.DataFrame(columns=CHAIN_COLUMNS)
    keys = ["question_id", "chain", "position"]
    scored = tables.read_table(paths.revision_verifier("scores"), [*keys, "orm"])
    texts = tables.read_table(paths.revisions(PAPER), [*keys, "text"])
    return chains(revisions[PAPER].merge(scored, on=keys).merge(texts, on=keys), problems)


def choose(pool: pd.DataFrame, scores: pd.DataFrame) -> pd.DataFrame:
    """One solution for each case there is one of: its row of the pool with columns case and pass_at_1.

    Args:
        pool: question_id, sample, text, answer, verdict.
        scores: question_id, sample, n_steps, prm_last. A pool without texts or scores has nothing to show, nor has a
            sample among others that the verifier did not read (no steps).
    """
    if "prm_last" not in scores or pool["text"].isna().to_numpy().any():
        return pool.head(0).assign(case="", pass_at_1=0.0)
    table = pool.merge(scores[["question_id", "sample", "n_steps", "prm_last"]], on=["question_id", "sample"])
    right = table["verdict"] == verdicts.CORRECT
    table["pass_at_1"] = right.groupby(table["question_id"]).transform("mean")
    table = table.loc[table["n_steps"] > 0]
    right = right.loc[table.index]
    which, texts = pd.factorize(table["text"])
    repetition = pd.Series(np.array([repeated_lines(text) for text in np.asarray(texts).tolist()])[which], table.index)
    usual = table.loc[:, "n_steps"].groupby(table["question_id"]).transform("median")
    answered_wrongly = table["verdict"] == "wrong"
    cases = {
        "right on a hard question, and sure of it": (right & (table["pass_at_1"] < HARD), table["prm_last"]),
        "wrong, and sure of it: the verifier is fooled": (answered_wrongly, table["prm_last"]),
        "right, but doubted": (right & (table["pass_at_1"] >= HARD), -table["prm_last"]),
        "repeats itself": (repetition > 0, repetition + 1e-3 * table["prm_last"]),
        "too short": (answered_wrongly & (table["n_steps"] <= SHORT) & (usual > SHORT), table["prm_last"]),
        "gives no answer": (table["verdict"] == verdicts.NO_ANSWER, table["prm_last"]),
    }
    found = [
        table.loc[[value[members].idxmax()]].assign(case=case)
        for case, (members, value) in cases.items()
        if members.any()
    ]
    return pd.concat(found, ignore_index=True) if found else table.head(0).assign(case="")


def traces(chosen: pd.DataFrame, problems: pd.DataFrame) -> pd.DataFrame:
    """One row a step, columns as COLUMNS; the score is the verifier's after that step.

    A text that none of `splits` cuts into as many steps as have scores is shown as one step, with the last score.

    Args:
        chosen: as from `choose`, with a column `scores`: those of the solution's steps.
        problems: question_id, statement.
    """
    statements = dict(zip(problems["question_id"], problems["statement"], strict=True))
    parts = []
    for row in chosen.to_dict("records"):
        scores = row["scores"]
        lines = next((parts for parts in splits(row["text"]) if len(parts) == len(scores)), [row["text"]])
        scores, lines = scores[-len(lines) :], _cut(lines, len(row["text"]))
        part = pd.DataFrame({"step": np.arange(1, len(lines) + 1), "text": lines, "score": scores[: len(lines)]})
        for name in ("case", "question_id", "sample", "answer", "verdict", "pass_at_1"):
            part[name] = row[name]
        parts.append(part.assign(statement=cut(statements[row["question_id"]])))
    return pd.concat(parts, ignore_index=True).loc[:, COLUMNS] if parts else pd.DataFrame(columns=COLUMNS)


def chains(attempts: pd.DataFrame, problems: pd.DataFrame) -> pd.DataFrame:
    """The first attempts of one chain for each case there is one of, columns as CHAIN_COLUMNS.

    Args:
        attempts: of `tts_lib.revisions.over_questions`, with the revision verifier's score in `orm`.
        problems: question_id, statement.
    """
    first = attempts.loc[attempts["position"] <= SHOWN]
    first = first.sort_values(["question_id", "chain", "position"], kind="stable")
    first = first.assign(right=first["verdict"] == verdicts.CORRECT)
    groups = first.groupby(["question_id", "chain"], sort=False)
    facts = groups.agg(n=("position", "size"), n_right=("right", "sum"), n_given=("answer", "count"))
    facts["n_answers"] = groups["answer"].nunique()
    facts["starts"], facts["ends"] = groups["right"].first(), groups["right"].last()
    facts = facts[facts["n"] == min(SHOWN, facts["n"].max())]
    cases = {
        "finds its way": ~facts["starts"] & facts["ends"] & (facts["n_right"] == 1),
        "loses it": facts["starts"] & (facts["n_right"] == 1),
        "repeats its mistake": (facts["n_right"] == 0) & (facts["n_answers"] == 1) & (facts["n_given"] == facts["n"]),
        "tries something else each time": (facts["n_right"] == 0) & (facts["n_answers"] == facts["n"]),
    }
    parts = []
    for case, members in cases.items():
        if members.any():
            question_id, chain = facts.index.tolist()[int(members.to_numpy().argmax())]
            own = first.loc[(first["question_id"] == question_id) & (first["chain"] == chain)]
            parts.append(own.assign(case=case).rename(columns={"orm": "score"}))
    if not parts:
        return pd.DataFrame(columns=CHAIN_COLUMNS)
    found = pd.concat(parts, ignore_index=True).merge(problems[["question_id", "statement"]], "left", "question_id")
    return found.assign(text=found["text"].map(cut), statement=found["statement"].map(cut)).loc[:, CHAIN_COLUMNS]


def cut(text: str) -> str:
    """The text; of a very long one the beginning, with its length said."""
    return _cut([text], len(text))[0]


def splits(text: str) -> Iterator[list[str]]:
    """The ways in which verifiers cut a solution into steps: by lines, by paragraphs."""
    yield steps_of(text)
    yield text.split("\n\n")


def steps_of(text: str) -> list[str]:
    """The lines of a solution; a closing newline (a solution cut off after a step) begins no further one."""
    return text.removesuffix("\n").split("\n")


def repeated_lines(text: str) -> float:
    """Share of a solution's lines that stand in it before."""
    lines = steps_of(text)
    return 1 - len(set(lines)) / len(lines)


def _cut(parts: list[str], length: int) -> list[str]:
    """The parts of a text of this length up to LONGEST characters; the last of them says that there were more."""
    if length <= LONGEST:
        return parts
    kept, left = [], LONGEST
    for part in parts:
        kept.append(part[:left])
        left -= len(part)
        if left <= 0:
            break
    kept[-1] += f" … (cut: {length:,} characters in all)"
    return kept
