"""Training of the cleaner's model: `make train`."""
