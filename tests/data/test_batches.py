import itertools
import threading
from collections import Counter

import numpy as np
import pytest
from PIL import Image

import tinycolor as tc
from tinycolor.data import batches as module
from tinycolor.data import shrunk
from tinycolor.data.batches import Batches
from tinycolor.data.folder import find_photos
from tinycolor.data.shrunk import NoPhotosError, photos_to_crop

SIZE, BATCH = 8, 3
STEPS = range(14)


def colour(number):
    """Red and green tell which photo it is, and blue, in ``save``, where in the photo."""
    return np.array([20 * number, 255 - 20 * number, 99], np.uint8)


def save(folder, number, shape=(12, 14)):
    down, across = np.mgrid[: shape[0], : shape[1]]
    pixels = np.empty((*shape, 3), np.uint8)
    pixels[...] = colour(number)
    pixels[..., 2] += (8 * down + across).astype(np.uint8)
    Image.fromarray(pixels).save(folder / f"{number:02d}.png")


def number_of(picture):
    return round(picture[..., 0].mean() / 20)


def fingerprint(made):
    return [batch.tobytes() for batch in made]


@pytest.fixture
def photos(tmp_path):
    """Return a function that gives a fresh object on the same folder of twelve photos."""
    for number in range(12):
        save(tmp_path, number)

    def fresh(*, batch=BATCH, seed=5, size=SIZE):
        return Batches(photos_to_crop(find_photos(tmp_path, print), size), size=size, batch=batch, seed=seed)

    return fresh


def test_shapes(photos):
    assert photos().steps_per_epoch == 4
    assert photos(batch=5).steps_per_epoch == 2
    for step in STEPS:
        batch = photos()[step]
        assert (batch.shape, batch.dtype) == ((BATCH, SIZE, SIZE, 3), np.uint8)


def test_a_batch_hangs_on_seed_and_step_alone(photos, monkeypatch):
    wanted = fingerprint(photos()[step] for step in STEPS)
    assert len(set(wanted)) == len(wanted)
    backwards = photos()
    assert fingerprint([backwards[step] for step in reversed(STEPS)][::-1]) == wanted
    assert fingerprint([photos()[step] for step in STEPS]) == wanted
    again = photos()
    assert fingerprint(again[step] for step in STEPS for _ in range(2)) == [one for one in wanted for _ in range(2)]
    monkeypatch.setattr(shrunk, "ROOM", 0)
    assert fingerprint(photos().ahead(STEPS, lambda batch: batch)) == wanted
    assert not set(fingerprint(photos(seed=6)[step] for step in STEPS)) & set(wanted)


@pytest.mark.parametrize("threads", [1, 2, 7])
def test_any_number_of_threads_makes_the_same_batches_in_the_same_order(photos, monkeypatch, threads):
    monkeypatch.setattr(module, "AHEAD", threads)
    monkeypatch.setattr(module, "cores", lambda: threads)
    made = photos().ahead(STEPS, lambda batch: batch)
    assert fingerprint(made) == fingerprint(photos()[step] for step in STEPS)
    assert fingerprint(photos().ahead(range(9, 11), lambda batch: batch)) == fingerprint(photos()[s] for s in (9, 10))
    assert list(photos().ahead(range(3, 3), lambda batch: batch)) == []


def test_every_photo_comes_once_in_an_epoch_and_in_another_order_the_next_time(photos):
    some = photos()
    epochs = [[number_of(picture) for step in range(4 * e, 4 * e + 4) for picture in some[step]] for e in range(4)]
    for epoch in epochs:
        assert sorted(epoch) == list(range(12))
    assert len(set(map(tuple, epochs))) == 4
    # A batch of 5 leaves two photos out, and not always the same.
    some = photos(batch=5)
    epochs = [[number_of(picture) for step in (2 * e, 2 * e + 1) for picture in some[step]] for e in range(20)]
    assert all(len(set(epoch)) == 10 for epoch in epochs)
    assert set.union(*map(set, epochs)) == set(range(12))


def test_the_order_is_that_of_the_generator_and_apart_from_the_networks_draws(photos):
    # The network's first weights and dropout are drawn from (seed, 0, step); nothing here may be.
    ours = (5 + 0x9E3779B97F4A7C15) % 2**64
    order = tc.Generator(ours).permutation(12)
    some = photos()
    assert [number_of(picture) for step in range(4) for picture in some[step]] == list(order)
    assert list(tc.Generator(5).permutation(12)) != list(order)


def test_no_draw_is_used_twice(photos, monkeypatch):
    places = []

    def generator(seed, epoch=0, step=0):
        places.append((seed, epoch, step))
        return tc.Generator(seed, epoch, step)

    monkeypatch.setattr(module, "Generator", generator)
    some = photos()
    for step in STEPS:
        some[step]
    # One for each batch, and one for the order of each of the four epochs.
    assert len(places) == len(set(places)) == len(STEPS) + 4


@pytest.mark.parametrize("seed", [0, 2**63, 2**64 - 1])
def test_every_seed_of_a_run_is_taken(photos, seed):
    assert photos(seed=seed)[0].shape == (BATCH, SIZE, SIZE, 3)


def test_a_crop_is_part_of_the_shrunk_photo_or_its_mirror_image(photos, tmp_path):
    some, seen = photos(), Counter()
    for step in range(120):
        for picture in some[step]:
            whole = Image.open(tmp_path / f"{number_of(picture):02d}.png")
            # 12 x 14 shrunk to 9, an eighth more than the crop.
            whole = np.asarray(whole.resize((10, 9), Image.Resampling.LANCZOS))
            (place,) = (
                (mirrored, top, left)
                for top, left in itertools.product(range(2), range(3))
                for mirrored, part in ((False, picture), (True, picture[:, ::-1]))
                if (whole[top : top + SIZE, left : left + SIZE] == part).all()
            )
            seen[place] += 1
    # 360 crops over 12 places: 30 each, and 26 is less than five standard deviations.
    assert len(seen) == 12
    assert all(abs(count - 30) < 26 for count in seen.values())
    # Half of 360 with five standard deviations of 9.5.
    assert abs(sum(count for (mirrored, _, _), count in seen.items() if mirrored) - 180) < 48


def test_the_place_of_a_photo_that_cannot_be_used_goes_to_the_next_one(photos, tmp_path):
    before = [number_of(picture) for step in range(8) for picture in photos()[step]]
    broken = {before[0], before[1], before[5], before[11]}
    for number in broken:
        (tmp_path / f"{number:02d}.png").write_text("no photo")
    some = photos()
    after = [number_of(picture) for step in range(8) for picture in some[step]]
    for first in (0, 12):
        epoch = before[first : first + 12]
        for place in range(12):
            wanted = next(epoch[(place + on) % 12] for on in range(12) if epoch[(place + on) % 12] not in broken)
            assert after[first + place] == wanted
    assert {path.name for path in some.pictures.skipped} == {f"{number:02d}.png" for number in broken}


def test_fewer_photos_than_a_batch_come_as_often_as_they_must(photos):
    some = photos(batch=30)
    assert some.steps_per_epoch == 1
    counts = Counter(number_of(picture) for picture in some[0])
    assert sorted(counts.values()) == [2] * 6 + [3] * 6
    assert len({picture.tobytes() for picture in some[0]}) > 12
    assert (some[0] != some[1]).any()


def test_without_a_photo_that_can_be_used_there_is_no_batch(photos, tmp_path):
    for path in tmp_path.iterdir():
        path.write_text("no photo")
    with pytest.raises(NoPhotosError, match=r"12 were looked at and none can be used; .*no JPEG"):
        photos()[0]
    with pytest.raises(NoPhotosError):
        next(photos().ahead(STEPS, lambda batch: batch))


def test_pictures_tell_whether_there_was_room_for_all(photos, monkeypatch):
    one = 10 * 9 * 3  # bytes of a shrunk photo
    for room, kept in ((12 * one, True), (12 * one - 1, False)):
        monkeypatch.setattr(shrunk, "ROOM", room)
        some = photos()
        for step in STEPS:
            some[step]
        assert some.pictures.all_kept is kept


def workers():
    return [thread for thread in threading.enumerate() if thread.name.startswith("tinycolor-photos")]


def test_ahead_prepares_in_the_background_a_few_steps_ahead(photos):
    prepared = []

    def prepare(batch):
        prepared.append(threading.current_thread())
        return batch.sum()

    some = photos()
    made = some.ahead(range(40), prepare)
    assert not workers()
    first = next(made)
    assert first == photos()[0].sum()
    assert all(thread in workers() for thread in prepared)
    for _ in range(9):
        next(made)
    assert len(prepared) <= 10 + module.AHEAD
    assert len(list(made)) == 30
    assert len(prepared) == 40
    assert not workers()


def test_ahead_stops_its_threads_when_it_is_left_early(photos):
    prepared = []
    made = photos().ahead(range(1000), prepared.append)
    next(made)
    made.close()
    assert not workers()
    assert len(prepared) <= 1 + module.AHEAD


def test_ahead_raises_the_error_of_a_thread_at_its_step(photos):
    class WorkerError(Exception):
        pass

    bad = photos()[2].tobytes()

    def prepare(batch):
        if batch.tobytes() == bad:
            raise WorkerError
        return batch

    made = photos().ahead(STEPS, prepare)
    assert fingerprint([next(made), next(made)]) == fingerprint(photos()[step] for step in range(2))
    with pytest.raises(WorkerError):
        next(made)
    assert not workers()
