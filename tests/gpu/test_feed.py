"""Batches on their way to the GPU: by both ways the bytes of ``Batches``, and what is made of them."""

import numpy as np
import pretend_cuda
import pytest
from PIL import Image
from pretend_cuda import RaceError, machine
from test_runs import losses

import tinycolor as tc
from tinycolor.bench import gpu_feed
from tinycolor.color import lab_of, rgb_to_lab
from tinycolor.data import feed as feeding
from tinycolor.data import photos_on_gpu as keeping
from tinycolor.data import shrunk
from tinycolor.data.batches import Batches
from tinycolor.data.dataset import open_dataset, open_pairs, open_picture_pairs
from tinycolor.data.feed import feed
from tinycolor.data.folder import find_photos
from tinycolor.data.photos import ImageError
from tinycolor.data.pinned import through_pinned_memory
from tinycolor.data.shrunk import NoPhotosError, crop, photos_to_crop
from tinycolor.training import recipes
from tinycolor.training import run as runs
from tinycolor.training.colorizing import Colorizing
from tinycolor.training.segmenting import Segmenting
from tinycolor.training.settings import Settings
from tinycolor.training.translating import Translating


def random_picture(number, shape):
    return np.random.default_rng(number).integers(0, 256, shape, dtype=np.uint8)


class Some:
    """Eleven pictures of many shapes, of which some cannot be used."""

    all_kept = True

    def __init__(self, channels, broken=(), smallest=(6, 9)):
        self.channels, self.broken, self.smallest = channels, broken, smallest

    def __len__(self):
        return 11

    def __getitem__(self, number):
        if number in self.broken:
            raise ImageError(f"{number}.png", "broken")
        more = np.random.default_rng(number + 99).integers(0, 4, 2)
        return random_picture(number, (*(more + self.smallest), self.channels))

    def why_none(self):
        return "none of the eleven can be used."


def batches_of(channels=3, broken=(), size=(6, 9), batch=4):
    return Batches(Some(channels, broken, size), size=size, batch=batch, seed=7)


def as_it_is(batch):
    return batch


def fed(batches, steps, prepare=as_it_is):
    return [tc.backend.to_numpy(batch) for batch in feed(batches, steps, prepare, "gpu")]


def assert_same_batches(got, batches, steps):
    assert len(got) == len(steps)
    for mine, step in zip(got, steps, strict=True):
        assert mine.dtype == np.uint8
        np.testing.assert_array_equal(mine, batches[step])


@pytest.fixture(params=["kept", "sent"])
def way(request, monkeypatch):
    """Which way batches go after the first epoch."""
    if request.param == "sent":
        monkeypatch.setattr(keeping, "SHARE", 0)
    return request.param


def kept():
    return "crop" in machine.launched


@pytest.mark.parametrize("channels", [1, 3, 4, 6])
@pytest.mark.parametrize("broken", [(), (0,), (2, 3, 10), tuple(range(10))])
@pytest.mark.usefixtures("cupy")
def test_both_ways_give_the_bytes_of_the_cpu(way, channels, broken):
    steps = range(9)
    assert_same_batches(fed(batches_of(channels, broken), steps), batches_of(channels, broken), steps)


@pytest.mark.parametrize(("size", "batch"), [((1, 1), 3), ((5, 5), 11), ((3, 7), 25), ((8, 4), 1)])
@pytest.mark.usefixtures("cupy")
def test_of_any_size_and_number(way, size, batch):
    made = batches_of(size=size, batch=batch)
    steps = range(1, 3 * made.steps_per_epoch + 2)
    assert_same_batches(fed(made, steps), batches_of(size=size, batch=batch), steps)


def test_crops_begin_where_those_of_the_cpu_do():
    """Just below a whole number, where it matters in which precision one multiplies."""
    for room in (1, 2, 37, 100, 999):
        photo = np.arange(room)[:, None, None]
        whole = np.arange(1, room + 1)
        chances = ((whole * 2**24 - 1) // room * 2.0**-24).astype(np.float32)
        wanted = [crop(photo, 1, down=chance)[0, 0, 0] for chance in chances]
        np.testing.assert_array_equal(keeping._begin(chances, np.full(room, room - 1)), wanted)


@pytest.mark.parametrize("begin", [0, 1, 2, 5])
@pytest.mark.usefixtures("pretended")
def test_photos_move_to_the_gpu_after_an_epoch_wherever_it_begins(begin):
    made = iter(feed(batches_of(batch=4), range(begin, 20), as_it_is, "gpu"))
    for _ in range(2):
        next(made)
    assert not kept()
    next(made)
    assert kept()


@pytest.mark.usefixtures("pretended")
def test_they_do_not_move_for_nothing_nor_where_there_is_no_room(monkeypatch):
    assert len(fed(batches_of(batch=4), range(2))) == 2
    crowded = batches_of(batch=4)
    crowded.pictures.all_kept = False
    assert len(fed(crowded, range(5))) == 5
    monkeypatch.setattr(machine, "limit", 4 * 11 * 6 * 9 * 3 + machine.held())
    assert len(fed(batches_of(batch=4), range(5))) == 5
    assert not kept()
    monkeypatch.setattr(machine, "limit", 1 << 30)
    fed(batches_of(batch=4), range(5))
    assert kept()


@pytest.mark.usefixtures("cupy")
def test_without_a_photo_that_can_be_used_it_says_so():
    with pytest.raises(NoPhotosError, match="none of the eleven"):
        fed(batches_of(broken=range(11)), range(3))
    with pytest.raises(NoPhotosError, match="none of the eleven"):
        keeping.photos_on_gpu(batches_of(broken=range(11)))


@pytest.mark.usefixtures("cupy")
def test_pictures_may_be_overwritten_when_they_are_kept():
    made = batches_of()
    pictures = [made.pictures[number] for number in range(11)]
    photos = keeping.PhotosOnGpu(made, pictures)
    for picture in pictures:
        picture.fill(0)
    np.testing.assert_array_equal(tc.to_numpy(photos.crops(photos.cuts(0))), made[0])


SENT = tuple(random_picture(number, (2, 3, 4, 3)) for number in range(7))


def test_what_is_sent_ahead_is_used_in_order_by_a_stream_that_waits_for_nothing_else(cupy):
    used = [cupy.add(array, 0) for array in through_pinned_memory(SENT)]
    for mine, wanted in zip(used, SENT, strict=True):
        np.testing.assert_array_equal(mine.get(), wanted)


@pytest.mark.usefixtures("pretended")
class TestPinnedMemory:
    @pytest.mark.parametrize("count", range(6))
    def test_every_batch_comes_once_and_in_order(self, count):
        got = [array.get() for array in through_pinned_memory(SENT[:count])]
        assert len(got) == count
        for mine, wanted in zip(got, SENT, strict=False):
            np.testing.assert_array_equal(mine, wanted)

    def test_one_batch_is_under_way_while_another_is_used(self):
        asked = []
        arriving = through_pinned_memory(asked.append(number) or batch for number, batch in enumerate(SENT))
        next(arriving)
        assert asked == [0, 1]
        next(arriving)
        assert asked == [0, 1, 2]

    def test_it_takes_two_places_however_many_batches_there_are(self):
        before = machine.held()
        for _ in through_pinned_memory(SENT):
            assert machine.held() <= before + 2 * SENT[0].nbytes

    @pytest.mark.parametrize("stream", ["computing", "copying"])
    def test_a_stream_that_does_not_wait_is_found_out(self, monkeypatch, pretended, stream):
        def forgets(self, event):
            if (self.number == 0) is not (stream == "computing"):
                self.seen = {**self.seen, **event.seen}

        monkeypatch.setattr(type(machine.stream), "wait_event", forgets)
        with pytest.raises(RaceError):
            list(map(pretended.abs, through_pinned_memory(SENT)))

    def test_a_cpu_that_does_not_wait_is_found_out(self, monkeypatch):
        monkeypatch.setattr(pretend_cuda.Event, "synchronize", lambda event: None)
        with pytest.raises(RaceError, match="pinned memory was refilled without waiting for stream 1"):
            list(through_pinned_memory(SENT))


@pytest.mark.usefixtures("cupy")
def test_lab_is_made_on_the_gpu():
    photos = random_picture(0, (3, 17, 19, 3))
    lab = lab_of(tc.to_device(photos, "gpu"))
    assert tc.array_module(lab) is not np
    np.testing.assert_allclose(lab.get(), rgb_to_lab(photos / 255), rtol=0, atol=1e-4)


# Whole tasks and runs.


@pytest.fixture
def folder(tmp_path):
    """Photos of two scenes, of many sizes, one of them grey; label maps for them all, also in colour."""
    for number in range(9):
        shape = 34 + number % 3, 38 + number % 4
        photo = random_picture(number, (*shape, 3)) // np.array([1, 2, 1 + number % 2], np.uint8)
        if number == 4:
            photo[...] = photo[..., :1]
        for name, pixels in (("photos", photo), ("labels", random_picture(number + 50, shape) % 3)):
            path = tmp_path / "data" / name / ("ab"[number % 2]) / f"{number}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).save(path)
    return tmp_path / "data"


def colorizing(folder):
    return Colorizing(open_dataset(folder / "photos"), Settings(9, size=16, batch=3, width=1 / 32))


def colorizing_with_scenes(folder):
    settings = Settings(9, model="iizuka", size=32, batch=3, width=1 / 32, classes=2, loss="mse")
    return Colorizing(open_dataset(folder / "photos"), settings)


def colorizing_by_classes(folder):
    settings = Settings(9, model="zhang", size=16, batch=3, width=1 / 32, loss="cross-entropy")
    return Colorizing(open_dataset(folder / "photos"), settings)


def segmenting(folder):
    settings = Settings(
        9, task="segment", model="unet", classes=3, width=1 / 32, size=18, batch=3, loss="cross-entropy"
    )
    return Segmenting(open_pairs(folder), settings)


def translating(folder):
    settings = Settings(
        9, task="translate", model="pix2pix", loss="l1", direction="a-to-b", width=1 / 32, size=16, batch=3
    )
    return Translating(open_picture_pairs(folder), settings)


def parts(made):
    """Return x and its targets."""
    x, target = made
    return [x, *(target if isinstance(target, tuple) else (target,))]


@pytest.mark.parametrize("task", [colorizing, colorizing_with_scenes, colorizing_by_classes, segmenting, translating])
@pytest.mark.usefixtures("cupy")
def test_what_a_task_makes_of_them_is_what_it_makes_on_the_cpu(task, folder, way):
    on_cpu = list(task(folder).batches(range(7)))
    for made, wanted in zip(task(folder).batches(range(7), "gpu"), on_cpu, strict=True):
        for there, here in zip(parts(made), parts(wanted), strict=True):
            assert tc.array_module(there) is not np
            assert (there.dtype, there.shape) == (here.dtype, here.shape)
            np.testing.assert_allclose(there.get(), here, rtol=0, atol=3e-5)


@pytest.fixture
def quick(monkeypatch):
    def network(settings):
        return tc.networks.ColorUNet(widths=(2,), size=settings.size, seed=settings.seed)

    monkeypatch.setitem(recipes.COLORIZERS, "color-unet", recipes.Recipe(network, recipes.PLAIN))
    monkeypatch.setattr(runs.report, "write", lambda *arguments: None)


SETTINGS = Settings(steps=6, size=8, batch=2, learning_rate=1e-2)


@pytest.mark.usefixtures("cupy", "quick")
def test_a_run_is_the_same_whether_photos_are_kept_there_or_not(folder, tmp_path, monkeypatch):
    def run(name):
        return runs.start(open_dataset(folder / "photos"), tmp_path / name, SETTINGS, "gpu")

    moved = []
    monkeypatch.setattr(
        feeding, "photos_on_gpu", lambda batches: moved.append(keeping.photos_on_gpu(batches)) or moved[-1]
    )
    with_them = losses(run("kept"))
    monkeypatch.setattr(shrunk, "ROOM", 1000)
    assert losses(run("sent")) == with_them
    assert len(moved) == 1
    assert moved[0] is not None
    for name in ("kept", "sent"):
        assert "4.png" in (tmp_path / name / runs.SKIPPED).read_text()


@pytest.mark.usefixtures("cupy", "quick")
def test_stopped_on_either_way_it_goes_on_to_the_same_losses(folder, tmp_path):
    straight = losses(runs.start(open_dataset(folder / "photos"), tmp_path / "straight", SETTINGS, "gpu"))
    for stop in (1, 5):
        begun = runs.start(open_dataset(folder / "photos"), tmp_path / f"{stop}", SETTINGS, "gpu")
        assert begun.task.steps_per_epoch == 4
        first = losses(begun, until=stop)
        begun.save()
        assert first + losses(runs.resume(folder / "photos", tmp_path / f"{stop}", "gpu")) == straight


@pytest.mark.usefixtures("cupy")
def test_batches_of_photos_that_are_kept_are_those_of_files(folder):
    def fresh():
        photos = photos_to_crop(find_photos(folder / "photos", print), 16)
        return Batches(photos, size=16, batch=3, seed=1)

    assert_same_batches(fed(fresh(), range(9)), fresh(), range(9))


@pytest.mark.usefixtures("pretended")
def test_the_bench_goes_both_ways():
    small = {"photos": 9, "size": 8, "batch": 3, "steps": 2, "turns": 2, "network": tc.networks.ColorUNet(widths=(2,))}
    for all_kept in (False, True):
        assert 0 < gpu_feed.share(all_kept, **small) < 100
        assert kept() is all_kept
