"""What Self-Instruct asks of a model: its settings and its three requests."""

from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import Field

from didact.base.chance import rng, seed_of
from didact.base.config import Section
from didact.base.objective_sections import Count
from didact.base.types import Message
from didact.synth.ask import Ask, Sampling
from didact.synth.instruction_rules import KEYWORDS, SELF_INSTRUCT_KEYWORDS
from didact.synth.job import Job, settings_of
from didact.synth.seeds import load_seeds
from didact.synth.wordings import wordings

Share = Annotated[float, Field(ge=0, le=1)]
Amount = Annotated[float, Field(ge=0)]


class SelfInstructSettings(Section):
    """What Self-Instruct asks, and how."""

    as_chat: bool = True
    """True: one message to a chat model; false: plain text that a base model goes on with."""
    wave: Count = 40
    """Most requests for instructions that go out together: they show the tasks made before, not each other's."""
    num_shown: Count = 8
    """Tasks that each request for instructions shows."""
    num_machine_shown: Annotated[int, Field(ge=0)] = 2
    """So many of them, where there are any, were made before; the others are seeds."""
    num_asked: Count = 8
    """Tasks that each request asks for."""
    only_classification: bool = False
    """True: only classification tasks are shown and asked for."""
    keywords: tuple[str, ...] = KEYWORDS
    """An instruction with one of these words is dropped: it needs more than text."""
    threshold: Share = 0.7
    """An instruction is dropped when its ROUGE-L F1 with a seed or with one that is kept is above it."""
    most_instances: Count = 5
    """Instances of one instruction; further ones are dropped by chance."""
    drawn_formats: bool = False
    """True: a prompt has one of thirteen forms, drawn for each row; false: instruction, blank line, input."""
    temperature: Amount = 1.0
    """For new instructions; all else is asked for at temperature 0."""
    top_p: Share = 0.95
    """For new instructions."""
    presence_penalty: float = 0.0
    """For new instructions."""
    instance_presence_penalty: float = 0.0
    """For instances."""
    max_tokens: Count = 1024
    """Of a reply with new instructions."""
    classification_tokens: Count = 16
    """Of a reply that says whether a task is a classification; models that think first need several hundred."""
    instance_tokens: Count = 1024
    """Of a reply with instances."""
    patience: Count = 3
    """After so many waves without a new instruction nothing more is asked, however many rows are still wanted."""


# Source: Wang et al. (2022), Self-Instruct, arXiv 2212.10560, and its code. A reply shows 9 to 15, seven tasks; instances of classification
# tasks are cut after 300 tokens.
STRICT: dict[str, Any] = {
    "as_chat": False,
    "wave": 5,
    "num_asked": 7,
    "keywords": SELF_INSTRUCT_KEYWORDS,
    "drawn_formats": True,
    "temperature": 0.7,
    "top_p": 0.5,
    "presence_penalty": 2.0,
    "instance_presence_penalty": 1.5,
    "classification_tokens": 3,
    "instance_tokens": 350,
}
STRICT_LABEL_TOKENS = 300
NUM_YES, NUM_NO = 12, 19
"""Tasks that show what a classification is."""


def self_instruct_settings(job: Job) -> SelfInstructSettings:
    """Returns the settings of a job: what it says itself, else, if it is strict, what the original has, else the defaults."""
    settings = settings_of(job, SelfInstructSettings)
    original = {key: value for key, value in STRICT.items() if key not in settings.model_fields_set}
    return settings.model_copy(update=original) if job.strict else settings


def instructions_ask(job: Job, settings: SelfInstructSettings, name: str, shown: Sequence[tuple[str, str]]) -> Ask:
    """Returns the request for new instructions, numbered on from those that are shown."""
    words = wordings("self_instruct")
    first, last = len(shown) + 1, len(shown) + settings.num_asked
    header = words["new_classification_tasks" if settings.only_classification else "new_tasks"]
    lines = [header, *(f"{place}. {_one_line(text)}" for place, (_, text) in enumerate(shown, start=1))]
    stop = ("\n\n", f"\n{last + 1}", f"{last + 1}.", f"{last + 1} .")
    sampling = Sampling(
        temperature=settings.temperature,
        top_p=settings.top_p,
        max_tokens=settings.max_tokens,
        stop=() if settings.as_chat else stop,
        presence_penalty=settings.presence_penalty,
        seed=seed_of(job.seed, "synth", "self_instruct", "instructions", name) % 2**31 if settings.temperature else None,
    )
    order = words["continue_tasks"].format(count=settings.num_asked, first=first, last=last)
    return _ask("instructions", settings, sampling, [order], "\n".join(lines), f"\n{first}.")


def classification_examples() -> list[str]:
    """Returns the tasks that show what a classification is, of didact's own seeds, in an order that is always the same.

    >>> lines = classification_examples()
    >>> len(lines), sum(line.endswith("Yes") for line in lines)
    (31, 12)
    """
    seeds = load_seeds()
    yes, no = ([seed for seed in seeds if seed.is_classification is kind] for kind in (True, False))
    shown = [*((seed, "Yes") for seed in yes[:NUM_YES]), *((seed, "No") for seed in no[:NUM_NO])]
    rng(0, "synth", "self_instruct", "classification examples").shuffle(shown)
    return [f"Task: {_one_line(seed.instruction)}\nIs it classification? {answer}" for seed, answer in shown]


def classification_ask(instruction: str, settings: SelfInstructSettings) -> Ask:
    """Returns the request that finds out whether a task is a classification."""
    words = wordings("self_instruct")
    # Source: as STRICT; top_p is 0 there, which at temperature 0 changes nothing, and which servers refuse.
    sampling = Sampling(max_tokens=settings.classification_tokens, stop=() if settings.as_chat else ("\n", "Task"))
    text = "\n".join([words["is_classification"], *classification_examples(), f"Task: {instruction}\nIs it classification?"])
    return _ask("classification", settings, sampling, [words["classification_answer"]], text)


def instances_ask(instruction: str, label_first: bool, settings: SelfInstructSettings, strict: bool = False) -> Ask:
    """Returns the request for the instances of an instruction.

    Args:
        instruction: The task.
        label_first: True: a label and then an input that it is right for, so that no label is forgotten; false: the input first.
        settings: The method's.
        strict: As the original: replies about labels are cut sooner.
    """
    words, form = wordings("self_instruct"), "output_first" if label_first else "input_first"
    sampling = Sampling(
        max_tokens=min(settings.instance_tokens, STRICT_LABEL_TOKENS) if strict and label_first else settings.instance_tokens,
        stop=() if settings.as_chat else (f"Example {settings.most_instances + 1}", "Task:"),
        presence_penalty=settings.instance_presence_penalty,
    )
    order = words[f"{form}_answer"].format(most=settings.most_instances)
    text = "\n\n".join([words[form], *words[f"{form}_examples"], f"Task: {instruction}"])
    return _ask("instances", settings, sampling, [order], text, "\n")


def _ask(stage: str, settings: SelfInstructSettings, sampling: Sampling, orders: Sequence[str], text: str, opening: str = "") -> Ask:
    """Returns a request to a chat model, told what form to keep to, or to one that goes on with the text and its opening."""
    if settings.as_chat:
        return Ask(stage, (Message("user", "\n\n".join([*orders, text])),), sampling=sampling)
    return Ask(stage, prompt=text + opening, sampling=sampling)


def _one_line(text: str) -> str:
    return " ".join(text.split()).rstrip(":")
