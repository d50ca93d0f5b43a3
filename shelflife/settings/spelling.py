"""Guesses at what was meant, for messages."""

from __future__ import annotations

from collections.abc import Iterable

__all__ = ["closest", "did_you_mean"]


def closest(word: str, choices: Iterable[str], *, cutoff: float = 0.6) -> str | None:
    """Return the choice most like a word, or None when none is alike (`cutoff`: 0 anything … 1 the same)."""
    import difflib  # only who has misspelt something waits for it

    by_shape = {choice.lower().replace("-", "_"): choice for choice in choices}
    found = difflib.get_close_matches(word.lower().replace("-", "_"), by_shape, n=1, cutoff=cutoff)
    return by_shape[found[0]] if found else None


def did_you_mean(word: str, choices: Iterable[str]) -> str:
    """Return `` (did you mean "uploads"?)``, to end a message with, or nothing.

    >>> did_you_mean("upload", ["temp", "uploads"])
    ' (did you mean "uploads"?)'
    """
    guess = closest(word, choices)
    return f' (did you mean "{guess}"?)' if guess is not None and guess != word else ""
