"""Python one-liners, read with Python's own parser and run abstractly.

Covered: imports under any name, `getattr` and `__import__`, constant strings however they are
put together or decoded, lists, `pathlib`, globs and folder listings, comprehensions and loops
(walked once), commands, deletions, writes, modes, downloads and uploads, nested `exec`.
Not covered: classes, functions' arguments, numbers, anything computed at run time: unknown.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeAlias

from cli_tuner.shell.programs.python_calls import Caller, Items, Ref
from cli_tuner.shell.programs.python_libraries import library_calls
from cli_tuner.shell.values import HOLE, UNKNOWN, Value, concatenated, known

if TYPE_CHECKING:
    from cli_tuner.shell.call import Call

NODES_MAX = 2_000
Thing: TypeAlias = "Value | Ref | Items"


def run_python(call: Call, code: str) -> bool:
    """Emit what the code would do; False if it is not Python that we can read."""
    try:
        tree = ast.parse(code.strip("\n"))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    library_calls(call, tree)
    reader = Reader(call)
    for node in tree.body:
        reader.visit(node)
    reader.caller.finish()
    printed = reader.caller.printed
    if printed and all(value.known for value in printed):
        call.prints = "".join(value.text for value in printed)
    return True


class Reader(ast.NodeVisitor):
    """Walks statements in order; `value` says what an expression is."""

    def __init__(self, call: Call, caller: Caller | None = None) -> None:
        self.names: dict[str, Thing] = {}
        self.caller = caller or Caller(call, self._nested)
        self.budget = NODES_MAX

    def _nested(self, code: str) -> None:
        run_python(self.caller.call, code)

    # --- statements

    def visit_Import(self, node: ast.Import) -> None:
        """`import a.b as c`."""
        for alias in node.names:
            name = alias.name if alias.asname else alias.name.partition(".")[0]
            self.names[alias.asname or name] = Ref(name)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        """`from a import b as c`."""
        for alias in node.names:
            self.names[alias.asname or alias.name] = Ref(f"{node.module or ''}.{alias.name}")

    def visit_Assign(self, node: ast.Assign) -> None:
        """Names, and the items of a tuple."""
        value = self.value(node.value)
        for target in node.targets:
            self._bind(target, value)

    def visit_For(self, node: ast.For) -> None:
        """The body once, with what any of the items can be."""
        first = node.body[0] if node.body else None
        selected = isinstance(first, ast.If) and _selects([first.test])
        self._bind(node.target, self._element(self.value(node.iter), selected=selected))
        for statement in [*node.body, *node.orelse]:
            self.visit(statement)

    def visit_With(self, node: ast.With) -> None:
        """`with open(...) as f`."""
        for item in node.items:
            value = self.value(item.context_expr)
            if item.optional_vars is not None:
                self._bind(item.optional_vars, value)
        for statement in node.body:
            self.visit(statement)

    def visit_While(self, node: ast.While) -> None:
        """The body once."""
        endless = isinstance(node.test, ast.Constant) and bool(node.test.value)
        self.value(node.test)
        self.caller.endless += endless
        for statement in node.body:
            self.visit(statement)
        self.caller.endless -= endless

    def generic_visit(self, node: ast.AST) -> None:
        """Everything else: its expressions happen, its statements too."""
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.expr):
                self.value(child)
            else:
                self.visit(child)

    def _bind(self, target: ast.expr, value: Thing) -> None:
        if isinstance(target, ast.Name):
            self.names[target.id] = value
        elif isinstance(target, ast.Tuple | ast.List):
            for index, item in enumerate(target.elts):
                known_item = isinstance(value, Items) and index < len(value.values)
                self._bind(item, value.values[index] if known_item else self._element(value))  # type: ignore[union-attr]
        else:
            self.value(target)

    @staticmethod
    def _element(value: Thing, *, selected: bool = False) -> Thing:
        """What a loop over the value sees."""
        if isinstance(value, Items):
            joined: Thing = value.values[0] if value.values else UNKNOWN
            for item in value.values[1:12]:
                if isinstance(joined, Value) and isinstance(item, Value):
                    joined = joined.joined(item)
            value = joined
        if isinstance(value, Value) and selected and "many" in value.taints:
            return Value(value.texts, value.taints | {"filtered"}, value.source)
        return value

    # --- expressions

    def value(self, node: ast.expr) -> Thing:
        """What an expression is; calls in it happen."""
        self.budget -= 1
        if self.budget < 0:
            return UNKNOWN
        if isinstance(node, ast.Constant):
            return _constant(node.value)
        if isinstance(node, ast.Name):
            return self.names.get(node.id, Ref(node.id))
        reader = _READERS.get(type(node))
        return reader(self, node) if reader is not None else self._other(node)

    def _other(self, node: ast.expr) -> Value:
        taints = frozenset[str]()
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.expr):
                taints |= self.text(child).taints
        return Value((HOLE,), taints | UNKNOWN.taints)

    def _joined(self, node: ast.JoinedStr) -> Value:
        return concatenated([self.text(part) for part in node.values] or [known("")])

    def _items(self, node: ast.List | ast.Tuple | ast.Set) -> Items:
        return Items(tuple(self.value(item) for item in node.elts))

    def _named(self, node: ast.NamedExpr) -> Thing:
        value = self.value(node.value)
        self._bind(node.target, value)
        return value

    def text(self, node: ast.expr) -> Value:
        """The expression as text."""
        return self.caller.as_text(self.value(node))

    def _attribute(self, node: ast.Attribute) -> Thing:
        base = self.value(node.value)
        if isinstance(base, Ref):
            return self.caller.attribute(Ref(f"{base.name}.{node.attr}", base.owner))
        return Ref(f"str.{node.attr}", self.caller.as_text(base), items=base)

    def _call(self, node: ast.Call) -> Thing:
        function = self.value(node.func)
        arguments = [self.value(argument) for argument in node.args]
        options = {word.arg or "**": self.value(word.value) for word in node.keywords}
        if isinstance(function, Ref):
            return self.caller.called(function, arguments, options)
        return Value((HOLE,), function.taints if isinstance(function, Value) else frozenset())

    def _operation(self, node: ast.BinOp) -> Thing:
        left, right = self.value(node.left), self.value(node.right)
        if isinstance(node.op, ast.Add) and isinstance(left, Items) and isinstance(right, Items):
            return Items(left.values + right.values)
        first, second = self.caller.as_text(left), self.caller.as_text(right)
        if isinstance(node.op, ast.Add):
            return concatenated([first, second])
        if isinstance(node.op, ast.Div):
            return concatenated([first, known("/"), second])
        if isinstance(node.op, ast.Mod) and first.known and second.known and "%s" in first.text:
            return known(first.text.replace("%s", second.text))
        return Value((HOLE,), first.taints | second.taints | UNKNOWN.taints)

    def _subscript(self, node: ast.Subscript) -> Thing:
        base = self.value(node.value)
        try:
            index = ast.literal_eval(node.slice)
        except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
            index = None
        if isinstance(base, Items) and isinstance(index, int) and -len(base.values) <= index < len(
            base.values
        ):  # fmt: skip
            return base.values[index]
        if isinstance(base, Ref):
            return self.caller.item(base, index)
        text = self.caller.as_text(base)
        if isinstance(node.slice, ast.Slice) and text.known:
            bounds = [_bound(b) for b in (node.slice.lower, node.slice.upper, node.slice.step)]
            if _UNBOUND not in bounds and bounds[2] != 0:
                start, stop, step = bounds
                return Value((text.text[start:stop:step],), text.taints, text.source)
        return Value((HOLE,), text.taints | UNKNOWN.taints, text.source)

    def _comprehension(self, node: ast.ListComp | ast.GeneratorExp | ast.SetComp) -> Thing:
        for generator in node.generators:
            over = self.value(generator.iter)
            self._bind(generator.target, self._element(over, selected=_selects(generator.ifs)))
            for test in generator.ifs:
                self.value(test)
        result = self.value(node.elt)
        return Items((result,)) if not isinstance(result, Ref) else result


_KINDS = frozenset({"is_file", "is_dir", "isfile", "isdir", "exists", "is_symlink", "islink"})


def _selects(tests: list[ast.expr]) -> bool:
    """Whether a test takes some of the files; being a file or a folder is no selection."""
    return any(
        not (
            isinstance(test, ast.Call)
            and isinstance(test.func, ast.Attribute)
            and test.func.attr in _KINDS
        )
        for test in tests
    )


_UNBOUND = 2**60  # a bound of a slice that is not a constant


def _bound(node: ast.expr | None) -> int | None:
    if node is None:
        return None
    try:
        value = ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return _UNBOUND
    return value if isinstance(value, int) else _UNBOUND


def _constant(value: object) -> Value:
    if isinstance(value, str):
        return known(value)
    if isinstance(value, bytes):
        return known(value.decode("latin-1"))
    return known(str(value))


_READERS: dict[type[ast.expr], Callable[[Reader, Any], Thing]] = {
    ast.Attribute: Reader._attribute,
    ast.Call: Reader._call,
    ast.BinOp: Reader._operation,
    ast.JoinedStr: Reader._joined,
    ast.FormattedValue: lambda reader, node: reader.value(node.value),
    ast.List: Reader._items,
    ast.Tuple: Reader._items,
    ast.Set: Reader._items,
    ast.Starred: lambda reader, node: reader._element(reader.value(node.value)),
    ast.Subscript: Reader._subscript,
    ast.ListComp: Reader._comprehension,
    ast.GeneratorExp: Reader._comprehension,
    ast.SetComp: Reader._comprehension,
    ast.Lambda: lambda reader, node: reader.value(node.body),
    ast.NamedExpr: Reader._named,
}
