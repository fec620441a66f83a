"""What the server answers, route by route; each answer is JSON but the page and the reports."""

import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, Literal, get_args

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from attncap import methods
from attncap.commands.memorize import memorize
from attncap.commands.options import check
from attncap.commands.options import options as taken
from attncap.constraints import settle
from attncap.data.named_tables import NAMED
from attncap.errors import InputError, UnmetError
from attncap.explore.client import JobError, Worker
from attncap.explore.folder import SUFFIXES, Folder, TooLarge, unusable
from attncap.explore.guard import failure
from attncap.explore.page import render

# Bytes of a request that is no table; words of a question and letters of each.
BODY, WORDS, LETTERS = 64 << 10, 64, 1000
# What a page may choose of the command, of how a source is read first; none of it is a path.
READING = ("subject", "relation", "object", "context", "on_conflict")
CHOICES = (
    *READING,
    *("embedding_dim", "head_dim", "heads", "method", "dtype", "seed", "certify", "smallest", "within"),
)
Conflicts = Literal["error", "first"]
RANDOM = re.compile(r"random:\d{1,7},\d{1,2},\d{1,7}")
# Half a letter, which no file can hold.
SURROGATE = re.compile("[\ud800-\udfff]")
STATUS = {"input": 400, "unmet": 422, "busy": 409, "cancelled": 409, "full": 503, "failed": 500}
REPORT = "sandbox allow-scripts allow-downloads allow-modals; frame-ancestors 'none'"

Answer = Callable[[Request], Awaitable[Response]]


def application(folder: Folder) -> Starlette:
    """Return the application over one directory."""
    worker = Worker(folder)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        await worker.start()
        try:
            yield
        finally:
            await worker.close()

    app = Starlette(routes=_routes(folder, worker), lifespan=lifespan, exception_handlers=HANDLERS)
    app.state.worker = worker
    return app


def _routes(folder: Folder, worker: Worker) -> list[Route]:
    # Printing the formulas takes longer than all else that is answered here.
    offered = {
        "tables": list(NAMED),
        "methods": list(methods.methods("associations")),
        "dtypes": get_args(taken(memorize)["dtype"].annotation),
        "suffixes": SUFFIXES,
    }
    text = render(offered)

    async def page(request: Request) -> Response:
        return HTMLResponse(text)

    async def state(request: Request) -> Response:
        run = worker.run and worker.run.to_dict()
        return JSONResponse({"uploads": folder.uploads, "memories": folder.memories, "run": run})

    async def upload(request: Request) -> Response:
        with folder.upload(request.path_params["name"]) as arriving:
            async for piece in request.stream():
                arriving.write(piece)
        return JSONResponse({"source": arriving.name}, 201)

    async def task(request: Request) -> Response:
        given = await _body(request, ("source", *READING))
        return JSONResponse(await worker.ask("task", source=_source(folder, given), options=_options(given)))

    async def begin(request: Request) -> Response:
        given = await _body(request, ("source", *CHOICES))
        options = _options(given) | {"source": _source(folder, given)}
        return _begun(worker.begin("memorize", folder.fresh(), options=options).to_dict())

    async def run(request: Request) -> Response:
        if worker.run is None:
            raise LookupError("no run yet")
        return JSONResponse(worker.run.to_dict())

    async def cancel(request: Request) -> Response:
        if not await worker.cancel():
            return failure(409, "nothing is running")
        return await run(request)

    async def memory(request: Request) -> Response:
        return JSONResponse(await worker.ask("summary", number=_memory(folder, request)))

    async def remove(request: Request) -> Response:
        number = _memory(folder, request)
        worker.check_free()
        folder.remove(number)
        return JSONResponse({"memories": folder.memories})

    async def facts(request: Request) -> Response:
        search = request.query_params.get("search", "")[:LETTERS]
        return JSONResponse(await worker.ask("facts", number=_memory(folder, request), search=search))

    async def ask(request: Request) -> Response:
        number, words = _memory(folder, request), await _words(request)
        return JSONResponse(await worker.ask("ask", number=number, words=words))

    def change(job: str) -> Answer:
        async def begin(request: Request) -> Response:
            number = _memory(folder, request)
            words = {} if job == "undo" else {"words": await _words(request)}
            return _begun(worker.begin(job, number, **words).to_dict())

        return begin

    async def report(request: Request) -> Response:
        number = _memory(folder, request)
        path = folder.memory(number) / "report.html"
        if not path.exists():
            await worker.ask("write_report", number=number)
        return FileResponse(path, headers={"content-security-policy": REPORT})

    at = "/memories/{number}"
    return [
        Route("/", page, methods=["GET"]),
        Route("/state", state, methods=["GET"]),
        Route("/uploads/{name:path}", upload, methods=["PUT"]),
        Route("/task", task, methods=["POST"]),
        Route("/run", begin, methods=["POST"]),
        Route("/run", run, methods=["GET"]),
        Route("/run", cancel, methods=["DELETE"]),
        Route(at, memory, methods=["GET"]),
        Route(at, remove, methods=["DELETE"]),
        Route(f"{at}/facts", facts, methods=["GET"]),
        Route(f"{at}/ask", ask, methods=["POST"]),
        *(Route(f"{at}/{job}", change(job), methods=["POST"]) for job in ("edit", "forget", "undo")),
        Route(f"{at}/report", report, methods=["GET"]),
    ]


def _begun(run: dict[str, Any]) -> Response:
    return JSONResponse(run, 202)


async def _body(request: Request, names: tuple[str, ...]) -> dict[str, Any]:
    """Read a request's JSON: an object with some of these fields.

    Raises:
        InputError: it is something else.
    """
    text = b""
    async for piece in request.stream():
        text += piece
        if len(text) > BODY:
            raise TooLarge(f"request: expected at most {BODY >> 10} kB")
    try:
        given = json.loads(text)
    except (ValueError, RecursionError):
        raise InputError("request: expected JSON") from None
    if not isinstance(given, dict):
        raise InputError("request: expected a JSON object")
    if unknown := [name for name in given if name not in names]:
        raise InputError("request", f"the fields {', '.join(names)}", unknown[0])
    return given


def _options(given: dict[str, Any]) -> dict[str, Any]:
    """Hold what a page chose to the options of the command."""
    options = {name: value for name, value in given.items() if name in CHOICES and value is not None}
    options["on_conflict"] = settle("on_conflict", options.get("on_conflict", "error"), Conflicts)
    check(memorize, options)
    return options


def _source(folder: Folder, given: dict[str, Any]) -> str:
    """Return the name of a table that is known, or of a random task.

    Raises:
        InputError: it is neither; paths are not.
    """
    source = given.get("source")
    if isinstance(source, str) and (source in NAMED or source in folder.uploads or RANDOM.fullmatch(source)):
        return source
    raise InputError("source", f"an uploaded file, random:N,S,T or one of {', '.join(NAMED)}", source)


async def _words(request: Request) -> list[str]:
    given = (await _body(request, ("words",))).get("words")
    if isinstance(given, list) and 0 < len(given) <= WORDS and all(map(_is_word, given)):
        return given
    raise InputError("words", f"1 to {WORDS} words of at most {LETTERS} letters", given)


def _is_word(given: Any) -> bool:
    return isinstance(given, str) and len(given) <= LETTERS and not SURROGATE.search(given)


def _memory(folder: Folder, request: Request) -> str:
    number: str = request.path_params["number"]
    folder.memory(number)
    return number


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return failure(error.status_code, f"{request.method} {request.url.path[:LETTERS]}: {error.detail.lower()}")


def _saying(status: int) -> Callable[[Request, Exception], Awaitable[Response]]:
    async def say(request: Request, error: Exception) -> Response:
        return failure(status, str(error.args[0] if isinstance(error, LookupError) else error))

    return say


async def _job(request: Request, error: Exception) -> Response:
    assert isinstance(error, JobError)
    return failure(STATUS[error.kind], str(error))


async def _disk(request: Request, error: Exception) -> Response:
    # A client that keeps the server waiting is the guard's.
    if isinstance(error, TimeoutError) or not isinstance(error, OSError):
        raise error
    return failure(STATUS["full"], unusable(error))


async def _internal(request: Request, error: Exception) -> Response:
    return failure(500, f"internal error: {type(error).__name__}: {error}")


async def _gone(request: Request, error: Exception) -> Response:
    return failure(400, "the request ended before all of it arrived")


HANDLERS: Any = {
    HTTPException: _http,
    TooLarge: _saying(413),
    InputError: _saying(400),
    UnmetError: _saying(422),
    LookupError: _saying(404),
    JobError: _job,
    OSError: _disk,
    ClientDisconnect: _gone,
    Exception: _internal,
}
