"""Pairs of answers that are the same, or not, and how the rules judge a pair without processes and limits."""

import re
from functools import cache

from helpers.pipeline import ROOT
from tts_lib.grading.conventions import Conventions, spelled
from tts_lib.grading.equivalence import compare
from tts_lib.grading.normal_form import normalise
from tts_lib.grading.reading import readings

read = cache(readings.read)  # each answer of the pairs is looked at by many tests
SAME = [
    ("1+2i", "i(2-i)"),
    (r"\cos(x)", r"\sin(90^{\circ}-x)"),
    ("y = 2x + 3", "f(x) = 3 + 2x"),
    (r"\frac{448}{15625}", r"\frac{2240}{78125}"),
    ("5", "x = 5"),
    ("12", "12th"),
    ("(a+5)(b+2)", "ab + 2a + 5b + 10"),
    (r"\begin{pmatrix} -1/3 \\ 2/3 \end{pmatrix}", r"\begin{pmatrix} -\frac{1}{3} \\ \frac{2}{3} \end{pmatrix}"),
    (r"\sqrt{2}x", "1.4142136x"),
    (r"2+\pi i", "2+3.1415927i"),
    (r"\frac{a^{0.5}}{b}\cdot a^{0.25}", r"\frac{\sqrt[4]{a^3}}{b}"),
    (r"k(\frac{m}{m+n})^{0.5}/(m+n)", r"\frac{k}{m(1+n/m)^{3/2}}"),
    (r"\frac{\sqrt{3}}{x}", r"y=\frac{1.7320508}{x}"),
    (r"(\sqrt{2}t, 1)", "(1.4142136t, 1)"),
    (r"[\sqrt{2}a, \infty)", r"[1.4142136a, \infty)"),
    (r"x+y=\sqrt{5}", "2.2360680=y+x"),
    (r"x>\sqrt{5}y", "2.2360680y<x"),
    (r"\begin{cases} p+q=\sqrt{2} \\ p-q=1 \end{cases}", r"\begin{cases} p-q=1.0 \\ p+q=1.4142136 \end{cases}"),
    (r"\begin{cases} x+y=3 \\ x-y=1 \end{cases}", "x+y=3, x-y=1"),
    (r"\begin{pmatrix} \sqrt{2}a \\ 1 \end{pmatrix}", r"\begin{pmatrix} 1.4142136a \\ 1 \end{pmatrix}"),
    (
        r"\begin{pmatrix}6&8\\10&12\end{pmatrix}",
        r"2\begin{pmatrix}1&2\\3&4\end{pmatrix}+\begin{pmatrix}4&4\\4&4\end{pmatrix}",
    ),
    (
        r"\begin{pmatrix}1&2\\3&4\end{pmatrix}",
        r"\begin{pmatrix}1&2\\3&4\end{pmatrix}\begin{pmatrix}1&0\\0&1\end{pmatrix}",
    ),
    (r"1\le|z|\le\frac32", r"[-\frac32,-1]\cup[1,\frac32]"),
    ("p=5,q=2;p=7,q=2", "(5,2),(7,2)"),
    ("S_{MBCN}:S=7:32", "7:32"),
    ("5", "7 + (-2) + 0 = 5"),
    ("x=11", "x = 5+5+1 = 11"),
    (r"\frac13", r"x=\frac13\approx0.33"),
    ("-\\sqrt{x-2}+2", "2-\\sqrt{x-2}"),  # real beyond 2 only
    ("-2", r"\sqrt[3]{-8}"),
    (r"\sum_{i=1}^{10} i", "55"),
    (r"F_n = \sum_{k=0}^{n-1} F_k F_{n-k-1}", r"F_n = \sum_{k=0}^{n-1} F_{n-k-1} F_k"),
    (r"\mathbb{R}\setminus\{3\}", r"x\ne3"),
    ("5\\text{ days}", "5 days"),
    ("x^2+2x+1", "(x+1)^2 = x^2+2x+1"),
]
DIFFERENT = [
    ("p - q", "q - p"),
    (".0000672", ".0000671"),
    ("1000000", "1000001"),
    ("(3,4]", "[3,4]"),
    ("(1,2)", r"\{1,2\}"),
    ("(2,1)", "1,2"),
    ("[-1,2]", "-1,2"),
    (r"\text{east}", "seat"),
    ("1,2", "1"),
    (r"\cot x", r"\csc x"),
    ("7", "not 7"),
    (r"\sqrt{2}x", "1.4142x"),  # to six places
    (r"\sqrt{2}x", "1.4142136y"),
    ("0.5|x|", "0.5x"),
    (r"0.5\ln(x^2)", r"\ln x"),  # not where one of them is real
    ("0.5x+x^{40}", "0.5x"),
    ("0.5x+e^{-40x}", "0.5x"),
    ("0.00000034x", "0.00000036x"),
    ("10^{40}x+1", "10^{40}x"),
    (r"\frac{1}{2004!}", "0"),
    (r"\frac{1}{0}", r"\frac{2}{0}"),
    ("x+y=2.5", "x-y=2.5"),
    ("x>0.5y", "x<0.5y"),
    ("x>0.5y", r"x\ge 0.5y"),
    (r"\{0.5x, x\}", r"\{x, x\}"),
    (r"\{0.5x, x, 1\}", r"\{x, \frac{x}{2}\}"),
    (r"\begin{pmatrix} 0.5x & 1 \end{pmatrix}", r"\begin{pmatrix} \frac{x}{2} \\ 1 \end{pmatrix}"),
    (r"[0.5a, 1)", r"[\frac{a}{2}, 1]"),
    (r"\begin{cases} x+y=3 \\ x-y=1 \end{cases}", r"\begin{cases} x+y=3 \\ x-y=2 \end{cases}"),
    (r"\begin{cases} x+y=3 \\ x-y=1 \end{cases}", "x+y=3"),
    ("7 = 11a+c", "11a+c"),
    (r"a+3z=0", "0"),
    ("20\\text{ cm}", "20\\text{ inches}"),
    ("\\$5", "5 cents"),
    ("10\\%", "10\\text{ cm}"),
    ("20\\%\\text{ increase}", "20\\%\\text{ decrease}"),
    ("5\\text{ miles east}", "5\\text{ miles west}"),
    ("9:24", "3:8"),  # perhaps a time
    (r"[2^{\frac{1}{2^{1000}}}, \infty)", r"[1,+\infty)"),
    (r"\sin(x)", r"\sin(x)+10^{-300}"),
    ("2(1/2)", r"2\frac12"),
    (r"\begin{vmatrix}1&2\\3&4\end{vmatrix}", r"\begin{pmatrix}1&2\\3&4\end{pmatrix}"),
    (r"f(2)<f(1)", r"f(1)<f(2)"),
    ("x<0, x>5", "x<1, x>3"),
    ("5", r"\sqrt{-x^2-1}=5"),
    ("7", r"7 8"),
    ("428", r"42\text{8 square feet}"),
    ("10", r"10\text{ + C}"),
    ("20", r"20\text{ cars million}"),
    (r"\begin{pmatrix}1&0\\0&1\end{pmatrix}", r"\begin{pmatrix}1&0 0\\0&1\end{pmatrix}"),
]


def judged(gold: str, answer: str, conventions: Conventions = Conventions()) -> bool:  # noqa: B008 - frozen
    forms = [spelled(normalise(text), conventions) for text in (gold, answer)]
    return forms[0] == forms[1] or compare(read(forms[0]), read(forms[1]), conventions).is_same


def pairs() -> list[tuple[bool, str, str]]:
    """(whether they are equal, gold, answer) of the table."""
    found = []
    for line in (ROOT / "tests/grading/pairs.txt").read_text(encoding="utf-8").splitlines():
        if line.startswith(("=", "≠")):
            sign, gold, answer, _ = line.split("¦")
            found.append((sign == "=", gold, re.sub(r"\\u([0-9a-f]{4})", lambda code: chr(int(code[1], 16)), answer)))
    return found
