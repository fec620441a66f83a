"""Files of arrays and JSON that nobody meant for us: each is refused in one line."""

import io
import json
import pickle
import zipfile
import zlib

import numpy as np
import polars as pl
import pytest

from attncap import construct, tasks
from attncap.audit import audit, load
from attncap.data import arrays
from attncap.errors import InputError, UnmetError
from attncap.sweep import Grid

TASK = tasks.load("random:6,2,9")
PLAIN, OBJECT = r"not an \.npz file of plain arrays", r"not JSON|expected an object"
TABLE = np.random.default_rng(0).standard_normal((6, 4))
# Who reads a file of arrays, and what it wants there.
READERS = {
    "embeddings": (lambda path: construct.Embeddings.read(path, TASK), {"embedding": TABLE}),
    "distributions": (tasks.load_distributions, {"pi": np.full((3, 4), 0.25)}),
    "audit": (lambda path: audit(path, subsets=2), {"contexts": TABLE[:, None], "queries": TABLE}),
}


def member(shape: str) -> bytes:
    """An array that its header promises, without the numbers."""
    header = f"{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header


def zipped(names, content: bytes, **how) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", **how) as archive:
        for name in names:
            archive.writestr(f"{name}.npy", content)
    return file.getvalue()


def flagged(content: bytes, here: int, there: int, value: int) -> bytes:
    """A field of the one member, in both of its headers."""
    changed, directory = bytearray(content), content.find(b"PK\x01\x02")
    changed[here] = changed[directory + there] = value
    return bytes(changed)


def saved(array) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


ODD = {
    "nothing": lambda names: b"",
    "pickle": lambda names: pickle.dumps([1]),
    "one array": lambda names: saved(TABLE),
    "half": lambda names: zipped(names, saved(TABLE))[:-40],
    "objects": lambda names: zipped(names, saved(np.array([{}], dtype=object))),
    "text": lambda names: zipped(names, b"hello"),
    "petabytes": lambda names: zipped(names, member(f"({10**15},)")),
    "gigabytes": lambda names: zipped(names, member("(1000000000,)")),
    "long header": lambda names: zipped(names, member("(" + " " * 20_000 + "6,)")),
    "deep header": lambda names: zipped(names, member("(" * 5000)),
    "damaged": lambda names: zipped(names, bytes(4000), compression=zipfile.ZIP_DEFLATED).replace(
        b"\xed\xc1", b"\xff\xff"
    ),
    "encrypted": lambda names: flagged(zipped(names[:1], saved(TABLE)), 6, 8, 1),
    "unknown packing": lambda names: flagged(zipped(names[:1], saved(TABLE)), 8, 10, 99),
}


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize("reader", READERS)
def test_what_is_no_file_of_plain_arrays_is_one_line(tmp_path, reader, odd):
    read, wanted = READERS[reader]
    path = tmp_path / "odd.npz"
    path.write_bytes(ODD[odd]([*wanted, "other"]))
    with pytest.raises(InputError, match=PLAIN) as refused:
        read(path)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("reader", ["embeddings", "distributions"])
def test_what_cannot_be_opened_is_one_line(tmp_path, reader):
    (tmp_path / "folder.npz").mkdir()
    for name in ("folder.npz", "none.npz"):
        with pytest.raises(InputError, match="cannot read"):
            READERS[reader][0](tmp_path / name)


def test_arrays_larger_than_the_memory_are_refused_before_they_are_read(tmp_path, monkeypatch):
    np.savez_compressed(tmp_path / "zeros.npz", zeros=np.zeros(1 << 20), one=np.ones(1))
    monkeypatch.setattr("attncap.numerics.memory.available", lambda: 1 << 20)
    monkeypatch.setattr(zlib, "decompressobj", lambda *_: pytest.fail("it was unpacked"))
    with pytest.raises(UnmetError, match=r"reading it needs about 0\.0 GB"):
        arrays.read_arrays(tmp_path / "zeros.npz")


@pytest.mark.parametrize(
    ("table", "said"),
    [
        (np.full((6, 4), np.nan), "finite"),
        (np.full((6, 4), 1e308), "a largest number between"),
        (np.full((6, 4), 1e-320), "a largest number between"),
        (np.zeros((6, 4)), "a largest number between"),
        (np.ones((6, 4), complex), "expected numbers"),
        (np.ones((6, 0)), r"\(N, d\)"),
        (np.ones((5, 4)), "6 tokens"),
    ],
)
def test_tables_that_no_layer_can_compute_with_are_refused(tmp_path, table, said):
    np.savez(tmp_path / "given.npz", embedding=table)
    with pytest.raises(InputError, match=said):
        construct.Embeddings.read(tmp_path / "given.npz", TASK)


@pytest.mark.parametrize("tokens", [np.array("a"), np.array([TASK.vocabulary] * 2), np.arange(3), np.full(6, "a")])
def test_names_of_rows_are_one_each(tmp_path, tokens):
    np.savez(tmp_path / "given.npz", embedding=TABLE, tokens=tokens)
    with pytest.raises(InputError, match="token"):
        construct.Embeddings.read(tmp_path / "given.npz", TASK)


@pytest.mark.parametrize("size", [1e200, 1e-200])
def test_vectors_whose_squares_are_no_numbers_are_refused(tmp_path, size):
    np.savez(tmp_path / "layer.npz", contexts=size * TABLE[:, None], queries=TABLE)
    with pytest.raises(InputError, match="a largest number between"):
        audit(tmp_path / "layer.npz", subsets=2)


@pytest.mark.parametrize("header", ["{", "[]", "5", "[" * 100_000, "9" * 5000])
def test_a_header_that_is_no_object_is_one_line(tmp_path, header):
    np.savez(tmp_path / "model.npz", __config__=np.array(header), w=TABLE)
    with pytest.raises(InputError, match=OBJECT):
        load(tmp_path / "model.npz")


@pytest.mark.parametrize("cell", ["9" * 5000, "[" * 100_000])
def test_json_that_python_refuses_is_one_line(tmp_path, cell):
    path = tmp_path / "table.jsonl"
    path.write_text(json.dumps({"key": "a", "value": "b"}) + f'\n{{"key": "c", "value": {cell}\n')
    with pytest.raises(InputError, match="line 2: not JSON"):
        tasks.load(path)


def test_numpy_s_numbers_make_the_same_grid():
    given = Grid("collections:Counter", fixed={"d": np.int64(3)}, product={"heads": np.array([1, 2])})
    assert list(given) == list(Grid("collections:Counter", fixed={"d": 3}, product={"heads": [1, 2]}))
    assert {type(value) for options in given for value in options.values()} == {int}


def test_no_examples_are_refused():
    fit = construct.examples(tasks.examples(TABLE[:, None], TABLE, TABLE[:, :1]), heads=4, head_dim=4)
    with pytest.raises(InputError, match="at least one"):
        fit.predict(np.zeros((0, 1, 4)), np.zeros((0, 4)))


def test_a_workbook_says_what_to_do(tmp_path):
    path = tmp_path / "table.xlsx"
    path.write_bytes(b"PK")
    with pytest.raises(InputError, match=r"save it as \.csv"):
        tasks.load(path)
    assert tasks.load(pl.DataFrame({"key": ["a"], "value": ["b"]})).associations == 1
