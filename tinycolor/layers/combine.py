"""Combinators: layers made of layers. Forward in order, backward in reverse: that is the chain rule.

Every ``backward`` lets go of what it remembered once it is used, so memory falls while the gradient travels.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import accumulate
from typing import Any

from tinycolor.backend import Array, array_module
from tinycolor.layers.ahead import announced, following
from tinycolor.layers.base import Closure, Layer
from tinycolor.layers.conv import Conv2d
from tinycolor.layers.pool import MaxPool2d
from tinycolor.layers.upsample import Upsample
from tinycolor.ops import upsample as upsample_ops
from tinycolor.ops.fast.choose import twin
from tinycolor.random import Generator


class Sequential(Layer):
    """One layer after the other.

    Forward: ``y = last(...(first(x)))``. Backward: the layers' own, in reverse. The first layer may take
    several inputs; every other takes what the one before gave. Each is told who comes behind it (``ahead``).
    """

    def __init__(self, *layers: Layer) -> None:
        if not layers:
            raise ValueError("Sequential got no layers, expected at least one.")
        self.layers = list(layers)

    def __len__(self) -> int:
        return len(self.layers)

    def __getitem__(self, number: int) -> Layer:
        return self.layers[number]

    def __repr__(self) -> str:
        return f"Sequential({', '.join(map(repr, self.layers))})"

    @property
    def name(self) -> str:
        return f"Sequential of {len(self.layers)}"

    @property
    def entrance(self) -> Layer:
        return self.layers[0].entrance

    def children(self) -> Iterator[tuple[str, Layer]]:
        for name, layer in super().children():
            yield name.removeprefix("layers."), layer

    def forward(self, *xs: Array, mode: str, rng: Generator | None) -> tuple[Any, Closure]:
        backwards = []
        behind = [*(layer.entrance for layer in self.layers[1:]), following(self)]
        for layer, next_layer in zip(self.layers, behind, strict=True):
            with announced(layer, next_layer):
                y, backward_of_layer = layer(*xs, mode=mode, rng=rng)
            xs = y if isinstance(y, tuple) else (y,)
            backwards.append(backward_of_layer)

        def backward(*dys: Array) -> Any:
            for backward_of_layer in reversed(backwards):
                dx = backward_of_layer(*dys)
                dys = dx if isinstance(dx, tuple) else (dx,)
            return dys if len(dys) > 1 else dys[0]

        return (xs if len(xs) > 1 else xs[0]), backward


class Skip(Layer):
    """A way round: what the inner layers make of x, and x itself beside it as further channels.

    Forward: ``y = concat(inner(x), x)`` on the last axis: x (N, H, W, C), y (N, H, W, inner's + C). Backward:
    dy is split at the same place: ``dx = inner_backward(first part) + second part``.

    A nearest ``Upsample`` at the end of the inner layers is not called: y is written once, with the pixels of what
    came before repeated straight into their place, and dx is summed up from there. A ``MaxPool2d`` at their beginning
    adds the second part on its way back: dx, too, is written once.
    """

    def __init__(self, *inner: Layer) -> None:
        self.inner = Sequential(*inner)

    def describe(self) -> str:
        return ", ".join(type(layer).__name__ for layer in self.inner.layers)

    @property
    def entrance(self) -> Layer:
        return self.inner.entrance

    @property
    def upsample(self) -> Upsample | None:
        """The last inner layer, if it is not called but done along with the concatenation."""
        last = self.inner[-1]
        # Not one of the user's own that is derived from it: what that does is for it to say.
        return last if type(last) is Upsample and last.mode == "nearest" and len(self.inner) > 1 else None

    def forward(self, x: Array, *, mode: str, rng: Generator | None) -> tuple[Array, Closure]:
        around, backward_of_both = self._around(x, mode, rng)
        upsample, channels = self.upsample, around.shape[-1]
        if upsample is None:
            _check_same_pixels(self, around.shape, x.shape)
            y = array_module(x).concatenate([around, x], -1)
            return y, lambda dy: backward_of_both(dy[..., :channels], dy)
        upsample.check_shape(around, "N", "H", "W", "C")
        (n, h, w, _), scale = around.shape, upsample.scale_factor
        _check_same_pixels(self, (n, h * scale[0], w * scale[1], channels), x.shape)
        nearest = twin(upsample_ops, x)

        def backward(dy: Array) -> Array:
            return backward_of_both(nearest.upsample_nearest_dx(dy, scale, channels), dy)

        return nearest.upsample_nearest(around, scale, x), backward

    def _around(self, x: Array, mode: str, rng: Generator | None) -> tuple[Array, Closure]:
        """Return what the layers that are called make of x, and how the gradient for that and dy become dx."""
        layers, channels = self.inner.layers[: None if self.upsample is None else -1], x.shape[-1]
        first, *others = layers
        if type(first) is not MaxPool2d or not others:
            around, inner_backward = Sequential(*layers)(x, mode=mode, rng=rng)
            return around, lambda d_around, dy: inner_backward(d_around) + dy[..., -channels:]
        pooled, pool_backward = first(x, mode=mode, rng=rng)
        around, others_backward = Sequential(*others)(pooled, mode=mode, rng=rng)

        def backward(d_around: Array, dy: Array) -> Array:
            return pool_backward(others_backward(d_around), beside=dy)

        return around, backward


class Residual(Layer):
    """Learn only the change: what the inner layers make of x is added to x.

    Forward: ``y = inner(x) + x``. Backward: ``dx = inner_backward(dy) + dy``.

    Source: K. He, X. Zhang, S. Ren, J. Sun, "Deep residual learning", CVPR 2016.
    """

    def __init__(self, *inner: Layer) -> None:
        self.inner = Sequential(*inner)

    def describe(self) -> str:
        return ", ".join(type(layer).__name__ for layer in self.inner.layers)

    def forward(self, x: Array, *, mode: str, rng: Generator | None) -> tuple[Array, Closure]:
        change, inner_backward = self.inner(x, mode=mode, rng=rng)
        if change.shape != x.shape:
            raise ValueError(
                f"{self.name} got {change.shape} from its inner layers, expected the shape of x, {x.shape}."
            )

        def backward(dy: Array) -> Array:
            return inner_backward(dy) + dy

        return change + x, backward


class Concat(Layer):
    """Put maps side by side as channels: the inputs as they come, or what a branch makes of each.

    Forward: ``y = concat(branch_1(x_1), branch_2(x_2), ...)`` on the last axis. One x goes to every branch;
    without branches the inputs themselves are joined. Backward: dy is split at the same places and goes back
    through each branch; the gradients for one shared x are added.
    """

    def __init__(self, *branches: Layer) -> None:
        self.branches = list(branches)

    def describe(self) -> str:
        return ", ".join(type(branch).__name__ for branch in self.branches)

    def children(self) -> Iterator[tuple[str, Layer]]:
        for name, layer in super().children():
            yield name.removeprefix("branches."), layer

    def forward(self, *xs: Array, mode: str, rng: Generator | None) -> tuple[Array, Closure]:
        count = len(self.branches) or len(xs)
        shared = len(xs) == 1 and count > 1
        if not shared and len(xs) != count:
            raise ValueError(f"{self.name} got {len(xs)} inputs, expected 1 or {count}.")
        parts, backwards = list(xs * count if shared else xs), []
        for number, branch in enumerate(self.branches):
            parts[number], backward_of_branch = branch(parts[number], mode=mode, rng=rng)
            backwards.append(backward_of_branch)
        for part in parts[1:]:
            _check_same_pixels(self, part.shape, parts[0].shape)
        ends = list(accumulate(part.shape[-1] for part in parts))

        def backward(dy: Array) -> Any:
            dxs = [dy[..., first:last] for first, last in zip([0, *ends], ends, strict=False)]
            if backwards:
                dxs = [go_back(dx) for go_back, dx in zip(backwards, dxs, strict=True)]
            else:
                dxs = [dx.copy() for dx in dxs]
            if shared or count == 1:
                return sum(dxs[1:], start=dxs[0])
            return tuple(dxs)

        return array_module(*parts).concatenate(parts, -1), backward


class Fusion(Layer):
    """Tell every pixel what the whole picture is about: a vector joins a map at each of its places.

    Forward: the vector g (N, G) is repeated over the map m (N, H, W, M), both are joined as channels
    (m first, then g), and a 1x1 convolution mixes them: ``y = conv1x1(concat(m, g))``, (N, H, W, F).
    Backward: the convolution's dx is split; dm is the first part, dg the second summed over all pixels.

    Parameters
    ----------
    map_channels, vector_channels, out_channels : int
        M, G and F.

    Source: S. Iizuka, E. Simo-Serra, H. Ishikawa, "Let there be color!", ACM TOG 35(4), 2016, section 3.3
    (the nonlinearity after it is left to the network).
    """

    def __init__(self, map_channels: int, vector_channels: int, out_channels: int) -> None:
        self.map_channels = map_channels
        self.vector_channels = vector_channels
        self.conv = Conv2d(map_channels + vector_channels, out_channels, 1)

    def describe(self) -> str:
        return f"{self.map_channels}, {self.vector_channels}, {self.conv.weight.data.shape[-1]}"

    def forward(self, m: Array, g: Array, *, mode: str, rng: Generator | None) -> tuple[Array, Closure]:
        self.check_shape(m, "N", "H", "W", self.map_channels)
        self.check_shape(g, len(m), self.vector_channels)
        xp = array_module(m)
        everywhere = xp.broadcast_to(g[:, None, None, :], (*m.shape[:3], self.vector_channels))
        y, conv_backward = self.conv(xp.concatenate([m, everywhere], -1), mode=mode, rng=rng)

        def backward(dy: Array) -> tuple[Array, Array]:
            both = conv_backward(dy)
            dm, dg = both[..., : self.map_channels], both[..., self.map_channels :]
            return dm.copy(), dg.sum((1, 2))

        return y, backward


def _check_same_pixels(layer: Layer, a: tuple[int, ...], b: tuple[int, ...]) -> None:
    if a[:-1] != b[:-1]:
        raise ValueError(
            f"{layer.name} got maps of shape {a} and {b} to join, expected equal sizes but for the channels."
        )
