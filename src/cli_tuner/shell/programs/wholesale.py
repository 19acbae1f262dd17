"""How much of what is kept elsewhere goes at once: one thing, or all there is.

    DROP TABLE orders    one of many        DROP DATABASE shop    all of it
    aws s3 rm s3://b/x   one of many        aws s3 rb s3://b --force

An effect on remote state is `whole` if nobody is asked and what goes holds everything of its kind:
a database, a bucket, a namespace, a project, the infrastructure, or all that a list printed. What
is named after a test, a demo or a sandbox is meant to be thrown away and is never `whole`; a name
that also says production is.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from cli_tuner.shell.values import HOLE, STAR

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cli_tuner.shell.call import Call
    from cli_tuner.shell.words import Field

WHOLE = "whole"
_DISPOSABLE = re.compile(
    r"(?<![a-z/])(?:tests?|qa|uat|testing|tmp|temp|scratch|dev|devel|develop(?:ment)?|staging|stage|"
    r"sandbox|demo|playground|examples?|dummy|throwaway|ephemeral|preview|old|poc|trial|"
    r"review-[\w-]+|pr-\d+)(?![a-z])",
    re.I,
)
_SERIOUS = re.compile(r"(?<![a-z])(?:prod|production|live|kube-system)(?![a-z])", re.I)
_AGREED = frozenset(
    "-y --yes -q --quiet -f --force --confirm --approve -auto-approve --auto-approve --assume-yes "
    "--no-input --non-interactive --noinput --no-prompt --skip-preview --yes-really "
    "--terragrunt-non-interactive --autoApprove --skip-confirmation".split()
)


def disposable(words: Iterable[str]) -> bool:
    """Whether these words name something that is made to be thrown away."""
    text = " ".join(words)
    return _DISPOSABLE.search(text) is not None and _SERIOUS.search(text) is None


def agreed(call: Call) -> bool:
    """Whether the program was told not to ask."""
    return call.has(*_AGREED)


def listed(fields: Iterable[Field]) -> bool:
    """Whether these words came from a list of all there is, not from a choice."""
    return any("many" in f.value.taints and "filtered" not in f.value.taints for f in fields)


_CHOSEN = ("-l", "--selector", "--field-selector")
_KEPT = frozenset({"cloud", "cluster", "infrastructure", "database", "stores"})
# A table may be named live_sessions; a database's host or settings say production in full.
_PRODUCTION = re.compile(r"(?<![a-z])(?:prod|production)(?![a-z])", re.I)
_SETTINGS = (
    "RAILS_ENV RACK_ENV APP_ENV NODE_ENV DJANGO_SETTINGS_MODULE MIX_ENV DATABASE_URL PGHOST "
    "PGDATABASE MYSQL_HOST ENV ENVIRONMENT".split()
)


_CONTAINER_SETTINGS = ("DOCKER_HOST", "DOCKER_CONTEXT", "COMPOSE_FILE", "COMPOSE_PROJECT_NAME")
_NAMESPACES = frozenset({"ns", "namespace", "namespaces", "project", "projects"})


def _set(call: Call, names: Iterable[str]) -> list[str]:
    known = (call.shell.scope.variables.get(name) for name in names)
    return [value.text for value in known if value is not None]


def graded(call: Call, target: str | None, attributes: tuple[str, ...]) -> tuple[str, ...]:
    """The attributes of an effect on remote state, with what the names in the words say."""
    if "change" in attributes or not _KEPT & set(attributes):
        return attributes
    if ("database" not in attributes and call.has(*_CHOSEN)) or _one_object(call):
        return attributes
    words = [target or "", *(arg.text for arg in call.args)]
    if "cluster" not in attributes or _NAMESPACES & set(words):
        words += [arg.text for arg in call.before]  # where it acts: a file, a project, a context
    if "stores" in attributes:
        words += _set(call, _CONTAINER_SETTINGS)
    if "database" in attributes:
        words += _set(call, _SETTINGS)
        serious = _PRODUCTION.search(" ".join(words)) is not None
        return (*attributes, "production") if serious else attributes
    if "cluster" in attributes:
        # One thing in a namespace of that name is not the namespace.
        inside = call.after("-n", "--namespace")
        words = [w for w in words if inside is None or inside.text not in (w, w.partition("=")[2])]
    if _SERIOUS.search(" ".join(words)):
        return (*attributes, "production")
    return (*attributes, "disposable") if disposable(words) else attributes


# --- clouds


def _one_object(call: Call) -> bool:
    """Whether a store's client takes single objects, or a bucket that has to be empty for it."""
    stores = [arg.text for arg in call.args if _STORE.match(arg.text)]
    return bool(stores) and not call.has("-r", "-R", "--recursive", "-rf", "--force", "--delete")


_STORE = re.compile(r"(?:s3|gs|b2|oss|cos)://")
# What holds everything else that belongs to a customer, a system or a data set.
_HOLDERS = frozenset(
    "project projects group groups cluster clusters folder folders organization organizations "
    "resource-group instances:sql databases buckets delete-org delete-space".split()
)
# Holders by the service, which is the first word: `az storage account delete`.
_HOLDERS_OF = {"sql": "instances", "storage": "account", "cosmosdb": "delete", "keyvault": "purge"}
# Clients that ask nothing, and what takes all there is with them.
_UNASKED = re.compile(
    r"^(?:aws organizations (?:close-account|delete-organization)|firebase database:remove /(?: |$)"
    r"|firebase firestore:delete .*--all-collections|consul kv delete .*-recurse(?: /?)?$"
    r"|az storage (?:container delete|share delete|blob delete-batch(?!.*--pattern))\b"
    r"|supabase db reset .*--(?:linked|db-url)"
    r"|rabbitmqctl (?:.* )?(?:force_)?reset$|bq rm .*-f.*\s[\w-]+:\w+$)"
)
_STORE_ROOT = re.compile(rf"(?:s3|gs|b2|oss|cos)://[^/{STAR}{HOLE}]+/?[*{STAR}]*$")
_WITHOUT_COPY = ("--skip-final-snapshot",)


def whole_of_cloud(call: Call, words: list[str]) -> bool:
    """Whether a verb that loses something takes all there is, unasked."""
    if disposable(words):
        return False
    if listed(call.args) or call.has(*_WITHOUT_COPY):
        return True
    if _UNASKED.search(" ".join([call.name, *(arg.text for arg in call.args)])):
        return True
    recursive = call.has("-r", "-R", "--recursive", "-rf") or call.name == "s5cmd"
    stores = [arg.text for arg in call.args if _STORE_ROOT.match(arg.text)]
    if stores:
        recursive = recursive or any(word.endswith(("**", STAR * 2)) for word in stores)
        forced = call.has("--force", "-f")
        return recursive or (forced and bool({"rb", "rm"} & set(words)))
    holders = _HOLDERS | {_HOLDERS_OF.get(words[0] if words else "", "")}
    return agreed(call) and (call.has("--all") or bool(holders & set(words[:4])))


# --- clusters

_KEPT_KINDS = frozenset(
    "all ns namespace namespaces project projects crd crds customresourcedefinition "
    "customresourcedefinitions pvc persistentvolumeclaim persistentvolumeclaims pv "
    "persistentvolume persistentvolumes secret secrets cm configmap configmaps sts statefulset "
    "statefulsets deploy deployment deployments node nodes no".split()
)


def whole_of_cluster(call: Call) -> bool:
    """Whether `kubectl delete` takes everything of a kind that is not made again by itself."""
    words = [arg.text for arg in call.args if arg.text[:1] != "-"]
    if "drain" in words and call.has("--all") and not call.has(*_CHOSEN):
        return True
    if "delete" not in words or call.has(*_CHOSEN) or disposable(arg.text for arg in call.args):
        return False
    if listed(call.args):
        return True
    named = [word for word in words[words.index("delete") + 1 :] if word]
    kinds = set((named or [""])[0].partition("/")[0].split(","))
    every = call.has("--all")
    everywhere = call.has("-A", "--all-namespaces")
    return (every and bool(kinds & _KEPT_KINDS)) or (every and everywhere)


# --- git

_SHARED = re.compile(r"(?:^|[:+/])(?:main|master|trunk|production|prod)$")


def whole_of_branch(call: Call, texts: list[str]) -> bool:
    """Whether a push replaces or deletes a branch that everybody builds on, or all of them."""
    if "push" not in texts or call.has("--dry-run", "-n"):
        return False
    targets = [text for text in texts[texts.index("push") + 1 :] if text[:1] != "-"][1:]
    shared = [text for text in targets if _SHARED.search(text)]
    if any(text[:1] in "+:" for text in (targets if listed(call.args) else shared)):
        return True
    if call.has("-d", "--delete"):
        return bool(shared) or listed(call.args)
    forced = call.has("-f", "--force")
    return forced and (bool(shared) or call.has("--all", "--mirror"))
