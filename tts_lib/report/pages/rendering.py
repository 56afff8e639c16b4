"""The templates of the pages, which escape whatever they are given."""

from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined


@cache  # compiles each template once
def environment() -> Environment:
    """Where the templates are found, and how they are filled: a name that is not given is an error."""
    return Environment(
        loader=PackageLoader("tts_lib.report.pages"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
