"""Keep a network in one file, from which alone it can be built again.

The file is safetensors: a short text (what is in it), then plain numbers. Reading one runs no code, as reading a
pickle can.

    network/<name>      weights and running statistics
    optimizer/<name>    what the optimizer remembers
    discriminator/<name>, discriminator_optimizer/<name>
                        the same of the network that it learned against, if there was one
    texts               format, tinycolor (its version), network (its class), options, progress, digest;
                        discriminator, discriminator_options
"""

from __future__ import annotations

import hashlib
import json
import os
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, overload

import numpy as np
from safetensors import safe_open
from safetensors.numpy import save

import tinycolor as tc
from tinycolor.files import shown, write_whole
from tinycolor.networks.network import Network
from tinycolor.optim import Optimizer

Kind = TypeVar("Kind", bound=Network)

FORMAT = "1"
LONGEST_HEADER = 1 << 20  # bytes; that of the largest colorizer has some ten thousand
PICKLES = (b"\x80", b"PK")  # bare, and zipped as PyTorch does


class CheckpointError(ValueError):
    """A file that cannot be used as a checkpoint.

    Attributes
    ----------
    path : Path
        Which file.
    reason : str
        Why, in a few words.
    """

    def __init__(self, path: Path, reason: str) -> None:
        # It may quote a damaged file: one line, of letters alone.
        self.reason = textwrap.shorten(reason, 300).encode("unicode_escape").decode("ascii")
        self.path = path
        super().__init__(f"{shown(path)}: {self.reason}")


@dataclass(frozen=True)
class Checkpoint:
    """What a checkpoint holds.

    Attributes
    ----------
    network : Network
        Built anew, with the weights and running statistics of the file.
    optimizer_state : dict of arrays
        For ``optimizer.load_state_dict``; empty if it was saved without an optimizer.
    progress : dict
        What the training run wrote about itself.
    discriminator : Network or None
        What the network learned against.
    discriminator_optimizer_state : dict of arrays
        As ``optimizer_state``.
    """

    network: Network
    optimizer_state: dict[str, np.ndarray]
    progress: dict[str, Any]
    discriminator: Network | None
    discriminator_optimizer_state: dict[str, np.ndarray]


def save_checkpoint(
    path: str | os.PathLike[str],
    network: Network,
    *,
    optimizer: Optimizer | None = None,
    discriminator: Network | None = None,
    discriminator_optimizer: Optimizer | None = None,
    progress: Mapping[str, Any] | None = None,
) -> None:
    """Write a network to one file, whole or not at all: an older file of that name stays until the new one is safe.

    Parameters
    ----------
    path : path-like
        Usually ends in ``.safetensors``.
    network : Network
        One of ``tc.networks``.
    optimizer : Optimizer, optional
        Its memory is needed to go on training as if never stopped.
    discriminator : Network, optional
        What the network learns against, one of ``tc.networks`` too.
    discriminator_optimizer : Optimizer, optional
        Its own.
    progress : dict, optional
        What a run has to know of itself to go on; anything that JSON can hold.

    Raises
    ------
    ValueError
        A network is none of ``tc.networks``, holds NaN or infinity, or progress is too long.
    TypeError
        Progress holds what JSON cannot.
    OSError
        The file cannot be written, for instance because the disk is full; the older one is as it was.
    """
    saved = {
        "network": network,
        "optimizer": optimizer,
        "discriminator": discriminator,
        "discriminator_optimizer": discriminator_optimizer,
    }
    tensors = {
        f"{part}/{name}": array
        for part, whole in saved.items()
        if whole is not None
        for name, array in whole.state_dict().items()
    }
    _check_finite(tensors)
    texts = {
        "format": FORMAT,
        "tinycolor": tc.__version__,
        "network": _kind(network),
        "options": json.dumps(network.options),
        "progress": json.dumps(dict(progress or {})),
    }
    if discriminator is not None:
        texts |= {
            "discriminator": _kind(discriminator),
            "discriminator_options": json.dumps(discriminator.options),
        }
    content = save(tensors, {**texts, "digest": _digest(texts, tensors)})
    if _header_length(content) > LONGEST_HEADER:
        raise ValueError(
            f"save_checkpoint got progress of {len(texts['progress']):,} characters, expected at most a million: "
            "keep curves in a file of their own."
        )
    write_whole({Path(path): content})


def _kind(network: Network) -> str:
    kind = type(network).__name__
    if getattr(tc.networks, kind, None) is not type(network):
        raise ValueError(
            f"save_checkpoint got a {kind}, expected one of tc.networks ({', '.join(tc.networks.__all__)}): "
            "only these can be built from their file."
        )
    return kind


@overload
def load_checkpoint(path: str | os.PathLike[str]) -> Network: ...
@overload
def load_checkpoint(path: str | os.PathLike[str], expected: type[Kind]) -> Kind: ...
def load_checkpoint(path: str | os.PathLike[str], expected: type[Network] | None = None) -> Any:
    """Return the network that a checkpoint holds, one of ``tc.networks``, built from the file alone.

    Parameters
    ----------
    path : path-like
        The file.
    expected : type, optional
        The only class to accept, one of ``tc.networks``, or what several of them are, such as ``Colorizer``.

    Raises
    ------
    CheckpointError
        Names the file and the reason: no such file, no checkpoint, damaged, another network.
    """
    return read_checkpoint(path, expected).network


def read_checkpoint(path: str | os.PathLike[str], expected: type[Network] | None = None) -> Checkpoint:
    """Return all that a checkpoint holds: the network, and what a run needs to go on.

    Parameters
    ----------
    path, expected
        See ``load_checkpoint``.

    Raises
    ------
    CheckpointError
        As ``load_checkpoint``.
    """
    path = Path(path)
    texts, tensors = _read(path)
    network = _build(path, "network", texts, texts.get("options", ""), tensors, expected or Network)
    discriminator = None
    if "discriminator" in texts:
        options = texts.get("discriminator_options", "")
        discriminator = _build(path, "discriminator", texts, options, tensors, Network)
    try:
        progress = dict(json.loads(texts["progress"]))
    # The digest only says that nothing was changed since it was made, not by whom.
    except Exception as error:
        raise CheckpointError(path, f"tells nothing of its progress that can be read ({error})") from error
    return Checkpoint(
        network,
        _under("optimizer/", tensors),
        progress,
        discriminator,
        _under("discriminator_optimizer/", tensors),
    )


def _build(
    path: Path, part: str, texts: dict[str, str], options: str, tensors: dict[str, np.ndarray], expected: type[Network]
) -> Network:
    """Return one network of the file with its weights."""
    kind, state = texts.get(part, ""), _under(f"{part}/", tensors)
    known = getattr(tc.networks, kind, None) if kind in tc.networks.__all__ else None
    if known is None or not issubclass(known, expected):
        raise wrong_kind(path, kind, expected)
    try:
        network = known(**json.loads(options))
        network = network.astype(np.result_type(*{array.dtype for array in state.values()}))
        network.load_state_dict(state)
    except Exception as error:
        raise CheckpointError(path, f"holds no {kind} that can be built ({error})") from error
    return network


def wrong_kind(path: Path, kind: str, expected: type[Network]) -> CheckpointError:
    """Return the error that a checkpoint holds a network of one class, and not what is expected."""
    wanted = [name for name in tc.networks.__all__ if issubclass(getattr(tc.networks, name), expected)]
    return CheckpointError(path, f"holds {kind[:20]!r}, expected one of {', '.join(wanted)}")


def _read(path: Path) -> tuple[dict[str, str], dict[str, np.ndarray]]:
    """Return the texts and the tensors of a file whose digest is right."""
    try:
        if not path.is_file():
            raise CheckpointError(path, "is a folder, not a checkpoint" if path.is_dir() else "no such file")
        _check_start(path)
        with safe_open(path, framework="numpy") as file:
            texts = file.metadata() or {}
            _check_format(path, texts)
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except CheckpointError:
        raise
    except OSError as error:
        raise CheckpointError(path, f"cannot be read ({error.strerror or error})") from error
    except MemoryError as error:
        raise CheckpointError(path, "too large for the memory that is left") from error
    # Whatever the parser trips over, it is the file that cannot be used.
    except Exception as error:
        raise CheckpointError(path, f"damaged or cut off ({error})") from error
    digest = texts.pop("digest", None)
    if digest != _digest(texts, tensors):
        raise CheckpointError(path, "damaged: its content does not match its digest")
    return texts, tensors


def _check_start(path: Path) -> None:
    """Look at the first bytes alone, so that an absurd header costs nothing."""
    with path.open("rb") as file:
        start = file.read(9)
    if start[8:] != b"{" and start.startswith(PICKLES):
        raise CheckpointError(path, "a pickle or a zip of one, which is never opened, since a pickle can run code")
    if start[8:] != b"{":
        raise CheckpointError(path, "no safetensors file")
    length = _header_length(start)
    if length > LONGEST_HEADER:
        raise CheckpointError(path, f"has a header of {length:,} bytes, expected at most {LONGEST_HEADER:,}")


def _header_length(content: bytes) -> int:
    return int.from_bytes(content[:8], "little")


def _check_format(path: Path, texts: dict[str, str]) -> None:
    if "tinycolor" not in texts:
        raise CheckpointError(path, "a safetensors file, but no checkpoint of tinycolor")
    if texts.get("format") != FORMAT:
        raise CheckpointError(
            path,
            f"has format {texts.get('format', '')[:20]!r} of tinycolor {texts['tinycolor'][:20]!r}, expected "
            f"{FORMAT!r}: install that tinycolor",
        )


def _check_finite(tensors: dict[str, np.ndarray]) -> None:
    for name, array in tensors.items():
        if not np.isfinite(array).all():
            raise ValueError(f"save_checkpoint got NaN or infinity in {name}, expected finite numbers alone.")


def _digest(texts: dict[str, str], tensors: dict[str, np.ndarray]) -> str:
    """Return the SHA-256 of every text, and of every tensor's name, dtype, shape and bytes, in order of name."""
    names = sorted(tensors)
    contents = [(name, tensors[name].dtype.str, tensors[name].shape) for name in names]
    digest = hashlib.sha256(json.dumps([sorted(texts.items()), contents]).encode())
    for name in names:
        digest.update(np.ascontiguousarray(tensors[name]).data)
    return digest.hexdigest()


def _under(prefix: str, tensors: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {name.removeprefix(prefix): array for name, array in tensors.items() if name.startswith(prefix)}
