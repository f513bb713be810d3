"""Optimizers: how far, and in which direction, each weight moves after a look at its gradient.

When made, an optimizer packs all its parameters into one flat buffer, and their gradients into another; each
``p.data`` and ``p.grad`` becomes a view of its part. A step is then a few operations on two long arrays.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

import numpy as np

from tinycolor.backend import Array, array_module, beside, on_gpu, to_numpy
from tinycolor.kernels.adam import adam
from tinycolor.kernels.clock import Clock
from tinycolor.layers.parameter import Parameter
from tinycolor.ops.fast.choose import runs_kernels
from tinycolor.threads import in_lanes, scratch

Schedule = Callable[[int], float]

BLOCK = 1 << 18  # numbers per block: fewer, larger calls let the lanes run free


class Optimizer:
    """The base: packs the parameters, counts the steps, asks the schedule for the learning rate.

    Parameters
    ----------
    parameters : iterable of Parameter
        All of one dtype, on one device.
    learning_rate : float or schedule
        A number, or a function from the step (0, 1, 2, ...) to a number.

    Raises
    ------
    ValueError
        No parameters, the same one twice, or of different dtypes.
    RuntimeError
        At a step: another optimizer has packed one of the parameters since.

    Attributes
    ----------
    steps : int
        How many were made.
    memories : tuple of str
        Names of the array attributes in which the optimizer remembers past gradients.
    """

    memories: tuple[str, ...] = ()

    def __init__(self, parameters: Iterable[Parameter], learning_rate: float | Schedule) -> None:
        self.parameters = list(parameters)
        strangers = [type(p).__name__ for p in self.parameters if not isinstance(p, Parameter)]
        if strangers:
            raise ValueError(f"{type(self).__name__} got {strangers[0]}, expected parameters: net.parameters().")
        if not self.parameters:
            raise ValueError(f"{type(self).__name__} got no parameters, expected at least one.")
        if len({id(p) for p in self.parameters}) < len(self.parameters):
            raise ValueError(f"{type(self).__name__} got a parameter twice, expected each once.")
        dtypes = {str(p.data.dtype) for p in self.parameters}
        if len(dtypes) > 1:
            raise ValueError(f"{type(self).__name__} got parameters of {sorted(dtypes)}, expected one dtype.")
        self.schedule = learning_rate if callable(learning_rate) else constant(learning_rate)
        self.steps = 0
        self.data, self.grad = self._pack()
        self.clock = Clock(self.data) if on_gpu(self.data) else None

    def _pack(self) -> tuple[Array, Array]:
        first = self.parameters[0].data
        size = sum(p.data.size for p in self.parameters)
        xp = array_module(*(p.data for p in self.parameters))
        data, grad = (xp.empty(size, first.dtype) for _ in range(2))
        start = 0
        for p in self.parameters:
            part = slice(start, start + p.data.size)
            p.move_into(data[part].reshape(p.data.shape), grad[part].reshape(p.data.shape))
            start = part.stop
        return data, grad

    def step(self) -> None:
        """Move every parameter by its gradient; the gradients stay until ``zero_grad``."""
        self.begin_step()
        self.move()

    def begin_step(self) -> None:
        """Count the step and look up its learning rate: the half of a step that a captured graph cannot repeat."""
        for p in self.parameters:
            if p.data.base is not self.data:
                raise RuntimeError(
                    f"{type(self).__name__}.step found a parameter that another optimizer has taken over: "
                    "make one optimizer per network and keep it."
                )
        self.learning_rate = self.schedule(self.steps)
        if self.clock is not None:
            self.clock.set(self.steps, self.learning_rate)
        self.steps += 1
        for p in self.parameters:
            p.version += 1

    def move(self) -> None:
        """Move every parameter by its gradient: the other half of a step."""
        if self.clock is not None:
            # In the memory of the GPU, and of the weights' type, as a number of Python's own would be taken.
            self.update(slice(None), self.clock.learning_rate[0].astype(self.data.dtype))
            return
        blocks = [slice(i, min(i + BLOCK, self.data.size)) for i in range(0, self.data.size, BLOCK)]
        in_lanes(lambda block: self.update(block, self.learning_rate), blocks)

    def update(self, block: slice, learning_rate: float | Array) -> None:
        """Move the numbers of one block; what one optimizer differs from another in."""
        raise NotImplementedError

    def memory(self) -> Array:
        """Return zeros as large as all parameters together: one number to remember per weight."""
        return array_module(self.data).zeros_like(self.data)

    def state_dict(self) -> dict[str, Array]:
        """Return a copy of all that the optimizer remembers: the steps made, and a number or two per weight.

        NumPy arrays, on whatever device it is. Settings and schedule are not part of it.
        """
        memories = {name: to_numpy(getattr(self, name).copy()) for name in self.memories}
        return {"steps": np.array(self.steps, np.int64)} | memories

    def load_state_dict(self, state: dict[str, Array]) -> None:
        """Write back what ``state_dict`` returned, all or nothing; training goes on as if never stopped.

        Raises
        ------
        ValueError
            A name is missing or unknown, or a shape or dtype does not fit; the optimizer is left as it was.
        """
        own = self.state_dict()
        missing, unknown = own.keys() - state.keys(), state.keys() - own.keys()
        if missing or unknown:
            raise ValueError(
                f"{type(self).__name__}.load_state_dict got missing names {sorted(missing)} and unknown names "
                f"{sorted(unknown)}, expected the names that state_dict() gives."
            )
        for name, array in own.items():
            got = np.shape(state[name]), getattr(state[name], "dtype", type(state[name]).__name__)
            if got != (array.shape, array.dtype):
                raise ValueError(
                    f"{type(self).__name__}.load_state_dict got {name} of shape {got[0]}, {got[1]}, "
                    f"expected {array.shape}, {array.dtype}."
                )
        self.steps = int(state["steps"])
        for name in self.memories:
            memory = getattr(self, name)
            memory[...] = beside(state[name], memory)


class SGD(Optimizer):
    """Stochastic gradient descent, with a memory of the direction if ``momentum`` > 0.

    ``g = grad + weight_decay * w``, ``v = momentum * v + g`` (the first v is g), ``w = w - learning_rate * v``.

    Parameters
    ----------
    parameters, learning_rate
        See Optimizer.
    momentum : float
        Share of the last direction that is kept, 0 <= momentum < 1.
    weight_decay : float
        Pull towards zero.
    """

    def __init__(
        self,
        parameters: Iterable[Parameter],
        learning_rate: float | Schedule,
        *,
        momentum: float = 0.0,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(parameters, learning_rate)
        self.momentum, self.weight_decay = momentum, weight_decay
        self.velocity = self.memory() if momentum else None
        self.memories = ("velocity",) if momentum else ()

    def update(self, block: slice, learning_rate: float | Array) -> None:
        w, step = self.data[block], self.grad[block]
        if self.weight_decay:
            step = step + self.weight_decay * w
        if self.velocity is not None:
            v = self.velocity[block]
            v *= self.momentum
            v += step
            step = v
        w -= learning_rate * step


class Adam(Optimizer):
    """Steps of about the learning rate, whatever the size of the gradients.

    ``g = grad + weight_decay * w``, ``m = b1*m + (1-b1)*g``, ``v = b2*v + (1-b2)*g**2``,
    ``w = w - learning_rate * m_hat / (sqrt(v_hat) + eps)`` with ``m_hat = m / (1 - b1**t)``, v_hat likewise.

    Parameters
    ----------
    parameters, learning_rate
        See Optimizer.
    betas : (float, float)
        How slowly the two averages forget; GANs use (0.5, 0.999).
    eps : float
        Keeps the division safe.
    weight_decay : float
        Pull towards zero, added to the gradient.

    Source: D. Kingma, J. Ba, "Adam", ICLR 2015, algorithm 1.
    """

    memories = ("m", "v")

    def __init__(
        self,
        parameters: Iterable[Parameter],
        learning_rate: float | Schedule = 1e-3,
        *,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(parameters, learning_rate)
        self.betas, self.eps, self.weight_decay = betas, eps, weight_decay
        self.m, self.v = self.memory(), self.memory()

    def move(self) -> None:
        if self.clock is None or not runs_kernels(self.data):
            super().move()
            return
        adam(
            *(self.data, self.grad, self.m, self.v),
            steps=self.clock.steps,
            learning_rate=self.clock.learning_rate,
            betas=self.betas,
            eps=self.eps,
            weight_decay=self.weight_decay,
        )

    def update(self, block: slice, learning_rate: float | Array) -> None:
        xp = array_module(self.data)
        b1, b2 = self.betas
        g, m, v = self.grad[block], self.m[block], self.v[block]
        if self.weight_decay:
            g = g + self.weight_decay * self.data[block]
        move = _work_array(g)
        xp.subtract(g, m, out=move)
        move *= 1 - b1
        m += move
        xp.multiply(g, g, out=move)
        move -= v
        move *= 1 - b2
        v += move
        # A captured step must read its number anew, in the memory of the GPU.
        steps, sqrt = (self.steps, math.sqrt) if self.clock is None else (self.clock.steps[0] + 1, xp.sqrt)
        # Both corrections are numbers, so they are folded into the step size and eps.
        correction = sqrt(1 - b2**steps)
        xp.sqrt(v, out=move)
        move += self.eps * correction
        xp.divide(m, move, out=move)
        move *= learning_rate * correction / (1 - b1**steps)
        self.data[block] -= move


class RMSprop(Optimizer):
    """Divide each gradient by a running mean of its own size.

    ``v = alpha*v + (1-alpha)*g**2``, ``w = w - learning_rate * g / (sqrt(v) + eps)``.

    Parameters
    ----------
    parameters, learning_rate
        See Optimizer.
    alpha : float
        How slowly the mean forgets.
    eps : float
        Keeps the division safe.

    Source: G. Hinton, "Neural networks for machine learning", lecture 6e, 2012.
    """

    memories = ("v",)

    def __init__(
        self,
        parameters: Iterable[Parameter],
        learning_rate: float | Schedule = 1e-2,
        *,
        alpha: float = 0.99,
        eps: float = 1e-8,
    ) -> None:
        super().__init__(parameters, learning_rate)
        self.alpha, self.eps = alpha, eps
        self.v = self.memory()

    def update(self, block: slice, learning_rate: float | Array) -> None:
        g, v = self.grad[block], self.v[block]
        v *= self.alpha
        v += (1 - self.alpha) * (g * g)
        self.data[block] -= learning_rate * g / (array_module(g).sqrt(v) + self.eps)


class Adadelta(Optimizer):
    """Steps in the units of the weights themselves, so that hardly a learning rate is needed.

    ``v = rho*v + (1-rho)*g**2``, ``d = g * sqrt(u + eps) / sqrt(v + eps)``, ``u = rho*u + (1-rho)*d**2``,
    ``w = w - learning_rate * d``.

    Parameters
    ----------
    parameters, learning_rate
        See Optimizer; 1 is the paper's.
    rho : float
        How slowly the two means forget.
    eps : float
        Starts the first steps and keeps the division safe.

    Source: M. Zeiler, "ADADELTA", 2012, algorithm 1.
    """

    memories = ("v", "u")

    def __init__(
        self,
        parameters: Iterable[Parameter],
        learning_rate: float | Schedule = 1.0,
        *,
        rho: float = 0.95,
        eps: float = 1e-6,
    ) -> None:
        super().__init__(parameters, learning_rate)
        self.rho, self.eps = rho, eps
        self.v, self.u = self.memory(), self.memory()

    def update(self, block: slice, learning_rate: float | Array) -> None:
        xp = array_module(self.data)
        g, v, u = self.grad[block], self.v[block], self.u[block]
        v *= self.rho
        v += (1 - self.rho) * (g * g)
        move = g * xp.sqrt(u + self.eps) / xp.sqrt(v + self.eps)
        u *= self.rho
        u += (1 - self.rho) * (move * move)
        self.data[block] -= learning_rate * move


def constant(learning_rate: float) -> Schedule:
    """Return a schedule that never changes."""
    return lambda step: learning_rate


def step_decay(learning_rate: float, every: int, factor: float = 0.1) -> Schedule:
    """Return a schedule that multiplies the rate by ``factor`` every so many steps."""
    return lambda step: learning_rate * factor ** (step // every)


def linear_decay(learning_rate: float, constant_steps: int, decay_steps: int) -> Schedule:
    """Return a schedule that stays, and then falls in a straight line to 0 (pix2pix in PyTorch)."""

    def schedule(step: int) -> float:
        past = max(0, step - constant_steps)
        return learning_rate * max(0.0, 1 - past / decay_steps)

    return schedule


def warm_up(schedule: Schedule, steps: int) -> Schedule:
    """Return a schedule that climbs in a straight line from 0, and has caught up with another after so many steps."""
    return lambda step: min(1, step / steps) * schedule(step)


def one_cycle(learning_rate: float, total_steps: int, warmup: float = 0.3) -> Schedule:
    """Return a schedule that climbs from 1/25 to the full rate and falls to 1/10,000 of the start, on cosines.

    Parameters
    ----------
    learning_rate : float
        The highest rate.
    total_steps : int
        Length of the run; after it the last rate stays.
    warmup : float
        Share of the run that climbs, 0 < warmup < 1.

    Source: L. Smith, N. Topin, "Super-convergence", 2018, with cosines for lines, as is usual today.
    """
    first, last = learning_rate / 25, learning_rate / 25 / 1e4
    peak = warmup * total_steps - 1

    def schedule(step: int) -> float:
        if step < peak:
            return _cosine(first, learning_rate, step / peak)
        return _cosine(learning_rate, last, min(1.0, (step - peak) / (total_steps - 1 - peak)))

    return schedule


def _cosine(start: float, end: float, share: float) -> float:
    return end + (start - end) / 2 * (1 + math.cos(math.pi * share))


def _work_array(like: Array) -> Array:
    xp = array_module(like)
    return scratch("optimizer", like.shape, like.dtype) if xp is np else xp.empty_like(like)
