"""Coding agents ask here before they run a shell command.

    cli-tuner hook install claude      puts us into the agent's own settings
    cli-tuner hook run claude          what the agent then calls before each command

`dangerous` is denied with its reason, `review` is asked about, and for the rest we are silent: the
agent's own permissions decide, we never say "allow". Whatever goes wrong on our side blocks.

Covers the text of the command that the agent hands over. Does not cover files that the agent
writes with its own editor and runs later, commands of other tools (MCP servers), or an agent that
is started without its hooks.
"""
