"""Named files of public repositories are fetched once into the cache; what goes wrong leaves no half file behind."""

import io
import json
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError

import pytest

from didact.base.errors import DataError, UnreachableError
from didact.base.recipe import Source
from didact.tasks import downloads
from didact.tasks.downloads import cache_folder, fetch
from didact.tasks.readers import load_tasks

HUB = "https://huggingface.co/datasets/BAAI/COIG/resolve/main"


class Answer(io.BytesIO):
    """What `urlopen` returns."""

    def __init__(self, content: bytes, length: int | None) -> None:
        super().__init__(content)
        self.headers = {"Content-Length": str(length)} if length is not None else {}


@pytest.fixture
def web(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, Any]:
    """A web of addresses and contents; `asked` lists what was asked for."""
    pages: dict[str, Any] = {"asked": []}

    def urlopen(request: Any, timeout: float) -> Answer:
        pages["asked"].append(request.full_url)
        content, length = pages.get(request.full_url, (None, None))
        if content is None:
            raise HTTPError(request.full_url, 404, "Not Found", {}, None)  # type: ignore[arg-type]
        return Answer(content, length)

    monkeypatch.setattr(downloads, "urlopen", urlopen)
    monkeypatch.setenv("DIDACT_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    return pages


def test_files_of_a_hub_repository_are_fetched_once_when_examples_are_asked_for(web: dict[str, Any]) -> None:
    row = {"textbox_q_instruction": "Q", "textbox_question": "?", "textbox_answer": "A"}
    content = json.dumps(row).encode()
    web[f"{HUB}/exam_instructions.jsonl"] = (content, len(content))
    for _ in range(2):
        (task,) = load_tasks([Source(name="mine", catalogue="coig")])
        assert [(example.id, *example.fields.values(), *example.targets) for example in task.examples] == [
            ("exam_instructions.jsonl/line 1", "Q", "?", "A")
        ]
    assert web["asked"] == [f"{HUB}/exam_instructions.jsonl"]


def test_nothing_is_fetched_before_examples_are_asked_for_nor_from_a_copy(web: dict[str, Any], tmp_path: Path) -> None:
    load_tasks([Source(name="mine", catalogue="coig")])
    (tmp_path / "copy").mkdir()
    (tmp_path / "copy" / "exam_instructions.jsonl").write_text(
        '{"textbox_q_instruction": "Q", "textbox_question": "?", "textbox_answer": "A"}\n'
    )
    (tmp_path / "copy" / "leetcode.jsonl").write_text('{"instruction": "other shape"}\n')  # `files` of the row leaves it alone.
    (task,) = load_tasks([Source(name="mine", catalogue="coig", path=str(tmp_path / "copy"))])
    assert len(task.examples) == 1
    assert web["asked"] == []


def test_no_network_is_told_apart_from_no_such_file(web: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(DataError, match="404") as error:
        fetch("owner/name", ["a.jsonl"])
    assert error.type is DataError

    def silent(*_: Any, **__: Any) -> None:
        raise URLError(OSError("Name or service not known"))

    monkeypatch.setattr(downloads, "urlopen", silent)
    with pytest.raises(UnreachableError, match="Name or service not known"):
        fetch("owner/name", ["a.jsonl"])


def test_files_of_one_name_in_several_folders_stay_apart(web: dict[str, Any]) -> None:
    base = "https://storage.googleapis.com/unifiedqa/data"
    for name in ("boolq", "squad2"):
        web[f"{base}/{name}/train.tsv"] = (f"Is it {name}?\tyes\n".encode(), None)
    files = ("boolq/train.tsv", "squad2/train.tsv")
    (task,) = load_tasks([Source(name="mine", catalogue="unifiedqa", files=files)])
    assert [example.id for example in task.examples] == ["boolq/train.tsv/row 1", "squad2/train.tsv/row 1"]
    assert cache_folder(base).parts[-4:] == ("files", "storage.googleapis.com", "unifiedqa", "data")


@pytest.mark.parametrize(
    ("pages", "said"), [({}, "HTTP Error 404: Not Found"), ({f"{HUB}/a.jsonl": (b"{}", 5)}, "cut off after 2 of 5 bytes")]
)
def test_an_address_that_does_not_answer_or_not_wholly_is_told_and_leaves_nothing(
    pages: dict[str, Any], said: str, web: dict[str, Any]
) -> None:
    web.update(pages)
    with pytest.raises(DataError) as error:
        fetch("BAAI/COIG", ("a.jsonl",))
    assert said in error.value.what
    assert error.value.where == f"{HUB}/a.jsonl"
    assert "give its `path`" in error.value.remedy
    assert not [path for path in cache_folder("BAAI/COIG").rglob("*") if path.is_file()]


@pytest.mark.parametrize("name", ["*.jsonl", "../../x.jsonl", "/etc/x.jsonl"])
def test_only_whole_names_below_the_address_are_fetched(name: str, web: dict[str, Any]) -> None:
    with pytest.raises(DataError, match="cannot be fetched from BAAI/COIG"):
        fetch("BAAI/COIG", (name,))
    assert web["asked"] == []
