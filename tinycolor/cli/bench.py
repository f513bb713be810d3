"""``tinycolor bench``: how fast, beside PyTorch."""

from __future__ import annotations

from pathlib import Path

import click

from tinycolor import bench as benchmark
from tinycolor.bench import gpu as gpu_benchmark


@click.command()
@click.option("--turns", type=click.IntRange(min=1), default=5, show_default=True, help="Turns of each side.")
@click.option("--case", "cases", multiple=True, help=f"Only this: {', '.join(benchmark.GROUPS)}; may be repeated.")
@click.option("--json", "output", type=click.Path(dir_okay=False, path_type=Path), help="Also write everything here.")
@click.option("--device", type=click.Choice(["cpu", "gpu"]), default="cpu", show_default=True, help="What is timed.")
def bench(turns: int, cases: tuple[str, ...], output: Path | None, device: str) -> None:
    """Time tinycolor, and PyTorch where installed, in turns; the report says what its ratios mean."""
    run = gpu_benchmark.run if device == "gpu" else benchmark.run
    try:
        report = run(turns=turns, output=output, cases=cases or None, progress=lambda line: click.echo(line, err=True))
    except (ValueError, RuntimeError, OSError, ImportError) as error:
        raise click.ClickException(str(error)) from error
    click.echo(report)
