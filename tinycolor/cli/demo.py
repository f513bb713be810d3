"""``tinycolor demo``: see it happen, without a photo of your own."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import click
from rich.progress import track

from tinycolor import demo as acts
from tinycolor.cli.sentences import console, in_one_sentence
from tinycolor.files import shown


@click.command()
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), default="out/demo", show_default=True)
@click.option("--seed", type=click.IntRange(0, 2**64 - 1), default=0, show_default=True)
def demo(out: Path, seed: int) -> None:
    """Train three small networks in two minutes, and show on one page what they have learned."""
    with in_one_sentence(f"could not write the pictures to {shown(out)}"):
        acts.make_folder(out)  # now, not after the training
        chapters = []
        for act in acts.CHAPTERS:
            chapters.append(act(seed, _watch))
            console.print(chapters[-1].result)
        page, *pictures = acts.save(chapters, out)
    for path in pictures:
        console.print(f"  {shown(path)}")
    console.print(f"Open this page: {shown(page.resolve())}")


def _watch(losses: Iterable[float], total: int, description: str) -> list[float]:
    return list(track(losses, description, total=total, console=console))
