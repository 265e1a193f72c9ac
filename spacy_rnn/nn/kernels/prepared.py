"""Weights prepared for prediction.

Much of what a network computes follows from its weights alone: matrices in another type or layout,
several of them as one, or the product of a matrix with all embeddings of a vocabulary. A network
in training computes that anew in each pass, by `UnpreparedWeights`. `prepare` returns a second
network on the same weights that computes it once, by `PreparedWeights` in a given precision.
"""

import copy
from collections.abc import Callable, Hashable, Sequence
from typing import Any, Literal, TypeVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from ...torch_private import lay_out, multiply_laid_out
from .arrays import Matrix
from .quantized import DynamicInt8, pays_in_int8
from .shapes import LinearFunction, compiles_each_shape, in_few_shapes

Precision = Literal["float32", "bfloat16", "int8"]
"""The precision of products with prepared weights."""

MAX_TABLE = 16_000_000
"""Numbers in a table of the products of a matrix with all embeddings: 64 MB."""

Made = TypeVar("Made")
Network = TypeVar("Network", bound=nn.Module)


class UnpreparedWeights:
    """Products with weights as they are: in training, and in a network that was not prepared.

    Nothing is cached. Where torch's autocast is on, it says the precision.
    """

    def get(self, kind: Hashable, weights: Sequence[Tensor], make: Callable[[], Made]) -> Made:
        """Return something that follows from weights alone.

        kind (Hashable): What it is.
        weights (Sequence[Tensor]): The weights.
        make (Callable[[], Made]): Computes it.
        RETURNS (Made): What `make` returns.
        """
        return make()

    def linear(
        self, weights: Sequence[Tensor], biases: Sequence[Tensor] = (), quantize: bool = True
    ) -> LinearFunction:
        """Return the linear function of a matrix, or of several as one.

        weights (Sequence[Tensor]): The matrices, each `(outputs, columns)`.
        biases (Sequence[Tensor]): The bias of each, `(outputs,)`. None at all for no bias.
        quantize (bool): Whether the precision "int8" may apply.
        RETURNS (LinearFunction): What `functional.linear` computes, with the outputs of all
            matrices side by side.
        """
        if compiles_each_shape(weights[0]):
            return in_few_shapes(self._linear_in_bfloat16(weights, biases))
        matrix, bias = self._join(weights), self._join(biases) if biases else None
        return lambda data: functional.linear(data, matrix, bias)

    def embedding_product(
        self, embedding: nn.Embedding, matrix: Tensor, bias: Tensor | None = None
    ) -> Callable[[Tensor], Tensor]:
        """Return the linear function of a matrix, over the embeddings of a vocabulary.

        Never in integers: embeddings are small numbers.

        embedding (nn.Embedding): The embeddings.
        matrix (Tensor): The matrix, `(outputs, features)`.
        bias (Tensor | None): Its bias, `(outputs,)`.
        RETURNS (Callable[[Tensor], Tensor]): From entries of the vocabulary, `(words,)`, to the
            products with their embeddings, `(words, outputs)`.
        """
        multiply = self.linear([matrix], [] if bias is None else [bias], quantize=False)
        return lambda words: multiply(embedding(words))

    def _join(self, parts: Sequence[Tensor]) -> Tensor:
        return parts[0] if len(parts) == 1 else self.get("joined", parts, lambda: join(parts))

    def _linear_in_bfloat16(
        self, weights: Sequence[Tensor], biases: Sequence[Tensor]
    ) -> LinearFunction:
        matrix, bias = join(weights).bfloat16(), join(biases).bfloat16() if biases else None
        return lambda data: functional.linear(data.bfloat16(), matrix, bias)


UNPREPARED = UnpreparedWeights()


class PreparedWeights(UnpreparedWeights):
    """Products with the weights of a network in prediction, in a given precision.

    What follows from parameters alone is cached, and computed again after torch wrote to them.
    Other writes, to `parameter.data` or to an array that shares its memory, go unnoticed: call
    `clear` after them. Any number of threads may use one object.

    precision (Precision): The precision. "bfloat16" is for matrices in float32: products are in
        the type of the data, or where torch's autocast is on in bfloat16, as those of torch then.
        "int8" is for parameters that it is faster for, as `pays_in_int8` says.
    unquantized (Precision): The precision of all other products, if that is "int8".
    """

    def __init__(self, precision: Precision = "float32", unquantized: Precision = "float32"):
        self.precision = precision
        self.unquantized = unquantized if precision == "int8" else precision
        self._cache: dict[Hashable, tuple[list[tuple[int, int]], Any]] = {}

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.precision, self.unquantized)  # A copy has to fill its own cache.

    def get(self, kind: Hashable, weights: Sequence[Tensor], make: Callable[[], Made]) -> Made:
        """Return something that follows from parameters alone, cached until torch writes to them.

        Of other tensors, which may be gone when another one has their id, and of parameters whose
        writes torch does not count, nothing is cached.
        """
        if not all(map(_counts_writes, weights)):
            return make()
        cache = self._cache  # As of now: what is made of weights that change goes with them.
        key = kind, *map(id, weights)
        state = [(weight.data_ptr(), weight._version) for weight in weights]
        cached = cache.get(key)
        if cached is None or cached[0] != state:
            with torch.no_grad():
                cached = cache[key] = state, make()
        return cached[1]

    def clear(self) -> None:
        """Empty the cache, after weights have changed."""
        self._cache = {}

    def linear(
        self, weights: Sequence[Tensor], biases: Sequence[Tensor] = (), quantize: bool = True
    ) -> LinearFunction:
        if quantize and self._is_quantized(weights):
            rounded = self.get("int8", weights, lambda: DynamicInt8.from_float(join(weights)))
            bias = self._join(biases) if biases else None
            return in_few_shapes(lambda data: rounded.multiply(data, bias))
        if self._is_in_bfloat16(weights[0]):
            multiply = self._linear_in_bfloat16(weights, biases)
            return in_few_shapes(lambda data: multiply(data).to(data.dtype))
        return super().linear(weights, biases)

    def embedding_product(
        self, embedding: nn.Embedding, matrix: Tensor, bias: Tensor | None = None
    ) -> Callable[[Tensor], Tensor]:
        """Return the linear function of a matrix, over the embeddings of a vocabulary.

        It is a table, if this has at most `MAX_TABLE` numbers.
        """
        table = self.table(embedding, matrix, bias)
        if table is None:
            return super().embedding_product(embedding, matrix, bias)
        return lambda words: table.index_select(0, words)

    def table(
        self, embedding: nn.Embedding, matrix: Tensor, bias: Tensor | None = None
    ) -> Tensor | None:
        """Return the products of a matrix with the embeddings of a vocabulary.

        embedding (nn.Embedding): The embeddings.
        matrix (Tensor): The matrix, `(outputs, features)`.
        bias (Tensor | None): Its bias, `(outputs,)`.
        RETURNS (Tensor | None): The products, `(words, outputs)`. None if these are more than
            `MAX_TABLE` numbers.
        """
        vocabulary = embedding.weight
        if vocabulary.shape[0] * matrix.shape[0] > MAX_TABLE:
            return None

        def make_table() -> Tensor:
            # Computed once, so as exactly as it can be.
            with torch.autocast(vocabulary.device.type, enabled=False):
                return functional.linear(vocabulary, matrix, bias)

        weights = [vocabulary, matrix] if bias is None else [vocabulary, matrix, bias]
        return self.get("table", weights, make_table)

    def matrix(self, weight: Tensor, bias: Tensor | None = None, quantize: bool = True) -> Matrix:
        """Return a matrix for compiled functions, in the precision that `linear` computes in.

        weight (Tensor): The matrix, `(outputs, columns)`.
        bias (Tensor | None): Its bias, `(outputs,)`.
        quantize (bool): Whether the precision "int8" may apply.
        RETURNS (Matrix): The matrix and the bias, which is zero if there is none.
        """
        make = Matrix.in_float32
        if quantize and self._is_quantized([weight]):
            make = Matrix.in_int8
        elif self._is_in_bfloat16(weight) or compiles_each_shape(weight):
            make = Matrix.in_bfloat16

        def make_matrix() -> Matrix:
            return make(weight, weight.new_zeros(len(weight)) if bias is None else bias)

        weights = [weight] if bias is None else [weight, bias]
        return self.get(make.__name__, weights, make_matrix)

    def _linear_in_bfloat16(
        self, weights: Sequence[Tensor], biases: Sequence[Tensor]
    ) -> LinearFunction:
        # Casting a matrix and laying it out both take longer than a product of few rows.
        matrix = self.get("bfloat16", weights, lambda: lay_out(join(weights).bfloat16()))
        bias = self.get("bfloat16", biases, lambda: join(biases).bfloat16()) if biases else None
        return lambda data: multiply_laid_out(data.bfloat16(), matrix, bias)

    def _is_in_bfloat16(self, weight: Tensor) -> bool:
        """Whether this object, and not torch's autocast, computes in bfloat16."""
        is_float32 = self.unquantized == "bfloat16" and weight.dtype == torch.float32
        return is_float32 and not torch.is_autocast_enabled(weight.device.type)

    def _is_quantized(self, weights: Sequence[Tensor]) -> bool:
        are_parameters = all(isinstance(weight, nn.Parameter) for weight in weights)
        return self.precision == "int8" and are_parameters and pays_in_int8(weights)


class PreparedModule(nn.Module):
    """A module that computes with weights by `prepared`, which `prepare` sets.

    prepared (UnpreparedWeights): Computes products with the weights.
    """

    prepared: UnpreparedWeights = UNPREPARED


def prepare(network: Network, weights: PreparedWeights) -> Network:
    """Prepare a network for prediction.

    network (Network): The network, which stays as it is.
    weights (PreparedWeights): Computes with its weights.
    RETURNS (Network): A second network with the same parameters and buffers, in evaluation mode,
        whose modules hold the prepared weights. Run it under `torch.inference_mode`.
    """
    # A network that is switched to evaluation mode and back would be switched for all threads.
    shared = {id(tensor): tensor for tensor in (*network.parameters(), *network.buffers())}
    prepared = copy.deepcopy(network, shared).eval()
    for module in prepared.modules():
        if isinstance(module, PreparedModule):
            module.prepared = weights
    return prepared


def join(parts: Sequence[Tensor]) -> Tensor:
    """Concatenate weights that are multiplied by the same data.

    parts (Sequence[Tensor]): At least one, each `(outputs, …)`.
    RETURNS (Tensor): All outputs. A single part itself.
    """
    return parts[0] if len(parts) == 1 else torch.cat(list(parts))


def _counts_writes(weight: Tensor) -> bool:
    return isinstance(weight, nn.Parameter) and not weight.is_inference()
