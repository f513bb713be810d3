"""One page that opens from disk, with everything the demo made in it."""

from __future__ import annotations

import base64
import html

STYLE = """
body { font: 17px/1.55 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #222 }
h1 { font-size: 1.7rem } h2 { font-size: 1.15rem; margin-top: 2.4rem } img { max-width: 100%; height: auto }
"""


def page(title: str, summary: str, sections: list[tuple[str, str, bytes]]) -> bytes:
    """Return a self-contained HTML page: a title, a sentence, and (heading, text, PNG file) sections."""
    body = "".join(
        f"<h2>{html.escape(heading)}</h2><p>{html.escape(text)}</p>"
        f'<img alt="{html.escape(heading)}" src="data:image/png;base64,{base64.b64encode(picture).decode()}">'
        for heading, text, picture in sections
    )
    whole = (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>{html.escape(title)}</title><style>{STYLE}</style>"
        f"<h1>{html.escape(title)}</h1><p>{html.escape(summary)}</p>{body}</html>\n"
    )
    return whole.encode()
