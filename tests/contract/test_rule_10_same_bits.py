"""Rule 10: same seed, same device, same bits."""

import pytest

import tinycolor as tc

from contract_examples import digest, every_algorithm, grads, picture


def trained_color_unet():
    net = tc.networks.ColorUNet(widths=(32, 32))
    optimizer = tc.optim.Adam(net.parameters())
    x, target = picture(4, 32, 32, 1), picture(4, 32, 32, 2, seed=1)
    for _ in range(20):
        y, backward = net(x)
        _, dy = tc.losses.mse(y, target)
        net.zero_grad()
        backward(dy)
        optimizer.step()
    return digest(net)


@pytest.fixture(scope="module")
def reference_digest():
    with tc.lanes(2):
        return trained_color_unet()


@pytest.mark.parametrize("count", [2, 1], ids=["again", "in one lane"])
def test_rule_10_the_same_seed_gives_the_same_bits(count, reference_digest):
    with tc.lanes(count):
        assert trained_color_unet() == reference_digest


@every_algorithm
def test_rule_10_any_number_of_lanes_gives_the_same_bits(make, shape):
    layer, x = make(), picture(*shape)
    results = []
    for count in (1, 2, 3):
        with tc.lanes(count):
            layer.zero_grad()
            y, backward = layer(x)
            results.append(b"".join(array.tobytes() for array in (y, backward(y), *grads(layer))))
    assert results == [results[0]] * 3


def test_rule_10_another_seed_gives_other_bits():
    first, second = (digest(tc.networks.ColorUNet(widths=(4, 4), seed=seed)) for seed in (0, 1))
    assert first != second
