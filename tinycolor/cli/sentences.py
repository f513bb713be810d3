"""What the commands say: lines that show names as they are, and errors in one sentence, without a traceback."""

from __future__ import annotations

import os
import shlex
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
from rich.console import Console

from tinycolor.training.checkpoint import CheckpointError

# A name such as "[bold] :car:" is no markup and no emoji.
console = Console(soft_wrap=True, highlight=False, markup=False, emoji=False)


@contextmanager
def in_one_sentence(writing: str) -> Iterator[None]:
    """Turn errors that have a cause outside the program into one sentence and exit status 1; Ctrl-C into 130.

    Parameters
    ----------
    writing : str
        What could not be done if the system says no, such as "could not write to out".
    """
    try:
        yield
    except OSError as error:
        raise click.ClickException(f"{writing}: {error.strerror}." if error.strerror else str(error)) from error
    except MemoryError as error:
        cause = f" ({str(error).rstrip('.')})" if str(error) else ""
        said = f"there is not enough memory for this{cause}: try smaller pictures or batches."
        raise click.ClickException(said) from error
    except CheckpointError as error:
        needed = "needed is a network that tinycolor train has saved, such as RUN/best.safetensors"
        raise click.ClickException(f"{error}; {needed}.") from error
    except (ValueError, ArithmeticError) as error:
        raise click.ClickException(str(error)) from error
    except KeyboardInterrupt:
        click.echo("Stopped.", err=True)
        raise SystemExit(128 + signal.SIGINT) from None


def quoted(path: Path) -> str:
    """Return a path so that it can be pasted into a shell, whatever its name holds."""
    text = shlex.quote(str(path))
    if text.isprintable():
        return text
    plain = set(map(chr, range(32, 127))) - set("\\'")
    letters = (chr(byte) if chr(byte) in plain else f"\\x{byte:02x}" for byte in os.fsencode(path))
    return f"$'{''.join(letters)}'"
