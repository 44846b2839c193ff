"""From an example and its format to a conversation; training and evaluation both come through here.

What is drawn (the format, the target) is drawn from the example's identity, so any row can be rendered again.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from didact.base.chance import rng
from didact.base.errors import TemplateError
from didact.base.types import Conversation, Example, Message, Origin
from didact.prompts.bare import ANY_KIND, bare_prompt
from didact.prompts.chain_of_thought import Reasoning
from didact.prompts.few_shot import Said, fitted
from didact.prompts.formats import Format, lists_options, settled_format, words_of_choices
from didact.prompts.formats import choose_template as choose_template
from didact.prompts.labels import in_words
from didact.prompts.options import OptionsFormat
from didact.prompts.promptsource import word
from didact.prompts.sandbox import fill
from didact.prompts.template_file import AS_IS, OPTIONS, Template
from didact.prompts.tk_instruct import Encoding, encode
from didact.tasks.task import Task

MARGIN = 32
"""Tokens kept free for what a chat format writes around turns, where demonstrations fill a prompt."""


def render(
    task: Task,
    example: Example,
    template: Template | Format | None = None,
    *,
    seed: int = 0,
    epoch: int = 0,
    count_tokens: Callable[[str], int] | None = None,
    max_prompt_length: int = 1024,
    max_length: int | None = None,
) -> Conversation:
    """Returns what is said, by whom, for one example.

    An example that is a conversation already comes back as it is, whatever the template.

    Args:
        task: The example's task.
        example: What to word.
        template: The wording, or a drawn format; None only for conversations.
        seed: Decides, with the example's identity and the epoch, which target is drawn.
        epoch: The pass over the data.
        count_tokens: For the length rule of prompts with demonstrations; None: no limit.
        max_prompt_length: Tokens of the same rule.
        max_length: Tokens of prompt and response together, for the same rule; None: no limit. Tk-Instruct templates ignore it.

    Raises:
        TemplateError: The template does not fit the example, or prompt or response come out empty.

    >>> example = Example("1", {"question": "2 + 2?"}, targets=("4",))
    >>> said = render(Task("sums", (example,)), example, Template("my/plain", ("rows",), prompt="{{ question }}"))
    >>> [(message.role, message.content) for message in said.messages]
    [('user', '2 + 2?'), ('assistant', '4')]
    """
    if example.messages:
        return Conversation(example.messages, Origin(task.name, example.id, AS_IS.name, seed, epoch), example.tools, example.weight)
    form = _as_format(task, example, template, seed, epoch)
    template = form.template
    where = _where(task, example, template)
    notes: list[str] = []
    variables = _variables(task, example, draw_target(task, example, seed, epoch), template, form.options, where)
    said = _said(task, example, template, form.reasoning, variables, where)
    prompt, response = said.prompt, said.response
    if template.tk_instruct is not None:
        if "input" not in example.fields:
            raise TemplateError("the example has no input", where=where, expected="a field named input", remedy="use another template")
        encoding = encode(task, example.fields["input"], template.tk_instruct, count_tokens=count_tokens, max_length=max_prompt_length)
        prompt = encoding.text
        notes += _notes(encoding, max_prompt_length)
    for part, text in (("prompt", prompt), ("response", response)):
        if not text.strip():
            raise TemplateError(f"the {part} is empty", where=where, remedy="put the template right, or leave the row out")
    if form.num_shots:
        limit = max_prompt_length - MARGIN
        if count_tokens is not None and max_length is not None:
            limit = min(limit, max_length - MARGIN - count_tokens(response))
        prompt, note = _with_shots(task, form, prompt, lambda text: count_tokens is None or count_tokens(text) <= limit)
        notes.append(note)
    notes += _format_notes(form, example)
    messages = [Message("user", prompt), Message("assistant", response)]
    if template.system and (system := fill(template.system, variables, where)).strip():
        messages.insert(0, Message("system", system))
    origin = Origin(task.name, example.id, template.name, seed, epoch, tuple(notes))
    return Conversation(tuple(messages), origin, weight=example.weight)


def draw_target(task: Task, example: Example, seed: int, epoch: int) -> str:
    """Returns the target that is trained on in an epoch; empty where the example has none."""
    if len(example.targets) < 2:
        return example.targets[0] if example.targets else ""
    return rng(seed, "target", task.name, example.id, epoch).choice(example.targets)


def references(
    task: Task, example: Example, template: Template | Format | None = None, *, seed: int = 0, epoch: int = 0
) -> tuple[str, ...]:
    """Returns every response that counts as right: each target in the template's words, or a conversation's last answer.

    What the example accepts besides follows as it stands. Where a sentence asks for the reasoning, these are the answers alone:
    see `final_answer`.

    >>> example = Example("1", {"q": "2 + 2?"}, targets=("4", "four"))
    >>> references(Task("sums", (example,)), example, Template("my/x", ("rows",), "{{ q }}", "It is {{ target }}."))
    ('It is 4.', 'It is four.')
    """
    if example.messages:
        said = tuple(message.content for message in example.messages if message.role == "assistant")[-1:]
        return (*said, *example.accepted)
    form = _as_format(task, example, template, seed, epoch)
    return (*_answers(task, example, form, example.targets, every=True), *example.accepted)


def choices_in_words(
    task: Task, example: Example, template: Template | Format | None = None, *, seed: int = 0, epoch: int = 0
) -> tuple[str, ...]:
    """Returns each choice as the response would say it, in the order of the choices; nothing where there are none.

    >>> example = Example("1", {"q": "2 + 2?"}, targets=("4",), choices=("4", "5"))
    >>> choices_in_words(Task("sums", (example,)), example, Template("my/x", ("rows",), "{{ q }}", "It is {{ target }}."))
    ('It is 4.', 'It is 5.')
    """
    if example.messages or not example.choices:
        return ()
    form = _as_format(task, example, template, seed, epoch)
    return example.choices if form.template.inverted else _answers(task, example, form, example.choices)


def _answers(task: Task, example: Example, form: Format, targets: Sequence[str], every: bool = False) -> tuple[str, ...]:
    """Returns each target as the response says it; of a wording that gives several answers the first, or every one."""
    template, where = form.template, _where(task, example, form.template)
    if template.promptsource is not None:
        wordings = [word(template.promptsource, example, target, where, (task.name, example.id)) for target in targets]
        return tuple([answer for wording in wordings for answer in (wording.responses if every else wording.responses[:1])])
    said = (_variables(task, example, target, template, form.options, where) for target in targets)
    return tuple(fill(template.response, variables, where) for variables in said)


def _said(task: Task, example: Example, template: Template, reasoning: Reasoning | None, variables: Mapping[str, Any], where: str) -> Said:
    """Returns prompt and response of a row or a demonstration; the prompt of a Tk-Instruct template stays empty."""
    if template.promptsource is not None:
        worded = word(template.promptsource, example, variables["target"], where, (task.name, example.id))
        prompt, response = worded.prompt, worded.responses[0]
    else:
        if template.for_kinds is ANY_KIND:
            prompt = bare_prompt(task, example, template)
        else:
            prompt = "" if template.tk_instruct is not None else fill(template.prompt, variables, where)
        response = fill(template.response, variables, where)
    if reasoning is None:
        return Said(prompt, response)
    return Said(reasoning.prompt(prompt), reasoning.response(example.rationale, response))


def _with_shots(task: Task, form: Format, prompt: str, fits: Callable[[str], bool]) -> tuple[str, str]:
    """Returns the prompt behind its demonstrations, and what became of these."""
    shots, ids = list[Said](), list[str]()
    for example, template in form.shots:
        where = _where(task, example, template)
        try:
            variables = _variables(task, example, example.targets[0], template, form.options, where)
            shots.append(_said(task, example, template, form.reasoning, variables, where))
        except TemplateError:  # a row of the same task with less in it: the others may still be shown
            continue
        ids.append(example.id)
    text, num_kept = fitted(shots, prompt, form.layout, fits)
    of = f" of {form.num_shots}" if num_kept < form.num_shots else ""
    kept = f" (ids {', '.join(ids[-num_kept:])}), laid out as '{form.layout.name}'" if num_kept else ""
    why = " fit" if num_kept < len(shots) else " found" if of else ""
    return text, f"{num_kept}{of} shot{'' if form.num_shots == 1 else 's'}{why}{kept}"


def _format_notes(form: Format, example: Example) -> list[str]:
    """Returns what a format is, in words; nothing for a wording alone."""
    notes = list[str]()
    if form.reasons:
        notes.append("chain of thought")
    if form.template.inverted:
        notes.append(f"turned around{f': {form.template.becomes}' if form.template.becomes else ''}")
    if form.options is not None:
        notes.append(f"options style '{form.options.style.name}'")
    if not example.rationale and (form.template.style == "cot" or form.reasons):
        notes.append("the example has no rationale")
    return notes


def _as_format(task: Task, example: Example, template: Template | Format | None, seed: int, epoch: int) -> Format:
    if isinstance(template, Format):
        return template
    return settled_format(task, example, _needed(task, example, template), seed=seed, epoch=epoch)


def _variables(task: Task, example: Example, target: str, template: Template, options: OptionsFormat | None, where: str) -> dict[str, Any]:
    """Returns what a wording may use. A column wins over the task's word of the same name, but never over the answer."""
    choices = words_of_choices(template, example, where)
    if template.labels and target and example.choices:
        target = in_words(template.labels, target, where)
    variables = {
        "task_name": task.name,
        "definition": task.definition,
        "category": task.category,
        "choices": choices,
        "language": task.languages[0] if task.languages else "",
        **example.fields,
        "target": target,
        "rationale": example.rationale,
    }
    if options is not None and lists_options(template, example):
        variables[OPTIONS] = options.block(choices)
        if not template.inverted:
            variables["target"] = options.answer(choices, target)
    return variables


def _notes(encoding: Encoding, max_length: int) -> list[str]:
    notes = []
    shown = (("positive", encoding.num_positive), ("negative", encoding.num_negative))
    for (kind, num_shown), num_wanted in zip(shown, encoding.wanted, strict=True):
        if num_shown < num_wanted:
            notes.append(f"{num_shown} of {num_wanted} {kind} examples fit")
    if encoding.num_same:
        notes.append(f"{encoding.num_same} of the task's examples passed over: the same input")
    if encoding.shortened:
        notes.append(f"the prompt has more than {max_length:,} tokens")
    return notes


def _needed(task: Task, example: Example, template: Template | None) -> Template:
    if template is None or template.name == AS_IS.name:
        where = f"task '{task.name}', example '{example.id}'"
        raise TemplateError("only conversations render without a template", where=where, remedy="didact ls templates")
    return template


def _where(task: Task, example: Example, template: Template) -> str:
    row = f" ({example.where})" if example.where else ""
    return f"task '{task.name}', example '{example.id}'{row}, template {template.name}"
