import base64

from shelflife.shapes.path import path_as_json

NOT_UTF8 = "uploads/caf\udce9.mp4"


def test_a_path_that_is_not_utf8_has_its_bytes_beside_it() -> None:
    shown = path_as_json(NOT_UTF8)
    assert shown["path"] == r"uploads/caf\xe9.mp4"
    assert base64.b64decode(shown["path_b64"]) == b"uploads/caf\xe9.mp4"


def test_an_ordinary_path_stays_as_it_is_and_stands_alone() -> None:
    assert path_as_json("uploads/Größe ☃.mp4") == {"path": "uploads/Größe ☃.mp4"}
