import numpy as np
import pytest
from PIL import Image
from skimage.color import rgb2lab
from skimage.metrics import peak_signal_noise_ratio

import tinycolor as tc
from tinycolor.data.class_colours import CLASS_COLOURS
from tinycolor.networks import Pix2PixGenerator
from tinycolor.translate import baselines, figures_of, judge, predict, signed, translate, unsigned

SIZE = 16
COUNT = 19  # more than are predicted at once


@pytest.fixture
def network():
    return Pix2PixGenerator(3, 3, 4, 2)


@pytest.fixture
def mirror(network):
    """What takes a network's place and answers with the negative of the picture."""
    network.predict = lambda x, mode, rng: -x
    return network


@pytest.fixture
def pairs(rng):
    """Inputs and truths, each of one hue, more or less; on the left a grey, and a grey with a tinge."""
    hues = rng.integers(0, 256, (COUNT, 1, 1, 6))
    pairs = ((hues + rng.integers(0, 256, (COUNT, SIZE, SIZE, 6))) // 2).astype(np.uint8)
    pairs[:, :, :4] = 90, 90, 90, 170, 169, 168
    return pairs


def resized(pixels, width, height):
    return np.asarray(Image.fromarray(pixels).resize((width, height), Image.Resampling.LANCZOS))


@pytest.mark.parametrize("shape", [(16, 16), (40, 23), (5, 90), (1, 1), (1, 300)])
def test_a_picture_of_any_size_is_stretched_to_the_networks_and_back(mirror, rng, shape):
    picture = rng.integers(0, 256, (*shape, 3), dtype=np.uint8)
    wanted = resized(255 - resized(picture, SIZE, SIZE), *shape[::-1])
    np.testing.assert_array_equal(translate(picture, mirror), wanted)


def test_a_label_map_is_painted(mirror):
    labels = np.array([[0, 255], [7, 200]], np.uint8)
    answered = translate(labels.repeat(8, 0).repeat(8, 1), mirror)
    np.testing.assert_array_equal(answered, 255 - CLASS_COLOURS[labels].repeat(8, 0).repeat(8, 1))


@pytest.mark.parametrize("mode", ["eval", "paper", "instance"])
def test_a_network_is_asked_about_each_picture_by_itself(network, pairs, mode):
    alone = [predict(network, pair[None, ..., :3], mode)[0] for pair in pairs]
    together = predict(network, pairs[..., :3], mode).astype(int)
    assert abs(together - alone).max() <= (1 if mode == "eval" else 0)
    x = (pairs[:1, ..., :3] / 127.5 - 1).astype(np.float32)
    y = network.predict(x, mode=mode, rng=tc.Generator(0))
    np.testing.assert_allclose(alone[0], 127.5 * (y[0] + 1), atol=0.51)


def test_modes_differ(rng):
    network = Pix2PixGenerator(3, 3, 6, 2)  # deep enough to drop something
    picture = rng.integers(0, 256, (64, 64, 3), dtype=np.uint8)
    network(np.asarray(picture[None] / 127.5 - 1, np.float32), rng=tc.Generator(0))
    for parameter in network.parameters():
        parameter.data = 20 * parameter.data
    assert len({translate(picture, network, mode=mode).tobytes() for mode in ("eval", "paper", "instance")}) == 3
    np.testing.assert_array_equal(*(translate(picture, network, mode="paper") for _ in range(2)))


@pytest.mark.parametrize(
    "picture",
    [np.zeros((4, 4, 3)), np.zeros((4, 4, 4), np.uint8), np.zeros(4, np.uint8), np.zeros((0, 4, 3), np.uint8)],
    ids=str,
)
def test_what_is_no_picture_is_refused(network, picture):
    with pytest.raises(ValueError, match=r"translate got .*, expected uint8 \(H, W, 3\), or labels \(H, W\)"):
        translate(picture, network)


def test_a_network_for_something_else_is_refused(rng):
    with pytest.raises(ValueError, match="has 1 inputs and 2 answers, expected 3 and 3 to translate pictures"):
        translate(np.zeros((8, 8, 3), np.uint8), Pix2PixGenerator(1, 2, 4, 2))


def test_a_network_that_was_spoilt_is_refused(network):
    network.predict = lambda x, mode, rng: x * np.nan
    with pytest.raises(ValueError, match="pictures are NaN or infinite"):
        translate(np.zeros((8, 8, 3), np.uint8), network)


def test_pictures_go_to_the_network_and_back():
    rgb = np.arange(256, dtype=np.uint8).reshape(1, 16, 16, 1)
    x = signed(rgb)
    assert x.dtype == np.float32
    assert (x.min(), x.max()) == (-1, 1)
    np.testing.assert_allclose(x[0, 7, 15], 127 / 127.5 - 1)
    np.testing.assert_array_equal(unsigned(x), rgb)
    np.testing.assert_array_equal(unsigned(np.array([-1.5, -0.5 / 127.5, 1.5])), [0, 127, 255])
    for wrong in (np.nan, np.inf):
        with pytest.raises(ValueError, match=r"pictures are NaN or infinite: its training went wrong"):
            unsigned(np.array([0, wrong]))


# --- figures ---------------------------------------------------------------------------------------------------


def overlap(answers, truths):
    """Of a* and of b*, in bins 4 wide with one around 0, value by value."""
    shared = []
    for channel in (1, 2):
        shares = []
        for pictures in (answers, truths):
            values = rgb2lab(pictures)[..., channel].ravel()
            bins, counts = np.unique(np.floor((values + 2) / 4).astype(int), return_counts=True)
            shares.append(dict(zip(bins, counts / values.size, strict=True)))
        shared.append(sum(min(share, shares[1].get(number, 0)) for number, share in shares[0].items()))
    return np.mean(shared)


def test_figures_are_what_they_say(mirror, pairs):
    answers, truths = 255 - pairs[..., :3], pairs[..., 3:]
    figures = judge(mirror, pairs)
    assert set(figures) == {"l1", "psnr", "colour_overlap", "variety"}
    assert figures["l1"] == pytest.approx(abs(answers.astype(float) - truths).mean(), rel=1e-5)
    likeness = [peak_signal_noise_ratio(truth, one) for one, truth in zip(answers, truths, strict=True)]
    assert figures["psnr"] == pytest.approx(np.mean(likeness), rel=1e-6)
    assert figures["colour_overlap"] == pytest.approx(overlap(answers, truths), abs=2e-3)
    assert figures["variety"] == pytest.approx(np.std(answers, 0).mean() / np.std(truths, 0).mean(), rel=1e-6)


def test_a_perfect_answer(pairs):
    truths = pairs[..., 3:]
    assert figures_of([(truths[:9], truths[:9]), (truths[9:], truths[9:])]) == pytest.approx(
        {"l1": 0, "psnr": 100, "colour_overlap": 1, "variety": 1}
    )


@pytest.mark.parametrize("at_once", [1, 5, 64, 80])
def test_the_first_64_pictures_are_compared_however_many_come_at_once(rng, at_once):
    answers, truths = rng.integers(0, 256, (2, 80, 4, 4, 3), dtype=np.uint8)
    answers[64:] = 0
    parts = (slice(start, start + at_once) for start in range(0, 80, at_once))
    figures = figures_of((answers[part], truths[part]) for part in parts)
    assert figures["variety"] == pytest.approx(np.std(answers[:64], 0).mean() / np.std(truths[:64], 0).mean())


def test_baselines_are_the_mean_of_the_truths_and_the_input(pairs):
    found, truths = baselines(pairs), pairs[..., 3:]
    assert set(found) == {"mean picture", "unchanged"}
    assert found["unchanged"]["l1"] == pytest.approx(abs(pairs[..., :3].astype(float) - truths).mean(), rel=1e-5)
    mean = np.rint(truths.mean(0))
    assert found["mean picture"]["l1"] == pytest.approx(abs(mean - truths).mean(), rel=1e-5)
    assert found["mean picture"]["variety"] == 0
    assert found["mean picture"]["colour_overlap"] == pytest.approx(
        overlap(np.broadcast_to(mean, truths.shape).astype(np.uint8), truths), abs=0.02
    )
