from __future__ import annotations

import pytest

from cli_tuner.publish.licences import hub_licence, licence_metadata, needs_attribution


@pytest.mark.parametrize(
    ("spdx", "name"),
    [
        ("Apache-2.0", "apache-2.0"),
        ("CC-BY-4.0", "cc-by-4.0"),
        ("GPL-3.0-or-later", "gpl-3.0"),
        ("GPL-2.0-only", "gpl-2.0"),
        ("ODC-By-1.0", "odc-by"),
        ("LicenseRef-Own", None),
    ],
)
def test_the_hub_has_its_own_names(spdx, name):
    assert hub_licence(spdx) == name


def test_one_licence_is_a_name_and_several_are_a_list():
    assert licence_metadata(["MIT"]) == {"license": "mit"}
    assert licence_metadata(["MIT", "Apache-2.0"]) == {"license": ["apache-2.0", "mit"]}


def test_what_the_hub_does_not_know_is_other_with_a_name():
    assert licence_metadata(["LicenseRef-Own"]) == {
        "license": "other",
        "license_name": "LicenseRef-Own",
        "license_link": "README.md",
    }
    assert licence_metadata(["MIT", "LicenseRef-Own"])["license"] == ["mit", "other"]


def test_some_licences_ask_to_name_the_authors():
    assert needs_attribution("CC-BY-SA-4.0")
    assert not needs_attribution("CC0-1.0")
    assert not needs_attribution("Apache-2.0")
