"""`shelflife why`: what will happen to a path, or what happened to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final

from shelflife.cli import output
from shelflife.cli.grammar import Argument
from shelflife.cli.options import Config, Json, engine_of
from shelflife.cli.terminal import BAD, BOLD, CARE, DIM, GOOD, Styled
from shelflife.errors import ExitCode

if TYPE_CHECKING:
    from shelflife.explain.answer import Answer

_STYLES: Final = {"expired": CARE, "removed": BAD, "trashed": CARE, "kept": GOOD, "waiting": GOOD}
"""How a state is shown; the others are plain."""


def why(
    paths: Annotated[list[str], Argument("PATH", help="A file or directory, there or gone.")],
    config: Config = None,
    as_json: Json = False,
) -> int:
    """Say what will happen to a file, or what happened to it.

    When, and by which rule. PATH may be anything: a directory, something that is gone, or lies elsewhere. With
    --json, a document for each PATH.

    Example: shelflife why storage/uploads/clip.mp4
    """
    from shelflife.shapes.why import answer_as_json

    engine = engine_of(config)
    for number, path in enumerate(paths):
        answer = engine.why(path)
        if as_json:
            output.print_json(answer_as_json(answer))
            continue
        if number:
            output.print_line("")
        _show(answer)
    return ExitCode.DONE


def _show(answer: Answer) -> None:
    output.print_line(Styled(answer.path, BOLD))
    output.print_line(Styled(answer.state, _STYLES.get(answer.state.value, "")), f": {answer.reason}")
    for sentence in answer.sentences:
        output.print_prose(sentence, first=("  ",))
    if answer.rule:
        output.print_prose(answer.rule, first=("  ", Styled("Rule: ", DIM)), indent="  ")
