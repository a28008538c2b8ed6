"""The operations: one module per family, with all facts about its kinds.

An op knows its own settings, not its place in a network. From the shapes of its inputs it computes the shape of its
output and its exact cost. Each formula is in its op's docstring and follows from the rules of ``docs/opcounts.md``;
``sepcalc verify`` confirms it by execution. In the formulas, ``x`` and ``y`` are the number of elements of the input
and the output. An op also states how it is written as a layer (``written``), how its channels depend on others
(``ties``), and what it becomes at another width or resolution (``resized``). ``BUILD`` maps each kind of the family to
the function that builds an op from a layer.
"""
