"""Rule 2: nobody writes into what it was given."""

import tinycolor as tc

from contract_examples import every_algorithm, picture


@every_algorithm
def test_rule_2_nobody_writes_into_what_it_was_given(make, shape):
    block = tc.Sequential(make(), tc.BatchNorm2d(make().weight.data.shape[-1]), tc.ReLU(), tc.MaxPool2d(2))
    x = picture(*shape)
    x.flags.writeable = False
    y, backward = block(x)
    dy = picture(*y.shape)
    dy.flags.writeable = False
    assert backward(dy).shape == x.shape


def test_rule_2_the_network_as_it_is_leaves_its_input_alone():
    net, x = tc.networks.ColorUNet(widths=(32, 32)), picture(4, 32, 32, 1)
    x.flags.writeable = False
    y, backward = net(x)
    y.flags.writeable = False
    assert backward(y).shape == x.shape
