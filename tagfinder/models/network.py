"""What `NeuralRecommender` needs from a network besides its logits."""

from __future__ import annotations

from torch import nn


class RecommenderNetwork(nn.Module):
    """A network from the inputs of B posts to (B, L) logits.

    `NeuralRecommender` takes any `torch.nn.Module`. One that derives from this class can also name
    the layers below, which are trained in a way of their own.
    """

    @property
    def output_layer(self) -> nn.Linear | None:
        """The layer that gives the logits.

        Its bias, if any, starts at the hashtags' frequencies; None leaves all layers as
        they were initialised.
        """
        return None

    @property
    def pretrained_encoder(self) -> nn.Module | None:
        """The part that was trained before, None without one; it has a learning rate of its own."""
        return None
