"""What a network would cost with other convolutions, another width or another resolution.

A network goes in, a rewritten network comes out, with the same outer shapes where only layers were rewritten, and for
every layer what became of it, or why it was left alone. The rewrites are those of :mod:`sepcalc.rewrite`.
"""

from sepcalc.whatif.rules import Change, Rewritten, Rule, read_rule, read_rules, resized_and_rewritten, rewrite

__all__ = ["Change", "Rewritten", "Rule", "read_rule", "read_rules", "resized_and_rewritten", "rewrite"]
