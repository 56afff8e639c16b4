r"""How figures and sets lie to each other: ``AB\perp CD`` is ``DC\perp AB``, ``A\subseteq B`` is ``B\supseteq A``."""

import re

_SIDE = r"(\\(?:triangle|angle|overline|overleftrightarrow) ?)?\{?([A-Za-z]{1,4})\}?"
_RELATION = re.compile(rf"{_SIDE} ?(?:\\(perp|parallel|sim|cong|su[bp]set(?:eq)?)(?![a-z])|(\|\|)) ?{_SIDE}")
_HINT = ("\\perp", "\\parallel", "\\sim", "\\cong", "\\subset", "\\supset", "||")
_OF_LINES = ("\\overline", "\\overleftrightarrow")


def in_one_way(text: str) -> str | None:
    """One text for all ways to say the same; None of other texts."""
    if not any(sign in text for sign in _HINT) or (found := _RELATION.fullmatch(text)) is None:
        return None
    kinds = ["" if (kind or "").strip() in _OF_LINES else (kind or "").strip() for kind in (found[1], found[5])]
    names, sign = [found[2], found[6]], found[3] or "parallel"
    if sign.startswith("sup"):
        return f"{kinds[1]} {names[1]} sub{sign[3:]} {kinds[0]} {names[0]}"
    if sign.startswith("sub"):
        return f"{kinds[0]} {names[0]} {sign} {kinds[1]} {names[1]}"
    if sign in ("sim", "cong") and kinds[0] == kinds[1] != "\\angle" and len(names[0]) == len(names[1]) > len("AB"):
        names = ["".join(row) for row in zip(*sorted(zip(*names, strict=True)), strict=True)]  # corner by corner
    names = ["".join(sorted(name)) if len(name) == len("AB") and name.isupper() else name for name in names]
    return f" {sign} ".join(sorted(map(" ".join, zip(kinds, names, strict=True))))
