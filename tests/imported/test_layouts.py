"""Logs as programs write them: each is read without a word, with its verdicts and tokens, or refused with what to do.

Eight questions. The first texts of a question are right and the others wrong, so the right ones can be counted.
"""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from helpers.exact_grade import exact, one_class
from helpers.record_files import write
from tts_lib.common.errors import StudyError
from tts_lib.grading.answers import extract_answer
from tts_lib.grading.normal_form import normalise
from tts_lib.imported.guess import guess
from tts_lib.imported.layouts import LAYOUTS
from tts_lib.imported.pool import Grade, ImportedPool, to_pool
from tts_lib.imported.sources import Columns, Source, read

ASKED = [f"Tom has {i + 3} red and {2 * i + 5} blue marbles. How many marbles does Tom have?" for i in range(8)]
GOLD = [str(3 * i + 8) for i in range(8)]
QUESTIONS = pd.DataFrame({"question_id": [f"q{i}" for i in range(8)], "problem": ASKED, "answer": GOLD})
BY_NAME = dict(zip([*ASKED, *QUESTIONS["question_id"]], GOLD * 2, strict=True))
SHOT = "Q: Ann has 2 pens and 2 cups. How many things does Ann have?\nThe answer is 4.\n\nQ: "


def text(i: int, is_right: bool) -> str:
    return f"We add.\nThe answer is {int(GOLD[i]) + (not is_right)}."


def texts(i: int, n: int, n_right: int) -> list[str]:
    return [text(i, k < n_right) for k in range(n)]


def harness(i: int, drawn: list[Any], **more: Any) -> dict[str, Any]:
    asked = {"doc_id": i, "doc": {"question": ASKED[i], "answer": f"#### {GOLD[i]}"}, "target": f"#### {GOLD[i]}"}
    prompt = {"arguments": {"gen_args_0": {"arg_0": SHOT + ASKED[i]}}}
    said = {"resps": [drawn], "filtered_resps": ["[invalid]"], "exact_match": float(drawn[0] == text(i, True))}
    return asked | prompt | said | more


def chat(drawn: list[str], tokens: int = 9, **more: Any) -> dict[str, Any]:
    choices = [{"message": {"role": "assistant", "content": said}, "finish_reason": "stop"} for said in drawn]
    return {"id": "chatcmpl-1", "model": "m", "choices": choices, "usage": {"completion_tokens": tokens}} | more


def batch(i: int, body: dict[str, Any]) -> dict[str, Any]:
    return {"id": f"batch_{i}", "custom_id": f"q{i}", "response": {"status_code": 200, "body": body}, "error": None}


def inspected(i: int, epoch: int, content: Callable[[str], Any]) -> dict[str, Any]:
    message = {"role": "assistant", "content": content(text(i, epoch == 1)), "source": "generate"}
    messages = [{"role": "system", "content": "Think."}, {"role": "user", "content": ASKED[i]}, message]
    choices = [{"message": message, "stop_reason": "stop"}]
    output = {"model": "m", "choices": choices, "usage": {"output_tokens": 14}}
    scores = {"match": {"value": "C" if epoch == 1 else "I", "answer": "7"}}
    asked = {"id": f"q{i}", "epoch": epoch, "input": ASKED[i], "target": GOLD[i]}
    return asked | {"messages": messages, "output": output, "scores": scores}


def log_of_inspect(content: Callable[[str], Any] = str, **more: Any) -> dict[str, Any]:
    """A log of two epochs; what more is said of every sample stands in place of what is said of it here."""
    samples = [inspected(i, epoch, content) | more for epoch in (1, 2) for i in range(8)]
    return {"version": 2, "eval": {"task": "t", "model": "m"}, "samples": samples}


def scored(**by_scorer: Callable[[bool], Any]) -> dict[str, Any]:
    """A log with the values of these scorers in place of those of `match`."""
    log = log_of_inspect()
    for sample in log["samples"]:
        sample["scores"] = {name: {"value": value(sample["epoch"] == 1)} for name, value in by_scorer.items()}
    return log


def letter(is_right: bool) -> str:
    return "C" if is_right else "I"


UNSAID = {"model": "", "choices": [], "completion": ""}  # the output where a solver writes messages alone


def parts(said: str) -> list[dict[str, str]]:
    return [{"type": "reasoning", "reasoning": "The answer is 1."}, {"type": "text", "text": said}]


def rows(of: Callable[[int], dict[str, Any]]) -> list[dict[str, Any]]:
    return [of(i) for i in range(8)]


def lighteval(i: int) -> dict[str, Any]:
    response = {"text": texts(i, 4, 1), "output_tokens": [[1] * 9] * 4}
    return {"doc": {"query": SHOT + ASKED[i], "choices": [GOLD[i]]}, "metric": {"em": 1.0}, "model_response": response}


def lighteval_before(i: int) -> dict[str, Any]:
    return {
        "full_prompt": SHOT + ASKED[i],
        "predictions": texts(i, 1, i < 6),
        "gold": [GOLD[i]],
        "metrics": {"qem": float(i < 6)},
    }


def open_r1(i: int) -> dict[str, Any]:
    said = {"problem": ASKED[i], "solution": text(i, True), "answer": GOLD[i], "generations": texts(i, 2, i < 4)}
    return said | {"correctness_math_verify": [i < 4, False], "finish_reasons": None if i % 2 else ["stop", "length"]}


def vllm(i: int) -> dict[str, Any]:
    said = [{"text": drawn, "token_ids": [5] * 6, "finish_reason": "stop"} for drawn in texts(i, 4, 2)]
    return {"request_id": str(7 - i), "prompt": f"<|user|>\n{ASKED[i]}<|end|>\n<|assistant|>", "outputs": said}


def qwen(i: int) -> dict[str, Any]:
    given = {"idx": 7 - i, "question": ASKED[i], "gt": GOLD[i], "answer": GOLD[i], "solution": text(i, True)}
    return given | {"code": texts(i, 3, 1), "pred": [GOLD[i], "1", "1"], "score": [True, False, False]}


def claude(i: int) -> dict[str, Any]:
    content = [{"type": "thinking", "thinking": "hm"}, {"type": "text", "text": text(i, i < 3)}]
    message = {"model": "m", "content": content, "stop_reason": "end_turn", "usage": {"output_tokens": 12}}
    return {"custom_id": f"q{i}", "result": {"type": "succeeded", "message": message}}


def answered(i: int) -> dict[str, Any]:
    output = [{"type": "reasoning"}, {"type": "message", "content": [{"type": "output_text", "text": text(i, i < 2)}]}]
    return batch(i, {"model": "m", "output": output, "usage": {"output_tokens": 9}})


LOGGED = log_of_inspect()
ONCE = rows(lambda i: harness(i, texts(i, 1, i < 5)))
# What the file holds; questions, samples of each, right ones, whether it has verdicts, whether it has tokens.
READ: dict[str, tuple[Any, tuple[int, int, int, bool, bool]]] = {
    "harness": (
        [row | {"filter": name} for name in ("strict-match", "flexible-extract") for row in ONCE],
        (8, 1, 5, True, False),
    ),
    "harness, before it named its filters": (ONCE * 2, (8, 1, 5, True, False)),
    "harness, repeats": (rows(lambda i: harness(i, texts(i, 4, i % 4))), (8, 4, 12, False, False)),
    "harness, a question by another name": (
        rows(lambda i: harness(i, texts(i, 1, 1), doc={"instruction": ASKED[i]})),
        (8, 1, 8, True, False),
    ),
    "batch": (rows(lambda i: batch(i, chat(texts(i, 4, 1)))), (8, 4, 8, False, False)),
    "batch, one too late": (
        [{**batch(0, {}), "response": None}, *rows(lambda i: batch(i, chat(texts(i, 2, 1))))[1:]],
        (7, 2, 7, False, False),
    ),
    "batch of responses": (rows(answered), (8, 1, 2, False, True)),
    "batch of Anthropic": (rows(claude), (8, 1, 3, False, True)),
    "chat": (
        rows(lambda i: {"question_id": f"q{i}", "response": chat(texts(i, 1, 1))}) * 2,
        (8, 2, 16, False, True),
    ),
    "chat, its request beside it": (
        rows(
            lambda i: {"request": {"messages": [{"content": "Think."}, {"content": ASKED[i]}]}} | chat(texts(i, 1, 1))
        ),
        (8, 1, 8, False, True),
    ),
    "vLLM": (rows(vllm), (8, 4, 16, False, True)),
    "vLLM, texts alone": (
        rows(lambda i: {"prompt": SHOT + ASKED[i] + "\nA:", "outputs": texts(i, 3, 1)}),
        (8, 3, 8, False, False),
    ),
    "prompts with examples of the study": (
        rows(lambda i: {"prompt": f"{ASKED[i - 1]}\n4\n\n{ASKED[i]}", "outputs": texts(i, 1, i < 5)}),
        (8, 1, 5, False, False),
    ),
    "lighteval": (rows(lighteval), (8, 4, 8, False, True)),
    "lighteval to 0.12": (
        rows(lambda i: {f"__{name}__": value for name, value in lighteval(i).items()}),
        (8, 4, 8, False, True),
    ),
    "lighteval to 0.9": (rows(lighteval_before), (8, 1, 6, True, False)),
    "inspect_ai": (log_of_inspect(str), (8, 2, 8, True, True)),
    "inspect_ai, reasoning apart": (log_of_inspect(parts), (8, 2, 8, True, True)),
    "inspect_ai, a scorer of one's own": (scored(my_scorer=letter), (8, 2, 8, True, True)),
    "inspect_ai, one that says numbers, beside measures": (
        scored(graded=float, length=lambda _: 14.5, parts=lambda _: {"a": 1.0, "b": 0}, style=lambda _: "terse"),
        (8, 2, 8, True, True),
    ),
    "inspect_ai, one that could not always say": (
        scored(graded=lambda is_right: 1 if is_right else math.nan),
        (8, 2, 8, True, True),
    ),
    "inspect_ai, of before scorers had names": (
        log_of_inspect() | {"samples": [one | {"score": one.pop("scores")["match"]} for one in LOGGED["samples"]]},
        (8, 2, 8, True, True),
    ),
    "inspect_ai, dialogues alone": (log_of_inspect(output=UNSAID), (8, 2, 8, True, False)),
    "inspect_ai, dialogues alone, reasoning apart": (log_of_inspect(parts, output=UNSAID), (8, 2, 8, True, False)),
    "simple-evals": (
        {
            "score": 0.5,
            "convos": [[{"content": f"Solve.\n\n{ASKED[i]}\n\n"}, {"content": text(i, i < 4)}] for i in range(8)],
        },
        (8, 1, 4, False, False),
    ),
    "OpenR1": (rows(open_r1), (8, 2, 4, True, False)),
    "lists of Qwen's evaluation": (rows(qwen), (8, 3, 8, True, False)),
    "golds beside lists": (
        rows(lambda i: {"question": ASKED[i], "answer": GOLD[i], "responses": texts(i, 2, 0)}),
        (8, 2, 0, False, False),
    ),
    "golds beside texts, with gaps": (
        rows(lambda i: {"id": f"q{i}", "answer": GOLD[i] if i < 6 else None, "response": text(i, False)}),
        (8, 1, 0, False, False),
    ),
    "golds beside texts, one that cannot be read": (
        rows(lambda i: {"id": f"q{i}", "answer": GOLD[i] if i else "eight, say", "response": text(i, i < 2)}),
        (8, 1, 2, False, False),
    ),
    "answers beside their texts": (
        rows(lambda i: {"id": f"q{i}", "answer": GOLD[i] if i < 5 else "1", "response": text(i, i < 5)}),
        (8, 1, 5, False, False),
    ),
    "prompts in a column of another name": (
        rows(
            lambda i: {"input": f"user\n{ASKED[i]}\nassistant", "output": text(i, i < 3), "gts": GOLD[i], "score": 1.0}
        ),
        (8, 1, 3, False, False),
    ),
    "golds spelt otherwise beside texts": (
        rows(lambda i: {"question": ASKED[i], "answer": f"${GOLD[i]}.0$", "response": text(i, False)}) * 2,
        (8, 2, 0, False, False),
    ),
}
REFUSED = {
    "two scorers of inspect_ai": (
        scored(match=letter, graded=letter, length=lambda _: 14.5),
        "each of samples[].scores.match.value, samples[].scores.graded.value could be 'correct'; say which, such as "
        "--columns correct=samples[].scores.match.value",
    ),
    "dialogues that the model did not end": (
        log_of_inspect(output=UNSAID, messages=[{"role": "user", "content": "Go on."}]),
        "(version, eval, samples) is plainly the question; say --columns question=PATH; texts stand at",
    ),
    "log-likelihoods": (rows(lambda i: harness(i, [["-3.2", "False"]])), "resps[][] holds log-likelihoods of choices"),
    "PRM800K": (
        rows(lambda i: {"question": {"problem": ASKED[i]}, "generation": 9, "label": {"steps": [{"completions": []}]}}),
        "this is PRM800K",
    ),
    "OpenAI's evals": ([{"spec": {"eval_name": "e"}}], 'jq -c \'select(.type=="match") | {question: .sample_id'),
    "answers without questions": (
        rows(lambda i: chat(texts(i, 1, 1))),
        "names a question of the study, by id, by text or by a prompt",
    ),
    "ids of another study": (
        rows(lambda i: {"id": f"x{i}", "response": text(i, True)}),
        "(id, response) names a question of the study, by id, by text or by a prompt",
    ),
    "texts under a name of their own": (
        rows(lambda i: {"qid": f"q{i}", "run": {"out": [{"txt": text(i, True)}]}}),
        "say --columns text=PATH; texts stand at qid, run.out[].txt",
    ),
    "golds beside such texts": (
        rows(lambda i: {"problem": ASKED[i], "answer": GOLD[i], "reply": text(i, False)}),
        "is plainly a text, an answer or a verdict; say --columns text=PATH; texts stand at problem, answer, reply",
    ),
    "references beside such texts": (
        rows(lambda i: {"problem": ASKED[i], "solution": text(i, True), "answer": GOLD[i], "drawn": text(i, False)}),
        "texts stand at problem, solution, answer, drawn",
    ),
    "references beside dialogues": (
        rows(
            lambda i: {
                "problem": ASKED[i],
                "solution": rf"\boxed{{{GOLD[i]}}}",
                "turns": [{"user": ASKED[i]}, {"model": text(i, False)}],
                "correct": False,
            }
        ),
        "texts stand at problem, solution, turns[].user, turns[].model",
    ),
    "lists of references beside such texts": (
        rows(lambda i: {"problem": ASKED[i], "solutions": [text(i, True)], "drawn": texts(i, 2, 0)}),
        "texts stand at problem, solutions[], drawn[]",
    ),
    "golds beside deep texts": (
        rows(lambda i: {"problem": ASKED[i], "answer": GOLD[i], "tree": {"text": "So", "children": [{"text": "8"}]}}),
        "texts stand at problem, answer, tree.text, tree.children[].text",
    ),
    "lists as Python prints them": (
        rows(lambda i: {"problem": ASKED[i], "answer": GOLD[i], "generations": str(texts(i, 2, 0))}),
        "column 'generations' holds a list as Python prints it, but must be JSON",
    ),
    "questions as columns": (
        {f"q{i}": texts(i, 2, 1) for i in range(8)},
        "its columns are questions; write a row for each, as jq -c 'to_entries[]",
    ),
    "names that speak to a terminal": ([{"a\n\x1b[31m": {"b": "c"}}], "none of its columns (a??[31m)"),
    "verdicts of another number": (
        [
            *rows(lambda i: {"problem": ASKED[i], "generations": ["7"], "correctness": [True]}),
            {"problem": ASKED[1], "generations": ["7"], "correctness": []},
            {"problem": ASKED[1], "generations": ["7"], "correctness": [True, True]},
        ],
        "line 10, column 'correctness[]' has 2 entries for 1 samples of 'generations[]'",
    ),
}


def imported(path: Path, named: dict[str, str] | None = None) -> ImportedPool:
    found = guess(path, named, BY_NAME)
    raw = read(Source(path, found.format, Columns(**found.columns), chars_per_token=3.0))
    return to_pool(raw, QUESTIONS, Grade(extract_answer, in_normal_form, one_class), partial=True)


def in_normal_form(golds: list[str], answers: list[str | None]) -> list[str]:
    return exact(golds, [None if answer is None else normalise(answer) for answer in answers])


KINDS = {name: [".json"] if isinstance(log, dict) else [".jsonl", ".parquet"] for name, (log, _) in READ.items()}


@pytest.mark.parametrize(("name", "kind"), [(name, kind) for name, kinds in KINDS.items() for kind in kinds])
def test_a_log_is_read_as_it_is(tmp_path: Path, name: str, kind: str) -> None:
    content, (n_questions, n_samples, n_right, has_verdicts, has_tokens) = READ[name]
    summary = imported(write(tmp_path / f"log{kind}", content)).summary
    assert summary["questions"] == n_questions and summary["correct"] == n_right
    assert summary["samples_per_question"] == {"min": n_samples, "median": n_samples, "max": n_samples}
    assert (summary["unlike_own_verdict"] is not None) == has_verdicts
    assert not summary["unlike_own_verdict"]
    assert (summary["golds_unlike_the_study"] or 0) == name.count("cannot be read")
    assert summary["tokens"] == ("recorded" if has_tokens else "estimated")


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_sample_is_refused_with_what_to_do(tmp_path: Path, name: str) -> None:
    content, sentence = REFUSED[name]
    path = write(tmp_path / f"log{'.json' if isinstance(content, dict) else '.jsonl'}", content)
    with pytest.raises(StudyError) as error:
        imported(path)
    assert str(error.value).startswith(str(path)) and sentence in str(error.value) and "\n" not in str(error.value)


def test_a_packed_log_of_inspect_is_refused_with_its_command(tmp_path: Path) -> None:
    (tmp_path / "log.eval").write_bytes(b"PK\x03\x04")
    with pytest.raises(StudyError, match="inspect log convert FILE --to json"):
        guess(tmp_path / "log.eval")


def test_paths_that_were_named_are_taken(tmp_path: Path) -> None:
    path = write(tmp_path / "log.jsonl", REFUSED["texts under a name of their own"][0])
    assert imported(path, {"text": "run.out[].txt"}).summary["correct"] == 8
    with pytest.raises(StudyError, match=r"line 1 has nothing at 'run.out\[\].text'; at 'run.out\[\]' is txt"):
        imported(path, {"text": "run.out[].text"})
    two = write(tmp_path / "log.json", REFUSED["two scorers of inspect_ai"][0])
    assert imported(two, {"correct": "samples[].scores.graded.value"}).summary["unlike_own_verdict"] == 0


def test_rows_that_are_left_out_are_counted(tmp_path: Path) -> None:
    late = imported(write(tmp_path / "batch.jsonl", READ["batch, one too late"][0])).summary
    assert late["dropped"] == {"they have nothing at response.body.choices[].message.content": 1}
    twice = imported(write(tmp_path / "twice.jsonl", ONCE * 2)).summary
    assert twice["dropped"] == {"their doc_id has come before in the file": 8}
    (tmp_path / "runs").mkdir()
    for name in "ab":
        write(tmp_path / f"runs/{name}.jsonl", ONCE)
    assert imported(tmp_path / "runs").summary["samples"] == 16  # two runs are two samples


def test_every_layout_is_read_by_a_test(tmp_path: Path) -> None:
    found = set()
    for number, (content, _) in enumerate(READ.values()):
        path = write(tmp_path / f"{number}{'.json' if isinstance(content, dict) else '.jsonl'}", content)
        found.add(guess(path, None, BY_NAME).columns["text"])
    for name, layout in LAYOUTS.items():
        assert found & set(layout["text"].split()), name
