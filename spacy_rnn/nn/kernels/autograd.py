"""What backward passes of our own have in common."""

import torch


def refuse_second_derivatives() -> None:
    """Refuse to be differentiated in a backward pass, whose result would be wrong in silence.

    RAISES (RuntimeError): If the gradients of this pass are wanted of its gradients.
    """
    if torch.is_grad_enabled():
        raise RuntimeError(
            "Second derivatives are wanted of an operation of spacy-rnn that has first ones "
            "alone: call torch.autograd.grad or backward without create_graph=True"
        )
