"""What the page of an audit says: what was found at each layer and head, and what facts the model holds."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attncap import archive
from attncap.constraints import checked
from attncap.errors import InputError
from attncap.files import replacing
from attncap.plots import audit_chart, live, save
from attncap.report import methods
from attncap.report.parts import Column, Figure, Page, Part, Picture, Section, Table, Words, numbers
from attncap.report.template import render
from attncap.result import plain, several

if TYPE_CHECKING:
    from attncap.audit import Audit

JSON, CHART, SPEC, NAME = "audit.json", "audit.svg", "chart.json", "report.html"
NOUN = "audit"
FILES = (JSON, CHART, SPEC)
ASSUMPTIONS = {
    "A1": "any n queries are independent",
    "A2": "contexts have full rank",
    "A3": "queries with the mean have full rank",
}


@checked
def write_audit(audit: "Audit", out: str | Path, *, force: bool = False) -> Path:
    """Write what an audit found: audit.json, its chart (audit.svg, and chart.json for a page), and report.html.

    Args:
        audit: the result of `attncap.audit.audit`.
        out: the directory.
        force: replace the directory of an earlier audit.

    Returns:
        The directory.
    """
    with replacing(out, force=force, directory=True) as folder:
        (folder / JSON).write_text(json.dumps(plain(audit), ensure_ascii=False, indent=1), encoding="utf-8")
        if audit.layers:
            chart = audit_chart(audit)
            for name in (CHART, SPEC):
                save(chart, folder / name)
        (folder / NAME).write_text(render(page(folder)), encoding="utf-8")
    return Path(out)


def holds(directory: Path) -> bool:
    """Tell whether a directory holds an audit."""
    return (directory / JSON).is_file()


def page(directory: Path) -> Page:
    """Say what audit.json says.

    Raises:
        InputError: it is not what an audit wrote.
    """
    path = directory / JSON
    try:
        return _page(directory, archive.read_json(path))
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise InputError(f"{path}: not what attncap audit wrote ({error})") from None


def _page(directory: Path, audit: Mapping[str, Any]) -> Page:
    layers, facts = audit["layers"], audit["facts"]
    settings = ", ".join(f"{name.replace('_', ' ')} {number:,}" for name, number in audit["settings"].items())
    lead = "; ".join(filter(None, [audit["family"], settings, audit["inputs"]]))
    sections = [
        Section("Assumptions", [*_chart(directory), _assumptions(layers), *_notes(layers)] if layers else []),
        Section("Heads", [_heads(layers), *_promises(layers)] if any(layer["heads"] for layer in layers) else []),
        Section("Facts", [_facts(facts)] if facts else []),
        methods.section(
            ["audit"], {"settings": settings, "inputs": audit["inputs"], "files": methods.hashes(directory)}
        ),
    ]
    cards = [
        (f"{sum(layer['holds'][name] for layer in layers)} of {len(layers)}", f"layers hold {name}: {what}")
        for name, what in ASSUMPTIONS.items()
        if layers
    ]
    if facts:
        cards += [(f"{facts['bits']:,.0f} bits", f"held of {facts['bits_of_table']:,.0f} in {facts['table']}")]
    return Page(
        title=audit["model"],
        lead=f"An audit: {lead}",
        summary=[*_summary(layers, facts), *audit["notes"], f"It took {audit['seconds']:,.1f} s."],
        cards=cards,
        sections=sections,
        source="Computed from the model.",
    )


def _summary(layers: list[Any], facts: Mapping[str, Any] | None) -> Iterator[str]:
    if layers:
        whole = [str(layer["layer"]) for layer in layers if all(layer["holds"].values())]
        some = f"layer {', '.join(whole)}" if whole else "no layer"
        yield f"All three assumptions hold at {some}, of {several(len(layers), 'layer')}."
        yield "Measured on sampled subsets, with exact 95 % intervals; only the column that says so is proved."
    if facts:
        yield (
            f"Asked for {facts['facts']:,} facts of {facts['table']}, the model recalls {facts['recall']:.1%} whole: "
            f"{facts['bits']:,.0f} of {facts['bits_of_table']:,.0f} bits (evidence {facts['evidence']:,.0f} bits)."
        )


def _chart(directory: Path) -> list[Part]:
    if not (directory / CHART).is_file():
        return []
    picture = (directory / CHART).read_bytes()
    if (directory / SPEC).is_file():
        return [Figure(live.block(archive.read_json(directory / SPEC), "audit", picture))]
    return [Picture("The assumptions at each layer", picture)]


def _assumptions(layers: list[Any]) -> Table:
    def told(layer: Mapping[str, Any], name: str, share: float, interval: str = "") -> str:
        return f"{'holds' if layer['holds'][name] else 'fails'}: {share:.4g}{interval}"

    columns = (
        numbers("layer", [layer["layer"] for layer in layers]),
        Column("input", [layer["input"] for layer in layers]),
        Column(
            "A1: any n queries",
            [
                told(layer, "A1", found["fraction"], f" [{found['low']:.4g}, {found['high']:.4g}]")
                for layer in layers
                for found in [layer["kruskal"]]
            ],
        ),
        Column("A2: contexts", [told(layer, "A2", layer["context_rank_full_fraction"]) for layer in layers]),
        Column("A3: with the mean", [told(layer, "A3", layer["with_mean"]["fraction"]) for layer in layers]),
        numbers("d queries", [layer["general_position"] for layer in layers], "{:.4g}"),
        Column("whole to", [f"{layer['breaks_at']} of {layer['embedding_dim']}" for layer in layers]),
        numbers("proved: any", [layer["exact"]["at_least"] for layer in layers]),
        numbers("untrained A1", [_untrained(layer) for layer in layers], "{:.4g}"),
    )
    note = "Shares of sampled subsets of full numerical rank (the decisions of numpy.linalg.matrix_rank)."
    return Table("The assumptions at each layer", columns, note, name="assumptions")


def _untrained(layer: Mapping[str, Any]) -> float | None:
    return layer["untrained"]["kruskal"]["fraction"] if layer["untrained"] is not None else None


def _notes(layers: list[Any]) -> list[Part]:
    said = tuple(f"Layer {layer['layer']}: {note}" for layer in layers for note in layer["notes"])
    return [Words(said)] if said else []


def _heads(layers: list[Any]) -> Table:
    heads = [(layer["layer"], head) for layer in layers for head in layer["heads"] or ()]
    named = {
        "saturated": "saturation", "largest weight": "largest", "entropy, bits": "entropy",
        "temperature": "temperature", "a1": "a1", "nu": "nu",
    }  # fmt: skip
    columns = (
        numbers("layer", [layer for layer, _ in heads]),
        numbers("head", [head["head"] for _, head in heads]),
        *(numbers(name, [head[key] for _, head in heads], "{:.3g}") for name, key in named.items()),
        numbers("distance to cI + rank 8", [head["query_key"]["distance"] for _, head in heads], "{:.3g}"),
        numbers("random", [head["query_key"]["random"] for _, head in heads], "{:.3g}"),
    )
    return Table("Every head", columns, name="heads")


def _promises(layers: list[Any]) -> list[Part]:
    said = [
        (layer["layer"], each["bound"], each["examples"], each["because"])
        for layer in layers
        for each in layer["promises"]
    ]
    columns = (
        numbers("layer", [each[0] for each in said]),
        Column("bound", [each[1] for each in said]),
        numbers("examples", [each[2] for each in said]),
        Column("because", [each[3] for each in said]),
    )
    return [Table("What bounds promise of the layers", columns, name="promises")] if said else []


def _facts(facts: Mapping[str, Any]) -> Table:
    rows = {
        "asked": f"{facts['facts']:,} of {facts['table']}, as {facts['template']}",
        "recalled": f"{facts['recall']:.1%} whole, {facts['first_token']:.1%} first tokens",
        "bits": f"{facts['bits']:,.0f} of {facts['bits_of_table']:,.0f}, evidence {facts['evidence']:,.0f}",
        "bits, subjects shuffled": f"{facts['shuffled']['bits']:.1f}",
    }
    for part, held in facts["could_hold"].items():
        rows[f"could hold, {part}"] = (
            f"{held['allenzhu2025']:,.0f} bits at 2 per parameter, {held['counting']:,.0f} by counting"
        )
    return Table(
        "What it holds of a table", (Column("what", list(rows)), Column("value", list(rows.values()))), name="facts"
    )
