"""The public data sets as data, in catalogue.yaml: where each lies, under which licence, in what shape, and how it is read.

    sources: [{name: mine, catalogue: alpaca}]                        # from where it lies
    sources: [{name: mine, catalogue: alpaca, path: data/alpaca}]     # from a copy of your own

`didact ls datasets` lists them.
"""

import re
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from didact.base.config import Section, read_yaml, validate
from didact.base.errors import DataError, RecipeError, did_you_mean
from didact.base.recipe import Source
from didact.tasks.downloads import HUB_ID

CATALOGUE = Path(__file__).with_name("catalogue.yaml")
"""The file with all rows."""
Text = Annotated[str, Field(min_length=1)]


class Row(Section):
    """One public data set: what a person wants to know of it, and what a reader has to."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9_]+$")]
    """What recipes call it."""
    title: Text
    """What its authors call it."""
    num_examples: Annotated[int, Field(ge=1)] | None
    """Rows, as its authors or its hub page count them; null: not told."""
    languages: tuple[Text, ...]
    """Language codes; `mul`: many; `code`: programming languages."""
    made: Text
    """Who wrote the answers: human, the name of a model, or mixed with what is mixed."""
    open: Literal["open", "gated", "closed"]
    """gated: its owners ask who you are; closed: never released."""
    licence: Text
    """Licence of the data, as its authors state it."""
    where: str = ""
    """A hub id, or an address: of the folder that `files` lie in, or of a page."""
    files: tuple[Text, ...] = ()
    """Which files there: fetched one by one, where the hub's own loader cannot read it."""
    header: tuple[Text, ...] = ()
    """Column names, for tables without them."""
    subset: str | None = None
    """Configuration on the hub; another one may be named in a recipe."""
    split: str | None = None
    """Split on the hub; null: train."""
    shape: Text
    """Its columns, in words."""
    reader: str | None
    """Reader of that shape; null: closed."""
    columns: dict[str, str] = Field(default={})
    """Which column is what, for the reader."""
    target: str | None = None
    """The answer's column, for reader `rows`."""
    tasks_by: str = ""
    """Columns that name the task of each row, where there are many tasks in it."""
    dataset_by: str = ""
    """Column that says where a task's data come from."""
    definition: str = ""
    """What its rows ask for, where they do not say so themselves."""
    settings: dict[str, int | float | str] = Field(default={})
    """Settings of the reader."""
    how_to_get: str = ""
    """For gated and closed ones, and for those that nothing fetches by itself: what to do."""
    note: str = ""
    """What is often told wrongly about it, or good to know."""
    paper: str = ""
    """arXiv number."""

    @model_validator(mode="after")
    def _says_how_it_is_had(self) -> "Row":
        if (self.reader is None) != (self.open == "closed"):
            raise ValueError(f"{self.name}: a data set that is not closed needs a reader, a closed one has none")
        if not self.how_to_get and not (self.open == "open" and self.loads):
            raise ValueError(f"{self.name}: how_to_get says what a person has to do, since nothing loads it by itself")
        if self.paper and not re.fullmatch(r"\d{4}\.\d{5}", self.paper):
            raise ValueError(f"{self.name}: paper is an arXiv number, such as 2212.10560")
        return self

    @property
    def loads(self) -> bool:
        """Whether its rows come by themselves: from the hub, or files from an address."""
        return bool(HUB_ID.fullmatch(self.where) or (self.where.startswith("https://") and self.files))

    @property
    def page(self) -> str:
        """The address of a page about it."""
        return f"https://huggingface.co/datasets/{self.where}" if HUB_ID.fullmatch(self.where) else self.where


class Catalogue(Section):
    """The file as a whole."""

    datasets: tuple[Row, ...]

    @model_validator(mode="after")
    def _names_are_their_own(self) -> "Catalogue":
        names = [row.name for row in self.datasets]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"two data sets are named '{twice[0]}'")
        return self


def read_catalogue(path: Path = CATALOGUE) -> tuple[Row, ...]:
    """Returns the rows of a catalogue file, in its order.

    Raises:
        RecipeError: All problems at once, each with its line.
    """
    try:
        return validate(read_yaml(path), Catalogue).datasets
    except RecipeError as error:
        what = error.what.replace(" in the recipe", " in the catalogue")
        raise RecipeError(what, where=error.where, expected=error.expected, remedy=f"put right {path}") from None


@cache
def rows() -> tuple[Row, ...]:
    """Returns the rows of the catalogue that comes with the package, by name."""
    return tuple(sorted(read_catalogue(), key=lambda row: row.name))


def find(name: str) -> Row:
    """Returns a data set by its name.

    Raises:
        RecipeError: There is none; the nearest names are shown.

    >>> find("alpaca").title
    'Stanford Alpaca'
    """
    by_name = {row.name: row for row in rows()}
    if name in by_name:
        return by_name[name]
    # Names are longer than what people type: `oasst` stands for oasst1 and oasst2.
    alike = [known for known in by_name if name.lower() in known or known in name.lower()]
    expected = f"one of: {', '.join(alike)}" if alike else did_you_mean(name.lower(), by_name)
    raise RecipeError(f"no data set named '{name}' in the catalogue", expected=expected, remedy="didact ls datasets")


def source_of(row: Row, source: Source) -> Source:
    """Returns a source with reader, place and shape as the catalogue has them; what the source itself says wins.

    Raises:
        DataError: The data set is closed; or it is gated or lies where nothing fetches it, and the source names no copy.
    """
    given = source.model_fields_set
    if row.reader is None or not (source.path or (row.loads and row.open == "open")):
        raise _not_there(row, source)
    known: dict[str, Any] = {
        "reader": row.reader,
        "path": row.where,
        "dataset": row.name,
        "language": row.languages[0] if len(row.languages) == 1 else "mul",
        **{key: getattr(row, key) for key in ("files", "header", "subset", "split", "columns", "target", "tasks_by", "definition")},
    }
    if source.tasks_by or (row.tasks_by and "tasks_by" not in given):  # What all tasks share says of none where it comes from.
        known |= {"dataset": "", "dataset_by": row.dataset_by}
    update = {key: value for key, value in known.items() if key not in given}
    return source.model_copy(update={**update, "settings": {**row.settings, **source.settings}, "catalogue": ""})


def settled(source: Source) -> Source:
    """Returns a source that says how it is read: itself, or with what the catalogue knows of it. Raises as `find` and `source_of`."""
    return source_of(find(source.catalogue), source) if source.catalogue else source


def licence_of(source: Source) -> str:
    """Returns the licence that the catalogue knows; nothing for a source of another kind."""
    return find(source.catalogue).licence if source.catalogue else ""


def _not_there(row: Row, source: Source) -> DataError:
    """Returns the error that says what a data set is, and how to come by it."""
    size = f", {row.num_examples:,} examples" if row.num_examples else ""
    about = f"{row.title} ({row.made}{size}; {row.licence})"
    if row.open == "closed":
        more = f". {row.note.rstrip('.')}" if row.note else ""
        return DataError(f"data set '{row.name}' is closed: {about}{more}", where=row.page, remedy=row.how_to_get)
    state = "is gated: its owners ask who you are" if row.open == "gated" else "has to be fetched by hand"
    copy = f"{row.where}, once you may read it, or a copy" if HUB_ID.fullmatch(row.where) else "your copy"
    expected = f"path: of source '{source.name}' names {copy}"
    return DataError(f"data set '{row.name}' {state}: {about}", where=row.page, expected=expected, remedy=row.how_to_get)
