"""`shelflife why`: what will happen to a path, or what happened to it."""

from __future__ import annotations

from typing import Annotated

import typer

from shelflife.cli import output
from shelflife.cli.options import Config, Json, engine_of


def why(
    path: Annotated[str, typer.Argument(metavar="PATH", help="A file or directory, there or gone.")],
    config: Config = None,
    as_json: Json = False,
) -> int:
    """Say what will happen to a file, or what happened to it.

    When, and by which rule. PATH may be anything: a directory, something that is gone, or lies elsewhere.

    Example: shelflife why storage/uploads/clip.mp4
    """
    from shelflife.shapes.why import answer_as_json

    answer = engine_of(config).why(path)
    if as_json:
        output.print_json(answer_as_json(answer))
        return 0
    output.print_line(answer.path)
    output.print_line(f"{answer.state}: {answer.reason}")
    for sentence in answer.sentences:
        output.print_line(f"  {sentence}")
    if answer.rule:
        output.print_line(f"  Rule: {answer.rule}")
    return 0
