"""Manual pages say what programs do, in either dialect; nothing is run for it."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli_tuner.explain import Source, explanation
from cli_tuner.explain.manual import (
    described,
    first_sentence,
    manual_folders,
    options_in,
    plain,
    summary_in,
)

MAN = r""".\" made by hand
.TH ZORB 1 "2026" "zorb 2.1" "User Commands"
.SH NAME
zorb, unzorb \- packs letters, and unpacks them
.SH SYNOPSIS
.B zorb
[\fIOPTION\fR]...
.SH OPTIONS
.TP
\fB\-a\fR, \fB\-\-all\fR
Also those that begin with a \fB.\fR letter.  It is off by default.
.TP
.BR \-c ", " \-\-count =\fINUM\fR
Packs
.I NUM
letters at once
.TP
.B \-\-old
.TQ
.B \-o
Does what it did.
.IP "\-\-quiet" 4
Says nothing\&.
.PP
\fB\-x\fR
.br
\fB\-\-extra\fR
.RS 4
Looks for more (see below).
.RE
.IP "\[ci]" 4
\fB\-\-seq\fR/\fB\-s\fR:
.IP
One after the other.
.PP
Text about \-\-nothing in particular.
.SH SEE ALSO
.BR ls (1)
"""
MDOC = r""".Dd November 1, 2026
.Dt ZORB 1
.Os
.Sh NAME
.Nm zorb
.Nd pack letters
.Sh DESCRIPTION
.Bl -tag -width indent
.It Fl a , Fl Fl all
Include those that begin with a dot.
See
.Xr ls 1 .
.It Fl c Ar num , Fl Fl count Ns = Ns Ar num
Packs
.Ar num
letters at once.
.El
.Sh SEE ALSO
"""


def test_a_page_in_the_man_dialect():
    assert options_in(MAN) == {
        "-a": "also those that begin with a . letter",
        "--all": "also those that begin with a . letter",
        "-c": "packs NUM letters at once",
        "--count": "packs NUM letters at once",
        "--old": "does what it did",
        "-o": "does what it did",
        "--quiet": "says nothing",
        "-x": "looks for more (see below)",
        "--extra": "looks for more (see below)",
        "--seq": "one after the other",
        "-s": "one after the other",
    }
    assert summary_in(MAN) == "packs letters, and unpacks them"


def test_a_page_in_the_mdoc_dialect():
    assert options_in(MDOC) == {
        "-a": "include those that begin with a dot",
        "--all": "include those that begin with a dot",
        "-c": "packs num letters at once",
        "--count": "packs num letters at once",
    }
    assert summary_in(MDOC) == "pack letters"


@pytest.fixture
def manuals(tmp_path: Path) -> Path:
    (tmp_path / "man1").mkdir()
    (tmp_path / "man8").mkdir()
    (tmp_path / "man1" / "zorb.1.gz").write_bytes(gzip.compress(MAN.encode()))
    (tmp_path / "man1" / "unzorb.1").write_text(".so man1/zorb.1\n")
    (tmp_path / "man8" / "zorb-pack.8").write_text(MDOC)
    (tmp_path / "man1" / "loop.1").write_text(".so man1/loop.1\n")
    (tmp_path / "man1" / "broken.1.gz").write_bytes(b"\x1f\x8bno gzip")
    return tmp_path


def test_pages_are_found_packed_or_not_of_sub_commands_and_by_another_name(manuals):
    assert described("zorb", [manuals])["--all"] == "also those that begin with a . letter"
    assert described("unzorb", [manuals])[""] == "packs letters, and unpacks them"
    assert described("zorb pack", [manuals])["--all"] == "include those that begin with a dot"


@pytest.mark.parametrize("name", ["nothing", "loop", "broken", "../man1/zorb", ".zorb", "", "a\0b"])
def test_no_page_is_no_error(manuals, name):
    assert "--all" not in described(name, [manuals, manuals / "gone"])


def test_the_places_of_pages():
    environ = {"MANPATH": "/m::/n", "PATH": "/opt/x/bin:relative:/usr/bin"}
    shown = [str(folder) for folder in manual_folders(environ)]
    assert shown[:4] == ["/m", "/n", "/opt/x/share/man", "/opt/x/man"]
    assert shown.count("/usr/share/man") == 1


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("Do it.  Then more.", "do it"),
        ("Version 2.5 of it", "version 2.5 of it"),
        ("Entries that begin with .", "entries that begin with ."),
        ("URL of the thing.", "URL of the thing"),
        ("", ""),
    ],
)
def test_the_first_sentence_is_the_meaning(text, sentence):
    assert first_sentence(text) == sentence


def test_a_long_sentence_is_cut_between_words():
    cut = first_sentence("word " * 100)
    assert len(cut) <= 144
    assert cut.endswith("word ...")


@given(st.text(alphabet='.\\fB-IPTRS\n"a,=[](*', max_size=80))
def test_any_text_is_read_without_an_error(text):
    assert isinstance(options_in(text), dict)
    assert isinstance(options_in(f".Sh NAME\n{text}"), dict)
    assert isinstance(summary_in(f".SH NAME\n{text}\n.SH X"), str)
    assert isinstance(plain(text), str)


def test_an_unknown_program_and_its_options_are_explained_from_its_page(manuals):
    found = explanation("zorb --all -q x", help_of=lambda name: dict(described(name, [manuals])))
    shown = {found.command[part.start : part.end]: part for part in found.parts}
    assert shown["zorb"].meaning == "packs letters, and unpacks them"
    assert shown["zorb"].source is Source.HELP
    assert shown["--all"].meaning == "also those that begin with a . letter"
    assert shown["-q"].source is Source.NONE


def test_a_file_of_that_name_is_not_taken_for_the_program(manuals):
    found = explanation("./zorb x", help_of=lambda name: dict(described(name, [manuals])))
    assert "in the file ./zorb" in found.parts[0].meaning
