"""What a service feels while a cleanup runs in it: how long requests take, and how late the event loop comes.

`python -m bench.service BASE PORT` serves the router of the engine, and measures its event loop.
"""

from __future__ import annotations

import asyncio
import json
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import suppress
from statistics import quantiles
from typing import TYPE_CHECKING, Any, Final

from bench.contestants import ROOT, ours
from bench.ours import settings_of
from bench.trees import planted
from bench.workloads import WORKLOADS

if TYPE_CHECKING:
    from pathlib import Path

_TICK: Final = 0.005
"""Seconds between two looks at the clock, and between two requests."""


def measure_service(files: int, place: Path | None) -> dict[str, Any]:
    """Serve statistics while everything is removed; return the 99th percentiles in ms."""
    (workload,) = [workload for workload in WORKLOADS if workload.key == "d"]
    with planted(workload.shape(files), place) as tree:
        ours("refresh")(tree)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        server = subprocess.Popen(
            [sys.executable, "-m", "bench.service", str(tree.base), str(port)], cwd=ROOT
        )
        try:
            return {"workload": "h", "files": files, **_ask(f"http://127.0.0.1:{port}")}
        finally:
            server.terminate()
            server.wait()


def _ask(address: str) -> dict[str, Any]:
    _wait(address)
    idle = [_request(f"{address}/storage/stats") for _ in range(200)]
    _request(f"{address}/start", method="POST")
    busy: list[float] = []
    late: list[float] = []
    while not late:
        busy.append(_request(f"{address}/storage/stats"))
        time.sleep(_TICK)
        if len(busy) % 50 == 0:
            with urllib.request.urlopen(f"{address}/late") as answer:  # noqa: S310 - our own server
                late = json.load(answer)
    return {
        "requests": len(busy),
        "p99 of stats, idle, ms": round(_p99(idle) * 1000, 1),
        "p99 of stats, ms": round(_p99(busy) * 1000, 1),
        "largest, ms": round(max(busy) * 1000, 1),
        "p99 of event loop delay, ms": round(_p99(late) * 1000, 1),
    }


def _p99(values: list[float]) -> float:
    return quantiles(values, n=100)[98]


def _request(address: str, method: str = "GET") -> float:
    start = time.perf_counter()
    with urllib.request.urlopen(urllib.request.Request(address, method=method)) as answer:  # noqa: S310
        answer.read()
    return time.perf_counter() - start


def _wait(address: str) -> None:
    for _ in range(200):
        with suppress(OSError):
            _request(f"{address}/storage/stats")
            return
        time.sleep(0.05)
    raise RuntimeError("the service does not answer")


def main() -> None:
    """Serve."""
    import uvicorn
    from fastapi import FastAPI

    from shelflife import Engine
    from shelflife.web import router

    base, port = sys.argv[1:]
    settings = settings_of(base, {"in_use": "off"}, 2)
    late: list[float] = []
    done = asyncio.Event()
    tasks: list[asyncio.Task[None]] = []

    async def watch() -> None:
        while not done.is_set():
            start = time.perf_counter()
            await asyncio.sleep(_TICK)
            late.append(time.perf_counter() - start - _TICK)

    async def clean() -> None:
        await Engine(settings).acleanup()
        done.set()

    app = FastAPI()
    app.include_router(router(settings))

    @app.post("/start")
    async def start() -> None:
        tasks.extend((asyncio.create_task(clean()), asyncio.create_task(watch())))

    @app.get("/late")
    async def lateness() -> list[float]:
        return late if done.is_set() else []

    uvicorn.run(app, host="127.0.0.1", port=int(port), log_level="warning")


if __name__ == "__main__":
    main()
