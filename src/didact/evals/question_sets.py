"""The question sets of the field by name, wherever a copy of them is: a folder in any of their layouts, the addresses of their authors.

user_instructions   the 252 of Self-Instruct            koala       180 of people's own
vicuna              80 in nine categories               wizardlm    218 by skill and difficulty
mt_bench            80 of two turns, 30 with reference  alpaca_eval the 805 of AlpacaEval

They have no right answers to count: a judge or people compare what models answer, see `didact answer` and `didact rate`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from didact.base.errors import DataError, did_you_mean
from didact.evals.copies import Copies
from didact.evals.user_instructions import Item, read_questions, rows_of
from didact.tasks.downloads import fetch

_SELF_INSTRUCT = "https://raw.githubusercontent.com/yizhongw/self-instruct/main/human_eval"
_FASTCHAT = "https://raw.githubusercontent.com/lm-sys/FastChat/main/fastchat/llm_judge/data"
_ALPAGASUS = "https://raw.githubusercontent.com/gpt4life/alpagasus/main/test_data"
_WIZARDLM = "https://raw.githubusercontent.com/nlpxucan/WizardLM/main/WizardLM/data"


@dataclass(frozen=True, slots=True)
class Known:
    """Where a question set is."""

    layouts: tuple[str, ...]
    """How the paths of its copies end; the first that a folder has is read."""
    address: str
    """Its authors' copy: an address, or an id of the hub."""
    files: tuple[str, ...]
    """Which files there, the questions first."""


SETS = {
    "user_instructions": Known(
        ("user_oriented_instructions.jsonl", "sinstruct_test_set.jsonl"), _SELF_INSTRUCT, ("user_oriented_instructions.jsonl",)
    ),
    "vicuna": Known(
        ("vicuna_bench/question.jsonl", "vicuna_test_set.jsonl"),
        f"{_FASTCHAT}/vicuna_bench",
        ("question.jsonl", "reference_answer/gpt-4.jsonl"),
    ),
    "mt_bench": Known(("mt_bench/question.jsonl",), f"{_FASTCHAT}/mt_bench", ("question.jsonl", "reference_answer/gpt-4.jsonl")),
    "koala": Known(("koala_test_set.jsonl",), _ALPAGASUS, ("koala_test_set.jsonl",)),
    "wizardlm": Known(("WizardLM_testset.jsonl", "wizardlm_test_set.jsonl"), _WIZARDLM, ("WizardLM_testset.jsonl",)),
    "alpaca_eval": Known(("alpaca_eval.json", "text_davinci_003/model_outputs.json"), "tatsu-lab/alpaca_eval", ("alpaca_eval.json",)),
}
"""The sets by name."""


@dataclass(frozen=True)
class QuestionSet:
    """The questions of a set, in its order."""

    name: str
    items: tuple[Item, ...]
    where: str
    """The file that they were read from."""
    numbers: Mapping[str, int | str] = field(default_factory=dict)
    """Item to its `question_id`, as the sets of FastChat have them; empty: there are none."""


def question_set(name: str, copies: Copies | None, *, fetches: bool = False) -> QuestionSet:
    """Returns the questions of a set by name, or those of a file.

    Args:
        name: One of `SETS`, or the path of a file with questions.
        copies: A folder in which copies may lie; None: there is none.
        fetches: A set without a copy is fetched from its authors, once.

    Raises:
        DataError: No set or file has such a name, it is not to be had, or it cannot be read.
    """
    if name not in SETS:
        path = Path(name)
        if not path.is_file():
            remedy = f"one of: {', '.join(SETS)}; or a file of questions, one JSON object a line"
            raise DataError(f"no question set named '{name}'", expected=did_you_mean(name, SETS), remedy=remedy)
        return _read(path.stem, path)
    found = _copy(SETS[name], copies)
    return _read(name, found if found is not None else _fetched(name, copies, fetches))


def first(asked: QuestionSet, limit: int | None) -> QuestionSet:
    """Returns a set with its first questions alone; None: all of them."""
    return asked if limit is None else replace(asked, items=asked.items[:limit])


def check_sets(names: Iterable[str]) -> None:
    """Looks whether every name is that of a set or of a file.

    Raises:
        DataError: One is neither.
    """
    for name in names:
        if name not in SETS and not Path(name).is_file():
            question_set(name, None)


def _copy(known: Known, copies: Copies | None) -> Path | None:
    files = copies.files if copies is not None else ()
    for layout in known.layouts:
        for file in files:
            if copies is not None and f"/{file}".endswith(f"/{layout}"):
                return copies.folder / file
    return None


def _fetched(name: str, copies: Copies | None, fetches: bool) -> Path:
    known = SETS[name]
    where = f"no copy in {copies.folder}" if copies is not None else "no folder of copies was given"
    remedy = f"--data FOLDER, or DIDACT_DATA: a folder with {' or '.join(known.layouts)} in it or below"
    if not fetches:
        raise DataError(f"{name} is not to be had: {where}, and nothing is fetched", where=f"--on {name}", remedy=remedy)
    try:
        return fetch(known.address, known.files) / known.files[0]
    except DataError as error:
        what = f"{name} is not to be had: {where}, and it {error.what}"
        raise DataError(what, where=error.where, remedy=remedy) from None


def _read(name: str, path: Path) -> QuestionSet:
    items = tuple(read_questions(path))
    if not items:
        raise DataError("a file without questions", where=str(path), expected="one JSON object a line, with turns, instruction or prompt")
    rows = [row for _, row in rows_of(path)]
    numbered = len(rows) == len(items) and all("question_id" in row for row in rows)
    numbers = {item.id: row["question_id"] for item, row in zip(items, rows, strict=True)} if numbered else {}
    return QuestionSet(name, items, str(path), numbers)
