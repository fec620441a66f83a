"""The colours of figures and pages: each stands here once, for light ground and for dark."""

# Okabe and Ito 2008 without yellow, which white paper swallows; sizes and limits are grey. Figures are drawn on white.
HUES = {
    "blue": ("#0072B2", "#5CB3E8"),
    "vermilion": ("#D55E00", "#F0894A"),
    "green": ("#009E73", "#3FC79F"),
    "purple": ("#CC79A7", "#E69CC6"),
    "orange": ("#E69F00", "#F2B84B"),
    "sky": ("#56B4E9", "#8CCDF2"),
    "black": ("#000000", "#FFFFFF"),
    "grey": ("#8A8A8A", "#9AA2AA"),
    "dark": ("#444444", "#D2D7DC"),
}
PAGE = {
    "paper": ("#FFFFFF", "#14171A"),
    "ink": ("#1D2329", "#E6EAEE"),
    "soft": ("#57606A", "#A5AFB9"),
    "line": ("#D7DDE3", "#3B444D"),
    "tint": ("#F4F6F8", "#1D2227"),
    "bad": ("#A32727", "#FF9D94"),
    "accent": HUES["blue"],
}
SOLID, DASHED, DOTTED, DASHDOT = DASHES = ([1, 0], [6, 4], [2, 3], [8, 3, 2, 3])
# What a capacity is compared with, by the bound that says it.
SIDES = {
    "dana2025": ("blue", SOLID),
    "corrected": ("vermilion", DASHED),
    "margin": ("green", SOLID),
    "joint": ("orange", SOLID),
    "allenzhu2025": ("grey", DOTTED),
    "morris2025": ("dark", DASHDOT),
}


def css() -> str:
    """Return the colours as custom properties of CSS, which follow the reader's light or dark.

    Example:
        >>> "--accent: light-dark(#0072B2, #5CB3E8);" in css()
        True
    """
    colours = "".join(f" --{name}: light-dark({light}, {dark});" for name, (light, dark) in (PAGE | HUES).items())
    return f":root {{ color-scheme: light dark;{colours} }}\n"
