"""Photos with label maps, from which a network learns what is at each pixel.

FOLDER/photos/a.jpg   FOLDER/labels/a.png      either two folders in one, given as FOLDER,
X/b/c.jpg             X_seg/b/c.png            or two beside each other, given as X

A label map is an 8-bit PNG, grey or with a palette, as large as the photo: a class number per pixel.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from tinycolor.backend import Array, constant
from tinycolor.data.folder import PhotoFolder, Skip, beside, find_photos, name_of
from tinycolor.data.photos import ImageError, open_image
from tinycolor.data.shrunk import NoPhotosError, ShrunkPhotos, shrink
from tinycolor.files import shown

IGNORED = 255  # the number of no class: such pixels count neither in the loss nor in the scores
SUFFIX = ".png"
ONE_NUMBER_PER_PIXEL = ("L", "P", "P;4", "P;2", "P;1")  # not "L;4": Pillow multiplies those greys by 17

# Of ImageNet's photos, RGB 0..255: what the published weights of VGG-16 expect to be taken off.
MEAN = 255 * np.array([0.485, 0.456, 0.406], np.float32)
STD = 255 * np.array([0.229, 0.224, 0.225], np.float32)


def picture_input(rgb: Array) -> Array:
    """Return photos as a network takes them that learns classes: ``(rgb - MEAN) / STD`` per channel.

    Parameters
    ----------
    rgb : array
        (N, H, W, 3), uint8, sRGB.

    Returns
    -------
    array
        (N, H, W, 3), float32, -2.2..2.7.

    Source: torchvision, the weights of its VGG-16. The authors of VGG and FCN take off the mean of BGR 0..255 alone.
    """
    return (rgb - constant(MEAN, rgb)) / constant(STD, rgb)


def find_pairs(folder: str | os.PathLike[str], skip: Skip) -> PhotoFolder:
    """Find the photos that have a label map; nothing is opened yet.

    Parameters
    ----------
    folder : path-like
        With ``photos`` and ``labels`` in it, or beside a folder of the same name and ``_seg``.
    skip : function
        Told (path, reason) of a photo without label map, a label map without photo, and what ``find_photos`` tells.

    Returns
    -------
    PhotoFolder
        The photos; ``label_map_of`` says where their label maps are.

    Raises
    ------
    NoPhotosError
        There is no folder of label maps.
    NotADirectoryError
        ``folder`` is none.
    """
    folder = Path(folder)
    if (folder / "photos").is_dir() and (folder / "labels").is_dir():
        folder = folder / "photos"
    photos, labels = find_photos(folder, skip), label_folder(folder)
    if not labels.is_dir():
        raise NoPhotosError(
            f"the photos in {shown(folder)} have no label maps: expected PNG files of the same names in "
            f"{shown(labels)}, or a folder with photos/ and labels/ in it."
        )
    maps = find_photos(labels, skip)
    there = {maps.name(number) for number in range(len(maps))}
    needed = {photos.name(number): _map_name(photos.name(number)) for number in range(len(photos))}
    for name in sorted(there.difference(needed.values())):
        skip(labels / os.fsdecode(name), "it belongs to no photo")
    for name, map_name in needed.items():
        if map_name not in there:
            skip(folder / os.fsdecode(name), f"it has no label map {shown(labels / os.fsdecode(map_name))}")
    return PhotoFolder(folder, (name for name, map_name in needed.items() if map_name in there))


def label_folder(folder: Path) -> Path:
    """Return where the label maps of a folder of photos are."""
    name = name_of(folder)
    return beside(folder, "labels" if name == "photos" else f"{name}_seg")


def label_map_of(photo: Path, folder: Path) -> Path:
    """Return where the label map of a photo below a folder is."""
    return label_folder(folder) / os.fsdecode(_map_name(os.fsencode(photo.relative_to(folder))))


def label_maps_of(photos: PhotoFolder) -> PhotoFolder:
    """Return the label maps of photos from ``find_pairs``."""
    names = (_map_name(photos.name(number)) for number in range(len(photos)))
    return PhotoFolder(label_folder(photos.folder), names)


def _map_name(photo_name: bytes) -> bytes:
    return os.path.splitext(photo_name)[0] + SUFFIX.encode()


class LabelledPhotos(ShrunkPhotos):
    """Photos as ``ShrunkPhotos`` gives them, with the class number of each pixel as a fourth channel.

    ``some[number]`` is uint8 (H, W, 4): sRGB, and 0..classes - 1 or 255. A photo is shrunk by averages (Lanczos), its
    label map by taking the number at the centre of the new pixel: between road and sky lies no car.

    Parameters
    ----------
    folder : PhotoFolder
        The photos, from ``find_pairs``.
    size : int or (int, int)
        Shorter side of what comes out, a photo below it keeping its size; or height and width, whatever they were.
    smallest : int
        Photos whose shorter side is then below this are not taken.
    classes : int
        Number of classes, 1..255.
    ignored : sequence of int
        Numbers that mean no class, beside 255. They come out as 255.
    """

    def __init__(
        self,
        folder: PhotoFolder,
        size: int | tuple[int, int],
        smallest: int = 1,
        *,
        classes: int,
        ignored: Sequence[int] = (),
    ) -> None:
        super().__init__(folder, size if isinstance(size, int) else min(size), smallest)
        self.size, self.classes, self.ignored = size, classes, ignored

    def others(self, folder: PhotoFolder) -> LabelledPhotos:
        """Return the photos of another folder in the same way."""
        return LabelledPhotos(folder, self.size, self.smallest, classes=self.classes, ignored=self.ignored)

    def _shrunk(self, path: Path) -> np.ndarray:
        if path in self.skipped:
            raise ImageError(path, self.skipped[path])
        try:
            return self._pair(path, label_map_of(path, self.folder.folder))
        except ImageError as error:
            reason = error.reason if error.path == path else f"its label map {shown(error.path)} {error.reason}"
            self.skipped[path] = reason
            raise ImageError(path, reason) from error

    def _pair(self, path: Path, label_map: Path) -> np.ndarray:
        photo = open_image(path)
        labels = self._classes(label_map, open_label_map(label_map, photo.shape[:2]))
        if isinstance(self.size, int):
            photo = shrink(photo, self.side)
        else:
            photo = np.asarray(Image.fromarray(photo).resize(self.size[::-1], Image.Resampling.LANCZOS))
        height, width = photo.shape[:2]
        if min(height, width) < self.smallest:
            raise ImageError(path, f"{width} x {height} pixels, smaller than {self.smallest}")
        return np.dstack([photo, nearest(labels, (height, width))])

    def _classes(self, path: Path, numbers: np.ndarray) -> np.ndarray:
        numbers = without_ignored(numbers, self.ignored)
        strange = numbers[(numbers >= self.classes) & (numbers != IGNORED)]
        if strange.size:
            raise ImageError(
                path, f"has class {strange[0]}, expected 0 to {self.classes - 1}, or {IGNORED} where there is none"
            )
        return numbers


def of_one_shape(folder: PhotoFolder, side: int, *, classes: int, ignored: Sequence[int]) -> LabelledPhotos:
    """Return photos that all have the shape of the first usable one, once its shorter side is ``side`` pixels.

    Others are stretched to it. See ``LabelledPhotos`` for the parameters.

    Raises
    ------
    NoPhotosError
        None can be used.
    """
    some = LabelledPhotos(folder, side, classes=classes, ignored=ignored)
    first = next(some.some(), None)
    if first is None:
        raise NoPhotosError(some.why_none())
    return LabelledPhotos(folder, first.shape[:2], classes=classes, ignored=ignored)


def open_label_map(path: Path, shape: tuple[int, int]) -> np.ndarray:
    """Return the numbers of a label map, uint8 (H, W).

    Parameters
    ----------
    path : Path
        The PNG file.
    shape : (int, int)
        Height and width of the photo that it belongs to.

    Raises
    ------
    ImageError
        It is no PNG file, damaged, not as large as the photo, or does not hold one 8-bit number per pixel.
    """
    try:
        with Image.open(path, formats=("PNG",)) as image:
            if image.size != shape[::-1]:
                raise ImageError(path, f"has {image.width} x {image.height} pixels, the photo {shape[1]} x {shape[0]}")
            stored_as = image.tile[0][3]
            if stored_as not in ONE_NUMBER_PER_PIXEL:
                raise ImageError(path, f"is of mode {stored_as}, expected L or P: an 8-bit class number per pixel")
            return np.array(image)
    except ImageError:
        raise
    # Whatever a decoder trips over in a damaged file, it is the file that cannot be used.
    except Exception as error:
        raise ImageError(path, f"is no PNG, or damaged ({' '.join(str(error).split())})") from error


def without_ignored(numbers: np.ndarray, ignored: Sequence[int]) -> np.ndarray:
    """Return a label map, uint8 (H, W), with 255 in place of all numbers that mean no class."""
    return np.where(np.isin(numbers, ignored), IGNORED, numbers).astype(np.uint8)


def nearest(labels: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Return a label map (H, W) in another size: each new pixel has the number that lies at its centre."""
    rows, columns = ((2 * np.arange(new) + 1) * old // (2 * new) for new, old in zip(size, labels.shape, strict=True))
    return labels[rows[:, None], columns]
