"""Model organisms: sets of memories with known ground truth, for unlearning, editing and interpretability."""

import json
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Int

from attncap import archive, methods
from attncap.archive import Archive
from attncap.constraints import checked
from attncap.errors import InputError, nearest
from attncap.files import replacing
from attncap.memory.changes import groups
from attncap.memory.traces import Questions
from attncap.memory.vocabularies import shrunk
from attncap.memory.ways import Forgetting
from attncap.progress import track
from attncap.result import Result, several
from attncap.tasks import Associations, associations, load
from attncap.tasks.parquet import write_task

TRUTH = "organism.json"
KEYS = {"sources", "methods", "shapes", "seeds", "seed", "dtype", "forget"}
DEFAULTS: dict[str, Any] = {
    "methods": ["theorem"], "shapes": [{}], "seeds": 1, "seed": 0, "dtype": "float32", "forget": [],
}  # fmt: skip
SHAPE = {"embedding_dim", "head_dim", "heads"}
SET = {"name", "size", "subject", "relation", "answer"}


@dataclass(frozen=True)
class Organism(Result):
    """What was written.

    Attributes:
        path: the directory; its organism.json is the ground truth.
        memories: how many: full ones, one without each forget set, and twins.
        forget_sets: how many sets of facts, over all memories.
    """

    path: str
    memories: int
    forget_sets: int

    def __rich__(self) -> str:
        return f"{self.path}: {several(self.memories, 'memory').replace('memorys', 'memories')}, " + several(
            self.forget_sets, "forget set"
        )


def read_spec(path: str | Path) -> dict[str, Any]:
    """Read the description of an organism.

    Args:
        path: a .toml file with ``sources``, ``methods``, ``shapes`` (tables of embedding_dim, head_dim, heads),
            ``seeds`` (a number), ``seed`` (the first), ``dtype`` and any number of ``[[forget]]``: a name and one of
            ``size`` (so many facts at random), ``subject``, ``relation`` or ``answer`` (all facts that have it).

    Raises:
        InputError: names the key, what was expected and what was got.
    """
    path = Path(path)
    try:
        spec = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{path}: cannot read ({error.strerror})") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: not TOML ({error})") from None
    _known(path, spec, KEYS)
    spec = DEFAULTS | spec
    for name in ("sources", "methods", "shapes", "forget"):
        if not isinstance(spec.get(name), list) or (name != "forget" and not spec[name]):
            raise InputError(f"{path}: {name}: expected a list, got {spec.get(name)!r}")
    for name, least in (("seeds", 1), ("seed", 0)):
        if type(spec[name]) is not int or spec[name] < least:
            raise InputError(f"{path}: {name}: expected a whole number of at least {least}, got {spec[name]!r}")
    for shape in spec["shapes"]:
        _known(path, shape, SHAPE)
    for method in spec["methods"]:
        methods.find("associations", method)
    for each in spec["forget"]:
        _known(path, each, SET)
        chosen = each.keys() - {"name"}
        if len(chosen) != 1 or not str(each.get("name", "")).replace("-", "").isalnum():
            raise InputError(f"{path}: forget: expected a name of letters and one of size, subject, relation, answer")
    names = [each["name"] for each in spec["forget"]]
    if len(set(names)) < len(names):
        raise InputError(f"{path}: forget: expected every name once, got {', '.join(names)}")
    return spec


def _known(path: Path, given: Any, keys: set[str]) -> None:
    if not isinstance(given, Mapping):
        raise InputError(f"{path}: expected a table of {', '.join(sorted(keys))}, got {given!r}")
    if unknown := sorted(given.keys() - keys):
        known = ", ".join(sorted(keys))
        raise InputError(f"{path}: unknown key {unknown[0]!r}{nearest(unknown[0], keys)} (known: {known})")


@checked
def organism(spec: str | Path, out: str | Path, *, force: bool = False) -> Organism:
    """Write a set of memories with their ground truth.

    For every source, method, shape and seed: the full memory; for each forget set the memory made without it from the
    same draws; and a random twin, of the same questions with the answers permuted within their relations, which knows
    none of the facts. Forget sets are written as tasks.

    Args:
        spec: see `attncap.memory.organisms.read_spec`.
        out: the directory.
        force: replace it if attncap wrote all of it.

    Returns:
        The counts; organism.json in the directory says what each memory is.

    Raises:
        InputError: the description is wrong, or names facts that are not there.
        NotMemorized: a shape does not hold a source.
    """
    described = read_spec(spec)
    with replacing(out, force=force, directory=True) as temporary:
        memories: list[dict[str, Any]] = []
        sets: list[dict[str, Any]] = []
        cases = [
            (source, method, shape, described["seed"] + number)
            for source in described["sources"]
            for method in described["methods"]
            for shape in described["shapes"]
            for number in range(described["seeds"])
        ]
        for number, (source, method, shape, seed) in enumerate(track(cases, "organism")):
            task = load(source, seed=seed)
            one = _Family(temporary, f"{number:03d}", task, method, shape, seed, described["dtype"])
            said = {"family": one.name, "source": source, "method": method, "shape": shape, "seed": seed}
            for role, name, path in one.grow(described["forget"]):
                memories.append({"path": path, "role": role, "forget_set": name, **said})
            sets += [{"family": one.name, **each} for each in one.sets]
        truth = {"spec": described, "memories": memories, "forget_sets": sets}
        archive.write_json(temporary / TRUTH, truth)
    return Organism(str(out), len(memories), len(sets))


class _Family:
    """The memories of one task, method, shape and seed."""

    def __init__(
        self, out: Path, name: str, task: Associations, method: str, shape: dict[str, int], seed: int, dtype: str
    ) -> None:
        self.out, self.name, self.task, self.method, self.shape, self.seed = out, name, task, method, shape, seed
        self.dtype = dtype
        self.sets: list[dict[str, Any]] = []

    def grow(self, forget: list[dict[str, Any]]) -> Iterator[tuple[str, str | None, str]]:
        """Write every memory; yield its role, its forget set and its path."""
        full = self._memorized(self.task, "full")
        yield "full", None, f"{self.name}/full"
        for number, each in enumerate(forget):
            rows = chosen(self.task, each, np.random.default_rng([self.seed, number]))
            asked = Questions(self.task, rows)
            gold, kept = shrunk(Forgetting(full, asked, 1).gold[0], replace(asked.kept, notes=()))
            path = self.out / self.name / f"without-{each['name']}"
            path.mkdir(parents=True)
            archive.write_files(path, gold.astype(self.dtype), kept, {"method": self.method}, full.header)
            facts = f"{self.name}/{each['name']}.parquet"
            write_task(self.task.subset(rows), self.out / facts)
            self.sets.append({"name": each["name"], "facts": len(rows), "path": facts})
            yield "without", each["name"], f"{self.name}/without-{each['name']}"
        self._memorized(permuted(self.task, self.seed), "twin")
        yield "twin", None, f"{self.name}/twin"

    def _memorized(self, task: Associations, role: str) -> Archive:
        find = methods.find("associations", self.method).function
        fit = find(task, **{"embedding_dim": 64, **self.shape}, seed=self.seed, dtype=self.dtype)
        path = self.out / self.name / role
        path.mkdir(parents=True)
        header = {"seed": fit.seed, "method": fit.method}
        archive.write_files(path, fit.model.astype(fit.dtype), fit.task, fit.to_dict(), header)
        return archive.read(path)


def permuted(task: Associations, seed: int) -> Associations:
    """Return a task whose answers are permuted within their relations."""
    rng, group, answers = np.random.default_rng([seed, 1]), groups(task), task.answers.copy()
    for one in np.unique(group):
        inside = np.flatnonzero(group == one)
        answers[inside] = answers[rng.permutation(inside)]
    surprisal = None if task.kind == "facts" else task.surprisal
    return associations(task.sequences, answers, task.vocabulary, surprisal=surprisal, name=task.name, kind=task.kind)


def chosen(task: Associations, wanted: Mapping[str, Any], rng: np.random.Generator) -> Int[np.ndarray, " k"]:
    """Return the facts that a forget set names.

    Raises:
        InputError: none, or all of them.
    """
    number = {word: at for at, word in enumerate(task.vocabulary)}
    (kind,) = wanted.keys() - {"name"}
    if kind == "size":
        size = wanted["size"]
        if type(size) is not int or not 1 <= size < task.associations:
            raise InputError(f"{task.name}: forget size: expected 1 to {task.associations - 1}, got {size!r}")
        return np.sort(rng.choice(task.associations, size, replace=False))
    column = {"subject": task.sequences[:, -1], "relation": task.sequences[:, 0], "answer": task.answers}[kind]
    rows = np.flatnonzero(column == number.get(str(wanted[kind]), -1))
    if not 0 < len(rows) < task.associations:
        raise InputError(
            f"{task.name}: forget {kind} {wanted[kind]!r}: expected some of {task.associations:,} facts, "
            f"got {len(rows):,}"
        )
    return rows


def truth(directory: str | Path) -> dict[str, Any]:
    """Return what organism.json says.

    Raises:
        InputError: it is not there or damaged.
    """
    found = archive.read_json(Path(directory) / TRUTH)
    if not isinstance(found, dict) or not {"memories", "forget_sets"} <= found.keys():
        raise InputError(f"{Path(directory) / TRUTH}: expected what `attncap organism` wrote; {json.dumps(found)[:40]}")
    return found
