"""Optimizers against their formulas, restated number by number, and against PyTorch; schedules likewise."""

from collections.abc import Callable
from math import cos, isclose, pi, sqrt

import numpy as np
import pytest

import tinycolor as tc
from tinycolor import Parameter, lanes, optim
from tinycolor.optim import SGD, Adadelta, Adam, RMSprop

SHAPES = [(3, 2, 4), (5,), (1, 1), (7, 2)]
STEPS = 6


def make_parameters(dtype: str = "float64") -> list[Parameter]:
    rng = np.random.default_rng(0)
    return [Parameter(rng.standard_normal(shape).astype(dtype)) for shape in SHAPES]


def gradients(step: int) -> list[np.ndarray]:
    """Gradients of very different sizes; that of the second parameter is zero at first."""
    rng = np.random.default_rng(100 + step)
    drawn = [10.0**power * rng.standard_normal(shape) for power, shape in enumerate(SHAPES, start=-2)]
    drawn[1] *= step > 1
    return drawn


def run(optimizer: optim.Optimizer, steps: int = STEPS) -> list[np.ndarray]:
    """Return all numbers of all parameters after the steps."""
    for step in range(steps):
        for parameter, gradient in zip(optimizer.parameters, gradients(step), strict=True):
            parameter.grad[...] = gradient
        optimizer.step()
    return [parameter.data.copy() for parameter in optimizer.parameters]


# The formulas for one number: each is given w and its gradient and returns the next w.


def sgd(rate: float, momentum: float = 0.0, weight_decay: float = 0.0) -> Callable[[float, float], float]:
    v = 0.0

    def update(w: float, grad: float) -> float:
        nonlocal v
        g = grad + weight_decay * w
        v = momentum * v + g
        return w - rate * v

    return update


def adam(rate: float, b1: float = 0.9, b2: float = 0.999, eps: float = 1e-8) -> Callable[[float, float], float]:
    m = v = 0.0
    t = 0

    def update(w: float, g: float) -> float:
        nonlocal m, v, t
        t += 1
        m = b1 * m + (1 - b1) * g
        v = b2 * v + (1 - b2) * g**2
        m_hat, v_hat = m / (1 - b1**t), v / (1 - b2**t)
        return w - rate * m_hat / (sqrt(v_hat) + eps)

    return update


def rmsprop(rate: float, alpha: float = 0.99, eps: float = 1e-8) -> Callable[[float, float], float]:
    v = 0.0

    def update(w: float, g: float) -> float:
        nonlocal v
        v = alpha * v + (1 - alpha) * g**2
        return w - rate * g / (sqrt(v) + eps)

    return update


def adadelta(rate: float = 1.0, rho: float = 0.95, eps: float = 1e-6) -> Callable[[float, float], float]:
    v = u = 0.0

    def update(w: float, g: float) -> float:
        nonlocal v, u
        v = rho * v + (1 - rho) * g**2
        d = g * sqrt(u + eps) / sqrt(v + eps)
        u = rho * u + (1 - rho) * d**2
        return w - rate * d

    return update


def run_formula(make_update: Callable[[], Callable[[float, float], float]]) -> list[np.ndarray]:
    results = []
    for index, parameter in enumerate(make_parameters()):
        w = parameter.data.copy()
        for place in np.ndindex(w.shape):
            update = make_update()
            for step in range(STEPS):
                w[place] = update(w[place], gradients(step)[index][place])
        results.append(w)
    return results


OPTIMIZERS = {
    "SGD": (lambda p: SGD(p, 0.1), lambda: sgd(0.1)),
    "SGD with momentum": (lambda p: SGD(p, 0.1, momentum=0.9), lambda: sgd(0.1, 0.9)),
    "SGD with decay": (lambda p: SGD(p, 0.1, weight_decay=0.01), lambda: sgd(0.1, 0.0, 0.01)),
    "SGD with both": (lambda p: SGD(p, 0.1, momentum=0.9, weight_decay=0.01), lambda: sgd(0.1, 0.9, 0.01)),
    "Adam": (lambda p: Adam(p, 0.01), lambda: adam(0.01)),
    "Adam for GANs": (lambda p: Adam(p, 0.01, betas=(0.5, 0.9), eps=1e-3), lambda: adam(0.01, 0.5, 0.9, 1e-3)),
    "RMSprop": (lambda p: RMSprop(p, 0.01), lambda: rmsprop(0.01)),
    "RMSprop that forgets": (lambda p: RMSprop(p, 0.01, alpha=0.5, eps=1e-3), lambda: rmsprop(0.01, 0.5, 1e-3)),
    "Adadelta": (Adadelta, adadelta),
    "Adadelta that forgets": (lambda p: Adadelta(p, 0.5, rho=0.5, eps=1e-3), lambda: adadelta(0.5, 0.5, 1e-3)),
}
Make = Callable[[list[Parameter]], optim.Optimizer]
makes = pytest.mark.parametrize("make", [make for make, _ in OPTIMIZERS.values()], ids=OPTIMIZERS.keys())


@pytest.mark.parametrize(("make", "formula"), OPTIMIZERS.values(), ids=OPTIMIZERS.keys())
def test_optimizer_follows_its_formula(make: Make, formula: Callable) -> None:
    for got, wanted in zip(run(make(make_parameters())), run_formula(formula), strict=True):
        np.testing.assert_allclose(got, wanted, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize(("make", "formula"), OPTIMIZERS.values(), ids=OPTIMIZERS.keys())
def test_float32_stays_near_the_formula(make: Make, formula: Callable) -> None:
    for got, wanted in zip(run(make(make_parameters("float32"))), run_formula(formula), strict=True):
        assert got.dtype == "float32"
        np.testing.assert_allclose(got, wanted, rtol=1e-4, atol=1e-5)


@pytest.mark.parity
@pytest.mark.parametrize(
    ("make", "theirs"),
    [
        (lambda p: SGD(p, 0.1), lambda torch, p: torch.SGD(p, lr=0.1)),
        (
            lambda p: SGD(p, 0.1, momentum=0.9, weight_decay=0.01),
            lambda torch, p: torch.SGD(p, lr=0.1, momentum=0.9, weight_decay=0.01),
        ),
        (Adam, lambda torch, p: torch.Adam(p)),
        (
            lambda p: Adam(p, 0.01, betas=(0.5, 0.9), eps=1e-3),
            lambda torch, p: torch.Adam(p, lr=0.01, betas=(0.5, 0.9), eps=1e-3),
        ),
        (
            lambda p: Adam(p, 1e-2, betas=(0.9, 0.99), weight_decay=0.1),
            lambda torch, p: torch.Adam(p, lr=1e-2, betas=(0.9, 0.99), weight_decay=0.1),
        ),
        (RMSprop, lambda torch, p: torch.RMSprop(p)),
        (
            lambda p: RMSprop(p, 0.02, alpha=0.5, eps=1e-3),
            lambda torch, p: torch.RMSprop(p, lr=0.02, alpha=0.5, eps=1e-3),
        ),
        (lambda p: Adadelta(p, rho=0.95), lambda torch, p: torch.Adadelta(p, lr=1.0, rho=0.95)),
        (
            lambda p: Adadelta(p, 0.5, rho=0.5, eps=1e-3),
            lambda torch, p: torch.Adadelta(p, lr=0.5, rho=0.5, eps=1e-3),
        ),
    ],
    ids=["SGD", "SGD-2", "Adam", "Adam-2", "Adam-decay", "RMSprop", "RMSprop-2", "Adadelta", "Adadelta-2"],
)
def test_optimizer_agrees_with_torch(make: Make, theirs: Callable) -> None:
    torch = pytest.importorskip("torch")
    there = [torch.tensor(p.data, requires_grad=True) for p in make_parameters()]
    optimizer = theirs(torch.optim, there)
    for step in range(STEPS):
        for parameter, gradient in zip(there, gradients(step), strict=True):
            parameter.grad = torch.tensor(gradient)
        optimizer.step()
    for got, wanted in zip(run(make(make_parameters())), there, strict=True):
        np.testing.assert_allclose(got, wanted.detach(), rtol=1e-9, atol=1e-12)


@makes
@pytest.mark.parametrize("count", [1, 2, 3])
def test_blocks_and_lanes_do_not_change_a_bit(make: Make, count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    in_one_block = run(make(make_parameters("float32")))
    monkeypatch.setattr(optim, "BLOCK", 4)
    with lanes(count):
        in_many = run(make(make_parameters("float32")))
    for got, wanted in zip(in_many, in_one_block, strict=True):
        np.testing.assert_array_equal(got, wanted)


def test_parameters_move_into_one_buffer_with_their_numbers_and_gradients() -> None:
    parameters, originals = make_parameters(), make_parameters()
    for parameter in parameters:
        parameter.grad += 3
    optimizer = SGD(parameters, 0.1)
    for parameter, original in zip(parameters, originals, strict=True):
        np.testing.assert_array_equal(parameter.data, original.data)
        assert (parameter.grad == 3).all()
        assert np.shares_memory(parameter.data, optimizer.data)
        assert np.shares_memory(parameter.grad, optimizer.grad)
    assert optimizer.data.size == sum(p.data.size for p in originals)


def test_a_step_counts_versions_and_keeps_gradients() -> None:
    parameters = make_parameters()
    optimizer = Adam(parameters)
    before = [p.version for p in parameters]
    run(optimizer, steps=1)
    assert [p.version for p in parameters] == [version + 1 for version in before]
    for parameter, gradient in zip(parameters, gradients(0), strict=True):
        np.testing.assert_array_equal(parameter.grad, gradient)


def test_a_step_uses_the_schedule_from_step_zero() -> None:
    parameter = Parameter(np.zeros(1))
    optimizer = SGD([parameter], lambda step: [1.0, 10.0, 100.0][step])
    parameter.grad += 1
    seen = []
    for _ in range(3):
        optimizer.step()
        seen.append(parameter.data.item())
    assert seen == [-1, -11, -111]


@makes
def test_no_parameters_are_refused(make: Make) -> None:
    with pytest.raises(ValueError, match="got no parameters"):
        make([])


@makes
def test_the_same_parameter_twice_is_refused(make: Make) -> None:
    parameters = make_parameters()
    with pytest.raises(ValueError, match="got a parameter twice"):
        make([*parameters, parameters[0]])


@makes
def test_mixed_dtypes_are_refused(make: Make) -> None:
    with pytest.raises(ValueError, match=r"got parameters of \['float32', 'float64'\]"):
        make([*make_parameters("float32"), *make_parameters("float64")])


@makes
def test_a_step_after_another_optimizer_took_over_is_refused(make: Make) -> None:
    parameters = make_parameters()
    first, second = make(parameters), make(parameters[:1])
    with pytest.raises(RuntimeError, match="another optimizer has taken over"):
        first.step()
    second.step()


# State.


def run_on(optimizer: optim.Optimizer, first: int, last: int) -> None:
    for step in range(first, last):
        for parameter, gradient in zip(optimizer.parameters, gradients(step), strict=True):
            parameter.grad = gradient
        optimizer.step()


@makes
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_with_its_state_an_optimizer_goes_on_bit_for_bit(make: Make, dtype: str) -> None:
    straight = make(make_parameters(dtype))
    run_on(straight, 0, STEPS)
    stopped = make(make_parameters(dtype))
    run_on(stopped, 0, 4)
    resumed = make([Parameter(p.data) for p in stopped.parameters])
    resumed.load_state_dict(stopped.state_dict())
    run_on(resumed, 4, STEPS)
    np.testing.assert_array_equal(resumed.data, straight.data)


def test_with_its_state_an_optimizer_goes_on_in_its_schedule() -> None:
    rates: list[int] = []

    def make() -> SGD:
        return SGD([Parameter(np.zeros(1))], lambda step: rates.append(step) or 0.1)  # type: ignore[func-returns-value]

    first, second = make(), make()
    first.step()
    first.step()
    second.load_state_dict(first.state_dict())
    second.step()
    assert rates == [0, 1, 2]


@makes
def test_a_state_is_a_copy_both_ways(make: Make) -> None:
    optimizer = make(make_parameters())
    run_on(optimizer, 0, 3)
    state = optimizer.state_dict()
    kept = {name: array.copy() for name, array in state.items()}
    run_on(optimizer, 3, 4)
    for name, array in kept.items():
        np.testing.assert_array_equal(state[name], array)
    optimizer.load_state_dict(state)
    run_on(optimizer, 3, 4)
    for name, array in kept.items():
        np.testing.assert_array_equal(state[name], array)


def test_each_optimizer_remembers_what_its_formula_needs() -> None:
    size = sum(p.data.size for p in make_parameters())
    wanted = {SGD: set(), Adam: {"m", "v"}, RMSprop: {"v"}, Adadelta: {"v", "u"}}
    for kind, names in wanted.items():
        state = kind(make_parameters("float32"), 0.1).state_dict()
        assert state.keys() == names | {"steps"}
        assert state["steps"].dtype == "int64"
        assert all((state[name].shape, state[name].dtype) == ((size,), "float32") for name in names)
    assert SGD(make_parameters(), 0.1, momentum=0.9).state_dict().keys() == {"steps", "velocity"}


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda state: state.pop("v"), r"Adam.load_state_dict got missing names \['v'\] and unknown names \[\]"),
        (lambda state: state.update(u=state["v"]), r"got missing names \[\] and unknown names \['u'\]"),
        (lambda state: state.update(v=state["v"][1:]), r"got v of shape \(43,\), float64, expected \(44,\), float64"),
        (lambda state: state.update(v=state["v"].astype("float32")), r"got v of shape \(44,\), float32, expected"),
        (lambda state: state.update(steps=3.5), r"got steps of shape \(\), float, expected \(\), int64"),
    ],
    ids=["missing", "unknown", "shape", "dtype", "steps"],
)
def test_a_state_that_does_not_fit_changes_nothing(change: Callable, sentence: str) -> None:
    optimizer, other = Adam(make_parameters()), Adam(make_parameters())
    run_on(optimizer, 0, 3)
    run_on(other, 0, 5)
    before, state = optimizer.state_dict(), other.state_dict()
    change(state)
    with pytest.raises(ValueError, match=sentence):
        optimizer.load_state_dict(state)
    for name, array in optimizer.state_dict().items():
        np.testing.assert_array_equal(array, before[name])


def test_the_state_of_another_kind_is_refused() -> None:
    with pytest.raises(ValueError, match=r"RMSprop.load_state_dict got missing names \[\] and unknown names \['m'\]"):
        RMSprop(make_parameters()).load_state_dict(Adam(make_parameters()).state_dict())


# Schedules.


def test_constant_never_changes() -> None:
    schedule = optim.constant(0.3)
    assert [schedule(step) for step in (0, 1, 10**6)] == [0.3] * 3


def test_step_decay_falls_in_steps() -> None:
    schedule = optim.step_decay(8.0, every=3, factor=0.5)
    assert [schedule(step) for step in range(8)] == [8, 8, 8, 4, 4, 4, 2, 2]


def test_a_warm_up_begins_at_nothing_and_catches_up() -> None:
    schedule = optim.warm_up(lambda step: 100 - step, 10)
    assert [schedule(step) for step in (0, 5, 10, 20)] == [0, 47.5, 90, 80]


def test_linear_decay_stays_then_falls_to_zero_and_stays_there() -> None:
    schedule = optim.linear_decay(8.0, constant_steps=3, decay_steps=4)
    assert [schedule(step) for step in range(9)] == [8, 8, 8, 8, 6, 4, 2, 0, 0]


def test_one_cycle_climbs_and_falls_on_cosines() -> None:
    schedule = optim.one_cycle(1.0, total_steps=100, warmup=0.3)
    first, last = 1 / 25, 1 / 25e4
    for step in range(30):
        assert isclose(schedule(step), first + (1 - first) * (1 - cos(pi * step / 29)) / 2)
    for step in range(29, 100):
        assert isclose(schedule(step), last + (1 - last) * (1 + cos(pi * (step - 29) / 70)) / 2)
    assert isclose(schedule(1000), last)


@pytest.mark.parametrize("total_steps", [2, 5, 10, 100])
@pytest.mark.parametrize("warmup", [0.1, 0.2, 0.5, 0.9])
def test_one_cycle_is_defined_for_every_step_of_a_short_run(total_steps: int, warmup: float) -> None:
    schedule = optim.one_cycle(1.0, total_steps, warmup)
    rates = [schedule(step) for step in range(total_steps)]
    assert max(rates) <= 1
    assert isclose(rates[-1], 1 / 25e4)


@pytest.mark.parity
@pytest.mark.parametrize(("total_steps", "warmup"), [(10, 0.3), (50, 0.3), (37, 0.25), (20, 0.5)])
def test_one_cycle_agrees_with_torch(total_steps: int, warmup: float) -> None:
    torch = pytest.importorskip("torch")
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    theirs = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, max_lr=0.1, total_steps=total_steps, pct_start=warmup, cycle_momentum=False
    )
    schedule = optim.one_cycle(0.1, total_steps, warmup)
    for step in range(total_steps):
        assert isclose(schedule(step), theirs.get_last_lr()[0], rel_tol=1e-12)
        optimizer.step()
        if step < total_steps - 1:
            theirs.step()


def test_sgd_without_momentum_forgets_an_infinite_gradient() -> None:
    parameter = tc.Parameter(np.ones(3))
    optimizer = optim.SGD([parameter], 0.1)
    parameter.grad = np.full(3, np.inf)
    optimizer.step()
    parameter.data = np.ones(3)
    parameter.grad = np.ones(3)
    optimizer.step()
    np.testing.assert_allclose(parameter.data, 0.9)
