"""One look for all charts: colours that colour-blind readers tell apart, dashes, axes, legends and titles."""

import textwrap
from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any, TypeVar

import altair as alt
import numpy as np
import polars as pl
from polars import selectors

from attncap.palette import DASHES, HUES

Drawn = TypeVar("Drawn", bound=alt.TopLevelMixin)

BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY, BLACK, GREY, DARK = (light for light, _ in HUES.values())
SOLID, DASHED, DOTTED, DASHDOT = DASHES
COLOURS = (BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY, BLACK)
FLOATS = selectors.float()
LINE, THIN, POINT = 1.8, 1.2, 42
# The first has every sub- and superscript that we write; one glyph missing would set the whole line in another font.
FONT = "DejaVu Sans, Verdana, sans-serif"
POWERS = "⁰¹²³⁴⁵⁶⁷⁸⁹"
# Viridis at 0, .15, ..., .9: dark to light, even for colour-blind readers.
RAMP = ("#440154", "#463480", "#365d8d", "#277f8e", "#1fa187", "#4ac16d", "#bddf26")


def rows(data: pl.DataFrame | Sequence[Mapping[str, Any]]) -> alt.Chart:
    """Begin a chart of rows, however many: those of a frame given as such are refused beyond 5,000.

    Example:
        >>> len(rows(pl.DataFrame({"x": range(6000)})).data.values)
        6000
    """
    if isinstance(data, pl.DataFrame):
        # What is not finite is no place on a chart, and no JSON.
        data = data.with_columns(pl.when(FLOATS.is_finite()).then(FLOATS)).to_dicts()
    return alt.Chart(alt.Data(values=list(data)))


def styles(names: Sequence[str]) -> tuple[list[str], list[list[int]]]:
    """Return a colour and dashes for each name; the dashes change when the colours are used up.

    Example:
        >>> styles(["a", "b"])
        (['#0072B2', '#D55E00'], [[1, 0], [1, 0]])
    """
    rounds = [divmod(place, len(COLOURS)) for place in range(len(names))]
    return [COLOURS[colour] for _, colour in rounds], [DASHES[turn % len(DASHES)] for turn, _ in rounds]


def ramp(count: int) -> list[str]:
    """Return so many colours from dark to light, for sizes.

    Example:
        >>> ramp(1), ramp(3)
        (['#0072B2'], ['#440154', '#277f8e', '#bddf26'])
    """
    if count == 1:
        return [BLUE]
    stops = np.array([[int(each[i : i + 2], 16) for i in (1, 3, 5)] for each in RAMP])
    places = np.linspace(0, len(stops) - 1, count)
    mixed = np.stack([np.interp(places, np.arange(len(stops)), part) for part in stops.T], axis=1).round().astype(int)
    return ["#" + "".join(f"{part:02x}" for part in each) for each in mixed.tolist()]


def legend(kind: str | None = "stroke", **look: Any) -> alt.Legend | None:
    """Show lines as lines ("stroke") or points as points ("circle"), with whole labels; None hides the legend."""
    if kind is None:
        return None
    size = 260 if kind == "stroke" else 60
    return alt.Legend(symbolType=kind, symbolSize=size, symbolStrokeWidth=LINE, labelLimit=0, **look)


def colour(field: str, names: Sequence[str], colours: Sequence[str] | None = None, **look: Any) -> Any:
    """Colour a field's names; ``look`` is what the `legend` shows otherwise than usual."""
    scale = alt.Scale(domain=list(names), range=list(colours or styles(names)[0]))
    return alt.Color(f"{field}:N", title=None, sort=list(names), scale=scale, legend=legend(**look))


def dash(field: str, names: Sequence[str], dashes: Sequence[Sequence[int]], **look: Any) -> Any:
    """Dash the lines of a field's names; ``look`` as in `colour`."""
    scale = alt.Scale(domain=list(names), range=[list(each) for each in dashes])
    return alt.StrokeDash(f"{field}:N", title=None, sort=list(names), scale=scale, legend=legend(**look))


def channel(
    side: type[alt.X] | type[alt.Y],
    field: str,
    title: str,
    data: Any = None,
    *,
    log: bool = False,
    whole: bool = False,
    domain: Sequence[float | int] | None = None,
    zero: bool = False,
    **axis: Any,
) -> Any:
    """Put a field on an axis with our ticks; only y has a grid.

    Args:
        side: `altair.X` or `altair.Y`.
        field: name of the column.
        title: of the axis, with its unit.
        data: all that will be drawn; a logarithmic axis takes its ticks from them.
        log: logarithmic.
        whole: whole numbers only.
        domain: ends of the axis; those of the data by default.
        zero: begin at zero.
        axis: further properties of the axis.
    """
    given: dict[str, Any] = {} if domain is None else {"domain": list(domain)}
    look: dict[str, Any] = {"grid": side is alt.Y, "gridOpacity": 0.4, "format": "d" if whole else "~g", "tickCount": 6}
    if log:
        look |= log_ticks(data if domain is None else domain)
        scale = alt.Scale(type="log", nice=False, padding=6, **given)
    else:
        if whole:
            # A tick at 4.5 would be called 5.
            look["labelExpr"] = "datum.value === round(datum.value) ? datum.label : ''"
        scale = alt.Scale(zero=zero, nice=side is alt.Y and domain is None, padding=6 if side is alt.X else 0, **given)
    return side(f"{field}:Q", title=title, scale=scale, axis=alt.Axis(**{**look, **axis}))


def log_ticks(values: Any) -> dict[str, Any]:
    """Return ticks at the decades, labelled 10ᵏ; where there are few decades, at 1, 2 and 5, or at every digit.

    Example:
        >>> log_ticks([0.55, 1])["values"]
        [0.6, 0.7, 0.8, 0.9, 1.0]
        >>> log_ticks([2, 30])["values"], log_ticks([1e-4, 10])["values"]
        ([2.0, 5.0, 10.0, 20.0], [0.0001, 0.001, 0.01, 0.1, 1.0, 10.0])
    """
    known = np.asarray(values, dtype=np.float64).ravel()
    known = known[np.isfinite(known) & (known > 0)]
    low, high = (known.min(), known.max()) if len(known) else (1.0, 10.0)
    first, last = int(np.ceil(np.log10(low) - 1e-9)), int(np.floor(np.log10(high) + 1e-9))
    if last - first < 2:
        inside = _inside(low, high, (1, 2, 5), range(first - 1, last + 1))
        if len(inside) < 3:
            inside = _inside(low, high, range(1, 10), range(first - 1, last + 1))
        return {"values": inside or [float(low)], "format": ",~r"}
    step = -(-(last - first + 1) // 10)
    labels = ", ".join(f"'{power_of_ten(power)}'" for power in range(first, last + 1))
    return {
        "values": [float(f"1e{power}") for power in range(first, last + 1, step)],
        "labelExpr": f"[{labels}][round(log(datum.value) / LN10) - ({first})]",
    }


def _inside(low: float, high: float, digits: Sequence[int], powers: Sequence[int]) -> list[float]:
    ticks = [float(f"{digit}e{power}") for power in powers for digit in digits]
    return [tick for tick in ticks if low * (1 - 1e-9) <= tick <= high * (1 + 1e-9)]


def power_of_ten(power: int) -> str:
    """Write a power of ten.

    Example:
        >>> power_of_ten(-3), power_of_ten(0), power_of_ten(12)
        ('10⁻³', '1', '10¹²')
    """
    digits = "".join(POWERS[int(digit)] for digit in str(abs(power)))
    return {0: "1", 1: "10"}.get(power, f"10{'⁻' * (power < 0)}{digits}")


def narrow(chart: Drawn) -> Drawn:
    """Return a finished chart with its legend below, for a page that may be as narrow as a telephone."""
    below: Any = deepcopy(chart)
    legend = below.config.legend
    legend.orient, legend.direction, legend.columns = "bottom", "vertical", 1
    return below


def finished(chart: Drawn, title: str, note: str | Sequence[str] = "", *, width: int = 420) -> Drawn:
    """Give a chart its title, the lines of its subtitle, and the fonts of all.

    Args:
        chart: a chart, or several side by side; its parts must not have been finished.
        title: what it shows.
        note: settings and what the marks mean; each wraps at the width.
        width: of all plots together, in pixels.
    """
    notes = [note] if isinstance(note, str) else note
    # A line does not break beside an equals sign.
    notes = [each.replace(" = ", "\u00a0=\u00a0") for each in notes]
    lines = [line for each in notes for line in textwrap.wrap(each, max(20, int(width / 6.3)))]
    heading = alt.Title(
        textwrap.wrap(title, max(20, int(width / 8.5))) or [""],
        subtitle=lines,
        anchor="start",
        fontSize=13,
        fontWeight="bold",
        subtitleFontSize=10,
        subtitleColor=DARK,
        offset=10,
    )
    return (
        chart.properties(title=heading, usermeta={"notes": notes})
        .configure(font=FONT)
        .configure_view(stroke=None)
        .configure_axis(labelFontSize=10, titleFontSize=11, titleFontWeight="normal", domainColor=GREY, tickColor=GREY)
        .configure_legend(labelFontSize=10, labelLimit=0)
        .configure_title(fontSize=11, fontWeight="normal")
    )
