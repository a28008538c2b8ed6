"""What is derived from a network beside its costs: receptive fields, folded norms."""
