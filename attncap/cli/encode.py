"""``attncap encode``: how near logits of rank d can come to next-token distributions."""

from typing import Any

from attncap.cli._shared import Json, answer, work
from attncap.cli.dress import dressed
from attncap.commands import encode as shelf


@dressed(shelf.encode)
def encode(options: dict[str, Any], json: Json = False) -> None:
    """Find the optimal rank-d sequence encoder: no transformer of embedding dimension d comes nearer."""
    with work(json):
        encoder = shelf.encode(**options)
    answer(encoder, json, *encoder.notes, encoder)
