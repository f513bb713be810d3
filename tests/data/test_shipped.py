"""The shipped photos: all open, each is credited, and the credits are those that came with them."""

import hashlib

import pytest

import tinycolor as tc
from tinycolor.data.shipped import attributions, shipped_photos

PHOTOS = shipped_photos()


def test_there_are_eighteen_photos_in_order():
    names = [path.name for path in PHOTOS]
    assert len(names) == 18
    assert names == sorted(names)
    assert names[0] == "lomiri-Picture_0B_by_freespace.jpg"


@pytest.mark.parametrize("path", PHOTOS, ids=[path.stem for path in PHOTOS])
def test_a_photo_opens_in_colour(path):
    photo = tc.open_image(path)
    assert min(photo.shape[:2]) >= 256
    assert (photo[..., 0] != photo[..., 2]).any()


def test_every_photo_is_credited_and_nothing_else_is():
    credits = attributions()
    assert sorted(credits) == sorted(path.name for path in PHOTOS)
    free = {"CC0-1.0", "CC-BY-2.0", "CC-BY-4.0", "public domain"}
    assert {credit.licence for credit in credits.values()} == free
    assert all(credit.author and credit.source for credit in credits.values())


def test_a_credit_line_names_author_and_licence():
    credits = attributions()
    assert str(credits["skimage-chelsea.jpg"]) == "Stefan van der Walt, CC0-1.0"
    assert str(credits["lomiri-Picture_1A_by_freespace.jpg"]) == 'Trevor "Freespace", 2018, CC-BY-4.0'
    assert credits["scipy-face.jpg"].source == "PyPI scipy 1.11.4 wheel, scipy/misc/face.dat"


def test_the_attributions_are_unchanged():
    digest = hashlib.sha256(PHOTOS[0].with_name("ATTRIBUTION.txt").read_bytes()).hexdigest()
    assert digest == "a8d51fbaa945e33ecbfa2723c51047d97061fdb2fbacb868b8a2a1530933f8d3"
