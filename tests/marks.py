"""Read a chart's specification."""


def marks(whole):
    """Return every mark of a specification: its type, the fields of its channels, and the rows it draws."""
    found = []

    def walk(view, data):
        data = view.get("data", data)
        for name in ("layer", "hconcat"):
            for part in view.get(name, ()):
                walk(part, data)
        if "mark" in view:
            fields = {channel: each["field"] for channel, each in view["encoding"].items() if "field" in each}
            found.append((view["mark"]["type"], fields, data["values"]))

    walk(whole, None)
    return found
