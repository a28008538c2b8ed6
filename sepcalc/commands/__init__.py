"""What a command does that needs several rooms: arguments in, results out. A module per command; none of them prints.

``sepcalc check`` and ``sepcalc.check`` are the same work: the command adds options, files and exit codes.
"""
