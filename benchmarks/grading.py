"""Agreement, votes and speed of the grader on public data: `python benchmarks/grading.py --data ../shared/data`.

The golds of MATH are compared with each other; those judged equal are listed, class by class, to be read. The speed is
that of 500 questions x 256 samples, drawn from the pools' answers and written in several ways.
"""

import argparse
import json
import random
import tempfile
import time
from collections import Counter, defaultdict
from itertools import combinations
from pathlib import Path

import numpy as np

from tts_lib.grading import votes
from tts_lib.grading.answers import Style, extract_answer
from tts_lib.grading.conventions import Conventions
from tts_lib.grading.equivalence import compare
from tts_lib.grading.grader import Grader
from tts_lib.grading.normal_form import normalise
from tts_lib.grading.reading.readings import read as read_answer
from tts_lib.grading.verdicts import CORRECT, WRONG

WAYS = [
    lambda a: a,
    lambda a: a.replace(r"\frac", r"\dfrac"),
    lambda a: a.replace("(", r"\left(").replace(")", r"\right)"),
    lambda a: f"${a}$",
    lambda a: f"{a}.",
    lambda a: a.replace(" ", "").replace(r"\cdot", " \\cdot "),
    lambda a: f"x = {a}",
    lambda a: f"{a} + 0",
    lambda a: f"1 \\cdot {a}",
    lambda a: f"{a} \\text{{ units}}",
]
WEIGHTS = [40, 20, 10, 10, 5, 5, 4, 2, 2, 2]  # most samples write an answer the same way


def read(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def print_agreement(pools: Path) -> None:
    texts = read(pools / "texts_n1_3b.jsonl") + read(pools / "texts_3b_n16.jsonl")
    golds = [text["gold"] for text in texts]
    styles: list[Style] = ["boxed", "marked"]
    with Grader() as grader:
        for style in styles:
            answers = [extract_answer(text["text"], style) for text in texts]
            verdicts = grader.verdicts(golds, answers)
            print(f"\n{len(texts)} texts, style {style}: {dict(Counter(verdicts))}")
            for field in ("ok_mv", "ok"):
                differ = [i for i, text in enumerate(texts) if (verdicts[i] == CORRECT) != bool(text[field])]
                print(f"  agrees with {field}: {1 - len(differ) / len(texts):.4f}, {len(differ)} differ")
                listed = Counter((texts[i]["q"], golds[i], answers[i], verdicts[i]) for i in differ)
                for (question, gold, answer, verdict), n in listed.items():
                    print(f"    {n:2d} x question {question}: {gold!r} | {answer!r} -> {verdict}")


def conventions_of(case: dict) -> Conventions:
    extra = case["extra"] or {}
    if case["source"] == "hendrycks/math":
        return Conventions(list_order="given")
    if case["source"] == "MARIO_EVAL":
        return Conventions(vector_is_tuple=True, percent="either", decimals=2)
    return Conventions(
        tuple_is_set=True,
        multiplicities=False,
        relation_is_set=extra.get("allow_set_relation_comp", False),
        percent="either",
        decimals=extra.get("precision", 6),
        decimal_comma="number" in case["test"],
    )


def print_unit_cases(path: Path) -> None:
    """The unit cases of other graders; "result" is the verdict where "expected" only says that the case holds."""
    cases = read(path)
    by_conventions: dict[Conventions, list[dict]] = {}
    for case in cases:
        by_conventions.setdefault(conventions_of(case), []).append(case)
    wrong: list[str] = []
    right: Counter[str] = Counter()
    for conventions, chosen in by_conventions.items():
        golds = [extract_answer(case["gold"], "marked") or case["gold"] for case in chosen]
        answers = [read_prediction(case) for case in chosen]
        with Grader(conventions) as grader:
            verdicts = grader.verdicts(golds, answers)
        for case, gold, answer, verdict in zip(chosen, golds, answers, verdicts, strict=True):
            expected = bool((case["extra"] or {}).get("result", case["expected"]))
            if (verdict == CORRECT) == expected:
                right[case["source"]] += 1
            else:
                wrong.append(f"  {case['test']}: {gold!r} | {answer[-70:]!r} -> {verdict}")
    total = Counter(case["source"] for case in cases)
    share = ", ".join(f"{source} {right[source]}/{n}" for source, n in total.items())
    print(f"\n{len(cases)} unit cases, {1 - len(wrong) / len(cases):.4f} right ({share}); not:", *wrong, sep="\n")


def read_prediction(case: dict) -> str:
    """A prediction is a text in some cases and a bare answer in others."""
    prediction = case["pred"]
    is_answer = " " not in prediction or ("$" not in prediction.strip("$") and prediction[0] == "$")
    numbers = "expr" in (case["match_types"] or "") and not is_answer and not prediction.replace(" ", "").isdigit()
    return extract_answer(prediction, "number" if numbers else "marked") or prediction


def print_golds(data: Path) -> None:
    """The golds of MATH that are judged equal though they are written differently."""
    solutions = [extract_answer(record["solution"], "boxed") for record in read(data / "math_full/math_test.jsonl")]
    golds = [*solutions, *(record["answer"] for record in read(data / "math_full/math_train_answers.jsonl"))]
    forms = sorted({normalise(gold) for gold in golds if gold})
    readings = [read_answer(form) for form in forms]
    classes: dict[int, list[str]] = defaultdict(list)
    for form, name in zip(forms, votes.classes(readings, Conventions()), strict=True):
        classes[name].append(form)
    n_pairs = len(forms) * (len(forms) - 1) // 2
    joined = [group for group in classes.values() if len(group) > 1]
    n_joined = sum(len(group) * (len(group) - 1) // 2 for group in joined)
    print(f"\n{len(forms)} golds of MATH, {n_pairs} pairs, {n_joined} in one class, {len(joined)} classes:")
    for group in joined:
        print("   ", "  =  ".join(group))


def print_votes(data: Path) -> None:
    """How far the classes are from the relation, and what majority and weighted votes make of them."""
    gold = {record["q"]: record["answer"] for record in read(data / "math500/math500.jsonl")}
    for name in ("samples_1b", "samples_3b"):
        records = read(data / f"llama_pools/{name}.jsonl")
        golds, answers = [gold[record["q"]] for record in records], [record["ans"] for record in records]
        questions = [str(record["q"]) for record in records]
        with Grader() as grader:
            right = np.array(grader.verdicts(golds, answers)) == CORRECT
            classes = grader.classes(questions, golds, answers)
            joined, split = relation_against_classes(grader, questions, answers, classes, right)
        weights = np.array([min(record["prm_steps"] or [0.0]) for record in records])
        print(f"\n{name}: {len(records)} answers; equal but apart {split}, together but not equal {joined}")
        for how, weight in (("majority", np.ones(len(records))), ("weighted", weights)):
            print(f"  {how} is right in {100 * share_right(questions, classes, right, weight):.1f}% of the questions")


def relation_against_classes(
    grader: Grader, questions: list[str], answers: list[str | None], classes: np.ndarray, right: np.ndarray
) -> tuple[int, int]:
    """(pairs in one class that are not equal, equal pairs in two classes) among the different answers to a question."""
    of_question: dict[str, dict[str, tuple[int, bool]]] = defaultdict(dict)
    for question, answer, name, is_right in zip(questions, answers, classes, right, strict=True):
        if answer is not None and answer.strip():
            of_question[question][normalise(answer)] = int(name), bool(is_right)
    joined = split = 0
    for found in of_question.values():
        readings = {form: read_answer(form) for form in found}
        for one, other in combinations(found, 2):
            is_same = compare(readings[one], readings[other], grader.conventions).is_same
            joined += found[one][0] == found[other][0] and not is_same
            split += found[one][0] != found[other][0] and is_same
    return joined, split


def share_right(questions: list[str], classes: np.ndarray, right: np.ndarray, weight: np.ndarray) -> float:
    """The share of questions whose class of the largest weight is the right one; the first of several counts."""
    sums: dict[str, dict[int, float]] = defaultdict(lambda: defaultdict(float))
    is_right: dict[tuple[str, int], bool] = {}
    for question, name, verdict, w in zip(questions, classes, right, weight, strict=True):
        sums[question][name] += w if name >= 0 else 0.0
        is_right[question, name] = bool(verdict)
    return float(np.mean([is_right[question, max(of, key=lambda name: of[name])] for question, of in sums.items()]))


def make_answers(data: Path, n_samples: int) -> tuple[list[str], list[str], list[str | None]]:
    """(question ids, gold answers, answers) of every question's samples."""
    gold = {record["q"]: record["answer"] for record in read(data / "math500/math500.jsonl")}
    found: dict[int, list[str | None]] = {question: [] for question in gold}
    for name in ("samples_1b", "samples_3b"):
        for record in read(data / f"llama_pools/{name}.jsonl"):
            found[record["q"]].append(record["ans"])
    for record in read(data / "llama_pools/texts_3b_n16.jsonl"):
        found[record["q"]].append(extract_answer(record["text"]))
    rng = random.Random(0)
    questions, golds, answers = [], [], []
    for question, own in found.items():
        for answer in rng.choices(own, k=n_samples):
            way = rng.choices(WAYS, WEIGHTS)[0]
            questions.append(str(question))
            golds.append(gold[question])
            answers.append(answer if answer is None or answer.startswith("\\text") else way(answer))
    return questions, golds, answers


def print_speed(data: Path, n_samples: int, workers: int) -> None:
    questions, golds, answers = make_answers(data, n_samples)
    n_pairs = len(set(zip(golds, answers, strict=True)))
    print(f"\n{len(answers)} answers, {n_pairs} different pairs, {workers} workers")
    with tempfile.TemporaryDirectory() as folder:
        for name in ("cold", "warm"):
            start = time.perf_counter()
            with Grader(workers=workers, cache=Path(folder) / "cache") as grader:
                verdicts = grader.verdicts(golds, answers)
                classes = grader.classes(questions, golds, answers)
            seconds = time.perf_counter() - start
            print(
                f"  {name}: {seconds:6.1f} s, {len(answers) / seconds:8.0f} answers/s, {n_pairs / seconds:6.0f} pairs/s"
            )
        print(f"  {dict(Counter(verdicts))}, {classes.max() + 1} classes at most")
        mixed = {(q, c) for q, c, v in zip(questions, classes, verdicts, strict=True) if v == CORRECT}
        mixed &= {(q, c) for q, c, v in zip(questions, classes, verdicts, strict=True) if v == WRONG}
        print(f"  {len(mixed)} classes with correct and wrong answers")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with llama_pools, math500 and grader")
    parser.add_argument("--samples", type=int, default=256)
    parser.add_argument("--workers", type=int, default=2)
    args = parser.parse_args()
    print_agreement(args.data / "llama_pools")
    print_unit_cases(args.data / "grader/unit_cases.jsonl")
    print_golds(args.data)
    print_votes(args.data)
    print_speed(args.data, args.samples, args.workers)


if __name__ == "__main__":
    main()
