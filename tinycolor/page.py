"""One page that opens from disk, with everything in it: put together from pieces of HTML."""

from __future__ import annotations

import base64
import html
from collections.abc import Iterable, Sequence

STYLE = """
body { font: 17px/1.55 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #222 }
h1 { font-size: 1.7rem } h2 { font-size: 1.3rem; margin-top: 3rem }
h3 { font-size: 1.1rem; margin-top: 2.2rem } img { max-width: 100%; height: auto }
p { max-width: 44rem } figure { margin: 0 0 1.2rem } figcaption { color: #555; font-size: .85rem }
.columns { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(26rem, 100%), 1fr)); column-gap: 2rem }
.columns > section { display: grid; grid-template-rows: subgrid; grid-row: span 3 }
.columns p { margin-top: 0 }
table { border-collapse: collapse } td { border-bottom: 1px solid #ddd; vertical-align: top }
td { padding: .2rem 2rem .2rem 0 } td + td { overflow-wrap: anywhere }
"""


def page(title: str, summary: str, *pieces: str) -> bytes:
    """Return a self-contained HTML page: a title, a sentence, and pieces such as `section` makes."""
    whole = (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>{html.escape(title)}</title><style>{STYLE}</style>"
        f"<h1>{html.escape(title)}</h1><p>{html.escape(summary)}</p>{''.join(pieces)}</html>\n"
    )
    return whole.encode(errors="backslashreplace")  # a file name may hold bytes that are no text


def section(heading: str, text: str, *pieces: str, level: int = 2) -> str:
    """Return a heading, of the page (2) or of a part of it (3), what it is about, and the pieces that show it."""
    opened = f"<section><h{level}>{html.escape(heading)}</h{level}>"
    return f"{opened}<p>{html.escape(text)}</p>{''.join(pieces)}</section>"


def columns(*pieces: str) -> str:
    """Return pieces side by side where the screen is wide enough."""
    return f'<div class="columns">{"".join(pieces)}</div>'


def image(picture: bytes, description: str, kind: str = "png") -> str:
    """Return a piece of a page that holds a whole picture file, and what it shows for those who do not see it."""
    data = base64.b64encode(picture).decode()
    return f'<img alt="{html.escape(description)}" src="data:image/{kind};base64,{data}">'


def captioned(picture: str, caption: str) -> str:
    """Return a piece of a page with a line of text below it."""
    return f"<figure>{picture}<figcaption>{html.escape(caption)}</figcaption></figure>"


def table(rows: Iterable[Sequence[str]]) -> str:
    """Return rows of cells as a piece of a page."""
    lines = ("".join(f"<td>{html.escape(cell)}</td>" for cell in row) for row in rows)
    return f"<table>{''.join(f'<tr>{line}</tr>' for line in lines)}</table>"
