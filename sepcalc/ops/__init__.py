"""The operations: one small value type per kind, a module per family.

An op knows its own settings and nothing of where it stands. Given the shapes of its inputs it tells the shape of its
output and, exactly, what it costs. Each formula stands in its op's docstring and follows from the rules of
``docs/opcounts.md``; ``sepcalc verify`` confirms it by execution. ``x`` and ``y`` in the formulas are the elements of
the input and the output.
"""
