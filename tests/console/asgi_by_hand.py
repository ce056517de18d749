"""One HTTP request or WebSocket to an application, by hand: no server, no network, every header as a test writes it.
It proves nothing by itself."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from console.web.doors import App, Message

PORT = 8321
OURS = (
    (b"host", b"127.0.0.1:8321"),
    (b"origin", b"http://127.0.0.1:8321"),
    (b"x-kerma", b"console"),
    (b"content-type", b"application/json"),
)


def headers(**changes: str | None) -> list[tuple[bytes, bytes]]:
    """Those of our own page, with changes: None takes one away, "_" stands for "-"."""
    given = {name.decode(): value for name, value in OURS}
    for name, value in changes.items():
        key = name.replace("_", "-")
        given.pop(key, None)
        if value is not None:
            given[key] = value.encode()
    return [(name.encode(), value) for name, value in given.items()]


async def http(
    app: App, path: str, body: Any = None, given: list[tuple[bytes, bytes]] | None = None, method: str = "POST"
) -> tuple[int, Any, dict[str, str]]:
    """Status, document (or text) and headers of the answer."""
    path, _, query = path.partition("?")
    data = body if isinstance(body, bytes) else json.dumps({} if body is None else body).encode()
    sent: list[Message] = []
    parts = [{"type": "http.request", "body": data, "more_body": False}]

    async def receive() -> Message:
        if parts:
            return parts.pop(0)
        await asyncio.sleep(3600)
        raise AssertionError

    async def send(message: Message) -> None:
        sent.append(message)

    await app(
        {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method, "scheme": "http", "path": path, "raw_path": path.encode(),
            "query_string": query.encode(), "root_path": "",
            "headers": headers() if given is None else given, "client": ("127.0.0.1", 1), "server": ("127.0.0.1", PORT),
        },
        receive,
        send,
    )  # fmt: skip
    said = b"".join(message.get("body", b"") for message in sent[1:])
    answered = {key.decode(): value.decode() for key, value in sent[0]["headers"]}
    return sent[0]["status"], json.loads(said) if "json" in answered.get("content-type", "") else said, answered


class Socket:
    """A WebSocket's client end."""

    def __init__(self, app: App, given: list[tuple[bytes, bytes]]) -> None:
        self._in: asyncio.Queue[Message] = asyncio.Queue()
        self.out: asyncio.Queue[Message] = asyncio.Queue()
        self._in.put_nowait({"type": "websocket.connect"})
        scope = {
            "type": "websocket", "asgi": {"version": "3.0"}, "http_version": "1.1", "scheme": "ws", "path": "/live", "raw_path": b"/live", "query_string": b"",
            "root_path": "", "headers": given, "client": ("127.0.0.1", 1), "server": ("127.0.0.1", PORT), "subprotocols": [],
        }  # fmt: skip
        self.task = asyncio.ensure_future(app(scope, self._in.get, self.out.put))

    def say(self, document: Any) -> None:
        self._in.put_nowait({"type": "websocket.receive", "text": json.dumps(document)})

    def go(self) -> None:
        self._in.put_nowait({"type": "websocket.disconnect", "code": 1006})

    async def heard(self) -> Message:
        return await asyncio.wait_for(self.out.get(), 5.0)

    async def frame(self) -> Any:
        """The next frame as a document."""
        message = await self.heard()
        assert message["type"] == "websocket.send", message
        return json.loads(message["text"])
