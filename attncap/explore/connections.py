"""Connections that end where no request comes: half a head, or none, would otherwise be waited for without end."""

import asyncio

from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

from attncap.explore.guard import IDLE


class Impatient(H11Protocol):
    """HTTP/1.1 that gives each request's head `IDLE` seconds."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Wait for the first head."""
        super().connection_made(transport)
        self._await_head(None)

    def on_response_complete(self) -> None:
        """Wait for the next one."""
        answered = self.cycle
        super().on_response_complete()
        self._await_head(answered)

    def _await_head(self, answered: RequestResponseCycle | None) -> None:
        self.loop.call_later(IDLE, self._drop, answered)

    def _drop(self, answered: RequestResponseCycle | None) -> None:
        if self.cycle is answered:
            self.transport.close()
