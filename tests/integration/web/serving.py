"""An application served for real, in a thread of the test's process."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from fastapi import FastAPI


@contextmanager
def served(app: FastAPI, *, send_buffer: int | None = None) -> Iterator[int]:
    """Serve an application on a free port of the loopback, and give the port.

    `send_buffer`: bytes that the kernel keeps for each reader, about; by default it decides.
    """
    with socket.create_server(("127.0.0.1", 0)) as listener:
        if send_buffer is not None:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, send_buffer)
        config = uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=1)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            port: int = listener.getsockname()[1]
            yield port
        finally:
            server.should_exit = True
            thread.join()
