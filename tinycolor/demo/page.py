"""One page that opens from disk, with everything the demo made in it."""

from __future__ import annotations

import base64
import html
import io
from pathlib import Path

from matplotlib.figure import Figure

STYLE = """
body { font: 17px/1.55 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #222 }
h1 { font-size: 1.7rem } h2 { font-size: 1.15rem; margin-top: 2.4rem } img { max-width: 100%; height: auto }
"""


def write_page(path: Path, title: str, summary: str, sections: list[tuple[str, str, Figure]]) -> None:
    """Write a self-contained HTML page: a title, a sentence, and (heading, text, figure) sections.

    Raises
    ------
    OSError
        The page cannot be written; an older one stays as it was.
    """
    body = "".join(
        f"<h2>{html.escape(heading)}</h2><p>{html.escape(text)}</p>"
        f'<img alt="{html.escape(heading)}" src="data:image/png;base64,{base64.b64encode(png(figure)).decode()}">'
        for heading, text, figure in sections
    )
    page = (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>{html.escape(title)}</title><style>{STYLE}</style>"
        f"<h1>{html.escape(title)}</h1><p>{html.escape(summary)}</p>{body}</html>\n"
    )
    unfinished = path.with_suffix(".part")
    unfinished.write_text(page, encoding="utf-8")
    unfinished.replace(path)


def png(figure: Figure) -> bytes:
    """Return a figure as the bytes of a PNG file."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=150)
    return buffer.getvalue()
