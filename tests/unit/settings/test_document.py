from __future__ import annotations

import hypothesis
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shelflife.settings.document import Document, parse_document


def _read(text: str | bytes) -> Document:
    data = text if isinstance(text, bytes) else text.encode()
    return parse_document(data, "config.yaml", "storage")


def _plain(text: str) -> object:
    document = _read(text)
    assert not document.problems
    assert document.section is not None
    return document.section.plain()


def _problems(text: str | bytes) -> list[str]:
    return [str(problem) for problem in _read(text).problems]


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("5", 5),
        ("-1", -1),
        ("1_000", 1000),
        ("true", True),
        ("off", False),
        ("No", False),
        ("1.5", 1.5),
        ("~", None),
        ("", None),
        ("24h", "24h"),
        ('"5"', "5"),
        ("!!str 5", "5"),
    ],
)
def test_a_scalar_is_read_as_what_it_says(written: str, read: object) -> None:
    assert _plain(f"storage: {written}\n") == read
    assert type(_plain(f"storage: {written}\n")) is type(read)


@pytest.mark.parametrize("written", ["1:30", "010", "0x1F", "0b11", "2026-01-01", "1:30.5", ".inf", "="])
def test_what_yaml_1_1_would_guess_at_stays_text(written: str) -> None:
    assert _plain(f"storage: {written}\n") == written


def test_each_value_knows_its_line_its_key_and_how_it_was_written() -> None:
    section = _read(
        "# comment\nstorage:\n  cleanup:\n    enabled: off\n  list:\n    - a\n    - b: ~\n"
    ).section
    assert section is not None
    places = {
        (entry.where, entry.key, entry.text)
        for entry, _ in (
            section.find(()),
            section.find(("cleanup",)),
            section.find(("cleanup", "enabled")),
            section.find(("list", 0)),
            section.find(("list", 1, "b")),
        )
    }
    assert places == {
        ("config.yaml:2", "storage", "{…}"),
        ("config.yaml:3", "storage.cleanup", "{…}"),
        ("config.yaml:4", "storage.cleanup.enabled", "off"),
        ("config.yaml:6", "storage.list[0]", '"a"'),
        ("config.yaml:7", "storage.list[1].b", "~"),
    }


def test_lines_are_counted_with_every_kind_of_line_end() -> None:
    section = _read("a: 1\r\nstorage:\r\n  b: 2\r\n").section
    assert section is not None
    assert section.section["b"].where == "config.yaml:3"


@pytest.mark.parametrize("text", ["", "# nothing\n", "---\n", "other: 1\n", "null"])
def test_a_file_without_the_section_has_none_and_no_problem(text: str) -> None:
    document = _read(text)
    assert document.section is None
    assert not document.problems


def test_a_byte_order_mark_does_no_harm() -> None:
    assert _plain("\ufeffstorage: 1\n") == 1


def test_other_sections_belong_to_the_application_whatever_is_in_them() -> None:
    text = "app: !include app.yaml\ntwice: {a: 1, a: 2}\ntwice: 2\n3: 4\nstorage: {a: 1}\n"
    document = _read(text)
    assert not document.problems
    assert document.section is not None
    assert document.section.plain() == {"a": 1}
    assert document.keys["storage"] == 5


def test_anchors_aliases_and_merge_keys_work() -> None:
    text = "x: &a {p: 1, q: 2}\ny: &b {q: 3, r: 4}\nstorage:\n  <<: [*a, *b]\n  p: 0\n  s: *a\n"
    assert _plain(text) == {"p": 0, "q": 2, "r": 4, "s": {"p": 1, "q": 2}}


def test_a_merged_value_is_located_where_it_is_written() -> None:
    section = _read("x: &a\n  p: 1\nstorage:\n  <<: *a\n").section
    assert section is not None
    assert section.section["p"].where == "config.yaml:2"
    assert section.section["p"].key == "storage.p"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            "storage:\n  a: 1\n  b: 2\n  a: 3\n",
            "config.yaml:4: storage.a: 3: duplicate key; line 2 has it already",
        ),
        (
            "storage: {a: 1}\nother: 1\nstorage: 5\n",
            "config.yaml:3: storage: 5: duplicate key; line 1 has it already",
        ),
        ("storage:\n  on: 1\n", "config.yaml:2: storage: on: a key that is not text; put it in quotes"),
        ("storage:\n  5: 1\n", "config.yaml:2: storage: 5: a key that is not text; put it in quotes"),
        (
            "storage:\n  ? [a]\n  : 1\n",
            "config.yaml:2: storage: […]: a key that is not text; put it in quotes",
        ),
        ("storage:\n  a: !!binary aGk=\n", "config.yaml:2: storage.a: the tag !!binary is not allowed here"),
        (
            "storage:\n  a: !!python/object:os.system {}\n",
            "config.yaml:2: storage.a: the tag !!python/object:os.system is not allowed here",
        ),
        ("storage:\n  a: &x [*x]\n", "config.yaml:2: storage.a[0]: refers to itself"),
        ("storage: &x\n  <<: *x\n", "config.yaml:1: storage: refers to itself"),
        (
            "storage:\n  <<: 5\n",
            "config.yaml:2: storage: 5: << takes a mapping, or a list of mappings",
        ),
    ],
)
def test_a_bad_key_or_tag_is_reported_and_the_rest_read(text: str, problem: str) -> None:
    document = _read(text)
    assert [str(found) for found in document.problems] == [problem]
    assert document.section is not None


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            "a: 1\nstorage: [1\n",
            "config.yaml:3: broken YAML: while parsing a flow sequence, expected ',' or ']'",
        ),
        (
            "storage:\n\ta: 1\n",
            "config.yaml:2: broken YAML: while scanning for the next token, found character",
        ),
        ("storage:\n  a: b: c\n", "config.yaml:2: broken YAML: mapping values are not allowed here"),
        ("storage: *nope\n", "config.yaml:1: broken YAML: found undefined alias 'nope'"),
        ("a: 1\n---\nb: 1\n", "config.yaml:2: broken YAML: expected a single document in the stream"),
        ("a: 1\n\nb: \x01\n", "config.yaml:3: broken YAML: a character that is not allowed (0x01)"),
        (b"a: 1\nb: \xff\n", "config.yaml:2: not UTF-8 (byte 0xff)"),
        ("- storage\n", "config.yaml:1: not a mapping; expected keys such as storage:"),
        ("storage\n", "config.yaml:1: not a mapping; expected keys such as storage:"),
        ("[" * 5000, "config.yaml:1: nested too deeply, or far too large"),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_a_file_that_is_no_yaml_mapping_is_one_problem_with_its_line(text: str | bytes, problem: str) -> None:
    (found,) = _problems(text)
    assert found.startswith(problem)


def test_a_schedule_that_begins_with_a_star_comes_with_the_hint_to_quote_it() -> None:
    (found,) = _problems("storage:\n  schedule: * * * * *\n")
    assert found.startswith("config.yaml:2: broken YAML")
    assert found.endswith("(a value that begins with * needs quotes)")


def test_aliases_of_aliases_that_stand_for_billions_are_refused() -> None:
    lines = [f"  a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10 if n else ['1'])}]" for n in range(12)]
    assert _problems("storage:\n" + "\n".join(lines)) == [
        "config.yaml:1: nested too deeply, or far too large"
    ]


_snippets = st.sampled_from(
    [
        "storage:",
        "a: ",
        "- ",
        "  ",
        "\n",
        "{",
        "}",
        "[",
        "]",
        "&x ",
        "*x",
        "<<: ",
        "!!float ",
        "_",
        "1:30",
        "~",
        "? ",
        "|",
    ]
)


@hypothesis.settings(deadline=None)
@given(st.lists(_snippets | st.text(max_size=3), max_size=20).map("".join))
def test_whatever_a_file_holds_it_is_read_or_reported(text: str) -> None:
    document = _read(text.encode("utf-8", "surrogatepass"))
    assert document.section is not None or document.problems or "storage" not in document.keys
