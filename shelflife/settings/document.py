r"""YAML read strictly: one section of a file, with the line of each value, and every fault at once.

PyYAML's `safe_load` says too little and guesses too much for a file that decides what is deleted. It drops
the first of two equal keys, forgets lines, and fails on a tag that some other section uses. So this module
takes PyYAML's node tree (`yaml.compose`) and builds the values of *one* section itself:

- duplicate keys and keys that are no text (``on:`` is true to YAML 1.1) are problems;
- only decimal digits are numbers: ``1:30`` (90 to YAML 1.1), ``010`` (8), ``0x1F`` stay text, which the
  checks of durations and numbers then refuse with their own words;
- anchors, aliases and merge keys (``<<``) work; tags of other types do not;
- the other sections belong to the application and are not looked at, as long as the file is YAML.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import chain

import yaml

from shelflife.errors import Problem
from shelflife.settings.entry import SettingsEntry, Value, shown
from shelflife.settings.quantities import whole_number

__all__ = ["Document", "parse_document"]

_TAG = "tag:yaml.org,2002:"
_MERGE = f"{_TAG}merge"
_TRUTH = {"yes": True, "on": True, "true": True, "no": False, "off": False, "false": False}
_MOST_ENTRIES = 10_000  # aliases of aliases can stand for billions

_Pairs = list[tuple[yaml.Node, yaml.Node]]


@dataclass(frozen=True, slots=True)
class Document:
    """What a file says about one of its top-level keys."""

    section: SettingsEntry | None
    """The value of that key; None when the file lacks it."""
    keys: Mapping[str, int] = field(default_factory=dict)
    """All top-level keys, those of the application included, with their lines."""
    problems: tuple[Problem, ...] = ()
    """What is wrong with the file or the section; the rest of the section is there all the same."""


def parse_document(data: bytes, name: str, key: str) -> Document:
    """Read the section `key` of a YAML document; `name` is what problems call the file."""
    text = ""
    try:
        text = data.decode("utf-8-sig")
        return _Reader(name, key).read(yaml.compose(text, Loader=yaml.SafeLoader))
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        return _unreadable(name, line, f"not UTF-8 (byte 0x{data[error.start]:02x})")
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        return _unreadable(
            name, line, f"broken YAML: a character that is not allowed (0x{error.character:02x})"
        )
    except yaml.MarkedYAMLError as error:
        return _broken(name, error)
    except (RecursionError, _TooLargeError):
        return _unreadable(name, 1, "nested too deeply, or far too large")


def _unreadable(name: str, line: int, reason: str) -> Document:
    return Document(None, problems=(Problem(where=f"{name}:{line}", reason=reason),))


def _broken(name: str, error: yaml.MarkedYAMLError) -> Document:
    mark = error.problem_mark or error.context_mark
    detail = ", ".join(part for part in (error.context, error.problem) if part)
    hint = " (a value that begins with * needs quotes)" if error.context == "while scanning an alias" else ""
    return _unreadable(name, mark.line + 1 if mark else 1, f"broken YAML: {detail}{hint}")


class _TooLargeError(Exception):
    """Aliases of aliases stand for more entries than any configuration has."""


@dataclass(slots=True)
class _Reader:
    """Builds entries from nodes; the problems gather on the way."""

    name: str
    key: str
    problems: list[Problem] = field(default_factory=list)
    entries: int = 0
    open: set[int] = field(default_factory=set)
    """Nodes being built: one that meets itself again is endless."""

    def read(self, root: yaml.Node | None) -> Document:
        if root is None or root.tag == f"{_TAG}null":
            return Document(None)
        if not isinstance(root, yaml.MappingNode):
            self._problem(root, "", f"not a mapping; expected keys such as {self.key}:")
            return Document(None, problems=tuple(self.problems))
        pairs = [pair for pair in self._merged(root, "") if isinstance(pair[0], yaml.ScalarNode)]
        ours = self._mapping([pair for pair in pairs if pair[0].value == self.key], "")
        keys = {node.value: _line(node) for node, _ in pairs}
        return Document(ours.get(self.key), keys, tuple(self.problems))

    def _entry(self, node: yaml.Node, key: str, line: int) -> SettingsEntry:
        self.entries += 1
        if self.entries > _MOST_ENTRIES:
            raise _TooLargeError
        with self._entered(node, key) as first:
            value = self._value(node, key) if first else None
        return SettingsEntry(value, f"{self.name}:{line}", key, _text(node))

    @contextmanager
    def _entered(self, node: yaml.Node, key: str) -> Iterator[bool]:
        """Yield whether the node is outside of itself."""
        if id(node) in self.open:
            self._problem(node, key, "refers to itself")
            yield False
            return
        self.open.add(id(node))
        yield True
        self.open.discard(id(node))

    def _value(self, node: yaml.Node, key: str) -> Value:
        if isinstance(node, yaml.MappingNode) and node.tag == f"{_TAG}map":
            return self._mapping(self._merged(node, key), key)
        if isinstance(node, yaml.SequenceNode) and node.tag == f"{_TAG}seq":
            return [self._entry(item, f"{key}[{at}]", _line(item)) for at, item in enumerate(node.value)]
        if isinstance(node, yaml.ScalarNode) and node.tag.removeprefix(_TAG) in _SCALARS:
            return _scalar(node)
        self._problem(node, key, f"the tag {node.tag.replace(_TAG, '!!')} is not allowed here")
        return None

    def _mapping(self, pairs: _Pairs, parent: str) -> dict[str, SettingsEntry]:
        result: dict[str, SettingsEntry] = {}
        for node, value in pairs:
            key = f"{parent}.{node.value}" if parent else str(node.value)
            if not isinstance(node, yaml.ScalarNode) or node.tag != f"{_TAG}str":
                self._problem(node, parent, "a key that is not text; put it in quotes", _text(node))
            elif (first := result.get(node.value)) is not None:
                line = first.where.rpartition(":")[2]
                self._problem(node, key, f"duplicate key; line {line} has it already", _text(value))
            else:
                result[node.value] = self._entry(value, key, _line(node))
        return result

    def _merged(self, node: yaml.MappingNode, key: str) -> _Pairs:
        """The pairs of a mapping, then those that its merge keys add."""
        pairs = [pair for pair in node.value if pair[0].tag != _MERGE]
        names = {pair[0].value for pair in pairs if isinstance(pair[0], yaml.ScalarNode)}
        for name, value in self._added(node, key):
            if name.value not in names:
                names.add(name.value)
                pairs.append((name, value))
        return pairs

    def _added(self, node: yaml.MappingNode, key: str) -> Iterator[tuple[yaml.ScalarNode, yaml.Node]]:
        merges = [value for name, value in node.value if name.tag == _MERGE]
        for source in chain.from_iterable(
            m.value if isinstance(m, yaml.SequenceNode) else [m] for m in merges
        ):
            if not isinstance(source, yaml.MappingNode):
                self._problem(source, key, "<< takes a mapping, or a list of mappings", _text(source))
                continue
            with self._entered(source, key) as first:
                pairs = self._merged(source, key) if first else []
            yield from ((name, value) for name, value in pairs if isinstance(name, yaml.ScalarNode))

    def _problem(self, node: yaml.Node, key: str, reason: str, value: str = "") -> None:
        where = f"{self.name}:{_line(node)}"
        self.problems.append(Problem(where=where, key=key, value=value, reason=reason))


def _line(node: yaml.Node) -> int:
    return node.start_mark.line + 1


_SCALARS = frozenset({"str", "int", "float", "bool", "null", "timestamp", "value"})


def _scalar(node: yaml.ScalarNode) -> str | int | float | bool | None:
    text: str = node.value
    match node.tag.removeprefix(_TAG):
        case "null":
            return None
        case "bool":
            return _TRUTH.get(text.lower(), text)
        case "int":
            number = whole_number(text)
            return text if number is None else number
        case "float":
            with suppress(ValueError):  # 1:30.5, .inf
                return float(text)
    return text


def _text(node: yaml.Node) -> str:
    """A value as it stands in the file: ``off`` and not ``false``, text in quotes."""
    match node:
        case yaml.MappingNode():
            return "{…}" if node.value else "{}"
        case yaml.ScalarNode() if not isinstance(_scalar(node), str):
            return node.value or "null"
    return shown(node.value)
