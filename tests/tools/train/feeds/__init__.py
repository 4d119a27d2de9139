"""Invented feed items with the clutter of site builders, for the training of the model of feed HTML."""
