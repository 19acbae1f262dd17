"""Redirections: what standard input becomes, and where output goes."""

from __future__ import annotations

from cli_tuner.shell.machine import Machine
from cli_tuner.shell.nodes import Range, Redirect, Word
from cli_tuner.shell.paths import resolved
from cli_tuner.shell.values import EMPTY, Value, known
from cli_tuner.shell.words import Field, fields_of, text_of


class Redirecting(Machine):
    """A machine that opens files for a command, and closes them after it."""

    def redirections(
        self, redirects: tuple[Redirect, ...], stdin: Value, name: str
    ) -> tuple[Value, list[tuple[Redirect, Field]]]:
        """What standard input becomes, and the files that output goes to."""
        outputs: list[tuple[Redirect, Field]] = []
        for redirect in redirects:
            operator = redirect.operator
            if operator in ("<<", "<<-", "<<<"):
                content = text_of(redirect.target, self.scope, tilde=operator == "<<<")
                stdin = self._given(redirect, content, stdin)
                continue
            for target in fields_of((redirect.target,), self.scope):
                if operator in ("<&", ">&") and target.text.rstrip("-").isdigit():
                    stdin = self._duplicated(target.text.rstrip("-"), operator, stdin, outputs)
                    continue
                if operator in ("<&", ">&") and target.text == "-":
                    continue
                if operator == "<":
                    stdin = self.read_file(name or "bash", target, ("redirect",))
                    if redirect.fd.isdigit() and int(redirect.fd) > 2:
                        self.descriptors[redirect.fd] = target
                        self.files[f"/dev/fd/{redirect.fd}"] = stdin
                    continue
                if redirect.fd.isdigit() and int(redirect.fd) > 2:
                    self.descriptors[redirect.fd] = target
                if operator == "<>":
                    stdin = self.read_file(name or "bash", target, ("redirect",))
                outputs.append((redirect, target))
        return stdin, outputs

    def _given(self, redirect: Redirect, content: Value, stdin: Value) -> Value:
        """A here-document or here-string: standard input, or another descriptor's content."""
        if redirect.fd in ("", "0") or not redirect.fd.isdigit():
            return content
        path = f"/dev/fd/{redirect.fd}"
        self.files[path] = content
        self.descriptors[redirect.fd] = Field(known(path), redirect.span, path)
        return stdin

    def _duplicated(
        self, fd: str, operator: str, stdin: Value, outputs: list[tuple[Redirect, Field]]
    ) -> Value:
        """`<&5` and `>&5`: the file that the text opened as descriptor 5."""
        opened = self.descriptors.get(fd)
        if opened is None:
            return stdin
        span = Range(opened.span.start, opened.span.end)
        if operator == "<&":
            return self.read_file("bash", opened, ("redirect",))
        outputs.append((Redirect(">>", Word((), span, opened.raw), "", span), opened))
        return stdin

    def redirected_output(
        self, outputs: list[tuple[Redirect, Field]], printed: Value, name: str
    ) -> Value:
        """Write what was printed to where it is sent; the result is what still comes out."""
        remains = printed
        for redirect, target in outputs:
            errors_only = redirect.fd == "2" and redirect.operator in (">", ">>")
            content = EMPTY if errors_only else printed
            appends = redirect.operator in (">>", "&>>")
            path = resolved(target.text, self.cwd)
            # Opened first, it is empty before the command reads it.
            own = not appends and path in self.inputs and not path.startswith("/dev/")
            own = own and redirect.operator != "<>"
            attributes = ("append" if appends else "truncate", *(["own-input"] if own else []))
            self.write_file(name or "bash", target, content, (*attributes, "redirect"))
            if not errors_only:
                remains = EMPTY
        return remains
