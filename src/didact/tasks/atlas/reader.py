"""Readers of the world: its plain text as one task, and its families as tasks with their five nested hold-outs."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import partial
from itertools import islice
from typing import Annotated, overload

from pydantic import Field

from didact.base.chance import rng
from didact.base.config import Section
from didact.base.recipe import Source
from didact.base.types import Example, Message
from didact.tasks.atlas.documents import document
from didact.tasks.atlas.family import Family, Instance
from didact.tasks.atlas.made import settings_of, share_of
from didact.tasks.atlas.registry import FAMILIES
from didact.tasks.atlas.world import World, world
from didact.tasks.task import LazyExamples, Task

NUM_DOCUMENTS = 400_000
"""Documents of the plain text unless `source.limit` says otherwise: more than any laptop trains on."""
NUM_TRIES = 40
"""Draws for each wanted instance, before a family counts as exhausted."""


class Settings(Section):
    """What a source with reader `atlas` may set in `settings`."""

    families: str = ""
    """Names of families, with spaces between them; empty: all."""
    unseen_families: str = ""
    """Names of families that are never trained on; empty: the one that is made to be, `opposite`."""
    unseen_relations_of: str = ""
    """Names of the families that hold out relations or rules; empty: all that can. The others are trained on all of theirs."""
    num_train: Annotated[int, Field(ge=1)] | None = None
    """Training instances of a family, at most."""
    num_unseen: Annotated[int, Field(ge=1)] | None = None
    """Instances of each unseen task."""


def atlas(source: Source) -> list[Task]:
    """Returns, for every family, the task that is trained on and those that are unseen, each at its level.

    `atlas/F` is trained on. `atlas/F/unseen_instances` and `atlas/F/unseen_templates` hold instances that are not in it, in seen
    and in held-out wordings; `unseen_relation` and `unseen_compositions` hold parts that are not. A family that is unseen as a
    whole has only `atlas/F`.

    Raises:
        RecipeError: A setting is wrong, or names a family that there is not; see `Settings`.
    """
    settings = settings_of(source, Settings)
    names = settings.families.split() or list(FAMILIES)
    unseen = settings.unseen_families.split()
    chosen = dict.fromkeys([*names, *unseen])
    return [task for name in chosen for task in _tasks(_as_set(FAMILIES[name], name in unseen, settings), source)]


def _as_set(family: Family, unseen: bool, settings: Settings) -> Family:
    """Returns a family as the settings have it."""
    holding = settings.unseen_relations_of.split()
    parts = {
        part: "" if level == "unseen_relation" and holding and family.name not in holding else level for part, level in family.parts.items()
    }
    return replace(
        family,
        parts=parts,
        unseen=unseen or (family.unseen and not settings.unseen_families),
        num_train=min(family.num_train, settings.num_train or family.num_train),
        num_unseen=settings.num_unseen or family.num_unseen,
    )


def atlas_text(source: Source) -> list[Task]:
    """Returns one task: the world's plain text, documents of about 50 words, 12 to 120, made when they are asked for."""
    here, count = world(source.world), source.limit or NUM_DOCUMENTS
    return [Task(source.name, _Documents(here, count), kind="text", categories=("text",), datasets=("atlas_text",))]


class _Documents(Sequence[Example]):
    """Documents by number, made when they are asked for."""

    def __init__(self, here: World, count: int) -> None:
        self._world, self._count = here, count

    @overload
    def __getitem__(self, index: int) -> Example: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Example]: ...
    def __getitem__(self, index: int | slice) -> Example | Sequence[Example]:
        if isinstance(index, slice):
            return [self[number] for number in range(*index.indices(self._count))]
        number = range(self._count)[index]
        return Example(str(number), messages=(Message("text", document(self._world, number)),))

    def __len__(self) -> int:
        return self._count


def _tasks(family: Family, source: Source) -> Iterable[Task]:
    levels = dict.fromkeys(level for level in family.parts.values() if level)
    if family.unseen:
        yield _task(family, source, "", "unseen_family")
        return
    yield _task(family, source, "", "")
    yield _task(family, source, "/unseen_instances", "unseen_instances")
    yield _task(family, source, "/unseen_templates", "unseen_templates")
    for level in levels:
        yield _task(family, source, f"/{level}", level)


def _task(family: Family, source: Source, ending: str, level: str) -> Task:
    return Task(
        name=f"{source.name}/{family.name}{ending}",
        examples=LazyExamples(partial(_examples, family, world(source.world), level, source.limit)),
        kind="atlas",
        definition=family.definition,
        categories=(family.name,),
        datasets=("atlas",),
        licence="CC0-1.0",
        metric="accuracy",
        level=level,
    )


def _examples(family: Family, here: World, level: str, limit: int | None) -> list[Example]:
    """Returns the instances of a family at a level, `` for those that are trained on."""
    wanted = family.num_unseen if level else family.num_train
    of_level = level if level in family.parts.values() else ""
    parts = [part for part, its in family.parts.items() if its == of_level]
    # Unseen templates are asked about other unseen instances than the seen templates are.
    keeps = {"": "seen", "unseen_instances": "even", "unseen_templates": "odd"}.get(level, "all")
    found: dict[str, Instance] = {}
    drawn = rng(here.seed, "atlas instances", family.name, level)
    for number in range(wanted * NUM_TRIES):
        instance = family.make(here, parts[number % len(parts)], drawn)
        if keeps in ("all", _share(here, family, instance)):
            found.setdefault(instance.key, instance)
        if len(found) == wanted:
            break
    return [_example(key, instance) for key, instance in islice(found.items(), limit)]


def _share(here: World, family: Family, instance: Instance) -> str:
    """Says which share an instance belongs to, from its identity alone: `seen`, or the `even` or `odd` half of the unseen.

    A fact is in the same share in every family: one that is unseen is told in none of them.
    """
    return share_of(here.seed, "atlas unseen", *((instance.about,) if instance.about else (family.name, instance.key)))


def _example(key: str, instance: Instance) -> Example:
    return Example(
        id=key.replace("\n", "; "),
        fields=instance.fields,
        targets=(instance.target,),
        choices=instance.choices,
        rationale=instance.rationale,
        accepted=instance.accepted,
    )
