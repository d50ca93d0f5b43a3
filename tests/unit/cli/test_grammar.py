from typing import Annotated

import pytest

from shelflife.cli.grammar import Argument, Command, MisuseError, Option

Number = Annotated[int | None, Argument("NUMBER", help="A number.")]
Words = Annotated[list[str] | None, Argument("WORD", help="Words.")]
Needed = Annotated[list[str], Argument("PATH", help="Paths.")]
Loud = Annotated[bool, Option("--loud", help="Be loud.")]
Limit = Annotated[int, Option("--limit", "-n", metavar="N", least=1, most=9, help="How many.")]


def verb(number: Number = None, words: Words = None, loud: Loud = False, limit: Limit = 5) -> int:
    """Do something, as often as is said.

    The second paragraph has more.

    Example: shelflife verb 3
    """
    given.append((number, words, loud, limit))
    return 0


def needy(paths: Needed) -> int:
    """Take paths."""
    given.append(paths)
    return 0


given: list[object] = []


@pytest.fixture(autouse=True)
def _nothing_given() -> None:
    given.clear()


@pytest.mark.parametrize(
    ("line", "values"),
    [
        ("", (None, None, False, 5)),
        ("3 a b", (3, ["a", "b"], False, 5)),
        ("--loud 3 -n 2 a --limit=7 b", (3, ["a", "b"], True, 7)),
        ("3 -n4 a", (3, ["a"], False, 4)),
        ("3 -- --loud -n", (3, ["--loud", "-n"], False, 5)),
        ("3 -", (3, ["-"], False, 5)),
    ],
)
def test_options_may_stand_anywhere_and_end_with_two_dashes(line: str, values: object) -> None:
    Command("shelflife verb", verb).call(line.split())
    assert given == [values]


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("3 --lod", 'no option "--lod" (did you mean "--loud"?)'),
        ("three", 'NUMBER: "three": not a whole number from 0'),
        ("-n 0", '"0": not a whole number from 1 to 9'),
        ("--limit", "expected one argument"),
        ("--loud=yes", "ignored explicit argument"),
        ("--lo", 'no option "--lo"'),
    ],
)
def test_what_makes_no_sense_is_told_with_the_command_that_explains_it(line: str, told: str) -> None:
    with pytest.raises(MisuseError) as misuse:
        Command("shelflife verb", verb).call(line.split())
    assert told in str(misuse.value)
    assert misuse.value.command == "shelflife verb"
    assert given == []


def test_an_argument_that_is_needed_is_asked_for_by_its_name() -> None:
    with pytest.raises(MisuseError, match="PATH: missing"):
        Command("shelflife needy", needy).call([])
    Command("shelflife needy", needy).call(["a", "b"])
    assert given == [["a", "b"]]


def test_help_has_usage_prose_and_every_parameter_within_the_width() -> None:
    shown = Command("shelflife verb", verb).help(60)
    assert shown.startswith("Usage: shelflife verb [OPTIONS] [NUMBER] [WORD…]\n")
    assert all(text in shown for text in ("-n, --limit N", "--loud", "The second paragraph", "  Example: "))
    assert max(map(len, shown.splitlines())) <= 60
    assert Command("shelflife verb", verb).about == "Do something, as often as is said."
