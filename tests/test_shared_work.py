"""From a recipe: several processes and kept windows change nothing that is trained, and check says what was used again and why not."""

import json
from pathlib import Path

import pytest

from didact.assemble import Assembly
from didact.base.recipe import Recipe
from didact.jobs import check
from didact.tasks import row_store

WORDS = "ant bee cow dog eel fox gnu hen".split()


@pytest.fixture(autouse=True)
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Windows of 40 draws, chunks of 15, a cache of this test's own, and all rows on disk."""
    monkeypatch.setattr("didact.assemble.WINDOW", 40)
    monkeypatch.setattr("didact.data.stream.CHUNK", 15)
    monkeypatch.setenv("DIDACT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(row_store, "HELD", 0)
    monkeypatch.setattr(row_store, "FEW", 10)


def recipe(folder: Path, templates: str = "{{ instruction }}", **sequence: object) -> Recipe:
    """Two seen tasks and an unseen one, one of whose rows stands among the seen too; half the rows have two demonstrations."""
    for number, name in enumerate(("one", "two", "away")):
        rows = [
            {"instruction": f"{name}: which animal is number {row} here?", "output": WORDS[row * (number + 1) % 8]} for row in range(50)
        ]
        if name == "two":
            rows[7]["instruction"] = "away: which animal is number 3 here?"
        if not (folder / f"{name}.jsonl").exists():
            (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    wordings = folder / "own.yaml"
    wordings.write_text(
        f"set: own\nkinds: [alpaca]\ntemplates:\n  plain:\n    prompt: '{templates}'\n  loud:\n    prompt: 'Now! {{{{ instruction }}}}'\n"
    )
    settings = {
        "model": {"base": "atlas-decoder"},
        "tasks": {
            "sources": [{"name": name, "reader": "alpaca", "path": str(folder / f"{name}.jsonl")} for name in ("one", "two", "away")],
            "hold_out": {"task": ["away"]},
            "leaks": {"ngram": 8, "action": "drop"},
        },
        "prompts": {"templates": ["own/*"], "files": [str(wordings)], "shots": {0: 0.5, 2: 0.5}},
        "sequence": {"max_length": 128, **sequence},
        "train": {"batch_tokens": 500},
        "evaluate": {"max_new_tokens": 16},
    }
    return Recipe.model_validate(settings)


def windows(assembly: Assembly) -> list:
    """Every row of every step, as plain data."""
    assembly.forecast  # noqa: B018 - as training does
    made = [assembly.stream.window(number) for number in range(len(assembly.stream.spans()))]
    return [
        [[(one.input_ids.tolist(), one.roles.tolist(), one.origin) for one in row] for row in step]
        for window in made
        for step in window.steps
    ]


def test_two_processes_make_the_same_windows(tmp_path):
    alone = Assembly(recipe(tmp_path, cache=False))
    found = windows(alone)
    assert len(alone.stream.spans()) == 3  # 99 of 100 rows: one leaks
    assert any("shots" in note for step in found for row in step for _, _, origin in row for note in origin.notes)
    shared = Assembly(recipe(tmp_path, workers=2, cache=False))
    assert windows(shared) == found
    assert shared.forecast.audit.to_dict() == alone.forecast.audit.to_dict()
    assert shared.forecast.tokens == alone.forecast.tokens
    assert shared.stream.cache is None


def test_check_says_what_was_used_again_and_why_not(tmp_path):
    def told(made: Recipe) -> str:
        lines = list[str]()
        check(made, lines.append)
        return next((line for line in lines if line.startswith("cache: ")), "")

    assert told(recipe(tmp_path)).startswith("cache: not reused: nothing like it was made before; made 3, ")
    assert told(recipe(tmp_path)) == "cache: reused 3 windows"
    assert windows(Assembly(recipe(tmp_path))) == windows(Assembly(recipe(tmp_path, cache=False)))
    weights = recipe(tmp_path).model_copy(update={"objective": recipe(tmp_path).objective.model_copy(update={"prompt_weight": 0.5})})
    assert told(weights) == "cache: reused 3 windows"  # roles are kept, weights are not
    assert told(recipe(tmp_path, templates="Please: {{ instruction }}")).startswith(
        "cache: not reused: template own/plain changed; made 3, "
    )
    with (tmp_path / "two.jsonl").open("a") as handle:
        handle.write(json.dumps({"instruction": "and one more", "output": "x"}) + "\n")
    assert told(recipe(tmp_path)).startswith("cache: not reused: source two changed, the mixture changed; made 3, ")
    assert told(recipe(tmp_path).model_copy(update={"seed": 1})).startswith(
        "cache: not reused: the seed changed, the mixture changed; made 3"
    )
    assert told(recipe(tmp_path, cache=False)) == ""
