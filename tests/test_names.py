"""The public names: what was documented stays importable, faces hide no file, and a type checker sees through them."""

import ast
import importlib
import pkgutil
import subprocess
import sys
import types
from pathlib import Path

import pytest

import attncap

# Every name that the pages, the README and the examples of version 0.1 use or list.
DOCUMENTED = {
    "": "archive bounds citation construct interpolation measure memory models papers plots progress report scaling "
    "sweep tasks train",
    "archive": "Answer Archive encode read write",
    "bounds": "CATALOGUE Assumption Bound citation evaluate plan value",
    "construct": "Capacity DistributionFit Encoder ExamplesCapacity ExamplesFit Fit NotMemorized Shape capacity "
    "distribution encode examples examples_capacity lookup_bound lower_bound margin theorem",
    "errors": "InputError UnmetError",
    "explore": "serve write_static",
    "interpolation": "NAMED Activation Attention Head Interpolation LimitWarning Simulated activation error "
    "linear_regression predict softmax",
    "measure": "LN2 Recall bits bits_per_parameter divergence divergences margin margins recall verify",
    "memory": "Compared Difference Edited Editor Explained Exported Forgotten Organism Questions Relearned Score "
    "Scores Share Traces Way compare edit explain export forget history organism save save_gold score undone",
    "models": "DTYPES AttentionLayer AttentionOnlyTransformer Dtype Transformer attend chunks load save",
    "papers": "PAPERS Drawing Figure Reproduced Reproduction figures reproduce",
    "plots": "capacity_check check_drawable plan_chart save softmax_bottleneck training_chart",
    "progress": "shown track",
    "report": "write",
    "scaling": "Fitted Law Scaling ScalingWarning before_saturation fit",
    "sweep": "COMMANDS Command Failure Grid Status Sweep export load register run status table",
    "tasks": "CORPORA NAMED Associations Columns Conflicts Distributions Examples associations digits distributions "
    "examples fact_distributions facts load load_distributions next_tokens random_associations random_examples "
    "text_distributions",
    "train": "BEST PAPER RECIPES Architecture Ensemble Recipe TrainedCapacity capacity ensemble memorize",
}
PACKAGES = ["attncap"] + [found.name for found in pkgutil.walk_packages(attncap.__path__, "attncap.") if found.ispkg]


@pytest.mark.parametrize("part", DOCUMENTED)
def test_documented_names_stay(part):
    module = importlib.import_module(f"attncap.{part}" if part else "attncap")
    for name in DOCUMENTED[part].split():
        if part or name == "citation":
            assert hasattr(module, name), f"attncap.{part}.{name}"
        else:
            importlib.import_module(f"attncap.{name}")


@pytest.mark.parametrize("name", PACKAGES)
def test_a_face_says_what_it_shows_and_hides_no_file(name):
    package = importlib.import_module(name)
    shown = package.__all__
    assert len(set(shown)) == len(shown)
    for each in shown:
        assert getattr(package, each) is not None
    files = {found.name for found in pkgutil.iter_modules(package.__path__)}
    hidden = [each for each in files & set(shown) if not isinstance(getattr(package, each), types.ModuleType)]
    assert not hidden, f"{name}: {hidden} are shown and are files too; rename the files"


def test_commands_show_nothing():
    assert importlib.import_module("attncap.commands").__all__ == []


def test_parts_are_imported_when_they_are_used():
    code = (
        "import sys, attncap as ac\n"
        "assert not any(name.startswith('attncap.') for name in sys.modules), sys.modules.keys()\n"
        "for name in ('archive', 'papers', 'errors', 'result', 'bounds', 'citation'):\n"
        "    assert name in dir(ac) and getattr(ac, name)\n"
        "assert ac.errors.InputError and ac.archive.read and ac.papers.figures and ac.result.same\n"
        "assert '__version__' in dir(ac) and not hasattr(ac, 'bonds')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_type_checker_is_told_every_part():
    tree = ast.parse(Path(attncap.__file__).read_text(encoding="utf-8"))
    block = next(node for node in tree.body if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING")
    told = [alias.name for node in block.body if isinstance(node, ast.ImportFrom) for alias in node.names]
    assert sorted(told) == sorted(attncap.__all__)


@pytest.mark.slow
def test_mypy_sees_through_the_package():
    """Slow where mypy has not seen the package yet."""
    from mypy import api

    code = "import attncap as ac\nreveal_type(ac.bounds.plan)\nreveal_type(ac.citation)\nac.bonds"
    out, err, _ = api.run(["-c", code])
    assert "planner.Task | None" in out, out + err
    assert "def (*used: Any) -> str" in out
    assert 'Module has no attribute "bonds"' in out
    assert out.splitlines()[-1].startswith("Found 1 error")
