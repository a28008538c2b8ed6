"""timm's published GMACs: fvcore's numbers, with attention fused."""

from sepcalc.conventions import fvcore

COUNTER = fvcore.COUNTER._replace(name="timm", source="timm's benchmark.py, profile_fvcore")
