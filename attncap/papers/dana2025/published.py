"""What Dana, Pydi and Chevaleyre 2025 published: settings and accuracies, read from their released data to .001."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

ARXIV = "arXiv 2411.10115"
PERCEPTRON = ", MLP"


@dataclass(frozen=True)
class Line:
    """One line of a figure: the options that its models share, the published accuracies, and its own schedule."""

    label: str
    options: Mapping[str, Any]
    accuracy: tuple[float, ...]
    schedule: Mapping[str, Any] = field(default_factory=dict)

    @property
    def kind(self) -> str:
        """Attention, or one head and a perceptron."""
        return "perceptron" if self.options.get("perceptron") else "attention"

    @property
    def size(self) -> str:
        """The label without the kind."""
        return self.label.removesuffix(PERCEPTRON)


@dataclass(frozen=True)
class Experiment:
    """One figure.

    Attributes:
        id: its name on the command line, "fig" and the paper's number.
        title: what it shows.
        x: the option that varies.
        values: its values.
        lines: the lines.
        shared: options of all models.
        schedule: changes to the recipe.
        seeds: repetitions.
        shown: the line whose floors the figure draws, as the paper draws them for one size.
        by_parameters: whether the axis is the number of parameters that x makes.
    """

    id: str
    title: str
    x: str
    values: tuple[int, ...]
    lines: tuple[Line, ...]
    shared: Mapping[str, Any] = field(default_factory=dict)
    schedule: Mapping[str, Any] = field(default_factory=dict)
    seeds: int = 5
    shown: str = ""
    by_parameters: bool = False

    @property
    def source(self) -> str:
        """The paper and the figure's number in it."""
        return f"Dana et al. 2025, Figure {self.id.removeprefix('fig')}"

    def parameters(self, line: Line, value: int) -> int:
        """Return the parameters as the paper counts them: 4 d^2 H in each layer and 2 d (N + 1).

        The perceptron has the width 2 d (H - 1), which makes it as large as the heads that it stands for.
        """
        cell = {**self.shared, **line.options, self.x: value}
        d, heads = cell["embedding_dim"], cell["heads"]
        return int(4 * d * d * heads * cell.get("depth", 1) + 2 * d * (cell["vocabulary"] + 1))

    def thinned(self, lines: Iterable[Line], values: tuple[int, ...], seeds: int) -> "Experiment":
        """Keep some lines, some places on x, and so many repetitions."""
        places = [self.values.index(value) for value in values]
        kept = tuple(replace(line, accuracy=tuple(line.accuracy[place] for place in places)) for line in lines)
        return replace(self, lines=kept, values=values, seeds=seeds)

    def cell(self, line: Line, value: int, recipe: str) -> dict[str, Any]:
        """Return the options of `train_one` at one point; a perceptron takes all heads but one."""
        options = {**self.shared, **line.options, self.x: value, "recipe": recipe}
        if recipe == "paper":
            options |= {**self.schedule, **line.schedule}
        if options.pop("perceptron", False):
            options["width"] = 2 * options["embedding_dim"] * (options["heads"] - 1)
            options["heads"] = 1
        return options


def by_dim(table: str, **options: Any) -> tuple[Line, ...]:
    """Read lines ``d: accuracy accuracy ...``."""
    lines = []
    for row in table.strip().splitlines():
        name, numbers = row.split(":")
        label = f"d = {name.strip()}"
        lines.append(Line(label, {"embedding_dim": int(name), **options}, tuple(map(float, numbers.split()))))
    return tuple(lines)


def perceptrons(table: str, **schedule: Any) -> tuple[Line, ...]:
    """Read the same for one head and a perceptron, trained with changes to the schedule."""
    lines = by_dim(table, perceptron=True)
    return tuple(Line(f"{line.label}{PERCEPTRON}", line.options, line.accuracy, schedule) for line in lines)


EVERY_5 = (1, 6, 11, 16, 21, 26, 31)
# The authors' code multiplies its rate .1 by a factor that falls from .1 to .005 for heads and to .001 for perceptrons;
# three layers have the rate .05 times .05 throughout.
PERCEPTRON_FINAL_RATE = 1e-4
LARGE: dict[str, Any] = {"shared": {"vocabulary": 200}, "schedule": {"batch": 1024}}
DEEP: dict[str, Any] = {
    "shared": {"vocabulary": 70, "depth": 3},
    "schedule": {"batch": 512, "batches": 128, "steps": 8192, "rate": 0.0025, "final_rate": 0.0025},
}

LARGE_HEADS = by_dim("""
    40: .077 .148 .214 .278 .335 .395
    50: .094 .203 .299 .393 .478 .559
    60: .110 .259 .394 .515 .624 .727
""")
DEEP_HEADS = by_dim("""
    7: .066 .114 .152 .197 .240 .294
    10: .088 .177 .289 .383 .464 .543
    13: .114 .288 .434 .586 .696 .770
""")

EXPERIMENTS = (
    Experiment(
        "fig1a",
        "Accuracy against heads, dₕ = d",
        "heads",
        EVERY_5,
        by_dim("""
            3: .059 .065 .076 .086 .088 .095 .097
            4: .068 .090 .114 .126 .146 .160 .174
            5: .074 .119 .158 .192 .225 .257 .294
            6: .086 .154 .210 .266 .314 .375 .423
            7: .101 .189 .263 .344 .431 .513 .591
            8: .112 .231 .335 .445 .560 .663 .783
            9: .122 .276 .413 .552 .696 .834 .938
            10: .130 .324 .506 .685 .861 .963 .997
            11: .140 .371 .587 .802 .962 .999 1.000
            12: .147 .436 .679 .917 .997 1.000 1.000
            13: .163 .482 .774 .988 1.000 1.000 1.000
        """),
        {"vocabulary": 50},
        shown="d = 10",
    ),
    Experiment(
        "fig1b",
        "Accuracy against the head dimension",
        "head_dim",
        tuple(range(1, 11)),
        by_dim("10: .081 .110 .155 .209 .288 .357 .453 .546 .639 .804", heads=20),
        {"vocabulary": 50},
    ),
    Experiment(
        "fig2a",
        "Accuracy against the embedding dimension",
        "embedding_dim",
        tuple(range(5, 16)),
        (
            Line(
                "dₕ = 10",
                {"head_dim": 10, "heads": 20},
                (0.264, 0.362, 0.460, 0.578, 0.697, 0.809, 0.777, 0.789, 0.786, 0.812, 0.814),
            ),
        ),
        {"vocabulary": 50},
    ),
    Experiment(
        "fig3",
        "Heads and perceptrons against parameters",
        "heads",
        EVERY_5,
        by_dim("""
            7: .054 .098 .128 .164 .200 .238 .270
            10: .068 .151 .230 .301 .389 .490 .594
            13: .085 .219 .363 .511 .686 .911 .999
        """)
        + perceptrons(
            """
            7: .054 .122 .169 .185 .206 .228 .239
            10: .070 .236 .374 .498 .578 .590 .693
            13: .084 .395 .779 .944 .977 .986 .998
        """,
            final_rate=PERCEPTRON_FINAL_RATE,
        ),
        {"vocabulary": 70},
        {"batch": 1024, "batches": 256, "steps": 16384},
        shown="d = 10",
        by_parameters=True,
    ),
    Experiment(
        "fig4",
        "Accuracy against heads at d = dₕ = 2",
        "heads",
        (1, 5, 9, 13, 17, 21),
        by_dim("2: .330 .497 .633 .734 .857 .858"),
        {"vocabulary": 10},
        seeds=20,
    ),
    Experiment(
        "fig5",
        "Accuracy against heads, N = 200",
        "heads",
        (1, 3, 5, 7, 9, 11),
        LARGE_HEADS,
        **LARGE,
        shown="d = 50",
    ),
    Experiment(
        "fig6",
        "Accuracy against the head dimension, N = 200",
        "head_dim",
        (1, 5, 10, 15, 20, 25, 30, 35, 40, 45, 50),
        by_dim("50: .033 .057 .091 .130 .175 .223 .275 .330 .388 .445 .560", heads=11),
        **LARGE,
    ),
    Experiment(
        "fig7",
        "Heads and perceptrons against parameters, N = 200",
        "heads",
        (1, 3, 5, 7, 9, 11),
        LARGE_HEADS
        + perceptrons(
            """
            40: .078 .274 .379 .378 .368 .371
            50: .094 .408 .539 .519 .505 .509
            60: .111 .548 .678 .638 .631 .625
        """,
            final_rate=PERCEPTRON_FINAL_RATE,
        ),
        **LARGE,
        shown="d = 50",
        by_parameters=True,
    ),
    Experiment(
        "fig8",
        "Accuracy against heads, three layers",
        "heads",
        (1, 5, 9, 13, 17, 21),
        DEEP_HEADS,
        **DEEP,
        shown="d = 10",
    ),
    Experiment(
        "fig9",
        "Accuracy against the head dimension, three layers",
        "head_dim",
        tuple(range(1, 11)),
        by_dim("10: .050 .060 .082 .126 .177 .238 .300 .374 .453 .545", heads=21),
        **DEEP,
    ),
    Experiment(
        "fig10",
        "Heads and perceptrons against parameters, three layers",
        "heads",
        (1, 5, 9, 13, 17, 21),
        DEEP_HEADS
        + perceptrons("""
            7: .066 .139 .187 .227 .251 .304
            10: .090 .291 .399 .493 .528 .570
            13: .118 .452 .672 .728 .676 .710
        """),
        **DEEP,
        shown="d = 10",
        by_parameters=True,
    ),
)
