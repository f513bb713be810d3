"""Networks, optimizers and checkpoints go from device to device, and what is missing is named."""

import copy
import sys

import numpy as np
import pytest
from pretend_cuda import machine

import tinycolor as tc
from tinycolor import backend
from tinycolor.kernels import conv_tensor, conv_tiled, rounding
from tinycolor.kernels.norm_pool import Window
from tinycolor.ops import conv as plain
from tinycolor.ops.fast.choose import conv2d_algorithm


@pytest.fixture
def network():
    return tc.networks.ColorUNet(widths=(2, 3), size=4)


@pytest.fixture
def batch():
    return tc.Generator(1).normal((2, 4, 4, 1)), tc.Generator(2).normal((2, 4, 4, 2))


def learn(network, optimizer, batch):
    x, target = (tc.to_device(array, "gpu" if optimizer.clock else "cpu") for array in batch)
    y, backward = network(x)
    loss, dy = tc.losses.mse(y, target)
    network.zero_grad()
    backward(dy)
    optimizer.step()
    return float(loss)


def test_arrays_go_there_and_back(cupy):
    x = np.arange(6.0).reshape(2, 3)
    moved = tc.to_device(x, "gpu")
    assert tc.array_module(moved) is cupy
    assert tc.to_device(moved, "gpu") is moved
    assert tc.to_device(x, "cpu") is x
    np.testing.assert_array_equal(tc.to_numpy(moved), x)
    np.testing.assert_array_equal(tc.to_device(moved, "cpu"), x)
    assert tc.to_numpy(x) is x


def test_a_network_is_copied_with_all_its_arrays(cupy, network):
    layers = tc.Sequential(network, tc.Dropout(0.5, mask=np.ones((2, 4, 4, 2), bool)))
    moved = tc.to_device(layers, "gpu")
    arrays = [array for p in moved.parameters() for array in (p.data, p.grad)]
    arrays += [getattr(layer, name) for _, layer in moved.walk() for name in layer.statistics]
    assert {tc.array_module(array) for array in [*arrays, moved[1].mask]} == {cupy}
    assert {tc.array_module(p.data) for p in layers.parameters()} == {np}
    assert tc.to_device(moved, "gpu") is moved
    assert tc.to_device(layers, "cpu") is layers
    back = tc.to_device(moved, "cpu")
    for (name, array), (other, wanted) in zip(back.state_dict().items(), layers.state_dict().items(), strict=True):
        assert name == other
        np.testing.assert_array_equal(array, wanted)


@pytest.mark.usefixtures("cupy")
def test_the_two_devices_give_the_same_answers(network, batch):
    twin = tc.to_device(network, "gpu")
    with tc.precision("fp32"):
        y, wanted = tc.to_numpy(twin.predict(tc.to_device(batch[0], "gpu"))), network.predict(batch[0])
    np.testing.assert_allclose(y, wanted, rtol=1e-4, atol=1e-6)


@pytest.mark.usefixtures("cupy")
def test_numpy_arrays_are_answered_with_numpy_arrays(network, batch):
    twin = tc.to_device(network, "gpu")
    wanted = tc.to_numpy(twin.predict(tc.to_device(batch[0], "gpu")))
    np.testing.assert_array_equal(backend.answer(twin, batch[0]), wanted)
    np.testing.assert_array_equal(backend.answer(network, batch[0]), network.predict(batch[0]))
    both = tc.to_device(tc.Sequential(TwoAnswers(network)), "gpu")
    for array in backend.answer(both, batch[0]):
        np.testing.assert_array_equal(array, wanted)


class TwoAnswers(tc.Layer):
    def __init__(self, inner):
        self.inner = inner

    def forward(self, x, *, mode, rng):
        y, backward = self.inner(x, mode=mode, rng=rng)
        return (y, y.copy()), lambda one, other: backward(one + other)


@pytest.mark.usefixtures("cupy")
def test_arrays_of_two_devices_in_one_call_are_refused(network, batch):
    twin = tc.to_device(network, "gpu")
    with pytest.raises((TypeError, ValueError)):
        twin(batch[0])
    y, backward = twin(tc.to_device(batch[0], "gpu"))
    with pytest.raises(TypeError, match="NumPy and CuPy arrays came together"):
        tc.losses.mse(y, batch[1])
    with pytest.raises(ValueError, match="expected the output's"):
        backward(batch[1])
    with pytest.raises(TypeError, match="NumPy and CuPy arrays came together"):
        tc.optim.Adam([*network.parameters(), *twin.parameters()])


@pytest.mark.usefixtures("cupy")
def test_checkpoints_go_from_device_to_device(network, batch, tmp_path):
    """Saved on the GPU, gone on with on the CPU, as if all had been done there."""
    with tc.precision("fp32"):
        twin = tc.to_device(network, "gpu")
        optimizers = [tc.optim.Adam(one.parameters()) for one in (network, twin)]
        for _ in range(2):
            losses = [learn(one, optimizer, batch) for one, optimizer in zip((network, twin), optimizers, strict=True)]
            assert losses[1] == pytest.approx(losses[0], rel=1e-4)
        tc.save_checkpoint(tmp_path / "net.safetensors", twin, optimizer=optimizers[1])
        wanted = learn(network, optimizers[0], batch)
        for device in ("cpu", "gpu"):
            saved = tc.training.checkpoint.read_checkpoint(tmp_path / "net.safetensors")
            again = tc.to_device(saved.network, device)
            optimizer = tc.optim.Adam(again.parameters())
            optimizer.load_state_dict(saved.optimizer_state)
            assert learn(again, optimizer, batch) == pytest.approx(wanted, rel=1e-4)
            assert optimizer.steps == 3
            for name, array in again.state_dict().items():
                np.testing.assert_allclose(array, network.state_dict()[name], rtol=1e-3, atol=1e-4, err_msg=name)


@pytest.mark.usefixtures("cupy")
def test_state_is_numpys_wherever_the_network_is(network):
    twin = tc.to_device(network, "gpu")
    optimizer = tc.optim.SGD(twin.parameters(), 0.1, momentum=0.9)
    assert {tc.array_module(array) for array in {**twin.state_dict(), **optimizer.state_dict()}.values()} == {np}
    twin.load_state_dict({name: tc.to_device(array, "gpu") for name, array in network.state_dict().items()})
    network.load_state_dict({name: tc.to_device(array, "gpu") for name, array in twin.state_dict().items()})


@pytest.mark.parametrize("shape", [(7,), (3, 5, 2), (70, 1000)])
def test_random_numbers_are_the_same_bits(cupy, shape):
    here, there = tc.Generator(3, 1, 2), tc.Generator(3, 1, 2)
    for low, high in ((0, 1), (-0.3, 0.7)):
        numbers = there.uniform(shape, low, high, xp=cupy)
        assert tc.array_module(numbers) is cupy
        np.testing.assert_array_equal(tc.to_numpy(numbers), here.uniform(shape, low, high))
    np.testing.assert_array_equal(tc.to_numpy(there.bits(9, cupy)), here.bits(9))


@pytest.mark.usefixtures("cupy")
def test_dropout_silences_the_same_units():
    x = tc.Generator(0).normal((3, 5, 7))
    layer = tc.Dropout(0.4)
    for dtype in ("float32", "float64"):  # the kernel, and the plain path
        y, backward = layer(tc.to_device(x.astype(dtype), "gpu"), rng=tc.Generator(9, 8, 7))
        wanted, wanted_backward = layer(x.astype(dtype), rng=tc.Generator(9, 8, 7))
        np.testing.assert_array_equal(tc.to_numpy(y), wanted)
        dx = backward(tc.to_device(x.astype(dtype), "gpu"))
        np.testing.assert_array_equal(tc.to_numpy(dx), wanted_backward(x.astype(dtype)))


# Who computes.


def algorithm(array):
    return conv2d_algorithm((2, 8, 8, 3), (3, 3, 3, 4), like=array)


@pytest.fixture
def forget_capability():
    rounding.has_tf32.cache_clear()
    yield
    rounding.has_tf32.cache_clear()


@pytest.mark.usefixtures("pretended", "forget_capability")
def test_the_algorithm_goes_by_device_dtype_and_precision():
    x = np.zeros((2, 8, 8, 3), "float32")
    on_gpu = tc.to_device(x, "gpu")
    assert algorithm(x) is algorithm(None) is plain
    assert algorithm(on_gpu) is conv_tensor
    with tc.precision("fp32"):
        assert algorithm(on_gpu) is conv_tiled
        assert algorithm(x) is plain
    assert algorithm(on_gpu.astype("float64")) is plain


@pytest.mark.usefixtures("pretended", "forget_capability")
def test_tensor_cores_that_know_no_tf32_are_not_asked():
    machine.capability = "75"
    assert algorithm(tc.to_device(np.zeros(1, "float32"), "gpu")) is conv_tiled


@pytest.mark.usefixtures("pretended")
def test_the_kernels_run_and_no_other(network, batch):
    head = tc.LeakyReLU(), tc.Dropout(0.1), tc.Flatten(), tc.Linear(32, 2), tc.ReLU(), tc.Sigmoid(), tc.Tanh()
    twin = tc.to_device(tc.Sequential(network, *head), "gpu")
    y, backward = twin(tc.to_device(batch[0], "gpu"), rng=tc.Generator(0))
    backward(y)
    tc.optim.Adam(twin.parameters()).step()
    assert set(machine.launched) == {
        *("convolve", "convolve_dx", "convolve_dw", "conv2d", "sum_dy", "dropout", "dropout_dx", "adam", "adam_rates"),
        *("norm_act_pool", "max_pool2d_dx", "upsample_nearest", "upsample_nearest_dx"),
        *("statistics", "norm_act", "sum_dz", "gradients", "norm_act_dx"),
        *("relu", "leaky_relu", "rectifier_dx", "sigmoid", "sigmoid_dx", "tanh_y", "tanh_dx"),
    }


@pytest.mark.parametrize("mode", ["train", "paper", "instance"])
@pytest.mark.parametrize(
    "layer",
    [tc.BatchNorm2d(3), tc.InstanceNorm2d(3), tc.ConvNormAct(3, 5, 1), tc.ConvNormAct(3, 5, 1, norm="instance")],
    ids=repr,
)
@pytest.mark.usefixtures("pretended")
def test_normalising_takes_three_launches_each_way(layer, mode):
    twin, x = tc.to_device(layer, "gpu"), tc.to_device(tc.Generator(0).normal((2, 4, 5, 3)), "gpu")
    y, backward = twin(x, mode=mode)
    backward(y)
    norm = [name for name in machine.launched if not name.startswith(("convolve", "relu", "rectifier"))]
    noted = mode == "train" and type(layer) is tc.ConvNormAct and type(layer.norm) is tc.BatchNorm2d
    assert norm == [*([] if noted else ["sum_x"]), "statistics", "norm_act", "sum_dz", "gradients", "norm_act_dx"]


@pytest.mark.usefixtures("pretended")
@pytest.mark.parametrize("ceil_mode", [False, True])
def test_pooling_along_changes_no_bit(ceil_mode, monkeypatch):
    x = tc.to_device(tc.Generator(1).normal((2, 5, 4, 3)), "gpu")
    network = tc.Sequential(tc.ConvNormAct(3, 4, 1), tc.Sequential(tc.MaxPool2d(2, ceil_mode=ceil_mode), tc.Tanh()))

    def there_and_back():
        twin = tc.to_device(copy.deepcopy(network), "gpu")
        y, backward = twin(x)
        return [y, backward(y), *(p.grad for p in twin.parameters()), *twin.state_dict().values()]

    along = there_and_back()
    assert "norm_act_pool" in machine.launched
    assert "max_pool2d" not in machine.launched
    monkeypatch.setattr(Window, "fits", lambda window, x_shape: False)
    for one, other in zip(along, there_and_back(), strict=True):
        np.testing.assert_array_equal(tc.to_numpy(one), tc.to_numpy(other))
    assert "max_pool2d" in machine.launched


@pytest.mark.usefixtures("cupy")
def test_running_statistics_of_another_dtype_are_refused():
    norm = tc.to_device(tc.BatchNorm2d(3), "gpu")
    norm.running_var = norm.running_var.astype("float64")
    with pytest.raises(ValueError, match=r"running statistics of float64, expected float32.*astype"):
        norm(tc.to_device(tc.Generator(0).normal((2, 4, 5, 3)), "gpu"))


@pytest.mark.usefixtures("pretended")
def test_float64_runs_no_kernel(network, batch):
    twin = tc.to_device(network.astype("float64"), "gpu")
    y, backward = twin(tc.to_device(batch[0].astype("float64"), "gpu"))
    backward(y)
    tc.optim.Adam(twin.parameters()).step()
    assert machine.launched == []


def test_precision_is_for_the_length_of_a_with():
    assert backend.current_precision() == "tf32"
    with tc.precision("fp32"):
        with tc.precision("tf32"):
            assert backend.current_precision() == "tf32"
        assert backend.current_precision() == "fp32"
    assert backend.current_precision() == "tf32"
    with pytest.raises(ValueError, match=r"precision got 'fp16', expected one of tf32, fp32\."):
        tc.precision("fp16")


# What is missing.


@pytest.fixture
def without_cupy(monkeypatch):
    monkeypatch.setitem(sys.modules, "cupy", None)


@pytest.fixture
def without_gpu(pretended, monkeypatch):
    monkeypatch.setattr(pretended.cuda, "is_available", lambda: False)


@pytest.mark.usefixtures("without_cupy")
def test_a_missing_cupy_names_what_to_install():
    for call in (lambda: tc.to_device(np.zeros(2), "gpu"), lambda: backend.pick_device("gpu")):
        with pytest.raises(ModuleNotFoundError, match=r'CuPy.*pip install -e "\.\[cuda13\]"') as raised:
            call()
        assert "pip install tinycolor" not in str(raised.value)
    assert backend.pick_device("auto") == backend.pick_device("cpu") == "cpu"


@pytest.mark.usefixtures("without_gpu")
def test_a_missing_gpu_is_named():
    with pytest.raises(RuntimeError, match="CuPy found no GPU"):
        tc.to_device(np.zeros(2), "gpu")
    assert backend.pick_device("auto") == "cpu"


@pytest.mark.usefixtures("pretended")
def test_auto_takes_the_gpu_where_there_is_one():
    assert [backend.pick_device(wanted) for wanted in ("auto", "gpu", "cpu")] == ["gpu", "gpu", "cpu"]


def test_other_devices_and_other_things_are_refused():
    with pytest.raises(ValueError, match=r"to_device got device='tpu', expected one of cpu, gpu\."):
        tc.to_device(np.zeros(2), "tpu")
    with pytest.raises(TypeError, match="got list, expected a NumPy or CuPy array"):
        tc.to_device([1.0], "cpu")


@pytest.mark.usefixtures("cupy")
def test_adam_pulls_towards_zero_on_both(network, batch):
    settings = {"learning_rate": 0.01, "betas": (0.9, 0.99), "weight_decay": 0.5}
    twin = tc.to_device(network, "gpu")
    with tc.precision("fp32"):
        for one in (network, twin):
            optimizer = tc.optim.Adam(one.parameters(), **settings)
            for _ in range(3):
                learn(one, optimizer, batch)
    for name, array in twin.state_dict().items():
        np.testing.assert_allclose(array, network.state_dict()[name], rtol=1e-3, atol=1e-5)
