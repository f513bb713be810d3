import numpy as np
import pytest
from PIL import Image

from tinycolor.data.batches import Batches
from tinycolor.data.dataset import open_dataset
from tinycolor.data.folder import PhotoFolder
from tinycolor.data.photos import ImageError
from tinycolor.data.scene_classes import PhotosOfScenes, scenes_of
from tinycolor.data.shrunk import NoPhotosError, photos_to_crop

COLOURS = {"beach": (230, 200, 60), "forest": (20, 120, 30), "street": (90, 60, 150)}
PER_SCENE = 4


@pytest.fixture
def folder(tmp_path):
    """Four photos of each of three kinds, in one colour per kind; one lies a folder deeper."""
    for scene, colour in COLOURS.items():
        for number in range(PER_SCENE):
            path = tmp_path / "photos" / scene / ("deeper" if number == 3 else "") / f"{number}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (20, 18), colour).save(path)
    return tmp_path / "photos"


def scene_of(picture):
    """The scene whose colour a crop has."""
    return min(COLOURS, key=lambda scene: abs(picture[..., :3] - np.array(COLOURS[scene])).sum())


def test_the_folders_are_the_scenes(folder):
    assert open_dataset(folder).scenes == ("beach", "forest", "street")


@pytest.mark.parametrize(
    "names",
    [
        ["a.png", "b.png"],
        ["one/a.png", "one/b.png"],
        ["one/a.png", "two/b.png", "c.png"],
        [f"{number}/a.png" for number in range(257)],
    ],
    ids=["no folders", "one folder", "one photo beside", "too many for a byte"],
)
def test_other_folders_are_no_scenes(tmp_path, names):
    assert scenes_of(PhotoFolder(tmp_path, [name.encode() for name in names])) == ()


def test_256_are_scenes(tmp_path):
    names = [f"{number:03d}/a.png".encode() for number in range(256)]
    assert len(scenes_of(PhotoFolder(tmp_path, names))) == 256


def test_every_crop_of_a_batch_brings_the_number_of_its_scene(folder):
    learning = open_dataset(folder).learning
    scenes = scenes_of(learning)
    photos = PhotosOfScenes(photos_to_crop(learning, 16), scenes)
    batches = Batches(photos, size=16, batch=5, seed=1)
    seen = set()
    for step in range(6):
        batch = batches[step]
        assert (batch.shape, batch.dtype) == ((5, 16, 16, 4), np.uint8)
        for picture in batch:
            assert np.ptp(picture[..., 3]) == 0
            assert scenes[picture[0, 0, 3]] == scene_of(picture)
            seen.add(scene_of(picture))
    assert seen == set(COLOURS)


def test_where_a_photo_cannot_be_used_the_number_is_that_of_the_next(folder):
    for path in folder.glob("forest/**/*.png"):
        path.write_text("no photo")
    learning = open_dataset(folder).learning
    photos = PhotosOfScenes(photos_to_crop(learning, 16), ("beach", "forest", "street"))
    batches = Batches(photos, size=16, batch=8, seed=0)
    numbers = {(int(picture[0, 0, 3]), scene_of(picture)) for step in range(4) for picture in batches[step]}
    assert numbers == {(0, "beach"), (2, "street")}
    assert {path.parent.name for path in photos.skipped} <= {"forest", "deeper"}
    with pytest.raises(ImageError, match="no JPEG"):
        photos[next(number for number in range(len(learning)) if "forest" in str(learning[number]))]


def test_without_a_photo_that_can_be_used_there_is_a_sentence(folder):
    for path in folder.rglob("*.png"):
        path.write_text("no photo")
    photos = PhotosOfScenes(photos_to_crop(open_dataset(folder).learning, 16), ("beach", "forest", "street"))
    with pytest.raises(NoPhotosError, match="none can be used"):
        Batches(photos, size=16, batch=2, seed=0)[0]
