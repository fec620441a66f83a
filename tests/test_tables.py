"""Tables of facts: every format, every way a file can be wrong."""

import csv
import gzip
import io
import json
import re
import unicodedata

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from attncap.data.spelling import spelling
from attncap.data.tables import Table, read_table
from attncap.errors import InputError
from attncap.tasks import facts

CELL = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
WORD = CELL.map(spelling).map(str.strip).filter(bool)
ROWS = st.lists(st.tuples(WORD, CELL, CELL), min_size=1, max_size=8)
# A .tsv has no quotes: nothing in a cell can be what separates cells or lines.
BREAKS = re.compile(r"[\t\n\r]")
ODD = [
    "new\nline",
    "comma, quote \" and '",
    "emoji 🙂🇫🇷",
    "שלום עולם",
    "مرحبا",
    "tab\there",
    "<script>alert(1)</script>",
    "=1+1",
]


def write(path, rows, columns=("subject", "relation", "object")):
    if path.suffix == ".jsonl":
        path.write_text("\n".join(json.dumps(dict(zip(columns, row, strict=True))) for row in rows), encoding="utf-8")
    elif path.suffix == ".parquet":
        pl.DataFrame([dict(zip(columns, row, strict=True)) for row in rows]).write_parquet(path)
    elif path.suffix == ".tsv":
        path.write_text("".join("\t".join(row) + "\n" for row in [columns, *rows]), encoding="utf-8", newline="")
    else:
        with path.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([columns, *rows])
    return path


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".jsonl", ".parquet"])
@given(rows=ROWS)
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_is_written_is_read(tmp_path, suffix, rows):
    if suffix == ".tsv":
        rows = [[BREAKS.sub(" ", cell) for cell in row] for row in rows]
    read = read_table(write(tmp_path / f"t{suffix}", rows))
    seen = [
        [unicodedata.normalize("NFC", re.sub("[\u200b\u2060\ufeff]", "", cell)).strip() for cell in row] for row in rows
    ]
    assert read.columns == ["subject", "relation", "object"]
    assert read.rows == [[cell or None for cell in row] for row in seen if any(row)]


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".jsonl", ".parquet"])
def test_odd_tokens_survive(tmp_path, suffix):
    odd = [word for word in ODD if suffix != ".tsv" or not BREAKS.search(word)]
    task = facts(write(tmp_path / f"t{suffix}", [(f"{word}!", "is", word) for word in odd]))
    assert [task.words(i) for i in range(len(odd))] == [(("is", f"{word}!"), word) for word in odd]


def test_long_and_wide_tables_agree():
    wide = Table("t", ["country", "capital", "sea"], [["Peru", "Lima", None], ["Fiji", "Suva", "Koro"]], [2, 3])
    rows = [["capital", "Peru", "Lima"], ["capital", "Fiji", "Suva"], ["sea", "Fiji", "Koro"]]
    long = Table("t", ["relation", "subject", "object"], rows, [2, 3, 4])
    one, other = facts(wide), facts(long)
    assert one.vocabulary == other.vocabulary
    assert (one.sequences == other.sequences).all()
    assert one.notes == ("1 missing cell skipped",)


def test_columns_by_name_and_by_default():
    table = Table("t", ["k", "v", "w"], [["a", "b", "c"]], [2])
    assert facts(table, subject="w", object="v").words(0) == (("v", "w") and ("v", "c"), "b")
    assert facts(table, subject="v").words(0) == (("k", "b"), "a")
    assert facts(table, subject="k", relation="v", object="w").words(0) == (("b", "a"), "c")


def test_a_subject_may_equal_an_object_or_a_relation():
    task = facts(Table("t", ["s", "capital"], [["Singapore", "Singapore"], ["capital", "capital"]], [2, 3]))
    assert task.vocabulary == ("capital", "Singapore")


def test_duplicates_are_dropped_and_conflicts_refused():
    rows = [["a", "1"], ["a", "1"], ["b", "2"], ["b", "3"], ["b", "4"]]
    table = Table("t.csv", ["s", "o"], rows, [2, 3, 4, 5, 6])
    with pytest.raises(InputError, match=r"rows 4 and 5 answer \(b, o\) with '2' and '3' \(and 1 more\)"):
        facts(table)
    task = facts(table, on_conflict="first")
    assert task.associations == 2
    assert task.notes == ("1 duplicate dropped", "2 conflicting answers dropped, the first of each kept")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("t.csv", b"", "is empty"),
        ("t.csv", b"\n\n", "is empty"),
        ("t.csv", b"s,o\n", "no facts"),
        ("t.csv", b"s,o\na,\n", "no facts"),
        ("t.csv", b"s\na\n", "has one column, 's'"),
        ("t.csv", b"object,relation\na,b\n", "no column is left for the subject"),
        ("t.csv", b"\r,\n", "not a table"),
        ("t.csv", b"s,o,o\na,b,c\n", "column 'o' is there twice"),
        ("t.csv", b"s,,o\na,b,c\n", "column 2 has no name"),
        ("t.csv", b"s,o\na,b\nc,d,e\n", "line 3: expected 2 cells, got 3"),
        ("t.csv", b"s,o\na,b\nc\n", "line 3: expected 2 cells, got 1"),
        ("t.csv", b's,o\na,"b\n', "line 2: not a table"),
        ("t.csv", b"s,o\na,caf\xe9\n", "line 2: byte 0xe9 is not UTF-8"),
        ("t.csv", bytes(range(256)) * 40, "line 1: holds a zero byte"),
        ("t.tsv", b"\x89PNG\r\n\x1a\n" + bytes(100), "line 1: byte 0x89 is not UTF-8|holds a zero byte"),
        ("t.jsonl", b'{"s": "a", "o": "b"}\n{"s": \n', "line 2: not JSON"),
        ("t.jsonl", b"[1, 2]\n", "item 1: expected an object"),
        ("t.jsonl", b"{}\n[1, 2]\n", "line 2: expected an object"),
        ("t.jsonl", b'{"s": 1, "s": 2, "o": 3}\n', "line 1: key 's' is there twice"),
        ("t.jsonl", b'{"s": 1, "o": [{"x": 2}]}\n', "row 1: column 'o' holds an object"),
        ("t.jsonl", b'{"s": 1, "o": Infinity}\n', "row 1: column 'o' holds an infinite number"),
        ("t.jsonl", b"[" * 100_000, "not JSON"),
        ("t.csv.gz", gzip.compress(b"s,o\na,b\n", mtime=0)[:-8], "cannot read"),
        ("t.jsonl", b"", "is empty"),
        ("t.parquet", b"PAR1 no parquet at all PAR1", "not a whole parquet file"),
        ("t.parquet", b"", "not a whole parquet file"),
        ("t.xlsx", b"", "cannot read a '.xlsx' file"),
    ],
)
def test_bad_files_are_refused_with_the_line(tmp_path, name, content, message):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(InputError, match=message) as caught:
        facts(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_line_of_200_megabytes_is_refused_before_it_is_read(tmp_path):
    path = tmp_path / "long.csv"
    with path.open("wb") as file:
        file.write(b"s,o\n")
        file.seek(200 << 20)
        file.write(b"\n")
    with pytest.raises(InputError, match="line 2: longer than 1,048,576 bytes"):
        facts(path)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"subject": "x"}, r"no column 'x' \(subject\); it has a, b, c"),
        ({"relation": "b"}, "relation needs object"),
        ({"subject": "a", "object": "a"}, "cannot be two of"),
    ],
)
def test_bad_columns(options, message):
    with pytest.raises(InputError, match=message):
        facts(Table("t", ["a", "b", "c"], [["1", "2", "3"]], [2]), **options)


def test_a_byte_order_mark_is_no_part_of_the_header(tmp_path):
    path = tmp_path / "t.csv"
    path.write_bytes(b"\xef\xbb\xbfsubject,object\na,b\n")
    assert read_table(path).columns == ["subject", "object"]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("t.csv", b"s;o\na;b, c\n"),
        ("t.CSV", b"s\to\na\tb, c\n"),
        ("t.csv", b's,o\na,"b, c"\n'),
        ("t.csv", b's,o\ra,"b, c"\r'),
        ("t.csv", b's,o,,\na,"b, c",,\n   \n'),
        ("t.csv", b',s,o\n0,a,"b, c"\n'),
        ("t.csv", b"s,o\na,b\xe2\x80\x8b\xef\xbb\xbf\xe2\x80\x8b\xe2\x80\x8b, c".replace(b"b\xe2", b'"b\xe2') + b'"\n'),
        ("t.tsv", b"s\to\na\tb, c\n"),
        ("t.json", b'[{"s": "a",\n "o": "b, c"}]'),
        ("t.jsonl", b'\n{"s": "a", "o": "b, c", "unused": [{"deep": [[1]]}]}\n'),
    ],
)
@pytest.mark.parametrize("packed", [False, True])
def test_tables_as_users_have_them(tmp_path, name, content, packed):
    path = tmp_path / (f"{name}.GZ" if packed else name)
    path.write_bytes(gzip.compress(content, mtime=0) if packed else content)
    task = facts(path, subject="s", object="o")
    assert [task.words(i) for i in range(task.associations)] == [(("o", "a"), "b, c")]


def test_quotes_in_a_tsv_are_text(tmp_path):
    path = tmp_path / "t.tsv"
    path.write_text('subject\tobject\nA\t"Heroes\nB\tx\nC\ty"\n"Weird Al" Yankovic\tz\n')
    assert read_table(path).rows == [["A", '"Heroes'], ["B", "x"], ["C", 'y"'], ['"Weird Al" Yankovic', "z"]]


def test_a_pipe_is_told_by_its_content(monkeypatch):
    for content in (b"s;o\na;b\n", b'{"s": "a", "o": "b"}', b'[{"s": "a", "o": "b"}]'):
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BufferedReader(io.BytesIO(content))))
        assert read_table("-").rows == [["a", "b"]]


def test_nested_fields_have_dotted_names():
    record = {"case": 1, "rewrite": {"subject": "Ana", "target": {"str": "mayor", "id": 7}}, "evidence": [{"x": 1}]}
    task = facts([record], subject="rewrite.subject", object="rewrite.target.str")
    assert task.words(0) == (("rewrite.target.str", "Ana"), "mayor")
    assert task.notes == ("3 columns ignored: case, rewrite.target.id, evidence",)


def test_frames_are_tables():
    columns = {"country": ["Peru", "Fiji"], "capital": ["Lima", None]}
    for frame in (columns, pl.DataFrame(columns), [{"country": "Peru", "capital": "Lima"}, {"country": "Fiji"}]):
        task = facts(frame)
        assert [task.words(0), task.notes] == [(("capital", "Peru"), "Lima"), ("1 missing cell skipped",)]
    for wrong in ({"a": [1], "b": [1, 2]}, [1, 2], {"a": 1}):
        with pytest.raises(InputError, match="table: expected"):
            facts(wrong)


def test_one_text_has_one_spelling():
    rows = [["Caf\u00e9", "A"], ["Cafe\u0301", "A"], ["Zero\u200bWidth", "B"]]
    table = Table.of([dict(zip(("s", "o"), row, strict=True)) for row in rows])
    assert [row[0] for row in table.rows] == ["Caf\u00e9", "Caf\u00e9", "ZeroWidth"]
    assert table.notes == ("2 cells read in Unicode's composed form (NFC), without invisible characters",)


def test_every_type_of_a_parquet_column_is_text(tmp_path):
    path = tmp_path / "t.parquet"
    frame = pl.DataFrame(
        {
            "b": [b"Lima"],
            "f": pl.Series([0.1], dtype=pl.Float32),
            "d": pl.Series(["2020-01-02"]).str.to_date(),
            "n": pl.Series([1.5]).cast(pl.Decimal(10, 2)),
            "c": pl.Series(["red"], dtype=pl.Categorical),
            "l": [["x", "y"]],
            "s": [{"deep": "z"}],
            "t": [True],
        }
    )
    frame.write_parquet(path)
    table = read_table(path)
    assert table.columns == ["b", "f", "d", "n", "c", "l", "s.deep", "t"]
    assert table.rows == [["Lima", "0.1", "2020-01-02", "1.50", "red", "x; y", "z", "true"]]


def test_a_device_is_no_table():
    with pytest.raises(InputError, match="/dev/zero: is a device"):
        read_table("/dev/zero")
