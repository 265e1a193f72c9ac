"""A linear layer."""

from torch import Tensor, nn

from .prepared import PreparedModule


class Linear(nn.Linear, PreparedModule):
    """A linear layer that multiplies by its prepared weight."""

    def forward(self, input: Tensor) -> Tensor:
        biases = [] if self.bias is None else [self.bias]
        return self.prepared.linear([self.weight], biases)(input)
