"""`shelflife token`: who may send what over HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final

from shelflife import clock
from shelflife.actor import current_actor
from shelflife.cli import output
from shelflife.cli.columns import Column, Table
from shelflife.cli.grammar import Argument, Option
from shelflife.cli.options import Config, Json, engine_of, moment_of
from shelflife.errors import UsageError
from shelflife.scopes import Scope

if TYPE_CHECKING:
    from shelflife.records.access import Token

ABOUT: Final = "Make, list and revoke tokens for HTTP, each with a name and scopes."

_NAME: Final = "A letter or digit, then letters, digits, `.`, `_` and `-`."


NewName = Annotated[str, Argument("NAME", help="Who will use it; shown wherever something was done with it.")]

Scopes = Annotated[
    list[str] | None,
    Option(
        "--scope",
        metavar="SCOPE",
        help=f"What it allows; repeat the option for several: {', '.join(Scope)}.",
    ),
]

OfAreas = Annotated[
    list[str] | None,
    Option("--area", metavar="AREA", help="An area whose files it gives access to; without it, all areas."),
]

Expires = Annotated[
    str | None, Option("--expires", metavar="TIME", help="When it expires: 2027-01-01, or +90d from now.")
]


def add(
    name: NewName,
    scope: Scopes = None,
    area: OfAreas = None,
    expires: Expires = None,
    config: Config = None,
    as_json: Json = False,
) -> int:
    """Make a token and print it once: only its hash is kept.

    Example: shelflife token add dashboard --scope read --scope read:paths --expires +90d
    """
    engine = engine_of(config)
    scopes = _scopes(scope or [])
    _check_name(name)
    engine.require_areas(area or [])
    now = clock.now()
    until = None if expires is None else moment_of(expires, now, option="--expires")
    from shelflife.records.access import Token
    from shelflife.records.records import open_records

    with open_records(engine.settings).open_journal() as journal:
        secret = journal.tokens.add(
            Token(
                name=name,
                scopes=frozenset(scopes),
                areas=tuple(area or ()),
                created=now,
                created_by=current_actor().name,
                expires=until,
            )
        )
        made = journal.tokens.find(secret)
    _show_new(made, secret, as_json=as_json)
    return 0


def _show_new(made: Token | None, secret: str, *, as_json: bool) -> None:
    if as_json and made is not None:
        from shelflife.shapes.token import token_as_json

        output.print_json({**token_as_json(made), "token": secret})
    else:
        output.say("keep it now: it is not shown again")
        output.print_line(secret)


def list_tokens(
    config: Config = None,
    as_json: Json = False,
    revoked: Annotated[bool, Option("--all", help="Also those that were revoked.")] = False,
) -> int:
    """List the tokens, without their secrets.

    Example: shelflife token list
    """
    from shelflife.records.records import open_records

    with open_records(engine_of(config).settings).open_journal() as journal:
        tokens = journal.tokens.all(revoked=revoked)
    if as_json:
        from shelflife.shapes.token import token_as_json

        output.print_json([token_as_json(token) for token in tokens])
    elif tokens:
        _print(tokens)
    else:
        output.print_line("there are no tokens")
    return 0


def revoke(
    name: Annotated[str, Argument("NAME", help="The token's name.")],
    config: Config = None,
    as_json: Json = False,
) -> int:
    """Revoke a token and the sessions that were opened with it, at once and in every process.

    Example: shelflife token revoke dashboard
    """
    from shelflife.records.records import open_records

    with open_records(engine_of(config).settings).open_journal() as journal:
        if not journal.tokens.revoke(name, clock.now()):
            raise UsageError(f"there is no token {name}; `shelflife token list` shows them")
    if as_json:
        output.print_json({"revoked": name})
    else:
        output.print_line(f"revoked: {name}")
    return 0


def _scopes(words: list[str]) -> list[Scope]:
    if not words:
        raise UsageError(f"a token allows nothing without --scope; allowed: {', '.join(Scope)}")
    if unknown := [word for word in words if word not in set(Scope)]:
        raise UsageError(f'--scope "{unknown[0]}": not a scope; allowed: {", ".join(Scope)}')
    return [Scope(word) for word in words]


def _check_name(name: str) -> None:
    sound = (
        name.isascii()
        and name[:1].isalnum()
        and name.replace("-", "").replace(".", "").replace("_", "").isalnum()
    )
    if not sound or len(name) > 100:
        raise UsageError(f'"{name}" is not a name for a token; allowed: {_NAME}')


def _print(tokens: list[Token]) -> None:
    from shelflife.formats import minute

    table = Table(
        [Column("name"), Column("scopes", spare=1), Column("until (UTC)"), Column("last used (UTC)")]
    )
    for token in tokens:
        until = (
            "revoked"
            if token.revoked is not None
            else "–"
            if token.expires is None
            else minute(token.expires)
        )
        used = "never" if token.last_used is None else minute(token.last_used)
        note = f"for {', '.join(token.areas)}" if token.areas else ""
        table.add(token.name, " ".join(sorted(token.scopes)), until, used, note=note)
    output.print_table(table)


VERBS: Final = {"add": add, "list": list_tokens, "revoke": revoke}
