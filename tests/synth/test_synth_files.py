"""What a synthesis writes is what `didact train` reads; what is not kept lies beside it with its reason."""

import json

from didact.base.recipe import Source
from didact.base.types import Message
from didact.synth.outcome import Dropped, Outcome, Row
from didact.synth.output import DROPPED, MESSAGES, write_outcome
from didact.synth.source import source_rows
from didact.tasks.readers import load_tasks

TALK = (Message("system", "Be brief."), Message("user", "1+1?"), Message("assistant", "2"))
KEPT = Row("made/1", TALK, ("seed_3", "seed_9"), "instance", "0f", "teacher@1", {"similar": 0.25}, {"instruction": "1+1?", "label": None})
OUTCOME = Outcome((KEPT,), (Dropped(Row("made/2"), "too short"),), (Dropped(Row("made/3"), "failed: timeout"),))


def test_the_reader_messages_reads_what_is_written_and_minds_no_lineage(tmp_path):
    write_outcome(tmp_path, OUTCOME)
    [task] = load_tasks([Source(name="made", reader="messages", path=str(tmp_path / MESSAGES))])
    [example] = task.examples
    assert (example.id, example.messages) == ("made/1", TALK)
    assert task.report.dropped == {}


def test_every_row_is_in_one_of_the_two_files(tmp_path):
    write_outcome(tmp_path, OUTCOME)
    kept = [json.loads(line) for line in (tmp_path / MESSAGES).read_text().splitlines()]
    lost = [json.loads(line) for line in (tmp_path / DROPPED).read_text().splitlines()]
    assert [(row["id"], row["fate"], row["reason"]) for row in lost] == [
        ("made/2", "dropped", "too short"),
        ("made/3", "failed", "failed: timeout"),
    ]
    assert kept[0]["parents"] == ["seed_3", "seed_9"]
    assert kept[0]["scores"] == {"similar": 0.25}
    assert len(kept) + len(lost) == OUTCOME.num_in


def test_a_turn_that_is_only_context_stays_so(tmp_path):
    talk = (Message("user", "Hi"), Message("assistant", "Hm?", train=False), Message("user", "1+1?"), Message("assistant", "2", weight=0.5))
    write_outcome(tmp_path, Outcome((Row("a", talk),)))
    [task] = load_tasks([Source(name="made", reader="messages", path=str(tmp_path / MESSAGES))])
    assert [message.weight for message in task.examples[0].messages] == [1.0, 0.0, 1.0, 0.5]


def test_what_is_written_can_be_a_source_again(tmp_path):
    write_outcome(tmp_path, OUTCOME)
    [row] = source_rows(Source(name="made", reader="messages", path=str(tmp_path / MESSAGES)))
    assert (row.id, row.messages) == ("made/made/1", TALK)
    assert row.about == {"task": "made", "instruction": "1+1?", "input": "", "output": "2"}


def test_alpacas_columns_and_plain_texts_become_rows(tmp_path):
    (tmp_path / "a.jsonl").write_text('{"instruction": "Add.", "input": "1, 2", "output": "3"}\n')
    (tmp_path / "t.txt").write_text("Rain fell on the town.\n")
    [added] = source_rows(Source(name="sums", reader="alpaca", path=str(tmp_path / "a.jsonl")))
    assert {key: added.about[key] for key in ("instruction", "input", "output")} == {"instruction": "Add.", "input": "1, 2", "output": "3"}
    assert [message.content for message in added.messages] == ["Add.\n\n1, 2", "3"]
    [text] = source_rows(Source(name="web", reader="text", path=str(tmp_path / "t.txt")))
    assert text.about["text"].strip() == "Rain fell on the town."
    assert text.messages == ()
