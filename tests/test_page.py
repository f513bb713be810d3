from html.parser import HTMLParser

import pytest

from tinycolor.page import columns, image, page, section, table

NASTY = """<script>alert("1")</script> & 'é' \udcff"""
SHOWN = NASTY.replace("\udcff", "\\udcff")


class Reader(HTMLParser):
    """What a browser would find in a page: text by tag, attributes, and the path of tags down to each picture."""

    def __init__(self, content):
        super().__init__()
        self.open, self.texts, self.attributes, self.pictures = [], [], [], []
        self.feed(content)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.attributes.append((tag, dict(attributes)))
        if tag == "img":
            self.pictures.append(list(self.open))
        if tag not in ("img", "meta", "input"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append((self.open[-1] if self.open else None, data))


def text_of(reader, tag):
    return [text for inside, text in reader.texts if inside == tag]


@pytest.fixture
def read():
    return lambda *pieces: Reader(page(NASTY, NASTY, *pieces).decode())


def test_nothing_from_outside_becomes_a_tag(read):
    found = read(section(NASTY, NASTY, image(b"", NASTY)), table([(NASTY, NASTY)]))
    assert found.open == []
    assert text_of(found, "title") == text_of(found, "h1") == text_of(found, "h2") == [SHOWN]
    assert text_of(found, "p") == text_of(found, "td") == [SHOWN, SHOWN]
    assert [attributes["alt"] for tag, attributes in found.attributes if tag == "img"] == [SHOWN]
    assert "script" not in [tag for tag, _ in found.attributes]


def test_a_picture_is_in_the_page_and_nowhere_else(read):
    found = read(image(b"\x89PNG\r\n", "a picture"), image(b"\xff\xd8", "another", "jpeg"))
    addresses = [
        attributes[name] for _, attributes in found.attributes for name in ("src", "href") if name in attributes
    ]
    assert addresses == ["data:image/png;base64,iVBORw0K", "data:image/jpeg;base64,/9g="]


def test_pieces_are_in_one_another_in_their_order(read):
    found = read(section("a", "", columns(section("b", "", image(b"", "")), section("c", ""))), section("d", ""))
    assert text_of(found, "h2") == ["a", "b", "c", "d"]
    assert found.pictures == [["html", "section", "div", "section"]]


def test_a_table_has_its_rows_and_cells(read):
    found = read(table([("size", "64"), ("batch", "16")]))
    assert [tag for tag, _ in found.attributes if tag in ("table", "tr", "td")] == ["table", *["tr", "td", "td"] * 2]
    assert text_of(found, "td") == ["size", "64", "batch", "16"]
