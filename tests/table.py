"""The table of every layer, combinator and network that drives the generic tests.

A row draws a random layer and float64 inputs for it, odd sizes and batches of one among them. Layers with kinks
get inputs that keep away from them by construction, so that differences mean something; no example is thrown out.
"""

import math
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

import tinycolor as tc
from tinycolor.layers.base import MODES

SEEDS = st.integers(0, 2**32 - 1)
SMALL = st.integers(1, 3)
SIZE = st.integers(1, 6)
# With too few pixels a normalisation hardly depends on its input, and differences see only rounding.
NORM_SIZE = st.integers(3, 5)
# How far gradients may be from differences, relatively. A difference has a step, and the more bends there are in a
# row, the more it sees of them. And what is left of a sum over pixels that nearly cancels, or of what a normalisation
# undoes, is small beside rounding.
SMOOTH = 1e-7
BENT = 1e-6


class Row(NamedTuple):
    """One line of the table: what to draw, in which modes the layer differs, and what it checks."""

    name: str
    pairs: SearchStrategy
    modes: tuple[str, ...] = ("train",)
    tolerance: float = SMOOTH
    examples: int = 50
    counts_channels: bool = True
    counts_axes: bool = True


def numbers(draw, *shape):
    return np.random.default_rng(draw(SEEDS)).standard_normal(shape)


def away_from_zero(draw, *shape):
    x = numbers(draw, *shape)
    return x + np.where(x > 0, 0.05, -0.05)


def all_different(draw, *shape):
    """A permutation with gaps: however little the inputs move, the same one stays the largest."""
    order = np.random.default_rng(draw(SEEDS)).permutation(math.prod(shape))
    return (order.reshape(shape) - order.size / 2) * 0.1


def any_shape(draw):
    return tuple(draw(st.lists(SIZE, min_size=1, max_size=4)))


def sides(least, most):
    """One number for height and width, or one for each."""
    one = st.integers(least, most)
    return st.one_of(one, st.tuples(one, one))


def both(value):
    return (value, value) if isinstance(value, int) else value


def randomised(draw, layer, gain=1.0, shift=1.0):
    """Give every number of the layer a random value, so that no gradient is right by chance.

    Weights in front of a normalisation may have a gain: it takes their scale out again, and the larger they are,
    the smaller is the step of a difference beside them. Many layers in a row may have smaller shifts, which would
    otherwise bring every unit so near to its limits that nothing comes through.
    """
    rng = np.random.default_rng(draw(SEEDS))
    for parameter in layer.parameters():
        shape = parameter.data.shape
        spread = gain / math.sqrt(math.prod(shape[:-1])) if len(shape) > 1 else shift
        parameter.data = spread * rng.standard_normal(shape)
    for _, part in layer.walk():
        for name in part.statistics:
            getattr(part, name)[...] = rng.uniform(0.5, 2, getattr(part, name).shape)
    return layer


def smooth(layer):
    """Swap every rectifier and max-pool for a smooth cousin, in place."""
    for _, part in list(layer.walk()):
        for name, value in vars(part).items():
            if isinstance(value, list):
                value[:] = map(_cousin, value)
            else:
                setattr(part, name, _cousin(value))
    return layer


def _cousin(value):
    if isinstance(value, tc.ReLU | tc.LeakyReLU):
        return tc.Tanh()
    return tc.AvgPool2d(value.kernel_size, value.stride) if isinstance(value, tc.MaxPool2d) else value


@st.composite
def conv2d(draw):
    kernel, stride, padding, dilation = draw(sides(1, 3)), draw(sides(1, 3)), draw(sides(0, 2)), draw(sides(1, 2))
    height, width = (
        max(1, d * (k - 1) + 1 - 2 * p) + draw(st.integers(0, 3))
        for k, p, d in zip(both(kernel), both(padding), both(dilation), strict=True)
    )
    channels = draw(SMALL)
    layer = tc.Conv2d(
        channels, draw(SMALL), kernel, stride=stride, padding=padding, dilation=dilation, bias=draw(st.booleans())
    )
    return randomised(draw, layer), (numbers(draw, draw(SMALL), height, width, channels),)


@st.composite
def conv2d_blocked(draw):
    """Large enough to be cut into blocks; strided or dilated, few or many channels."""
    channels, out_channels = draw(st.sampled_from([(3, 40), (24, 8), (33, 31)]))
    stride, dilation = draw(st.sampled_from([(1, 1), ((2, 1), 1), (2, 1), (1, (1, 2))]))
    layer = tc.Conv2d(channels, out_channels, (5, 3), stride=stride, padding=(1, 2), dilation=dilation)
    return randomised(draw, layer), (numbers(draw, 2, draw(st.integers(34, 37)), 35, channels),)


@st.composite
def conv2d_winograd(draw):
    layer = tc.Conv2d(32, 33, 3, padding=draw(sides(0, 2)))
    size = st.integers(17, 20)
    return randomised(draw, layer), (numbers(draw, draw(st.integers(1, 2)), draw(size), draw(size), 32),)


@st.composite
def conv_transpose2d(draw):
    kernel, stride, padding = draw(sides(1, 4)), draw(sides(1, 3)), draw(sides(0, 2))
    height, width = (
        1 + max(0, math.ceil((1 + 2 * p - k) / s)) + draw(st.integers(0, 3))
        for k, s, p in zip(both(kernel), both(stride), both(padding), strict=True)
    )
    channels = draw(SMALL)
    layer = tc.ConvTranspose2d(channels, draw(SMALL), kernel, stride=stride, padding=padding, bias=draw(st.booleans()))
    return randomised(draw, layer), (numbers(draw, draw(SMALL), height, width, channels),)


@st.composite
def linear(draw):
    channels = draw(SIZE)
    layer = tc.Linear(channels, draw(SIZE), bias=draw(st.booleans()))
    return randomised(draw, layer), (numbers(draw, draw(SIZE), channels),)


@st.composite
def flatten(draw):
    return tc.Flatten(), (numbers(draw, *any_shape(draw)),)


@st.composite
def pool(draw, pooling):
    kernel = draw(sides(1, 3))
    arguments = {"stride": draw(st.one_of(st.none(), sides(1, 4)))}
    if pooling is tc.MaxPool2d:
        arguments["ceil_mode"] = draw(st.booleans())
    height, width = (k + draw(st.integers(0, 5)) for k in both(kernel))
    return pooling(kernel, **arguments), (all_different(draw, draw(SMALL), height, width, draw(SMALL)),)


@st.composite
def upsample(draw):
    mode = draw(st.sampled_from(["nearest", "bilinear"]))
    layer = tc.Upsample(draw(sides(1, 3)), mode, align_corners=mode == "bilinear" and draw(st.booleans()))
    return layer, (numbers(draw, draw(SMALL), draw(SIZE), draw(SIZE), draw(SMALL)),)


@st.composite
def adaptive_avg_pool2d(draw):
    """Windows that divide the picture, that overlap, and more of them than there are pixels."""
    layer = tc.AdaptiveAvgPool2d(draw(sides(1, 4)))
    return layer, (numbers(draw, draw(SMALL), draw(SIZE), draw(SIZE), draw(SMALL)),)


@st.composite
def bilinear_conv_transpose2d(draw):
    layer = tc.BilinearConvTranspose2d(draw(sides(1, 4)), draw(sides(1, 3)))
    return layer, (numbers(draw, draw(SMALL), draw(SIZE), draw(SIZE), draw(SMALL)),)


@st.composite
def batch_norm2d(draw):
    channels = draw(SMALL)
    layer = randomised(draw, tc.BatchNorm2d(channels))
    return layer, (numbers(draw, draw(SMALL), draw(NORM_SIZE), draw(NORM_SIZE), channels),)


@st.composite
def instance_norm2d(draw):
    channels = draw(SMALL)
    layer = randomised(draw, tc.InstanceNorm2d(channels, affine=draw(st.booleans())))
    return layer, (numbers(draw, draw(SMALL), draw(NORM_SIZE), draw(NORM_SIZE), channels),)


@st.composite
def dropout(draw):
    return tc.Dropout(draw(st.sampled_from([0, 0.3, 0.5, 0.8]))), (numbers(draw, *any_shape(draw)),)


@st.composite
def rectifier(draw, make):
    return make(), (away_from_zero(draw, *any_shape(draw)),)


@st.composite
def squasher(draw, make):
    return make(), (numbers(draw, *any_shape(draw)),)


@st.composite
def maxout(draw):
    pieces = draw(st.integers(2, 4))
    return tc.Maxout(pieces), (all_different(draw, *any_shape(draw), pieces * draw(SMALL)),)


@st.composite
def conv_norm_act(draw):
    norm = draw(st.sampled_from(["batch", "instance", None]))
    # Behind an instance norm there is no shift that could keep a rectifier away from its kink.
    kinked = [] if norm == "instance" else ["relu", "leaky_relu"]
    activation = draw(st.sampled_from([*kinked, "sigmoid", "tanh", None]))
    kernel, stride, padding = draw(sides(1, 3)), draw(sides(1, 2)), draw(sides(0, 1))
    # A single weight before a normalisation has no say: its scale is taken out again.
    channels = draw(st.integers(2, 4))
    layer = tc.ConvNormAct(
        channels, draw(SMALL), kernel, stride=stride, padding=padding, norm=norm, activation=activation
    )
    height, width = ((draw(NORM_SIZE) - 1) * s + k for k, s in zip(both(kernel), both(stride), strict=True))
    x = numbers(draw, draw(SMALL), height, width, channels)
    randomised(draw, layer)
    if activation in kinked:
        _shift_away_from_zero(layer, x)
    return layer, (x,)


def _shift_away_from_zero(layer, x):
    """Shift whole channels so far up (or down) that the rectifier is on (or off) for all their pixels."""
    bias = layer.conv.bias if layer.norm is None else layer.norm.bias
    bias.data = np.zeros(bias.data.shape)
    z = layer.conv.predict(x.astype("float32"))
    reach = max(abs(z if layer.norm is None else layer.norm.predict(z, mode=mode)).max() for mode in MODES)
    bias.data = (reach + 1) * (-1.0) ** np.arange(len(bias.data))


@st.composite
def sequential(draw):
    channels, width, height = draw(SMALL), draw(SMALL), draw(st.integers(2, 5))
    layer = tc.Sequential(
        tc.Conv2d(channels, width, 3, padding=1), tc.Tanh(), tc.AvgPool2d(2, 1), tc.Flatten(),
        tc.Linear(width * (height - 1) * 2, 2), tc.Dropout(0.2), tc.Sigmoid(),
    )  # fmt: skip
    return randomised(draw, layer), (numbers(draw, draw(SMALL), height, 3, channels),)


@st.composite
def sequential_of_two_inputs(draw):
    layer = randomised(draw, tc.Sequential(tc.Fusion(2, 3, 2), tc.Tanh()))
    batch = draw(SMALL)
    return layer, (numbers(draw, batch, draw(SIZE), draw(SIZE), 2), numbers(draw, batch, 3))


@st.composite
def way_round(draw, combinator):
    channels = draw(SMALL)
    layer = combinator(tc.Conv2d(channels, channels, 3, padding=1), tc.Tanh())
    return randomised(draw, layer), (numbers(draw, draw(SMALL), draw(SIZE), draw(SIZE), channels),)


@st.composite
def way_round_through_fewer_pixels(draw):
    channels, scale = draw(SMALL), draw(sides(1, 3))
    height, width = (draw(SMALL) * side for side in both(scale))
    layer = tc.Skip(tc.AvgPool2d(scale), tc.Conv2d(channels, draw(SMALL), 3, padding=1), tc.Upsample(scale))
    return randomised(draw, layer), (numbers(draw, draw(SMALL), height, width, channels),)


@st.composite
def concat_of_one_input(draw):
    channels = draw(SMALL)
    layer = tc.Concat(*(tc.Conv2d(channels, draw(SMALL), 1) for _ in range(draw(SMALL))))
    return randomised(draw, layer), (numbers(draw, draw(SMALL), draw(SIZE), draw(SIZE), channels),)


@st.composite
def concat_of_branches(draw):
    shape = draw(SMALL), draw(SIZE), draw(SIZE)
    layer = randomised(draw, tc.Concat(tc.Conv2d(2, draw(SMALL), 3, padding=1), tc.Tanh()))
    return layer, (numbers(draw, *shape, 2), numbers(draw, *shape, draw(SMALL)))


@st.composite
def concat_of_inputs(draw):
    shape = any_shape(draw)
    return tc.Concat(), tuple(numbers(draw, *shape, draw(SMALL)) for _ in range(draw(SMALL)))


@st.composite
def fusion(draw):
    of_map, of_vector, batch = draw(SMALL), draw(SMALL), draw(SMALL)
    layer = randomised(draw, tc.Fusion(of_map, of_vector, draw(SMALL)))
    return layer, (numbers(draw, batch, draw(SIZE), draw(SIZE), of_map), numbers(draw, batch, of_vector))


@st.composite
def cross_circle_cnn(draw):
    size = draw(st.sampled_from([4, 8, 12]))
    net = tc.networks.CrossCircleCNN(size, (draw(SMALL), draw(SMALL)))
    return randomised(draw, smooth(net)), (numbers(draw, draw(SMALL), size, size, 1),)


@st.composite
def color_unet(draw):
    widths = draw(st.sampled_from([(2,), (2, 3), (2, 3, 2)]))
    net = tc.networks.ColorUNet(draw(SMALL), draw(SMALL), widths)
    height, width = (net.multiple * draw(st.integers(3, 4)) for _ in range(2))
    return randomised(draw, smooth(net), gain=4), (numbers(draw, draw(SMALL), height, width, net.in_channels),)


@st.composite
def vgg16(draw):
    net = tc.networks.VGG16(draw(SMALL), width=1 / 256)
    height, width = (draw(st.integers(32, 35)) for _ in range(2))
    return randomised(draw, smooth(net), gain=1.5, shift=0.1), (numbers(draw, draw(SMALL), height, width, 3),)


@st.composite
def fcn(draw, kind):
    net = kind(draw(SMALL), width=1 / 512)
    # With 26 all maps divide evenly: the smooth cousin of max-pooling knows no partial windows.
    return randomised(draw, smooth(net), gain=1.5, shift=0.1), (numbers(draw, draw(st.integers(1, 2)), 26, 26, 3),)


@st.composite
def iizuka(draw):
    net = tc.networks.Iizuka(None, 1 / 64, global_size=32)
    batch = draw(SMALL)
    x = numbers(draw, batch, 8 * draw(NORM_SIZE), 8 * draw(NORM_SIZE), 1)
    return randomised(draw, smooth(net), shift=0.1), (x, numbers(draw, batch, 32, 32, 1))


@st.composite
def iizuka_baseline(draw):
    x = numbers(draw, draw(SMALL), 8 * draw(NORM_SIZE), 8 * draw(NORM_SIZE), 1)
    return randomised(draw, smooth(tc.networks.IizukaBaseline(1 / 64)), shift=0.1), (x,)


@st.composite
def unet(draw):
    upsample = draw(st.sampled_from(["deconv", "nearest", "bilinear"]))
    batch_norm = draw(st.booleans())
    net = tc.networks.UNet(draw(SMALL), draw(SMALL), "same", batch_norm, upsample, width=1 / 32)
    gain, shift = (2, 0.3) if batch_norm else (1.5, 0.1)
    height, width = (draw(st.integers(32, 35)) for _ in range(2))
    x = numbers(draw, draw(st.integers(1, 2)), height, width, net.in_channels)
    return randomised(draw, smooth(net), gain, shift), (x,)


@st.composite
def unet_without_padding(draw):
    net = tc.networks.UNet(draw(SMALL), draw(SMALL), width=1 / 64)
    return randomised(draw, smooth(net), gain=1.5, shift=0.1), (numbers(draw, 1, 188, 188, net.in_channels),)


@st.composite
def zhang(draw, kind):
    net = kind(width=1 / 64)
    height, width = (8 * draw(st.integers(3, 4)) for _ in range(2))
    return randomised(draw, smooth(net), gain=1.5, shift=0.1), (numbers(draw, draw(SMALL), height, width, 1),)


def with_clear_winners(draw, net):
    """Randomise, and shift one piece of every maxout so far up that it wins whatever comes."""
    randomised(draw, net)
    layers = [layer for _, layer in net.walk()]
    for linear, layer in pairwise(layers):
        if isinstance(layer, tc.Maxout):
            pieces = linear.bias.data.reshape(-1, layer.pieces).copy()
            units = range(len(pieces))
            pieces[units, [draw(st.integers(0, layer.pieces - 1)) for _ in units]] += 30
            linear.bias.data = pieces.ravel()
    return net


@st.composite
def gan_generator(draw):
    hidden = draw(st.lists(SMALL, max_size=2))
    net = tc.networks.GANGenerator(draw(SMALL), hidden, draw(SMALL), draw(st.booleans()))
    return randomised(draw, smooth(net)), (numbers(draw, draw(SMALL), net.options["noise"]),)


@st.composite
def gan_discriminator(draw):
    net = tc.networks.GANDiscriminator(draw(SMALL), draw(st.lists(SMALL, max_size=2)), draw(SMALL), (0.2, 0.5))
    return with_clear_winners(draw, net), (numbers(draw, draw(SMALL), net.options["inputs"]),)


@st.composite
def cgan_generator(draw):
    net = tc.networks.CGANGenerator(draw(SMALL), draw(SMALL), draw(SMALL), width=1 / 100)
    batch = draw(SMALL)
    inputs = (numbers(draw, batch, net.options[name]) for name in ("classes", "noise"))
    return randomised(draw, smooth(net)), tuple(inputs)


@st.composite
def cgan_discriminator(draw):
    net = tc.networks.CGANDiscriminator(draw(SMALL), draw(SMALL), width=1 / 50)
    batch = draw(SMALL)
    inputs = (numbers(draw, batch, net.options[name]) for name in ("classes", "inputs"))
    return with_clear_winners(draw, net), tuple(inputs)


@st.composite
def pix2pix_generator(draw):
    norm, skips = draw(st.sampled_from(["batch", "instance"])), draw(st.booleans())
    levels = draw(st.integers(2, 3))
    net = tc.networks.Pix2PixGenerator(draw(SMALL), draw(SMALL), levels, 2, skips, norm, "lua")
    height, width = (net.multiple * draw(st.integers(2, 3)) for _ in range(2))
    x = numbers(draw, draw(SMALL), height, width, net.in_channels)
    return randomised(draw, smooth(net), gain=2, shift=0.3), (x,)


@st.composite
def patch_discriminator(draw, pictures):
    layers = draw(st.integers(0, 2))
    shape = draw(SMALL), *(6 + 6 * layers + draw(st.integers(0, 3)) for _ in range(2))
    xs = tuple(numbers(draw, *shape, draw(SMALL)) for _ in range(pictures))
    net = tc.networks.PatchDiscriminator(sum(x.shape[-1] for x in xs), layers, 2)
    return randomised(draw, smooth(net), gain=2, shift=0.3), xs


def free(name, pairs, **more):
    """A row of a layer that takes any shape."""
    return Row(name, pairs, counts_channels=False, counts_axes=False, **more)


ROWS = [
    Row("Conv2d", conv2d()),
    Row("Conv2d-blocked", conv2d_blocked(), examples=10),
    Row("Conv2d-winograd", conv2d_winograd(), examples=10),
    Row("ConvTranspose2d", conv_transpose2d()),
    Row("Linear", linear()),
    free("Flatten", flatten()),
    Row("MaxPool2d", pool(tc.MaxPool2d), counts_channels=False),
    Row("AvgPool2d", pool(tc.AvgPool2d), counts_channels=False),
    Row("AdaptiveAvgPool2d", adaptive_avg_pool2d(), counts_channels=False),
    Row("BilinearConvTranspose2d", bilinear_conv_transpose2d(), counts_channels=False),
    Row("Upsample", upsample(), counts_channels=False),
    Row("BatchNorm2d", batch_norm2d(), MODES, BENT),
    Row("InstanceNorm2d", instance_norm2d(), tolerance=BENT),
    free("Dropout", dropout(), modes=MODES),
    free("ReLU", rectifier(tc.ReLU)),
    free("LeakyReLU", rectifier(lambda: tc.LeakyReLU(0.2))),
    free("Sigmoid", squasher(tc.Sigmoid)),
    free("Tanh", squasher(tc.Tanh)),
    free("Softmax", squasher(tc.Softmax)),
    Row("Maxout", maxout(), counts_axes=False),
    Row("ConvNormAct", conv_norm_act(), MODES, BENT),
    Row("Sequential", sequential(), tolerance=BENT),
    Row("Sequential-two-inputs", sequential_of_two_inputs(), tolerance=BENT),
    Row("Skip", way_round(tc.Skip), tolerance=BENT),
    Row("Skip-upsample", way_round_through_fewer_pixels(), tolerance=BENT),
    Row("Residual", way_round(tc.Residual), tolerance=BENT),
    Row("Concat-one-input", concat_of_one_input()),
    Row("Concat-branches", concat_of_branches(), tolerance=BENT),
    free("Concat-inputs", concat_of_inputs()),
    Row("Fusion", fusion(), tolerance=BENT),
    Row("CrossCircleCNN", cross_circle_cnn(), tolerance=BENT, examples=20),
    Row("ColorUNet", color_unet(), ("train", "eval"), BENT, examples=10),
    Row("VGG16", vgg16(), tolerance=BENT, examples=5),
    Row("FCN32s", fcn(tc.networks.FCN32s), tolerance=BENT, examples=1),
    Row("FCN16s", fcn(tc.networks.FCN16s), tolerance=BENT, examples=1),
    Row("FCN8s", fcn(tc.networks.FCN8s), tolerance=BENT, examples=1),
    Row("Zhang", zhang(tc.networks.Zhang), tolerance=BENT, examples=3),
    Row("ZhangL2", zhang(tc.networks.ZhangL2), tolerance=BENT, examples=3),
    Row("UNet", unet(), tolerance=BENT, examples=3),
    Row("UNet-valid", unet_without_padding(), tolerance=BENT, examples=1),
    Row("Iizuka", iizuka(), tolerance=BENT, examples=5),
    Row("IizukaBaseline", iizuka_baseline(), tolerance=BENT, examples=5),
    Row("GANGenerator", gan_generator(), tolerance=BENT, examples=20),
    Row("GANDiscriminator", gan_discriminator(), tolerance=BENT, examples=20),
    Row("CGANGenerator", cgan_generator(), tolerance=BENT, examples=10),
    Row("CGANDiscriminator", cgan_discriminator(), tolerance=BENT, examples=10),
    Row("Pix2PixGenerator", pix2pix_generator(), tolerance=BENT, examples=5),
    Row("PatchDiscriminator", patch_discriminator(1), tolerance=BENT, examples=5),
    Row("PatchDiscriminator-two-inputs", patch_discriminator(2), tolerance=BENT, examples=5, counts_channels=False),
]
