"""Damaged photos give a picture or the one error: never another one, nor a crash, and soon, in little memory."""

import io
import json
import random
import re
import struct
import subprocess
import sys
import zlib

import numpy as np
import pytest
from PIL import Image, ImageCms

from test_soak import note

pytestmark = pytest.mark.slow
EACH = 32
WIDTH, HEIGHT = 67, 53  # no other field of a header has these

# In a process of its own, whose memory is that of opening alone.
OPEN_ALL = """
import json, resource, sys, time
from pathlib import Path
from tinycolor.data.photos import ImageError, open_image

def outcome(path, at_least):
    try:
        pixels = open_image(path, at_least=at_least)
    except ImageError as error:
        assert error.path == path and "\\n" not in str(error)
        return "refused"
    assert pixels.dtype == "uint8" and pixels.ndim == 3 and pixels.shape[2] == 3 and pixels.size
    return "opened"

def timed(path, at_least):
    started = time.process_time()
    return outcome(path, at_least), time.process_time() - started, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

at_least = int(sys.argv[2]) or None
print(json.dumps({path.name: timed(path, at_least) for path in sorted(Path(sys.argv[1]).iterdir())}))
"""


def whole_files(rng):
    """Return photos of all formats and of most kinds that there are of each."""
    down, across = np.mgrid[:HEIGHT, :WIDTH]
    smooth = np.stack([4 * down, 3 * across, 2 * (down + across)], -1) % 256
    photo = Image.fromarray(((smooth + rng.integers(0, 20, smooth.shape)) % 256).astype(np.uint8))
    deep = Image.fromarray(rng.integers(0, 65536, (HEIGHT, WIDTH), dtype=np.uint16))
    exif = Image.Exif()
    exif.update({274: 6, 271: "maker", 306: "2020:01:01 00:00:00"})
    marked = {"exif": exif.tobytes(), "icc_profile": ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()}
    moving = {"save_all": True, "append_images": [photo.rotate(90), photo.rotate(180)]}
    see_through = photo.convert("RGBA")
    see_through.putalpha(photo.convert("L"))
    spotted = photo.quantize(16)
    spotted.info["transparency"] = 3

    def saved(image, kind, **options):
        buffer = io.BytesIO()
        image.save(buffer, kind, **options)
        return buffer.getvalue()

    return [
        saved(photo, "JPEG", **marked),
        saved(photo, "JPEG", progressive=True),
        saved(photo.convert("CMYK"), "JPEG", **marked),
        saved(photo.convert("L"), "JPEG"),
        saved(photo, "PNG", **marked),
        saved(see_through, "PNG", **moving),
        saved(spotted, "PNG"),
        saved(deep, "PNG"),
        saved(photo, "WEBP", **marked),
        saved(see_through, "WEBP", lossless=True),
        saved(photo, "WEBP", **moving),
        saved(photo, "BMP"),
        saved(spotted, "BMP"),
        saved(photo.convert("1"), "BMP"),
        saved(photo, "TIFF", compression="tiff_lzw", icc_profile=marked["icc_profile"]),
        saved(photo, "TIFF", compression="jpeg", **moving),
        saved(photo.convert("CMYK"), "TIFF", compression="tiff_deflate"),
        saved(deep, "TIFF"),
        saved(spotted, "GIF"),
        saved(photo, "GIF", transparency=0, disposal=2, **moving),
    ]


def flip(content, rng, start, stop):
    content = bytearray(content)
    for _ in range(rng.randint(1, 8)):
        content[rng.randrange(start, stop)] = rng.randrange(256)
    return content


def bytes_anywhere(content, others, rng):
    return flip(content, rng, 0, len(content))


def bytes_at_the_start(content, others, rng):
    return flip(content, rng, 0, min(100, len(content)))


def cut_off(content, others, rng):
    return content[: rng.randrange(len(content))]


def half_of_another(content, others, rng):
    other = rng.choice([*others, bytes(len(content)), rng.randbytes(len(content))])
    return content[: rng.randrange(len(content))] + other[rng.randrange(len(other)) :]


def pieces_in_disorder(content, others, rng):
    first, second, third = sorted(rng.randrange(len(content)) for _ in range(3))
    return content[:first] + content[second:third] * rng.randint(0, 3) + content[first:second] + content[third:]


def other_size(content, others, rng):
    """Another width and height wherever the right ones stand, in any way that a format writes them."""
    # 7240 x 7240 is about the most that is opened.
    for right in (WIDTH, HEIGHT):
        wrong = rng.choice([0, 1, right + 1, 255, 7240, 7240, 7240, 65_535, rng.getrandbits(16), rng.getrandbits(31)])
        for form in ("<I", ">I", "<H", ">H"):
            limit = 256 ** struct.calcsize(form) - 1
            for less in (0, 1):  # WebP writes one less
                content = content.replace(struct.pack(form, right - less), struct.pack(form, min(wrong, limit)))
    return content


def bytes_of_exif(content, others, rng):
    return near(rb"Exif|eXIf|EXIF|II\*\0|MM\0\*", content, rng)


def bytes_of_the_profile(content, others, rng):
    return near(rb"ICC_PROFILE|iCCP|ICCP|acsp", content, rng)


def near(marks, content, rng):
    """Other bytes soon after one of these marks, or anywhere where there is none."""
    places = [found.start() for found in re.finditer(marks, content)] or [rng.randrange(len(content))]
    start = rng.choice(places)
    return flip(content, rng, start, min(start + 250, len(content)))


MUTATIONS = (
    bytes_anywhere,
    bytes_at_the_start,
    cut_off,
    half_of_another,
    pieces_in_disorder,
    other_size,
    bytes_of_exif,
    bytes_of_the_profile,
)


def with_right_checksums(content):
    """Of a PNG file, whose checksums would keep most damage from what lies behind them."""
    content, start = bytearray(content), 8
    while content.startswith(b"\x89PNG") and start + 12 <= len(content):
        end = start + 8 + int.from_bytes(content[start : start + 4])
        content[end : end + 4] = (
            struct.pack(">I", zlib.crc32(content[start + 4 : end])) if end + 4 <= len(content) else b""
        )
        start = end + 4
    return content


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder, rng = tmp_path_factory.mktemp("images"), random.Random(0)
    contents = whole_files(np.random.default_rng(0))
    for number, content in enumerate(contents):
        (folder / f"whole {number}").write_bytes(content)
        for mutate in MUTATIONS:
            for time in range(EACH):
                mutated = mutate(content, contents, rng)
                path = folder / f"{number} {mutate.__name__} {time}"
                path.write_bytes(with_right_checksums(mutated) if time % 2 else mutated)
    return folder


@pytest.mark.parametrize("at_least", [None, 16])
def test_mutated_images_are_opened_or_refused_soon_and_in_little_memory(folder, at_least):
    command = [sys.executable, "-W", "ignore", "-c", OPEN_ALL, folder, str(at_least or 0)]
    opened = subprocess.run(command, capture_output=True, text=True, check=False)
    assert opened.returncode == 0, opened.stderr
    results = json.loads(opened.stdout)
    whole = [results.pop(name)[0] for name in list(results) if name.startswith("whole")]
    assert whole == ["opened"] * 20
    outcomes = [outcome for outcome, *_ in results.values()]
    slowest = max(seconds for _, seconds, _ in results.values())
    megabytes = max(kilobytes for *_, kilobytes in results.values()) / 1024
    note(
        "images, mutated" + (", opened for a small copy" if at_least else ""),
        files=len(results),
        refused=outcomes.count("refused"),
        opened=outcomes.count("opened"),
        most_milliseconds=round(1000 * slowest, 1),
        most_megabytes=round(megabytes),
    )
    assert len(results) == 20 * len(MUTATIONS) * EACH
    assert slowest < 2
    assert megabytes < 512
