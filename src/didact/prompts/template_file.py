"""One template and the YAML file it stands in, looked at when loaded.

    set: quiz                      # the templates are called quiz/plain, quiz/hints ...
    kinds: [rows]                  # the readers or benchmarks whose examples they word: superglue/cb, "mmlu/*"
    templates:
      plain:
        tasks: ["trivia*"]         # only these tasks; left out: every task of those kinds
        prompt: "{{ question }}"
        response: "{{ target }}"   # left out: the target as it stands

What a wording may use: `task_name, definition, category, choices, language` always, the fields of its kinds (for rows: the columns),
and, where they would not give the answer away, `target` and `rationale`. `options` is the list of the choices, written in a way
that is drawn for each row: where it gives them names, (A) or 1., the answer is the name.

    labels: {entailment: "Yes", neutral: "Maybe", contradiction: "No"}     # of a template, or of the file for all of them
    becomes: question_generation                                           # of an inverted one: the category it turns into
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from didact.base.config import Document, Section, read_yaml, validate
from didact.base.errors import RecipeError, TemplateError, did_you_mean
from didact.prompts.kinds import fields_of, known_kind
from didact.prompts.labels import check_labels, choices_of, distinct_words
from didact.prompts.promptsource import Wording
from didact.prompts.sandbox import names_in, variables_of
from didact.prompts.tk_instruct import TkSettings

Kind = Annotated[str, AfterValidator(known_kind)]
Style = Literal["direct", "cot"]
Word = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.-]+$")]

ALWAYS = ("task_name", "definition", "category", "choices", "language")
ANSWER = ("target", "rationale")
OPTIONS = "options"
"""The list of the choices; a column of this name wins over it."""
CONVERSATIONS = ("sharegpt", "messages", "text")
"""Kinds whose examples are said already: nothing words them."""


@dataclass(frozen=True, slots=True)
class Template:
    """One wording of a task."""

    name: str
    for_kinds: tuple[str, ...]
    """The kinds it words: readers, benchmarks, or globs of benchmarks."""
    prompt: str = ""
    """What the user says, in Jinja; empty where `tk_instruct` says it."""
    response: str = "{{ target }}"
    """What the assistant says, in Jinja."""
    system: str = ""
    """What the system says first, in Jinja; empty: nothing."""
    tasks: tuple[str, ...] = ("*",)
    """Globs of the tasks it fits."""
    style: Style = "direct"
    """`cot`: the response reasons before it answers."""
    inverted: bool = False
    """The task turned around: from the answer, ask for the question. Only then may the prompt use the target."""
    tk_instruct: TkSettings | None = None
    """Write the prompt in the Tk-Instruct layout."""
    default: bool = True
    """Used where a recipe says `all`."""
    held_out: bool = False
    """Never trained on: tasks of level `unseen_templates` are asked in these wordings alone."""
    labels: Mapping[str, str] = field(default_factory=dict, hash=False)
    """How it says the choices, and targets among them; empty: as they stand."""
    becomes: str = ""
    """The category of the task that an inverted one turns into; it obeys the hold-outs of both."""
    promptsource: Wording | None = None
    """Says prompt and response in place of the two above: a template of promptsource."""
    where: str = ""
    """File and line."""


AS_IS = Template("as_is", CONVERSATIONS)
"""Stands for no wording: a conversation or a plain text renders as it is."""


class TemplateSection(Section):
    """One template as YAML has it: see `Template`."""

    tasks: tuple[str, ...] = ("*",)
    prompt: str | None = None
    response: str | None = None
    system: str = ""
    style: Style = "direct"
    inverted: bool = False
    tk_instruct: TkSettings | None = None
    default: bool = True
    held_out: bool = False
    labels: dict[str, str] | None = None
    becomes: str = ""

    @model_validator(mode="after")
    def _one_prompt(self) -> "TemplateSection":
        if (self.prompt is None) == (self.tk_instruct is None):
            raise ValueError("give either prompt: or tk_instruct:")
        if self.tk_instruct is not None and self.inverted:
            raise ValueError("a tk_instruct template cannot be inverted: its prompt does not show the answer")
        if self.inverted and self.response is None:
            raise ValueError("an inverted template says what to answer, for example response: '{{ input }}'")
        if self.becomes and not self.inverted:
            raise ValueError("becomes: is for templates with inverted: true")
        distinct_words(self.labels or {})
        return self


AS_WRITTEN = ("system", "tasks", "style", "inverted", "tk_instruct", "default", "held_out", "becomes")
"""Keys that a template takes over as they stand in its section."""


class TemplateFile(Section):
    """A YAML file of templates."""

    set: Word
    """First part of their names."""
    kinds: tuple[Kind, ...]
    """The kinds they word: readers, benchmarks, or globs of benchmarks; conversations and plain text need no template."""
    labels: dict[str, str] = Field(default={})
    """How templates without labels of their own say the choices."""
    templates: dict[Word, TemplateSection]

    @model_validator(mode="after")
    def _layout_has_its_parts(self) -> "TemplateFile":
        if not self.kinds:
            raise ValueError("kinds: is empty, so these templates would never be used")
        distinct_words(self.labels)
        if self.kinds != ("superni",) and any(section.tk_instruct is not None for section in self.templates.values()):
            raise ValueError("tk_instruct is a layout for kinds: [superni] alone, which has definitions and demonstrations")
        return self


def read_templates(path: Path) -> list[Template]:
    """Reads one YAML file of templates and looks at every wording in it.

    Raises:
        TemplateError: The file, a key or a wording is wrong; with file, template and line.
    """
    try:
        document = read_yaml(path)
        contents = validate(document, TemplateFile)
    except RecipeError as error:
        what = error.what.replace(" in the recipe", " in the templates")
        expected = "set:, kinds: and templates:" if path.is_file() else error.expected
        raise TemplateError(what, where=error.where, expected=expected, remedy=f"put right {path}") from None
    lines = path.read_text(encoding="utf-8").splitlines()
    templates = []
    for name, section in contents.templates.items():
        template = Template(
            name=f"{contents.set}/{name}",
            for_kinds=contents.kinds,
            prompt=section.prompt or "",
            response="{{ target }}" if section.response is None else section.response,
            where=document.where(("templates", name)),
            labels=contents.labels if section.labels is None else section.labels,
            **{key: getattr(section, key) for key in AS_WRITTEN},
        )
        check_labels(template.labels, choices_of(contents.kinds), template.name, template.where)
        for part in ("system", "prompt", "response"):
            _check_part(template, part, document, lines)
        templates.append(template)
    return templates


def asked_by(template: Template) -> frozenset[str]:
    """Returns the variables that a template uses.

    >>> sorted(asked_by(Template("my/x", ("rows",), "{{ question }}")))
    ['question', 'target']
    """
    if template.promptsource is not None:
        return template.promptsource.variables
    return names_in(template.system) | names_in(template.prompt) | names_in(template.response)


def _check_part(template: Template, part: str, document: Document, lines: Sequence[str]) -> None:
    """Checks one wording of a template that was just read."""
    first_line = _first_line(document.where((*("templates", template.name.partition("/")[2]), part)), lines)

    def place(line: int) -> str:
        file, number = first_line
        return f"{file}:{number + line - 1}, template {template.name}, {part}"

    asked = variables_of(getattr(template, part), place)
    leaks_target = part == "response" and template.inverted and not _from_rationale(template)
    hidden = ("target",) if leaks_target else ANSWER if part != "response" and not template.inverted else ()
    for name in asked:
        if name in hidden:
            what = f"'{name}' in the {part} would give the answer away"
            expected = "an inverted template answers with the question" if leaks_target else f"{name} in the response, or inverted: true"
            raise TemplateError(what, where=place(asked[name]), expected=expected, remedy=f"take {{{{ {name} }}}} out of the {part}")
    for kind in template.for_kinds:
        fields = fields_of(kind)
        known = (*ALWAYS, *ANSWER, OPTIONS, *(fields or ()))
        unknown = [name for name in asked if name not in known]
        if unknown and fields is not None:  # Benchmarks that a glob joins may have no field in common.
            visible = tuple(name for name in known if name not in hidden)
            raise unknown_variables(template, unknown, visible, place(asked[unknown[0]]), f"kind {kind}")


def _from_rationale(template: Template) -> bool:
    """Says whether a prompt shows the rationale alone: question and answer may then both be asked for."""
    return "rationale" in names_in(template.prompt) and "target" not in names_in(template.prompt)


def _first_line(where: str, lines: Sequence[str]) -> tuple[str, int]:
    """Returns file and line on which a wording begins: under its key for a block (`prompt: |-`), else beside it."""
    file, _, number = where.rpartition(":")
    is_block = re.search(r":\s+[|>][-+0-9]*\s*(#.*)?$", lines[int(number) - 1])
    return file, int(number) + bool(is_block)


def unknown_variables(template: Template, unknown: Sequence[str], known: Sequence[str], where: str, of: str) -> TemplateError:
    """Returns the error for variables that are not there, with the nearest names and all that there are."""
    variables = f"unknown variable{'s' if len(unknown) > 1 else ''} {', '.join(repr(name) for name in unknown)}"
    near = [hint for name in unknown if (hint := did_you_mean(name, known)).startswith("did you mean")]
    expected = "; ".join((*near, f"{of} has: {', '.join(known)}"))
    return TemplateError(f"{variables} in template {template.name}", where=where, expected=expected, remedy="put the variable's name right")
