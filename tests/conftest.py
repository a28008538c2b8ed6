"""How Hypothesis runs here: few examples, the same ones every time, no clock."""

from hypothesis import settings

settings.register_profile("house", deadline=None, max_examples=60, derandomize=True, database=None)
settings.load_profile("house")
