"""What guards the layout: imports go down, files are short, every public name has one address."""

from pathlib import Path

import pytest

from tests import house

ROOT = Path(__file__).parents[1]
SOURCES = {str(path.relative_to(ROOT)): path.read_text() for path in sorted((ROOT / "attncap").rglob("*.py"))}
# One small house that keeps every rule.
SOUND = {
    "attncap/__init__.py": "import importlib\n__all__ = ['tasks']\n",
    "attncap/errors.py": "import os\nNICE = hasattr(os, 'nice')\n",
    "attncap/tasks/__init__.py": "from attncap.tasks.random import draw\n__all__ = ['draw']\n",
    "attncap/tasks/random.py": "from attncap.errors import NICE\ndef draw(): ...\n",
    "attncap/models/__init__.py": '"""Models."""\n',
    "attncap/models/attend.py": (
        "from typing import TYPE_CHECKING\n"
        "from attncap import tasks\n"
        "if TYPE_CHECKING:\n    from attncap.cli import main\n"
        "else:\n    from attncap.errors import NICE\n"
    ),
    "attncap/cli/__init__.py": "def main():\n    from attncap.models.attend import tasks\n",
}


@pytest.mark.parametrize("rule", house.RULES, ids=lambda rule: rule.__name__)
def test_the_house_keeps_its_rules(rule):
    assert rule(SOURCES) == []


@pytest.mark.parametrize("rule", house.RULES, ids=lambda rule: rule.__name__)
def test_a_sound_house_passes(rule):
    assert rule(SOUND) == []


@pytest.mark.parametrize(
    ("rule", "file", "source", "found"),
    [
        ("unknown_parts", "attncap/cellar/wine.py", "", ["cellar"]),
        ("upward", "attncap/tasks/random.py", "from attncap.models import attend", ["attncap.models.attend"]),
        ("upward", "attncap/tasks/random.py", "from attncap import models", ["attncap.models"]),
        ("upward", "attncap/tasks/random.py", "import attncap.cli", ["attncap.cli"]),
        ("upward", "attncap/tasks/random.py", "def f():\n    from attncap.models import x", ["attncap.models"]),
        ("upward", "attncap/tasks/random.py", "class A:\n    import attncap.cli", ["attncap.cli"]),
        ("upward", "attncap/__main__.py", "from attncap.cli import main", []),
        (
            "upward",
            "attncap/tasks/random.py",
            "if not TYPE_CHECKING:\n    from attncap.models import attend",
            ["attncap.models.attend"],
        ),
        ("long_files", "attncap/tasks/long.py", "x = 1\n" * 401, ["attncap/tasks/long.py"]),
        ("long_files", "attncap/tasks/long.py", "x = 1\n" * 400, []),
        ("charts_with_limits", "attncap/models/attend.py", "\nalt.Chart(frame)", ["attncap/models/attend.py:2"]),
        ("told_apart_by_attributes", "attncap/fits/fit.py", "\nhasattr(model, 'up')", ["attncap/fits/fit.py:2"]),
        ("told_apart_by_attributes", "attncap/fits/fit.py", "hasattr(os, 'sched_getaffinity')", []),
        ("hidden_by_files", "attncap/tasks/draw.py", "", ["attncap.tasks.draw"]),
        ("hidden_by_files", "attncap/tasks/draw/__init__.py", "", ["attncap.tasks.draw"]),
        ("faceless", "attncap/fits/__init__.py", "from attncap.fits.fit import Fit", ["attncap/fits/__init__.py"]),
        (
            "faceless",
            "attncap/fits/__init__.py",
            "from attncap.fits.fit import Fit\n__all__ = ['Fit', 'Shape']",
            ["attncap/fits/__init__.py"],
        ),
        ("faceless", "attncap/fits/__init__.py", "from attncap.fits.fit import Fit\n__all__ = ['Fit']", []),
        ("roles", "attncap/fits/fit.py", 'r"""The count :math:`T`."""', ["attncap/fits/fit.py"]),
    ],
)
def test_each_rule_finds_its_fault(rule, file, source, found):
    broken = getattr(house, rule)({**SOUND, file: source})
    assert len(broken) == len(found)
    assert all(text.endswith(end) for text, end in zip(broken, found, strict=True))


def test_a_circle_of_three_files_is_found_once():
    sources = {
        "attncap/models/a.py": "from attncap.models.b import x",
        "attncap/models/b.py": "def f():\n    import attncap.models.c",
        "attncap/models/c.py": "from attncap.models import a",
    }
    assert house.circles(SOUND | sources) == [
        "attncap.models.a -> attncap.models.b -> attncap.models.c -> attncap.models.a"
    ]
    del sources["attncap/models/b.py"]
    assert house.circles(SOUND | sources) == []


def test_every_part_has_a_floor_and_every_rule_reads_something():
    assert len(SOURCES) > 100
    graph = house.imports(SOURCES)
    assert sum(map(len, graph.values())) > 200
    assert "attncap.errors" in graph["attncap.tasks.random"]
