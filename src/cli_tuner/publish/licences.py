"""Licences as the Hub names them.

The Hub knows a fixed list of identifiers (its documentation, "Licenses"), most of them the SPDX
identifier in lower case. What it does not know is `other` with a name and a link.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

_KNOWN = frozenset(
    """
    apache-2.0 mit bsd bsd-2-clause bsd-3-clause isc zlib unlicense wtfpl bsl-1.0 ms-pl ncsa
    afl-3.0 artistic-2.0 ecl-2.0 osl-3.0 postgresql epl-1.0 epl-2.0 eupl-1.1 eupl-1.2 mpl-2.0
    agpl-3.0 gpl gpl-2.0 gpl-3.0 lgpl lgpl-2.1 lgpl-3.0 gfdl
    cc cc0-1.0 cc-by-2.0 cc-by-2.5 cc-by-3.0 cc-by-4.0 cc-by-sa-3.0 cc-by-sa-4.0
    cc-by-nc-2.0 cc-by-nc-3.0 cc-by-nc-4.0 cc-by-nd-4.0 cc-by-nc-nd-3.0 cc-by-nc-nd-4.0
    cc-by-nc-sa-2.0 cc-by-nc-sa-3.0 cc-by-nc-sa-4.0
    cdla-permissive-1.0 cdla-permissive-2.0 cdla-sharing-1.0
    odc-by odbl pddl etalab-2.0 unknown other
    """.split()
)
_OTHERWISE = {"odc-by-1.0": "odc-by", "odbl-1.0": "odbl", "pddl-1.0": "pddl", "gfdl-1.3": "gfdl"}
_ATTRIBUTION = ("cc-by", "odc-by", "odbl", "cdla-sharing")


def hub_licence(spdx: str) -> str | None:
    """The Hub's identifier for an SPDX one, or None if it knows none."""
    name = spdx.strip().lower().removesuffix("-or-later").removesuffix("-only")
    name = _OTHERWISE.get(name, name)
    return name if name in _KNOWN else None


def needs_attribution(spdx: str) -> bool:
    """Whether whoever passes the work on must say whose it is (a data licence that says so)."""
    return spdx.strip().lower().startswith(_ATTRIBUTION)


def licence_metadata(licences: Iterable[str]) -> dict[str, Any]:
    """The card's metadata about licences: one, several, or `other` with a name and a link."""
    names = list(licences)
    known = [hub_licence(name) for name in names]
    if all(known):
        ids = sorted({name for name in known if name})
        return {"license": ids[0] if len(ids) == 1 else ids}
    ids = sorted({name for name in known if name} | {"other"})
    others = sorted(name for name in names if hub_licence(name) is None)
    metadata: dict[str, Any] = {"license": ids[0] if len(ids) == 1 else ids}
    return metadata | {"license_name": ", ".join(others), "license_link": "README.md"}
