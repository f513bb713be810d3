"""Whole networks against PyTorch, from equal weights and batches: every gradient, and the losses of training."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

import tinycolor as tc

from fixtures.formulas import (
    adam_losses,
    color_batch,
    color_unet,
    cross_circle,
    noise,
    one_step,
    relative_error,
    set_weights,
    vote_batch,
)

pytest.importorskip("torch")
from torch_twins import ColorUNetTwin, CrossCircleTwin, FCNTwin, VGG16Twin, load
from torch_twins import adam_losses as their_adam_losses
from torch_twins import one_step as their_one_step

pytestmark = pytest.mark.parity
MSE, BCE = tc.losses.mse, tc.losses.bce


def assert_same_step(network: tc.Layer, twin: object, batch: tuple[np.ndarray, np.ndarray], loss: object) -> None:
    """Compare y, loss, dx and every gradient; errors are shares of the largest number of each tensor."""
    load(twin, network.state_dict())
    ours, theirs = one_step(network, *batch, loss), their_one_step(twin, *batch, loss)
    assert ours.keys() == theirs.keys()
    errors = {name: relative_error(ours[name], theirs[name]) for name in ours}
    assert max(errors.values()) <= 1e-8, errors


def test_every_gradient_of_color_unet():
    assert_same_step(color_unet(), ColorUNetTwin(), color_batch(2, 64), MSE)


def test_every_gradient_of_a_color_unet_of_odd_widths():
    widths = (5, 3, 7)
    assert_same_step(color_unet(widths), ColorUNetTwin(widths=widths), color_batch(3, 12), MSE)


def test_every_gradient_of_cross_circle():
    assert_same_step(cross_circle(), CrossCircleTwin(), vote_batch(8), BCE)


def test_color_unet_predicts_the_same_with_running_statistics():
    network = color_unet((4, 6, 8))
    twin = load(ColorUNetTwin(widths=(4, 6, 8)), network.state_dict()).eval()
    x, target = color_batch(2, 16)
    assert relative_error(network.predict(x), their_one_step(twin, x, target, MSE)["y"]) <= 1e-10


def test_losses_of_twenty_adam_steps_of_color_unet():
    network, batch = color_unet(), color_batch(2, 32)
    twin = load(ColorUNetTwin(), network.state_dict())
    theirs = their_adam_losses(twin, *batch, MSE, 20)
    np.testing.assert_allclose(adam_losses(network, *batch, MSE, 20), theirs, rtol=0, atol=1e-7)


def test_losses_of_ten_adam_steps_of_cross_circle():
    network, batch = cross_circle(), vote_batch(8)
    twin = load(CrossCircleTwin(), network.state_dict())
    theirs = their_adam_losses(twin, *batch, BCE, 10)
    np.testing.assert_allclose(adam_losses(network, *batch, BCE, 10), theirs, rtol=0, atol=1e-8)


# --- VGG-16 and FCN: Simonyan and Zisserman's table and the authors' net.py, a sixteenth as wide -----------------

NARROW, CLASSES, HIDDEN = 1 / 16, 5, 256
SIZE = (45, 70)
# float64, and float32: outputs and gradients.
PRECISIONS = {"float64": (1e-9, 1e-9), "float32": (1e-5, 1e-4)}
every_precision = pytest.mark.parametrize("dtype", PRECISIONS)
FCNS = {32: tc.networks.FCN32s, 16: tc.networks.FCN16s, 8: tc.networks.FCN8s}


def with_masks(network: tc.Layer, *shape: int) -> list[np.ndarray]:
    """Let both dropouts keep half of their units, given by formula; return the masks."""
    masks = [noise((*shape, HIDDEN), phase) > 0 for phase in (11, 12)]
    dropouts = [layer for _, layer in network.walk() if isinstance(layer, tc.Dropout)]
    for dropout, mask in zip(dropouts, masks, strict=True):
        dropout.mask = mask
    return masks


def biases_before_norm(network: tc.Layer) -> Iterator[str]:
    """Yield the names of biases that the batch norm behind their convolution takes out again."""
    for path, layer in network.walk():
        for place, part in enumerate(getattr(layer, "layers", [])):
            if isinstance(part, tc.BatchNorm2d):
                yield f"{path}{place - 1}.bias"


def assert_same_narrow_step(network: tc.Layer, twin: object, shape: tuple[int, ...], dtype: str) -> None:
    """Compare y, dx and all gradients but those that batch norm brings to nothing, which are to be nothing."""
    network = network.astype(dtype)
    load(twin, network.state_dict())
    x, target = noise((2, *SIZE, 3), 1).astype(dtype), noise(shape, 2).astype(dtype)
    ours, theirs = one_step(network, x, target, MSE), their_one_step(twin, x, target, MSE)
    assert ours.keys() == theirs.keys()
    before_norm = set(biases_before_norm(network))
    errors = {name: relative_error(ours[name], theirs[name]) for name in ours.keys() - before_norm - {"loss"}}
    of_output, of_gradients = PRECISIONS[dtype]
    assert errors.pop("y") <= of_output
    assert max(errors.values()) <= of_gradients, errors
    median = np.median([abs(ours[name]).max() for name in errors])
    assert all(abs(step[name]).max() <= of_gradients * median for name in before_norm for step in (ours, theirs))


@every_precision
@pytest.mark.parametrize("batch_norm", [False, True])
def test_every_gradient_of_vgg16(batch_norm, dtype):
    network = set_weights(tc.networks.VGG16(CLASSES, batch_norm, NARROW))
    twin = VGG16Twin(with_masks(network, 2), CLASSES, NARROW, batch_norm)
    assert_same_narrow_step(network, twin, (2, CLASSES), dtype)


@every_precision
@pytest.mark.parametrize("stride", FCNS)
def test_every_gradient_of_fcn(stride, dtype):
    network = set_weights(FCNS[stride](CLASSES, NARROW))
    twin = FCNTwin(with_masks(network, 2, 2, 3), CLASSES, NARROW, stride)
    assert_same_narrow_step(network, twin, (2, *SIZE, CLASSES), dtype)


def test_vgg16_and_fcn_predict_the_same_in_eval_mode():
    x = noise((2, *SIZE, 3), 1)
    vgg, fcn = set_weights(tc.networks.VGG16(CLASSES, True, NARROW)), set_weights(tc.networks.FCN8s(CLASSES, NARROW))
    for network, twin in (
        (vgg, VGG16Twin(with_masks(vgg, 2), CLASSES, NARROW, True)),
        (fcn, FCNTwin(with_masks(fcn, 2, 2, 3), CLASSES, NARROW, 8)),
    ):
        y = network.predict(x)
        theirs = their_one_step(load(twin, network.state_dict()).eval(), x, 0 * y, MSE)
        assert relative_error(y, theirs["y"]) <= 1e-10
