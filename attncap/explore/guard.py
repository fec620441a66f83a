"""Whom the server answers: pages of its own, on this machine, with its token; everyone else gets one line of JSON."""

import asyncio
import hmac
from collections.abc import Iterable
from urllib.parse import parse_qs

from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from attncap.characters import visible

# Requests at once, and seconds that a client may keep one waiting.
AT_ONCE, IDLE = 256, 30.0
ALWAYS = {
    "cache-control": "no-store",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}


def failure(status: int, line: str) -> JSONResponse:
    """Return one line as JSON."""
    return JSONResponse({"error": visible(line)}, status)


class Guard:
    """Refuse foreign names and origins, wrong tokens and crowds; drop clients that neither send nor read.

    Args:
        app: what answers the others.
        hosts: what the server is called, with its port.
        token: the secret of the page.
    """

    def __init__(self, app: ASGIApp, hosts: Iterable[str], token: str) -> None:
        self.app, self.hosts, self.token = app, frozenset(hosts), token
        self._busy = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def heard() -> Message:
            return await asyncio.wait_for(receive(), IDLE)

        async def said(message: Message) -> None:
            if message["type"] == "http.response.start":
                fixed = ((name.encode(), value.encode()) for name, value in ALWAYS.items())
                message = {**message, "headers": [*message["headers"], *fixed]}
            # A client that stops reading must not keep what it is sent.
            await asyncio.wait_for(send(message), IDLE)

        refused = self.refusal(scope)
        self._busy += 1
        try:
            await (refused or self.app)(scope, heard, said)
        except TimeoutError:
            # The connection is closed; nobody is there to be told.
            raise Gone from None
        finally:
            self._busy -= 1

    def refusal(self, scope: Scope) -> JSONResponse | None:
        """Return what a request is refused with; nothing where it is answered."""
        headers, method = Headers(scope=scope), scope["method"]
        if self._busy >= AT_ONCE:
            return failure(503, f"{AT_ONCE} requests are being answered; try again")
        hosts = headers.getlist("host")
        if len(hosts) != 1 or hosts[0] not in self.hosts:
            expected, got = " or ".join(sorted(self.hosts)), " and ".join(hosts) or "none"
            return failure(403, f"Host: expected {expected}, got {got}")
        if any(origin != f"http://{hosts[0]}" for origin in headers.getlist("origin")):
            return failure(403, f"Origin: expected http://{hosts[0]}, got {headers['origin']}")
        shown = parse_qs(scope["query_string"].decode("latin-1")).get("token", []) if method in ("GET", "HEAD") else []
        _, _, bearer = headers.get("authorization", "").partition("Bearer ")
        if not any(hmac.compare_digest(one.encode(), self.token.encode()) for one in (*shown, bearer)):
            return failure(401, "expected the token of this explorer; open the address that it printed")
        return None


class Gone(Exception):
    """The client kept the server waiting."""
