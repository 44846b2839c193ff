"""Templates: the wordings of a task; which of them fit it, by name. `template_file` says what one looks like."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from fnmatch import fnmatchcase
from pathlib import Path

from didact.base.errors import TemplateError, did_you_mean
from didact.prompts.kinds import fields_of, words_one_of
from didact.prompts.labels import check_labels
from didact.prompts.promptsource_file import is_promptsource, promptsource_templates
from didact.prompts.template_file import ALWAYS, ANSWER, CONVERSATIONS, OPTIONS, asked_by, unknown_variables
from didact.prompts.template_file import AS_IS as AS_IS
from didact.prompts.template_file import Template as Template
from didact.prompts.template_file import read_templates as read_templates
from didact.tasks.task import Task

LIBRARY = Path(__file__).parent / "library"


def check_fields(template: Template, task: Task) -> None:
    """Checks a template's variables against the columns of a task's first example.

    Raises:
        TemplateError: It asks for variables that the examples do not have.
    """
    if template is AS_IS or not len(task.examples) or task.examples[0].messages:
        return
    first = task.examples[0]
    known = (*ALWAYS, *ANSWER, *first.fields, *((OPTIONS,) if first.choices else ()))
    if template.promptsource is not None:
        columns = (*first.fields, *(("choices",) if first.choices else ()))
        known = (*columns, template.promptsource.answer_column(columns))
    unknown = sorted(name for name in asked_by(template) if name not in known)
    if unknown:
        raise unknown_variables(
            template, unknown, known, f"{template.where or 'this template'}, for task '{task.name}'", f"task '{task.name}'"
        )


class TemplateSet:
    """Templates by name, in the order of their names; `as_is` is always among them.

    >>> templates = TemplateSet([Template("a/x", ("rows",), prompt="{{ q }}")])
    >>> [template.name for template in templates]
    ['a/x', 'as_is']

    Raises:
        TemplateError: Two templates have the same name.
    """

    def __init__(self, templates: Iterable[Template]) -> None:
        self._by_name: dict[str, Template] = {}
        for template in sorted((*templates, AS_IS), key=lambda template: template.name):
            if other := self._by_name.get(template.name):
                places = " and ".join(place or "given in Python" for place in (other.where, template.where))
                raise TemplateError(f"two templates are named '{template.name}'", where=places, remedy="rename one, or its set:")
            self._by_name[template.name] = template

    @classmethod
    def load(cls, files: Iterable[Path] = (), kinds: Collection[str] | None = None) -> "TemplateSet":
        """Returns the bundled templates and those in the user's files.

        Args:
            files: YAML files of one's own, or of promptsource.
            kinds: The kinds of the tasks that will be worded; None: all. Bundled files in folders are read only for the kinds that
                they word: there are many of them.

        Raises:
            TemplateError: A file is wrong, or a name comes twice.
        """
        paths = (*sorted(LIBRARY.glob("*.yaml")), *sorted(LIBRARY.glob("*/**/*.yaml")))
        bundled = (path for path in paths if kinds is None or path.parent == LIBRARY or words_one_of(path, kinds))
        read = [template for path in bundled for template in read_templates(path)]
        for path in files:
            read += promptsource_templates(path) if is_promptsource(path) else read_templates(path)
        return cls(read)

    def __iter__(self) -> Iterator[Template]:
        return iter(self._by_name.values())

    def __len__(self) -> int:
        return len(self._by_name)

    def named(self, name: str) -> Template:
        """Returns one template by its name.

        Raises:
            TemplateError: There is none; the nearest name is shown.
        """
        if name not in self._by_name:
            raise _no_template(name, self._by_name)
        return self._by_name[name]

    def select(self, patterns: str | Sequence[str], task: Task) -> tuple[Template, ...]:
        """Returns the templates that fit a task, sorted by name.

        Args:
            patterns: Names or globs; `all` stands for every template that is not marked `default: false`.
            task: Its kind, its name and, for kind rows, its columns decide what fits.

        Raises:
            TemplateError: A pattern names no template, or nothing fits the task.
        """
        patterns = (patterns,) if isinstance(patterns, str) else tuple(patterns)
        named: dict[str, Template] = {}
        for pattern in patterns:
            found = [template for template in self if _is_named(template, pattern)]
            if not found and pattern != "all":
                raise _no_template(pattern, self._by_name)
            named.update((template.name, template) for template in found)
        if task.kind in CONVERSATIONS:
            return (AS_IS,)
        worded = [named[name] for name in sorted(named) if _words(named[name], task) and _may_be_shown(named[name], task)]
        fitting = [template for template in worded if _fits(template, task)]
        if fitting:
            for template in fitting:
                _check_first_choices(template, task)
            return tuple(fitting)
        if worded:
            check_fields(worded[0], task)
        raise self._nothing_fits(patterns, task)

    def _nothing_fits(self, patterns: Sequence[str], task: Task) -> TemplateError:
        possible = [template for template in self if _words(template, task) and _may_be_shown(template, task)]
        would = [template.name for template in possible if _fits(template, task)]
        expected = f"what fits: {', '.join(would)}" if would else f"there is no template for it yet; {_columns(task)}"
        remedy = "name one of these in prompts.templates" if would else f"write one with kinds: [{task.kind}] and name it in prompts.files"
        what = f"no template among {', '.join(patterns) or 'none'} fits task '{task.name}'"
        return TemplateError(what, where=f"task '{task.name}', kind {task.kind}", expected=expected, remedy=remedy)


def _is_named(template: Template, pattern: str) -> bool:
    return template.default if pattern == "all" else fnmatchcase(template.name, pattern)


def _words(template: Template, task: Task) -> bool:
    is_kind = any(kind == task.kind or fnmatchcase(task.kind, kind) for kind in template.for_kinds)
    return is_kind and any(fnmatchcase(task.name, glob) for glob in template.tasks)


def _may_be_shown(template: Template, task: Task) -> bool:
    """Says whether a held-out wording, or one that is not, may be used for a task of this level."""
    return task.level == "unseen_family" or template.held_out == (task.level == "unseen_templates")


def _fits(template: Template, task: Task) -> bool:
    """Says whether a template's variables are there; the examples are read only where their kind does not settle it."""
    return (bool(fields_of(task.kind)) and OPTIONS not in asked_by(template)) or _has_fields(template, task)


def _check_first_choices(template: Template, task: Task) -> None:
    if template.labels and len(task.examples) and (choices := task.examples[0].choices):
        check_labels(template.labels, [choices, ()], template.name, f"{template.where}, for task '{task.name}'")


def _has_fields(template: Template, task: Task) -> bool:
    try:
        check_fields(template, task)
    except TemplateError:
        return False
    return True


def _columns(task: Task) -> str:
    columns = list(task.examples[0].fields) if len(task.examples) else []
    return f"its variables would be: {', '.join((*columns, *ALWAYS, *ANSWER))}"


def _no_template(name: str, known: Iterable[str]) -> TemplateError:
    return TemplateError(f"no template named '{name}'", expected=did_you_mean(name, known), remedy="didact ls templates")
