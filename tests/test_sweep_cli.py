import json
from pathlib import Path

import polars as pl
import pytest

from attncap.cli import main


@pytest.fixture
def spec(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    monkeypatch.setenv("JAX_PLATFORMS", "cpu")
    path = tmp_path / "spec.toml"
    path.write_text('command = "sweep_cells:wrong"\n[product]\nhow = ["1.5", "raises", "2.5"]')
    return path


def attncap(capsys: pytest.CaptureFixture, *words: object) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as ended:
        main([str(word) for word in words])
    out, err = capsys.readouterr()
    return ended.value.code, out, err


def test_run_status_export(tmp_path: Path, spec: Path, capsys: pytest.CaptureFixture):
    out = tmp_path / "out"
    code, text, err = attncap(capsys, "sweep", spec, "--out", out, "--json")
    sweep = json.loads(text)
    assert (code, sweep["cells"], sweep["done"], sweep["failed"], sweep["resumed"]) == (1, 3, 2, 1, 0)
    assert "1 of 3 cells failed" in err
    spec.write_text('command = "sweep_cells:wrong"\n[product]\nhow = ["1.5", "2.5"]')
    code, text, err = attncap(capsys, "sweep", "--workers", "2", spec, "--out", out, "--json")
    assert (code, json.loads(text)["resumed"], err) == (0, 2, "")
    code, text, _ = attncap(capsys, "sweep", "status", out, "--json")
    assert (code, json.loads(text)["pending"], json.loads(text)["running"]) == (0, 0, False)
    code, text, _ = attncap(capsys, "sweep", "export", out, "--out", tmp_path / "table.parquet")
    assert (code, text.replace("\n", "")) == (0, str(tmp_path / "table.parquet"))
    assert pl.read_parquet(tmp_path / "table.parquet")["result.value"].to_list() == [1.5, 2.5]


def test_retry_failed(tmp_path: Path, spec: Path, capsys: pytest.CaptureFixture):
    out = tmp_path / "out"
    attncap(capsys, "sweep", spec, "--out", out, "--json")
    assert json.loads(attncap(capsys, "sweep", spec, "--out", out, "--json")[1])["resumed"] == 3
    assert json.loads(attncap(capsys, "sweep", spec, "--out", out, "--json", "--retry-failed")[1])["resumed"] == 2


def test_status_names_what_failed(tmp_path: Path, spec: Path, capsys: pytest.CaptureFixture):
    attncap(capsys, "sweep", spec, "--out", tmp_path / "out")
    _, text, _ = attncap(capsys, "sweep", "status", tmp_path / "out")
    assert "2 done, 1 failed, 0 pending of 3" in text
    assert "ValueError: no such shape at seed 0" in text
    assert "how=raises" in text


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('command = "memorise"', "unknown 'memorise'; did you mean 'memorize'?"),
        (
            'command = "sweep_cells:wrong"\n[fixed]\nhwo = 1',
            "unknown option 'hwo'; did you mean 'how'? (known: how, seed)",
        ),
        ('command = "sweep_cells:wrong"\nseed = 2', "unknown key 'seed'; did you mean 'seeds'?"),
    ],
)
def test_bad_input_is_one_line_and_writes_nothing(tmp_path: Path, spec: Path, capsys, content: str, message: str):
    spec.write_text(content)
    code, out, err = attncap(capsys, "sweep", spec, "--out", tmp_path / "out")
    assert (code, out) == (2, "")
    assert message in err
    assert len(err.strip().splitlines()) == 1
    assert not (tmp_path / "out").exists()


def test_help_names_the_parts(capsys: pytest.CaptureFixture):
    code, text, _ = attncap(capsys, "sweep", "--help")
    assert code == 0
    assert all(word in text for word in ("run", "status", "export", "SPEC.toml"))


def test_status_without_a_store(tmp_path: Path, capsys: pytest.CaptureFixture):
    code, _, err = attncap(capsys, "sweep", "status", tmp_path)
    assert code == 2
    assert "has no results.sqlite" in err
