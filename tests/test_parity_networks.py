"""Whole networks against PyTorch, from equal weights and batches: every gradient, and the losses of training."""

from __future__ import annotations

import numpy as np
import pytest

import tinycolor as tc

from fixtures.formulas import (
    adam_losses,
    color_batch,
    color_unet,
    cross_circle,
    one_step,
    relative_error,
    vote_batch,
)

pytest.importorskip("torch")
from torch_twins import ColorUNetTwin, CrossCircleTwin, load
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
