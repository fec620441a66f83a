"""What is exported opens in the real runtimes with nothing of ours installed, and gives the same answers."""

import ast
import json
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from attncap import archive, construct, measure, memory, tasks, train
from attncap.errors import InputError, UnmetError
from attncap.memory.exports.formats import FORMATS
from attncap.models import Transformer

PAGE = Path(__file__).parents[1] / "docs" / "export.md"
NEEDED = {"torch": ("torch",), "onnx": ("onnx", "onnxruntime"), "transformer-lens": ("transformer_lens",)}


def kept(fit, path):
    return archive.read(fit.save(path))


def bound(held):
    """1e-5, or four times what float32 itself moves a logit where the weights are that badly conditioned."""
    sequences = held.task.sequences[:256]
    exact, ours = (
        model.forward(sequences)[:, held.model.candidates]
        for model in (held.model.astype("float64"), held.model.ready())
    )
    return max(1e-5, 4 * np.abs(ours - exact).max() / np.abs(exact).max())


@pytest.fixture(scope="module")
def held(tmp_path_factory):
    """Memories of every kind: theorem, low rank, margin in bfloat16, a table in int8 with only the rows in use,
    trained, without position, two layers, gated units."""
    home = tmp_path_factory.mktemp("held")
    task = tasks.load("random:20,3,60")
    found = {
        "theorem": construct.theorem(task, 8),
        "thin": construct.theorem(task, 8, 6, query_key_rank=2),
        "margin": construct.margin(task, 8, heads=3, dtype="bfloat16"),
        "joint": construct.joint(tasks.load("capitals"), 4, heads=3, dtype="int8"),
        "paper": train.ensemble(tasks.load("random:8,2,12"), 6, 4, heads=2, recipe="paper", seeds=1, steps=256),
        "units": construct.perceptron(tasks.load("capitals"), 4, method="joint"),
        "bilinear": construct.perceptron(task, 8, 60, method="theorem", activation="identity"),
        "layers": train.ensemble(tasks.load("random:8,2,12"), 6, heads=2, depth=2, width=8, seeds=1, steps=256),
    }
    return {name: kept(fit, home / name) for name, fit in found.items()}


@pytest.mark.parametrize("to", FORMATS)
@pytest.mark.parametrize("name", ["theorem", "thin", "margin", "joint", "paper", "units", "bilinear", "layers"])
def test_the_foreign_runtime_answers_every_fact(held, tmp_path, to, name):
    for library in NEEDED[to]:
        pytest.importorskip(library) if library != "transformer_lens" else find_spec(library) or pytest.skip(library)
    if to == "transformer-lens" and name in ("units", "bilinear", "layers"):
        with pytest.raises(InputError, match="export to torch or onnx"):
            memory.export(held[name], to, tmp_path / "out")
        return
    found = memory.export(held[name], to, tmp_path / "out")
    assert found.verified == measure.recall(held[name].model, held[name].task).correct
    assert found.deviation < bound(held[name])
    np.testing.assert_allclose(found.leads, measure.margin(held[name].model, held[name].task), atol=1e-4, rtol=1e-3)


@pytest.mark.slow
@pytest.mark.parametrize("to", FORMATS)
@pytest.mark.parametrize("source", ["capitals", "elements", "factbook"])
def test_real_tables_are_the_same_everywhere(tmp_path, to, source):
    for library in NEEDED[to]:
        find_spec(library) or pytest.skip(library)
    memorized = kept(construct.margin(tasks.load(source), 24, heads=6), tmp_path / "m")
    found = memory.export(memorized, to, tmp_path / "out")
    assert found.verified == memorized.task.associations
    assert found.deviation < bound(memorized)


def test_wrong_weights_are_found_and_nothing_is_written(held, tmp_path, monkeypatch):
    pytest.importorskip("onnxruntime")
    pytest.importorskip("onnx")
    real = FORMATS["onnx"].Layers.of

    def wrong(model):
        layers = real(model)
        layers.tensors["unembedding"] = layers.tensors["unembedding"][::-1].copy()
        return layers

    monkeypatch.setattr(FORMATS["onnx"].Layers, "of", wrong)
    with pytest.raises(UnmetError, match="nothing was written"):
        memory.export(held["theorem"], "onnx", tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_what_is_written_imports_nothing_of_ours(held, tmp_path):
    for to in ("torch", "transformer-lens"):
        memory.export(held["theorem"], to, tmp_path / to)
        tree = ast.parse((tmp_path / to / "memory.py").read_text())
        names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
        names |= {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
        assert not any(name.startswith("attncap") for name in names)
        assert {each.name for each in (tmp_path / to).iterdir()} == {
            "SHA256SUMS", "config.json", "memory.py", "model.safetensors", "vocabulary.json",
        }  # fmt: skip


LINES = {
    "torch": ("PyTorch", ""),
    "transformer-lens": ("TransformerLens", "print(memory.vocabulary[int(logits[0, -1].argmax())])"),
    "onnx": ("ONNX", "print(answer)"),
}


@pytest.mark.parametrize("to", FORMATS)
def test_the_lines_of_the_page_open_it_where_attncap_is_not(held, tmp_path, to):
    all(find_spec(library) for library in NEEDED[to]) or pytest.skip(to)
    title, show = LINES[to]
    memory.export(held["joint"], to, tmp_path / ("memory.onnx" if to == "onnx" else "out"))
    (lines,) = re.findall(rf"^## {title}$.*?^```$(.*?)^```$", PAGE.read_text(), re.DOTALL | re.MULTILINE)
    barred = "import sys\nsys.modules['attncap'] = None\n"
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", f"{barred}{lines}\n{show}"],
        capture_output=True,
        text=True,
        cwd=tmp_path if to == "onnx" else tmp_path / "out",
    )
    assert (done.stdout.splitlines()[-1:], done.returncode) == (["Paris"], 0), done.stderr


def test_onnx_carries_its_vocabulary(held, tmp_path):
    onnx = pytest.importorskip("onnx")
    assert memory.export(held["theorem"], "onnx", tmp_path / "m.onnx").opset == 17
    (entry,) = onnx.load(tmp_path / "m.onnx").metadata_props
    assert json.loads(entry.value) == list(held["theorem"].task.vocabulary)


def test_formats_are_refused_in_one_line(held, tmp_path):
    with pytest.raises(InputError, match="to: expected 'transformer-lens' or 'torch' or 'onnx', got 'gguf'"):
        memory.export(held["theorem"], "gguf", tmp_path / "out")
    (tmp_path / "out").mkdir()
    with pytest.raises(InputError, match="exists already"):
        memory.export(held["theorem"], "torch", tmp_path / "out")
    assert isinstance(held["layers"].model, Transformer)
    assert Path(held["theorem"].path).exists()
