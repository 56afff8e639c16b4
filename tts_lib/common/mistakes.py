"""Turns a refused study file into one sentence: field, value, what is allowed."""

import difflib
from collections.abc import Sequence
from typing import Any

from pydantic import ValidationError

MAX_VALUE_CHARACTERS = 60
_BOUNDS = {"minimum": "at least", "exclusiveMinimum": "above", "maximum": "at most", "exclusiveMaximum": "below"}
_TYPES = {
    "boolean": "true or false",
    "integer": "a whole number",
    "number": "a number",
    "string": "a word",
    "array": "a list",
    "object": "a group of settings",
}


def sentence(error: ValidationError, schema: dict[str, Any]) -> tuple[str, tuple[int | str, ...]]:
    """The first mistake as a sentence, with how many more there are; and the keys that lead to it in the file.

    Args:
        schema: the model's JSON schema.
    """
    # A name that is not known explains the one that is missing.
    mistakes = sorted(error.errors(include_url=False), key=lambda mistake: mistake["type"] != "extra_forbidden")
    # A union reports one mistake per member: count and show the field once.
    fields = {_field(_trail(mistake["loc"], schema)) for mistake in mistakes}
    more = f" ({len(fields) - 1} more like this.)" if len(fields) > 1 else ""
    field = getattr(mistakes[0].get("ctx", {}).get("error"), "field", None)  # of `fields.FieldError`
    return _describe(mistakes[0], schema) + more, (*mistakes[0]["loc"], *(field.split(".") if field else ()))


def _describe(mistake: Any, schema: dict[str, Any]) -> str:
    trail = _trail(mistake["loc"], schema)
    field = _field(trail) or "the file"
    (_, parent), (name, node) = ({}, {}) if len(trail) < 2 else trail[-2], trail[-1]
    if mistake["loc"][-1:] == ("[key]",):
        return f"{field}: the name {mistake['input']!r} must be {_allowed_name(parent)}."
    match mistake["type"]:
        case "missing":
            return f"{field} is missing; it must be {_allowed(node, schema)}."
        case "extra_forbidden":
            siblings = list(parent.get("properties", {}))
            near = difflib.get_close_matches(str(name), siblings, n=1, cutoff=0.65)
            hint = f"did you mean {near[0]}?" if near else f"known here: {', '.join(siblings)}."
            return f"{field} is not a setting; {hint}"
        case "union_tag_not_found":
            tag = _field([*trail, (node["discriminator"]["propertyName"], {})])
            return f"{tag} is missing; it must be {_allowed_tag(node)}."
        case "union_tag_invalid":
            tag = _field([*trail, (node["discriminator"]["propertyName"], {})])
            return f"{tag} is {mistake['ctx']['tag']!r}, but must be {_allowed_tag(node)}."
        case "value_error":
            prefix = f"{field}: " if len(trail) > 1 else ""
            return f"{prefix}{mistake['ctx']['error']}."
        case _:
            value = repr(mistake["input"])
            if len(value) > MAX_VALUE_CHARACTERS:
                value = value[:MAX_VALUE_CHARACTERS] + "…"
            return f"{field} is {value}, but must be {_allowed(node, schema)}{_notation(mistake['input'], node)}."


def _field(trail: Sequence[tuple[int | str, dict[str, Any]]]) -> str:
    return ".".join(str(name) for name, _ in trail[1:])


def _trail(loc: tuple[int | str, ...], schema: dict[str, Any]) -> list[tuple[int | str, dict[str, Any]]]:
    """The fields on the way to a pydantic location, each with its schema: the file first, an unknown name last.

    A location also names keys and members of unions, which are no fields: they are left out.
    """
    node = _resolve(schema, schema)
    trail: list[tuple[int | str, dict[str, Any]]] = [("", node)]
    for part in loc[:-1] if loc[-1:] == ("[key]",) else loc:
        if part in node.get("discriminator", {}).get("mapping", {}):
            node = _resolve({"$ref": node["discriminator"]["mapping"][part]}, schema)
            trail[-1] = (trail[-1][0], node)
            continue
        if part in node.get("properties", {}):
            node = node["properties"][part]
        elif isinstance(part, int) and "items" in node:
            node = node["items"]
        elif members := _members(node):
            node = members
        elif "properties" in node:
            return [*trail, (part, {})]
        else:
            return trail
        node = _resolve(node, schema)
        trail.append((part, node))
    return trail


def _members(node: dict[str, Any]) -> dict[str, Any]:
    """The schema of what a group with free names holds, or nothing."""
    additional = node.get("additionalProperties")
    return additional if isinstance(additional, dict) else next(iter(node.get("patternProperties", {}).values()), {})


def _allowed_name(node: dict[str, Any]) -> str:
    names = node.get("propertyNames", {}).get("enum")
    return f"one of {', '.join(names)}" if names else f"of the form {next(iter(node['patternProperties']))}"


def _allowed_tag(node: dict[str, Any]) -> str:
    return f"one of {', '.join(node['discriminator']['mapping'])}"


def _resolve(node: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    """The schema itself: references followed, and of something that may be left out (or null) what it is if given."""
    while True:
        given = [member for member in node.get("anyOf", []) if member.get("type") != "null"]
        if "$ref" in node:
            node = schema["$defs"][node["$ref"].rsplit("/", 1)[-1]]
        elif len(given) == 1:
            node = {name: value for name, value in node.items() if name != "anyOf"} | given[0]
        else:
            return node


def _allowed(node: dict[str, Any], schema: dict[str, Any]) -> str:
    """Words for what a field may hold, such as "a number above 0 and at most 1 (1 = off)"."""
    node = _resolve(node, schema)
    if "discriminator" in node:
        return f"a group of settings with {node['discriminator']['propertyName']} {_allowed_tag(node)}"
    if "anyOf" in node:
        return " or ".join(_allowed(member, schema) for member in node["anyOf"])
    choices = node.get("enum", [node["const"]] if "const" in node else [])
    if choices:
        words = ", ".join(map(str, choices))
        return f"one of {words}" if len(choices) > 1 else words
    words = _TYPES.get(node.get("type", ""), "something else")
    if "properties" in node:
        words += f": {', '.join(node['properties'])}"
    bounds = [f"{word} {_number(node[key])}" for key, word in _BOUNDS.items() if key in node]
    words = " ".join([words, " and ".join(bounds)]).strip()
    if "items" in node:
        words += f", each {_allowed(node['items'], schema)}"
        if "minItems" in node:
            words += f", {node['minItems']} at least"
    elif _members(node):
        words += " by name"
    return f"{words} ({node['description']})" if "description" in node and "properties" not in node else words


def _notation(given: Any, node: dict[str, Any]) -> str:
    """What to say of a number that YAML takes for a text, such as 1e9."""
    if node.get("type") not in ("number", "integer") or not isinstance(given, str):
        return ""
    try:
        value = float(given)
    except ValueError:
        return ""
    if node["type"] == "integer":
        return f", written without quotes: {value:.0f}" if value.is_integer() else ""
    mantissa, e, exponent = given.lower().strip().partition("e")
    written = f"{mantissa if '.' in mantissa else mantissa + '.0'}e{int(exponent):+d}" if e else given
    return f", written as YAML knows it: {written}"


def _number(value: float) -> str:
    return f"{value:g}" if value % 1 else f"{value:,.0f}"
