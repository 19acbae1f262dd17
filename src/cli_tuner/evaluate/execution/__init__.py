"""Whether two commands do the same, found out by running both in the sandbox.

`judge` compares a command with a reference on file trees made for the two; `tasks` are the
requests of the project's own benchmark, which bring their trees and their accepted references.
Three outcomes: equivalent, different, undecidable. The method is in docs/EXECUTION.md.
"""
