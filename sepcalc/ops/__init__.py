"""The operations: a module per family, with everything that is known of its kinds.

An op knows its own settings and nothing of where it stands. Given the shapes of its inputs it tells the shape of its
output and, exactly, what it costs. Each formula stands in its op's docstring and follows from the rules of
``docs/opcounts.md``; ``sepcalc verify`` confirms it by execution. ``x`` and ``y`` in the formulas are the elements of
the input and the output. Beside its output and its cost an op says how it is written as a layer (``written``), how its
channels depend on others (``ties``), and what it is at another width or resolution (``resized``). ``BUILD`` tells for
each kind of the family how a layer becomes an op.
"""
