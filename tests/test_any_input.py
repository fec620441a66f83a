"""Whatever bytes, values or options come: exit 0, 1 or 2, and one line where it is not 0."""

import io
import json
import string

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from attncap import tasks
from attncap.commands.options import LARGEST
from attncap.errors import InputError, UnmetError

from .command import run

# In all 10,000 of them.
COUNTS = {"bytes": 1500, "json": 2500, "parquet": 1500, "options": 1500}


def many(kind: str) -> settings:
    return settings(max_examples=COUNTS[kind], deadline=None, suppress_health_check=list(HealthCheck))


pytestmark = pytest.mark.slow

PIECES = st.sampled_from(
    [b",", b";", b"\t", b"|", b"\n", b"\r", b'"', b"\xef\xbb\xbf", b"\0", b"\xff", b"subject", b"object"]
)
TABLES = st.lists(st.one_of(PIECES, st.binary(max_size=4), st.text(max_size=5).map(str.encode)), max_size=30).map(
    b"".join
)
SCALARS = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8))
KEYS = st.text(max_size=5)
JSON = st.recursive(
    SCALARS,
    lambda part: st.lists(part, max_size=3) | st.dictionaries(st.text(max_size=5), part, max_size=3),
    max_leaves=8,
)
LINES = st.lists(
    st.one_of(
        st.dictionaries(st.sampled_from(["subject", "object", "relation", "a.b", "é"]), JSON, max_size=4), JSON
    ).map(lambda value: json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass")),
    max_size=5,
).map(b"\n".join)
COLUMNS = st.sampled_from(
    [
        pl.Series([1, None], dtype=pl.Int8),
        pl.Series([2**64 - 1, 0], dtype=pl.UInt64),
        pl.Series([0.1, float("nan")], dtype=pl.Float32),
        pl.Series([float("inf"), -0.0]),
        pl.Series([b"\xff", b"a"]),
        pl.Series(["x", ""]),
        pl.Series([True, None]),
        pl.Series([[1], []]),
        pl.Series([["a", None], None]),
        pl.Series([{"a": {"b": 1}}, None]),
        pl.Series(["1", "2"]).cast(pl.Categorical),
        pl.Series(["1", "2"]).cast(pl.Enum(["1", "2"])),
        pl.Series([1, 2]).cast(pl.Date),
        pl.Series([1, 2]).cast(pl.Datetime("us", "UTC")),
        pl.Series([1, 2]).cast(pl.Duration),
        pl.Series([1, 2]).cast(pl.Time),
        pl.Series([1, 2]).cast(pl.Decimal(10, 2)),
        pl.Series([None, None], dtype=pl.Null),
    ]
)


def taken(path) -> None:
    """Read a table as a task; what is refused is refused in one line."""
    refused: Exception | None = None
    try:
        assert tasks.load(path).associations >= 1
    except (InputError, UnmetError) as error:
        refused = error
    assert "\n" not in str(refused)


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".jsonl"])
@many("bytes")
@given(content=TABLES)
def test_any_bytes_are_a_table_or_refused(tmp_path, suffix, content):
    path = tmp_path / f"t{suffix}"
    path.write_bytes(content)
    taken(path)


@many("json")
@given(content=LINES, suffix=st.sampled_from([".jsonl", ".json"]))
def test_any_json_is_a_table_or_refused(tmp_path, content, suffix):
    path = tmp_path / f"t{suffix}"
    path.write_bytes(content)
    taken(path)


@many("parquet")
@given(columns=st.dictionaries(st.sampled_from(["subject", "object", "relation", "other"]), COLUMNS, max_size=4))
def test_any_types_of_parquet_are_a_table_or_refused(tmp_path, columns):
    file = io.BytesIO()
    pl.DataFrame(columns).write_parquet(file)
    path = tmp_path / "t.parquet"
    path.write_bytes(file.getvalue())
    taken(path)


NUMBERS = st.one_of(
    st.integers(-2, 40), st.sampled_from([LARGEST, LARGEST + 1, 10**30, -1, 0, 1.5, "nan", "inf", "", "x", "1e3"])
).map(str)
TEXT = st.text(string.printable, max_size=6)
FLAGS = {
    "bounds": ["--vocabulary", "--context", "--embedding-dim", "--head-dim", "--heads", "--data-rank", "--constant"],
    "plan": ["--associations", "--vocabulary", "--context", "--embedding-dim", "--head-dim", "--subject"],
    "memorize": ["--embedding-dim", "--heads", "--head-dim", "--seed", "--query-key-rank", "--dtype", "--context"],
    "interpolation": ["--ratio", "--ridge", "--snr", "--alignment", "--diagonal", "--softmax", "--positive"],
    "recall": ["--subject", "--context", "--file"],
    "cite": ["--json"],
}
GIVEN = {
    "bounds": "--vocabulary 50 --context 2 --embedding-dim 10 --head-dim 10 --heads 20",
    "plan": "random:10,2,20",
    "memorize": "random:5,2,6 --embedding-dim 4 --out made",
    "interpolation": "--ratio 0.5 --ridge 1",
    "recall": "none Peru capital",
    "cite": "dana2025",
}


@many("options")
@given(
    name=st.sampled_from(sorted(FLAGS)),
    data=st.data(),
)
def test_any_options_are_taken_or_refused(capsys, monkeypatch, tmp_path_factory, name, data):
    monkeypatch.chdir(tmp_path_factory.mktemp("any"))
    given_options = data.draw(st.lists(st.tuples(st.sampled_from(FLAGS[name]), NUMBERS | TEXT).map(list), max_size=3))
    words = [name, *GIVEN[name].split(), *(word for pair in given_options for word in pair)]
    code, _, err = run(capsys, *words)
    assert code in (0, 1, 2)
    assert "Traceback" not in err
    assert "internal error" not in err
    if code:
        assert err.splitlines()[-1].startswith("attncap: ")
