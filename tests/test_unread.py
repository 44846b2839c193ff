"""Where nothing answers for the rows, a check still tells the most that the recipe may take, and fails all the same."""

import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from didact.base.errors import DataError, UnreachableError
from didact.base.recipe import Recipe
from didact.base.recipe_file import load_recipe
from didact.jobs import check
from didact.unread import most_trained_on

SOURCES = "[{name: alpaca, catalogue: alpaca}]"


def recipe(tmp_path: Path, sources: str = SOURCES, base: str = "atlas-decoder", rest: str = "") -> Recipe:
    path = tmp_path / "recipe.yaml"
    path.write_text(
        f"name: x\nmodel: {{base: {base}}}\ntasks: {{sources: {sources}}}\nprompts: {{chat_format: plain}}\n"
        f"sequence: {{max_length: 128}}\ntrain: {{batch_tokens: 1024, epochs: 2{rest}}}\nevaluate: {{max_new_tokens: 16}}\n"
    )
    return load_recipe(path)


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def load_dataset(*_: object, **__: object) -> None:
        raise ConnectionError("no network")

    monkeypatch.setitem(sys.modules, "datasets", SimpleNamespace(load_dataset=load_dataset))


def test_the_most_is_every_counted_row_at_its_greatest_length(tmp_path: Path) -> None:
    most = most_trained_on(recipe(tmp_path))
    assert most is not None
    assert (most.num_examples, most.num_tokens, most.num_steps) == (2 * 52_002, 2 * 52_002 * 128, 13_001)  # 13,000.5 steps
    ended = most_trained_on(recipe(tmp_path, rest=", max_steps: 13"))
    assert ended is not None
    assert (ended.num_steps, ended.num_examples, ended.epochs) == (13, 104, pytest.approx(2 * 13 / 13_001))


def test_rows_that_are_cut_out_of_a_stream_have_no_greatest_length(tmp_path: Path) -> None:
    of_rows = recipe(tmp_path)
    streamed = of_rows.model_copy(update={"sequence": of_rows.sequence.model_copy(update={"stream": True, "pack": False})})
    assert most_trained_on(streamed) is None


@pytest.mark.parametrize(
    "sources", ["[{name: own, reader: rows, path: owner/name}]", SOURCES[:-1] + ", {name: own, reader: rows, path: x/y}]"]
)
def test_nothing_is_guessed_of_rows_that_nobody_counted(sources: str, tmp_path: Path) -> None:
    assert most_trained_on(recipe(tmp_path, sources)) is None


def test_a_check_without_a_network_tells_the_most_for_every_machine_and_fails(no_network: None, tmp_path: Path) -> None:
    told: list[str] = []
    with pytest.raises(UnreachableError, match="'tatsu-lab/alpaca' cannot be read: ConnectionError: no network"):
        check(recipe(tmp_path), told.append, tokens_per_second=13_312.0, price_per_hour=3.6, machines=["1x24GB", "8x80GB"])
    (first,) = [number for number, line in enumerate(told) if line.startswith("without its rows")]
    assert told[first] == "without its rows, the most that this recipe may take: 104,004 rows of 128 tokens, all trained on"
    assert [line.partition(" ")[0] for line in told[first + 1 :]] == ["compute:", "1x24GB", "1x24GB:", "8x80GB", "8x80GB:"]
    # 2 * 52,002 rows of 128 tokens at 104 rows a second: 1,000 s.
    assert told[-1] == "8x80GB: time: about 17 min at 13,312 tokens/s, 1.00 at 3.6 an hour"
    assert not any("all is well" in line for line in told)


def test_a_new_model_has_no_tokenizer_before_its_rows(no_network: None, tmp_path: Path) -> None:
    told: list[str] = []
    with pytest.raises(UnreachableError):
        check(recipe(tmp_path, base="new"), told.append)
    assert not any(line.startswith("without its rows") for line in told)


def test_rows_that_are_wrong_have_no_plan(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def load_dataset(*_: object, **__: object) -> None:
        raise ValueError("Unknown split")

    monkeypatch.setitem(sys.modules, "datasets", SimpleNamespace(load_dataset=load_dataset))
    told: list[str] = []
    with pytest.raises(DataError, match="Unknown split") as error:
        check(recipe(tmp_path), told.append)
    assert error.type is DataError
    assert not any(line.startswith("without its rows") for line in told)
