"""HTTP: routes for an application that has a storage, and an application that serves one.

routes      what an application includes
app         the application of `shelflife serve`
serving     an application as a program
service     what the routes share
cleanups    cleanups that requests ask for
refresher   the index, kept fresh in the background
models      what is taken and returned
problems    failures as problem documents
guard       which requests may change something
token       the bearer token
operations  what those who operate it ask: lives, ready, metrics
metrics/    Prometheus
requests    what each request is and becomes
logs        what a serving program logs
recent      answers that may be some seconds old

>>> from shelflife.web import router
>>> app.include_router(router(settings, dependencies=[Depends(admin)]))  # doctest: +SKIP
"""

from __future__ import annotations

from shelflife.web.app import create_app
from shelflife.web.routes import router

__all__ = ["create_app", "router"]
