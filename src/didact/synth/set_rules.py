"""Filters that compare rows with one another: copies, one input with different outputs, instructions that are too similar."""

import os
from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated

from pydantic import Field

from didact.base.config import Section
from didact.synth.card import part_of
from didact.synth.filters import Filter, Judged, Rule
from didact.synth.outcome import Row
from didact.synth.similar import SimilarPool
from didact.tasks.words import fold


class ConflictSettings(Section):
    """Filter `conflicts` has no settings."""


def _conflicts(settings: ConflictSettings, seeds: Sequence[str]) -> Filter:
    def judge(rows: Sequence[Row]) -> Judged:
        outputs: dict[tuple[str, str], set[str]] = {}
        keys = [(part_of(row, "instruction"), part_of(row, "input")) for row in rows]
        for row, key in zip(rows, keys, strict=True):
            outputs.setdefault(key, set()).add(part_of(row, "output"))
        # Without an input, several answers to one instruction are as it should be: name a river.
        for row, key in zip(rows, keys, strict=True):
            yield row, "one input with different outputs" if key[1].strip() and len(outputs[key]) > 1 else None

    return judge


class DuplicateSettings(Section):
    """Filter `duplicates` has no settings."""


def _duplicates(settings: DuplicateSettings, seeds: Sequence[str]) -> Filter:
    def judge(rows: Sequence[Row]) -> Judged:
        seen = set[tuple[str, ...]]()
        for row in rows:
            said = [f"{message.role}: {message.content}" for message in row.messages]
            texts = said or [part_of(row, part) for part in ("instruction", "input", "output")]
            key = tuple(" ".join(fold(text).split()) for text in texts)
            yield row, "a copy of an earlier row" if key in seen else None
            seen.add(key)

    return judge


class RougeSettings(Section):
    """Settings of filter `rouge`."""

    threshold: Annotated[float, Field(ge=0, le=1)] = 0.7
    """ROUGE-L F1 with a seed or an earlier kept instruction above which one is dropped."""
    strict: bool = False
    """True: the originals' decisions to the last row: words of a-z and 0-9 only, exact ties as floating point decides them, and every row
    for itself. Else the same instruction with another input is a further instance of it, and shares its fate."""
    nearest: Annotated[int, Field(ge=0)] = 0
    """So many of the most similar instructions are written beside each kept row (`about.most_similar`), which takes much longer."""


def _rouge(settings: RougeSettings, seeds: Sequence[str]) -> Filter:
    def judge(rows: Sequence[Row]) -> Judged:
        pool = SimilarPool(settings.threshold, settings.strict, workers=os.cpu_count() or 1)
        pool.extend(seeds)
        instructions = [part_of(row, "instruction") for row in rows]
        # The same instruction with another input is one more instance of a task, and meets the fate of the first.
        with_input = [not settings.strict and bool(part_of(row, "input").strip()) for row in rows]
        first: dict[str, int] = {}
        for number, instruction in enumerate(instructions):
            if with_input[number]:
                first.setdefault(instruction, number)
        asked = [number for number, one in enumerate(instructions) if not with_input[number] or first[one] == number]
        refusals = dict(zip(asked, pool.refusals([instructions[number] for number in asked]), strict=True))
        for number, (row, instruction) in enumerate(zip(rows, instructions, strict=True)):
            similar = refusals[first[instruction] if with_input[number] else number]
            if similar is not None:
                found = replace(row, scores={**row.scores, "rouge_l": similar.f1}, about={**row.about, "similar_to": pool[similar.number]})
                yield found, "like a seed task" if similar.number < len(seeds) else "like an earlier row"
            elif settings.nearest:
                near = [pair for pair in pool.most_similar(instruction, settings.nearest + 1) if pair[0] != instruction]
                yield replace(row, about={**row.about, "most_similar": dict(near[: settings.nearest])}), None
            else:
                yield row, None

    return judge


# Source: Wang et al. (2022), Self-Instruct, arXiv 2212.10560, section 2.2, and its code.
CONFLICTS = Rule("all rows of one instruction and input that have different outputs", ConflictSettings, _conflicts)
DUPLICATES = Rule("copies of earlier rows, but for case and blanks", DuplicateSettings, _duplicates)
ROUGE = Rule("instructions that are too similar to a seed task or an earlier row, by ROUGE-L", RougeSettings, _rouge)
