"""Operators that torch does not document, each with a fallback.

They may change with any release of torch. So each is probed when this module is imported, by
its name and its number of arguments (microseconds, and no kernel is compiled), and where this
torch has none of that form, the functions below compute the same another way, if not as fast.
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional


def find_operator(name: str, arguments: int) -> Callable[..., Any] | None:
    """Find an operator of torch.

    name (str): Its name with its namespace, such as "aten::mm".
    arguments (int): The number of arguments that it will be called with.
    RETURNS (Callable[..., Any] | None): The operator. None if this torch has none of the name, or
        it takes more or fewer arguments.
    """
    namespace, _, operator = name.partition("::")
    overload = getattr(getattr(getattr(torch.ops, namespace), operator, None), "default", None)
    if overload is None:
        return None
    schema = overload._schema.arguments
    required = sum(not argument.has_default_value() for argument in schema)
    return overload if required <= arguments <= len(schema) else None


IS_BFLOAT16_SUPPORTED = find_operator("mkldnn::_is_mkldnn_bf16_supported", 0)
REORDER_LINEAR = find_operator("mkldnn::_reorder_linear_weight", 2)
LINEAR = find_operator("mkldnn::_linear_pointwise", 6)
REORDER_LSTM = find_operator("mkldnn::_reorder_mkldnn_rnn_layer_weight", 6)
LSTM = find_operator("aten::mkldnn_rnn_layer", 16)
INT8_PREPACK = find_operator("onednn::qlinear_prepack", 2)
INT8_LINEAR = find_operator("onednn::qlinear_pointwise", 13)
FUSED_ADAMW = find_operator("aten::_fused_adamw_", 13)


def onednn_has(dtype: torch.dtype) -> bool:
    """Whether oneDNN computes in a type.

    dtype (torch.dtype): The type.
    RETURNS (bool): Whether oneDNN is there, in use, and has this type on this processor.
    """
    onednn = torch.backends.mkldnn
    if not (onednn.is_available() and onednn.enabled):
        return False
    if dtype != torch.bfloat16:
        return dtype == torch.float32
    if IS_BFLOAT16_SUPPORTED is None:  # What has the instructions, oneDNN supports.
        return has_bfloat16_instructions()
    return IS_BFLOAT16_SUPPORTED()


def onednn_has_lstm(dtype: torch.dtype) -> bool:
    """Whether oneDNN computes an LSTM in a type.

    dtype (torch.dtype): The type.
    RETURNS (bool): Whether `onednn_lstm` may be called.
    """
    return LSTM is not None and onednn_has(dtype)


def is_fast_in_bfloat16() -> bool:
    """Whether this processor has instructions for bfloat16, and oneDNN uses them.

    RETURNS (bool): Whether it does. oneDNN also emulates them, slowly.
    """
    return has_bfloat16_instructions() and onednn_has(torch.bfloat16)


def has_bfloat16_instructions() -> bool:
    """Whether this processor has instructions for products in bfloat16.

    RETURNS (bool): Whether it does, as far as torch knows.
    """
    # A processor with AMX has it for bfloat16.
    return _has_instructions("bf16", "_is_avx512_bf16_supported", "_is_amx_tile_supported")


def has_vnni() -> bool:
    """Whether this processor has instructions for products of 8-bit integers, summed in 32 bits.

    RETURNS (bool): Whether it does, as far as torch knows.
    """
    return _has_instructions("vnni", "_is_vnni_supported", "_is_avx512_vnni_supported")


def _has_instructions(name: str, *probes: str) -> bool:
    """Whether this processor has instructions, by a part of their name.

    Before torch 2.10 the probes are all that is known.
    """
    get_capabilities = getattr(torch.cpu, "get_capabilities", None)
    if get_capabilities is not None:
        return any(value for key, value in get_capabilities().items() if name in key)
    return any(getattr(torch.cpu, probe, bool)() for probe in probes)


def has_int8_linear() -> bool:
    """Whether torch multiplies matrices of 8-bit integers, by `int8_linear`.

    RETURNS (bool): Whether it does, on a CPU.
    """
    # A torch without oneDNN has the names of these operators too, but nothing behind them.
    has_operators = INT8_PREPACK is not None and INT8_LINEAR is not None
    return has_operators and torch.backends.mkldnn.is_available()


def lay_out(matrix: Tensor) -> Tensor:
    """Lay a matrix out as oneDNN reads it, which it would do for each product.

    matrix (Tensor): The matrix, `(outputs, columns)`.
    RETURNS (Tensor): The same for `multiply_laid_out` alone; as it is where oneDNN has no such
        product.
    """
    on_cpu = matrix.device.type == "cpu"
    if REORDER_LINEAR is None or LINEAR is None or not (on_cpu and onednn_has(matrix.dtype)):
        return matrix
    return REORDER_LINEAR(matrix.contiguous(), None)


def multiply_laid_out(data: Tensor, matrix: Tensor, bias: Tensor | None = None) -> Tensor:
    """Compute what `functional.linear` does with a matrix that was laid out.

    data (Tensor): Rows, `(…, columns)`.
    matrix (Tensor): What `lay_out` returned.
    bias (Tensor | None): What is added, `(outputs,)`.
    RETURNS (Tensor): The products, `(…, outputs)`.
    """
    if LINEAR is None or not matrix.is_mkldnn:
        return functional.linear(data, matrix, bias)
    return LINEAR(data, matrix, bias, "none", [], "")


def lay_out_lstm(weight_ih: Tensor, weight_hh: Tensor, backward: bool) -> Sequence[Tensor]:
    """Lay the matrices of an LSTM out as oneDNN reads them, which it would do for each call.

    weight_ih (Tensor): The input matrix, `(4 * hidden, inputs)`.
    weight_hh (Tensor): The recurrent matrix, `(4 * hidden, hidden)`, of the same type.
    backward (bool): Whether the LSTM reads from the end.
    RETURNS (Sequence[Tensor]): The same for `onednn_lstm` without gradients alone.
    """
    matrices = weight_ih, weight_hh.contiguous()
    if REORDER_LSTM is None:
        return matrices
    has_biases, batch_first = True, False
    return REORDER_LSTM(*matrices, weight_hh.shape[1], backward, has_biases, batch_first)


def onednn_lstm(
    data: Tensor,
    matrices: Sequence[Tensor],
    biases: Sequence[Tensor],
    state: tuple[Tensor, Tensor],
    backward: bool,
) -> tuple[Tensor, Tensor]:
    """Run oneDNN's LSTM over sequences of one length, where `onednn_has_lstm`.

    data (Tensor): The sequences, `(steps, batch, inputs)`.
    matrices (Sequence[Tensor]): Input and recurrent matrix, for prediction as `lay_out_lstm`
        returned them.
    biases (Sequence[Tensor]): The bias of each, `(4 * hidden,)`.
    state (tuple[Tensor, Tensor]): Hidden and cell state at the start, each `(1, batch, hidden)`.
    backward (bool): Whether to read from the end.
    RETURNS (tuple[Tensor, Tensor]): The hidden state at each step, `(steps, batch, hidden)`, and
        the cell state at the end, `(1, batch, hidden)`.
    """
    weight_ih, weight_hh = matrices
    bias_ih, bias_hh = biases
    hidden_state, cell_state = state
    output, _, last_cell_state, _ = torch.mkldnn_rnn_layer(
        data,
        weight_ih,
        weight_hh,
        bias_ih,
        bias_hh,
        hidden_state,
        cell_state,
        backward,
        [],  # batch_sizes
        2,  # mode: LSTM
        hidden_state.shape[2],  # hidden_size
        1,  # num_layers
        True,  # has_biases
        False,  # bidirectional
        False,  # batch_first
        torch.is_grad_enabled(),  # train: whether a backward pass may follow
    )
    return output, last_cell_state


def prepack_int8(integers: Tensor) -> Tensor:
    """Lay a matrix of 8-bit integers out as oneDNN reads it, where `has_int8_linear`.

    integers (Tensor): The matrix, `(outputs, columns)`.
    RETURNS (Tensor): The same for `int8_linear` alone.
    """
    return torch.ops.onednn.qlinear_prepack.default(integers, None)


def int8_linear(
    levels: Tensor, unit: float, zero: int, packed: Tensor, scales: Tensor, zeros: Tensor
) -> Tensor:
    """Multiply 8-bit integers by a matrix of 8-bit integers, where `has_int8_linear`.

    levels (Tensor): The rows, bytes of shape `(…, columns)`.
    unit (float): What a step between two levels stands for.
    zero (int): The level that stands for zero.
    packed (Tensor): What `prepack_int8` returned.
    scales (Tensor): What each product is multiplied by, `(outputs,)`.
    zeros (Tensor): The integer of the matrix that stands for zero, for each row `(outputs,)`.
    RETURNS (Tensor): The products as float32, `(…, outputs)`.
    """
    return torch.ops.onednn.qlinear_pointwise.default(
        levels,
        unit,
        zero,
        packed,
        scales,
        zeros,
        None,  # bias: it is not to be scaled with the data
        1.0,  # output_scale
        0,  # output_zero_point
        torch.float32,
        "none",  # post_op_name
        [],
        "",
    )


def adamw_step(
    weights: Tensor,
    gradient: Tensor,
    mean: Tensor,
    square: Tensor,
    *,
    step: int,
    learn_rate: float,
    beta1: float,
    beta2: float,
    weight_decay: float,
    eps: float,
) -> None:
    """Take a step of AdamW in place (Kingma & Ba 2015, algorithm 1; Loshchilov & Hutter 2019).

    Where torch has its fused kernel, it is one pass over memory.

    weights (Tensor): The weights.
    gradient (Tensor): Their gradient, which is only read.
    mean (Tensor): The moving average of the gradient.
    square (Tensor): The moving average of its square.
    step (int): The number of this step, from 1.
    learn_rate (float): The learning rate.
    beta1 (float): The decay of the mean.
    beta2 (float): The decay of the square.
    weight_decay (float): What of the weights decays, times the learning rate.
    eps (float): What is added to the corrected root of the square.
    """
    if FUSED_ADAMW is not None:
        torch._fused_adamw_(
            [weights],
            [gradient],
            [mean],
            [square],
            [],  # The highest second moments, for AMSGrad.
            [weights.new_tensor(float(step), dtype=torch.float32)],
            amsgrad=False,
            beta1=beta1,
            beta2=beta2,
            lr=learn_rate,
            weight_decay=weight_decay,
            eps=eps,
            maximize=False,
        )
        return
    weights.mul_(1 - learn_rate * weight_decay)
    mean.lerp_(gradient, 1 - beta1)
    square.mul_(beta2).addcmul_(gradient, gradient, value=1 - beta2)
    denominator = (square / (1 - beta2**step)).sqrt_().add_(eps)
    weights.addcdiv_(mean, denominator, value=-learn_rate / (1 - beta1**step))
