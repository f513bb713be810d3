"""Take over what others have trained in PyTorch: the same numbers, under other names and in another layout.

                       theirs                our own
    convolution        (out, in, kh, kw)     (kh, kw, in, out)
    its transpose      (in, out, kh, kw)     (kh, kw, out, in)
    fully connected    (out, in)             (in, out)
        after Flatten  in is (C, H, W)       in is (H, W, C)

Batch norm has weight, bias, running_mean and running_var in both. The names: ``networks/torch_names.py``.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import safe_open

from tinycolor.backend import Array
from tinycolor.color.ab_bins import AB_BINS
from tinycolor.data.lightness import LARGEST_AB
from tinycolor.layers.base import Layer
from tinycolor.networks.network import Network
from tinycolor.networks.torch_names import published_layers
from tinycolor.networks.vgg import MAP
from tinycolor.networks.zhang import Zhang
from tinycolor.training.checkpoint import CheckpointError

FLATTENED = "classifier.0.weight"
COLOURS = "model_out.weight"
# How many batches a batch norm has seen, and which grey values the masks of a U-Net have: not needed here.
UNUSED = (".num_batches_tracked", "mask_values")


def load_torch_state_dict(network: Network, state_dict: Mapping[str, Any] | str | os.PathLike[str]) -> None:
    """Give a network the weights and running statistics of its published PyTorch twin; all or nothing.

    Parameters
    ----------
    network : VGG16, UNet, Zhang, Pix2PixGenerator or PatchDiscriminator
        As wide and as deep as theirs, and with as many inputs and classes; a UNet has ``padding="same"``,
        ``batch_norm=True`` and ``upsample="deconv"``, a Pix2PixGenerator ``skips=True`` and ``norm="batch"``, a
        PatchDiscriminator at least one of its ``layers``.
    state_dict : mapping or path-like
        Their names to arrays or tensors of floating-point numbers, or a safetensors file of them.

    Raises
    ------
    ValueError
        Another network, or an entry is missing, unknown, of another shape, or not of finite floating-point numbers.
    CheckpointError
        The file is no safetensors file. A ``.pth`` is never opened: it is a pickle, which can run code.

    Notes
    -----
    Pictures are to be as theirs. torchvision: RGB 0..1, minus (0.485, 0.456, 0.406), over (0.229, 0.224, 0.225).
    Pytorch-UNet: RGB 0..1; versions that have a bias in front of batch norm are refused. eccv16: ``Zhang`` sees to it;
    theirs answers with the mean colour, as ours does at ``temperature=1``. pix2pix: -1..1, in and out, and the
    published generators were run with ``mode="paper"``; their discriminators see x before y.
    """
    theirs = dict(state_dict) if isinstance(state_dict, Mapping) else _read(Path(state_dict))
    paths = {id(layer): path for path, layer in network.walk()}
    ours = {
        f"{name}.{part}": (f"{paths[id(layer)]}{part}", array)
        for name, layer in published_layers(network)
        for part, array in _entries(layer)
    }
    shapes = {name: _their_shape(array.shape) for name, (_, array) in ours.items()}
    if isinstance(network, Zhang):
        shapes[COLOURS] = (2, len(AB_BINS), 1, 1)
    _check_names(network, [name for name in theirs if not name.endswith(UNUSED)], shapes)
    arrays = {name: _array(name, theirs[name], shape) for name, shape in shapes.items()}
    if COLOURS in arrays:
        _check_colours(arrays[COLOURS])
    network.load_state_dict({own: _turned(name, arrays[name]).reshape(a.shape) for name, (own, a) in ours.items()})


def _entries(layer: Layer) -> Iterator[tuple[str, Array]]:
    """Yield (name, array) of a layer's own parameters and running statistics."""
    for name, parameter in layer.own_parameters():
        yield name, parameter.data
    for name in layer.statistics:
        yield name, getattr(layer, name)


def _their_shape(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return the shape that one of ours has in PyTorch."""
    return (shape[3], shape[2], *shape[:2]) if len(shape) == 4 else shape[::-1]


def _turned(name: str, array: np.ndarray) -> np.ndarray:
    """Return one of theirs in our layout."""
    if name == FLATTENED:  # a convolution whose one window is the whole map
        array = array.reshape(len(array), -1, MAP, MAP)
    return array.transpose(2, 3, 1, 0) if array.ndim == 4 else array.T


def _check_names(network: Network, given: Iterable[str], wanted: Iterable[str]) -> None:
    missing, unknown = _without(wanted, set(given)), _without(given, set(wanted))
    if missing or unknown:
        raise ValueError(
            f"load_torch_state_dict got a state dict without {missing or 'nothing'} and with unknown "
            f"{unknown or 'nothing'}, expected the published names for {network.name}."
        )


def _without(names: Iterable[str], others: set[str]) -> str:
    """Return the first names that are not among the others, and how many more there are."""
    left = [name for name in names if name not in others]
    return ", ".join(left[:3]) + (f" and {len(left) - 3} more" if len(left) > 3 else "")


def _array(name: str, value: Any, shape: tuple[int, ...]) -> np.ndarray:
    """Return an array or tensor, also one that is being trained, as a NumPy array of this shape."""
    try:
        array = np.asarray(value.detach() if hasattr(value, "detach") else value)
    # Each library raises its own for what is on another device or of a dtype that NumPy has not.
    except Exception as error:
        raise ValueError(f"load_torch_state_dict cannot read {name} as an array ({error}).") from error
    if array.shape != shape or array.dtype.kind != "f":
        raise ValueError(
            f"load_torch_state_dict got {name} of shape {array.shape}, {array.dtype}, expected {shape}, "
            "floating-point: make the network as wide as theirs, with the same inputs and classes."
        )
    if not np.isfinite(array).all():
        raise ValueError(f"load_torch_state_dict got NaN or infinity in {name}, expected finite numbers alone.")
    return array.astype(np.float32) if array.dtype == np.float16 else array


def _check_colours(weight: np.ndarray) -> None:
    """Raise a ValueError unless their scores are of the same colours as ours, in the same order."""
    if not np.allclose(LARGEST_AB * weight[:, :, 0, 0].T, AB_BINS, rtol=0, atol=1):
        raise ValueError(
            f"load_torch_state_dict got other colours in {COLOURS}, expected the {len(AB_BINS)} ab bins over "
            f"{LARGEST_AB}, in order of a*, then of b*."
        )


def _read(path: Path) -> dict[str, np.ndarray]:
    try:
        with path.open("rb") as file:
            start = file.read(9)
        if start[8:] != b"{":
            raise CheckpointError(
                path,
                "no safetensors file; a .pth is a pickle, which can run code and is never opened: convert it with "
                "safetensors.torch.save_file(torch.load('x.pth', weights_only=True), 'x.safetensors')",
            )
        with safe_open(path, framework="numpy") as file:
            return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except CheckpointError:
        raise
    except OSError as error:
        raise CheckpointError(path, f"cannot be read ({error.strerror or error})") from error
    # Whatever the parser trips over, it is the file that cannot be used.
    except Exception as error:
        raise CheckpointError(path, f"damaged or cut off ({error})") from error
