"""What many readers and streams feel while a cleanup runs: two workers behind nginx, as people run it.

A hundred readers each ask once a second, in turns for statistics, metrics and readiness; fifty streams wait for
events, one of which must reach each of them. Everything due is removed meanwhile, by a run that a request began.
nginx is Debian's, with its default settings. Beside it: how long a service with 200 open streams takes to end.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from statistics import quantiles
from typing import TYPE_CHECKING, Any, Final

from bench.contestants import ROOT, ours
from bench.trees import planted
from bench.workloads import WORKLOADS
from shelflife import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fastapi import FastAPI

READERS: Final = 100
STREAMS: Final = 50
MOST_STREAMS: Final = 200
WORKERS: Final = 2
PATHS: Final = (
    "/storage/stats",
    "/storage/stats",
    "/storage/disks",
    "/storage/alerts",
    "/readyz",
    "/metrics",
)
_EVERY: Final = 1.0
"""Seconds between two requests of a reader."""
_TOKEN: Final = "for a measurement on this machine only"  # noqa: S105 - guards nothing
_BASE: Final = "SHELFLIFE_BENCH_BASE"

_NGINX: Final = """
worker_processes 1; daemon off; pid {place}/nginx.pid; error_log stderr crit;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    client_body_temp_path {place}/body; proxy_temp_path {place}/proxy; fastcgi_temp_path {place}/fastcgi;
    uwsgi_temp_path {place}/uwsgi; scgi_temp_path {place}/scgi;
    server {{ listen 127.0.0.1:{front}; location / {{ proxy_pass http://127.0.0.1:{back}; }} }}
}}
"""


def application() -> FastAPI:
    """Return what a worker serves."""
    from shelflife.web import create_app
    from shelflife.web.serving import SWITCH_EVERY

    sys.setswitchinterval(SWITCH_EVERY)  # as `shelflife serve` does
    settings = Settings.build(
        base_path=os.environ[_BASE],
        areas={"media": "7d", "others": "7d"},
        cleanup={"enabled": False},
        index={"settle": 0},
        limits={"confirm_above": "100%"},
    )
    return create_app(settings)


def measure_readers(files: int, place: Path | None) -> dict[str, Any]:
    """Return what readers and streams felt, in ms, and how long ending takes, in s."""
    (workload,) = [workload for workload in WORKLOADS if workload.key == "d"]
    with planted(workload.shape(files), place) as tree:
        ours("refresh")(tree)
        with _served(tree.base, WORKERS) as (back, _), _behind_nginx(tree.base.parent, back) as front:
            felt = asyncio.run(_Crowd(front).feel())
        with _served(tree.base, 1) as (port, server):
            ending = asyncio.run(_end(port, server))
    return {"workload": "r", "files": files, "behind": shutil.which("nginx") or "nothing", **felt, **ending}


@contextmanager
def _served(base: Path, workers: int) -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
    port = _free_port()
    command = [sys.executable, "-m", "uvicorn", "--factory", "bench.readers:application", "--port", str(port)]
    command += ["--workers", str(workers), "--log-level", "warning", "--timeout-graceful-shutdown", "2"]
    environment = os.environ | {_BASE: str(base), "STORAGE_API_TOKEN": _TOKEN}
    server = subprocess.Popen(command, cwd=ROOT, env=environment)
    try:
        _wait_for(port)
        yield port, server
    finally:
        server.terminate()
        server.wait()


@contextmanager
def _behind_nginx(place: Path, back: int) -> Iterator[int]:
    """Give the port to ask: nginx's, or the service's own where there is no nginx."""
    program = shutil.which("nginx")
    if program is None:
        yield back
        return
    front = _free_port()
    config = place / "nginx.conf"
    config.write_text(_NGINX.format(place=place, front=front, back=back), encoding="ascii")
    nginx = subprocess.Popen([program, "-c", str(config)])
    try:
        _wait_for(front)
        yield front
    finally:
        nginx.terminate()
        nginx.wait()


class _Crowd:
    """Readers and streams of one service."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._took: dict[str, list[float]] = {path: [] for path in PATHS}
        self._late: list[float] = []
        self._seen: list[int] = []
        self._over = asyncio.Event()

    async def feel(self) -> dict[str, Any]:
        streams = [asyncio.create_task(self._listen()) for _ in range(STREAMS)]
        await asyncio.sleep(1)
        await self._read_while(asyncio.sleep(3))  # what is imported, or looked at, for the first time is
        idle = await self._read_while(asyncio.sleep(5))
        self._late.clear()
        busy = await self._read_while(self._clean())
        await asyncio.sleep(1)  # for the last events
        for stream in streams:
            stream.cancel()
        return {
            "p99 idle, ms": idle,
            "p99 while it removes, ms": busy,
            "event to client, p50, p99 and most, ms": _figures(self._late),
            "events of each stream": sorted(set(self._seen)),
        }

    async def _read_while(self, work: Any) -> dict[str, Any]:
        self._took = {path: [] for path in PATHS}
        self._over.clear()
        readers = [asyncio.create_task(self._read(number)) for number in range(READERS)]
        await work
        self._over.set()
        await asyncio.gather(*readers)
        return {path: _figures(took) for path, took in self._took.items()}

    async def _read(self, number: int) -> None:
        """Ask again and again, over one connection, at times of its own."""
        await asyncio.sleep(_EVERY * number / READERS)
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        turn = number
        while not self._over.is_set():
            path = PATHS[turn % len(PATHS)]
            start = time.perf_counter()
            await _ask(reader, writer, "GET", path)
            took = time.perf_counter() - start
            self._took[path].append(took)
            turn += 1
            with suppress(TimeoutError):
                await asyncio.wait_for(self._over.wait(), max(0.0, _EVERY - took))
        writer.close()

    async def _clean(self) -> None:
        """Have everything due removed, and wait for the end of it."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        headers = f"Authorization: Bearer {_TOKEN}\r\nContent-Type: application/json\r\nPrefer: wait=0\r\n"
        status, answer = await _ask(
            reader, writer, "POST", "/storage/cleanup", headers, '{"areas": ["media"]}'
        )
        run = json.loads(answer)["run"]
        while status in (200, 202):
            _, answer = await _ask(reader, writer, "GET", f"/storage/runs/{run}")
            if json.loads(answer)["state"] not in ("planning", "running"):
                break
            await asyncio.sleep(0.2)
        writer.close()

    async def _listen(self) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        writer.write(b"GET /storage/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
        seen = 0
        try:
            while line := await reader.readline():
                if line.startswith(b"data: {") and b'"at"' in line:
                    at = json.loads(line[6:])["at"]
                    self._late.append(time.time() - _epoch(at))
                    seen += 1
        finally:
            self._seen.append(seen)
            writer.close()


async def _end(port: int, server: subprocess.Popen[bytes]) -> dict[str, Any]:
    """Open streams, and see how long the service takes to end when it is told to."""
    streams = []
    for _ in range(MOST_STREAMS):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET /storage/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
        streams.append((reader, writer))
    for reader, _ in streams:
        await reader.readuntil(b"\r\n\r\n")
    await asyncio.sleep(1)
    start = time.perf_counter()
    server.send_signal(signal.SIGTERM)
    await asyncio.to_thread(server.wait)
    return {f"ends with {MOST_STREAMS} streams within, s": round(time.perf_counter() - start, 2)}


async def _ask(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    method: str,
    path: str,
    headers: str = "",
    body: str = "",
) -> tuple[int, bytes]:
    """Send a request and return the answer's status and body."""
    length = f"Content-Length: {len(body)}\r\n" if body else ""
    writer.write(f"{method} {path} HTTP/1.1\r\nHost: localhost\r\n{headers}{length}\r\n{body}".encode())
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    fields = dict(line.lower().split(": ", 1) for line in head.split("\r\n")[1:] if ": " in line)
    if "content-length" in fields:
        return int(head.split()[1]), await reader.readexactly(int(fields["content-length"]))
    answer = b""
    while size := int(await reader.readline(), 16):
        answer += await reader.readexactly(size)
        await reader.readline()
    await reader.readline()
    return int(head.split()[1]), answer


def _figures(seconds: list[float]) -> list[float]:
    """Return median, 99th percentile and the most, in ms."""
    if len(seconds) < 2:
        return []
    cuts = quantiles(seconds, n=100)
    return [round(value * 1000, 1) for value in (cuts[49], cuts[98], max(seconds))]


def _epoch(text: str) -> float:
    from datetime import datetime

    return datetime.fromisoformat(text).timestamp()


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


def _wait_for(port: int) -> None:
    for _ in range(400):
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.05)
    raise RuntimeError("the service does not answer")
