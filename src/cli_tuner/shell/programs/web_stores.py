"""What a request to a store's own interface loses: an index, a database, a repository, or all.

    curl -X DELETE http://es:9200/_all               all of it
    curl -X DELETE https://api.github.com/repos/a/b  all of a project
    curl http://ch:8123 -d 'DROP DATABASE logs'      all of a database

Known by the port or the path of the interface. Not covered: interfaces of one's own.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from cli_tuner.shell.values import STAR

_EVERYTHING = re.compile(
    rf":920\d/(?:_all|\*|{STAR})?/?(?:\?|$)"
    r"|:5984/[a-z][\w$()+-]*/?$"
    r"|://api\.github\.com/(?:repos/[\w.-]+|orgs)/[\w.-]+/?$"
    r"|/api/v4/(?:projects|groups)/[\w.%-]+/?$"
    r"|/v1/sys/(?:mounts|auth)/[\w/-]+$"
    r"|/api/v1/namespaces/[\w.-]+/?$"
)
_BY_QUERY = re.compile(r"/_delete_by_query\b|/_flush_all\b|/api/v2/delete\b")


def loses_everything(addresses: Iterable[str]) -> bool:
    """Whether deleting one of these addresses takes a whole store, database or project."""
    return any(_EVERYTHING.search(address) for address in addresses)


_EVERY_INDEX = re.compile(rf"/(?:\*|{STAR}|_all)/_delete_by_query\b")


def empties_everything(addresses: Iterable[str]) -> bool:
    """Whether a query that deletes goes to every index there is."""
    return any(_EVERY_INDEX.search(address) for address in addresses)


def deletes_by_query(addresses: Iterable[str]) -> bool:
    """Whether a request to one of these addresses deletes, whatever its method is called."""
    return any(_BY_QUERY.search(address) for address in addresses)
