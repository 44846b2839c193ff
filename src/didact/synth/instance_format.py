r"""How Self-Instruct words an instance for training: one of several forms, drawn, so that a tuned model does not depend on one."""

import random
import re

from didact.synth.self_instruct_replies import Instance

# Source: Wang et al. (2022), Self-Instruct, arXiv 2212.10560, section 2.3 and its code: seven forms with an input and six without.
# They differ in the word Task, in the labels Input and Output, and in single or double line breaks.
WITH_INPUT = (
    "{instruction}\nInput: {input}\nOutput:",
    "{instruction}\n\nInput: {input}\n\nOutput:",
    "Task: {instruction}\nInput: {input}\nOutput:",
    "{instruction}\n\n{input}\n\nOutput:",
    "{instruction}\n{input}\n\nOutput:",
    "{instruction}\n{input}\n\n",
    "Task: {instruction}\n\n{input}\n\n",
)
WITHOUT_INPUT = (
    "{instruction} Output:",
    "{instruction}\nOutput:",
    "{instruction}\n\nOutput:",
    "Task: {instruction}\n\nOutput:",
    "{instruction}\n\n",
    "Task: {instruction}\n\n",
)
LABEL_SHARE = 0.5
"""Instances whose only field label, `Text:` say, is taken away."""


def plain_format(instruction: str, given: str) -> str:
    r"""Returns an instruction and what it is about, a blank line between them.

    >>> plain_format("Add.", "1, 2"), plain_format("Sing.", "")
    ('Add.\n\n1, 2', 'Sing.')
    """
    return f"{instruction}\n\n{given}" if given.strip() else instruction


def drawn_format(instruction: str, instance: Instance, rand: random.Random) -> tuple[str, str]:
    r"""Returns an instance as prompt and completion in one of the forms.

    A completion begins with a blank after `Output:`; the end of text that the original writes behind it is the chat format's to add.

    >>> drawn_format("Sing.", Instance("", "La."), random.Random(1))
    ('Sing. Output:', ' La.')
    """
    given = instance.input
    if rand.random() < LABEL_SHARE:
        given = without_label(given)
    form = rand.choice(WITH_INPUT if given else WITHOUT_INPUT)
    before, _, after = form.partition("{input}")
    # Neither text is searched for slots.
    prompt = before.replace("{instruction}", instruction.strip()) + given + after
    return prompt, f" {instance.output}" if form.endswith("Output:") else instance.output


def without_label(given: str) -> str:
    r"""Returns an input without its field label if it has exactly one, and without blank lines.

    >>> without_label("Text: It rained.\n\nAll day."), without_label("Text: a\nQuestion: b")
    ('It rained.\nAll day.', 'Text: a\nQuestion: b')
    """
    if len(set(re.findall(r"(\w+):", given))) == 1:
        given = given.split(":", 1)[1].strip()
    return given.replace("\n\n", "\n")
