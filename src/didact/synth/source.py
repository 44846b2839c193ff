"""Rows of a source that a method changes, answers or compares with: examples of any reader as rows."""

from didact.base.recipe import Source
from didact.base.types import Example, Message
from didact.synth.outcome import Row
from didact.tasks.readers import load_tasks


def source_rows(source: Source) -> list[Row]:
    """Returns the rows of a source, in its order; `didact check FILE` says which of a file are refused.

    Raises:
        DataError: It cannot be read, or none of its rows.
    """
    return [example_row(example, task.name, task.definition) for task in load_tasks([source]) for example in task.examples]


def example_row(example: Example, task: str, definition: str = "") -> Row:
    r"""Returns an example as a row: its `about` has `instruction`, `input` and `output`, or `text`, and the task's name.

    Args:
        example: Of any reader.
        task: The name of its task, which reads TASK/ID as the row's id.
        definition: What the task asks for, where the example does not say it itself.

    >>> example_row(Example("7", {"instruction": "Add.", "input": "1, 2"}, ("3",)), "sums").messages[0].content
    'Add.\n\n1, 2'
    >>> example_row(Example("1", messages=(Message("text", "Rain fell."),)), "web").about["text"]
    'Rain fell.'
    """
    about: dict[str, object] = {"task": task}
    if example.choices:
        about["choices"] = list(example.choices)
    if example.messages:
        text = "".join(message.content for message in example.messages if message.role == "text")
        if text:
            return Row(f"{task}/{example.id}", about={**about, "text": text})
        asked = next((message.content for message in example.messages if message.role == "user"), "")
        answers = [message.content for message in example.messages if message.role == "assistant"]
        about |= {"instruction": asked, "input": "", "output": answers[-1] if answers else ""}
        return Row(f"{task}/{example.id}", example.messages, about=about)
    named = dict(example.fields)
    instruction = named.pop("instruction", "") or named.pop("prompt", "") or definition
    given = "\n".join(text for text in named.values() if text)
    output = example.targets[0] if example.targets else ""
    asked = "\n\n".join(part for part in (instruction, given) if part.strip())
    about |= {"instruction": instruction, "input": given, "output": output}
    return Row(f"{task}/{example.id}", (Message("user", asked), Message("assistant", output)), about=about)
