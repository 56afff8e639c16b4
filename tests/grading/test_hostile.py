"""Answers that were written to harm: none is run, none hangs the others, none is called correct."""

import random
import time

import pytest

from tts_lib.grading.grader import Grader
from tts_lib.grading.limits import MAX_CHARS, MAX_DEPTH, is_readable
from tts_lib.grading.normal_form import normalise
from tts_lib.grading.reading.readings import read
from tts_lib.grading.verdicts import CORRECT, ERROR, TIMEOUT

PIECES = (
    r"( [ { \{ \left( \frac{ \sqrt{ - ^ _ \\ 1+ x^ a a_ ! | \text{a} \text{a AB \overline{A} 1, 1: 1/ m/s \lor \cup = "
    r"< in \sum \pm 1_ \begin{pmatrix} & 0.\overline{1} \% \land x<1\land twenty- 0x 0.\dot1 <b> 45^\circ"
).split()


def hostile_answers(canary: str) -> list[str]:
    commands = [
        f"__import__('os').system('touch {canary}')",
        f"open('{canary}','w')",
        f"exec(\"open('{canary}','w')\")",
        f"eval('open(\\'{canary}\\',\\'w\\')')",
        f"().__class__.__base__.__subclasses__()[0].__init__.__globals__['os'].system('touch {canary}')",
        f"lambda: __import__('pathlib').Path('{canary}').touch()",
        f"\\input{{|touch {canary}}}",
        f"\\write18{{touch {canary}}}",
        f"$(touch {canary})",
        f"`touch {canary}`",
        f"getattr(__builtins__, 'open')('{canary}', 'w')",
        f"sympify(\"__import__('os').system('touch {canary}')\")",
        f'f\'{{__import__("os").system("touch {canary}")}}\'',
    ]
    disguises = "{}|1+{}|x={}|\\text{{{}}}|\\frac{{1}}{{{}}}|\\sqrt{{{}}}|{}%|({}, 1)|\\{{{}\\}}|1 {} 2".split("|")
    payloads = [frame.replace("{}", c).replace("{{", "{").replace("}}", "}") for c in commands for frame in disguises]
    heavy = [
        r"5^{5^{5^{5^5}}}",
        r"\dfrac{5^{\left(5^{\left(5^{\left(5^5\right)}\right)}-4\right)}-5}{16}",
        "(10^9)!",
        r"\sum_{n=1}^{10^{12}} \sin(n^n)",
        r"\sum_{n=1}^{2000}\sum_{m=1}^{2000}\sin(nm)",
        r"0.5x^{9^{9^{9^{9x}}}}",
        "(((0.5x+99)!)!)!",
        r"\sin(10^{10^{9}})",
        "9" * 1_900 + "^{999999999}",
        r"\sum_{i=1}^{2000}" * 3 + "1",
        r"\prod_{i=1}^{2000} i!",
        r"\begin{pmatrix}1&2\\3&4\end{pmatrix}" * 30,
        r"\{0.5x!, " + ", ".join(f"(x+{n})!!" for n in range(99)) + r"\}",
    ]
    shapes = [piece * n for piece in PIECES for n in (9, 99, 999)]
    shapes += [f"{'(' * n}5{')' * n}" for n in (MAX_DEPTH, MAX_DEPTH + 1, 10**6)]
    strange = [
        "\0",
        "5\0",
        "\u202e5",
        "\u0665",
        "½",
        "∞",
        "👍",
        "\ud800",
        "a\u0301",
        "\x1b[2J",
        "\ufeff5x",
        "}{",
        "$$$",
    ]
    long = ["9" * 10**6, "x" * 10**6, "1+" * 5 * 10**5, " " * 10**6 + "x", "9" * MAX_CHARS, "9" * MAX_CHARS + ".5"]
    return payloads + heavy + shapes + [*strange, r"\frac{}{}"] + long


def test_hostile_answers_harm_nobody(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    canary = tmp_path / "canary"
    bad = [*hostile_answers(str(canary)), *hostile_answers("canary")[:30]]
    assert len(bad) >= 250
    good = [("5", "5"), (r"\frac{1}{2}", "0.5"), ("x+1", "1+x"), (r"\sqrt{8}", r"2\sqrt{2}"), ("(1,-2)", "(1, -2)")]
    pairs = [("12", answer) for answer in bad] + good * 20
    random.Random(0).shuffle(pairs)
    with Grader(workers=2, timeout_s=1, memory_mib=512) as hardened:
        verdicts = hardened.verdicts(*zip(*pairs, strict=True))
        hardened.classes(["q"] * len(bad), ["12"] * len(bad), bad)
    given = list(zip(pairs, verdicts, strict=True))
    assert {v for pair, v in given if pair in good} == {CORRECT}
    assert CORRECT not in {v for pair, v in given if pair not in good}
    assert {v for pair, v in given if pair[1].startswith("5^{5^")} <= {TIMEOUT, ERROR}
    assert {v for pair, v in given if len(pair[1].strip()) > 3 * MAX_CHARS} == {ERROR}
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("piece", PIECES)
def test_reading_takes_time_in_proportion(piece):
    text = normalise(piece * (MAX_CHARS // len(piece)))
    start = time.process_time()
    if is_readable(text):
        read(text)
    assert time.process_time() - start < 2


def test_nested_brackets_that_are_too_deep_are_equal_to_themselves_only():
    nested = f"{'(' * (MAX_DEPTH + 1)}5{')' * (MAX_DEPTH + 1)}"
    with Grader(workers=1) as made:
        assert made.verdicts(["5", nested], [nested, nested]) == [ERROR, CORRECT]
