"""What all colorizers have in common: here the units of CIE Lab meet those of each paper."""

from __future__ import annotations

from collections.abc import Callable

from tinycolor.backend import Array, answer
from tinycolor.data.lightness import HALF_LIGHTNESS, LARGEST_AB
from tinycolor.layers.base import Layer
from tinycolor.networks.network import Network
from tinycolor.random import Generator


class Colorizer(Network):
    """The base of every network that colours: lightness in, colour out.

    Most are given ``L* / 50 - 1`` and answer with ``a*b* / 110``, so that both lie within -1..1, as in pix2pix.
    A paper that does otherwise overrides ``question``, ``target`` and ``colours``.

    Attributes
    ----------
    in_channels : int
        Of what it is given: 1, L*.
    multiple : int
        What H and W of a picture must divide by.
    """

    in_channels: int
    multiple: int

    @property
    def local(self) -> Layer | None:
        """The part by which a pixel of the answer sees its surroundings and no more: here, all of the network.

        None where each pixel sees the whole picture, so that it cannot be painted in pieces.
        """
        return self

    def check_picture(self, x: Array) -> None:
        """Raise a ValueError unless x is (N, H, W, in_channels), and H and W divide by ``multiple``."""
        self.check_shape(x, "N", "H", "W", self.in_channels)
        if x.shape[1] % self.multiple or x.shape[2] % self.multiple:
            raise ValueError(
                f"{self.name} got pictures of {x.shape[1]} x {x.shape[2]}, expected multiples of {self.multiple}: "
                "crop or pad them."
            )

    def question(self, lightness: Array) -> Array:
        """Return what the network is given, x, for pictures L* 0..100, (N, H, W, 1)."""
        return lightness / HALF_LIGHTNESS - 1

    def target(self, ab: Array) -> Array:
        """Return what it should answer for pictures of these colours, a* and b*, (N, H, W, 2)."""
        return ab / LARGEST_AB

    def colours(self, y: Array) -> Array:
        """Return a* and b*, (N, H, W, 2), as its answer y means them."""
        return LARGEST_AB * y

    def paint(self, lightness: Array, *, mode: str = "eval") -> Array:
        """Return a* and b*, (N, H, W, 2), of pictures L* 0..100, (N, H, W, 1); H and W divide by ``multiple``.

        ``mode`` as for every layer; where ``paper`` drops units, always the same ones.
        """
        return self.colours(answer(self, self.question(lightness), mode=mode, rng=Generator(0)))

    def painter(self, lightness: Array, *, mode: str = "eval") -> Callable[[Array], Array]:
        """Return what paints pieces of these pictures; a network that looks at the whole looks at it here, once."""
        return lambda piece: self.paint(piece, mode=mode)
