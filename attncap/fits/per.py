"""Bits per what: per parameter in use, per degree of freedom, per number that holds data, per stored bit."""

from attncap import measure
from attncap.constraints import checked
from attncap.models import AttentionOnlyTransformer, Perceptron, TokenModel
from attncap.models.precision import StoredName
from attncap.tasks import Associations

# A fit counts degrees of freedom where that takes about a second: their Jacobian's entries, times parameters.
AFFORDABLE = 5e9


@checked
def bits_per(
    bits: float, model: TokenModel, task: Associations, dtype: StoredName, method: str, given: bool = False
) -> dict[str, float | None]:
    r"""Divide bits by what a model consists of.

    Args:
        bits: what it memorized.
        model: who.
        task: what.
        dtype: the type that its weights are stored in.
        method: how they were found: what it draws from a seed is no data.
        given: whether the embeddings were given, which are no data then.

    Returns:
        Bits per parameter "in_use" (`attncap.measure.parameters_in_use`), per "degree_of_freedom"
        (`attncap.measure.degrees_of_freedom`; None where counting would take long), per "data_parameter" and per
        "stored_bit", and per parameter of the "layer" alone, without the embeddings
        (`attncap.measure.layer_parameters`).
    """
    used = measure.parameters_in_use(model, task)
    degrees = None
    if isinstance(model, AttentionOnlyTransformer) and measure.jacobian_entries(model, task) * used <= AFFORDABLE:
        degrees = measure.degrees_of_freedom(model, task)
    return {
        "in_use": bits / used,
        "degree_of_freedom": bits / degrees if degrees else None,
        "data_parameter": bits / data_parameters(model, task, method, given),
        "layer": bits / measure.layer_parameters(model),
        "stored_bit": bits / (8 * model.astype(dtype).bytes),
    }


@checked
def data_parameters(model: TokenModel, task: Associations, method: str, given: bool = False) -> int:
    r"""Return how many numbers depend on the data; what is drawn from a seed costs nothing.

    Theorem mode solves for $d (H d_h + d)$ numbers, output matrices and the gauge of the skip; margin mode finds
    $d (H d_h + n)$, output matrices and the rows of $n$ answers. Other methods train every parameter in use. Of a
    perceptron of $w$ units theorem mode solves for $d w$ output numbers, margin mode for $d (w + n)$. Where embeddings
    are given these are the readout's alone, or with other methods the layer's.

    Args:
        model: whose numbers.
        task: what they hold.
        method: how they were found.
        given: whether the embeddings were given.
    """
    fitted = ("theorem", "margin")
    if given:
        return int(model.readout.size) if method in fitted else measure.layer_parameters(model)
    columns = {
        "theorem": 0 if isinstance(model, Perceptron) else model.embedding_dim,
        "distribution": model.vocabulary_size,
        "margin": len(measure.answers_in_use(task)),
    }
    if method not in columns:
        return measure.parameters_in_use(model, task)
    return model.embedding_dim * (len(model.readout) + columns[method])
