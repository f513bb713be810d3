"""What the tests of several rules use: small pictures, networks, and convolutions that take each algorithm."""

import hashlib

import numpy as np
import pytest

import tinycolor as tc
from tinycolor.ops import conv as conv_ops
from tinycolor.ops.fast import blocked, winograd

CONVS_BY_ALGORITHM = {
    conv_ops: (lambda: tc.Conv2d(2, 3, 3, padding=1), (2, 8, 8, 2)),
    blocked: (lambda: tc.Conv2d(16, 32, 3, padding=1), (4, 32, 32, 16)),
    winograd: (lambda: tc.Conv2d(32, 32, 3, padding=1), (4, 32, 32, 32)),
}
every_algorithm = pytest.mark.parametrize(
    ("make", "shape"), CONVS_BY_ALGORITHM.values(), ids=[m.__name__.split(".")[-1] for m in CONVS_BY_ALGORITHM]
)


def picture(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def grads(layer):
    return [parameter.grad.copy() for parameter in layer.parameters()]


def small_gan():
    generator = tc.Sequential(tc.Conv2d(1, 4, 3, padding=1), tc.Tanh(), tc.Conv2d(4, 2, 1))
    discriminator = tc.Sequential(
        tc.ConvNormAct(2, 4, 3, padding=1, norm="batch", activation="leaky_relu"),
        tc.ConvNormAct(4, 4, 3, padding=1, norm="instance", activation="leaky_relu"),
        tc.Flatten(),
        tc.Linear(4 * 8 * 8, 1),
    )
    return generator.astype("float64"), discriminator.astype("float64")


def digest(net):
    sha = hashlib.sha256()
    for name, array in net.state_dict().items():
        sha.update(name.encode() + array.tobytes())
    return sha.hexdigest()
