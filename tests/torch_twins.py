"""PyTorch twins of the networks and layers, and the ways between the two: the oracle of the parity tests.

Ours is NHWC with filters (kh, kw, in, out); theirs is NCHW with filters (out, in, kh, kw). Our (in, out) matrix
of a Linear layer is theirs turned round; if a Flatten stands before it, its inputs also come in another order:
theirs lays a picture out as C, H, W, ours as H, W, C. Gradients have the layout of their weights.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise

import numpy as np
import pytest

import tinycolor as tc

torch = pytest.importorskip("torch")
nn = torch.nn
NCHW, CHANNELS_LAST = torch.contiguous_format, torch.channels_last
LOSSES = {tc.losses.mse: nn.functional.mse_loss, tc.losses.bce: nn.functional.binary_cross_entropy}


def block(in_channels: int, out_channels: int) -> nn.Sequential:
    conv = nn.Conv2d(in_channels, out_channels, 3, padding=1, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(out_channels), nn.ReLU())


def two_blocks(in_channels: int, width: int) -> nn.Sequential:
    return nn.Sequential(block(in_channels, width), block(width, width))


class ColorUNetTwin(nn.Module):
    """The U as one usually writes it in PyTorch: a list of blocks down, a list up; ours is nested."""

    def __init__(self, in_channels: int = 1, out_channels: int = 2, widths: tuple[int, ...] = (32, 64, 128, 256)):
        super().__init__()
        self.down = nn.ModuleList(two_blocks(c, f) for c, f in pairwise((in_channels, *widths)))
        self.up = nn.ModuleList(two_blocks(below + f, f) for f, below in pairwise(widths))
        self.head = nn.Conv2d(widths[0], out_channels, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        skips = []
        for down in self.down[:-1]:
            skips.append(down(x))
            x = nn.functional.max_pool2d(skips[-1], 2)
        x = self.down[-1](x)
        for up, skip in zip(reversed(self.up), reversed(skips), strict=True):
            above = nn.functional.interpolate(x, scale_factor=2, mode="nearest")
            x = up(torch.cat([above, skip], 1))
        return self.head(x)

    def names(self) -> Iterator[tuple[str, str]]:
        """Yield (our name, their name) of every parameter and running statistic."""
        deepest = len(self.down) - 1
        for level in range(deepest):
            ours = "levels." + "1.inner.1." * level
            yield from two_blocks_names(ours + "0.", f"down.{level}.")
            yield from two_blocks_names(ours + "2.", f"up.{level}.")
        yield from two_blocks_names("levels." + "1.inner.1." * deepest, f"down.{deepest}.")
        yield "head.weight", "head.weight"
        yield "head.bias", "head.bias"


def two_blocks_names(ours: str, theirs: str) -> Iterator[tuple[str, str]]:
    for number in (0, 1):
        yield f"{ours}{number}.conv.weight", f"{theirs}{number}.0.weight"
        for part in ("weight", "bias", "running_mean", "running_var"):
            yield f"{ours}{number}.norm.{part}", f"{theirs}{number}.1.{part}"


class CrossCircleTwin(nn.Module):
    def __init__(self, size: int = 28, channels: tuple[int, int] = (8, 16)):
        super().__init__()
        first, second = channels
        self.conv1 = nn.Conv2d(1, first, 3, padding=1)
        self.conv2 = nn.Conv2d(first, second, 3, padding=1)
        self.vote = nn.Linear((size // 4) ** 2 * second, 2)
        self.flattened = {"vote.weight": (size // 4, size // 4, second)}

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = nn.functional.max_pool2d(torch.relu(self.conv1(x)), 2)
        x = nn.functional.max_pool2d(torch.relu(self.conv2(x)), 2)
        return torch.sigmoid(self.vote(x.flatten(1)))

    def names(self) -> Iterator[tuple[str, str]]:
        """Yield (our name, their name) of every parameter."""
        for ours, theirs in (("stages.0", "conv1"), ("stages.3", "conv2"), ("stages.7", "vote")):
            for part in ("weight", "bias"):
                yield f"{ours}.{part}", f"{theirs}.{part}"


def load(twin: nn.Module, state: dict[str, np.ndarray]) -> nn.Module:
    """Give a twin the numbers, and the dtype, of our ``state_dict``; return it."""
    names, flattened = dict(twin.names()), getattr(twin, "flattened", {})
    assert names.keys() == state.keys()
    (dtype,) = {torch.from_numpy(array).dtype for array in state.values()}
    theirs = twin.to(dtype).state_dict()
    for ours, array in state.items():
        theirs[names[ours]].copy_(torch.from_numpy(to_theirs(array, flattened.get(names[ours]))))
    return twin


def gradients(twin: nn.Module) -> dict[str, np.ndarray]:
    """Return a twin's gradients under our names and in our layout."""
    theirs, flattened = dict(twin.named_parameters()), getattr(twin, "flattened", {})
    return {
        ours: to_ours(theirs[name].grad.numpy(), flattened.get(name)) for ours, name in twin.names() if name in theirs
    }


def to_theirs(weight: np.ndarray, flattened: tuple[int, int, int] | None = None) -> np.ndarray:
    """Return a weight of ours in their layout; ``flattened`` is (H, W, C) if its inputs come from a Flatten."""
    if weight.ndim == 4:
        weight = weight.transpose(3, 2, 0, 1)
    elif weight.ndim == 2:
        if flattened:
            weight = weight.reshape(*flattened, -1).transpose(2, 0, 1, 3).reshape(weight.shape)
        weight = weight.T
    return np.ascontiguousarray(weight)


def to_ours(weight: np.ndarray, flattened: tuple[int, int, int] | None = None) -> np.ndarray:
    """Return a weight (or gradient) of theirs in our layout: ``to_theirs`` turned round."""
    if weight.ndim == 4:
        weight = weight.transpose(2, 3, 1, 0)
    elif weight.ndim == 2:
        weight = weight.T
        if flattened:
            h, w, c = flattened
            weight = weight.reshape(c, h, w, -1).transpose(1, 2, 0, 3).reshape(weight.shape)
    return np.ascontiguousarray(weight)


def to_nchw(x: np.ndarray, layout: torch.memory_format = NCHW) -> torch.Tensor:
    """Return a tensor of pictures NCHW from ours, in that layout in memory; rows (N, C) stay as they are.

    The copy is PyTorch's own: with one channel the strides alone tell the layouts apart, and NumPy's mean
    channels_last, which every layer would then take over.
    """
    if x.ndim != 4:
        return torch.from_numpy(x.copy())
    return torch.from_numpy(x).permute(0, 3, 1, 2).clone(memory_format=layout)


def to_nhwc(x: torch.Tensor) -> np.ndarray:
    x = x.detach()
    return np.ascontiguousarray((x.permute(0, 2, 3, 1) if x.ndim == 4 else x).numpy())


def layer_twin(layer: tc.Layer) -> nn.Module:
    """Return PyTorch's layer with the options, weights, running statistics and dtype of one of ours."""
    twin = same_options(layer)
    state = {name: torch.from_numpy(to_theirs(array)) for name, array in layer.state_dict().items()}
    if state:
        # strict=False: theirs also counts the batches.
        twin.to(state["weight"].dtype).load_state_dict(state, strict=False)
    return twin


def same_options(layer: tc.Layer) -> nn.Module:
    match layer:
        case tc.Conv2d(kernel_size=size, stride=stride, padding=padding, dilation=dilation):
            c, f = layer.weight.data.shape[2:]
            return nn.Conv2d(c, f, size, stride, padding, dilation, bias=layer.bias is not None)
        case tc.ConvTranspose2d(kernel_size=size, stride=stride, padding=padding):
            f, c = layer.weight.data.shape[2:]
            return nn.ConvTranspose2d(c, f, size, stride, padding, bias=layer.bias is not None)
        case tc.Linear():
            return nn.Linear(*layer.weight.data.shape, bias=layer.bias is not None)
        case tc.BatchNorm2d(eps=eps, momentum=momentum):
            return nn.BatchNorm2d(len(layer.running_mean), eps, momentum)
        case tc.InstanceNorm2d(channels=channels, eps=eps):
            return nn.InstanceNorm2d(channels, eps, affine=layer.weight is not None)
        case tc.MaxPool2d(kernel_size=size, stride=stride, ceil_mode=ceil_mode):
            return nn.MaxPool2d(size, stride, ceil_mode=ceil_mode)
        case tc.AvgPool2d(kernel_size=size, stride=stride):
            return nn.AvgPool2d(size, stride)
        case tc.Upsample(scale_factor=scale, mode="nearest"):
            return nn.Upsample(scale_factor=scale, mode="nearest")
        case tc.Upsample(scale_factor=scale, align_corners=corners):
            return nn.Upsample(scale_factor=scale, mode="bilinear", align_corners=corners)
        case tc.LeakyReLU(slope=slope):
            return nn.LeakyReLU(slope)
        case tc.Softmax():
            return nn.Softmax(1)
    return {tc.ReLU: nn.ReLU, tc.Sigmoid: nn.Sigmoid, tc.Tanh: nn.Tanh}[type(layer)]()


def there_and_back(twin: nn.Module, x: np.ndarray, dy: np.ndarray) -> dict[str, np.ndarray]:
    """Return y, dx, every gradient and every running statistic of a layer's twin, in our layout."""
    inputs = to_nchw(x).requires_grad_()
    y = twin(inputs)
    y.backward(to_nchw(dy))
    result = {"y": to_nhwc(y), "dx": to_nhwc(inputs.grad)}
    result |= {f"d{name}": to_ours(parameter.grad.numpy()) for name, parameter in twin.named_parameters()}
    return result | {name: buffer.numpy() for name, buffer in twin.named_buffers() if name.startswith("running")}


def one_step(twin: nn.Module, x: np.ndarray, target: np.ndarray, loss: Callable) -> dict[str, np.ndarray]:
    """Return y, loss (named by ours), dx and all gradients of a twin, under our names and in our layout."""
    inputs = to_nchw(x).requires_grad_()
    y = twin(inputs)
    value = LOSSES[loss](y, to_nchw(target))
    twin.zero_grad()
    value.backward()
    return {"y": to_nhwc(y), "loss": np.array(value.item()), "dx": to_nhwc(inputs.grad), **gradients(twin)}


def adam_losses(
    twin: nn.Module, x: np.ndarray, target: np.ndarray, loss: Callable, steps: int, layout: torch.memory_format = NCHW
) -> np.ndarray:
    """Return the loss of every step of Adam with its defaults (rate 0.001) on one batch."""
    twin.to(memory_format=layout)
    inputs, wanted = to_nchw(x, layout), to_nchw(target, layout)
    adam = torch.optim.Adam(twin.parameters())
    losses = []
    for _ in range(steps):
        adam.zero_grad()
        value = LOSSES[loss](twin(inputs), wanted)
        value.backward()
        adam.step()
        losses.append(value.item())
    return np.array(losses)
