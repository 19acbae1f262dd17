"""An MCP server: `generate_command`, `check_command` and `explain_command` for any MCP client.

    cli-tuner mcp          speaks MCP on stdin and stdout; needs the extra: cli-tuner[mcp]

Uses the official SDK (https://github.com/modelcontextprotocol/python-sdk, MIT). Nothing runs
through it: its tools judge and explain texts, and turn sentences into commands.
"""
