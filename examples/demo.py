"""Memorize a real table of facts, ask three of them back, and write a report: ``python examples/demo.py [DIR]``."""

import os
import sys
from pathlib import Path

from attncap import archive, construct, report, tasks
from attncap.progress import shown

SOURCE = "countries"
QUESTIONS = [("France", "capital"), ("Japan", "currencies"), ("Kenya", "translations de")]


def main(directory: str = "demo") -> None:
    """Run the demonstration into a directory."""
    print("Memorizing what countryinfo knows about every country in one layer of attention ...")
    task = tasks.load(SOURCE)
    with shown():
        fit = construct.smallest(task, first=True)
    print(f"{fit}\n")
    out = archive.write(fit, Path(directory) / SOURCE, force=True)
    memory = archive.read(out)
    for subject, relation in QUESTIONS:
        answer = memory.ask([subject, relation])
        print(f"{subject}, {relation}: {answer.answer}  (margin {answer.margin:.2f})")
    command = Path(sys.executable).with_name("attncap")
    print(f"\nAsk it yourself: {os.path.relpath(command)} recall {out} Peru languages")
    print(f"The report, with every fact and the capacity check: {report.write(out)}")


if __name__ == "__main__":
    main(*sys.argv[1:])
