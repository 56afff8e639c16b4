"""Verdicts and classes of many answers: limits, processes that die, votes, and what is kept on disk."""

import os
import subprocess
import sys
import time

import numpy as np
import pytest

from helpers.answer_pairs import DIFFERENT, SAME
from helpers.pipeline import ROOT
from tts_lib.common.errors import StudyError
from tts_lib.common.files import WriteError
from tts_lib.grading import votes, workers
from tts_lib.grading.__main__ import main
from tts_lib.grading.conventions import Conventions
from tts_lib.grading.grader import Grader
from tts_lib.grading.verdicts import CORRECT, ERROR, NO_ANSWER, TIMEOUT, WRONG

HEAVY = r"\sum_{n=1}^{2000} \sum_{m=1}^{2000} \sin(nm)"
DOUBLE = """
import os, sys, time
from tts_lib.grading import worker

def read(text):
    if text == "x+9":
        os.kill(os.getpid(), 9)
    if text == "x+8":
        while True:
            pass
    if text == "x+7":
        time.sleep(3)
    return original(text)

original, worker.read = worker.read, read
worker.main(float(sys.argv[1]), int(sys.argv[2]))
"""


@pytest.fixture(scope="module")
def shared():
    with Grader(workers=2, timeout_s=5) as made:
        yield made


@pytest.fixture
def misbehaving(tmp_path, monkeypatch):
    """Workers that die, loop or sleep over certain answers."""
    (tmp_path / "double.py").write_text(DOUBLE)
    original = subprocess.Popen

    def popen(command, **options):
        return original([command[0], "-P", str(tmp_path / "double.py"), *command[4:]], **options)

    monkeypatch.setattr(workers.subprocess, "Popen", popen)


def verdict(gold: str, answer: str | None, judge_with: Grader) -> str:
    return judge_with.verdicts([gold], [answer])[0]


def test_verdicts_come_in_the_order_of_the_answers(shared):
    answers = ["0.5", None, r"\frac{2}{4}", " \n", "2", "(x", ""]
    expected = [CORRECT, NO_ANSWER, CORRECT, NO_ANSWER, WRONG, WRONG, NO_ANSWER]
    assert shared.verdicts([r"\frac12"] * 7, answers) == expected
    assert shared.verdicts([], []) == []


def test_an_explanation_holds_what_led_to_the_verdict(shared):
    found = shared.explain(r"\frac12", "0.50")
    assert found.normal_forms == (r"\frac{1}{2}", "0.5") and found.verdict == CORRECT
    assert found.readings[1][0] == "value" and "decimal" in found.rule
    assert "normal forms" in shared.explain("7", "$7$").rule
    with pytest.raises(ValueError, match="no answer"):
        shared.explain("7", " ")


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


# --- limits


def test_what_takes_too_long_is_not_called_wrong(tmp_path):
    for _ in range(2):  # nor remembered
        with Grader(workers=1, timeout_s=0.5, cache=tmp_path / "cache") as made:
            assert made.verdicts(["7", "7", HEAVY], [HEAVY, "7.0", HEAVY]) == [TIMEOUT, CORRECT, CORRECT]
            assert made.classes(["q"] * 3, ["7"] * 3, [HEAVY, "8", HEAVY]).tolist() == [0, 1, 0]
    assert not (tmp_path / "cache").exists()


def test_a_killed_worker_costs_its_own_answer_only(tmp_path, misbehaving):
    answers = ["1+x", "x+9", "x+1.0", "x+9", "x+2", "1 + x"]
    with Grader(workers=1, cache=tmp_path / "cache") as made:
        assert made.verdicts(["x+1"] * 6, answers) == [CORRECT, ERROR, CORRECT, ERROR, WRONG, CORRECT]
        assert made.classes(["q"] * 6, ["x+1"] * 6, answers).tolist() == [0, 1, 0, 1, 2, 0]


def test_a_kill_is_not_remembered(tmp_path, monkeypatch, request):
    request.getfixturevalue("misbehaving")
    with Grader(workers=1, cache=tmp_path / "cache") as made:
        assert made.verdicts(["x+1"] * 2, ["x+9", "x+2"]) == [ERROR, WRONG]
    monkeypatch.undo()
    with Grader(workers=1, cache=tmp_path / "cache") as made:
        assert verdict("x+1", "x+9", made) == WRONG


def test_a_limit_is_time_of_the_worker_and_not_of_the_clock(misbehaving):
    with Grader(workers=2, timeout_s=1) as made:
        start = time.monotonic()
        assert verdict("7+x", "x+7", made) == CORRECT  # it slept for three seconds
        assert time.monotonic() - start >= 3
        assert verdict("7+x", "x+8", made) == TIMEOUT


def test_a_worker_that_stands_still_is_stopped_by_the_clock(misbehaving, monkeypatch):
    monkeypatch.setattr(workers, "_GRACE_S", -19.0)
    with Grader(workers=1, timeout_s=1) as made:
        assert verdict("x+1", "x+7", made) == TIMEOUT
        assert verdict("x+1", "1+x", made) == CORRECT


def test_a_worker_that_does_not_start_is_told(monkeypatch):
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with Grader(workers=1) as made, pytest.raises(StudyError, match=r"did not start; to see why: /bin/false -P -m"):
        verdict("x+1", "1+x", made)


def test_a_script_needs_no_main_guard(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        "from tts_lib.grading.grader import Grader\n"
        "with Grader(workers=2) as grader:\n"
        "    print(*grader.verdicts(['x+1', '2'], ['1+x', '3']))\n"
    )
    done = subprocess.run(
        [sys.executable, script],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert (done.stdout, done.stderr) == ("correct wrong\n", "")


def test_workers_end_with_their_parent(tmp_path):
    script = (
        "import os, signal\nfrom tts_lib.grading.grader import Grader\n"
        "made = Grader(workers=1); made.verdicts(['x'], ['x+x'])\n"
        "print(made._workers._started[0]._process.pid, flush=True); os.kill(os.getpid(), signal.SIGKILL)"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True)
    pid = int(done.stdout)
    for _ in range(100):
        if not os.path.exists(f"/proc/{pid}"):
            return
        time.sleep(0.1)
    pytest.fail("the worker outlived its parent")


# --- classes

QUESTION = [
    r"\frac{1}{2}", "0.5", "1/2", r"\dfrac{2}{4}", "3", "3.0", "x = 3", None, r"\text{east}", "East", "(1, 2)", "(1,2)",
    "2x+2", "2(x+1)", r"\sqrt{8}", r"2\sqrt{2}", r"\frac{", r"\frac {", "y=2x", "50%", "50", "1,2", "2, 1", "x^2+y^2=4",
    "2x^2+2y^2=8", "1+2i", "2i+1", "x>2", "2<x", "(A)", r"\text{A}", "2√3", r"\sqrt{12}", "9 a.m.", "9 p.m.", "1e3",
    "1000", "2 million", "2000000", "2", "1011_2", "1011",
]  # fmt: skip
CLASSES = [
    0, 0, 0, 0, 1, 1, 1, -1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 8, 8, 3, 3, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13, 14, 15,
    16, 16, 17, 17, 18, 19, 20,
]  # fmt: skip


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


def test_a_pair_that_is_equal_votes_together_for_any_gold(shared):
    for pairs, together in ((SAME, True), (DIFFERENT, False)):
        questions = [str(i) for i in range(len(pairs)) for _ in range(2)]
        answers = [answer for pair in pairs for answer in pair]
        classes = shared.classes(questions, ["31337"] * len(answers), answers).reshape(-1, 2)
        assert ((classes[:, 0] == classes[:, 1]) == together).all()


def test_questions_do_not_share_classes(shared):
    assert shared.classes(["a", "b", "a", "b"], ["1", "2", "1", "2"], ["3", "4", "4", "4"]).tolist() == [0, 0, 1, 0]


def test_a_chain_of_equal_answers_votes_together(shared):
    answers = ["2 cm", "2 inches", "2"]
    assert shared.classes(["q"] * 3, ["7"] * 3, answers).tolist() == [0, 0, 0]
    assert shared.classes(["q"] * 2, ["7"] * 2, answers[:2]).tolist() == [0, 1]
    assert votes.classes([], Conventions()) == []


# --- the cache


def counted(monkeypatch) -> list[int]:
    calls = []
    original = workers.Workers.read
    monkeypatch.setattr(workers.Workers, "read", lambda self, texts: calls.append(len(texts)) or original(self, texts))
    return calls


def test_a_second_run_reads_nothing(tmp_path, monkeypatch):
    calls = counted(monkeypatch)
    cache = tmp_path / "deep/readings"
    golds, answers = ["x+1"] * 4, ["1+x", "x+2", "2+x", "1 + x"]
    with Grader(workers=1, cache=cache) as first:
        verdicts, classes = first.verdicts(golds, answers), first.classes(["q"] * 4, golds, answers)
    assert sum(calls) == 4  # each normal form once, gold among them, the classes for nothing
    content = cache.read_bytes()
    calls.clear()
    for conventions in (Conventions(), Conventions(list_order="given")):  # what was read holds for both
        with Grader(conventions, workers=1, cache=cache) as second:
            assert second.verdicts(golds, answers) == verdicts
            assert second.classes(["q"] * 4, golds, answers).tolist() == classes.tolist() == [0, 1, 1, 0]
    assert sum(calls) == 0 and cache.read_bytes() == content


def test_damaged_lines_are_read_again(tmp_path, monkeypatch):
    calls = counted(monkeypatch)
    cache = tmp_path / "readings"
    golds, answers = ["x+1"] * 3, ["1+x", "x+2", "x+3"]
    with Grader(workers=1, cache=cache) as made:
        verdicts = made.verdicts(golds, answers)
    whole = cache.read_bytes()
    damages = [
        whole.replace(b'"value"', b'"velue"', 1),  # rot
        whole[:-9],  # a kill while writing
        b"\n".join([b"\xff\0garbage", b"[1]", *whole.split(b"\n")[2:]]),
        b"\0" * 1000,
    ]
    for damaged in damages:
        cache.write_bytes(damaged)
        for is_second in (False, True):
            calls.clear()
            with Grader(workers=1, cache=cache) as made:
                assert made.verdicts(golds, answers) == verdicts
            assert (sum(calls) == 0) == is_second


def test_a_cache_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with Grader(workers=1, cache=tmp_path / "file/cache") as made, pytest.raises(WriteError, match="cannot write"):
        made.verdicts(["x+1"], ["1+x"])


def test_importing_the_grader_is_light():
    script = "import sys; import tts_lib.grading.grader, tts_lib.grading.answers; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert not {"torch", "sympy", "pandas"} & {name.split(".")[0] for name in loaded.stdout.split()}


# --- the command


def test_the_command_explains_itself(capsys):
    def explained(*arguments: str) -> tuple[int, str]:
        return main(list(arguments)), capsys.readouterr().out

    asked = [r"\frac{1}{25!}", r"so we get \boxed{\frac{1}{24!}}"]
    command = [sys.executable, "-m", "tts_lib.grading", *asked]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    code, text = explained(*asked)
    assert (done.returncode, done.stdout, done.stderr) == (code, text, "")
    assert code == 1 and text.splitlines()[0] == r"extracted: \frac{1}{24!}"
    assert "6.4469502843" in text and "compared exactly" in text and text.endswith("verdict:   wrong\n")
    code, text = explained("1,2", "$2$ and $1$")
    assert code == 0 and "answer:    2\\land 1    read as list of the number 2; the number 1" in text
    code, text = explained()
    assert code == 2 and text.startswith("usage:") and "option_labels" in text
    assert explained("1")[0] == explained("1", " ")[0] == 2
