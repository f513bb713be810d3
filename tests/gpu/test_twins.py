"""The functions of ``ops`` and the kernels that stand in for them have one signature and one set of names."""

import inspect

import pytest

from tinycolor import losses
from tinycolor.kernels import conv_naive, conv_tensor, conv_tiled, head, im2col, implicit_gemm, loss
from tinycolor.ops import bias
from tinycolor.ops import conv as plain_conv
from tinycolor.ops import im2col as plain_im2col
from tinycolor.ops.fast import blocked, winograd
from tinycolor.ops.fast.choose import TWINS

ALL = [
    *TWINS.items(),
    (plain_im2col, im2col),
    (plain_conv, head),
    (losses, loss),
    *((plain_conv, module) for module in (conv_naive, conv_tiled, conv_tensor, blocked, winograd)),
]
# What they alone take: where to add a gradient (``choose.add_to``), statistics to move along, what is pooled along.
OF_KERNELS = ("onto", "running", "window")
PAIRS = [
    pytest.param(getattr(plain, name), getattr(twin, name), id=f"{twin.__name__.removeprefix('tinycolor.')}.{name}")
    for plain, twin in ALL
    for name in vars(plain)
    if not name.startswith("_") and inspect.isfunction(getattr(plain, name)) and hasattr(twin, name)
    if getattr(plain, name).__module__ == plain.__name__
    if getattr(twin, name).__module__ in (twin.__name__, implicit_gemm.__name__)
]


@pytest.mark.parametrize(("plain", "twin"), PAIRS)
def test_signatures_are_the_same(plain, twin):
    mine, wanted = (
        [(p.name, p.kind, p.default) for p in inspect.signature(function).parameters.values()]
        for function in (twin, plain)
    )
    assert [parameter for parameter in mine if parameter[0] not in OF_KERNELS] == wanted


# Nobody goes back through a gradient.
@pytest.mark.parametrize("plain", [p for p in TWINS if p is not bias], ids=lambda module: module.__name__)
def test_what_has_a_twin_has_it_with_its_way_back(plain):
    forward = {name for name in vars(TWINS[plain]) if hasattr(plain, f"{name}_dx")}
    assert forward
    for name in forward:
        for way in (name, f"{name}_dx"):
            assert getattr(TWINS[plain], way).__module__ == TWINS[plain].__name__


def test_there_are_as_many_pairs_as_expected():
    assert len(PAIRS) == 8 + 1 + 2 + 3 + 2 + 2 + 2 + 2 + 5 + 1 + 5 * 3
