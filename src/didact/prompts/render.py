"""From an example and a template to a conversation; training and evaluation both come through here.

What is drawn (the template, the target) is drawn from the example's identity, so any row can be rendered again.
"""

from collections.abc import Callable, Sequence
from typing import Any

from didact.base.chance import rng
from didact.base.errors import TemplateError
from didact.base.types import Conversation, Example, Message, Origin
from didact.prompts.sandbox import fill
from didact.prompts.template import AS_IS, Template
from didact.prompts.tk_instruct import Encoding, encode
from didact.tasks.task import Task


def render(
    task: Task,
    example: Example,
    template: Template | None = None,
    *,
    seed: int = 0,
    epoch: int = 0,
    count_tokens: Callable[[str], int] | None = None,
    max_prompt_length: int = 1024,
) -> Conversation:
    """Returns what is said, by whom, for one example.

    An example that is a conversation already comes back as it is, whatever the template.

    Args:
        task: The example's task.
        example: What to word.
        template: The wording; None only for conversations.
        seed: Decides, with the example's identity and the epoch, which target is drawn.
        epoch: The pass over the data.
        count_tokens: For the length rule of Tk-Instruct templates; None: no limit.
        max_prompt_length: Tokens of the same rule.

    Raises:
        TemplateError: The template does not fit the example, or prompt or response come out empty.

    >>> example = Example("1", {"question": "2 + 2?"}, targets=("4",))
    >>> said = render(Task("sums", (example,)), example, Template("my/plain", ("rows",), prompt="{{ question }}"))
    >>> [(message.role, message.content) for message in said.messages]
    [('user', '2 + 2?'), ('assistant', '4')]
    """
    if example.messages:
        return Conversation(example.messages, Origin(task.name, example.id, AS_IS.name, seed, epoch), example.tools)
    template = _needed(task, example, template)
    target = draw_target(task, example, seed, epoch)
    variables = _variables(task, example, target)
    where = _where(task, example, template)
    notes: list[str] = []
    if template.tk_instruct is not None:
        if "input" not in example.fields:
            raise TemplateError("the example has no input", where=where, expected="a field named input", remedy="use another template")
        encoding = encode(task, example.fields["input"], template.tk_instruct, count_tokens=count_tokens, max_length=max_prompt_length)
        prompt = encoding.text
        notes += _notes(encoding, max_prompt_length)
    else:
        prompt = fill(template.prompt, variables, where)
    response = fill(template.response, variables, where)
    for part, text in (("prompt", prompt), ("response", response)):
        if not text.strip():
            raise TemplateError(f"the {part} is empty", where=where, remedy="put the template right, or leave the row out")
    if template.style == "cot" and not example.rationale:
        notes.append("the example has no rationale")
    messages = [Message("user", prompt), Message("assistant", response)]
    if template.system and (system := fill(template.system, variables, where)).strip():
        messages.insert(0, Message("system", system))
    return Conversation(tuple(messages), Origin(task.name, example.id, template.name, seed, epoch, tuple(notes)))


def choose_template(templates: Sequence[Template], task: Task, example_id: str, seed: int, epoch: int) -> Template:
    """Returns the template that an example gets in an epoch, each with the same chance.

    Raises:
        TemplateError: There is nothing to choose from.
    """
    if not templates:
        raise TemplateError(f"no template to choose from for task '{task.name}'", remedy="didact ls templates")
    return templates[rng(seed, "template", task.name, example_id, epoch).randrange(len(templates))]


def draw_target(task: Task, example: Example, seed: int, epoch: int) -> str:
    """Returns the target that is trained on in an epoch; empty where the example has none."""
    if len(example.targets) < 2:
        return example.targets[0] if example.targets else ""
    return rng(seed, "target", task.name, example.id, epoch).choice(example.targets)


def references(task: Task, example: Example, template: Template | None = None) -> tuple[str, ...]:
    """Returns every response that counts as right: each target in the template's words, or a conversation's last answer.

    What the example accepts besides follows as it stands.

    >>> example = Example("1", {"q": "2 + 2?"}, targets=("4", "four"))
    >>> references(Task("sums", (example,)), example, Template("my/x", ("rows",), "{{ q }}", "It is {{ target }}."))
    ('It is 4.', 'It is four.')
    """
    if example.messages:
        said = tuple(message.content for message in example.messages if message.role == "assistant")[-1:]
        return (*said, *example.accepted)
    template = _needed(task, example, template)
    where = _where(task, example, template)
    worded = tuple(fill(template.response, _variables(task, example, target), where) for target in example.targets)
    return (*worded, *example.accepted)


def _variables(task: Task, example: Example, target: str) -> dict[str, Any]:
    """Returns what a wording may use. A column wins over the task's word of the same name, but never over the answer."""
    return {
        "task_name": task.name,
        "definition": task.definition,
        "category": task.category,
        "choices": example.choices,
        "language": task.languages[0] if task.languages else "",
        **example.fields,
        "target": target,
        "rationale": example.rationale,
    }


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
