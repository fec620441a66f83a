"""Serve the explorer on this machine until Ctrl-C."""

import secrets
import socket
from collections.abc import Callable
from pathlib import Path

from attncap.constraints import checked
from attncap.errors import InputError, UnmetError
from attncap.explore.folder import opened

ADDRESS = "127.0.0.1"
# Connections that wait to be accepted, bytes of a request's head, and seconds that answers may take at the end.
BACKLOG, HEAD, GRACE = 512, 16 << 10, 2


@checked
def serve(
    *, port: int = 0, directory: str | Path | None = None, started: Callable[[str, Path], None] | None = None
) -> None:
    """Serve the explorer on 127.0.0.1, to whoever has the address with its token, until it is interrupted.

    Args:
        port: of the address; any free one by default.
        directory: where uploaded tables and memories are kept, all that is read and written; a temporary one, which
            is removed at the end, by default.
        started: called with the address and the directory when pages are answered.

    Raises:
        InputError: the port or the directory cannot be used.
        UnmetError: the extra that it needs is not installed.
        KeyboardInterrupt: it was interrupted, and has ended itself and its worker.
    """
    try:
        import uvicorn

        from attncap.explore.app import application
        from attncap.explore.connections import Impatient
        from attncap.explore.guard import Guard
    except ModuleNotFoundError as error:
        raise UnmetError(f"explore: needs the package {error.name}; pip install 'attncap[explore]'") from None
    with opened(None if directory is None else Path(directory)) as folder, _listening(port) as listening:
        port, token = listening.getsockname()[1], secrets.token_urlsafe(24)
        hosts = [f"{ADDRESS}:{port}", f"localhost:{port}"]

        class Server(uvicorn.Server):
            async def startup(self, sockets: list[socket.socket] | None = None) -> None:
                await super().startup(sockets)
                if started is not None and self.started:
                    started(f"http://{ADDRESS}:{port}/?token={token}", folder.path)

        config = uvicorn.Config(
            Guard(application(folder), hosts, token),
            log_level="critical",
            access_log=False,
            server_header=False,
            http=Impatient,
            ws="none",
            lifespan="on",
            h11_max_incomplete_event_size=HEAD,
            timeout_graceful_shutdown=GRACE,
        )
        try:
            Server(config).run(sockets=[listening])
        except KeyboardInterrupt as error:
            kept = "its tables and memories are removed" if directory is None else f"memories are kept in {folder.path}"
            raise type(error)(f"the server and its worker have ended; {kept}") from None


def _listening(port: int) -> socket.socket:
    if not 0 <= port < 1 << 16:
        raise InputError("port", "0 to 65535", port)
    try:
        return socket.create_server((ADDRESS, port), backlog=BACKLOG)
    except OSError as error:
        raise InputError("port", f"a free port ({error.strerror})", port) from None
