"""Errors as a person wants them: one sentence, no traceback."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import click


@contextmanager
def in_one_sentence(writing: str) -> Iterator[None]:
    """Turn errors that have a cause outside the program into one sentence and exit status 1.

    Parameters
    ----------
    writing : str
        What could not be done if the system says no, such as "could not write to out".
    """
    try:
        yield
    except OSError as error:
        raise click.ClickException(f"{writing}: {error.strerror or error}.") from error
    except MemoryError as error:
        raise click.ClickException("there is not enough memory for this: try smaller pictures or batches.") from error
    except (ValueError, ArithmeticError) as error:
        raise click.ClickException(str(error)) from error
