"""The audit as a table: rows by task and source add up, the worst stand first, and every problem has an example to look at."""

from collections import Counter
from dataclasses import replace

import numpy as np
from tokenizer_zoo import ready, talk

from didact.base.recipe import AdapterSection, Objective
from didact.base.types import Message, Origin
from didact.data.audit import COLUMNS, Audit
from didact.data.audit_table import account, lines, refusal, rows, tables
from didact.data.kept_example import MOST, kept, restored
from didact.data.problem_examples import problem_examples
from didact.data.token_report import TOO_LONG, TokenReport
from didact.data.tokens import TokenisedExample

CHATML = ready("byte_level", "chatml")


def counted(**tasks):
    """An audit of counts written out: examples, tokens, supervised and, by name, others."""
    audit = Audit(CHATML, Objective())
    for name, (examples, tokens, supervised, other) in tasks.items():
        numbers = {"examples": examples, "tokens": tokens, "supervised": supervised, "answers": examples, "terminated": examples, **other}
        audit.by_task[name] = [numbers.get(column, 0) for column in COLUMNS]
    return audit


def looked_at(conversations, max_length):
    audit, report = Audit(CHATML, Objective()), TokenReport()
    for conversation, example in zip(conversations, CHATML.tokenise(conversations, max_length, report), strict=True):
        if example is not None:
            audit.add(conversation, example)
    return audit, report


def of(task, *texts):
    return replace(talk(*texts), origin=Origin(task, "row"))


def test_rows_of_a_source_are_the_sums_of_its_tasks():
    audit = counted(a=(2, 100, 10, {}), b=(3, 300, 50, {}), c=(1, 50, 5, {"unsupervised": 1}))
    found = rows(audit, TokenReport(), {"a": "one", "b": "one", "c": "two"})
    assert list(found) == ["one", "two"]
    one = found["one"]
    assert (one["examples"], one["tokens"], one["supervised"], one["supervised_share"]) == (5, 400, 60, 60 / 400)
    assert found["two"]["unsupervised"] == 1


def test_what_is_left_out_and_cut_stands_beside_what_is_trained():
    # One row fits, one has a long prompt, one an answer of 60 letters for rows of 40 tokens.
    talks = [of("a", "q", "ok"), of("a", "long " * 30, "ok"), of("a", "q", "X" * 60), of("b", "q", "ok")]
    audit, report = looked_at(talks, 40)
    found = rows(audit, report)
    assert (found["a"]["examples"], found["a"]["cut"], found["a"]["too_long"], found["a"]["too_long_share"]) == (2, 1, 1, 1 / 3)
    assert found["a"]["tokens_cut"] == report.num_tokens_cut > 0 and found["a"]["dropped"] == {TOO_LONG: 1}
    assert (found["b"]["cut"], found["b"]["too_long"]) == (0, 0)
    warnings = account(audit, report, {})["lines"][1:]
    assert warnings == [f"warning: 1 of 4 conversations (25.00 %) are left out: {TOO_LONG} (first: a, example row)"]


def test_turns_that_were_cut_are_counted_by_task():
    turns = of("a", *["one two three", "yes"] * 6)
    _, report = looked_at([turns], 60)
    (cut,) = report.cut_by_task.values()
    assert cut == [1, report.num_tokens_cut, report.num_turns_cut] and report.num_turns_cut % 2 == 0 < report.num_turns_cut


def test_a_task_of_which_nothing_is_left_is_named():
    audit, report = looked_at([of("a", "q", "ok"), of("gone", "q", "X" * 60)], 40)
    assert account(audit, report, {})["lines"][-1] == "warning: nothing is left of 1 task: gone"


def test_reports_of_parts_add_up_to_the_report_of_all():
    talks = [
        of("a", "long " * 30, "ok"),
        of("b", "q", "X" * 60),
        of("a", "long " * 20, "ok"),
        of("b", "q", "Y" * 70),
        of("c", "q", "Z" * 90),
    ]
    whole = looked_at(talks, 40)[1]
    parts = TokenReport()
    for part in (talks[:2], talks[2:]):
        parts.add(TokenReport(**looked_at(part, 40)[1].to_dict()))
    assert parts == whole
    assert whole.dropped_by_task == {"b": Counter({TOO_LONG: 2}), "c": Counter({TOO_LONG: 1})}


def test_the_worst_tasks_stand_first_and_the_rest_is_counted():
    well = {f"t{n:02}": (10, 100, 50 - n, {}) for n in range(12)}
    ill = {"lost": (10, 100, 90, {"characters": 100, "characters_lost": 1}), "bos": (10, 100, 90, {"double_bos": 1})}
    told = lines(rows(counted(**well, **ill), TokenReport()), "task")
    assert [line.split()[0] for line in told[1:-1]] == ["bos", "lost", *(f"t{n:02}" for n in range(11, 3, -1))]
    assert told[-1] == "4 more are well"
    assert told[0].split("  ")[-1].strip() == "lost characters" and "double BOS" in told[0] and "too long" not in told[0]


def test_more_tasks_with_problems_than_lines_are_said_to_be_there():
    told = lines(rows(counted(**{f"t{n}": (10, 100, 50, {"unsupervised": 2}) for n in range(4)}), TokenReport()), "task", most=3)
    assert told[-1] == "1 more, 1 of them with problems: --json has all"


def test_one_task_needs_no_table_and_sources_of_one_task_each_need_one():
    alone, two = counted(a=(1, 10, 5, {})), counted(a=(1, 10, 5, {}), b=(1, 10, 4, {}))
    assert tables(account(alone, TokenReport(), {"a": "a"})) == []
    assert [line.split()[0] for line in tables(account(two, TokenReport(), {"a": "x", "b": "y"}))] == ["source", "y", "x"]
    assert [line.split()[0] for line in tables(account(two, TokenReport(), {"a": "x", "b": "x"}))] == ["task", "b", "a"]


def test_tokens_that_the_base_never_learnt_are_trained_or_it_is_said_that_they_are_not():
    found = {"<|eot_id|>": "zero"}
    told = [
        account(counted(), TokenReport(), {}, found, AdapterSection(kind=kind, train_embeddings=rows))["lines"][-1]
        for kind, rows in (("none", "none"), ("lora", "auto"), ("lora", "none"))
    ]
    assert told[0] == told[1]
    assert told[0].endswith("never learnt: <|eot_id|> (zero); they begin as the mean of all others and are trained")
    assert told[2].startswith("warning: ") and told[2].endswith("model.adapter.train_embeddings=auto")


def test_what_stops_a_run_says_so_and_what_only_warns_does_not():
    good = counted(a=(1, 10, 5, {"characters_lost": 1}))
    assert refusal(good, TokenReport(), 1) is None and "nothing to train on" in str(refusal(good, TokenReport(), 0))
    bad = looked_at([replace(of("a", "q", "b"), messages=(Message("user", "q"), Message("assistant", "b", train=False)))], 99)
    assert "1 examples have no supervised token (first: a, example row)" in str(refusal(*bad, 1))


def test_every_kind_of_problem_is_shown_once_with_its_weights():
    untrained = replace(of("a", "q", "b"), messages=(Message("user", "q"), Message("assistant", "b", train=False)))
    talks = [untrained, untrained, of("b", "long " * 30, "ok"), of("b", "long " * 40, "ok"), of("c", "q", "X" * 60), of("c", "q", "X" * 70)]
    shown = list(problem_examples(*looked_at(talks, 40)))
    assert [(one.what, one.where) for one in shown] == [
        ("no token is supervised", "a, example row"),
        (TOO_LONG, "c, example row"),
        ("a prompt was shortened to fit; this is left of it", "b, example row"),
    ]
    nothing, too_long, cut = shown
    assert not nothing.weights.any() and (too_long.weights > 0).sum() == 60 + 1  # every X and the terminator
    assert len(cut.example) <= 40 and cut.weights[-1] == 1 == cut.example.weight


def test_an_example_comes_back_as_it_was_and_a_long_one_without_its_middle():
    (example,) = CHATML.tokenise([talk("a", "b")], 99)
    again = restored(kept(example.origin, example), TokenisedExample)
    assert np.array_equal(again.input_ids, example.input_ids) and np.array_equal(again.roles, example.roles)
    assert (again.input_ids.dtype, again.roles.dtype, again.plain) == (example.input_ids.dtype, example.roles.dtype, example.plain)
    ids = np.arange(3 * MOST, dtype=np.int32)
    long = restored(kept(example.origin, TokenisedExample(ids, ids % 3, example.origin)), TokenisedExample)
    assert len(long) == MOST and long.input_ids[[0, -1]].tolist() == [0, 3 * MOST - 1] and len(long.roles) == MOST
    assert restored(kept(example.origin), TokenisedExample) is None
