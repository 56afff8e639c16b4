"""Imported pools: every format comes back, every defect is refused with its place, real pools are read as they are."""

import json
from itertools import takewhile

import numpy as np
import pandas as pd
import pytest

from helpers.exact_grade import exact
from helpers.pipeline import ROOT
from helpers.record_files import refusal, write
from tts_lib.answers.pools import COLUMNS
from tts_lib.common.tables import read_table, write_table
from tts_lib.imported import checks, overlap, study
from tts_lib.imported.pool import SCORE_COLUMNS, Grade, ImportedPool, to_pool
from tts_lib.imported.sources import Columns, Source, read
from tts_lib.questions.files import questions

DATA = ROOT.parent / "shared/data"
real = pytest.mark.skipif(not DATA.is_dir(), reason="the public data (../shared/data) are not here")
MAP = Columns("q", "i", "text", "answer", "ok", "steps", "tok", gold="gold", finish="fin", model="m")
ROW = {"q": "a", "i": 0, "text": "x = 7", "answer": "7", "ok": 1, "steps": [0.5, 0.25], "tok": 5}
ROW |= {"gold": "7", "fin": "stop", "m": "tiny"}
ROWS = [ROW, ROW | {"i": 1, "answer": "8", "ok": 0, "fin": "length"}, ROW | {"q": "b", "text": "no", "answer": None}]
QUESTIONS = pd.DataFrame({"question_id": ["b", "a"], "problem": ["Two  b?", "One a?"], "answer": ["9", "7"]})


def classes(ids, golds, answers):
    return pd.Series(answers, dtype=object).groupby(ids).transform(lambda a: pd.factorize(a)[0]).to_numpy(int)


GRADE = Grade(lambda text: text.rpartition("= ")[2] if "= " in text else None, exact, classes)


@pytest.mark.parametrize("suffix", [".jsonl", ".parquet", ".csv"])
def test_rows_come_back(tmp_path, suffix):
    raw = read(Source(write(tmp_path / f"pool{suffix}", ROWS), "rows", MAP))
    s = raw.samples
    assert s["question_key"].tolist() == ["a", "a", "b"] and s["sample"].tolist() == [0, 1, 0]
    assert s["text"].tolist() == ["x = 7", "x = 7", "no"] and s["answer"].tolist() == ["7", "8", None]
    assert s["correct"].tolist() == [True, False, True] and s["n_tokens"].tolist() == [5, 5, 5]
    assert [x.tolist() for x in s["step_scores"]] == [[0.5, 0.25]] * 3
    assert s["finish"].tolist() == ["end", "length", "end"] and s["gold"].tolist() == ["7"] * 3
    assert raw.tokens == "recorded" and raw.n_others == 0
    assert s["place"].iloc[2] == f"{tmp_path}/pool{suffix}, {'line' if suffix == '.jsonl' else 'row'} 3"


SAL = [
    {"problem": "One a?", "answer": "7", "completions": ["x\n\n= 7", "= 8"], "scores": [[0.5, 1], [0.1]]},
    {"problem": "Two b?", "answer": "9", "completions": ["= 9", "no"], "scores": [[0.2], []]},
]
SAL = [row | {"completion_tokens": [3, -1]} for row in SAL]


@pytest.mark.parametrize("suffix", [".jsonl", ".parquet"])
def test_search_and_learn_comes_back(tmp_path, suffix):
    raw = read(Source(write(tmp_path / f"pool{suffix}", SAL), "search_and_learn"))
    assert raw.tokens == "missing" and raw.samples["n_tokens"].isna().tolist() == [False, True] * 2
    done = to_pool(raw, QUESTIONS, GRADE)
    assert list(done.pool) == COLUMNS and list(done.scores) == SCORE_COLUMNS
    assert done.pool["question_id"].tolist() == ["b", "b", "a", "a"] and done.pool["sample"].tolist() == [0, 1, 0, 1]
    assert done.pool["verdict"].tolist() == ["correct", "no_answer", "correct", "wrong"]
    assert done.pool["answer_class"].tolist() == [0, -1, 0, 1]
    assert done.scores["n_steps"].tolist() == [1, 0, 2, 1]
    np.testing.assert_allclose(done.scores["prm_prod"], [0.2, np.nan, 0.5, 0.1], rtol=1e-6)
    np.testing.assert_allclose(done.scores["prm_mean"], [0.2, np.nan, 0.75, 0.1], rtol=1e-6)
    assert done.summary["without_scores"] == 1 and done.summary["no_answer"] == 1
    assert done.summary["without_tokens"] == 2 and done.summary["golds_unlike_the_study"] == 0
    assert done.summary["truncated"] is None and done.summary["samples_per_question"]["max"] == 2


MONKEYS = [
    {
        "question": "One a?",
        "samples": ["= 7", "é"],
        "is_corrects": [True, False],
        "gt_answer": "so\n#### 7",
        "answer": "5",
    },
    {"question": "Two b?", "samples": ["= 8"], "is_corrects": [True]},
]


@pytest.mark.parametrize("where", ["one.yaml", "one.json", "one.parquet", "one.jsonl", "folder"])
def test_large_language_monkeys_come_back(tmp_path, where):
    path = tmp_path / where
    if where == "folder":
        path.mkdir()
        write(path / "0.json", MONKEYS[0])
        write(path / "1.yaml", MONKEYS[1])
    else:
        write(path, MONKEYS)
    raw = read(Source(path, "large_language_monkeys", chars_per_token=2.0))
    assert raw.tokens == "estimated" and raw.samples["n_tokens"].tolist() == [2, 0, 2]
    done = to_pool(raw, QUESTIONS, GRADE)
    assert done.scores is None and done.pool["text"].tolist() == ["= 8", "= 7", "é"]
    write_table(done.pool, tmp_path / "pool.parquet")
    back = read_table(tmp_path / "pool.parquet", COLUMNS)
    assert back["n_tokens"].dtype == np.int64 and back["verdict"].tolist() == ["wrong", "correct", "no_answer"]
    json.dumps(done.summary)
    assert done.summary["samples_per_question"] == {"min": 1, "median": 1.5, "max": 2}
    assert done.summary["unlike_own_verdict"] == 1 and done.summary["golds_unlike_the_study"] == 0
    assert done.summary["without_scores"] == 3


def test_large_language_monkeys_before_their_grading_are_graded_here(tmp_path):
    for change in ({}, {"is_corrects": None}):
        rows = [{name: value for name, value in row.items() if name != "is_corrects"} | change for row in MONKEYS]
        raw = read(Source(write(tmp_path / "pool.json", rows), "large_language_monkeys"))
        done = to_pool(raw, QUESTIONS, GRADE)
        assert done.pool["verdict"].tolist() == ["wrong", "correct", "no_answer"]
        assert done.summary["unlike_own_verdict"] is None and done.summary["verdicts_from"] == "grader"


def test_lists_of_a_csv_file_are_json(tmp_path):
    path = write(tmp_path / "pool.csv", SAL)
    done = to_pool(read(Source(path, "search_and_learn")), QUESTIONS, GRADE)
    assert done.pool["verdict"].tolist() == ["correct", "no_answer", "correct", "wrong"]
    assert done.scores["n_steps"].tolist() == [1, 0, 2, 1]


def test_logits_become_their_sigmoids_where_they_are_declared(tmp_path):
    logits = [ROW | {"steps": [-4.0, 6.0]}, ROW | {"q": "b", "i": 0, "steps": [0.0]}, ROW | {"q": "b", "steps": None}]
    logits[2]["i"] = 1
    path = write(tmp_path / "pool.jsonl", logits)
    assert "'steps' is -4.0, but must be a number from 0 to 1 (or declared percent or a logit)" in refusal(
        read, Source(path, "rows", MAP)
    )
    raw = read(Source(path, "rows", MAP, scores="logit"))
    found = to_pool(raw, QUESTIONS, GRADE)
    np.testing.assert_allclose(raw.samples["step_scores"].iloc[0], 1 / (1 + np.exp([4.0, -6.0])))
    assert found.summary["scores"] == "logit" and found.scores["n_steps"].tolist() == [1, 0, 2]
    np.testing.assert_allclose(found.scores["prm_last"].iloc[0], 0.5)
    sal = [row | {"scores": [[2.5], [-1]]} for row in SAL]
    raw = read(Source(write(tmp_path / "sal.jsonl", sal), "search_and_learn", scores="logit"))
    np.testing.assert_allclose(raw.samples["step_scores"].iloc[1], 1 / (1 + np.e))
    path = write(tmp_path / "pool.jsonl", ROWS)
    assert "declared to be logit, but all step scores lie from 0 to 1" in refusal(
        read, Source(path, "rows", MAP, scores="logit")
    )
    assert "scores is 'rewards', but must be one of probability, percent, logit" in refusal(
        lambda: Source(path, "rows", MAP, scores="rewards")
    )


def test_samples_and_questions_that_hold_half_a_character_are_counted(tmp_path):
    path = tmp_path / "pool.jsonl"
    rows = [row | {"text": f"{row['text']} = 7 X"} for row in ROWS]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows).replace("no = 7 X", r"= 9 \ud83d"))
    done = to_pool(read(Source(path, "rows", Columns("q", text="text"))), QUESTIONS, GRADE)
    assert done.summary["torn_samples"] == 1 and done.summary["torn_questions"] == 0
    assert done.pool["text"].iloc[0] == "= 9 \ufffd"
    torn = QUESTIONS.assign(answer=["9", "7\ufffd"])
    done = to_pool(read(Source(path, "rows", Columns("q", text="text"))), torn, GRADE)
    assert done.summary["torn_questions"] == 1
    write_table(done.pool, tmp_path / "pool.parquet")


def test_yaml_builds_no_objects(tmp_path):
    (tmp_path / "evil.yaml").write_text("!!python/object/apply:os.getcwd []")
    assert "evil.yaml is not valid YAML" in refusal(read, Source(tmp_path / "evil.yaml", "large_language_monkeys"))


BAD_ROWS = {
    "NaN score": ({"steps": [0.5, float("nan")]}, "line 3, column 'steps' is nan, but must be a number from 0 to 1"),
    "high score": ({"steps": [1.5]}, "line 3, column 'steps' is 1.5, but must be a number from 0 to 1"),
    "score word": ({"steps": ["x"]}, "line 3, column 'steps' is 'x', but"),
    "tokens": (
        {"tok": -3},
        "line 3, column 'tok' is -3, but must be a whole number of at least 0, at most 1,000,000,000,000, or null",
    ),
    "verdict": ({"ok": 2}, "line 3, column 'ok' is 2, but must be true, false, 1, 0, a word for them"),
    "finish": ({"fin": "boom"}, "line 3, column 'fin' is 'boom', but must be one of end, stop, eos"),
    "text": ({"text": ["x"]}, "line 3, column 'text' is ['x'], but must be a text or null"),
    "no id": ({"q": None}, "line 3, column 'q' is None, but must be a text or a whole number"),
    "no number": ({"i": None}, "line 3, column 'i' is empty, but must be a whole number"),
    "models": ({"m": "large"}, "line 3, column 'm' is 'large', but the rows before it are of 'tiny'"),
    "twice": ({"q": "a", "i": 1}, "line 3, column 'i' is 1, which question 'a' has already"),
    "one question": ({"q": "a", "i": 2}, "has samples of 1 question only ('a'); a study needs at least 2"),
}


@pytest.mark.parametrize("case", BAD_ROWS)
def test_a_bad_row_is_refused_with_its_place(tmp_path, case):
    change, sentence = BAD_ROWS[case]
    rows = [*ROWS[:2], ROWS[2] | change]
    if case == "twice":
        rows.append(ROWS[2])
    path = write(tmp_path / "pool.jsonl", rows)
    message = refusal(read, Source(path, "rows", MAP))
    assert sentence in message and message.startswith(str(path))


def test_rows_that_run_backwards_are_refused(tmp_path):
    path = write(tmp_path / "pool.jsonl", [ROWS[1], ROWS[0], ROWS[2]])
    assert "line 2, column 'i' is 0, below the one before it of question 'a'" in refusal(
        read, Source(path, "rows", MAP)
    )


BAD_FILES = {
    "broken.jsonl": (b'{"q": 1}\n{"q": \n', "broken.jsonl, line 1 has no column 'i'; it has q"),
    "cut.jsonl": (json.dumps(ROW).encode() + b"\n\n{", "cut.jsonl, line 3 is not valid JSON"),
    "list.jsonl": (b"[1]\n", "list.jsonl, line 1 must be a record of named fields, not list"),
    "latin.jsonl": (b'{"q": "\xe9"}\n', "latin.jsonl, line 1 is not UTF-8 text (byte 8 of the line)"),
    "latin.csv": (b"q,i\na,1\n\xe9,2\n", "latin.csv, "),
    "short.csv": (b"q,i\na\n", "short.csv, row 1 has 1 cells, but the header names 2 columns"),
    "quote.csv": (b'q,i\n"a"b,1\n', "quote.csv is not a valid CSV file at line 2"),
    "empty.jsonl": (b"", "empty.jsonl holds no samples: the pool is empty"),
    "pool.txt": (b"", "pool.txt is of an unknown kind: a file of records ends in one of .jsonl, .parquet"),
    "bad.parquet": (b"PAR1", "bad.parquet is not a readable Parquet table"),
}


@pytest.mark.parametrize("name", BAD_FILES)
def test_a_bad_file_is_refused(tmp_path, name):
    content, sentence = BAD_FILES[name]
    (tmp_path / name).write_bytes(content)
    assert sentence in refusal(read, Source(tmp_path / name, "rows", MAP))


def test_a_missing_file_an_unknown_format_and_a_wrong_declaration_are_refused(tmp_path):
    path = tmp_path / "pool.jsonl"
    assert f"{path} is missing" in refusal(read, Source(path, "rows", MAP))
    assert "'xml' is unknown: choose one of rows, search_and_learn" in refusal(Source, path, "xml")
    assert "columns belong to the format 'rows'" in refusal(Source, path, "rows")
    assert "columns belong to the format 'rows'" in refusal(Source, path, "search_and_learn", MAP)
    assert "must name the model's column" in refusal(Source, path, "search_and_learn", None, "m")
    assert "chars_per_token is 0.0; it must be above 0" in refusal(Source, path, "rows", MAP, None, 0.0)
    assert "at least one of text, answer and correct" in refusal(Columns, "q")
    write(path, ROWS)
    assert "no sample of the model 'x'; it has tiny" in refusal(read, Source(path, "rows", MAP, "x"))
    (tmp_path / "none").mkdir()
    assert "holds no file that ends in" in refusal(read, Source(tmp_path / "none", "large_language_monkeys"))


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"scores": [[0.5, 0.5, 0.5], [0.1]]}, "line 1, column 'scores' has 3 step scores for a text of 2 steps"),
        ({"scores": [[0.5]]}, "line 1, column 'scores' has 1 entries for 2 samples"),
        ({"completion_tokens": [1]}, "line 1, column 'completion_tokens' has 1 entries for 2 samples"),
        ({"completions": "x"}, "line 1, column 'completions' is 'x', but must be a list"),
        ({"scores": [[2.0], []]}, "line 1, column 'scores' is 2.0, but must be a number from 0 to 1"),
    ],
)
def test_a_bad_question_is_refused_with_its_place(tmp_path, change, sentence):
    path = write(tmp_path / "pool.jsonl", [SAL[0] | change, SAL[1]])
    assert sentence in refusal(read, Source(path, "search_and_learn"))


def test_one_model_of_several_is_read_and_the_others_are_counted(tmp_path):
    path = write(tmp_path / "pool.jsonl", [*ROWS, ROW | {"m": "large"}])
    raw = read(Source(path, "rows", MAP, "tiny"))
    assert len(raw.samples) == 3 and raw.n_others == 1
    assert to_pool(raw, QUESTIONS, GRADE).summary["dropped"] == {"rows of other models or temperatures": 1}


def test_percent_is_divided_by_100_and_is_no_more_than_100(tmp_path):
    rows = [row | {"steps": [50, 99.5]} for row in ROWS]
    raw = read(Source(write(tmp_path / "pool.jsonl", rows), "rows", MAP, scores="percent"))
    assert [scores.tolist() for scores in raw.samples["step_scores"]] == [[0.5, 0.995]] * 3
    path = write(tmp_path / "pool.jsonl", [rows[0], rows[1] | {"steps": [101]}, rows[2]])
    assert "line 2, column 'steps' is 101, but must be a number from 0 to 100" in refusal(
        read, Source(path, "rows", MAP, scores="percent")
    )


def test_a_pool_is_of_one_temperature_which_may_be_chosen(tmp_path):
    heat = [0.7, "0.7", 1]
    path = write(tmp_path / "pool.jsonl", [row | {"heat": at} for row, at in zip(ROWS, heat, strict=True)])
    columns = Columns("q", text="text", temperature="heat")
    said = refusal(read, Source(path, "rows", columns))
    assert "line 3, column 'heat' is 1.0, but the rows before it are of 0.7" in said
    assert "mixes 2 temperatures (0.7, 1.0)" in said and "(--temperature, or rows_at in params.yaml)" in said
    assert "no sample of the temperature 0.2; it has 0.7, 1.0" in refusal(
        read, Source(path, "rows", columns, temperature=0.2)
    )
    path = write(tmp_path / "pool.jsonl", [row | {"heat": at} for row in ROWS for at in (0.7, 1)])
    assert read(Source(path, "rows", columns, temperature=1.0)).n_others == 3
    bare = Columns("q", text="text")
    assert "columns must name its column" in refusal(lambda: Source(path, "rows", bare, temperature=1.0))


def test_a_pool_of_verdicts_alone_keeps_them_and_says_so(tmp_path):
    path = write(tmp_path / "pool.jsonl", ROWS)
    done = to_pool(read(Source(path, "rows", Columns("q", correct="ok"))), QUESTIONS, GRADE)
    assert done.summary["verdicts_from"] == "pool" and done.summary["alignment"] is None
    assert done.pool["verdict"].tolist() == ["correct", "correct", "wrong"]
    assert done.pool["answer_class"].tolist() == [-1] * 3


def joined(tmp_path, rows, table=QUESTIONS, **columns):
    raw = read(Source(write(tmp_path / "pool.jsonl", rows), "rows", Columns("q", answer="answer", **columns)))
    return to_pool(raw, table, GRADE)


def test_questions_are_joined_by_id_or_text_and_never_by_position(tmp_path):
    by_text = [row | {"q": {"a": "One\n a?", "b": "Two b?"}[row["q"]]} for row in ROWS]
    for rows in (ROWS, by_text):
        assert joined(tmp_path, rows).pool["question_id"].tolist() == ["b", "a", "a"]
    message = refusal(joined, tmp_path, [*ROWS, ROW | {"q": "c"}])
    assert "line 4, column 'question': 'c' is not among the 2 questions of the study" in message
    more = pd.concat([QUESTIONS, QUESTIONS.head(1).assign(question_id="z", problem="?")], ignore_index=True)
    said = refusal(joined, tmp_path, ROWS, more)
    assert "has no sample for 1 of the 3 questions of the study, such as 'z'" in said and "`partial: true`" in said
    same = QUESTIONS.assign(problem="One a?")
    assert "two questions of the study have the text 'One a?'" in refusal(joined, tmp_path, by_text, same)
    assert "line 1: the text of question 'a' begins 'x = 7'" in refusal(lambda: joined(tmp_path, ROWS, problem="text"))


def test_a_pool_of_a_part_of_the_questions_is_taken_where_that_is_said(tmp_path):
    more = pd.concat([QUESTIONS, QUESTIONS.head(1).assign(question_id="z", problem="?")], ignore_index=True)
    raw = read(Source(write(tmp_path / "pool.jsonl", ROWS), "rows", Columns("q", answer="answer")))
    done = to_pool(raw, more, GRADE, partial=True)
    assert done.pool["question_id"].tolist() == ["b", "a", "a"] and done.summary["questions_without_samples"] == 1
    assert study.covered(more, [done])["question_id"].tolist() == ["b", "a"]
    part = to_pool(raw, QUESTIONS, GRADE)
    assert part.summary["questions_without_samples"] == 0
    other = ImportedPool(part.pool.query("question_id == 'a'"), None, [], {})
    assert study.covered(more, [done, other])["question_id"].tolist() == ["a"]


def test_samples_that_are_too_few_to_bin_and_evaluate_are_refused():
    checks.check_sizes({"a": 3, "b": 2}, 1, True, "pool.jsonl")
    checks.check_sizes({"a": 3, "b": 1}, 1, False, "pool.jsonl")
    said = refusal(checks.check_sizes, {"a": 3, "b": 1}, 1, True, "pool.jsonl")
    assert said.startswith("pool.jsonl has 1 of question 'b', but at least 2 samples a question are needed")
    assert "difficulty.n_samples" in said and "difficulty.disjoint" in said
    assert "disjoint" not in refusal(checks.check_sizes, {"b": 1}, 2, False, "pool.jsonl")


@real
@pytest.mark.parametrize("size", ["1b", "3b"])
def test_the_real_pools_are_read_as_they_are(size):
    columns = Columns("uid", answer="ans", correct="ok", step_scores="prm_steps", n_chars="chars", model="model")
    raw = read(Source(DATA / f"llama_pools/samples_{size}.jsonl", "rows", columns, chars_per_token=3.5))
    done = to_pool(raw, questions.load(DATA / "math500/math500.jsonl"), GRADE)
    n = {"1b": 3, "3b": 6}[size]
    assert len(done.pool) == 500 * n and done.summary["samples_per_question"]["min"] == n
    assert done.summary["tokens"] == "estimated" and done.summary["without_scores"] == 0
    np.testing.assert_allclose(done.scores["prm_last"][:n].iloc[0], {"1b": 0.98828, "3b": 1.0}[size])


@real
def test_real_solutions_of_one_system_agree_with_their_own_verdicts():
    columns = Columns("id", text="solution", correct="ok", gold="gold", model="system")
    raw = read(Source(DATA / "gsm8k_solutions/solutions.jsonl", "rows", columns, "6b_verification"))
    grade = Grade(lambda t: t.rpartition("A: ")[2].replace(",", "") if "A: " in t else None, exact, classes)
    done = to_pool(raw, questions.load(DATA / "gsm8k/test.jsonl"), grade)
    assert len(done.pool) == 1319 and done.summary["unlike_own_verdict"] == 0
    assert done.summary["dropped"] == {"rows of other models or temperatures": 3957}


def plain_lcp(texts: list[str]) -> list[float]:
    shares = [0.0]
    for i, text in enumerate(texts[1:], start=1):
        longest = max(sum(1 for _ in takewhile(lambda p: p[0] == p[1], zip(text, o, strict=False))) for o in texts[:i])
        shares.append(longest / len(text) if text else 1.0)
    return shares


def test_shared_prefixes_are_those_of_a_plain_loop():
    rng = np.random.default_rng(0)
    for _ in range(200):
        texts = ["".join(rng.choice(["a", "b", "π"], rng.integers(0, 7))) for _ in range(rng.integers(1, 12))]
        np.testing.assert_allclose(overlap.shared_prefixes(texts), plain_lcp(texts))


def test_overlap_counts_duplicates_and_long_prefixes(tmp_path):
    texts = {"a": ["same", "same", "sand"], "b": ["x", "y"], "c": ["z"]}
    rows = [{"q": q, "text": t, "lcp": x} for q in texts for t, x in zip(texts[q], plain_lcp(texts[q]), strict=True)]
    path = write(tmp_path / "pool.jsonl", rows)
    row = overlap.overlap(read(Source(path, "rows", Columns("q", text="text"))).samples).iloc[0]
    assert row.tolist() == [3, 6, pytest.approx(1 / 3), 0.5, 1.0, 1, 1]
    recorded = read(Source(path, "rows", Columns("q", answer="text", lcp="lcp"))).samples
    assert overlap.overlap(recorded).iloc[0].tolist() == row.tolist()
    assert overlap.overlap(read(Source(path, "rows", Columns("q", answer="text"))).samples) is None


def test_texts_without_a_readable_answer_go_by_their_own_verdicts(tmp_path):
    """Programs, say. Without verdicts there is nothing to study."""
    rows = [{"q": q, "text": "def f(): pass", "ok": ok, "tok": 5} for q, ok in (("a", 1), ("a", 0), ("b", 1))]
    raw = read(
        Source(write(tmp_path / "pool.jsonl", rows), "rows", Columns("q", text="text", correct="ok", n_tokens="tok"))
    )
    found = to_pool(raw, QUESTIONS, GRADE)
    assert found.summary["verdicts_from"] == "pool" and found.summary["correct"] == 2
    assert found.pool["answer"].isna().all()
    unmarked = read(Source(raw.path, "rows", Columns("q", text="text", n_tokens="tok")))
    assert "none of its 3 samples has an answer that can be read" in refusal(to_pool, unmarked, QUESTIONS, GRADE)
