r"""How the grader sees two answers: `python -m tts_lib.grading "\frac12" "0.5"`; alone it prints the conventions.

It exits with 0 if the answer is correct, 1 if it is not, 2 if it was not asked for two answers.
"""

import re
import sys

from tts_lib.grading.answers import extract_answer
from tts_lib.grading.conventions import table
from tts_lib.grading.grader import Grader
from tts_lib.grading.reading.conditions import Reading
from tts_lib.grading.verdicts import CORRECT

_USAGE = 'usage: python -m tts_lib.grading "gold answer" "answer or solution"'


def main(arguments: list[str]) -> int:
    if len(arguments) != 2 or not all(argument.strip() for argument in arguments):
        print(f"{_USAGE}\n\n{table()}")
        return 2
    gold, text = arguments
    answer = extract_answer(text) or text
    with Grader(workers=1) as grader:
        found = grader.explain(gold, answer)
    print(f"extracted: {answer}")
    for name, form, reading in zip(("gold:     ", "answer:   "), found.normal_forms, found.readings, strict=True):
        print(f"{name} {form}    read as {told(reading)}")
    print(f"rule:      {found.rule}\nverdict:   {found.verdict}")
    return 0 if found.verdict == CORRECT else 1


def told(reading: Reading) -> str:
    """A reading in a few words."""
    kind, *parts = reading
    if kind == "value":
        shown = ", ".join("undefined" if number is None else _number(number) for number in parts[0][:2])
        return f"the number {shown}" if len(parts[0]) == 1 else f"a formula, worth {shown}, ... at fixed points"
    if kind in ("list", "set", "and", "or", "tuple", "matrix", "total"):
        return f"{kind} of {'; '.join(map(told, parts[-1]))}"
    if kind == "region":
        ends = (f"{'[' if p[1] else '('}{_number(p[0])}, {_number(p[2])}{']' if p[3] else ')'}" for p in parts[1])
        return f"real numbers {parts[0]} in {' or '.join(ends) or 'no interval'}"
    if kind in ("named", "option"):
        return f"{parts[0]}: {told(parts[1])}"
    if kind in ("measured", "percent"):
        return f"{told(parts[0])} ({' '.join(parts[1:3]).strip() if kind == 'measured' else 'percent'})"
    if kind == "letters":
        return f"{told(parts[0])}, or {told(parts[1])}"
    if kind == "progression":
        return f"every whole number and {_number(parts[0])} times {_number(parts[1])}"
    return f"{kind} {' '.join(str(part) for part in parts if not isinstance(part, tuple))}".strip()


def _number(number: tuple) -> str:
    real, imag = (re.sub(r"(\.\d{10})\d+", r"\1...", part).removesuffix(".0") for part in number[1:3])
    return real if imag == "0" else f"{real} + {imag} i"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
