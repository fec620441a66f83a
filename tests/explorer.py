"""An explorer in a process of its own, as a user starts it, and what asks it."""

import http.client
import json
import os
import signal
import subprocess
import sys
import time
from contextlib import closing, contextmanager
from pathlib import Path

import httpx
import psutil

ATLAS = "country,capital,sea\nPeru,Lima,Pacific\nFiji,Suva,Koro\nChad,N’Djamena,\nCuba,Havana,Caribbean\n"


class Explorer:
    """A running one: its address, its directory, its process."""

    def __init__(self, process, told):
        self.process, self.url, self.path = process, told["url"], Path(told["path"])
        self.base, _, self.token = self.url.partition("/?token=")
        self.host = self.base.removeprefix("http://")
        self.client = httpx.Client(
            base_url=self.base, headers={"Authorization": f"Bearer {self.token}"}, timeout=60, trust_env=False
        )

    @property
    def port(self):
        return int(self.host.rpartition(":")[2])

    @property
    def worker(self):
        (child,) = psutil.Process(self.process.pid).children()
        return child

    def verbatim(self, method, path, body=b""):
        """Ask for a path as it is: other clients resolve its dots."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        with closing(connection):
            connection.request(method, path, body, {"Authorization": f"Bearer {self.token}", "Host": self.host})
            found = connection.getresponse()
            return httpx.Response(found.status, headers=found.getheaders(), content=found.read())

    def files(self):
        return sorted(str(path.relative_to(self.path)) for path in self.path.rglob("*"))

    def ended(self, answer=None):
        """Wait for the run's end, and return it."""
        assert answer is None or answer.status_code == 202, answer.text
        return eventually(lambda: (run := self.client.get("/run").json())["state"] != "running" and run)

    def upload(self, name="atlas.csv", content=ATLAS):
        answer = self.client.put(f"/uploads/{name}", content=content.encode())
        assert answer.status_code == 201, answer.text
        return answer.json()["source"]

    def memorize(self, **options):
        run = self.ended(self.client.post("/run", json=options))
        assert run["state"] == "done", run
        return run["result"]["memory"]["number"]

    def stop(self, how=signal.SIGINT):
        self.client.close()
        self.process.send_signal(how)
        out, err = self.process.communicate(timeout=60)
        return self.process.returncode, out, err


def eventually(true, seconds=120):
    end = time.monotonic() + seconds
    while not (found := true()):
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.05)
    return found


def start(*words, **environment):
    # Under nohup tests begin with it ignored, and so would the server.
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    process = subprocess.Popen(
        [sys.executable, "-m", "attncap", "explore", "--json", *map(str, words)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | environment,
    )
    signal.signal(signal.SIGHUP, before)
    line = process.stdout.readline()
    assert line, process.communicate()[1]
    return Explorer(process, json.loads(line))


@contextmanager
def exploring(*words, **environment):
    explorer = start(*words, **environment)
    try:
        yield explorer
    finally:
        explorer.stop()
