"""What a run is started with; its checkpoints keep it, so that it goes on with the same."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial

from tinycolor import optim
from tinycolor.layers.parameter import Parameter

OPTIMIZERS: dict[str, Callable[[Iterable[Parameter], optim.Schedule], optim.Optimizer]] = {
    "adam": optim.Adam,
    "adam-gan": partial(optim.Adam, betas=(0.5, 0.999)),
    "adam-zhang": partial(optim.Adam, betas=(0.9, 0.99), weight_decay=1e-3),
    "adadelta": optim.Adadelta,
    "rmsprop": optim.RMSprop,
    "sgd": partial(optim.SGD, momentum=0.9),
}


def thirds(learning_rate: float, steps: int) -> optim.Schedule:
    """Return Zhang's schedule: the full rate for 4/9 of a run, a third of it until 5/6, then a tenth."""
    return lambda step: learning_rate * (1 if 9 * step < 4 * steps else 1 / 3 if 6 * step < 5 * steps else 0.1)


SCHEDULES: dict[str, Callable[[float, int], optim.Schedule]] = {
    "one-cycle": optim.one_cycle,
    "constant": lambda rate, steps: optim.constant(rate),
    "linear": lambda rate, steps: optim.linear_decay(rate, steps // 2, steps - steps // 2),
    "thirds": thirds,
}


@dataclass(frozen=True)
class Settings:
    """What a run is started with. The defaults are those of ColorUNet; other models have theirs in ``recipes``.

    Attributes
    ----------
    steps : int
        Length of the run.
    task : str
        ``colorize``, ``segment`` or ``translate``.
    model : str
        Which network: a key of the task's table in ``recipes``.
    width : float
        Factor on its channels.
    classes : int
        For ``segment``: how many kinds of things. For ``colorize``: kinds of scenes, 0 where the network is not told.
    ignored : sequence of int
        For ``segment``: numbers in label maps, beside 255, that mean none of them.
    size : int
        Height and width of the crops; for ``segment`` the shorter side of the pictures.
    batch : int
        Pictures in a step.
    learning_rate : float
        The highest.
    schedule, optimizer : str
        One of ``SCHEDULES``, and of ``OPTIMIZERS``.
    loss : str
        One of the model's.
    direction : str
        For ``translate``: ``a-to-b`` or ``b-to-a``.
    pairs : str
        For ``translate``: which kind; see ``data.picture_pairs.kind_of_pairs``.
    seed : int
        Of everything that is drawn: first weights, order, crops.
    """

    steps: int
    task: str = "colorize"
    model: str = "color-unet"
    width: float = 1.0
    classes: int = 0
    ignored: tuple[int, ...] = ()
    size: int = 64
    batch: int = 16
    learning_rate: float = 1e-3
    schedule: str = "one-cycle"
    optimizer: str = "adam"
    loss: str = "mse"
    direction: str = ""
    pairs: str = ""
    seed: int = 0
