"""Bare prompts: no instructions, only what an example has, for the baselines that show what instructions bring.

Source: Wei et al. 2022, arXiv 2109.01652, appendix B.2: no template, and the name of the data set.
"""

from didact.base.types import Example
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
