"""Who may ask, and how much: this page alone, from this machine, within limits."""

from __future__ import annotations

import secrets
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

HOSTS = ("127.0.0.1", "localhost")
LIMIT = 64 * 2**20
"""Bytes of what is sent."""
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}


class TooLarge(Exception):
    """More was sent than is taken."""


class Guard:
    """In front of the app. A name that resolves to this machine is no loopback name (DNS rebinding); another page has another origin; and
    the token, which is in the address, comes with every request: in the header, or in the query of the page itself."""

    def __init__(self, app: ASGIApp, token: str, limit: int = LIMIT) -> None:
        self.app, self.token, self.limit = app, token.encode(), limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        if refusal := self._refusal(scope):
            return await refusal(scope, receive, _with_headers(send))
        taken = 0

        async def counted() -> Message:
            nonlocal taken
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > self.limit:
                raise TooLarge
            return message

        try:
            await self.app(scope, counted, _with_headers(send))
        except TooLarge:
            await self._too_large()(scope, receive, _with_headers(send))

    def _refusal(self, scope: Scope) -> PlainTextResponse | None:
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        if host.rpartition(":")[0] not in HOSTS and host not in HOSTS:
            return PlainTextResponse(f"This is the studio of 127.0.0.1, and not of {host!r}.", 421)
        if headers.get("origin", f"http://{host}") != f"http://{host}" or headers.get("sec-fetch-site") == "cross-site":
            return PlainTextResponse("Another page may not ask the studio.", 403)
        if not scope["path"].startswith("/page/") and not self._is_known(scope, headers):
            return PlainTextResponse("The studio opens with the address that it has printed, its token included.", 403)
        if _number(headers.get("content-length", "0")) > self.limit:
            return self._too_large()
        return None

    def _is_known(self, scope: Scope, headers: Headers) -> bool:
        given = headers.get("x-invsound-token", "").encode()
        if scope["path"] == "/":
            given = next(
                (value for key, _, value in (p.partition(b"=") for p in scope["query_string"].split(b"&")) if key == b"token"), b""
            )
        return secrets.compare_digest(given, self.token)

    def _too_large(self) -> PlainTextResponse:
        return PlainTextResponse(f"That is more than {self.limit // 2**20} MiB, which is what the studio takes. Give a shorter sound.", 413)


def _number(text: str) -> float:
    return int(text) if text.isdecimal() and len(text) < 20 else float("inf")


def _with_headers(send: Send) -> Any:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            MutableHeaders(scope=message).update(HEADERS)
        await send(message)

    return sending
