"""The answer to "why?": what will happen to a path, or what happened to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from shelflife.explain.answer import State
from shelflife.formats import iso_or_none, printable
from shelflife.shapes.path import Path, path_as_json
from shelflife.shapes.schema import Time, shape, words_of

if TYPE_CHECKING:
    from shelflife.explain.answer import Answer as AnswerValue

__all__ = ["Answer", "answer_as_json"]


@shape
class Answer(Path):
    """What will happen to a path, or what happened to it; `path` is absolute."""

    area: str | None
    state: Annotated[str, words_of(State)]
    reason: str
    cause: str | None
    """Why it goes, or went: `retention`, `quota`, `pressure`, `purge` …; null for what stays."""
    rule: str | None
    """The setting that decides."""
    expires: Time | None
    when: Time | None
    """When it goes by the schedule, or when it went."""
    run: int | None
    """The run that removed it."""
    sentences: list[str]
    """All of it, for people."""


def answer_as_json(answer: AnswerValue) -> Answer:
    """Return what will happen to a path, or what happened to it."""
    return {
        **path_as_json(answer.path),
        "area": answer.area,
        "state": answer.state.value,
        "reason": answer.reason,
        "cause": answer.cause or None,
        "rule": None if answer.rule is None else printable(answer.rule),
        "expires": iso_or_none(answer.expires),
        "when": iso_or_none(answer.when),
        "run": answer.run,
        "sentences": [printable(sentence) for sentence in answer.sentences],
    }
