"""The page of a memory of 100,000 facts: how long it takes to build, its size, and how fast a browser opens it."""

import shutil
import tempfile
import time
from pathlib import Path
from typing import Any

from attncap import archive, construct, measure, report, sums, tasks
from attncap.result import plain
from benchmarks.machine import describe
from benchmarks.page import show

FACTS, RELATIONS = 100_000, 20
ROWS = ("words", "page built, s", "its size, MB", "opened in Chromium, s", "searched, s", "sorted, s")
READY = "document.querySelectorAll('.table:not([data-ready])').length === 0"
# From the key to the rows that stand on the screen.
SEARCH = """text => new Promise(done => {
  const box = document.querySelector('.table[data-name=facts] input'), from = performance.now();
  box.value = text;
  box.dispatchEvent(new Event('input'));
  requestAnimationFrame(() => setTimeout(() => done((performance.now() - from) / 1000)));
})"""
SORT = """() => new Promise(done => {
  const from = performance.now();
  [...document.querySelectorAll('.table[data-name=facts] th button')].pop().click();
  requestAnimationFrame(() => setTimeout(() => done((performance.now() - from) / 1000)));
})"""


def memory(directory: Path, facts: int) -> Path:
    """Write a memory of so many facts whose weights know only a few of them."""
    subjects = [f"subject {number}" for number in range(facts // RELATIONS)]
    columns = {"subject": subjects}
    for relation in range(RELATIONS):
        columns[f"relation {relation}"] = [f"object {(number * 7 + relation) % 997}" for number in range(len(subjects))]
    task = tasks.facts(columns)
    fit = construct.theorem(task.subset(slice(0, 64)), embedding_dim=32)
    model = fit.model.astype("float32")
    result = {**fit.to_dict(), "recall": {"float32": plain(measure.recall(model, task))}}
    directory.mkdir(parents=True)
    archive.write_files(directory, model, task, result, {"seed": 0, "method": "theorem"})
    sums.write(directory)
    return directory


def measured(directory: Path) -> dict[str, float]:
    """Build the page of a memory and open it in Chromium."""
    from playwright.sync_api import sync_playwright

    start = time.perf_counter()
    page = report.write(directory)
    found = {"built": time.perf_counter() - start, "bytes": page.stat().st_size}
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        tab = browser.new_page()
        start = time.perf_counter()
        tab.goto(page.as_uri())
        tab.wait_for_function(READY)
        found["opened"] = time.perf_counter() - start
        found["searched"] = tab.evaluate(SEARCH, "subject 4321 relation 7")
        found["sorted"] = tab.evaluate(SORT)
        browser.close()
    return found


def table() -> tuple[tuple[str, ...], list[list[str]]]:
    """Return what the benchmark measures as a table."""
    with tempfile.TemporaryDirectory() as folder:
        path = memory(Path(folder) / "memory", FACTS)
        words = archive.read(path).task.vocabulary_size
        found: dict[str, Any] = measured(path)
    sizes = [f"{words:,}", f"{found['built']:.1f}", f"{found['bytes'] / 1e6:.2f}"]
    times = [f"{found[name]:.2f}" for name in ("opened", "searched", "sorted")]
    rows = [list(row) for row in zip(ROWS, [*sizes, *times], strict=True)]
    return (f"on {describe()}", f"{FACTS:,} facts"), rows


def main() -> None:
    """Print the table."""
    show(*table())


if __name__ == "__main__":
    main()
