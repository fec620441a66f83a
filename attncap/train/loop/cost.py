"""What a compiled loop takes, before it takes it: memory and time."""

from attncap.train.loop.program import Program

# Seconds of one core, fitted to the papers' figures: a model, a multiplication, a logit or hidden unit. They hold to a
# factor of two on a server of 2024 with AVX-512.
MODEL, MULTIPLICATION, EXPONENTIAL = 0.7, 9e-11, 6e-9


def lane_bytes(program: Program) -> int:
    """Estimate the memory of one lane: logits and attention, each kept for the backward pass."""
    shape = program.shape
    rows = program.recipe.batch or program.sequences
    inside = shape.heads * (2 * shape.embedding_dim + shape.head_dim + 3 * shape.context) + shape.width
    per_row = 6 * shape.vocabulary + (3 * shape.heads if program.pairs else 3 * inside * shape.context * shape.depth)
    return 4 * rows * per_row


def lane_seconds(program: Program, steps: int) -> float:
    """Estimate the seconds that so many steps of one lane take one core."""
    shape = program.shape
    rows = program.recipe.batch or program.sequences
    # Later layers read every position, the unembedding the last; tables over pairs save three quarters of attention.
    reads = shape.context * (shape.depth - 1) + 1
    attention = reads * shape.context * shape.heads * 4 * shape.head_dim / (4 if program.pairs else 1)
    units = reads * shape.width
    multiplications = shape.embedding_dim * (attention + 2 * units + shape.vocabulary)
    return MODEL + steps * rows * (MULTIPLICATION * multiplications + EXPONENTIAL * (units + shape.vocabulary))
