"""Answers on several lines, one statement or value a line: "x = 3" and "y = 4", with bullets or numbers before them."""

import re

_END = re.compile(r"\n|\\\\(?=\s)")
_AROUND = re.compile(r"^(\$\$|\$|\\\(|\\\[)(?!.*[^\\]\$.)(.*)(?:\$\$|\$|\\\)|\\\])$", re.DOTALL)
_ANSWER = re.compile(r"\W*(?:Final )?Answer\**\s*\n\s*", re.I)  # the heading of what is one
_BULLET = re.compile(r"[-*•–·]\s+(?=\S)")
_NUMBER = re.compile(r"(\d{1,2})[.)]\s+(?=\S)")
_HEADING = re.compile(r"(?:\*\*)?[A-Za-z][A-Za-z ]{0,60}:(?:\*\*)?")
_VALUE = r"[-−±]?(?:\\?\$)?(?:[\d.√]|\\(?:[dt]?frac|sqrt|pi|pm)(?![a-z]))(?:(?!\\\\)[^=<>,&\n]){0,60}(?<![-+*/^(])"
_STATEMENT = re.compile(rf"(?:(?P<name>[a-zA-Z](?:_\{{?\w\}}?)?)\s*=\s*)?(?P<value>{_VALUE})[,;]?")
_MOST = 12  # lines


def in_one(answer: str) -> str:
    """The answer with commas between its lines if each is a value, or a name with its value; else without a heading."""
    answer = answer[heading.end() :] if (heading := _ANSWER.match(answer)) else answer
    if r"\begin" in answer:
        return answer
    lines = [line.strip() for line in _END.split(_AROUND.sub(r"\2", answer.strip()))]
    lines = [line.strip("$ ") if line.count("$") in (2, 4) else line for line in lines if line]
    if len(lines) > 2 and _HEADING.fullmatch(lines[0]):
        lines = lines[1:]
    if not 1 < len(lines) <= _MOST:
        return answer
    if all(map(_BULLET.match, lines)):
        lines = [_BULLET.sub("", line, count=1) for line in lines]
    elif all((number := _NUMBER.match(line)) and number[1] == str(i) for i, line in enumerate(lines, start=1)):
        lines = [_NUMBER.sub("", line, count=1) for line in lines]
    statements = [_STATEMENT.fullmatch(line.replace("**", "")) for line in lines]
    found = [(one["name"], one["value"].rstrip(".; ")) for one in statements if one]
    if len(found) < len(lines) or len({name is None for name, _ in found}) > 1:
        return answer
    return ", ".join(f"{name} = {value}" if name else value for name, value in found)
