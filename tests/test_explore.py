"""The explorer's server: what it answers, whom it refuses, and what it leaves behind."""

import asyncio
import gzip
import json
import os
import signal
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import quote

import psutil
import pytest

from attncap import archive, sums
from attncap.errors import InputError, UnmetError

from . import command

pytest.importorskip("uvicorn")
pytest.importorskip("httpx")

from attncap.explore import client, guard
from attncap.explore import folder as shelf
from attncap.explore.folder import Folder, opened

from .explorer import ATLAS, eventually, exploring, start

# A search that goes on for minutes.
LONG = {"source": "random:300,2,4000", "smallest": True, "within": "10m"}


@pytest.fixture(scope="module")
def explorer(tmp_path_factory):
    with exploring("--dir", tmp_path_factory.mktemp("explore") / "kept") as running:
        yield running


@pytest.fixture(scope="module")
def memory(explorer):
    return explorer.memorize(source=explorer.upload(), method="theorem", embedding_dim=8)


def refused(answer, status, *words):
    """Check one line of JSON that says why."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/json"
    (line,) = answer.json().values()
    assert list(answer.json()) == ["error"]
    assert "\n" not in line
    assert "Traceback" not in line
    assert "internal" not in line
    assert all(word in line for word in words), line


def raw(explorer, *pieces, read=True):
    """Send bytes as they are, and return what comes back."""
    with socket.create_connection(("127.0.0.1", explorer.port), timeout=60) as connection:
        for piece in pieces:
            connection.sendall(piece)
        found = b""
        while read and (piece := connection.recv(1 << 16)):
            found += piece
        return found


# ---- whom it answers ----


@pytest.mark.parametrize(
    ("headers", "status", "word"),
    [
        ({"Authorization": ""}, 401, "token"),
        ({"Authorization": "Bearer wrong"}, 401, "token"),
        ({"Host": "evil.example"}, 403, "Host"),
        ({"Host": "127.0.0.1"}, 403, "Host"),
        ({"Host": "127.0.0.1.evil.example:80"}, 403, "Host"),
        ({"Origin": "http://evil.example"}, 403, "Origin"),
        ({"Origin": "null"}, 403, "Origin"),
        ({"Origin": "http://127.0.0.1:1"}, 403, "Origin"),
    ],
)
@pytest.mark.parametrize(("method", "path"), [("GET", "/state"), ("POST", "/run"), ("DELETE", "/run"), ("GET", "/x")])
def test_strangers_are_refused(explorer, headers, status, word, method, path):
    refused(explorer.client.request(method, path, headers=headers), status, word)


def test_a_token_in_the_address_changes_nothing(explorer):
    for method in ("POST", "PUT", "DELETE"):
        answer = explorer.client.request(method, f"/run?token={explorer.token}", headers={"Authorization": ""})
        refused(answer, 401)
    assert explorer.client.get(f"/?token={explorer.token}", headers={"Authorization": ""}).status_code == 200


def test_its_own_page_is_answered(explorer):
    for host in (explorer.host, f"localhost:{explorer.port}"):
        answer = explorer.client.get("/state", headers={"Host": host, "Origin": f"http://{host}"})
        assert answer.status_code == 200
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"
    assert "access-control-allow-origin" not in answer.headers


def test_it_listens_to_this_machine_only(explorer):
    served = [one for one in psutil.Process(explorer.process.pid).net_connections() if one.status == "LISTEN"]
    assert [one.laddr for one in served] == [("127.0.0.1", explorer.port)]


# ---- malformed requests ----


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b'"x"',
        b"null",
        b"\xff\xfe",
        b"[" * 60_000,
        b'{"source": "capitals", "files": "/tmp/x"}',
        b'{"source": "capitals", "heads": 8.5}',
        b'{"source": "capitals", "heads": true}',
        b'{"source": "capitals", "method": "magic"}',
        b'{"source": "capitals", "seed": -1}',
        b'{"source": "capitals", "on_conflict": "distribution"}',
        b'{"source": "capitals", "embedding_dim": 1' + b"0" * 5000 + b"}",
        b'{"source": "/etc/passwd"}',
        b'{"source": "../memories/1/task.parquet"}',
        b'{"source": "-"}',
        b'{"source": "random:1000000000000,2,5"}',
        b'{"source": "random:50,2"}',
        b'{"source": ["capitals"]}',
        b'{"source": null}',
        b'{"source": "\\ud800"}',
    ],
)
def test_malformed_runs_are_refused(explorer, body):
    before = explorer.files()
    refused(explorer.client.post("/run", content=body), 400)
    assert explorer.files() == before


@pytest.mark.parametrize(
    "body", [b"{}", b'{"words": "Peru"}', b'{"words": []}', b'{"words": [1]}', b'{"words": ["\\ud800", "x"]}']
)
@pytest.mark.parametrize("job", ["ask", "edit", "forget"])
def test_malformed_questions_are_refused(explorer, memory, job, body):
    refused(explorer.client.post(f"/memories/{memory}/{job}", content=body), 400)


def test_long_requests_are_refused(explorer):
    refused(explorer.client.post("/run", content=b" " * (65 << 10)), 413, "64 kB")
    assert b"400 Bad Request" in raw(explorer, b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"x" * (1 << 15))


def test_no_http_is_refused(explorer):
    assert raw(explorer, b"\x16\x03\x01\x02\x00 nonsense\r\n\r\n").startswith(b"HTTP/1.1 400")
    assert raw(explorer, b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n").startswith(b"HTTP/1.1 400")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("DELETE", "/state", 405),
        ("POST", "/", 405),
        ("TRACE", "/run", 405),
        ("GET", "/task", 405),
        ("GET", "/nothing", 404),
        ("GET", "/memories/0", 404),
        ("GET", "/memories/99", 404),
        ("GET", "/memories/..", 404),
        ("GET", "/../../etc/passwd", 404),
        ("GET", "/memories/%2e%2e/report", 404),
        ("GET", "/memories/%2e%2e%2f%2e%2e%2fetc%2fpasswd", 404),
        ("GET", "/memories/1%00/report", 404),
        ("GET", "/memories/%D9%A1/report", 404),
        ("GET", "/etc/passwd", 404),
        ("GET", "/..%2f..%2f..%2fetc/passwd", 404),
        ("DELETE", "/memories/%2e%2e", 404),
    ],
)
def test_what_is_not_there(explorer, memory, method, path, status):
    before = explorer.files()
    refused(explorer.verbatim(method, path), status)
    assert explorer.files() == before


# ---- tables ----


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("../../evil.csv", "evil.csv"),
        ("%2e%2e%2f%2e%2e%2fevil2.csv", "evil2.csv"),
        ("/etc/evil3.csv", "evil3.csv"),
        (quote("..\\evil4.csv"), "evil4.csv"),
        (quote("a b;<i>$(x).tsv"), "a-b-i-x.tsv"),
        (".csv", "table.csv"),
        (quote("Überfluß.CSV"), "Überfluß.csv"),
        ("x" * 300 + ".jsonl", "x" * 60 + ".jsonl"),
        ("../a.b.CSV.GZ", "a-b.csv.gz"),
    ],
)
def test_names_of_tables_are_no_paths(explorer, name, kept):
    outside = sorted(explorer.path.parent.iterdir())
    answer = explorer.verbatim("PUT", f"/uploads/{name}", b"a,b\n1,2\n")
    assert answer.status_code == 201, answer.text
    assert answer.json() == {"source": kept}
    assert (explorer.path / "uploads" / kept).read_bytes() == b"a,b\n1,2\n"
    assert sorted(explorer.path.parent.iterdir()) == outside


@pytest.mark.parametrize(
    "name", ["evil.py", "evil", "csv", "evil.csv/", "evil.csv%00", "evil.csv.exe", "evil.gz", "evil.txt.gz"]
)
def test_other_files_are_refused(explorer, name):
    before = explorer.files()
    refused(explorer.client.put(f"/uploads/{name}", content=b"x"), 400, "upload", ".csv")
    assert explorer.files() == before


def test_tables_of_one_name_are_kept_apart(explorer):
    names = [explorer.upload("twice.csv", f"a,b\n1,{number}\n") for number in range(3)]
    assert names == ["twice.csv", "twice-2.csv", "twice-3.csv"]
    assert explorer.client.get("/state").json()["uploads"].count("twice-2.csv") == 1


def test_large_tables_are_refused_as_they_arrive(explorer):
    before = explorer.files()
    pieces = (b"x" * (1 << 20) for _ in range(40))
    refused(explorer.client.put("/uploads/large.csv", content=pieces), 413, "32 MB")
    assert explorer.files() == before
    refused(explorer.client.put("/uploads/none.csv", content=b""), 400, "empty")
    assert explorer.files() == before


def test_an_upload_that_breaks_off_leaves_nothing(explorer):
    before = explorer.files()
    head = f"PUT /uploads/half.csv HTTP/1.1\r\nHost: {explorer.host}\r\nAuthorization: Bearer {explorer.token}\r\n"
    raw(explorer, f"{head}Content-Length: 1000000\r\n\r\n".encode(), b"x" * 200_000, read=False)
    eventually(lambda: explorer.files() == before)


def test_a_table_is_counted(explorer):
    found = explorer.client.post("/task", json={"source": explorer.upload("counted.csv")}).json()
    expected = {"associations": 7, "context": 2, "columns": ["country", "capital", "sea"], "answers": 7, "queries": 4}
    assert {name: found[name] for name in expected} == expected
    assert found["examples"][0] == ["Peru", "capital", "Lima"]
    assert found["notes"] == ["1 missing cell skipped"]


ROWS = [{"country": "Peru", "capital": "Lima"}, {"country": "Fiji", "capital": "Suva"}]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("two.csv", "country;capital\nPeru;Lima\nFiji;Suva\n"),
        ("two.tsv", "country\tcapital\nPeru\tLima\nFiji\tSuva\n"),
        ("two.json", json.dumps(ROWS)),
        ("two.jsonl", "\n".join(map(json.dumps, ROWS))),
    ],
)
@pytest.mark.parametrize("packed", [False, True])
def test_files_are_read_as_the_command_line_reads_them(explorer, name, content, packed):
    content = gzip.compress(content.encode()) if packed else content.encode()
    answer = explorer.client.put(f"/uploads/{name}{'.gz' * packed}", content=content)
    found = explorer.client.post("/task", json=answer.json()).json()
    assert found["examples"] == [["Peru", "capital", "Lima"], ["Fiji", "capital", "Suva"]]
    assert found["columns"] == ["country", "capital"]


def test_a_text_is_read_word_by_word(explorer):
    source = explorer.upload("song.txt", "row row row your boat")
    found = {n: explorer.client.post("/task", json={"source": source, "context": n}).json() for n in (1, 2)}
    assert found[1]["examples"] == [["row", "row"], ["your", "boat"]]
    assert (found[2]["context"], found[2]["columns"]) == (2, [])
    refused(explorer.client.post("/task", json={"source": source, "context": 0}), 400, "context")
    refused(explorer.client.post("/task", json={"source": source, "subject": "row"}), 400, "subject")
    number = explorer.memorize(source=source, context=1, method="theorem", embedding_dim=4)
    assert explorer.client.post(f"/memories/{number}/ask", json={"words": ["your"]}).json()["answer"] == "boat"
    explorer.client.delete(f"/memories/{number}")


@pytest.mark.parametrize("name", ["bomb.csv.gz", "bomb.csv"])
def test_small_files_that_unpack_to_much_are_refused(explorer, name):
    """Tables are unpacked by what they hold, whatever they are called."""
    before = explorer.files()
    packed = gzip.compress(b"Peru,Lima\n" * (33 << 17), 1)
    assert len(packed) < 1 << 20
    refused(explorer.client.put(f"/uploads/{name}", content=packed), 413, "bomb", "32 MB unpacked")
    assert explorer.files() == before
    half = gzip.compress(b"country,capital\nPeru,Lima\n" * 50)[:-9]
    broken = explorer.client.put("/uploads/half.csv.gz", content=half)
    refused(explorer.client.post("/task", json=broken.json()), 400, "half")


def test_what_is_no_table_is_refused_in_one_line(explorer):
    for name, content in (
        ("no.parquet", "PAR1nothing"),
        ("no.jsonl", "{"),
        ("no.csv", "a,b\n1\n"),
        ("zero.csv", "a\0"),
    ):
        refused(explorer.client.post("/task", json={"source": explorer.upload(name, content)}), 400, name)
    contradiction = explorer.upload("contradiction.csv", "country,capital\nPeru,Lima\nPeru,Cuzco\n")
    refused(explorer.client.post("/task", json={"source": contradiction}), 400, "Cuzco")
    found = explorer.client.post("/task", json={"source": contradiction, "on_conflict": "first"}).json()
    assert found["associations"] == 1
    refused(explorer.client.post("/task", json={"source": contradiction, "subject": "land"}), 400, "country")


def test_the_piece_that_is_too_much_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(shelf, "LARGEST", 10)
    with Folder(tmp_path).upload("a.csv") as upload:
        upload.write(b"1234567890")
        with pytest.raises(shelf.TooLarge, match="at most"):
            upload.write(b"1")
    assert (tmp_path / "uploads" / "a.csv").read_bytes() == b"1234567890"


def test_tables_have_a_quota(tmp_path, monkeypatch):
    monkeypatch.setattr(shelf, "QUOTA", 10)
    kept = Folder(tmp_path)
    with kept.upload("a.csv") as first:
        first.write(b"123456")
    with pytest.raises(UnmetError, match="at most"), kept.upload("b.csv") as second:
        second.write(b"123456")
    with kept.upload("b.csv") as second:
        second.write(b"1234")
    assert kept.uploads == ["a.csv", "b.csv"]
    assert len(list((tmp_path / "uploads").iterdir())) == 2


# ---- memories ----


def test_a_memory_is_made_asked_changed_and_forgotten(explorer, memory):
    at, client = f"/memories/{memory}", explorer.client
    made = client.get(at).json()
    assert made["recall"]["correct"] == made["associations"] == 7
    assert made["name"] == "atlas.csv"
    place = explorer.path / "memories" / memory
    assert sums.check(place)
    assert client.post(f"{at}/ask", json={"words": ["Peru", "capital"]}).json()["answer"] == "Lima"
    refused(client.post(f"{at}/ask", json={"words": ["Perú", "capital"]}), 400, f"memory {memory}:", "'Peru'")

    edited = explorer.ended(client.post(f"{at}/edit", json={"words": ["Peru", "capital", "Cuzco"]}))
    assert edited["state"] == "done", edited
    assert edited["result"]["edited"]["changed"] == 1
    assert edited["result"]["edited"]["kept"] == 6
    assert client.post(f"{at}/ask", json={"words": ["Peru", "capital"]}).json()["answer"] == "Cuzco"
    undone = explorer.ended(client.post(f"{at}/undo"))
    assert undone["result"]["memory"]["bits"] == made["bits"]
    assert client.post(f"{at}/ask", json={"words": ["Peru", "capital"]}).json()["answer"] == "Lima"
    assert explorer.ended(client.post(f"{at}/undo"))["state"] == "failed"

    forgotten = explorer.ended(client.post(f"{at}/forget", json={"words": ["Fiji"]}))
    assert forgotten["state"] == "done", forgotten
    said = forgotten["result"]
    assert said["forgotten"]["facts"] == 2
    assert said["memory"]["associations"] == 5
    assert said["bits"]["after"] < said["bits"]["before"] == made["bits"]
    assert said["bits"]["after"] == archive.read(place).result["bits"]
    assert "Fiji" not in "".join(path.read_text("utf-8", "ignore") for path in place.iterdir())


def test_facts_are_found(explorer, memory):
    at = f"/memories/{memory}/facts"
    everything = explorer.client.get(at).json()
    assert everything["found"] == len(everything["facts"])
    (fact,) = explorer.client.get(at, params={"search": "cuba HAV"}).json()["facts"]
    assert fact["query"] == ["Cuba", "capital"]
    assert fact["answer"] == fact["stored"] == "Havana"
    assert fact["margin"] > 0
    assert explorer.client.get(at, params={"search": "x" * 5000}).json() == {"found": 0, "facts": []}


def test_a_report_stands_in_a_sandbox(explorer, memory):
    answer = explorer.client.get(f"/memories/{memory}/report?token={explorer.token}", headers={"Authorization": ""})
    assert answer.status_code == 200
    assert "<!doctype html>" in answer.text[:20].lower()
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("sandbox ")
    assert "allow-same-origin" not in policy


def test_a_memory_is_removed(explorer):
    number = explorer.memorize(source="random:20,2,10", method="theorem", embedding_dim=4)
    assert (explorer.path / "memories" / number).is_dir()
    assert number not in explorer.client.delete(f"/memories/{number}").json()["memories"]
    assert not (explorer.path / "memories" / number).exists()


def test_what_cannot_be_met_is_said(explorer):
    run = explorer.ended(
        explorer.client.post("/run", json={"source": "random:50,2,400", "method": "theorem", "heads": 1})
    )
    assert run["state"] == "failed"
    assert "heads" in run["error"] or "associations" in run["error"]
    run = explorer.ended(
        explorer.client.post("/run", json={"source": "random:50,2,400", "embedding_dim": 10**9, "method": "theorem"})
    )
    assert run["state"] == "failed"
    assert "memory" in run["error"]


# ---- runs ----


def test_one_run_at_a_time_and_cancel(explorer, memory):
    kept = explorer.files()
    refused(explorer.client.delete("/run"), 409, "nothing is running")
    assert explorer.client.post("/run", json=LONG).status_code == 202
    for method, path, given in (
        ("POST", "/run", LONG),
        ("POST", f"/memories/{memory}/forget", {"words": ["Cuba"]}),
        ("POST", f"/memories/{memory}/ask", {"words": ["Cuba", "capital"]}),
        ("POST", "/task", {"source": "atlas.csv"}),
        ("DELETE", f"/memories/{memory}", None),
    ):
        refused(explorer.client.request(method, path, json=given), 409, "memorize is running", "cancel")
    bars = eventually(lambda: explorer.client.get("/run").json()["progress"]["bars"])
    assert bars[0]["description"]
    before = explorer.worker.pid
    assert explorer.client.delete("/run").json()["state"] == "cancelled"
    assert explorer.files() == kept
    # The worker was interrupted, not killed, and works on.
    assert explorer.worker.pid == before
    assert (
        explorer.client.post(f"/memories/{memory}/ask", json={"words": ["Cuba", "capital"]}).json()["answer"]
        == "Havana"
    )


def test_a_change_is_cancelled_too(explorer):
    number = explorer.memorize(source="random:60,2,500", method="theorem", embedding_dim=16)
    before = {path: path.read_bytes() for path in (explorer.path / "memories" / number).iterdir()}
    # Forgetting takes seconds, measured three ways.
    words = explorer.client.get(f"/memories/{number}/facts").json()["facts"][0]["query"]
    assert explorer.client.post(f"/memories/{number}/forget", json={"words": words}).status_code == 202
    assert explorer.client.delete("/run").json()["state"] == "cancelled"
    assert {path: path.read_bytes() for path in (explorer.path / "memories" / number).iterdir()} == before
    assert explorer.client.delete(f"/memories/{number}").status_code == 200


@pytest.mark.parametrize(("fails", "cancelled"), [(False, False), (True, False), (False, True)])
def test_only_a_run_that_ends_well_keeps_its_draft(tmp_path, fails, cancelled):
    async def follow():
        worker = client.Worker(Folder(tmp_path))

        async def do(*_):
            (tmp_path / "memories" / ".1").mkdir()
            worker.run.cancelled = cancelled
            if fails:
                raise client.JobError("failed", "unmet")
            return {}

        worker._do = do
        run = worker.begin("memorize", "1")
        await worker._task
        return run.state

    ends = {(False, False): ("done", ["1"]), (True, False): ("failed", []), (False, True): ("cancelled", [])}
    assert (asyncio.run(follow()), os.listdir(tmp_path / "memories")) == ends[fails, cancelled]


@pytest.mark.parametrize("fault", [OSError(28, "No space left on device"), FileNotFoundError(2, "No such file")])
def test_a_run_whose_disk_fails_ends(tmp_path, fault):
    async def follow():
        worker = client.Worker(Folder(tmp_path))

        async def do(*_):
            raise fault

        worker._do = do
        runs = []
        for _ in range(2):
            runs.append(worker.begin("memorize", "1"))
            await worker._task
        return runs

    for run in asyncio.run(follow()):
        assert run.state == "failed"
        assert run.error.startswith(f"the explorer's directory: {fault.strerror};")


def test_a_directory_that_is_moved_away_is_one_line_until_it_is_back(tmp_path):
    with exploring("--dir", tmp_path / "kept") as running:
        number = running.memorize(source="random:9,2,5", embedding_dim=8)
        (tmp_path / "kept").rename(tmp_path / "away")
        for method, path, body in (
            ("GET", "/state", None),
            ("GET", f"/memories/{number}", None),
            ("GET", f"/memories/{number}/report", None),
            ("DELETE", f"/memories/{number}", None),
            ("POST", f"/memories/{number}/edit", {"words": ["0", "1", "2"]}),
            ("POST", "/run", {"source": "random:9,2,5", "embedding_dim": 8}),
            ("PUT", "/uploads/x.csv", {}),
        ):
            refused(running.client.request(method, path, json=body), 503, "the explorer's directory", "No such file")
        assert running.client.get("/").status_code == 200
        (tmp_path / "away").rename(tmp_path / "kept")
        assert running.client.get(f"/memories/{number}").status_code == 200
        assert running.client.get("/state").json()["memories"] == [number]


def test_a_run_cancelled_at_once_keeps_nothing(explorer):
    kept = explorer.files()
    for _ in range(3):
        explorer.client.post("/run", json=LONG)
        explorer.client.delete("/run")
        assert explorer.client.get("/run").json()["state"] == "cancelled"
    assert explorer.files() == kept


def test_a_killed_worker_is_replaced(explorer):
    explorer.client.post("/run", json=LONG)
    eventually(lambda: explorer.client.get("/run").json()["progress"]["bars"])
    (explorer.path / "memories" / ".9.attncap-left").mkdir()
    explorer.worker.kill()
    run = explorer.ended()
    assert run["state"] == "failed"
    assert "killed" in run["error"]
    assert not (explorer.path / "memories" / ".9.attncap-left").exists()
    assert explorer.client.post("/task", json={"source": "random:20,2,5"}).json()["associations"] == 5


# ---- crowds ----


def test_two_hundred_requests_at_once(explorer, memory):
    requests = [
        ("GET", "/state", None, {200}),
        ("GET", "/", None, {200}),
        ("POST", f"/memories/{memory}/ask", b'{"words": ["Cuba", "capital"]}', {200, 503}),
        ("GET", f"/memories/{memory}/facts", None, {200, 503}),
        ("POST", "/run", b"{", {400}),
        ("PUT", "/uploads/crowd.exe", b"x", {400}),
        ("GET", "/nothing", None, {404}),
        ("DELETE", "/run", None, {409}),
    ]

    def ask(number):
        method, path, body, allowed = requests[number % len(requests)]
        # Each on a connection of its own.
        answer = explorer.verbatim(method, path, body)
        assert answer.status_code in allowed, answer.text
        if path != "/":
            assert isinstance(answer.json(), dict)
        return answer.status_code

    with ThreadPoolExecutor(200) as pool:
        found = list(pool.map(ask, range(200)))
    assert found.count(200) >= 50


def test_clients_that_do_not_read_keep_no_memory(explorer):
    server = psutil.Process(explorer.process.pid)
    explorer.client.get("/")
    before = server.memory_info().rss
    request = f"GET /?token={explorer.token} HTTP/1.1\r\nHost: {explorer.host}\r\n\r\n".encode()
    lazy = []
    try:
        for _ in range(40):
            connection = socket.create_connection(("127.0.0.1", explorer.port))
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            connection.sendall(request * 50)
            lazy.append(connection)
        # All of it would be 40 x 50 pages of 90 kB.
        assert explorer.client.get("/state").status_code == 200
        assert server.memory_info().rss - before < 60 << 20
    finally:
        for connection in lazy:
            connection.close()
    assert explorer.client.get("/state").status_code == 200


SCOPE = {"type": "http", "method": "GET", "query_string": b"token=t", "headers": [(b"host", b"here")]}


def test_clients_that_keep_it_waiting_are_dropped(monkeypatch):
    monkeypatch.setattr(guard, "IDLE", 0.05)

    async def waits(*_):
        await asyncio.sleep(60)

    async def reads(scope, receive, send):
        await receive()

    async def answers(scope, receive, send):
        await guard.failure(200, "x")(scope, receive, send)

    for app in (reads, answers):
        with pytest.raises(guard.Gone):
            asyncio.run(guard.Guard(app, ["here"], "t")(SCOPE, waits, waits))


@pytest.mark.parametrize("sent", [b"", b"GET / HT", b"GET / HTTP/1.1\r\nHost: here\r\n\r\nGET / HT"])
def test_connections_without_a_head_end(monkeypatch, sent):
    import uvicorn

    from attncap.explore import connections

    monkeypatch.setattr(connections, "IDLE", 0.2)

    async def ask():
        listening = socket.create_server(("127.0.0.1", 0))
        config = uvicorn.Config(
            guard.failure(200, "x"), http=connections.Impatient, lifespan="off", log_level="critical"
        )
        server = uvicorn.Server(config)
        serving = asyncio.create_task(server.serve(sockets=[listening]))
        reader, writer = await asyncio.open_connection(*listening.getsockname())
        writer.write(sent)
        answered = await asyncio.wait_for(reader.read(), 60)
        writer.close()
        server.should_exit = True
        await serving
        return answered

    # uvicorn's own limit holds between requests only.
    assert asyncio.run(ask()).count(b"200 OK") == sent.count(b"\r\n\r\n")


def test_a_crowd_is_told_so(monkeypatch, tmp_path):
    monkeypatch.setattr(guard, "AT_ONCE", 3)
    full = guard.Guard(guard.failure(200, "x"), ["here"], "t")
    full._busy = 3
    refusal = full.refusal(
        {"type": "http", "method": "GET", "query_string": b"token=t", "headers": [(b"host", b"here")]}
    )
    assert refusal.status_code == 503

    async def crowd():
        worker = client.Worker(Folder(tmp_path))

        async def answer(*_):
            await asyncio.sleep(0.01)

        worker._do = answer
        return await asyncio.gather(*(worker.ask("facts") for _ in range(client.WAITING + 5)), return_exceptions=True)

    refused = [error for error in asyncio.run(crowd()) if error is not None]
    assert [error.kind for error in refused] == ["full"] * 5


def test_questions_have_a_time_limit(monkeypatch, tmp_path):
    monkeypatch.setattr(client, "LIMIT", 0.2)
    monkeypatch.setattr(client, "PATIENCE", 0.2)

    async def ask():
        worker = client.Worker(Folder(tmp_path))
        with pytest.raises(client.JobError, match=r"task took more than 0 s"):
            # Not even an interrupt ends this one at once.
            await worker.ask("task", source="random:9999999,9,9999999", options={})
        monkeypatch.setattr(client, "LIMIT", 60)
        found = await worker.ask("task", source="random:9,2,5", options={})
        await worker.close()
        return found

    assert asyncio.run(ask())["associations"] == 5


# ---- beginning and end ----


def test_interrupted_it_ends_with_its_worker(explorer, tmp_path):
    kept = start("--dir", tmp_path / "kept")
    assert len(kept.token) >= 32
    assert kept.token != explorer.token
    number = kept.memorize(source="random:20,2,10", method="theorem", embedding_dim=4)
    kept.client.post("/run", json=LONG)
    worker = kept.worker
    code, out, err = kept.stop()
    assert code == 130
    assert out == ""
    assert err == f"attncap: interrupted; the server and its worker have ended; memories are kept in {kept.path}\n"
    assert not worker.is_running()
    assert [path.name for path in (kept.path / "memories").iterdir()] == [number]
    with opened(kept.path) as again:
        assert again.memories == [number]


@pytest.mark.parametrize(("number", "ends"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_without_a_directory_nothing_is_left(tmp_path, number, ends):
    running = start(TMPDIR=str(tmp_path))
    assert running.path.parent == tmp_path
    running.upload()
    code, _, err = running.stop(number)
    assert code == ends
    assert err == "attncap: terminated; the server and its worker have ended; its tables and memories are removed\n"
    assert list(tmp_path.iterdir()) == []


def test_a_killed_server_takes_its_worker_along(tmp_path):
    running = start("--dir", tmp_path / "kept")
    running.client.post("/run", json=LONG)
    eventually(lambda: running.client.get("/run").json()["progress"]["bars"])
    worker = running.worker
    assert running.stop(signal.SIGKILL) == (-signal.SIGKILL, "", "")
    worker.wait(timeout=30)


def test_little_memory_is_enough_to_draw_and_is_kept_to():
    program = """
import numpy as np
import attncap.explore.jobs
from attncap.explore import worker
from attncap.numerics import memory
memory.available = lambda: 300 << 20
worker._limit_memory()
import vl_convert
vl_convert.vegalite_to_svg({"data": {"values": [{"a": 1}]}, "mark": "point", "encoding": {"x": {"field": "a"}}})
worker._limit_memory()
try:
    np.ones(400 << 20, np.uint8)
except MemoryError:
    print("drawn, and refused")
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "drawn, and refused\n"), done.stderr[:500]


def test_directories_of_others_are_refused(explorer, tmp_path, capsys):
    (tmp_path / "letters.txt").write_text("dear")
    code, out, err = command.run(capsys, "explore", "--dir", tmp_path)
    assert (code, out) == (2, "")
    assert "no explorer wrote" in err
    code, _, err = command.run(capsys, "explore", "--dir", explorer.path)
    assert code == 2
    assert "another explorer uses it" in err
    assert err.count("\n") == 1
    assert os.listdir(tmp_path) == ["letters.txt"]
    with pytest.raises(InputError, match="cannot use it"), opened(tmp_path / "letters.txt"):
        pass


def test_ports_are_checked(explorer, capsys):
    for port, words in ((explorer.port, "a free port"), (70000, "0 to 65535")):
        code, _, err = command.run(capsys, "explore", "--port", port)
        assert code == 2
        assert err.startswith("attncap: --port: expected")
        assert words in err


def test_the_missing_extra_is_named():
    code = "import sys; sys.modules['uvicorn'] = None; from attncap.cli import main; main(['explore'])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr == "attncap: explore: needs the package uvicorn; pip install 'attncap[explore]'\n"


def test_the_static_page_is_written_once(tmp_path, capsys):
    page = tmp_path / "page.html"
    code, out, _ = command.run(capsys, "explore", "--static", page, "--json")
    assert (code, json.loads(out)) == (0, {"path": str(page)})
    assert command.run(capsys, "explore", "--static", page)[0] == 2
    assert command.run(capsys, "explore", "--static", page, "--force")[0] == 0
    assert command.run(capsys, "explore", "--static", tmp_path / "other.html", "--port", 80)[0] == 2
    assert os.listdir(tmp_path) == ["page.html"]
    assert ATLAS not in page.read_text()
