"""Draw the softmax bottleneck of a real corpus: `python examples/softmax_bottleneck.py OUT.svg [SOURCE [TOKENS]]`."""

import sys

from attncap import construct, plots, tasks
from attncap.progress import shown, track

DIMENSIONS = (1, 2, 4, 8, 16, 32, 48)


def main(out: str, source: str = "kjv", tokens: str = "64") -> None:
    """Encode a text at S = 1, 2, 3 and draw the divergence against the dimension."""
    size, curves = int(tokens), {}
    with shown():
        for context in (1, 2, 3):
            task = tasks.text_distributions(source, context, size)
            name = f"S = {context}: {task.count:,} contexts, entropy {task.entropy:.2f} nats"
            dims = [d for d in (*DIMENSIONS, size - 1) if d < size]
            curves[name] = [construct.encode(task, d, starts=1) for d in track(dims, f"S = {context}")]
            for encoder in curves[name]:
                print(f"S={context} d={encoder.embedding_dim} KL {encoder.kl:.5g} (SVD {encoder.kl_svd:.5g})")
    title = f"Softmax bottleneck of {source}, {size - 1} most frequent tokens and <other>"
    plots.save(plots.softmax_bottleneck(curves, title), out, force=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
