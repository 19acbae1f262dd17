"""What can be seen of a pair without running anything: is it a request, is it one command line.

The limits are those of the product: what it would refuse as a query or as an answer is nothing to
learn from.
"""

from __future__ import annotations

import unicodedata
from dataclasses import replace

from cli_tuner.data.config import Limits
from cli_tuner.data.pair import Pair
from cli_tuner.prompt import template_token_in

_BREAKS = "\t\n\r"


def tidied(pair: Pair) -> Pair:
    """The pair as the product would see it: NFC, and white space in the request as single spaces.

    The command loses white space around it and nothing else.
    """
    query = " ".join(unicodedata.normalize("NFC", pair.query).split())
    return replace(pair, query=query, command=pair.command.strip())


def fault_of(pair: Pair, limits: Limits) -> str:
    """Why a tidied pair is not usable, or ""."""
    return _fault_of_query(pair.query, limits) or _fault_of_command(pair, limits)


def _fault_of_query(query: str, limits: Limits) -> str:
    low, high = limits.query_characters
    if not low <= len(query) <= high:
        return f"the request has not {low} to {high} characters"
    if not any(char.isalnum() for char in query):
        return "the request says nothing"
    if _hidden(query):
        return "the request has invisible characters"
    if template_token_in(query):
        return "the request has a chat-template token"
    return ""


def _fault_of_command(pair: Pair, limits: Limits) -> str:
    command = pair.command
    low, high = limits.command_characters
    if not command:
        return "the command is empty"
    if any(char in command for char in _BREAKS[1:]):
        return "the command has several lines"
    if not low <= len(command) <= high:
        return f"the command has not {low} to {high} characters"
    if _hidden(command):
        return "the command has invisible characters"
    if template_token_in(command):
        return "the command has a chat-template token"
    if command == pair.query:
        return "the command is the request"
    return ""


def _hidden(text: str) -> bool:
    """Controls, format characters and surrogates: nobody sees them, and some change the meaning."""
    if text.isascii() and text.isprintable():
        return False
    return any(
        unicodedata.category(char) in ("Cc", "Cf", "Cs", "Co") and char not in _BREAKS
        for char in text
    )
