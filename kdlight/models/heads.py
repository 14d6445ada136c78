"""From a feature vector to logits."""

import torch
from torch import Tensor, nn


class LinearHead(nn.Module):
    """Dropout and one linear layer, as BERT's classifier has it.

    Shapes: [batch features] to [batch classes].
    """

    def __init__(self, features: int, classes: int, dropout: float = 0.1) -> None:
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        self.output = nn.Linear(features, classes)

    def forward(self, features: Tensor) -> Tensor:
        """Logits of a batch."""
        return self.output(self.dropout(features))


class MLPHead(nn.Module):
    """One hidden layer with ReLU, as in Tang et al. 2019 (arXiv 1903.12136).

    Shapes: [batch features] to [batch classes].
    """

    def __init__(self, features: int, classes: int, hidden: int, dropout: float = 0.1) -> None:
        super().__init__()
        self.hidden = nn.Linear(features, hidden)
        self.dropout = nn.Dropout(dropout)
        self.output = nn.Linear(hidden, classes)

    def forward(self, features: Tensor) -> Tensor:
        """Logits of a batch."""
        return self.output(self.dropout(torch.relu(self.hidden(features))))
