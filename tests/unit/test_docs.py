"""What the program has, the documentation names: verbs, options, keys, exit codes, problems, routes, metrics."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
import yaml

from scripts.json_reference import PAGE, page
from shelflife.alerts.conditions import AlertKind
from shelflife.cli.app import VERBS, commands_of
from shelflife.errors import MEANINGS, ExitCode
from shelflife.settings import AreaSettings, Settings
from shelflife.settings.section import Section
from shelflife.testing import Storage
from shelflife.web import create_app
from shelflife.web.metrics.table import METRICS
from shelflife.web.problems import _TITLES

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"

COMMANDS = [command for verb in VERBS for command in commands_of(verb).values()]

EVERYWHERE = {"--config", "--json"}
"""Options that the page explains once."""


def text_of(name: str) -> str:
    return (DOCS / name).read_text(encoding="utf-8")


def section_of(verb: str) -> str:
    """Return what docs/cli.md says of a verb."""
    found = re.search(rf"^## {verb}\n(.*?)(?=^## |\Z)", text_of("cli.md"), flags=re.MULTILINE | re.DOTALL)
    assert found is not None, f"docs/cli.md has no section `## {verb}`"
    return found.group(1)


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_docs_name_each_verb_with_its_options(command: object) -> None:
    assert hasattr(command, "name")
    assert hasattr(command, "options")
    _, verb, *inner = command.name.split()
    section = section_of(verb)
    assert f"shelflife {' '.join([verb, *inner])}" in section
    names = {max(option.names, key=len) for option in command.options} - EVERYWHERE
    assert {name for name in names if name not in section} == set()


def test_the_table_of_verbs_in_the_docs_has_all_of_them() -> None:
    table = text_of("cli.md").partition("## For every verb")[0]
    assert [verb for verb in VERBS if f"| [`{verb}`](#{verb}) |" not in table] == []


def test_docs_name_each_exit_code() -> None:
    table = text_of("cli.md").partition("### Exit codes")[2].partition("###")[0]
    assert [code for code in ExitCode if f"| {code.value} |" not in table] == []


def test_docs_name_each_type_of_an_error_and_of_a_problem() -> None:
    errors = text_of("cli.md").partition("### Errors as JSON")[2].partition("###")[0]
    shown = {"usage", "system"} | {meaning.slug for meaning in MEANINGS.values()} - {"error", "slot-taken"}
    assert [slug for slug in sorted(shown) if f"`{slug}`" not in errors] == []
    problems = text_of("http.md").partition("## Problems")[2]
    assert [
        slug for slug in _TITLES if slug not in ("error", "slot-taken") and f"`{slug}`" not in problems
    ] == []


def test_docs_name_each_route(storage: Storage) -> None:
    paths = create_app(storage.settings).openapi()["paths"]
    missing = [
        f"{method.upper()} {path}"
        for path, methods in paths.items()
        for method in methods
        if not re.search(rf"`{method.upper()} {re.escape(path)}[`?]", text_of("http.md"))
    ]
    assert missing == []
    table = text_of("http.md").partition("## Statistics")[0]
    shown = re.findall(r"^\| `([A-Z]+) (/[^`?]*)", table, flags=re.MULTILINE)
    assert shown
    assert [route for route in shown if route[0].lower() not in paths.get(route[1], ())] == []


def test_docs_name_each_metric() -> None:
    names = {entry.name for entry, _ in METRICS}
    told = set(re.findall(r"`(shelflife_\w+)`", text_of("monitoring.md")))
    assert (sorted(names - told), sorted(told - names)) == ([], [])


def test_docs_name_each_kind_of_alert() -> None:
    assert [kind.value for kind in AlertKind if f"| `{kind.value}` |" not in text_of("alerts.md")] == []


def keys_of(section: type[Section], path: str = "") -> list[str]:
    """Return the keys of a section of the configuration and of the sections below."""
    found: list[str] = []
    for name, field in section.fields.items():
        found += keys_of(field.section, f"{path}{name}.") if field.section else [f"{path}{name}"]
    return found


def test_the_configuration_of_this_checkout_shows_each_key_where_it_belongs() -> None:
    text = (ROOT / "config.yaml").read_text(encoding="utf-8")
    written, optional = text.split("optional ---", 1)
    examples = re.sub(r"(?m)^  # (( *)[a-z_]+:( .*)?)$", r"  \1", optional)
    shown = yaml.safe_load(f"{written}optional ---{examples}")["storage"]
    others = [key for key in keys_of(Settings) if key != "source" and not key.startswith("areas.")]
    keys = [*others, *(f"areas.frames.{key}" for key in AreaSettings.fields)]
    missing = [key for key in keys if not _is_shown(key, shown, text)]
    assert missing == []


def _is_shown(key: str, shown: dict[str, object], text: str) -> bool:
    """Return whether a key stands at its place; of a section that is null there, in its example."""
    *above, last = key.split(".")
    section: object = shown
    for name in above:
        section = section.get(name, {}) if isinstance(section, dict) else None
    return (
        last in section if isinstance(section, dict) else f"{above[-1]}: {{" in text and f"{last}: " in text
    )


def test_the_page_of_json_shapes_is_written_from_the_program() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run `python scripts/json_reference.py`"


PROMISES = re.findall(r"((?:^> .*\n)+)\n((?:^(?:- |  ).*\n)+)", text_of("promises.md"), flags=re.MULTILINE)


def _plain(text: str) -> str:
    return " ".join(text.split())


def _promised() -> list[str]:
    return [_plain(re.sub("^> ", "", quoted, flags=re.MULTILINE)) for quoted, _ in PROMISES]


def _paragraphs() -> list[str]:
    """Return what README and docs/safety.md say in promise of something, paragraph by paragraph."""
    readme = (
        (ROOT / "README.md").read_text(encoding="utf-8").partition("## Why not")[2].partition("## More")[0]
    )
    safety = text_of("safety.md").partition("## What is promised")[2].partition("## What is not")[0]
    back = text_of("safety.md").partition("## Bringing things back")[2].partition("## Attempts")[0]
    found = re.split(r"\n\n|\n(?=- )", f"{readme}\n\n{safety}\n\n{back}")
    skipped = ("#", "*Attacked by*", "    ", "`tests/")
    told = (_plain(one) for one in found if not one.lstrip("\n").startswith(skipped))
    return [one for one in told if one and not one.endswith((":", "?"))]


def test_each_promise_in_the_list_stands_where_it_was_made() -> None:
    pages = _plain((ROOT / "README.md").read_text(encoding="utf-8")) + _plain(text_of("safety.md"))
    assert len(PROMISES) == text_of("promises.md").count("\n\n> ")
    assert [promise for promise in _promised() if promise not in pages] == []


def test_no_paragraph_of_promises_is_without_tests() -> None:
    assert [told for told in _paragraphs() if not any(promise in told for promise in _promised())] == []


def test_each_test_of_a_promise_is_there() -> None:
    named = {
        (file, test)
        for _, tests in PROMISES
        for file, rest in re.findall(r"- `(tests/[\w/]+\.py)`:((?:[^-]|-(?! `))*)", tests)
        for test in re.findall(r"`(test_\w+)`", rest)
    }
    assert len(named) > 100
    assert all("`test_" in tests for _, tests in PROMISES)
    there = {
        (file, node.name)
        for file in {file for file, _ in named}
        for node in ast.parse((ROOT / file).read_text(encoding="utf-8")).body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    assert named - there == set()


LINES = [
    (page.name, line)
    for page in (ROOT / "README.md", *sorted(DOCS.glob("*.md")))
    for line in re.findall(
        r"^(?: {4}|\$ )(shelflife .*)$", page.read_text(encoding="utf-8"), flags=re.MULTILINE
    )
]


@pytest.mark.parametrize(("where", "line"), LINES, ids=lambda value: value)
def test_each_command_line_in_the_documentation_is_one(where: str, line: str) -> None:
    typed = re.split(r"\s+#|\s[|>]", line)[0]
    words = re.sub(r"--config \S+ |[\[\]…|]", " ", typed).split()[1:]
    assert words[0] in (*VERBS, "VERB")
    if words[0] == "VERB":
        return
    commands = commands_of(words[0])
    command = commands[words[0]] if words[0] in commands else commands.get(words[1])
    assert command is not None, f"{where}: {line}"
    known = {name for option in command.options for name in option.names} | {"--help"}
    assert {word for word in words if word.startswith("-") and word not in known} == set(), f"{where}: {line}"
