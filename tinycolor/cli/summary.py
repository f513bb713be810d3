"""``tinycolor summary``: what a network is made of and what it costs."""

from __future__ import annotations

from inspect import signature
from pathlib import Path

import click

import tinycolor as tc
from tinycolor.networks.network import Network


@click.command()
@click.argument("network")
@click.option("--batch", type=click.IntRange(min=1), default=1, show_default=True)
@click.option("--size", type=click.IntRange(min=1), help="Height and width of the pictures; the network's own.")
def summary(network: str, batch: int, size: int | None) -> None:
    """Print NETWORK layer by layer: shapes, parameters, memory, algorithm.

    NETWORK is a checkpoint, or the name of a network as it comes: ColorUNet, VGG16, UNet, Pix2PixGenerator, ...
    """
    try:
        net = _fresh(network, size) if network in tc.networks.__all__ else tc.load_checkpoint(network)
        table = tc.summary(net, net.input_shapes(batch, size or net.size))
    except tc.CheckpointError as error:
        known = f"; or name one of {', '.join(tc.networks.__all__)}" if not Path(network).exists() else ""
        raise click.ClickException(f"{error}{known}.") from error
    except ValueError as error:
        raise click.ClickException(str(error)) from error
    except MemoryError as error:
        raise click.ClickException(
            f"{network} needs more memory than there is: try a smaller --size or --batch."
        ) from error
    click.echo(table)


def _fresh(name: str, size: int | None) -> Network:
    kind = getattr(tc.networks, name)
    return kind(size=size) if size and "size" in signature(kind).parameters else kind()
