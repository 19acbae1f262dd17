"""Which requests give a secret away: a variable sent to a stranger, a machine's own identity.

A token in a header to the service that issued it is how programs work; the same token in the
address of another host is a leak. Not covered: tokens with names that do not say whose they are.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import unquote

from cli_tuner.shell.values import HOLE
from cli_tuner.shell.words import Field

_GOOGLE = r"google|gcr\.io|pkg\.dev|run\.app|cloudfunctions|appspot"
# Part of a variable's name -> what the hosts of its issuer are called.
_ISSUERS = {
    "GITHUB": "github", "GH_": "github", "GITLAB": "gitlab", "CI_JOB": "gitlab", "SLACK": "slack",
    "OPENAI": "openai", "ANTHROPIC": "anthropic", "NPM": "npm", "NODE_AUTH": "npm",
    "DOCKER": "docker", "STRIPE": "stripe", "HEROKU": "heroku", "DIGITALOCEAN": "digitalocean",
    "CLOUDFLARE": "cloudflare", "CF_": "cloudflare", "TELEGRAM": "telegram", "HF_": "huggingface",
    "HUGGING": "huggingface", "GOOGLE": _GOOGLE, "GCP": _GOOGLE,
    "AZURE": "azure|microsoft|windows",
    "TWILIO": "twilio", "SENDGRID": "sendgrid", "PYPI": "pypi", "TWINE": "pypi",
    "AWS": "amazonaws|aws",
    "VERCEL": "vercel", "NETLIFY": "netlify", "DISCORD": "discord", "SENTRY": "sentry",
    "DATADOG": "datadog", "DD_": "datadog", "BITBUCKET": "bitbucket", "LINEAR": "linear",
    "NOTION": "notion", "CIRCLE": "circleci", "SNYK": "snyk", "SONAR": "sonar", "GEMINI": "google",
}  # fmt: skip
# These are never sent as they are, to anybody.
_NEVER = re.compile(
    r"AWS_SECRET|SECRET_KEY_BASE|DB_PASS|DATABASE_PASS|PGPASS|MYSQL|POSTGRES|SUDO|ROOT_PASS|"
    r"PRIVATE_KEY|PASSPHRASE|_PWD$|VAULT_TOKEN|KUBE|ANSIBLE_"
)
_HOST = re.compile(r"^(?:\w+://)?(?:[^/@\s]*@)?([^/:?#\s]+)")
_NEAR = re.compile(
    r"^(?:localhost|127\.|\[?::1|10\.|192\.168\.|172\.(?:1[6-9]|2\d|3[01])\.|[\w-]+$)"
)


def _issuer(name: str) -> str | None:
    return next((hosts for part, hosts in _ISSUERS.items() if part in name), None)


def leaked_variables(args: Iterable[Field], address: str) -> list[str]:
    """Names of the secret variables among the arguments that go where they do not belong."""
    match = _HOST.match(address)
    host = match.group(1).lower() if match else ""
    if not host or _NEAR.match(host) or "$" in host[:1]:
        return []
    found: list[str] = []
    for arg in args:
        for taint in sorted(arg.value.taints):
            name = taint.removeprefix("env:")
            if name == taint:
                continue
            issuer = _issuer(name)
            if _NEVER.search(name) or (issuer and not re.search(issuer, host)):
                found.append(name)
    return found


_LINK_LOCAL = re.compile(
    r"^(?:\w+://)?(?:169\.254\.169\.254|\[?fd00:ec2::254\]?|metadata\.google\.internal|metadata|"
    r"instance-data(?:\.ec2\.internal)?|100\.100\.100\.200|0xa9fea9fe|2852039166|"
    r"169\.254\.170\.2|169\.254\.170\.23|metadata\.azure\.internal|168\.63\.129\.16|192\.0\.0\.192)"
    r"(?::\d+)?(?P<path>[/" + HOLE + r"?].*|$)",
    re.I,
)
_IDENTITY = re.compile(
    r"security-credentials/?|service-accounts|oauth2/token|/identity|/token\b|user-?data|"
    r"/credentials|ram/|/attributes|openstack/.*password|" + HOLE,
    re.I,
)


def steals_identity(addresses: Iterable[str]) -> bool:
    """Whether an address is a cloud's metadata service where it gives out credentials."""
    for address in addresses:
        match = _LINK_LOCAL.match(unquote(address))
        if match is None:
            continue
        path = match.group("path")
        container = "169.254.170." in address
        if container or (_IDENTITY.search(path) and not path.endswith("/api/token")):
            return True
    return False
