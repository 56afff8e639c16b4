"""Prompts: what a model is shown before it answers. Templates are plain text with named places; nothing is evaluated.

A chat template belongs to a model's tokenizer and is rendered by `tts_lib.models.chat`.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pandas as pd

from tts_lib.common.errors import StudyError
from tts_lib.grading.answers import HEADING

Message = dict[str, str]  # role and content
Worked = tuple[str, str, str]  # statement, solution and answer of a question that is shown as an example
STEP = "\n\n"  # closes a step in the style of PRM800K
_QUESTION, _SOLUTION, _ANSWER = "# Question", "# Solution", HEADING
_NOTES = re.compile(r"<<[^<>\n]*>>|^####.*$", re.MULTILINE)  # a calculator's notes and the gold, in GSM8K


def filled(template: str, **values: str) -> str:
    """The template with each {name} replaced; other braces stay, and what is put in is not read again."""
    return re.sub(r"\{(\w+)\}", lambda place: values.get(place[1], place[0]), template)


def defused(text: str, specials: Sequence[str]) -> str:
    """The text with a space inside everything that spells a special token, so that a tokenizer reads it as text."""
    for special in sorted(specials, key=len, reverse=True):
        if len(special) > 1:
            text = text.replace(special, f"{special[0]} {special[1:]}")
    return text


def chat_messages(prompt: Mapping[str, Any], problem: str, examples: Sequence[Worked] = ()) -> list[Message]:
    """The turns of a `chat` prompt (`tts_lib.study.config.questions.Chat`): system, if there is one, examples, user."""
    system = [{"role": "system", "content": prompt["system"]}] if prompt["system"] else []
    turns = [
        {"role": role, "content": content}
        for example in examples
        for role, content in (("user", filled(prompt["user"], problem=example[0])), ("assistant", example[1]))
    ]
    return [*system, *turns, {"role": "user", "content": filled(prompt["user"], problem=problem)}]


def declared(prompt: Mapping[str, Any], examples: Sequence[Worked], problem: str) -> str:
    """The examples and the question of an `examples` prompt, in its own words."""
    shown = [
        filled(prompt["example"], problem=asked, solution=prompt["step"].join(solution.splitlines()))
        for asked, solution, _ in examples
    ]
    return "".join([*shown, filled(prompt["question"], problem=problem)])


def worked_example(problem: str, solution: str, answer: str) -> str:
    """A question with its solution, steps a blank line apart, and its answer under a heading of its own."""
    steps = [step.strip() for step in re.split(r"\n+", _NOTES.sub("", solution)) if step.strip()]
    return f"{_QUESTION}\n\n{problem.strip()}\n\n{_SOLUTION}\n\n{STEP.join(steps)}\n\n{_ANSWER}\n\n{answer}"


def few_shot(examples: Sequence[str], problem: str) -> str:
    """Worked examples and the beginning of one more."""
    return "\n\n".join([*examples, f"{_QUESTION}\n\n{problem.strip()}\n\n{_SOLUTION}\n\n"])


def rendered(
    prompt: Mapping[str, Any],
    problems: pd.DataFrame,
    examples: pd.DataFrame,
    chat: Callable[[list[Message]], str],
    specials: Sequence[str],
    opening: str,
) -> list[str]:
    """The prompt of each problem: the whole text, special tokens included, that a model is to continue.

    Args:
        prompt: the `prompt` section of the study's questions.
        problems: with column `statement`.
        examples: worked ones, of which the first `n_examples` are shown, with columns statement, solution and answer.
        chat: renders a conversation up to where the model's turn begins.
        specials: texts of the tokenizer's special tokens, which a problem cannot spell.
        opening: what the tokenizer puts before every text by itself; a chat template says that itself.

    Raises:
        StudyError: too few examples have a solution.
    """
    statements = [defused(text, specials) for text in problems["statement"]]
    wanted = prompt.get("n_examples", 0)
    shown: list[Worked] = [
        (defused(asked, specials), defused(solution, specials), defused(answer, specials))
        for asked, solution, answer in _worked(examples, wanted)
    ]
    match prompt["kind"]:
        case "plain":
            return [opening + text for text in statements]
        case "chat":
            return [chat(chat_messages(prompt, text, shown)) for text in statements]
        case "examples":
            return [opening + declared(prompt, shown, text) for text in statements]
        case _:
            return [opening + few_shot([worked_example(*row) for row in shown], text) for text in statements]


def _worked(examples: pd.DataFrame, wanted: int) -> list[Worked]:
    usable = examples[examples["solution"].notna()].head(wanted)
    if len(usable) < wanted:
        raise StudyError(
            f"prompt.n_examples is {wanted}, but only {len(usable)} of the training questions have a solution"
        )
    return list(zip(usable["statement"], usable["solution"], usable["answer"], strict=True))
