"""A check for the backward passes of this package."""

import torch


def refuse_second_derivatives() -> None:
    """Refuse to record a backward pass that autograd cannot differentiate.

    Gradients of its gradients would be wrong without a warning.

    RAISES (RuntimeError): If gradients are recorded.
    """
    if torch.is_grad_enabled():
        raise RuntimeError(
            "Second derivatives are wanted of an operation of spacy-rnn that has only first ones: "
            "call torch.autograd.grad or backward without create_graph=True"
        )
