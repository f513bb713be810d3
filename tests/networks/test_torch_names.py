"""The published names, written down by hand from torchvision's, milesial's, richzhang's and junyanz's sources."""

from itertools import product

import pytest

import tinycolor as tc
from tinycolor.networks.torch_names import published_layers

WEIGHTS = ("weight", "bias")
NORM = (*WEIGHTS, "running_mean", "running_var")


def names(network):
    """Return the names of all that has numbers."""
    return {
        f"{name}.{part}"
        for name, layer in published_layers(network)
        for part in (*dict(layer.own_parameters()), *layer.statistics)
    }


def joined(layers, parts):
    return {f"{layer}.{part}" for layer, part in product(layers, parts)}


def test_vgg16_has_torchvision_s_names():
    convolutions = [f"features.{n}" for n in (0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28)]
    dense = ["classifier.0", "classifier.3", "classifier.6"]
    assert names(tc.networks.VGG16(2, width=1 / 64)) == joined(convolutions + dense, WEIGHTS)


def test_vgg16_with_batch_norm_has_torchvision_s_names():
    convolutions = [f"features.{n}" for n in (0, 3, 7, 10, 14, 17, 20, 24, 27, 30, 34, 37, 40)]
    norms = [f"features.{n}" for n in (1, 4, 8, 11, 15, 18, 21, 25, 28, 31, 35, 38, 41)]
    dense = ["classifier.0", "classifier.3", "classifier.6"]
    wanted = joined(convolutions + dense, WEIGHTS) | joined(norms, NORM)
    assert names(tc.networks.VGG16(2, batch_norm=True, width=1 / 64)) == wanted


def test_u_net_has_milesial_s_names():
    doubles = ["inc", *(f"down{n}.maxpool_conv.1" for n in (1, 2, 3, 4)), *(f"up{n}.conv" for n in (1, 2, 3, 4))]
    convolutions, norms = (
        joined(doubles, ["double_conv.0", "double_conv.3"]),
        joined(doubles, ["double_conv.1", "double_conv.4"]),
    )
    others = ["up1.up", "up2.up", "up3.up", "up4.up", "outc.conv"]
    wanted = joined(convolutions, ["weight"]) | joined(norms, NORM) | joined(others, WEIGHTS)
    assert names(tc.networks.UNet(3, padding="same", batch_norm=True, width=1 / 64)) == wanted


def test_zhang_has_richzhang_s_names():
    places = {
        1: (0, 2),
        2: (0, 2),
        3: (0, 2, 4),
        4: (0, 2, 4),
        5: (0, 2, 4),
        6: (0, 2, 4),
        7: (0, 2, 4),
        8: (0, 2, 4, 6),
    }
    convolutions = [f"model{block}.{place}" for block, row in places.items() for place in row]
    norms = ["model1.4", "model2.4", "model3.6", "model4.6", "model5.6", "model6.6", "model7.6"]
    assert names(tc.networks.Zhang(1 / 64)) == joined(convolutions, WEIGHTS) | joined(norms, NORM)


@pytest.mark.parametrize("levels", [7, 8], ids=["unet_128", "unet_256"])
@pytest.mark.parametrize("style", ["pytorch", "lua"])
def test_the_generator_of_pix2pix_has_junyanz_s_names(levels, style):
    inside = ["model.model.1.model" + ".3.model" * deeper for deeper in range(levels - 1)]
    innermost = inside.pop()
    convolutions = joined(["model.model"], ["0", "3"]) | joined(inside, "15") | joined([innermost], "13")
    norms = joined(inside, "26") | {f"{innermost}.4"}
    wanted = joined(convolutions, ["weight"]) | joined(norms, NORM) | {"model.model.3.bias"}
    assert names(tc.networks.Pix2PixGenerator(3, 3, levels, 1, dropout_style=style)) == wanted


@pytest.mark.parametrize(
    ("layers", "convolutions", "norms"),
    [(1, "025", "3"), (2, "0258", "36"), (3, ["0", "2", "5", "8", "11"], "369")],
    ids=["n_layers 1", "n_layers 2", "basic"],
)
def test_the_discriminator_of_pix2pix_has_junyanz_s_names(layers, convolutions, norms):
    weights, with_bias = joined(["model"], convolutions), joined(["model"], [convolutions[0], convolutions[-1]])
    wanted = joined(weights, ["weight"]) | joined(with_bias, ["bias"]) | joined(joined(["model"], norms), NORM)
    assert names(tc.networks.PatchDiscriminator(6, layers, 1)) == wanted


@pytest.mark.parametrize(
    "network",
    [
        tc.networks.CrossCircleCNN(8, (1, 1)),
        tc.networks.FCN8s(2, 1 / 512),
        tc.networks.ZhangL2(1 / 64),
        tc.networks.UNet(3, width=1 / 64),
        tc.networks.UNet(3, padding="same", batch_norm=True, upsample="bilinear", width=1 / 64),
        tc.networks.Pix2PixGenerator(levels=2, base_width=1, skips=False),
        tc.networks.Pix2PixGenerator(levels=2, base_width=1, norm="instance"),
        tc.networks.PatchDiscriminator(layers=0, base_width=1),
    ],
    ids=lambda network: network.name,
)
def test_networks_without_published_names_are_refused(network):
    with pytest.raises(ValueError, match=rf"got {type(network).__name__}\(.*expected VGG16, Zhang, UNet with padding"):
        tc.load_torch_state_dict(network, {})
