"""Let there be color!: what a picture shows as a whole helps to colour each thing in it.

    picture, H x W                            the whole of it, 224 x 224
         |                                              |
    low     64/2  128  128/2  256  256/2  512, the same weights for both
         |  H/8 x W/8 x 512                             |  28 x 28 x 512
    mid     512  256                          scene   512/2  512  512/2  512, then 1024, 512
         |  H/8 x W/8 x 256                             |  512 --> classifier 256, scores of kinds of scenes
         |                                    vector  256
         +------------------->  fusion  <---------------+
                                   |  H/8 x W/8 x 256
                                colour  128, x2, 64  64, x2, 32  2
                                   |
                                   y, H/2 x W/2 --> a*b*, x2 --> H x W

All filters are 3x3; /2 skips every second place, x2 repeats every pixel. The fusion is a 1x1 convolution of the map
with the vector beside it at every pixel. The scores are there to learn from: a vector that can tell a kitchen from
a forest is worth listening to. No colour comes from the scores.
"""

from __future__ import annotations

from collections.abc import Callable

from tinycolor import init
from tinycolor.backend import Array, answer
from tinycolor.data.lightness import LARGEST_AB
from tinycolor.layers.activation import ReLU
from tinycolor.layers.adaptive_pool import AdaptiveAvgPool2d
from tinycolor.layers.base import Closure, Layer
from tinycolor.layers.block import ConvNormAct
from tinycolor.layers.combine import Fusion, Sequential
from tinycolor.layers.conv import Conv2d
from tinycolor.layers.linear import Flatten, Linear
from tinycolor.layers.upsample import Upsample
from tinycolor.losses import cross_entropy, mse
from tinycolor.networks.colorizer import Colorizer
from tinycolor.networks.network import scale, scaled
from tinycolor.ops.pool import avg_pool2d
from tinycolor.ops.shapes import positive
from tinycolor.ops.upsample import upsample_bilinear
from tinycolor.random import Generator

ALPHA = 1 / 300  # how much the scores count beside the colours
SHRINK = 32  # pixels of the whole picture along the side of one pixel of the scene's last map
HALF = (2, 2)


class HalfSize(Colorizer):
    """What both have in common, x (N, H, W, 1) to colours at half the size, (N, H/2, W/2, 2); H and W divide by 8.

    A colour is ``a*b* / 220 + 1/2``, within 0..1, and the right one is the mean of the two by two pixels that it
    stands for: the paper, too, takes the loss before the last x2. ``colours`` draws straight lines between them.

    Parameters
    ----------
    width : float
        Factor on the number of hidden channels, rounded down, at least 1.
    batch_norm : bool
        Normalise after each 3x3 convolution but the last; it then has no bias.
    size : int
        Shorter side of the pictures that it is trained on, divisible by 8. It takes any size; ``tc.colorize``
        shrinks photos to this one, and widens what does not divide.
    seed : int
        Which first weights: He's, and N(0, 0.01**2) where colours are made.

    Source: S. Iizuka, E. Simo-Serra, H. Ishikawa, "Let there be color! Joint end-to-end learning of global and local
    image priors for automatic image colorization with simultaneous classification", ACM TOG 35(4), 2016. Ours
    differs: x is ``L* / 50 - 1``; 0..1 stands for a* and b* of -110..110, while the authors' release has -100..100,
    which cuts off the deepest blues of sRGB.
    """

    in_channels = 1
    multiple = 8

    def __init__(self, width: float, batch_norm: bool, size: int) -> None:
        kind = type(self).__name__
        self.options = {
            "width": scale(width, f"{kind} width"),
            "batch_norm": batch_norm,
            "size": positive(size, f"{kind} size"),
        }
        if size % self.multiple:
            raise ValueError(f"{kind} got size={size}, expected a multiple of {self.multiple}.")
        self.size = size
        self.low = Sequential(
            self.convolution(None, 64, stride=2),
            self.convolution(64, 128),
            self.convolution(128, 128, stride=2),
            self.convolution(128, 256),
            self.convolution(256, 256, stride=2),
            self.convolution(256, 512),
        )
        self.mid = Sequential(self.convolution(512, 512), self.convolution(512, 256))
        self.colour = Sequential(
            self.convolution(256, 128),
            Upsample(2),
            self.convolution(128, 64),
            self.convolution(64, 64),
            Upsample(2),
            self.convolution(64, 32),
            ConvNormAct(scaled(32, width), 2, 3, padding=1, norm=None, activation="sigmoid"),
        )

    def convolution(self, in_channels: int | None, out_channels: int, stride: int = 1) -> ConvNormAct:
        """Return a 3x3 convolution with ReLU, from the picture (None) or from so many channels times ``width``."""
        width, norm = self.options["width"], "batch" if self.options["batch_norm"] else None
        inputs = 1 if in_channels is None else scaled(in_channels, width)
        return ConvNormAct(inputs, scaled(out_channels, width), 3, stride=stride, padding=1, norm=norm)

    def draw_weights(self, seed: int) -> None:
        """Draw the first weights; small ones for the colours, so that the first answers are close to grey."""
        init.he_normal(self, Generator(seed))
        # From a stream of its own: the same with and without a classifier.
        init.normal(self.colour[-1], Generator(seed, step=1), std=0.01)

    @property
    def local(self) -> Layer:
        return Sequential(self.low, self.mid, self.colour)

    def target(self, ab: Array) -> Array:
        return avg_pool2d(ab, HALF, HALF) / (2 * LARGEST_AB) + 0.5

    def colours(self, y: Array) -> Array:
        return upsample_bilinear(2 * LARGEST_AB * (y - 0.5), HALF, align_corners=False)


class Iizuka(HalfSize):
    """Colours of a picture that is seen as a whole, too: ``(ab, scores), backward = net(x)`` or ``net(x, x_global)``.

    42,169,826 weights, and 184,013 for the scores (N, scene_classes). x_global (N, global_size, global_size, 1) is
    the whole picture, made that small by ``whole``, or another picture; an x of just this size does for both. Train
    with ``colour_and_scene_loss`` and Adadelta.

    Parameters
    ----------
    scene_classes : int or None
        Kinds of scenes to tell apart, 205 in the paper. With None there are no scores, the output is ab alone, and
        the loss is ``losses.mse``.
    global_size : int
        Height and width of what is seen as a whole.
    width, batch_norm, size, seed
        See ``HalfSize``.

    Source: see ``HalfSize``. The paper leaves open what bends the fusion; here it is a ReLU.
    """

    @init.draws_weights()
    def __init__(
        self,
        scene_classes: int | None = 205,
        width: float = 1.0,
        batch_norm: bool = False,
        *,
        global_size: int = 224,
        size: int = 224,
        seed: int = 0,
    ) -> None:
        super().__init__(width, batch_norm, size)
        self.options["scene_classes"] = scene_classes
        self.options["global_size"] = positive(global_size, "Iizuka global_size")
        self.whole = AdaptiveAvgPool2d(global_size)
        c256, c512, c1024 = (scaled(channels, width) for channels in (256, 512, 1024))
        last_map = -(-global_size // SHRINK)
        self.scene = Sequential(
            self.convolution(512, 512, stride=2),
            self.convolution(512, 512),
            self.convolution(512, 512, stride=2),
            self.convolution(512, 512),
            Flatten(),
            Linear(last_map**2 * c512, c1024),
            ReLU(),
            Linear(c1024, c512),
            ReLU(),
        )
        self.vector = Sequential(Linear(c512, c256), ReLU())
        self.fusion = Sequential(Fusion(c256, c256, c256), ReLU())
        self.classifier = None
        if scene_classes is not None:
            positive(scene_classes, "Iizuka scene_classes")
            self.classifier = Sequential(Linear(c512, c256), ReLU(), Linear(c256, scene_classes))
        self.draw_weights(seed)

    def forward(
        self, x: Array, x_global: Array | None = None, *, mode: str, rng: Generator | None
    ) -> tuple[Array | tuple[Array, Array], Closure]:
        self.check_picture(x)
        self.check_whole(x, x_global)
        low, low_backward = self.low(x, mode=mode, rng=rng)
        whole, whole_backward = (low, None) if x_global is None else self.low(x_global, mode=mode, rng=rng)
        mid, mid_backward = self.mid(low, mode=mode, rng=rng)
        scene, scene_backward = self.scene(whole, mode=mode, rng=rng)
        vector, vector_backward = self.vector(scene, mode=mode, rng=rng)
        fused, fusion_backward = self.fusion(mid, vector, mode=mode, rng=rng)
        ab, colour_backward = self.colour(fused, mode=mode, rng=rng)
        scores, classifier_backward = self.classifier(scene, mode=mode, rng=rng) if self.classifier else (None, None)

        def backward(d_ab: Array, d_scores: Array | None = None) -> Array | tuple[Array, Array]:
            d_mid, d_vector = fusion_backward(colour_backward(d_ab))
            d_scene = vector_backward(d_vector)
            if classifier_backward:
                d_scene = d_scene + classifier_backward(d_scores)
            d_low, d_whole = mid_backward(d_mid), scene_backward(d_scene)
            if whole_backward:
                return low_backward(d_low), whole_backward(d_whole)
            return low_backward(d_low + d_whole)

        return (ab if scores is None else (ab, scores)), backward

    def check_whole(self, x: Array, x_global: Array | None) -> None:
        """Raise a ValueError unless there is something of the right size to be seen as a whole."""
        side = self.options["global_size"]
        if x_global is not None:
            self.check_shape(x_global, len(x), side, side, 1)
        elif x.shape[1:3] != (side, side):
            raise ValueError(
                f"{self.name} got pictures of {x.shape[1]} x {x.shape[2]} alone, expected {side} x {side}, or such "
                "ones beside them: net(x, x_global)."
            )

    def global_features(self, lightness: Array, mode: str = "eval") -> Array:
        """Return what the fusion is told of pictures L* 0..100, (N, H, W, 1), of any size: (N, 256 * width)."""
        x = self.question(self.whole.predict(lightness))
        return answer(Sequential(self.low, self.scene, self.vector), x, mode=mode)

    def paint(self, lightness: Array, features: Array | None = None, *, mode: str = "eval") -> Array:
        """Return a* and b*, (N, H, W, 2), of pictures L* 0..100, (N, H, W, 1); H and W divide by 8.

        Parameters
        ----------
        lightness : array
            The pictures.
        features : array, optional
            Their ``global_features``, or those of others: the paper's style transfer. Mixtures of two lie in between.
        mode : str
            As for every layer.
        """
        if features is None:
            features = self.global_features(lightness, mode)
        x = self.question(lightness)
        self.check_picture(x)
        mid = answer(Sequential(self.low, self.mid), x, mode=mode)
        return self.colours(answer(Sequential(self.fusion, self.colour), mid, features, mode=mode))

    def painter(self, lightness: Array, *, mode: str = "eval") -> Callable[[Array], Array]:
        features = self.global_features(lightness, mode)
        return lambda piece: self.paint(piece, features, mode=mode)


class IizukaBaseline(HalfSize):
    """Colours of a picture that is seen piece by piece, 6,317,794 weights; y is ab alone. Train with ``losses.mse``.

    Where the other network fuses, this one has a 1x1 convolution of the map alone. See ``HalfSize``.
    """

    @init.draws_weights()
    def __init__(self, width: float = 1.0, batch_norm: bool = False, *, size: int = 224, seed: int = 0) -> None:
        super().__init__(width, batch_norm, size)
        c256 = scaled(256, width)
        self.fusion = Sequential(Conv2d(c256, c256, 1), ReLU())
        self.draw_weights(seed)

    def forward(self, x: Array, *, mode: str, rng: Generator | None) -> tuple[Array, Closure]:
        self.check_picture(x)
        low, low_backward = self.low(x, mode=mode, rng=rng)
        mid, mid_backward = self.mid(low, mode=mode, rng=rng)
        fused, fusion_backward = self.fusion(mid, mode=mode, rng=rng)
        ab, colour_backward = self.colour(fused, mode=mode, rng=rng)

        def backward(d_ab: Array) -> Array:
            return low_backward(mid_backward(fusion_backward(colour_backward(d_ab))))

        return ab, backward


def colour_and_scene_loss(y: tuple[Array, Array], target: tuple[Array, Array]) -> tuple[Array, tuple[Array, Array]]:
    """Mean squared error of the colours, and 1/300 of the cross-entropy of the scores.

    ``loss = mse(ab, ab_target) + cross_entropy(scores, labels) / 300`` and ``(d_ab, d_scores)`` to start from:
    ``backward(*dy)``.

    Parameters
    ----------
    y : (array, array)
        ab (N, H/2, W/2, 2) and scores (N, scene_classes), as ``Iizuka`` answers.
    target : (array, array)
        What ``Iizuka.target`` gives, and the kind of each scene, integer (N,).

    Source: Iizuka et al. 2016, section 3.6.
    """
    (ab, scores), (ab_target, labels) = y, target
    colour_loss, d_ab = mse(ab, ab_target)
    scene_loss, d_scores = cross_entropy(scores, labels)
    return colour_loss + ALPHA * scene_loss, (d_ab, ALPHA * d_scores)
