"""Jinja for wordings: a small, safe part of the language, looked at before it is ever run.

A wording may print variables, choose with `if`, walk through with `for` and use plain filters. It reaches no file, no other
template, no attribute of Python's, and data is text: what looks like Jinja inside it is never evaluated.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any

import jinja2
from jinja2 import meta, nodes
from jinja2.exceptions import SecurityError
from jinja2.runtime import LoopContext, Undefined
from jinja2.sandbox import ImmutableSandboxedEnvironment

from didact.base.errors import TemplateError, did_you_mean

MAX_CHARS = 1_000_000
"""Characters that one rendered text may have."""

_FILTERS = """
abs capitalize count default first float int items join last length list lower max min replace reverse round sort string sum title
trim truncate unique upper wordcount"""
_TESTS = "boolean defined divisibleby equalto even false float in integer lower ne none number odd string true undefined upper"
_METHODS = """
capitalize count endswith find index items keys lower lstrip removeprefix removesuffix rstrip split splitlines startswith strip title
upper values"""
FILTERS, TESTS, METHODS = tuple(_FILTERS.split()), tuple(_TESTS.split()), frozenset(_METHODS.split())
"""Filters, tests, and methods of texts and mappings that look at their input and nothing else: no chance, no attributes, no widths
that could fill the memory."""

_ALLOWED: tuple[type[nodes.Node], ...] = (
    *(nodes.Template, nodes.Output, nodes.TemplateData, nodes.Name, nodes.Const, nodes.List, nodes.Tuple, nodes.Dict),
    *(nodes.Pair, nodes.If, nodes.For, nodes.Assign, nodes.Filter, nodes.Test, nodes.Call, nodes.Keyword, nodes.Getattr, nodes.Getitem),
    *(nodes.Slice, nodes.CondExpr, nodes.Compare, nodes.Operand, nodes.Concat, nodes.Add, nodes.Sub, nodes.Mul, nodes.Div),
    *(nodes.FloorDiv, nodes.Mod, nodes.Neg, nodes.Pos, nodes.Not, nodes.And, nodes.Or),
)

_Part = tuple[str, bool, str, bool]
"""A text or a variable; whether it is a variable; another that it is shown for, or none; whether that has to be there or empty."""
Place = Callable[[int], str]
"""From a line of a wording to where a person finds it: `alpaca.yaml:7, template alpaca/standard, prompt`."""


class _Sandbox(ImmutableSandboxedEnvironment):
    more_methods: tuple[str, ...] = ()
    key_of: Callable[[Any, Any], Any] | None = None

    def getitem(self, obj: Any, argument: Any) -> Any:
        return super().getitem(obj, argument if self.key_of is None else self.key_of(obj, argument))

    # "x" * 10**9 and "%999999999d" % 1 would fill the memory in one step, so these two are for numbers only.
    intercepted_binops = frozenset(["*", "%"])

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        if not (isinstance(left, int | float) and isinstance(right, int | float)):
            raise SecurityError(f"'{operator}' is for numbers only")
        return super().call_binop(context, operator, left, right)

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        known = isinstance(obj, LoopContext) or (isinstance(obj, str | Mapping) and attr in METHODS)
        known = known or (isinstance(obj, str | list | tuple) and attr in self.more_methods)
        return known and super().is_safe_attribute(obj, attr, value)

    def wrap_str_format(self, value: Any) -> None:
        # Jinja lets format through before it asks `is_safe_attribute`, and "{:>999999999}" would fill the memory.
        return None


def _printable(value: Any) -> Any:
    if callable(value) and not isinstance(value, Undefined):
        raise SecurityError("a function cannot be printed")
    return value


@dataclass(frozen=True, eq=False)
class Dialect:
    """What wordings may use besides the plain language, where they come from elsewhere."""

    filters: Mapping[str, Callable[..., Any]] = field(default_factory=dict)
    functions: Mapping[str, Callable[..., Any]] = field(default_factory=dict)
    methods: tuple[str, ...] = ()
    """Of texts and lists."""
    key_of: Callable[[Any, Any], Any] | None = None
    """From a table and what a wording looks up in it to the key; None: what it looks up."""

    @cached_property
    def env(self) -> _Sandbox:
        """The environment that knows all of it."""
        env = _Sandbox(undefined=jinja2.StrictUndefined, autoescape=False, keep_trailing_newline=True, loader=None, finalize=_printable)
        env.filters = {**{name: env.filters[name] for name in FILTERS}, **self.filters}
        env.tests = {name: env.tests[name] for name in TESTS}
        env.globals = {"range": env.globals["range"], **self.functions}
        env.more_methods, env.key_of = self.methods, self.key_of
        return env


PLAIN = Dialect()
"""The language of our own wordings."""


def variables_of(source: str, place: Place, dialect: Dialect = PLAIN) -> dict[str, int]:
    r"""Returns the variables that a wording asks for, each with the line of its first use.

    >>> variables_of("{% for c in choices %}{{ c }}{% endfor %}\n{{ input }}", str)
    {'choices': 1, 'input': 2}

    Raises:
        TemplateError: It is not Jinja, or uses a part of Jinja that wordings do not have.
    """
    try:
        tree = dialect.env.parse(source)
    except jinja2.TemplateSyntaxError as error:
        raise TemplateError(f"not Jinja: {error.message}", where=place(error.lineno), remedy="put that line right") from None
    except RecursionError:
        raise TemplateError("nested too deeply", where=place(1), remedy="write it flatter") from None
    for node in _walk(tree):
        if problem := _problem(node, dialect):
            raise TemplateError(problem[0], where=place(node.lineno), expected=problem[1], remedy="take it out")
    asked = meta.find_undeclared_variables(tree)
    lines: dict[str, int] = {}
    for name in tree.find_all(nodes.Name):
        if name.name in asked and name.ctx == "load":
            lines[name.name] = min(name.lineno, lines.get(name.name, name.lineno))
    return dict(sorted(lines.items(), key=lambda item: (item[1], item[0])))


@lru_cache(maxsize=4096)
def names_in(source: str) -> frozenset[str]:
    """Returns the variables that a wording asks for.

    >>> sorted(names_in("{{ input }}: {{ target }}"))
    ['input', 'target']

    Raises:
        TemplateError: As `variables_of`.
    """
    return frozenset(variables_of(source, lambda line: f"line {line}"))


def fill(source: str, variables: Mapping[str, Any], where: str, dialect: Dialect = PLAIN) -> str:
    """Returns the wording with its variables filled in.

    >>> fill("{{ input }}!", {"input": "{{ 7 * 7 }}"}, "here")
    '{{ 7 * 7 }}!'

    Args:
        source: The wording.
        variables: What it may use.
        where: Template, task and example, for messages.
        dialect: What it may do besides.

    Raises:
        TemplateError: It asks for something that is not there, does something refused, or writes more than `MAX_CHARS`.
    """
    if (plain := _plain_parts(source, dialect)) is not None:
        try:
            text = "".join(
                [
                    variables[part] if is_name else part
                    for part, is_name, shown_if, wanted in plain
                    if not shown_if or bool(variables[shown_if]) is wanted
                ]
            )
        except (KeyError, TypeError):  # something is not there, or no text: the long way knows what to do
            text = None
        if text is not None and len(text) <= MAX_CHARS:
            return text
    parts, length = list[str](), 0
    try:
        for part in _compiled(source, dialect).generate(variables):
            parts.append(part)
            length += len(part)
            if length > MAX_CHARS:
                break
    except TemplateError as error:
        raise TemplateError(error.what, where=where, expected=error.expected, remedy=error.remedy) from None
    except Exception as error:  # noqa: BLE001 - a wording is the user's program: whatever it does wrong is theirs to put right
        raise TemplateError(f"cannot be rendered: {error}", where=where, remedy="didact show TASK --template NAME") from None
    if length > MAX_CHARS:
        raise TemplateError(f"more than {MAX_CHARS:,} characters", where=where, remedy="look for a loop in the template, or a huge row")
    return "".join(parts)


@lru_cache(maxsize=4096)
def _compiled(source: str, dialect: Dialect) -> jinja2.Template:
    """Returns the wording ready to run; it has been looked at, however it came here."""
    variables_of(source, lambda line: f"line {line}", dialect)
    compiled = dialect.env.from_string(source)
    compiled.globals = dict(compiled.globals)  # as one dictionary: they are walked through at every rendering
    return compiled


@lru_cache(maxsize=4096)
def _plain_parts(source: str, dialect: Dialect) -> tuple[_Part, ...] | None:
    """Returns a wording in parts; None where it does more than print variables, some of them only with or without another.

    Most wordings only do that, and joining texts takes a fifth of the time that Jinja's own rendering takes.
    """
    _compiled(source, dialect)
    parts = tuple(_parts_of(dialect.env.parse(source).body))
    return None if None in parts else tuple(part for part in parts if part is not None)


def _parts_of(body: Sequence[nodes.Node], shown_if: str = "", wanted: bool = True) -> Iterator[_Part | None]:
    for node in body:
        match node:
            case nodes.Output(nodes=inside):
                yield from _parts_of(inside, shown_if, wanted)
            case nodes.TemplateData(data=text):
                yield text, False, shown_if, wanted
            case nodes.Name(name=name):
                yield name, True, shown_if, wanted
            case nodes.If(test=nodes.Name(name=name), elif_=[]) if not shown_if:
                yield from _parts_of(node.body, name)
                yield from _parts_of(node.else_, name, False)
            case _:
                yield None


def _walk(node: nodes.Node) -> Iterator[nodes.Node]:
    yield node
    for child in node.iter_child_nodes():
        yield from _walk(child)


def _problem(node: nodes.Node, dialect: Dialect) -> tuple[str, str] | None:
    """Returns what is wrong with a piece of a wording and what is there instead."""
    if not isinstance(node, _ALLOWED):
        return f"{type(node).__name__.lower()} is not part of templates", "variables, if, for, set and plain filters"
    match node:
        case nodes.Filter(name=name) if name not in dialect.env.filters:
            return f"no filter named '{name}'", did_you_mean(name, dialect.env.filters)
        case nodes.Test(name=name) if name not in TESTS:
            return f"no test named '{name}'", did_you_mean(name, TESTS)
        case nodes.Getattr(attr=name) | nodes.Getitem(arg=nodes.Const(value=str(name))) if name.startswith("_"):
            return f"'{name}' is out of reach: names that begin with an underscore are", "variables, if, for, set and plain filters"
        case nodes.Name(name="self" | "super" | "caller" as name):
            return f"'{name}' is not part of templates", "variables, if, for, set and plain filters"
        case nodes.Call(node=called) if not isinstance(called, nodes.Getattr) and getattr(called, "name", "") not in dialect.env.globals:
            return f"'{getattr(called, 'name', 'this')}' cannot be called", "range(...) and methods of texts, such as input.strip()"
    return None
