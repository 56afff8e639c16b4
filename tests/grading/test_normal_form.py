"""One spelling for what differs in typesetting only; what means something else keeps another one."""

import pytest

from tts_lib.grading.limits import MAX_CHARS, MAX_DEPTH, is_readable
from tts_lib.grading.normal_form import normalise
from tts_lib.grading.plain_numbers import number

SAME = [
    (r"\dfrac12", r"\frac{1}{2}"),
    (r"\left( 3, \frac{\pi}{2} \right)", r"(3,\frac{\pi}{2})"),
    (r"10,\!080", "10080"),
    ("58,500", "58500"),
    ("10{,}080", "10080"),
    (r"11,\! 111,\! 111,\! 100", "11111111100"),
    (r"\$32,\!348", r"\$32348"),
    ("$x + 1$.", "x+1"),
    (".50", "0.5"),
    ("+007", "7"),
    ("-0", "0"),
    ("−3", "-3"),
    ("50%", r"50 \%"),
    ("1e-05", "0.00001"),
    (r"\\frac{1}{2}", r"\frac{1}{2}"),  # escaped twice
    (r"\boxed{\frac{1}{2}", r"\frac{1}{2}"),  # not closed
    (r"1 \text{ and } 2", r"1\land 2"),
    ("1 1/2", r"1\frac{1}{2}"),
    (r"\begin{cases} x+y=3, \\ x \ge 1. \end{cases}", r"x+y=3, x\ge 1"),
    (r"\left\{\begin{array}{l} x &= 3 \\ y &= 4 \end{array}\right.", "x=3, y=4"),
    (r"Therefore $x \geq 5$ is the solution.", r"x\ge 5"),
    (r"The answer is that \( 7 \).", "7"),
    ("Final Answer: The final answer is $7$. I hope it is correct.", "7"),
    ("14 {, }916", "14916"),
    ("3{,}5", "3.5"),
    ("]0,1[", "(0,1)"),
    ("1'234'567", "1234567"),
    ("1.234.567", "1234567"),
    (r"\SI{5}{\meter\per\second}", r"5 \text{meter/second}"),
    (r"\text{the set of all positive integers}", r"\mathbb{Z}^+"),
]
DIFFERENT = [
    ("1, 234", "1234"),  # a list
    ("(1,234)", "(1234)"),
    ("1.234", "1234"),
    ("12,34,567", "1234567"),
    ("5 AM", "5 PM"),
    (r"5\text{ a.m.}", r"5\text{ p.m.}"),
    ("1 2", "12"),
    (r"\pi r", r"\pir"),
    (r"\begin{pmatrix} 1 \\ 1/3 \end{pmatrix}", r"\begin{pmatrix} 1 \\ 3 \end{pmatrix}"),
    ("1.5", "15"),
    (r"\leftarrow", "arrow"),
    (r"\begin{cases} x & x>0 \\ 1 & x<0 \end{cases}", "x x>0, 1 x<0"),  # a function
    (r"\begin{cases} x, \text{ if } x>0 \\ 1, \text{ if } x<0 \end{cases}", "x, if x>0, 1, if x<0"),
    ("5!=120", r"5\ne 120"),
    ("2e+1", "2e + 1"),
    ("3–5", "-2"),  # a range
    ("It is not true that $5$", "5"),
    ("at most $5$", "5"),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_typesetting_does_not_matter(one, other):
    assert normalise(one) == normalise(other)


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_meaning_is_kept(one, other):
    assert normalise(one) != normalise(other)


def test_a_normal_form_is_its_own():
    more = [r"\text{ (C) }", "$x$ and $y$", r"x \in [-2, 7]", "5\\%", "32, 349", "2e + 1", "1e-400", "\\text{2,000 m}"]
    for text in [*more, *(text for pair in SAME + DIFFERENT for text in pair)]:
        assert normalise(normalise(text)) == normalise(text)


def test_plain_numbers_have_a_value():
    for text, value in {
        "12": 12,
        "-.5": -0.5,
        "3/4": 0.75,
        r"-\frac{3}{4}": -0.75,
        r"1.5\cdot 10^{-3}": 0.0015,
    }.items():
        assert number(text) == pytest.approx(value)
    for text in ("x", "1/0", "1,2", "٥", "1e5", ""):
        assert number(text) is None


def test_what_is_too_long_or_too_deep_is_not_read():
    assert is_readable("x" * MAX_CHARS) and not is_readable("x" * (MAX_CHARS + 1))
    nested = f"{'(' * (MAX_DEPTH + 1)}5{')' * (MAX_DEPTH + 1)}"
    assert not is_readable(nested) and is_readable(nested[1:-1])
    assert normalise("x  " * MAX_CHARS) == " ".join(["x"] * MAX_CHARS)
