"""A chart inside a page: drawn live where scripts run, a still picture where they do not and on paper."""

import base64
import html
import json
from collections.abc import Iterator
from copy import deepcopy
from functools import cache
from importlib import resources
from itertools import count
from typing import TYPE_CHECKING, Any

from attncap.constraints import checked

if TYPE_CHECKING:
    import altair as alt

Spec = dict[str, Any]
PARTS = ("layer", "hconcat", "vconcat", "concat")
# What a legend explains, by the channel of the marks.
LOOKS = {"color": "colour", "stroke": "colour", "strokeDash": "dash", "shape": "shape"}
LINES = ("line", "trail", "rule")
# Marks that nobody points at.
MUTE = ("text", "rule", "errorbar", "errorband", "area")
# A page scrolls under a finger or a wheel that does not ask for the chart.
ZOOM = {"zoom": "wheel![event.ctrlKey || event.metaKey]"}
LOOK: dict[str, Spec] = {
    "axis": {"labelFontSize": 12, "titleFontSize": 12},
    "legend": {"orient": "bottom", "labelFontSize": 12, "columns": 2},
    "tooltipFormat": {"numberFormat": ",.4~g"},
}


@checked
def interactive(chart: "alt.TopLevelMixin", *, name: str = "figure") -> str:
    """Return a chart as a block of HTML that the page's `runtime` brings to life.

    Pointing at a mark tells its numbers; dragging moves and Ctrl with the wheel zooms; entries of the legend are
    buttons that hide their marks; the figure is saved as SVG or PNG and its numbers as CSV. Without scripts, and on
    paper, it is a picture.

    Args:
        chart: an Altair chart, with `attncap.plots.theme.finished` or any other look.
        name: of the files that are saved, without their suffix.

    Returns:
        A ``<figure>``; text of the chart cannot become markup.

    Example:
        >>> from attncap.tasks import random_associations
        >>> from attncap.plots import capacity_check
        >>> block = interactive(capacity_check(random_associations(50, 2, 500), embedding_dim=10), name="check")
        >>> block[:35]
        '<figure class="chart" data-name="ch'
    """
    return block(chart.to_dict(), name)


@checked
def runtime() -> str:
    """Return the script that draws every `interactive` figure of a page: Vega with its expression interpreter.

    It evaluates no text and asks for nothing, so that a page may forbid both by its Content-Security-Policy. It draws
    the figures that are there when it runs; ``attncap.figures(element)`` those that come later.

    Example:
        >>> "</script" in runtime()
        False
    """
    return _vega() + script()


@checked
def style() -> str:
    """Return the style of figures: their colours are the page's ``--ink``, ``--soft`` and ``--line``."""
    return resources.files("attncap.plots").joinpath("live.css").read_text("utf-8")


def script() -> str:
    """Return the script of a page without figures: what tables share with them."""
    return resources.files("attncap.plots").joinpath("live.js").read_text("utf-8")


def block(spec: Spec, name: str, still: bytes | None = None) -> str:
    """Return the figure of a specification; its picture, an SVG, is drawn unless it is given."""
    if still is None:
        import vl_convert

        still = vl_convert.vegalite_to_svg(spec).encode()
    heading, notes = titles(spec)
    drawn, legends = live(spec)
    picture = base64.b64encode(still).decode()
    given = embedded({"full": spec, "live": drawn, "legends": legends})
    said = "".join(f"<span>{html.escape(note)}</span>" for note in notes)
    label = html.escape(heading)
    return (
        f'<figure class="chart" data-name="{html.escape(name)}" aria-label="{label}">'
        f'<figcaption><strong>{label}</strong>{said}</figcaption><div class="live"></div>'
        f'<img class="still" alt="{label}" src="data:image/svg+xml;base64,{picture}">'
        f'<script type="application/json">{given}</script></figure>'
    )


def embedded(value: Any) -> str:
    r"""Write JSON that stays data between ``<script>`` and ``</script>``.

    Example:
        >>> embedded("</script>")
        '"\\u003c/script>"'
    """
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).replace("<", "\\u003c")


def titles(spec: Spec) -> tuple[str, list[str]]:
    """Return the title of a chart in one piece and the notes below it: those of `theme.finished`, not wrapped."""
    title = spec.get("title", "")
    text = title["text"] if isinstance(title, dict) else title
    notes = spec.get("usermeta", {}).get("notes", [])
    return text if isinstance(text, str) else " ".join(text), [note for note in notes if note]


def live(spec: Spec) -> tuple[Spec, list[Spec]]:
    """Return what is drawn on a screen, and its legends.

    Every legend has the field, the parameter that lists what is hidden, and an entry a value: its colour, dashes and
    shape. Where a chart does not say what stands for what, Vega draws the legend.
    """
    drawn = deepcopy(spec)
    heading, _ = titles(drawn)
    drawn.pop("title", None)
    drawn |= {"description": heading, "background": None}
    config = drawn.setdefault("config", {})
    for part, look in LOOK.items():
        config[part] = {**config.get(part, {}), **look}
    legends: dict[str, Spec] = {}
    for unit in _units(drawn):
        unit["mark"] = {"type": unit["mark"]} if isinstance(unit["mark"], str) else unit["mark"]
        _explain(unit, legends)
        kind = unit["mark"]["type"]
        if kind not in MUTE and unit["mark"].get("opacity") != 0:
            unit["mark"].setdefault("tooltip", True)
        if kind in LINES:
            # One points at the places of a line, not at the line.
            unit["mark"].setdefault("point", "transparent")
    for number, view in zip(count(), _views(drawn), strict=False):
        _zoomed(view, f"zoom{number}")
    if legends:
        hidden = [{"name": legend["hidden"], "value": []} for legend in legends.values()]
        drawn["params"] = [*drawn.get("params", ()), *hidden]
    return drawn, list(legends.values())


def _units(view: Spec) -> Iterator[Spec]:
    """Yield the parts that have a mark."""
    if "mark" in view:
        yield view
    for part in PARTS:
        for inner in view.get(part, ()):
            yield from _units(inner)
    if isinstance(view.get("spec"), dict):
        yield from _units(view["spec"])


def _views(view: Spec) -> Iterator[Spec]:
    """Yield the plots that have axes of their own."""
    if "layer" in view or "mark" in view:
        yield view
        return
    for part in PARTS:
        for inner in view.get(part, ()):
            yield from _views(inner)


def _explain(unit: Spec, legends: dict[str, Spec]) -> None:
    """Move a unit's legends to the page, and hide the marks of what is switched off there."""
    for channel, look in LOOKS.items():
        encoding = unit.get("encoding", {}).get(channel, {})
        scale, field = encoding.get("scale") or {}, encoding.get("field")
        names, styles = scale.get("domain"), scale.get("range")
        if encoding.get("type") != "nominal" or not (isinstance(names, list) and isinstance(styles, list) and styles):
            continue
        legend = legends.setdefault(field, {"field": field, "hidden": f"hidden{len(legends)}", "entries": {}})
        shown = encoding.get("legend", {}) is not None
        for place, name in enumerate(names):
            entry = legend["entries"].setdefault(str(name), {})
            entry |= {look: styles[place % len(styles)]}
            if shown and unit["mark"]["type"] in LINES:
                entry["line"] = True
        encoding["legend"] = None
        test = f"indexof({legend['hidden']}, '' + datum[{json.dumps(field)}]) < 0"
        if {"filter": test} not in unit.get("transform", []):
            unit["transform"] = [*unit.get("transform", ()), {"filter": test}]


def _zoomed(view: Spec, name: str) -> None:
    """Let the numbers' axes of a plot be moved and zoomed; of two axes on one side, neither."""
    units = list(_units(view))
    apart = view.get("resolve", {}).get("scale", {})
    sides = [
        side
        for side in ("x", "y")
        if apart.get(side) != "independent"
        and all(_continuous(unit["encoding"][side]) for unit in units if side in unit.get("encoding", {}))
        and any(side in unit.get("encoding", {}) for unit in units)
    ]
    chosen = next((unit for unit in units if all("field" in unit.get("encoding", {}).get(s, {}) for s in sides)), None)
    if not sides or chosen is None:
        return
    select = {"type": "interval", "encodings": sides, **ZOOM}
    chosen["params"] = [*chosen.get("params", ()), {"name": name, "select": select, "bind": "scales"}]


def _continuous(channel: Spec) -> bool:
    return not channel.get("bin") and (
        channel.get("type") == "quantitative" or "value" in channel or "datum" in channel
    )


@cache
def _vega() -> str:
    import vl_convert

    # The policy of a page forbids markup that a library would put in; none is left in this text.
    return vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;").replace("</script", "<\\/script") + "\n"
