"""OpenAssistant trees and flat messages give the same conversations: the best path of each, or every one."""

import json
from pathlib import Path
from typing import Any

from didact.base.recipe import Source
from didact.tasks.readers import load_tasks
from didact.tasks.task import Task

MESSAGES = [  # id, parent, role, rank
    ("q", None, "prompter", None),
    ("bad", "q", "assistant", 1),
    ("good", "q", "assistant", 0),
    ("again", "good", "prompter", 1),
    ("thanks", "good", "prompter", 0),
    ("last", "again", "assistant", None),
]


def message(identity: str, parent: str | None, role: str, rank: int | None, **more: Any) -> dict[str, Any]:
    return {"message_id": identity, "parent_id": parent, "role": role, "rank": rank, "text": f"<{identity}>", "lang": "en", **more}


def tree(identity: str | None = None) -> dict[str, Any]:
    """The messages as the tree below one of them."""
    (own,) = (row for row in MESSAGES if row[0] == (identity or "q"))
    return {**message(*own), "replies": [tree(row[0]) for row in MESSAGES if row[1] == own[0]]}


FLAT = [message(*row) for row in MESSAGES]
TREES = [{"message_tree_id": "q", "tree_state": "ready_for_export", "prompt": tree()}]


def task_of(folder: Path, rows: list[dict[str, Any]], **settings: Any) -> Task:
    path = folder / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    (task,) = load_tasks([Source(name="mine", reader="oasst", path=str(path), settings=settings)])
    return task


def conversations(task: Task) -> dict[str, str]:
    return {example.id: "".join(turn.content for turn in example.messages) for example in task.examples}


def refusals(task: Task) -> dict[str, int]:
    assert task.report is not None
    return dict(task.report.dropped)


def test_the_best_path_takes_the_best_ranked_reply_that_was_answered(tmp_path: Path) -> None:
    # <thanks> is ranked before <again>, but nobody answered it.
    for rows in (TREES, FLAT, FLAT[::-1]):
        assert conversations(task_of(tmp_path, rows)) == {"last": "<q><good><again><last>"}


def test_every_path_from_root_to_leaf_ends_with_an_answer(tmp_path: Path) -> None:
    for rows in (TREES, FLAT):
        assert conversations(task_of(tmp_path, rows, paths="all")) == {"last": "<q><good><again><last>", "bad": "<q><bad>"}


def test_a_branch_that_is_not_answered_is_left_away_and_not_the_answer_before_it(tmp_path: Path) -> None:
    rows = [row for row in FLAT if row["message_id"] not in ("again", "last")]
    assert conversations(task_of(tmp_path, rows, paths="all")) == {"good": "<q><good>", "bad": "<q><bad>"}


def test_a_tree_may_be_deeper_than_pythons_stack(tmp_path: Path) -> None:
    chain = [message(f"m{n}", f"m{n - 1}" if n else None, "assistant" if n % 2 else "prompter", 0) for n in range(5000)]
    (example,) = task_of(tmp_path, chain).examples
    assert (len(example.messages), example.id) == (5000, "m4999")


def test_languages_can_be_chosen_and_what_is_left_out_is_counted(tmp_path: Path) -> None:
    other = [message("f", None, "prompter", None, lang="fr"), message("g", "f", "assistant", 0, lang="fr")]
    task = task_of(tmp_path, [*FLAT, *other], lang="fr")
    assert conversations(task) == {"g": "<f><g>"}
    assert refusals(task) == {"not in language fr": 1}


def test_messages_that_cannot_be_read_are_counted(tmp_path: Path) -> None:
    rows = [
        *FLAT,
        {"text": "no id", "role": "prompter"},
        message("x", None, "robot", None),
        message("y", "nobody", "assistant", 0),
        message("q", None, "prompter", None),
        message("alone", None, "prompter", None),
        message("gone", "q", "assistant", -1, deleted=True),
        {**message("z", None, "prompter", None), "text": None},
    ]
    task = task_of(tmp_path, rows)
    assert conversations(task) == {"last": "<q><good><again><last>"}
    assert refusals(task) == {
        "no message_id": 1,
        "unknown role 'robot'": 1,
        "reply to a message that is not there": 1,
        "repeated id": 1,
        "no assistant turn": 1,
        "deleted message": 1,
        "text is not text": 1,
    }


def test_a_deleted_reply_of_a_tree_is_no_reply(tmp_path: Path) -> None:
    whole = tree()
    (good,) = (reply for reply in whole["replies"] if reply["message_id"] == "good")
    good["deleted"] = True
    assert conversations(task_of(tmp_path, [{"prompt": whole}], paths="all")) == {"bad": "<q><bad>"}


def test_real_trees_give_one_best_path_each_and_as_many_paths_as_they_have_answered_leaves(shared: Path) -> None:
    path = shared / "oasst" / "en_100_tree.jsonl"
    trees = [json.loads(line)["prompt"] for line in path.read_text(encoding="utf-8").splitlines()]

    def leaves(node: dict[str, Any]) -> int:
        below = sum(leaves(reply) for reply in node.get("replies", []))
        return below or int(node["role"] == "assistant")

    best, every = (load_tasks([Source(name="mine", reader="oasst", path=str(path), settings={"paths": p})])[0] for p in ("best", "all"))
    assert (len(best.examples), len(every.examples)) == (100, sum(map(leaves, trees))) == (100, 546)
    by_id = {example.id: example for example in every.examples}
    assert all(by_id[example.id].messages == example.messages for example in best.examples)
    assert best.report is not None and every.report is not None
    assert best.report.dropped.total() + every.report.dropped.total() == 0


def test_real_flat_messages_are_put_together_again(shared: Path) -> None:
    path = shared / "oasst" / "realistic_seed_data.json"
    names = {"message_id": "user_message_id", "parent_id": "parent_message_id"}
    (task,) = load_tasks([Source(name="mine", reader="oasst", path=str(path), columns=names)])
    roots = [row for row in json.loads(path.read_text(encoding="utf-8")) if row["parent_message_id"] is None]
    assert (len(task.examples), refusals(task)) == (72, {"two assistant turns in a row": 2})
    assert len(roots) == 74
