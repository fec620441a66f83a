"""The scripts of examples/ run, on small tasks."""

import importlib.util
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parents[1] / "examples"
# The settings with which each draws its figure in about a second.
FIGURES = {
    "one_layer": (),
    "plan_a_table": ("random:490,2,250",),
    "check_capacity": ("random:20,2,60",),
    "watch_training": ("64",),
    "predict_error": ("64",),
    "audit_vectors": ("20",),
    "forget_facts": ("3",),
}
OTHERS = {"audit_models", "demo", "softmax_bottleneck"}


def script(name):
    spec = importlib.util.spec_from_file_location(name, SCRIPTS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_script_is_run():
    assert {path.stem for path in SCRIPTS.glob("*.py")} == FIGURES.keys() | OTHERS


@pytest.mark.parametrize("name", FIGURES)
def test_figures(name, tmp_path):
    script(name).main(str(tmp_path / "out.svg"), *FIGURES[name])
    drawn = (tmp_path / "out.svg").read_text()
    assert drawn.startswith("<svg")
    # A mark that is drawn says what it stands for.
    assert drawn.count("aria-roledescription") > 5


def test_demo(tmp_path, monkeypatch, capsys):
    pytest.importorskip("countryinfo")
    demo = script("demo")
    monkeypatch.setattr(demo, "SOURCE", "capitals")
    monkeypatch.setattr(demo, "QUESTIONS", [("France", "capital")])
    demo.main(str(tmp_path))
    assert "France, capital: Paris  (margin " in capsys.readouterr().out
    assert (tmp_path / "capitals" / "report.html").stat().st_size > 10_000


def test_softmax_bottleneck(tmp_path, capsys):
    text = tmp_path / "text.txt"
    text.write_text("the cat sat on the mat and the dog sat on the cat and the mat sat " * 20)
    script("softmax_bottleneck").main(str(tmp_path / "out.svg"), str(text), "6")
    assert capsys.readouterr().out.count("KL") == 12
    assert "<svg" in (tmp_path / "out.svg").read_text()


def test_audit_models(tmp_path, capsys):
    pytest.importorskip("glassllm", reason="needs glassllm")
    script("audit_models").main(str(tmp_path), "glassllm", "70", "20")
    assert "after block 3" in capsys.readouterr().out
    assert (tmp_path / "glassllm" / "report.html").stat().st_size > 10_000
