"""Shared by all importers: the graph builder, layouts, attributes, and one module per family of operators."""
