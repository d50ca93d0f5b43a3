"""The caller: who sends a request, and what they may.

In this order, the first that applies:

1. the application decides – its `dependencies` were given –: everything is allowed, and it may name the actor;
2. `Authorization: Bearer …`: the token of the service (`admin`), or one that was made with `shelflife token`;
3. the cookie of a session, which a browser got for a token, on requests of our own pages only;
4. a user that a listed proxy names, by the scopes of their groups;
5. nobody: from this machine, what may be looked at; from elsewhere, numbers.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING, Final

from fastapi import HTTPException

from shelflife import clock
from shelflife.records.access import SERVICE, USED_EVERY
from shelflife.scopes import ALL_SCOPES, Scope
from shelflife.web.service_token import same

if TYPE_CHECKING:
    from starlette.requests import Request

    from shelflife.records.records import Records
    from shelflife.settings import HttpSettings
    from shelflife.web.service_token import ServiceToken

__all__ = ["COOKIE", "Caller", "Callers", "token_parent"]

COOKIE: Final = "__Host-shelflife"
"""The prefix has browsers see to it that the cookie is for this host, this whole host, and sent over TLS only."""

LOOKING: Final = frozenset({Scope.READ, Scope.READ_PATHS, Scope.PLAN})
NUMBERS: Final = frozenset({Scope.READ})

_OUR_OWN_PAGES: Final = ("same-origin", "none")
"""`Sec-Fetch-Site` of requests that no other site has caused (https://www.w3.org/TR/fetch-metadata/)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who sends a request, and what they may."""

    name: str = ""
    """A token's name, a user's name; empty: nobody was named."""
    scopes: frozenset[Scope] = frozenset()
    areas: tuple[str, ...] = ()
    """The areas whose files they may name and act on; all, if there are none."""
    secret: str = field(default="", repr=False)
    """The token that was shown, to note its use."""

    def may(self, scope: Scope) -> bool:
        """Return whether the caller may do what a scope opens."""
        return scope in self.scopes or Scope.ADMIN in self.scopes

    def require(self, scope: Scope) -> None:
        """Return if they may. Raises HTTPException: 401 if nobody was named, else 403."""
        if self.may(scope):
            return
        if not self.name:
            raise unauthorized(f"this needs a token with the scope {scope}: `Authorization: Bearer …`")
        has = ", ".join(sorted(self.scopes)) or "none"
        raise HTTPException(403, f"{self.name} does not have the scope {scope}; it has: {has}")

    def require_areas(self, areas: Sequence[str] | None) -> list[str] | None:
        """Return the areas that are meant: all that they may act on, if None. Raises HTTPException (403)."""
        if not self.areas:
            return None if areas is None else list(areas)
        if foreign := set(areas or ()) - set(self.areas):
            mine, others = ", ".join(self.areas), ", ".join(sorted(foreign))
            raise HTTPException(403, f"{self.name} is good for {mine}, not for {others}")
        return list(areas or self.areas)

    def require_everywhere(self) -> None:
        """Return if they may act on all areas. Raises HTTPException (403)."""
        if self.areas:
            mine = ", ".join(self.areas)
            raise HTTPException(403, f"{self.name} is good for {mine}; this concerns the storage as a whole")


_ANYTHING: Final = Caller(scopes=ALL_SCOPES)


class Callers:
    """Finds out who sends a request."""

    def __init__(
        self,
        records: Callable[[], Records],
        http: Callable[[], HttpSettings],
        token: ServiceToken | None,
        *,
        actor: Callable[[Request], str] | None = None,
    ) -> None:
        """Take what opens the records, what tells the settings, and the service's own token.

        Without a `token` the application decides who may what; `actor` tells whom it has let in.
        """
        self._records = records
        self._http = http
        self._token = token
        self._actor = actor

    def of(self, request: Request) -> Caller:
        """Return who sends a request. Blocks. Raises HTTPException (401) for a token that opens nothing."""
        if self._token is None:
            name = self._actor(request) if self._actor is not None else ""
            return Caller(name=name, scopes=_ANYTHING.scopes)
        if (shown := _bearer(request)) is not None:
            return self._of_secret(self._token, shown)
        if (cookie := request.cookies.get(COOKIE)) and _is_our_own(request):
            return self._of_secret(self._token, cookie)
        return self._of_proxy(request) or self._nobody(request)

    def _of_secret(self, token: ServiceToken, secret: str) -> Caller:
        if token.matches(secret):
            return Caller(name="admin", scopes=ALL_SCOPES)
        now = clock.now()
        with self._records().read_journal() as journal:
            found = journal.tokens.find(secret) if journal else None
        if found is None or not found.is_valid(now):
            raise unauthorized("the token is unknown, was revoked, or has expired")
        if found.parent.startswith(SERVICE) and found.parent != token_parent(token.expected()):
            raise unauthorized("the session ended: the token that it was made for was changed")
        if found.last_used is None or now - found.last_used >= USED_EVERY:
            with self._records().open_journal() as writable:
                writable.tokens.note_use(secret, now)
        return Caller(name=found.owner, scopes=found.scopes, areas=found.areas, secret=secret)

    def _of_proxy(self, request: Request) -> Caller | None:
        """Return the user that a listed proxy names. A group that is not in the settings gives nothing."""
        http = self._http()
        if not (http.user_header and self._is_trusted(request)):
            return None
        user = request.headers.get(http.user_header, "").strip()
        if not user:
            return None
        groups = [name.strip() for name in request.headers.get(http.groups_header or "", "").split(",")]
        scopes = {Scope(scope) for group in groups for scope in http.groups.get(group, ())}
        return Caller(name=user, scopes=frozenset(scopes))

    def _nobody(self, request: Request) -> Caller:
        """Return what nobody may: a proxy on this machine, known or not, does not make everybody local."""
        forwarded = any(name in request.headers for name in ("forwarded", "x-forwarded-for", "x-real-ip"))
        local = not forwarded and (request.client is None or _is_local(request.client.host))
        return Caller(scopes=LOOKING if local else NUMBERS)

    def _is_trusted(self, request: Request) -> bool:
        if request.client is None:
            return False
        try:
            address = ip_address(request.client.host)
        except ValueError:
            return False
        return any(address in ip_network(proxy) for proxy in self._http().trusted_proxies)


def unauthorized(detail: str) -> HTTPException:
    """Return what says that a token is missing, or opens nothing."""
    return HTTPException(401, detail, headers={"WWW-Authenticate": 'Bearer realm="storage"'})


def token_parent(token: str) -> str:
    """Return how a session names the service's own token, without telling it."""
    return SERVICE + hashlib.sha256(token.encode()).hexdigest()[:32]


def _bearer(request: Request) -> str | None:
    scheme, _, shown = request.headers.get("authorization", "").partition(" ")
    return shown.strip() if scheme.lower() == "bearer" else None


def _is_our_own(request: Request) -> bool:
    """Return whether a request comes from a page of ours; browsers that do not say count as others' pages."""
    return request.headers.get("sec-fetch-site") in _OUR_OWN_PAGES or same(
        request.headers.get("origin", ""), f"{request.url.scheme}://{request.headers.get('host', '')}"
    )


def _is_local(host: str) -> bool:
    """Return whether a peer is on this machine; one without an address is in this process or at a socket."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return True
