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


# Simonyan and Zisserman 2015, table 1, column D: the channels of each 3x3 convolution, and where maps are pooled.
CONFIGURATION_D = (64, 64, "M", 128, 128, "M", 256, 256, 256, "M", 512, 512, 512, "M", 512, 512, 512, "M")
VGG_BLOCKS = tuple(f"blocks.{number}." for number in range(5))


def vgg_features(width: float, batch_norm: bool = False, border: int = 1, ceil_mode: bool = False) -> nn.Sequential:
    layers: list[nn.Module] = []
    inputs = 3
    for item in CONFIGURATION_D:
        if item == "M":
            layers.append(nn.MaxPool2d(2, ceil_mode=ceil_mode))
            continue
        channels = max(1, int(item * width))
        layers.append(nn.Conv2d(inputs, channels, 3, padding=1 if layers else border))
        layers += [nn.BatchNorm2d(channels)] if batch_norm else []
        layers.append(nn.ReLU())
        inputs = channels
    return nn.Sequential(*layers)


def vgg_features_names(features: nn.Sequential, blocks: tuple[str, ...] = VGG_BLOCKS) -> Iterator[tuple[str, str]]:
    """Theirs are numbered through, ours within each block."""
    block = place = 0
    for number, layer in enumerate(features):
        for part in layer.state_dict():
            if part != "num_batches_tracked":
                yield f"{blocks[block]}{place}.{part}", f"features.{number}.{part}"
        place += 1
        if isinstance(layer, nn.MaxPool2d):
            block, place = block + 1, 0


class Kept(nn.Module):
    """Dropout of a given mask."""

    def __init__(self, mask: np.ndarray):
        super().__init__()
        self.mask = to_nchw(mask)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * self.mask / 0.5 if self.training else x


class VGG16Twin(nn.Module):
    """As torchvision has it; ``masks`` say which hidden units stay in train mode."""

    def __init__(self, masks: list[np.ndarray], classes: int, width: float, batch_norm: bool = False):
        super().__init__()
        channels, hidden = int(512 * width), int(4096 * width)
        self.features = vgg_features(width, batch_norm)
        self.classifier = nn.Sequential(
            nn.Linear(channels * 7 * 7, hidden), nn.ReLU(), Kept(masks[0]),
            nn.Linear(hidden, hidden), nn.ReLU(), Kept(masks[1]),
            nn.Linear(hidden, classes),
        )  # fmt: skip
        self.flattened = {"classifier.0.weight": (7, 7, channels)}

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.classifier(nn.functional.adaptive_avg_pool2d(self.features(x), 7).flatten(1))

    def names(self) -> Iterator[tuple[str, str]]:
        """Yield (our name, their name) of every parameter and running statistic."""
        yield from vgg_features_names(self.features)
        for ours, theirs in (("head.2", "classifier.0"), ("head.5", "classifier.3"), ("head.8", "classifier.6")):
            for part in ("weight", "bias"):
                yield f"{ours}.{part}", f"{theirs}.{part}"


class FCNTwin(nn.Module):
    """As the authors' net.py has it, layer by layer; ``stride`` is 32, 16 or 8."""

    def __init__(self, masks: list[np.ndarray], classes: int, width: float, stride: int):
        super().__init__()
        hidden = int(4096 * width)
        self.stride = stride
        self.features = vgg_features(width, border=100, ceil_mode=True)
        self.fc6, self.drop6 = nn.Conv2d(int(512 * width), hidden, 7), Kept(masks[0])
        self.fc7, self.drop7 = nn.Conv2d(hidden, hidden, 1), Kept(masks[1])
        self.score_fr = nn.Conv2d(hidden, classes, 1)
        if stride <= 16:
            self.score_pool4 = nn.Conv2d(int(512 * width), classes, 1)
        if stride <= 8:
            self.score_pool3 = nn.Conv2d(int(256 * width), classes, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        pool3 = self.features[:17](x)
        pool4 = self.features[17:24](pool3)
        pool5 = self.features[24:](pool4)
        fc6 = self.drop6(torch.relu(self.fc6(pool5)))
        fc7 = self.drop7(torch.relu(self.fc7(fc6)))
        score = self.score_fr(fc7)
        if self.stride <= 16:
            upscore2 = deconvolution(score, 4, 2)
            score = upscore2 + crop_like(self.score_pool4(pool4), upscore2, 5)
        if self.stride <= 8:
            upscore_pool4 = deconvolution(score, 4, 2)
            score = upscore_pool4 + crop_like(self.score_pool3(pool3), upscore_pool4, 9)
        upscore = deconvolution(score, 2 * self.stride, self.stride)
        return crop_like(upscore, x, {32: 19, 16: 27, 8: 31}[self.stride])

    def names(self) -> Iterator[tuple[str, str]]:
        """Yield (our name, their name) of every parameter."""
        at_pool4 = {32: "scores.", 16: "scores.4.", 8: "scores.3.deeper.1."}[self.stride]
        block5, head = (
            (f"{at_pool4}deeper.0.", f"{at_pool4}deeper.1.") if self.stride < 32 else ("scores.4.", "scores.5.")
        )
        block4 = "scores.3.deeper.0." if self.stride == 8 else "scores.3."
        yield from vgg_features_names(self.features, ("scores.0.", "scores.1.", "scores.2.", block4, block5))
        places = {"fc6": f"{head}0", "fc7": f"{head}3", "score_fr": f"{head}6"}
        places |= {"score_pool4": f"{at_pool4}score", "score_pool3": "scores.3.score"}
        for theirs, ours in places.items():
            if hasattr(self, theirs):
                for part in ("weight", "bias"):
                    yield f"{ours}.{part}", f"{theirs}.{part}"


def deconvolution(x: torch.Tensor, kernel: int, stride: int) -> torch.Tensor:
    """Enlarge each channel by the filter of the authors' surgery.py, out of a whole bank that is mostly zeros."""
    factor = (kernel + 1) // 2
    centre = factor - 1 if kernel % 2 == 1 else factor - 0.5
    along = 1 - abs(torch.arange(kernel, dtype=x.dtype) - centre) / factor
    bank = torch.zeros(x.shape[1], x.shape[1], kernel, kernel, dtype=x.dtype)
    for channel in range(x.shape[1]):
        bank[channel, channel] = torch.outer(along, along)
    return nn.functional.conv_transpose2d(x, bank, stride=stride)


def crop_like(x: torch.Tensor, reference: torch.Tensor, offset: int) -> torch.Tensor:
    height, width = reference.shape[2:]
    return x[:, :, offset : offset + height, offset : offset + width]


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
