"""A plus-or-minus as the values that it stands for; a part of `readings`."""

from itertools import product

from tts_lib.grading.reading.tokens import Token, Tokens, brackets, depths

_MOST_CHOICES = 4  # of signs, each plus or minus


def both_signs(row: Tokens) -> list[Tokens]:
    """The row with each choice of signs; several are chosen apart, unless one is the opposite of the others.

    Those behind an equals sign are chosen as those before it.
    """
    if brackets(row) in (r"\{\}", "{}") or not any(token.is_command("pm", "mp") for token in row):
        return [row]
    is_in_set = any(token.is_sign(r"\{") for token in row)
    if is_in_set and all(d for token, d in zip(row, depths(row), strict=True) if token.is_command("pm", "mp")):
        return [row]
    is_one_choice = any(token.is_command("mp") for token in row)
    follows: dict[int, int] = {}  # of each sign's place, which choice it follows
    count = 0
    for i, token in enumerate(row):
        if token.is_sign("=") or token.is_command("approx"):
            count = 0
        elif token.is_command("pm", "mp"):
            follows[i] = 0 if is_one_choice else count
            count += 1
    n_choices = 1 + max(follows.values())
    if n_choices > _MOST_CHOICES:
        return [row]
    found = []
    for choices in product((0, 1), repeat=n_choices):
        chosen = list(row)
        for i, choice in follows.items():
            chosen[i] = Token("sign", {"pm": "+-", "mp": "-+"}[row[i].text][choices[choice]])
        found.append(chosen)
    return found
