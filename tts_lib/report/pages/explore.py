"""The explorer's page: one file with its numbers and one script, the only one that its policy allows, by hash."""

import json
from base64 import b64encode
from hashlib import sha256
from importlib.resources import files

from markupsafe import Markup

from tts_lib.report.columns import column
from tts_lib.report.explorer.record import Record
from tts_lib.report.pages import rendering
from tts_lib.report.pages.about import About
from tts_lib.report.pages.navigation import Way


def render(record: Record, way: Way, said: About) -> str:
    """The page. Nothing in it is fetched; the record holds numbers and the library's own words alone."""
    script = (files("tts_lib.report.pages") / "templates/explore.js").read_text(encoding="utf-8")
    digest = b64encode(sha256(script.encode()).digest()).decode()
    data = json.dumps(record.plain(), ensure_ascii=True, allow_nan=False, separators=(",", ":")).replace("<", "\\u003c")
    template = rendering.environment().get_template("explore.html.j2")
    return template.render(
        record=record, way=way, said=said, column=column, digest=digest, data=Markup(data), script=Markup(script)
    )
