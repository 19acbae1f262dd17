"""Sentences that address the model instead of the task. A heuristic, for the record.

Covers the phrases that public collections of prompt injections share, in English, also in
full-width letters or with invisible characters between them. Does not cover other languages,
spelling tricks or polite persuasion. That is why a signal is reported and, except at `strict`,
nothing is refused for it: what protects is boundary 4, whatever the model was talked into.

An object decides, not a verb alone: "ignore case" and "override the proxy" are everyday requests.
"""

from __future__ import annotations

import re
import unicodedata

_ORDERS = r"(?:instructions?|prompts?|guidelines?|directions?|directives?|training)"
_LIMITS = r"(?:rules?|polic(?:y|ies)|restrictions?|constraints?|limitations?|filters?|guardrails?)"
_OWN = r"(?:your|previous|prior|earlier|preceding|above|initial|original|these|safety|security)"
_TEXT_ENDS = r"(?=\s*(?:[.,:;!]|$|and\b|then\b|verbatim\b|word for word\b))"

_PHRASES = {
    "override": rf"\b(?:ignore|disregard|forget|override|bypass|circumvent|skip|drop)\b.{{0,25}}?"
    rf"(?:\b(?:all|any|system|my|the|{_OWN})\s+(?:\w+\s+){{0,2}}?{_ORDERS}\b"
    rf"|\b{_OWN}\s+(?:\w+\s+)?{_LIMITS}\b"
    rf"|\b(?:the|everything|all|anything)\s+(?:\w+\s+)?(?:above|before|so far){_TEXT_ENDS}"
    r"|\b(?:everything|all|what(?:ever)?)\s+(?:that\s+)?you\b)"
    rf"|\b(?:do not|don'?t|stop|never)\s+(?:follow|obey|respect)(?:ing)?\b.{{0,20}}?"
    rf"\b(?:{_ORDERS}|{_LIMITS})\b",
    "persona": r"\byou are now\b(?! (?:in|on|at|logged|connected|using)\b)"
    r"|\bact as (?:if|though) you\b"
    r"|\b(?:act|behave|roleplay|role-play) (?:as|like) (?:an? |the )?(?:\w+ ){0,2}?"
    r"(?:assistant|ai|model|chatbot|hacker|dan|character|human)\b"
    r"|\bpretend (?:to be|you|that you)\b|\broleplay\b|\b(?:enter|in|into) developer mode\b"
    r"|\bjailbr(?:eak (?:yourself|mode|prompt|the model)|oken)\b|\bdo anything now\b"
    r"|\bfrom now on\b.{0,20}\byou\b",
    "disclosure": r"\b(?:reveal|print|show|repeat|output|display|leak|tell me|what (?:is|are))\b"
    r".{0,20}?(?:\b(?:the|your) (?:system|hidden|initial|original|secret) (?:prompt|message)\b"
    rf"(?! (?:string|colou?r))|\byour (?:\w+ )?(?:{_ORDERS}|{_LIMITS})\b)"
    rf"|\brepeat (?:everything|all|the (?:text|words?|lines?)) (?:above|before){_TEXT_ENDS}",
    "verbatim": r"\b(?:respond|reply|answer)\b.{0,20}?\b(?:only|exactly|verbatim|just)\b.{0,30}?"
    r"(?::|\bwith\b|[\"'`])|\b(?:respond|reply|answer) with (?:only|exactly|just|the following)\b"
    r"|\bsay (?:only|exactly|just)\b",
    "no_judgement": r"\b(?:without|skip|disable|turn off|bypass|evade|avoid|trick)\b.{0,15}?"
    r"\b(?:guardrails?|safety (?:checks?|filters?|rules?|policy)|the (?:command )?guard\b(?! page)"
    r"|your (?:checks?|validation|verdict))"
    r"|\b(?:mark|label|treat|classify|rate|call) (?:it|this|(?:the|every|any|each) command) "
    r"(?:as )?safe\b(?! director| for git)",
    "new_task": r"(?:^|[.;!\n])\s*new (?:instructions?|task|system prompt)\b"
    r"|\byour (?:new|real|only|true|actual) (?:task|job|goal|purpose|role|instructions?)\b",
    "role_marker": r"(?:^|\n)\s*(?:system|assistant)\s*:|\[/?inst\]|<</?sys>>"
    r"|#{2,}\s*(?:system|instruction|response|assistant)",
}
_SIGNALS = {name: re.compile(phrase, re.IGNORECASE) for name, phrase in _PHRASES.items()}


def signals_in(query: str) -> tuple[str, ...]:
    """The names of what looks like an attempt to steer the model, in a fixed order."""
    folded = unicodedata.normalize("NFKC", query).replace("\u2019", "'")
    visible = "".join(char for char in folded if unicodedata.category(char) != "Cf")
    text = re.sub(r"[^\S\n]+", " ", visible)
    on_one_line = " ".join(text.split())
    return tuple(
        name
        for name, phrase in _SIGNALS.items()
        if phrase.search(text) or phrase.search(on_one_line)
    )
