import numpy as np
import pytest

from helpers.pipeline import ROOT
from tts_lib.common.tables import read_json
from tts_lib.grading.answers import extract_answer, is_truncated
from tts_lib.grading.grader import Grader
from tts_lib.grading.normal_form import MAX_CHARS, normalise
from tts_lib.grading.verdicts import CORRECT

POOLS = ROOT.parent / "shared/data/llama_pools"


@pytest.fixture(scope="module")
def shared():
    with Grader(workers=2, timeout_s=5) as made:
        yield made


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
