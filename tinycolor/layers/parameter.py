"""What is learned: an array, and the gradient that gathers beside it."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinycolor.backend import FLOATS, Array, array_module


class Parameter:
    """An array that is learned, and the gradient that gathers beside it.

    Parameters
    ----------
    data : array
        The starting value; float32 as layers make it.

    Attributes
    ----------
    data : array
        The numbers. Assigning writes them into the same memory and counts ``version`` up; ``p.data -= step``
        does too. A write through an index (``p.data[0] = 1``) is not seen.
    grad : array
        What all the backward calls since the last ``zero_grad`` have added. Assigning writes into the same memory.
    version : int
        How often the numbers were changed; ``backward`` uses it to notice stale weights.
    """

    def __init__(self, data: Array) -> None:
        if data.dtype not in FLOATS:
            raise ValueError(f"Parameter got data of {data.dtype}, expected float32 or float64.")
        self._data = data.copy()
        self._grad = array_module(data).zeros(data.shape, data.dtype)
        self.version = 0
        self.freezes = 0

    def __getstate__(self) -> dict[str, Any]:
        """What a copy or a pickle takes along; it is not frozen, whatever the original is just now."""
        return {**vars(self), "freezes": 0}

    def __repr__(self) -> str:
        return f"Parameter{self.data.shape} {self.data.dtype}"

    @property
    def data(self) -> Array:
        return self._data

    @data.setter
    def data(self, value: Array) -> None:
        self._write("data", self._data, value)
        self.version += 1

    @property
    def grad(self) -> Array:
        return self._grad

    @grad.setter
    def grad(self, value: Array) -> None:
        self._write("grad", self._grad, value)

    def _write(self, name: str, target: Array, value: Array) -> None:
        """Keep the memory: an optimizer may have packed it together with others'."""
        if value is target:  # as after p.grad += dw
            return
        if np.shape(value) != target.shape:
            raise ValueError(
                f"Parameter got {name} of shape {np.shape(value)}, expected {target.shape}: "
                "make a new layer to change a shape."
            )
        target[...] = value

    @property
    def trainable(self) -> bool:
        """False inside ``with tc.frozen(...)``."""
        return self.freezes == 0

    def cast(self, dtype: str | np.dtype) -> None:
        """Go on in another dtype, in memory of its own, not frozen, with the gradient at zero."""
        self.change(self._data.astype(dtype))

    def change(self, data: Array) -> None:
        """Go on with this array, of another dtype or on another device, not frozen, with the gradient at zero."""
        self._data = data
        self._grad = array_module(data).zeros(data.shape, data.dtype)
        self.freezes = 0
        self.version += 1

    def move_into(self, data: Array, grad: Array) -> None:
        """Go on living in the given memory (an optimizer's flat buffer), with the same numbers."""
        data[...] = self._data
        grad[...] = self._grad
        self._data, self._grad = data, grad
        self.version += 1
