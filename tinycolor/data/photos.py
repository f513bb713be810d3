"""Open a photo, whatever it is, as plain sRGB pixels, or say in one sentence why not."""

from __future__ import annotations

import io
import math
import os
from pathlib import Path

import numpy as np
from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError

from tinycolor.files import shown

FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF")
MOST_PIXELS = 50 << 20  # unpacked, the largest take no more than 512 MB
STRIP = 1 << 21  # pixels that are converted at a time, to save memory
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
WHITE = (255, 255, 255, 255)


class ImageError(ValueError):
    """A file that cannot be used as a photo.

    Attributes
    ----------
    path : Path
        Which file.
    reason : str
        Why, in a few words.
    """

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{shown(path)}: {reason}")
        self.path, self.reason = path, reason


def open_image(path: str | os.PathLike[str], *, at_least: int | None = None) -> np.ndarray:
    """Return the pixels of a photo as sRGB, uint8 (H, W, 3), upright.

    Takes JPEG, PNG, WebP, BMP, TIFF and GIF (the first frame), in grey, 16-bit grey, palette, RGB, CMYK and with
    alpha, which is laid on white. A colour profile in the file is converted to sRGB; a broken one is passed over.

    Parameters
    ----------
    path : path-like
        The file.
    at_least : int, optional
        How many pixels the shorter side has to keep. A large JPEG then comes at a half, a quarter or an eighth of its
        size, many times faster. By default every pixel comes.

    Raises
    ------
    ImageError
        Names the file and the reason: no such file, no photo, truncated, unreadable, too many pixels (over 52 million).
    """
    path = Path(path)
    try:
        if not path.is_file():
            raise ImageError(path, "is a folder, not a photo" if path.is_dir() else "no such file")
        with Image.open(path, formats=FORMATS) as image:
            width, height = image.size
            if width * height > MOST_PIXELS:
                raise ImageError(path, f"{width} x {height} pixels, expected at most {MOST_PIXELS:,} in all")
            if at_least is not None:
                share = at_least / min(width, height)
                image.draft(None, (math.ceil(width * share), math.ceil(height * share)))
            return _pixels(image)
    except ImageError:
        raise
    except MemoryError as error:
        raise ImageError(path, "too large for the memory that is left") from error
    # Whatever a decoder trips over in a damaged file, it is the file that cannot be used.
    except Exception as error:
        raise ImageError(path, " ".join(_reason(error).split())) from error


def _reason(error: Exception) -> str:
    if isinstance(error, UnidentifiedImageError):
        return "no JPEG, PNG, WebP, BMP, TIFF or GIF"
    if isinstance(error, OSError) and error.strerror:  # the system's own, not a decoder's
        return f"cannot be read ({error.strerror})"
    return f"damaged ({error})"


def _pixels(image: Image.Image) -> np.ndarray:
    image.load()
    ImageOps.exif_transpose(image, in_place=True)
    width, height = image.size
    pixels = np.empty((height, width, 3), np.uint8)
    rows = max(1, STRIP // width)
    for top in range(0, height, rows):
        strip = image.crop((0, top, width, min(top + rows, height)))
        pixels[top : top + rows] = np.asarray(_plain(strip))
    return pixels


def _plain(image: Image.Image) -> Image.Image:
    """Return 8-bit sRGB without alpha."""
    if image.mode.startswith("I"):
        sixteen_bits = np.asarray(image).astype(np.int64).clip(0, 65535)
        image = Image.fromarray((sixteen_bits // 257).astype(np.uint8))
    elif image.mode == "F":
        raise ValueError("floating-point pixels, whose range nobody knows")
    image = _to_srgb(image)
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, WHITE), image)
    return image.convert("RGB")


def _to_srgb(image: Image.Image) -> Image.Image:
    profile = image.info.get("icc_profile")
    if not profile or image.mode not in ("RGB", "RGBA", "CMYK"):
        return image
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        mode = "RGB" if image.mode == "CMYK" else image.mode
        return ImageCms.profileToProfile(image, source, SRGB, outputMode=mode) or image
    except (ImageCms.PyCMSError, OSError):
        return image


def png(pixels: np.ndarray) -> bytes:
    """Return a picture, uint8 (H, W, 3), as the bytes of a PNG file, which keeps every pixel."""
    return _encoded(pixels, "PNG")


def jpeg(pixels: np.ndarray) -> bytes:
    """Return a picture, uint8 (H, W, 3), as the bytes of a JPEG file: a tenth of the size, with all its colour."""
    return _encoded(pixels, "JPEG", quality=88, subsampling=0)


def _encoded(pixels: np.ndarray, file_format: str, **options: int) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, file_format, **options)
    return buffer.getvalue()
