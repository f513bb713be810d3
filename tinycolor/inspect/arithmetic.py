"""One output number under the magnifying glass: every product that went into it, as text and as a figure."""

from __future__ import annotations

from tinycolor.backend import Array
from tinycolor.inspect.explanation import Explanation
from tinycolor.inspect.votes import VoteExplained
from tinycolor.inspect.windows import ConvolutionExplained, MaximumExplained
from tinycolor.layers.base import Layer
from tinycolor.layers.conv import Conv2d
from tinycolor.layers.linear import Linear
from tinycolor.layers.pool import MaxPool2d


def explain(layer: Layer, x: Array, at: tuple[int, ...]) -> Explanation:
    """Return the arithmetic of one output number of a layer, product by product.

    Parameters
    ----------
    layer : Conv2d, MaxPool2d or Linear
        The layer to look into.
    x : array
        Its input, as for ``layer(x)``.
    at : tuple of int
        Which output: (image, row, column, channel), or (image, unit) for Linear.

    Returns
    -------
    Explanation
        ``print`` it, or ``save`` its figure.

    Raises
    ------
    ValueError
        Another kind of layer, or there is no output at this place.
    """
    kinds: dict[type[Layer], type[Explanation]] = {
        Conv2d: ConvolutionExplained,
        MaxPool2d: MaximumExplained,
        Linear: VoteExplained,
    }
    for kind, explanation in kinds.items():
        if isinstance(layer, kind):
            y = layer.predict(x)
            _check_place(at, y.shape)
            return explanation(layer, x, y, tuple(map(int, at)))
    raise ValueError(f"explain got {layer.name}, expected a Conv2d, a MaxPool2d or a Linear.")


def _check_place(at: tuple[int, ...], shape: tuple[int, ...]) -> None:
    if len(at) != len(shape) or not all(0 <= place < size for place, size in zip(at, shape, strict=True)):
        raise ValueError(f"explain got at={tuple(at)}, expected a place in the output's shape {shape}.")
