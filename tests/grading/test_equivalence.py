"""Which answers are the same: a table of pairs with verdicts that stood before the grader was asked, and settings."""

import pytest

from helpers.answer_pairs import DIFFERENT, SAME, judged, pairs
from tts_lib.grading.conventions import EXAMPLES, Conventions, table
from tts_lib.grading.equivalence import compare
from tts_lib.grading.normal_form import normalise
from tts_lib.grading.reading.readings import read


def test_the_table_of_pairs():
    table_ = pairs()
    wrong = {(is_same, gold, answer) for is_same, gold, answer in table_ if judged(gold, answer) != is_same}
    assert len(table_) >= 1_000
    assert wrong == set()


@pytest.mark.parametrize(("gold", "answer"), SAME)
def test_equal_answers_are_the_same(gold, answer):
    assert judged(gold, answer) and judged(answer, gold)


@pytest.mark.parametrize(("gold", "answer"), DIFFERENT)
def test_other_answers_are_not(gold, answer):
    assert not judged(gold, answer) and not judged(answer, gold)


@pytest.mark.parametrize(
    ("gold", "answer", "is_same"),
    [
        ("(3,4)", "x = 3\ny = 4", True),
        ("(4,3)", "x = 3\ny = 4", False),
        ("x=3, y=4", "x = 3\ny = 4", True),
        ("x=3, y=4", "- x = 3\n- y = 4", True),
        ("x=3, y=4", "- x = 4\n- y = 3", False),
        ("3, 5", "- 3\n- 5", True),
        ("-3,-5", "- 3\n- 5", False),
        ("-3,-5", "-3\n-5", True),
        ("3,5", "-3\n-5", False),
        ("3, 5", "* 3\n* 5", True),
        ("15", "* 3\n* 5", False),
        ("2, 5", "1. x=2\n2. x=5", True),
        ("2, 5", "1. 2\n2. 5", True),
        ("1, 2", "1. x=2\n2. x=5", False),
        ("2", "1. x=2\n2. x=5", False),
        ("2, 5", "x = 2\nx = 5", True),
        ("2, 5", "2\n5", True),
        ("25", "2\n5", False),
        ("7", "2\n5", False),
        ("(1,2,3)", "a = 1\nb = 2\nc = 3", True),
        ("(1,2,3)", "**a = 1**\n**b = 2**\n**c = 3**", True),
        ("2, 5", "Solutions:\nx = 2\nx = 5", True),
        (r"\frac{1}{2}, 3", "x = \\frac{1}{2}\nx = 3", True),
        (r"\frac{1}{2}, 3", "$x = \\frac{1}{2}$\n$x = 3$", True),
        ("2, 3", "x = \\frac{1}{2}\nx = 3", False),
        ("x=3,y=4", r"x = 3 \\ y = 4", True),
        ("(3,4)", "x=3,\ny=4", True),
        ("(3,4)", "$$x=3$$\n$$y=4$$", True),
        (r"1+\sqrt{2}, 1-\sqrt{2}", "x = 1+\\sqrt{2}\nx = 1-\\sqrt{2}", True),
        (r"-4, \frac{7}{3}", "• -4\n• 7/3", True),
        ("-4", "• -4\n• 7/3", False),
        (r"\$5, \$7", "$5\n$7", True),
        ("(3,4)", r"x = 3 \\ y = 5", False),
        ("3, 4", r"3 \\ 4", True),
        ("7", "3 +\n4", True),
        ("x^2+5", "x^2\n+5", True),
    ],
)
def test_lines_with_a_value_each_are_a_list(gold, answer, is_same):
    assert judged(gold, answer) is is_same


@pytest.mark.parametrize(
    ("gold", "answer", "is_same"),
    [
        ("42", "<think>maybe 41</think>42", True),
        ("41", "<think>maybe 41</think>42", False),
        ("42", "</think>\n\n42", True),
        (r"\frac{1}{2}", r"$x = \frac{1}{2}$ ($x = -3$ is extraneous)", True),
        (r"\text{no solution}", "No solution (x = 3 is extraneous)", True),
        ("8", "x = 8 (x = -3 is extraneous)", True),
        ("8", "x = -3 (x = 8 is extraneous)", False),
        ("8", "x = 8 (8 is extraneous)", False),
    ],
)
def test_thoughts_and_rejected_values_are_no_part_of_an_answer(gold, answer, is_same):
    assert judged(gold, answer) is is_same


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_convention_has_an_example_that_it_decides(name):
    other, gold, answer, is_same = EXAMPLES[name]
    assert judged(gold, answer) is is_same
    assert judged(gold, answer, Conventions(**{name: other})) is not is_same
    assert f"\n{name} " in table() and gold in table()


@pytest.mark.parametrize(
    ("conventions", "gold", "answer", "default", "changed"),
    [
        (Conventions(vector_is_tuple=True), r"[3, 2x, 1]", r"\begin{bmatrix} 3 & 2x & 1 \end{bmatrix}", False, True),
        (
            Conventions(vector_is_tuple=True),
            r"\begin{pmatrix} 3 \\ 1 \end{pmatrix}",
            r"\langle 3,1\rangle",
            False,
            True,
        ),
        (Conventions(percent="fraction"), "50", r"50\%", True, False),
        (Conventions(percent="either"), "0.5", r"50\%", False, True),
        (Conventions(percent="either"), "50", r"50\%", True, True),
        (Conventions(decimals=3), r"\sqrt{3}x", "1.732x", False, True),
        (Conventions(decimals=2), "3.14", "3.141", False, True),
        (Conventions(option_labels=False), r"\text{(C)}", "(C) 12", True, False),
        (Conventions(units="required"), "\\$5", "5 dollars", True, True),
        (Conventions(units="required"), "5\\text{ ways}", "5\\text{ paths}", True, False),
        (Conventions(unit_conversion=False), r"60^\circ", r"\frac{\pi}{3}\text{ radians}", True, False),
        (Conventions(unit_conversion=False), "2 hours 15 minutes", "135 min", True, False),
        (Conventions(unit_conversion=False), "2 hours 15 minutes", "2 h 15 min", True, True),
        (Conventions(units="required"), "2\\text{ m}", "200 cm", True, True),
        (Conventions(multiplicities=False), "1,1,2", "1,2", False, True),
        (Conventions(relation_is_set=False), r"-2\le x\le7", "[-2,7]", True, True),  # a set answers for an inequality
    ],
)
def test_a_convention_changes_a_verdict(conventions, gold, answer, default, changed):
    assert judged(gold, answer) is default and judged(gold, answer, conventions) is changed


@pytest.mark.parametrize(
    ("conventions", "gold", "answer"),
    [
        (Conventions(vector_is_tuple=True), r"\begin{pmatrix} 3 \\ -1 \end{pmatrix}", "(-1,3)"),
        (Conventions(vector_is_tuple=True), r"\begin{pmatrix} 3 \\ -1 \end{pmatrix}", r"\{3,-1\}"),
        (Conventions(vector_is_tuple=True), r"\begin{vmatrix} 3 \\ 1 \end{vmatrix}", "(3,1)"),
        (Conventions(vector_is_tuple=True), r"\begin{pmatrix} 1 & 2 \\ 3 & 4 \end{pmatrix}", "(1,2,3,4)"),
        (Conventions(vector_is_tuple=True), "(3,4)", "[3,4]"),  # intervals
        (Conventions(), r"x \in (0, 5]", "0 < x < 5"),
        (Conventions(), r"x \in (0, 5]", r"0 < x \le 6"),
        (Conventions(decimals=2), r"\sqrt{3}x", "1.74x"),
        (Conventions(decimals=2), r"\frac{x}{300}", "0.004x"),
        (Conventions(tuple_is_set=True), "(3,1)", "1,3"),
        (Conventions(decimal_comma=True), "2.74", "2,75"),
    ],
)
def test_a_convention_makes_no_wrong_answer_right(conventions, gold, answer):
    assert not judged(gold, answer, conventions)


def test_the_rule_says_why():
    def rule(gold: str, answer: str) -> str:
        return compare(read(normalise(gold)), read(normalise(answer)), Conventions()).rule

    assert "exactly" in rule("2", "3") and "6 decimals" in rule("2.5", "3")
    assert "cm is not kg" in rule("2 cm", "2 kg")
    assert "as length in one unit" in rule("2 cm", "2 inches")
    assert "x is not y" in rule("x=1", "y=1")
    assert "2 items are not 3" in rule("1,2", "1,2,3")
    assert "a tuple is no set" in rule("(1,2)", r"\{1,2\}")
