"""The recipes of docs/writing.md, as they stand there."""

from __future__ import annotations

import io
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest
from fastapi import FastAPI, Request, Response
from fastapi.testclient import TestClient

from shelflife import NoRoom
from shelflife.testing import Storage

PAGE = Path(__file__).parents[3] / "docs" / "writing.md"


def _recipe(begins: str) -> str:
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    (found,) = [block for block in blocks if block.startswith(begins) or begins in block.splitlines()[0]]
    return str(found)


def _cook(recipe: str, **given: Any) -> None:
    exec(compile(recipe, str(PAGE), "exec"), given)


def test_an_upload_route_takes_what_fits_and_refuses_the_rest(storage: Storage) -> None:
    app = FastAPI()
    recipe = _recipe('@app.put("/upload/{name}")')
    _cook(recipe, app=app, engine=storage.engine, Request=Request, Response=Response, NoRoom=NoRoom)
    with TestClient(app) as client:
        answer = client.put("/upload/clip.mp4", content=b"hello")
        assert (answer.status_code, answer.json()) == (200, {"path": str(storage.path("uploads/clip.mp4"))})
        refused = client.put("/upload/b", content=b"x", headers={"Content-Length": str(10**15)})
    assert (refused.status_code, storage.path("uploads/clip.mp4").read_bytes()) == (507, b"hello")


def test_whatever_has_a_body_that_can_be_read(storage: Storage) -> None:
    class Body(io.BytesIO):
        headers: ClassVar = {"Content-Length": "5"}

    recipe = _recipe('with engine.receive("uploads", name, size=int(request')
    _cook(recipe, engine=storage.engine, request=Body(b"hello"), name="a", shutil=shutil)
    assert storage.path("uploads/a").read_bytes() == b"hello"


def test_a_film_by_pyav(storage: Storage) -> None:
    av = pytest.importorskip("av")

    def write_frames(film: Any) -> None:
        stream = film.add_stream("mpeg4", rate=10)
        stream.width = stream.height = 64
        stream.pix_fmt = "yuv420p"
        for _ in range(10):
            film.mux(stream.encode(av.VideoFrame(64, 64, "yuv420p")))
        film.mux(stream.encode())

    recipe = _recipe('with engine.receive("outputs", "4711/film.mp4")')
    _cook(recipe, engine=storage.engine, av=av, write_frames=write_frames)
    with av.open(str(storage.path("outputs/4711/film.mp4"))) as film:
        assert sum(1 for _ in film.decode(video=0)) == 10


def test_a_program_that_writes_to_a_descriptor(storage: Storage) -> None:
    writes = "import os, sys; os.write(int(sys.argv[4]), b'film')"
    recipe = _recipe('with engine.receive("outputs", "4711/film.mkv"').replace("2_000_000_000", "1_000_000")
    encoder = [sys.executable, "-c", writes]
    _cook(recipe, engine=storage.engine, ENCODER=encoder, subprocess=SimpleNamespace(run=subprocess.run))
    assert storage.path("outputs/4711/film.mkv").read_bytes() == b"film"
