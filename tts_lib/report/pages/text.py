"""The one way in which text that a model wrote is shown in a notebook."""

import html

from IPython.display import HTML


def show_text(text: str) -> HTML:
    """`text` as it is, line by line, with nothing in it understood as markup (end a cell with it, or `display` it)."""
    visible = "".join(c if c.isprintable() or c in "\n\t" else f"\\x{ord(c):02x}" for c in text)
    return HTML(f"<pre>{html.escape(visible)}</pre>")
