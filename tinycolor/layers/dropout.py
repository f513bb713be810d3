"""Dropout: silence random units, so that no unit can rely on a particular other one."""

from __future__ import annotations

from tinycolor.backend import Array
from tinycolor.layers.base import Closure, Layer
from tinycolor.ops import dropout as ops
from tinycolor.ops.fast.choose import twin
from tinycolor.random import Generator


class Dropout(Layer):
    """Silence each unit with probability p and scale the others up, so that the expected sum stays. Any shape.

    Forward in ``train`` and ``paper`` mode: ``y = x * mask / (1 - p)``; else ``y = x``. Backward: the same
    factor on dy.

    Parameters
    ----------
    p : float
        Share of units to silence, 0 <= p < 1.
    mask : bool array, optional
        Which units stay, instead of a random draw: for checks.

    Raises
    ------
    ValueError
        p is out of range, the mask does not fit, or a random one is wanted and no ``rng`` was handed down.

    Source: N. Srivastava et al., "Dropout", JMLR 2014, with the scaling at training time.
    """

    def __init__(self, p: float = 0.5, mask: Array | None = None) -> None:
        if not 0 <= p < 1:
            raise ValueError(f"Dropout got p={p}, expected 0 <= p < 1.")
        if mask is not None and mask.dtype != bool:
            raise ValueError(f"Dropout got a mask of {mask.dtype}, expected bool: True where a unit stays.")
        self.p = p
        self.mask = mask

    def describe(self) -> str:
        return f"{self.p}"

    def forward(self, x: Array, *, mode: str, rng: Generator | None) -> tuple[Array, Closure]:
        if mode in ("eval", "instance"):
            return x.copy(), lambda dy: dy.copy()
        silencing = twin(ops, x)
        if self.mask is not None:
            if self.mask.shape != x.shape:
                raise ValueError(f"{self.name} got x of shape {x.shape}, expected its mask's {self.mask.shape}.")
            y, keep = silencing.dropout_dx(x, self.mask, self.p), self.mask
        elif rng is not None:
            y, keep = silencing.dropout(x, self.p, rng)
        else:
            raise ValueError(
                f"{self.name} got no rng in a mode that drops units: call the network with "
                "rng=tc.Generator(seed, epoch, step)."
            )

        def backward(dy: Array) -> Array:
            return silencing.dropout_dx(dy, keep, self.p)

        return y, backward
