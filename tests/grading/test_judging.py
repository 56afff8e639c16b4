"""How a study judges solutions: exactly, or as mathematics; the same for pools and searches."""

from pathlib import Path

import numpy as np
import pytest

from tts_lib.grading import judging
from tts_lib.grading import verdicts as verdicts_

EXACT = {"kind": "exact"}
CONVENTIONS = {"list_order": "any", "multiplicities": True, "tuple_is_set": False, "vector_is_tuple": False}
CONVENTIONS |= {"relation_is_set": True, "percent": "number", "units": "optional", "option_labels": True}
CONVENTIONS |= {"decimals": 6, "decimal_comma": False}
MATH = {"kind": "math", "style": "boxed", "conventions": CONVENTIONS, "timeout_s": 5.0}


def judged(how: dict, gold: str, texts: list[str], cache: Path) -> judging.Judged:
    with judging.open_judge(how, cache) as judge:
        return judge.judge("q", gold, texts)


def test_the_nano_benchmark_is_compared_character_by_character(tmp_path: Path) -> None:
    found = judged(EXACT, "12", ["a\n=12$", "=13$", "=12", "=13$"], tmp_path / "cache")
    assert found.answers == ["12", "13", None, "13"]
    assert found.verdicts == [verdicts_.CORRECT, verdicts_.WRONG, verdicts_.NO_ANSWER, verdicts_.WRONG]
    np.testing.assert_array_equal(found.classes, [0, 1, -1, 1])
    assert not (tmp_path / "cache").exists()


def test_mathematics_is_compared_by_its_value(tmp_path: Path) -> None:
    texts = [r"so \boxed{\frac{1}{2}}", r"\boxed{0.5}", r"\boxed{2}", "the answer is 0.5", r"\boxed{\frac{4}{2}}"]
    found = judged(MATH, r"\frac12", texts, tmp_path / "cache")
    right, wrong, none = verdicts_.CORRECT, verdicts_.WRONG, verdicts_.NO_ANSWER
    assert found.verdicts == [right, right, wrong, none, wrong]
    np.testing.assert_array_equal(found.classes, [0, 0, 1, -1, 1])


@pytest.mark.parametrize(
    ("change", "texts", "verdicts"),
    [
        ({"style": "marked"}, ["the answer is 0.5"], [verdicts_.CORRECT]),
        ({"style": "number"}, ["it makes 0.5"], [verdicts_.CORRECT]),
        ({"style": "heading"}, ["so\n\n# Answer\n\n0.5\n\n# Question\n\nWhat? # Answer 7"], [verdicts_.CORRECT]),
        ({"conventions": CONVENTIONS | {"percent": "either"}}, [r"\boxed{50\%}"], [verdicts_.CORRECT]),
    ],
)
def test_every_setting_changes_a_verdict(tmp_path: Path, change: dict, texts: list[str], verdicts: list[str]) -> None:
    assert judged(MATH, "0.5", texts, tmp_path / "a").verdicts != verdicts
    assert judged(MATH | change, "0.5", texts, tmp_path / "b").verdicts == verdicts


def test_a_comparison_that_takes_too_long_is_not_called_wrong(tmp_path: Path) -> None:
    endless = r"\boxed{\dfrac{5^{\left(5^{\left(5^{\left(5^5\right)}\right)}-4\right)}-5}{16}}"
    assert judged(MATH | {"timeout_s": 0.5}, "7", [endless], tmp_path / "cache").verdicts[0] in (
        verdicts_.TIMEOUT,
        verdicts_.ERROR,
    )
