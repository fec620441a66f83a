"""How every command is run small, and a place with an input of every kind."""

import importlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

SHAPE = {"embedding_dim": 4, "head_dim": 4, "heads": 2}
TABLE = "key,value\nFrance,Paris\nPeru,Lima\nChad,N'Djamena\n"


@dataclass(frozen=True)
class Case:
    """How a command is run small.

    Args:
        options: those of the plain function, for a command that a sweep runs too.
        words: what the terminal is given besides.
        refused: words in place of some of these that no command takes.
        says: part of the line that refuses them.
        stop: what is running when Ctrl-C comes.
        drawn: what it draws.
    """

    refused: dict[str, Any]
    says: str
    stop: str
    options: dict[str, Any] = field(default_factory=dict)
    words: tuple[str, ...] = ()
    drawn: str = ""


CASES = {
    "audit": Case(
        {"subsets": 0},
        "--subsets: expected at least 1, got 0",
        "altair:TopLevelMixin.save",
        {"model": "layer.npz", "subsets": 20},
        drawn="--plot made.svg",
    ),
    "bounds": Case({"heads": 0}, "--heads", "attncap.bounds:evaluate", {"vocabulary": 10, "context": 2, **SHAPE}),
    "capacity": Case(
        {"heads": 0},
        "--heads: expected at least 1, got 0",
        "attncap.construct:capacity",
        {"vocabulary": 10, "context": 2, **SHAPE, "method": "theorem", "seeds": 2},
    ),
    "cite": Case({"dana2025": "dana2026"}, "dana2025", "attncap.bounds:citation", words=("dana2025",)),
    "compare": Case({"memory": "table.csv"}, "table.csv", "attncap.memory:compare", words=("memory", "memory")),
    "edit": Case(
        {"Rome": " "},
        "an empty word",
        "attncap.archive:write_task",
        words=("memory", "--set", "France", "value", "Rome", "--out", "made"),
    ),
    "encode": Case(
        {"embedding_dim": 0},
        "--embedding-dim: expected at least 1, got 0",
        "attncap.construct:encode",
        {"source": "task.npz", "embedding_dim": 2},
    ),
    "explain": Case(
        {"France": "Frnace"},
        "France",
        "altair:TopLevelMixin.save",
        words=("memory", "France", "value"),
        drawn="--plot made.svg",
    ),
    "export": Case(
        {"torch": "gguf"},
        "--to: expected",
        "attncap.memory.exports.pytorch:save_file",
        words=("memory", "--to", "torch", "--out", "made"),
    ),
    "forget": Case(
        {"France": "Frnace"},
        "France",
        "attncap.archive:write_task",
        words=("memory", "France", "value", "--way", "retrain", "--out", "made"),
    ),
    "interpolation": Case(
        {"ratio": -1},
        "--ratio: expected above 0",
        "altair:TopLevelMixin.save",
        {"ratio": 0.5, "ridge": 0.1, "snr": 1.0, "simulate": True, "tokens": 40, "seeds": 1},
        drawn="--ridge 1e-2:1:3 --plot made.svg",
    ),
    "memorize": Case(
        {"heads": 0},
        "--heads: expected at least 1, got 0",
        "attncap.archive:write_task",
        {"source": "random:10,2,30", "embedding_dim": 4, "method": "margin"},
        ("--out", "made"),
    ),
    "organism": Case(
        {"organism.toml": "none.toml"},
        "none.toml",
        "attncap.archive:write_task",
        words=("organism.toml", "--out", "made"),
    ),
    "plan": Case(
        {"associations": 5000},
        "--associations: expected at most the 400 sequences",
        "altair:TopLevelMixin.save",
        {"associations": 100, "vocabulary": 20, "context": 2},
        drawn="--plot made.svg",
    ),
    "recall": Case({"France": "Frnace"}, "France", "attncap.archive:read", words=("memory", "France", "value")),
    "report": Case({"memory": "table.csv"}, "table.csv", "pathlib:Path.write_text", words=("memory",)),
    "reproduce": Case({"liao2025": "liao2026"}, "liao2025", "attncap.papers:figures", words=("liao2025", "--list")),
    "sweep": Case({"spec.toml": "none.toml"}, "none.toml", "", words=("spec.toml", "--out", "made")),
    "sweep export": Case(
        {"made.csv": "made.txt"}, "made.txt", "polars:DataFrame.write_csv", words=("store", "--out", "made.csv")
    ),
    "sweep status": Case({"store": "."}, "results.sqlite", "attncap.sweep.store:Store.counts", words=("store",)),
    "verify": Case({"memory": "table.csv"}, "table.csv", "attncap.measure:verify", words=("memory",)),
    "train": Case(
        {"heads": 0},
        "--heads: expected at least 1, got 0",
        "altair:TopLevelMixin.save",
        {"source": "random:10,2,20", "embedding_dim": 4, "heads": 1, "steps": 64},
        ("--seeds", "1"),
        drawn="--plot made.svg",
    ),
}
# What is given without a name.
PLACED = ("source", "model")


def words(name: str, replaced: dict[str, Any] | None = None) -> list[str]:
    """A command as a person types it."""
    case = CASES[name]
    given = case.options | {key: value for key, value in (replaced or {}).items() if key not in case.words}
    line = name.split()
    for option, value in given.items():
        flag = f"--{option.replace('_', '-')}"
        line += [value] if option in PLACED else [flag] if value is True else [flag, str(value)]
    return [*line, *((replaced or {}).get(word, word) for word in case.words)]


def furnish(home: Path) -> Path:
    """Put an input of every kind into a directory."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(home)
        Path("table.csv").write_text(TABLE)
        Path("spec.toml").write_text('command = "collections:Counter"\n[product]\nheads = [1, 2, 3]\n')
        rng = np.random.default_rng(0)
        np.savez("layer.npz", contexts=rng.standard_normal((20, 3, 6)), queries=rng.standard_normal((20, 6)))
        Path("organism.toml").write_text('sources = ["random:9,2,20"]\nshapes = [{embedding_dim = 4}]\n')
        np.savez("task.npz", pi=[[0.5, 0.5, 0.0], [0.0, 0.5, 0.5]])
        for line in ("memorize table.csv --embedding-dim 4 --out memory", "sweep spec.toml --out store"):
            with pytest.raises(SystemExit) as ended:
                importlib.import_module("attncap.cli").main([*line.split(), "--json"])
            assert not ended.value.code
    return home
