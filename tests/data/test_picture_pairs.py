import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from skimage.color import rgb2lab

from tinycolor.data import picture_pairs
from tinycolor.data.batches import Batches
from tinycolor.data.class_colours import CLASS_COLOURS
from tinycolor.data.dataset import open_picture_pairs
from tinycolor.data.photos import ImageError
from tinycolor.data.picture_pairs import PicturePairs, find_picture_pairs
from tinycolor.data.shrunk import NoPhotosError


def photo(height=12, width=16, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def numbers(height=12, width=16, seed=1):
    return np.random.default_rng(seed).integers(0, 40, (height, width), dtype=np.uint8)


def save(path, pixels, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path, **options)


@pytest.fixture
def told():
    return {}


def found(folder, told):
    photos = find_picture_pairs(folder, told.__setitem__)
    return photos, [photos.name(number) for number in range(len(photos))]


def lanczos(pixels, side):
    return np.asarray(Image.fromarray(pixels).resize((side, side), Image.Resampling.LANCZOS))


# --- which belong together -------------------------------------------------------------------------------------


@pytest.mark.parametrize("given", ["X", "X/A"])
def test_a_and_b_lie_in_two_folders_and_may_end_differently(tmp_path, told, given):
    for number, (a, b) in enumerate((("b.png", "b.bmp"), ("a.b.PNG", "a.b.bmp"), ("more/a.bmp", "more/a.png"))):
        save(tmp_path / "X" / "A" / a, photo(seed=number))
        save(tmp_path / "X" / "B" / b, photo(seed=number + 10))
    photos, names = found(tmp_path / given, told)
    assert names == [b"a.b.PNG", b"b.png", b"more/a.bmp"]
    assert not told
    for pair, seed in zip(PicturePairs(photos, 8), (1, 0, 2), strict=True):
        np.testing.assert_array_equal(pair[..., :3], lanczos(photo(seed=seed), 8))
        np.testing.assert_array_equal(pair[..., 3:], lanczos(photo(seed=seed + 10), 8))


def test_a_and_b_lie_side_by_side_in_one_picture(tmp_path, told):
    save(tmp_path / "a.png", np.hstack([photo(seed=1), photo(seed=2)]))
    photos, _ = found(tmp_path, told)
    (pair,) = PicturePairs(photos, 8)
    np.testing.assert_array_equal(pair, np.dstack([lanczos(photo(seed=seed), 8) for seed in (1, 2)]))


@pytest.mark.parametrize(("photos", "maps"), [("X/photos", "X/labels"), ("X", "X_seg")])
def test_a_is_a_label_map_in_colours_and_b_the_photo(tmp_path, told, photos, maps):
    labels = numbers(11, 17)
    labels[0, :4] = 255, 39, 0, 254
    save(tmp_path / photos / "a.png", photo(11, 17))
    save(tmp_path / maps / "a.png", labels)
    pairs = PicturePairs(found(tmp_path / "X", told)[0], 24, ignored=(39,))
    (pair,) = pairs
    np.testing.assert_array_equal(pair[..., 3:], lanczos(photo(11, 17), 24))
    for i in range(24):
        for j in range(24):
            number = labels[(2 * i + 1) * 11 // 48, (2 * j + 1) * 17 // 48]
            colour = (0, 0, 0) if number in (39, 255) else CLASS_COLOURS[number]
            np.testing.assert_array_equal(pair[i, j, :3], colour)


def test_direction_says_which_is_the_input(tmp_path, told):
    save(tmp_path / "a.png", np.hstack([photo(seed=1), photo(seed=2)]))
    (forth,), (back,) = (
        PicturePairs(found(tmp_path, told)[0], 8, direction=direction) for direction in ("a-to-b", "b-to-a")
    )
    np.testing.assert_array_equal(back, forth[..., [3, 4, 5, 0, 1, 2]])
    assert (forth != back).any()
    with pytest.raises(ValueError, match="got direction='b', expected 'a-to-b' or 'b-to-a'"):
        PicturePairs(found(tmp_path, told)[0], 8, direction="b")


def test_the_folder_where_one_stands(tmp_path, told, monkeypatch):
    for name in "AB":
        save(tmp_path / "X" / name / "a.png", photo())
    for place, folders in (("X", (".", "../X", "A")), ("X/A", (".", "../A", ".."))):
        monkeypatch.chdir(tmp_path / place)
        for folder in folders:
            assert len(list(PicturePairs(found(folder, told)[0], 8))) == 1


def test_what_has_no_partner_or_two_is_told(tmp_path, told):
    a, b = tmp_path / "A", tmp_path / "B"
    for path in (a / "a.png", b / "a.png", a / "b.png", b / "c.png", b / "deep/b.png"):
        save(path, photo())
    for path in (a / "d.png", a / "d.bmp", b / "d.png", a / "e.png", b / "e.png", b / "e.bmp"):
        save(path, photo())
    _, names = found(tmp_path, told)
    assert names == [b"a.png"]
    unclear = "it is not clear which its partner is: more than two pictures have this name"
    assert told == {
        a / "b.png": f"it has no partner in {b}",
        b / "c.png": f"it has no partner in {a}",
        b / "deep/b.png": f"it has no partner in {a}",
        **{a / name: unclear for name in ("d.png", "d.bmp", "e.png")},
        **{b / name: unclear for name in ("d.png", "e.png", "e.bmp")},
    }


@pytest.mark.parametrize("given", ["X", "X/A", "../here/X"])
def test_partners_are_named_as_the_folder_was_given(tmp_path, told, monkeypatch, given):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    for path in ("A/both.png", "B/both.png", "A/a.png", "B/b.png"):
        save(Path("X") / path, photo())
    Path("X/B/both.png").write_text("no picture")
    a = Path(given) if given.endswith("A") else Path(given, "A")
    b = a.parent / "B"
    pairs = PicturePairs(found(given, told)[0], 8)
    assert not list(pairs)
    assert told == {a / "a.png": f"it has no partner in {b}", b / "b.png": f"it has no partner in {a}"}
    assert pairs.skipped == {a / "both.png": f"its partner {b}/both.png: no JPEG, PNG, WebP, BMP, TIFF or GIF"}


@pytest.mark.parametrize(("photos", "maps"), [("X/photos", "X/labels"), ("X", "X_seg")])
def test_label_maps_are_named_as_the_folder_was_given(tmp_path, told, monkeypatch, photos, maps):
    monkeypatch.chdir(tmp_path)
    save(Path(photos) / "a.png", photo())
    save(Path(photos) / "alone.png", photo())
    save(Path(maps) / "a.png", photo())
    pairs = PicturePairs(found("X", told)[0], 8)
    assert not list(pairs)
    assert told == {Path(photos) / "alone.png": f"it has no label map {maps}/alone.png"}
    assert pairs.skipped[Path(photos) / "a.png"].startswith(f"its partner {maps}/a.png: is of mode RGB")


def test_names_need_not_be_text(tmp_path, told):
    name = os.fsdecode(b"\xff[1]*")
    save(tmp_path / "A" / f"{name}.png", photo())
    save(tmp_path / "B" / f"{name}.bmp", photo())
    assert len(list(PicturePairs(found(tmp_path, told)[0], 8))) == 1


@pytest.mark.parametrize(("there", "missing"), [("A", "B"), ("B", "A"), ("photos", "labels"), ("labels", "photos")])
def test_one_folder_of_two_is_one_sentence(tmp_path, told, there, missing):
    save(tmp_path / there / "a.png", photo())
    with pytest.raises(NoPhotosError, match=f"has a folder {there} and no folder {missing}, expected both, with"):
        found(tmp_path, told)


def test_no_pairs_at_all_is_one_sentence(tmp_path, told):
    with pytest.raises(NotADirectoryError, match="is no folder"):
        found(tmp_path / "missing", told)
    with pytest.raises(NoPhotosError, match=r"there are no pairs of pictures in .*: expected pictures of the same"):
        open_picture_pairs(tmp_path)
    for name in "AB":
        (tmp_path / "bare" / name).mkdir(parents=True)
    with pytest.raises(NoPhotosError, match=r"there are no pairs of pictures in .*bare: expected .* side by side in"):
        open_picture_pairs(tmp_path / "bare")
    save(tmp_path / "A" / "a.png", photo())
    save(tmp_path / "B" / "b.png", photo())
    with pytest.raises(NoPhotosError, match=r"2 were looked at and none can be used; a.png, for one: it has no partne"):
        open_picture_pairs(tmp_path)


def test_what_was_found_is_said(tmp_path):
    for number in range(3):
        save(tmp_path / "halves" / f"{number}.png", photo())
        for kind, names in (("two", "AB"), ("maps", ("photos", "labels"))):
            for name in names:
                save(tmp_path / kind / name / f"{number}.png", photo())
    for kind, pairs in (("halves", "left and right half"), ("two", "A and B"), ("maps", "label map and photo")):
        said = str(open_picture_pairs(tmp_path / kind))
        assert said == f"Pairs of {pairs}: 2 to learn from, 1 kept for judging."


def test_the_fingerprint_tells_pairs_of_one_kind_from_those_of_another_and_one_partner_from_another(tmp_path):
    def fingerprint(place, **endings):
        for folder, ending in endings.items():
            for name in "abc":
                save(tmp_path / place / folder / f"{name}.{ending}", photo())
        return open_picture_pairs(tmp_path / place).fingerprint()

    two = fingerprint("two", A="png", B="png")
    assert fingerprint("the same elsewhere", A="png", B="png") == two
    others = fingerprint("other partners", A="png", B="bmp"), fingerprint("maps", photos="png", labels="png")
    halves = open_picture_pairs((tmp_path / "two" / "A").rename(tmp_path / "halves")).fingerprint()
    assert len({two, *others, halves}) == 4
    assert all(len(one) == 16 and int(one, 16) >= 0 for one in (two, *others, halves))


# --- what comes out --------------------------------------------------------------------------------------------


def test_whatever_a_picture_is_stored_as(tmp_path, told):
    grey = photo()[..., 0]
    cmyk = Image.fromarray(photo()).convert("CMYK")
    (tmp_path / "A").mkdir()
    cmyk.save(tmp_path / "A" / "cmyk.tif")
    save(tmp_path / "A" / "deep.png", grey.astype(np.uint16) * 257)
    save(tmp_path / "A" / "lying.jpg", photo(16, 12), exif=lying())
    for name in ("cmyk", "deep", "lying"):
        save(tmp_path / "B" / f"{name}.png", photo())
    pairs = PicturePairs(found(tmp_path, told)[0], 12)
    assert len(list(pairs)) == 3, pairs.skipped
    np.testing.assert_array_equal(pairs[0][..., :3], lanczos(np.asarray(cmyk.convert("RGB")), 12))
    np.testing.assert_array_equal(pairs[1][..., :3], lanczos(np.dstack([grey] * 3), 12))


def lying():
    exif = Image.Exif()
    exif[0x0112] = 6
    return exif


def test_batches_crop_and_mirror_both_alike(tmp_path, told):
    rows, columns = np.mgrid[:12, :12]
    where = np.dstack([rows, columns, rows]).astype(np.uint8)
    save(tmp_path / "a.png", np.hstack([where, 255 - where]))
    batch = Batches(PicturePairs(found(tmp_path, told)[0], 12), size=8, batch=20, seed=0)[0]
    assert batch.shape == (20, 8, 8, 6)
    np.testing.assert_array_equal(batch[..., 3:], 255 - batch[..., :3])
    assert len({pair.tobytes() for pair in batch}) > 12
    assert 0 < sum(pair[0, 0, 1] > pair[0, 1, 1] for pair in batch) < 20


def test_every_class_has_a_colour_of_its_own_and_none_is_black():
    assert (CLASS_COLOURS.shape, CLASS_COLOURS.dtype) == ((256, 3), np.uint8)
    assert len(np.unique(CLASS_COLOURS, axis=0)) == 256
    np.testing.assert_array_equal(CLASS_COLOURS[255], 0)
    lab = rgb2lab(CLASS_COLOURS)
    apart = np.linalg.norm(lab[:, None] - lab, axis=-1) + 1e9 * np.eye(256)
    assert apart[:20, :20].min() > 15
    assert apart[:32, :32].min() > 9


# --- what cannot be used ---------------------------------------------------------------------------------------


def test_bad_pairs_are_skipped_and_listed(tmp_path, told):
    a, b = tmp_path / "A", tmp_path / "B"
    for name in ("good", "misfit", "turned", "small", "broken", "bad_partner", "dot"):
        for folder in (a, b):
            save(folder / f"{name}.png", photo())
    save(a / "misfit.png", photo(12, 15))
    save(b / "turned.png", photo(16, 12))
    for folder in (a, b):
        save(folder / "small.png", photo(7, 16))
        save(folder / "dot.png", photo(1, 1))
    (a / "broken.png").write_bytes((a / "good.png").read_bytes()[:-99])
    (b / "bad_partner.png").write_text("no picture")
    pairs = PicturePairs(found(tmp_path, told)[0], 8, smallest=8)
    assert len(list(pairs)) == 1
    reasons = {path.name: reason for path, reason in pairs.skipped.items()}
    assert reasons.pop("broken.png").startswith("damaged (")
    assert reasons == {
        "misfit.png": "A has 15 x 12 pixels, B 16 x 12, expected equally many",
        "turned.png": "A has 16 x 12 pixels, B 12 x 16, expected equally many",
        "small.png": "A and B have 16 x 7 pixels each, smaller than 8",
        "dot.png": "A and B have 1 x 1 pixels each, smaller than 8",
        "bad_partner.png": f"its partner {b}/bad_partner.png: no JPEG, PNG, WebP, BMP, TIFF or GIF",
    }
    for number in range(len(pairs)):
        path = pairs.folder[number]
        if path.name != "good.png":
            with pytest.raises(ImageError) as error:
                pairs[number]
            assert (error.value.path, error.value.reason) == (path, pairs.skipped[path])
    assert not told


def test_bad_halves_and_bad_label_maps(tmp_path, told):
    save(tmp_path / "halves" / "odd.png", photo(12, 31))
    save(tmp_path / "halves" / "dot.png", photo(1, 1))
    save(tmp_path / "halves" / "narrow.png", photo(12, 14))
    for name, labels in (("misfit", numbers(12, 15)), ("colours", photo())):
        save(tmp_path / "X" / f"{name}.png", photo())
        save(tmp_path / "X_seg" / f"{name}.png", labels)
    said = {}
    for folder in ("halves", "X"):
        pairs = PicturePairs(found(tmp_path / folder, told)[0], 8, smallest=8)
        assert not list(pairs)
        said |= {path.name: reason for path, reason in pairs.skipped.items()}
    wide = "pixels wide, expected an even number: A on the left, B on the right"
    assert said == {
        "odd.png": f"31 {wide}",
        "dot.png": f"1 {wide}",
        "narrow.png": "left and right half have 7 x 12 pixels each, smaller than 8",
        "misfit.png": f"its partner {tmp_path}/X_seg/misfit.png: has 15 x 12 pixels, the photo 16 x 12",
        "colours.png": f"its partner {tmp_path}/X_seg/colours.png: is of mode RGB, expected L or P: an 8-bit class "
        "number per pixel",
    }


def test_what_cannot_be_used_is_not_opened_twice_and_the_rest_is_kept(tmp_path, told, monkeypatch):
    for name, width in (("a", 16), ("b", 15)):
        save(tmp_path / f"{name}.png", photo(12, width))
    pairs = PicturePairs(found(tmp_path, told)[0], 8)
    assert len(list(pairs)) == 1
    opened = []
    monkeypatch.setattr(picture_pairs, "open_image", opened.append)
    assert len(list(pairs)) == 1
    assert not opened


@pytest.mark.parametrize("names", [("a", "b"), ("trainA", "trainB")])
def test_folders_that_are_called_nearly_a_and_b_are_not_taken_for_halves(tmp_path, names):
    for name in names:
        (tmp_path / name).mkdir()
    with pytest.raises(NoPhotosError, match=f"has folders {names[0]} and {names[1]}: call them A and B"):
        find_picture_pairs(tmp_path, print)
