"""Rule 7: weights may not change between a forward and its backward."""

import pytest

import tinycolor as tc
from tinycolor.layers.base import MODES

from contract_examples import picture, small_gan


def assign(net, optimizer):
    net[0].weight.data -= 0.1


def load(net, optimizer):
    net.load_state_dict(net.state_dict())


def step(net, optimizer):
    optimizer.step()


def repack(net, optimizer):
    tc.optim.SGD(net.parameters(), 0.1)


def initialise(net, optimizer):
    tc.init.he_normal(net, tc.Generator(0))


@pytest.mark.parametrize("change", [assign, load, step, repack, initialise])
def test_rule_7_stale_weights_are_an_error(change):
    net = tc.Sequential(tc.Linear(3, 4), tc.Tanh())
    optimizer = tc.optim.Adam(net.parameters())
    versions = [p.version for p in net.parameters()]
    y, backward = net(picture(2, 3))
    change(net, optimizer)
    assert net[0].weight.version > versions[0]
    with pytest.raises(RuntimeError, match=r"^Linear\(3, 4, bias=True\): weight was changed between forward and"):
        backward(y)


@pytest.mark.parametrize("norm", ["batch", "instance", None])
@pytest.mark.parametrize("mode", MODES)
def test_rule_7_every_parameter_of_a_block_is_watched(norm, mode):
    block, x = tc.ConvNormAct(2, 3, 3, norm=norm), picture(2, 5, 5, 2)
    for name, parameter in block.named_parameters():
        y, backward = block(x, mode=mode)
        parameter.data += 1
        with pytest.raises(RuntimeError, match=f"{name.split('.')[-1]} was changed"):
            backward(y)


def test_rule_7_the_next_call_is_fine():
    layer = tc.Linear(3, 4)
    layer.weight.data *= 2
    y, backward = layer(picture(2, 3))
    assert backward(y).shape == (2, 3)


def test_rule_7_a_step_of_one_network_does_not_spoil_the_way_back_through_another():
    generator, discriminator = small_gan()
    before = generator.state_dict()
    of_generator = tc.optim.Adam(generator.parameters())
    of_discriminator = tc.optim.Adam(discriminator.parameters())
    fake, generator_backward = generator(picture(2, 8, 8, 1).astype("float64"))
    y, backward = discriminator(fake)
    backward(y)
    of_discriminator.step()
    with tc.frozen(discriminator):
        y, through = discriminator(fake)
    generator_backward(through(y))
    of_generator.step()
    assert all((array != before[name]).any() for name, array in generator.state_dict().items())
