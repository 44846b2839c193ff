"""Bare prompts: no instructions, only what an example has, or nothing at all, for the baselines that show what instructions bring.

Source: Wei et al. 2022, arXiv 2109.01652, appendix B.2: no template, and the name of the data set. Response tuning, nothing at all:
An and Kim 2024, arXiv 2409.14254.
"""

from dataclasses import replace

from didact.base.types import Conversation, Example
from didact.prompts.template_file import Template
from didact.tasks.task import Task

ANY_KIND = ("*",)
BARE = {"task_name": Template("bare/task_name", ANY_KIND), "none": Template("bare/fields", ANY_KIND)}
"""What stands for a wording, by `prompts.instructions`."""


def bare_prompt(task: Task, example: Example, template: Template) -> str:
    r"""Returns the fields that are not empty, a line for each, behind the task's name where the template says so.

    >>> task, example = Task("cb", ()), Example("1", {"premise": "It rains.", "hypothesis": "It is wet.", "hint": ""})
    >>> bare_prompt(task, example, BARE["none"]), bare_prompt(task, example, BARE["task_name"])
    ('It rains.\nIt is wet.', 'cb: It rains.\nIt is wet.')
    """
    fields = "\n".join(text for text in example.fields.values() if text.strip())
    return f"{task.name}: {fields}" if template is BARE["task_name"] else fields


def without_prompt(conversation: Conversation) -> Conversation:
    """Returns a conversation in which only the assistant says anything; plain text stays as it is.

    >>> from didact.base.types import Message, Origin
    >>> turns = (Message("system", "Be brief."), Message("user", "2 + 2?"), Message("assistant", "4"))
    >>> [(m.role, m.content) for m in without_prompt(Conversation(turns, Origin("sums", "1"))).messages]
    [('user', ''), ('assistant', '4')]
    """
    kept = [message for message in conversation.messages if message.role != "system"]
    messages = [message if message.role in ("assistant", "text") else replace(message, content="", spans=()) for message in kept]
    return replace(conversation, messages=tuple(messages), tools=())
