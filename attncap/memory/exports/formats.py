"""Write a memory in a format and ask the foreign runtime, where it is installed, for every fact."""

import subprocess
import sys
import tempfile
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Literal

import numpy as np
from jaxtyping import Float

from attncap.archive import Archive
from attncap.constraints import checked
from attncap.errors import UnmetError
from attncap.files import check_apart, replacing
from attncap.memory.exports import onnx_file, pytorch, transformer_lens
from attncap.result import Result, hidden

Format = Literal["transformer-lens", "torch", "onnx"]
FORMATS: dict[str, ModuleType] = {"transformer-lens": transformer_lens, "torch": pytorch, "onnx": onnx_file}
# Logits that a check hands back, and how many sequences the runtime gets at a time.
SHOWN, PIECE = 1 << 26, 512
RUNNER = """
import sys
import numpy as np
folder, questions, answers, out = sys.argv[1:]
questions, answers = np.load(questions), np.load(answers)
{run}
leads, shown = [], []
for first in range(0, len(questions), {piece}):
    said, own = logits(questions[first:first + {piece}]), answers[first:first + {piece}]
    shown.append(said[:max(0, {shown} - first)].copy())
    rows = np.arange(len(own))
    mine = said[rows, own].copy()
    said = said.copy()
    said[rows, own] = -np.inf
    leads.append(mine - said.max(axis=1))
np.savez(out, leads=np.concatenate(leads), logits=np.concatenate(shown))
"""


@dataclass(frozen=True)
class Exported(Result):
    """A memory in another format.

    Attributes:
        path: what was written: a directory, or one file (onnx).
        format: "transformer-lens", "torch" or "onnx".
        facts: of the memory's task.
        verified: how many of them the foreign runtime answers right; None where it is not installed.
        deviation: largest difference of its logits from ours, over the largest logit, on all facts (the first of
            more than $2^{26}$ logits); None likewise.
        opset: of ONNX.
        leads: of every answer over the closest other token in the foreign runtime, in logits.
    """

    path: str
    format: str
    facts: int
    verified: int | None
    deviation: float | None
    opset: int | None = None
    leads: Float[np.ndarray, " T"] | None = hidden(default=None)

    def __rich__(self) -> str:
        if self.verified is None:
            return f"{self.path}: {self.format}, {self.facts:,} facts; not checked, no runtime is installed"
        return (
            f"{self.path}: {self.format}, {self.verified:,} of {self.facts:,} facts right in the foreign runtime, "
            f"logits within {self.deviation:.2g} of the largest"
        )


@checked
def export(memory: Archive, to: Format, out: str | Path, *, force: bool = False) -> Exported:
    """Write a memory for another runtime, and ask that runtime for every fact.

    The runtime runs in a process of its own, which imports nothing of ours.

    Args:
        memory: what `attncap.archive.read` returns.
        to: "transformer-lens" and "torch" (a directory) or "onnx" (a file).
        out: where to.
        force: replace an earlier export.

    Returns:
        What was written and checked.

    Raises:
        InputError: another format, a place that must not be replaced, as the memory's own, or a model that the format
            does not hold.
        UnmetError: the runtime answers a fact wrongly that the memory answers right; nothing is written then.

    Example:
        >>> import tempfile
        >>> import attncap as ac
        >>> task = ac.tasks.facts({"country": ["Peru", "Fiji"], "capital": ["Lima", "Nadi"]})
        >>> path = ac.construct.theorem(task, embedding_dim=8).save(tempfile.mkdtemp() + "/atlas")
        >>> export(ac.archive.read(path), "torch", path.with_name("torch")).facts
        2
    """
    module, path = FORMATS[to], Path(out)
    check_apart({"out": path}, {"memory": memory.path})
    with replacing(path, force=force, directory=to != "onnx") as temporary:
        said = module.write(memory, temporary)
        checked = None
        if all(find_spec(package) for package in module.NEEDS):
            checked = run(temporary, module.RUN, memory)
        correct = None if checked is None else int((checked[0] > 0).sum())
        own = _right(memory)
        if correct is not None and correct < own:
            raise UnmetError(f"{out}: {to} answers {correct:,} facts right, the memory {own:,}; nothing was written")
    deviation = None if checked is None else float(checked[1])
    leads = None if checked is None else checked[0]
    return Exported(str(path), to, memory.task.associations, correct, deviation, said.get("opset"), leads)


def run(path: Path, program: str, memory: Archive) -> tuple[Float[np.ndarray, " T"], float]:
    """Ask a foreign runtime in a process of its own.

    Args:
        path: what was exported.
        program: defines ``logits`` of token numbers.
        memory: whose task is asked.

    Returns:
        The lead of every answer, and the largest difference of a logit from ours, relative to the largest.

    Raises:
        UnmetError: the runtime fails, with its last line.
    """
    task = memory.task
    code = RUNNER.format(run=program, piece=PIECE, shown=max(1, SHOWN // task.vocabulary_size))
    with tempfile.TemporaryDirectory(prefix="attncap-") as folder:
        here = Path(folder)
        np.save(here / "questions.npy", task.sequences.astype(np.int64))
        np.save(here / "answers.npy", task.answers.astype(np.int64))
        words = [str(path.resolve()), *(str(here / name) for name in ("questions.npy", "answers.npy", "out.npz"))]
        # Isolated from this directory, so that nothing of ours is found in it.
        done = subprocess.run([sys.executable, "-P", "-c", code, *words], capture_output=True, text=True, cwd=folder)
        if done.returncode:
            raise UnmetError(f"{path}: the foreign runtime failed ({[*done.stderr.strip().splitlines(), '?'][-1]})")
        with np.load(here / "out.npz") as found:
            leads, logits = found["leads"], found["logits"]
    ours, theirs = memory.model.ready().forward(task.sequences[: len(logits)]), logits
    if memory.model.unembedding_rows is not None:
        if np.isfinite(np.delete(logits, memory.model.candidates, axis=1)).any():
            raise UnmetError(f"{path}: the foreign runtime answers with tokens that the memory has no row for")
        ours, theirs = ours[:, memory.model.candidates], theirs[:, memory.model.candidates]
    return leads.astype(np.float64), float(np.abs(theirs - ours).max() / np.abs(ours).max())


def _right(memory: Archive) -> int:
    from attncap import measure

    return measure.recall(memory.model, memory.task).correct
