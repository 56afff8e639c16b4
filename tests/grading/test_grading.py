import os
import random
import signal
import subprocess
import sys

import numpy as np
import pytest

from helpers.pipeline import ROOT
from tts_lib.common.files import WriteError
from tts_lib.common.tables import read_json
from tts_lib.grading import grader
from tts_lib.grading.answers import extract_answer, is_truncated
from tts_lib.grading.equivalence import Conventions, Judgement, judge
from tts_lib.grading.grader import Grader
from tts_lib.grading.normal_form import MAX_CHARS, MAX_DEPTH, is_parsable, normalise
from tts_lib.grading.verdicts import CORRECT, ERROR, NO_ANSWER, TIMEOUT, WRONG

POOLS = ROOT.parent / "shared/data/llama_pools"


@pytest.fixture(scope="module")
def shared():
    with Grader(workers=2, timeout_s=5) as made:
        yield made


def verdict(gold: str, answer: str | None, judge_with: Grader) -> str:
    return judge_with.verdicts([gold], [answer])[0]


# --- reading answers


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        (r"so $\boxed{42}$.", "42"),
        (r"\boxed{1} no, wait: \boxed{2}", "2"),
        (r"\boxed{\frac{1}{\sqrt{2}}}", r"\frac{1}{\sqrt{2}}"),
        (r"\boxed{\{1, 2\}}", r"\{1, 2\}"),
        (r"\boxed{ \boxed{7} }", "7"),
        (r"\fbox{7}", "7"),
        (r"\boxed 7$ and so on", "7"),
        (r"\boxed{1}$ and $\boxed{2}$", "1, 2"),
        (r"\boxed{1}, \boxed{2} \text{ or } \boxed{3}", "1, 2, 3"),
        (r"\boxed{1}\boxed{2}", "1, 2"),
        (r"\boxed{3} for part (a) and \boxed{4}", "3, 4"),
        (r"$\boxed{3}$ cups, $\boxed{4}$ jars \text{ and } \boxed{5} lids", "3, 4, 5"),
        (r"\(u_{1} = \boxed{2a}\), \(u_{2} = \boxed{3a}\)", "2a, 3a"),
        (r"\boxed{3}. And \boxed{4}", "4"),
        (r"\boxed{3} and hence \boxed{4}", "4"),
        (r"\boxed{3} is too small and \boxed{4}", "4"),
        (r"x = \boxed{3} = \boxed{4}", "4"),
        (r"\boxed{3} and 2 more make \boxed{5}", "5"),
        (r"\boxed{3} km, so the way is \boxed{6}", "6"),
        (rf"\boxed{{3}} {'far ' * 20} and \boxed{{4}}", "4"),
        (r"\boxed{5}. The answer is 6.", "5"),  # a box is the author's own mark
        (
            r"\boxed{5} a day, \boxed{35} a week. The final answer is $1820$. I hope it is correct.",
            "1820",
        ),
        (r"\boxed{5}. The final answer is: 1,820 cents.", "1,820"),
        (r"\boxed{5}. The final answer is \(\frac{1}{2}\).", r"\(\frac{1}{2}\)"),
        (r"\boxed{5}. The final answer is in the box.", "5"),
        (r"The final answer is $5$, which we write \boxed{5.0}.", "5.0"),
        (r"The final answer is 7. Or \boxed{5", None),
        (r"\boxed{5} and \boxed{6", None),  # broke off
        (r"The answer is \boxed{6", None),
        (r"\boxed{}", None),
        (r"\boxedfoo{5}", None),
        ("The final answer is: 10", "10"),
        ("The answer is 10. I hope it is correct.", "10"),
        ("The answer is 3.5 apples.", "3.5"),
        ("The correct answer to the problem is $x^2$, as was to be shown.", "x^2"),
        ("The answer is 4. Hmm. So the answer is 5.", "5"),
        ("**Answer:** 12", "12"),
        ("Answer: the volume is 120.", "120"),
        ("A: 42\nQ: what next?", "42"),
        ("I think.\n#### 1,234", "1,234"),
        ("#### Step 3\nand then", None),
        ("The answer is\n\n10", "10"),
        ("we find 3, then 4", None),
        ("", None),
    ],
)
def test_an_answer_is_read_as_marked(text, answer):
    assert extract_answer(text) == answer


def test_the_style_says_what_else_is_an_answer():
    assert extract_answer("The answer is 10", "boxed") is None
    assert extract_answer(r"\boxed{5}. The final answer is $7$.", "boxed") == "5"
    assert extract_answer(r"\boxed{5}. The final answer is $7$.", "number") == "7"
    assert extract_answer("we find 3, then -4.5.", "number") == "-4.5"
    assert extract_answer("we find 2/3.<|im_end|>", "number") == "2/3"
    assert extract_answer("so that 3 gives $(7, 6)$.", "number") == "(7, 6)"
    assert extract_answer("nothing", "number") is None
    assert extract_answer(r"\boxed{1", "number") is None


@pytest.mark.parametrize(
    ("text", "truncated"),
    [
        (r"\boxed{5}", False),
        (r"\boxed{5} and more", False),
        (r"\boxed{5", True),
        (r"\boxed", True),
        ("The answer is 5", False),
        ("Then we add", True),
        ("Then we add $x = 5$", False),
        ("I do not know.", False),
        ("", True),
    ],
)
def test_a_text_that_broke_off_is_known(text, truncated):
    assert is_truncated(text) is truncated


@pytest.mark.parametrize(
    "piece",
    [
        r"\boxed{",
        "{",
        "}",
        r"\boxed{}",
        r"\boxed{1} ",
        "answer ",
        "the answer is ",
        "final answer is ",
        r"\boxed{1} and so ",
        r"\begin{cases}a=1\\",
        " ",
        "\n",
        "9",
        "9,",
        "\\",
        "$",
        "A:\n",
    ],
)
def test_reading_a_megabyte_ends(piece):
    text = piece * (1_000_000 // len(piece))
    for style in ("marked", "boxed", "number"):
        extract_answer(text, style)
    is_truncated(text)
    normalise(text)
    normalise(text[:MAX_CHARS])


# --- normal forms


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (r"\dfrac12", r"\frac{1}{2}"),
        (r"\left( 3, \frac{\pi}{2} \right)", r"(3,\frac{\pi}{2})"),
        (r"10,\!080", "10080"),
        ("58,500", "58500"),
        ("10{,}080", "10080"),
        (r"11,\! 111,\! 111,\! 100", "11111111100"),
        (r"\$32,\!348", "32348"),
        (r"5.4 \text{ cents}", "5.4"),
        (r"864 \mbox{ inches}^2", "864"),
        (r"30^\circ", "30"),
        ("$x + 1$.", "x+1"),
        (".50", "0.5"),
        ("+007", "7"),
        ("-0", "0"),
        ("−3", "-3"),
        ("50%", r"50 \%"),
        (r"\\frac{1}{2}", r"\frac{1}{2}"),  # escaped twice
        (r"1 \text{ and } 2", "1, 2"),
        ("1 1/2", r"1\frac{1}{2}"),
        (r"\begin{cases} x+y=3, \\ x \ge 1. \end{cases}", r"x+y=3, x \ge 1"),
        (r"\left\{\begin{array}{l} x &= 3 \\ y &= 4 \end{array}\right.", "x=3, y=4"),
    ],
)
def test_typesetting_does_not_matter(one, other):
    assert normalise(one) == normalise(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("1, 234", "1234"),  # a list
        ("5 AM", "5 PM"),
        (r"5\text{ a.m.}", r"5\text{ p.m.}"),
        ("1 2", "12"),
        (r"\pi r", r"\pir"),
        (r"\begin{pmatrix} 1 \\ 1/3 \end{pmatrix}", r"\begin{pmatrix} 1 \\ 3 \end{pmatrix}"),
        ("1.5", "15"),
        (r"\leftarrow", "arrow"),
        (r"\begin{cases} x & x>0 \\ 1 & x<0 \end{cases}", "x x>0, 1 x<0"),  # a function
        (r"\begin{cases} x, \text{ if } x>0 \\ 1, \text{ if } x<0 \end{cases}", "x, if x>0, 1, if x<0"),
    ],
)
def test_meaning_is_kept(one, other):
    assert normalise(one) != normalise(other)


def test_a_normal_form_is_its_own():
    for text in [r"\dfrac12", "1,234", r"\text{ (C) }", "$x$ and $y$", r"x \in [-2, 7]", "1 1/2", "5\\%", "32, 349"]:
        assert normalise(normalise(text)) == normalise(text)


# --- equivalence

SAME = [
    ("1+2i", "i(2-i)"),
    (r"\cos(x)", r"\sin(90^{\circ}-x)"),
    ("y = 2x + 3", "f(x) = 3 + 2x"),
    (r"\frac{1}{2}", "0.5"),
    (r"\frac{448}{15625}", r"\frac{2240}{78125}"),
    (r"\frac{1}{3}", "0.333333"),
    ("5", "x = 5"),
    ("x=5", "5"),
    (r"x \in [-2,7]", "[-2, 7]"),
    (r"\text{(C)}", "C"),
    (r"\text{Evelyn}", "Evelyn"),
    (r"\text{even}", r"\text{Even}"),
    ("1,-2", "-2, 1"),
    (r"1 \pm \sqrt{19}", r"1 - \sqrt{19}, 1 + \sqrt{19}"),
    ("p - q", "-q + p"),
    ("(a+5)(b+2)", "ab + 2a + 5b + 10"),
    (r"11\sqrt2", r"11 \sqrt{2}"),
    (r"1\frac{4}{5}", r"\frac{9}{5}"),
    ("(15,-29)", r"\left(15, -29\right)"),
    (r"\begin{pmatrix} -1/3 \\ 2/3 \end{pmatrix}", r"\begin{pmatrix} -\frac{1}{3} \\ \frac{2}{3} \end{pmatrix}"),
    ("10", r"10\%"),
    ("0.0000131", r"1.31 \times 10^{-5}"),
    (r"\{1, 2\}", r"\{2, 1\}"),
    (r"\sqrt{2}x", "1.4142136x"),
    (r"2+\pi i", "2+3.1415927i"),
    (r"\frac{a^{0.5}}{b}\cdot a^{0.25}", r"\frac{\sqrt[4]{a^3}}{b}"),
    (r"k(\frac{m}{m+n})^{0.5}/(m+n)", r"\frac{k}{m(1+n/m)^{3/2}}"),
    (r"\frac{\sqrt{3}}{x}", r"y=\frac{1.7320508}{x}"),
    (r"(\sqrt{2}t, 1)", "(1.4142136t, 1)"),
    (r"[\sqrt{2}a, \infty)", r"[1.4142136a, \infty)"),
    (r"x+y=\sqrt{5}", "2.2360680=y+x"),
    (r"x>\sqrt{5}y", "2.2360680y<x"),
    (
        r"\begin{cases} p+q=\sqrt{2} \\ p-q=1 \end{cases}",
        r"\begin{cases} p-q=1.0 \\ p+q=1.4142136 \end{cases}",
    ),
    (r"\begin{cases} x+y=3 \\ x-y=1 \end{cases}", "x+y=3, x-y=1"),
    (r"\begin{pmatrix} \sqrt{2}a \\ 1 \end{pmatrix}", r"\begin{pmatrix} 1.4142136a \\ 1 \end{pmatrix}"),
]
DIFFERENT = [
    ("p - q", "q - p"),
    (r"\frac{1}{3}", "0.33"),
    (".0000672", ".0000671"),
    ("1000000", "1000001"),
    ("(3,4]", "[3,4]"),
    ("(15,-29)", "(-29,15)"),
    ("(1,2)", r"\{1,2\}"),
    ("(2,1)", "1,2"),
    (r"\text{even}", "odd"),
    (r"\text{east}", "seat"),
    ("1,2", "1"),
    (r"\cot x", r"\csc x"),
    ("0.1", r"10\%"),
    ("7", "not 7"),
    (r"\sqrt{2}x", "1.4142x"),  # to six places
    (r"\sqrt{2}x", "1.4142136y"),
    ("0.5|x|", "0.5x"),
    (r"0.5\ln(x^2)", r"\ln x"),  # not where the gold answer is real
    ("0.5x+x^{40}", "0.5x"),
    ("0.5x+e^{-40x}", "0.5x"),
    ("0.00000034x", "0.00000036x"),
    ("10^{40}x+1", "10^{40}x"),
    (r"\frac{1}{2004!}", "0"),  # below the least double
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
]


@pytest.mark.parametrize(("gold", "answer"), SAME)
def test_equal_answers_are_correct(gold, answer, shared):
    assert verdict(gold, answer, shared) == CORRECT


@pytest.mark.parametrize(("gold", "answer"), DIFFERENT)
def test_other_answers_are_wrong(gold, answer, shared):
    assert verdict(gold, answer, shared) == WRONG


def test_no_answer_is_no_answer(shared):
    assert shared.verdicts(["5", "5", "5"], [None, "", " \n"]) == [NO_ANSWER] * 3
    assert shared.verdicts([], []) == []


@pytest.mark.parametrize(
    ("conventions", "gold", "answer", "default", "changed"),
    [
        (Conventions(list_order="given"), "1,-2", "-2,1", CORRECT, WRONG),
        (Conventions(tuple_is_set=True), "(1,2)", r"\{2,1\}", WRONG, CORRECT),
        (Conventions(vector_is_tuple=True), r"\begin{pmatrix} 3 \\ -1 \end{pmatrix}", "(3,-1)", WRONG, CORRECT),
        (Conventions(vector_is_tuple=True), r"[3, 2x, 1]", r"\begin{bmatrix} 3 & 2x & 1 \end{bmatrix}", WRONG, CORRECT),
        (
            Conventions(vector_is_tuple=True),
            r"\begin{pmatrix} 3 \\ 1 \end{pmatrix}",
            r"\langle 3,1\rangle",
            WRONG,
            CORRECT,
        ),
        (Conventions(relation_is_set=True), r"x \in (0, 5]", r"0 < x \le 5", WRONG, CORRECT),
        (Conventions(percent="fraction"), "0.5", r"50\%", WRONG, CORRECT),
        (Conventions(percent="fraction"), "50", r"50\%", CORRECT, WRONG),
        (Conventions(percent="either"), "0.5", r"50\%", WRONG, CORRECT),
        (Conventions(decimals=3), r"\sqrt{3}", "1.732", WRONG, CORRECT),
        (Conventions(decimals=3), r"\sqrt{3}x", "1.732x", WRONG, CORRECT),
        (Conventions(decimals=2), "3.14", "3.141", WRONG, CORRECT),
        (Conventions(decimal_comma=True), "2.74", "2,74", WRONG, CORRECT),
    ],
)
def test_every_convention_changes_something(conventions, gold, answer, default, changed):
    forms = normalise(gold), normalise(answer)

    def judged(given: Conventions) -> str:
        return (grader.judge_cheaply(*forms, given) or judge(*forms, given)).verdict

    assert judged(Conventions()) == default and judged(conventions) == changed


@pytest.mark.parametrize(
    ("conventions", "gold", "answer"),
    [
        (Conventions(vector_is_tuple=True), r"\begin{pmatrix} 3 \\ -1 \end{pmatrix}", "(-1,3)"),
        (Conventions(vector_is_tuple=True), r"\begin{pmatrix} 3 \\ -1 \end{pmatrix}", r"\{3,-1\}"),
        (Conventions(vector_is_tuple=True), r"\begin{vmatrix} 3 \\ 1 \end{vmatrix}", "(3,1)"),
        (Conventions(vector_is_tuple=True), r"\begin{pmatrix} 1 & 2 \\ 3 & 4 \end{pmatrix}", "(1,2,3,4)"),
        (Conventions(vector_is_tuple=True), "(3,4)", "[3,4]"),  # intervals
        (Conventions(relation_is_set=True), r"x \in (0, 5]", "0 < x < 5"),
        (Conventions(relation_is_set=True), r"x \in (0, 5]", r"0 < x \le 6"),
        (Conventions(decimals=2), r"\sqrt{3}x", "1.74x"),
        (Conventions(decimals=2), r"\frac{x}{300}", "0.004x"),
    ],
)
def test_a_convention_makes_no_wrong_answer_right(conventions, gold, answer):
    assert judge(normalise(gold), normalise(answer), conventions).verdict == WRONG


def test_bad_limits_and_lengths_are_refused(shared):
    for bad in ({"timeout_s": 0}, {"memory_mib": 0}, {"workers": 0}):
        with pytest.raises(ValueError, match="must be positive"):
            Grader(**bad)
    with pytest.raises(ValueError, match="2 gold answers for 1 answers"):
        shared.verdicts(["1", "2"], ["1"])
    with pytest.raises(ValueError, match="question q has two gold answers"):
        shared.classes(["q", "q"], ["1", "2"], ["1", "1"])
    with pytest.raises(ValueError, match="1 question ids for 2 answers"):
        shared.classes(["q"], ["1", "1"], ["1", "1"])


# --- hostile answers


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
        r"0.5x^{9^{9^{9^{9x}}}}",
        "(((0.5x+99)!)!)!",
        r"\{0.5x!, " + ", ".join(f"(x+{n})!!" for n in range(99)) + r"\}",
    ]
    shapes = [
        opening * n
        for opening in ("(", "[", "{", r"\left(", r"\frac{", "-", "^", "_", "\\", "1+", "x^")
        for n in (9, 999)
    ]
    shapes += [f"{'(' * n}5{')' * n}" for n in (MAX_DEPTH, MAX_DEPTH + 1, 10**6)]
    strange = [
        "\0",
        "5\0",
        "\u202e5",
        "\u0665",
        "５",
        "½",
        "∞",
        "👍",
        "\ud800",
        "a\u0301",
        "\x1b[2J",
        "\ufeff5x",
        "}{",
        "$$$",
        r"\frac{}{}",
    ]
    long = ["9" * 10**6, "x" * 10**6, "1+" * 5 * 10**5, " " * 10**6 + "x", "9" * MAX_CHARS, "9" * MAX_CHARS + ".5"]
    return payloads + heavy + shapes + strange + long


def test_hostile_answers_harm_nobody(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    canary = tmp_path / "canary"
    bad = [*hostile_answers(str(canary)), *hostile_answers("canary")[:30]]
    assert len(bad) >= 200
    good = [("5", "5"), (r"\frac{1}{2}", "0.5"), ("x+1", "1+x"), (r"\sqrt{8}", r"2\sqrt{2}"), ("(1,-2)", "(1, -2)")]
    pairs = [("12", answer) for answer in bad] + good * 20
    random.Random(0).shuffle(pairs)
    with Grader(workers=2, timeout_s=1, memory_mib=512) as hardened:
        verdicts = hardened.verdicts(*zip(*pairs, strict=True))
    given = list(zip(pairs, verdicts, strict=True))
    assert {v for pair, v in given if pair in good} == {CORRECT}
    assert CORRECT not in {v for pair, v in given if pair not in good}
    assert {v for pair, v in given if pair[1].startswith("5^{5^")} <= {TIMEOUT, ERROR}
    assert {v for pair, v in given if len(pair[1].strip()) > 3 * MAX_CHARS} == {ERROR}
    assert not list(tmp_path.iterdir())


def test_what_is_too_long_or_too_deep_is_not_parsed(shared):
    assert is_parsable("x" * MAX_CHARS) and not is_parsable("x" * (MAX_CHARS + 1))
    nested = f"{'(' * (MAX_DEPTH + 1)}5{')' * (MAX_DEPTH + 1)}"
    assert not is_parsable(nested) and is_parsable(nested[1:-1])
    assert verdict("5", nested, shared) == ERROR
    assert verdict(nested, nested, shared) == CORRECT


def fail_on_request(gold: str, answer: str, conventions: Conventions) -> Judgement:
    if answer == "x+9":
        os.kill(os.getpid(), signal.SIGKILL)
    if answer == "x+8":
        bytearray(2**32)
    return judge(gold, answer, conventions)


def test_a_killed_worker_costs_its_own_pair_only(tmp_path, monkeypatch):
    monkeypatch.setattr(grader, "judge", fail_on_request)
    answers = ["1+x", "x+9", "x+1.0", "x+9", "x+2", "1 + x"]
    with Grader(workers=1, cache=tmp_path / "cache") as made:
        assert made.verdicts(["x+1"] * 6, answers) == [CORRECT, ERROR, CORRECT, ERROR, WRONG, CORRECT]
        assert made.classes(["q"] * 6, ["x+1"] * 6, answers).tolist() == [0, 1, 0, 1, 2, 0]
    monkeypatch.undo()
    with Grader(workers=1, cache=tmp_path / "cache") as made:
        assert made.verdicts(["x+1"], ["x+9"]) == [WRONG]  # the kill was not the pair's fault


def test_a_worker_ends_itself_where_nobody_else_can():
    script = (
        "from tts_lib.grading import grader; grader._GRACE_S = 0\n"
        "hang = lambda *_: 7 ** 7 ** 20\n"
        "grader._judge_or_die(lambda *_: None, '', '', None, 0.1); grader._judge_or_die(hang, '', '', None, 0.1)"
    )
    assert subprocess.run([sys.executable, "-c", script], cwd=ROOT).returncode == -signal.SIGALRM


# --- classes

QUESTION = [
    r"\frac{1}{2}", "0.5", "1/2", r"\dfrac{2}{4}", "3", "3.0", "x = 3", None, r"\text{east}", "East", "(1, 2)", "(1,2)",
    "2x+2", "2(x+1)", r"\sqrt{8}", r"2\sqrt{2}", r"\frac{", r"\frac {", "y=2x", "50%", "50", "1,2", "2, 1", "x^2+y^2=4",
    "2x^2+2y^2=8", "1+2i", "2i+1", "x>2", "2<x", "(A)", r"\text{A}",
]  # fmt: skip
CLASSES = [0, 0, 0, 0, 1, 1, 1, -1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13]


def test_equal_answers_share_a_class(shared):
    n = len(QUESTION)
    for gold in ("7", "0.5", "x+7"):  # the gold answer merges its own only
        assert shared.classes(["q"] * n, [gold] * n, QUESTION).tolist() == CLASSES


def test_permuting_the_answers_permutes_the_classes(shared):
    n = len(QUESTION)
    classes = shared.classes(["q"] * n, ["7"] * n, QUESTION)
    for seed in range(3):
        order = np.random.default_rng(seed).permutation(n)
        permuted = shared.classes(["q"] * n, ["7"] * n, [QUESTION[i] for i in order])
        np.testing.assert_array_equal(permuted == -1, classes[order] == -1)
        same = permuted[:, None] == permuted
        np.testing.assert_array_equal(same, classes[order][:, None] == classes[order])


def test_correct_answers_are_one_class_and_no_wrong_one_is_in_it(shared):
    golds, answers = zip(*[*SAME, *DIFFERENT], strict=True)
    answers = [*answers, *golds]
    questions = [str(i) for i in range(len(golds))] * 2
    verdicts = np.array(shared.verdicts([*golds, *golds], answers))
    classes = shared.classes(questions, [*golds, *golds], answers)
    n = len(golds)
    np.testing.assert_array_equal(classes[:n] == classes[n:], verdicts[:n] == CORRECT)
    assert (verdicts[n:] == CORRECT).all()


def test_questions_do_not_share_classes(shared):
    assert shared.classes(["a", "b", "a", "b"], ["1", "2", "1", "2"], ["3", "4", "4", "4"]).tolist() == [0, 0, 1, 0]


# --- the cache


def counted(monkeypatch) -> list[int]:
    calls = []
    original = Grader._judge_in_workers
    monkeypatch.setattr(Grader, "_judge_in_workers", lambda self, p: calls.append(len(p)) or original(self, p))
    return calls


def test_a_second_run_computes_nothing(tmp_path, monkeypatch):
    calls = counted(monkeypatch)
    cache = tmp_path / "deep/judgements"
    golds, answers = ["x+1"] * 4, ["1+x", "x+2", "2+x", "1 + x"]
    with Grader(workers=1, cache=cache) as first:
        verdicts, classes = first.verdicts(golds, answers), first.classes(["q"] * 4, golds, answers)
    assert calls == [3]  # equal normal forms once, the classes for nothing
    content = cache.read_bytes()
    with Grader(workers=1, cache=cache) as second:
        assert second.verdicts(golds, answers) == verdicts
        assert second.classes(["q"] * 4, golds, answers).tolist() == classes.tolist() == [0, 1, 1, 0]
    assert calls == [3] and cache.read_bytes() == content
    with Grader(Conventions(list_order="given"), workers=1, cache=cache) as other:
        other.verdicts(golds, answers)
    assert calls == [3, 3] and cache.read_bytes().startswith(content)


def test_damaged_lines_are_judged_again(tmp_path, monkeypatch):
    calls = counted(monkeypatch)
    cache = tmp_path / "judgements"
    golds, answers = ["x+1"] * 3, ["1+x", "x+2", "x+3"]
    with Grader(workers=1, cache=cache) as made:
        verdicts = made.verdicts(golds, answers)
    whole = cache.read_bytes()
    damages = [
        whole.replace(b'"wrong"', b'"wrang"', 1),  # rot
        whole[:-9],  # a kill while writing
        b"\n".join([b"\xff\0garbage", b"[1]", *whole.split(b"\n")[2:]]),
    ]
    for damaged in damages:
        cache.write_bytes(damaged)
        calls.clear()
        with Grader(workers=1, cache=cache) as made:
            assert made.verdicts(golds, answers) == verdicts
        assert sum(calls) >= 1
        calls.clear()
        with Grader(workers=1, cache=cache) as made:
            assert made.verdicts(golds, answers) == verdicts
        assert calls == []
    cache.write_bytes(b"\0" * 1000)
    with Grader(workers=1, cache=cache) as made:
        assert made.verdicts(golds, answers) == verdicts


def test_a_cache_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with Grader(workers=1, cache=tmp_path / "file/cache") as made, pytest.raises(WriteError, match="cannot write"):
        made.verdicts(["x+1"], ["1+x"])


def test_importing_the_grader_is_light():
    script = "import sys; import tts_lib.grading.grader, tts_lib.grading.answers; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert not {"torch", "sympy", "math_verify", "pebble"} & {name.split(".")[0] for name in loaded.stdout.split()}


# --- real texts


@pytest.mark.skipif(not POOLS.exists(), reason="the public pools are not beside the project (../shared/data)")
def test_verdicts_agree_with_the_stored_ones(shared, tmp_path):
    lines = (POOLS / "texts_n1_3b.jsonl").read_text(encoding="utf-8").splitlines()
    (tmp_path / "texts").write_text(f"[{','.join(lines)}]", encoding="utf-8")
    records = read_json(tmp_path / "texts")
    golds = [record["gold"] for record in records]
    stored = np.array([record["ok_mv"] for record in records], dtype=bool)
    boxed = shared.verdicts(golds, [extract_answer(record["text"], "boxed") for record in records])
    assert (np.array(boxed) == CORRECT).tolist() == stored.tolist()
    marked = np.array(shared.verdicts(golds, [extract_answer(record["text"]) for record in records])) == CORRECT
    assert (marked == stored).mean() >= 0.99 and not (stored & ~marked).any()
