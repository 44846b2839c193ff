"""Self-Instruct as a whole: what it shows and asks, in which order it refuses, and that nothing is lost on the way."""

import re
from random import Random
from zlib import crc32

import pytest
from played import play, said

from didact.base.errors import RecipeError
from didact.synth.ask import Ask, Failed, Reply
from didact.synth.instance_format import WITH_INPUT, WITHOUT_INPUT, drawn_format
from didact.synth.job import Job
from didact.synth.seeds import SeedTask, load_seeds
from didact.synth.self_instruct import self_instruct
from didact.synth.self_instruct_asks import classification_examples
from didact.synth.self_instruct_replies import Instance


def teacher(ask: Ask) -> str | Reply | Failed:
    """Writes three new tasks a request, no two alike; every second one is a classification."""
    if ask.stage == "instructions":
        first = int(re.search(r"numbered (\d+) to", said(ask))[1]) if ask.prompt is None else int(re.findall(r"\n(\d+)\.$", said(ask))[0])
        word = f"{ask.sampling.seed:x}"
        tasks = [f"{first + i}. {' '.join(f'{word}{i}{n}' for n in range(6))} {'label' if i % 2 else 'text'}." for i in range(3)]
        return "\n".join(tasks).removeprefix("" if ask.prompt is None else f"{first}. ")
    labelled = said(ask).rstrip().removesuffix("\nIs it classification?").rstrip().endswith("label.")
    if ask.stage == "classification":
        return "Yes" if labelled else "No"
    return (
        "Class label: a\nText: x\nClass label: b\nText: y" if labelled else "Example 1\nInput: 1\nOutput: 2\nExample 2\nInput: 3\nOutput: 4"
    )


def test_a_request_shows_eight_tasks_six_of_them_seeds_as_soon_as_there_are_others():
    heard: list[Ask] = []
    outcome = play(self_instruct(Job(seed=1, num_rows=80, settings={"wave": 2})), teacher, heard)
    asks = [said(ask) for ask in heard if ask.stage == "instructions"]
    seeds = {seed.instruction for seed in load_seeds()}
    shown = [[line.split(". ", 1)[1] for line in text.split("\n") if re.match(r"\d+\. ", line)] for text in asks]
    assert [len(tasks) for tasks in shown] == [8] * len(asks)
    num_seeds = [sum(task in seeds for task in tasks) for tasks in shown]
    assert num_seeds[:2] == [8, 8]
    assert set(num_seeds[2:]) == {6}
    assert len(outcome.rows) == 80
    assert all("numbered 9 to 16" in text for text in asks)


def test_every_row_says_where_it_comes_from():
    outcome = play(self_instruct(Job(num_rows=12, settings={"wave": 1})), teacher)
    known = {seed.id for seed in load_seeds()} | {re.sub(r"-\d+$", "", row.id) for row in outcome.rows}
    assert len({row.id for row in outcome.rows}) == 12
    for row in outcome.rows:
        assert len(row.parents) == 8
        assert set(row.parents) <= known
        assert row.model == "teacher"
        assert 0 <= row.scores["similarity"] <= 0.7
        assert row.operation == ("output_first" if row.about["is_classification"] else "input_first")
        assert row.messages[0].content == f"{row.about['instruction']}\n\n{row.about['input']}"
        assert row.messages[1].content == row.about["output"]
        assert row.about.get("label") == (row.about["output"] if row.about["is_classification"] else None)


def test_the_account_is_complete_whatever_goes_wrong():
    def failing(ask: Ask) -> str | Reply | Failed:
        draw = crc32(f"{said(ask)}{ask.sampling.seed}{ask.stage}".encode()) % 7
        if draw == 0:
            return Failed("timeout")
        if draw == 1:
            return Reply(str(teacher(ask)), "length", model="teacher")
        return "Hm." if draw == 2 else teacher(ask)

    heard: list[Ask] = []
    outcome = play(self_instruct(Job(num_rows=60)), failing, heard)
    counts = outcome.counts()
    assert counts["num_in"] == counts["num_kept"] + sum(counts["dropped"].values()) + sum(counts["failed"].values())
    assert sum(counts["failed"].values()) == counts["failed"]["failed: timeout"]
    names = [row.id for row in outcome.rows] + [one.row.id for one in (*outcome.dropped, *outcome.failed)]
    assert len(names) == len(set(names))
    # Each request for instructions, and each task that was kept, ends in at least one row.
    assert sum(ask.stage == "instructions" for ask in heard) <= len({re.match(r"self_instruct-\d+\.\d+", name)[0] for name in names})


def test_what_is_too_similar_to_a_seed_or_to_a_task_of_the_same_reply_is_dropped_and_says_to_what():
    seeds = [SeedTask("s1", "Name three animals of the sea", "", "x")]
    reply = "1. Name three animals of the deep sea\n2. Add up all of these numbers\n3. Add up all of these two numbers\n4. Sing us a song"
    outcome = play(
        self_instruct(Job(num_rows=9, seeds=seeds, settings={"patience": 1})), lambda ask: reply if ask.stage == "instructions" else "No"
    )
    similar = {one.row.about["instruction"]: one.row.about["most_similar"] for one in outcome.dropped if one.reason == "too similar"}
    # 6 words of 6 and 7: 12/13; 6 of 6 and 7 again.
    assert similar["Name three animals of the deep sea"] == {"Name three animals of the sea": pytest.approx(12 / 13, abs=1e-6)}
    assert similar["Add up all of these two numbers"] == {"Add up all of these numbers": pytest.approx(12 / 13, abs=1e-6)}


def test_it_ends_when_nothing_new_comes():
    heard: list[Ask] = []
    outcome = play(self_instruct(Job(num_rows=1000, settings={"wave": 4})), lambda _: "9. Name three animals of the deep sea", heard)
    # One wave brings the task, and three more bring nothing: 4 waves of 4 requests, and two for the task.
    assert len([ask for ask in heard if ask.stage == "instructions"]) == 16
    assert not outcome.rows
    assert outcome.counts()["dropped"]["too similar"] == 15


def test_strict_asks_as_the_original_and_counts_instructions():
    heard: list[Ask] = []
    outcome = play(self_instruct(Job(num_rows=15, strict=True)), teacher, heard)
    first, yes, instances = (next(ask for ask in heard if ask.stage == stage) for stage in ("instructions", "classification", "instances"))
    assert first.prompt is not None
    assert first.prompt.endswith("\n9.")
    one = first.sampling
    assert (one.temperature, one.top_p, one.presence_penalty, one.max_tokens) == (0.7, 0.5, 2.0, 1024)
    assert one.stop == ("\n\n", "\n16", "16.", "16 .")
    assert (yes.sampling.max_tokens, yes.sampling.stop) == (3, ("\n", "Task"))
    assert (instances.sampling.presence_penalty, instances.sampling.stop) == (1.5, ("Example 6", "Task:"))
    tokens = {("Class label:" in said(ask), ask.sampling.max_tokens) for ask in heard if ask.stage == "instances"}
    assert tokens == {(True, 300), (False, 350)}
    assert all(not ask.messages for ask in heard)
    # One wave is five requests of three tasks: fifteen.
    assert len({row.about["instruction"] for row in outcome.rows}) == 15
    assert all(len(row.about["most_similar"]) == 10 for row in outcome.rows)


def test_a_setting_that_is_written_down_goes_before_the_originals():
    heard: list[Ask] = []
    play(self_instruct(Job(num_rows=3, strict=True, settings={"as_chat": True, "temperature": 0.2})), teacher, heard)
    assert heard[0].prompt is None
    assert (heard[0].sampling.temperature, heard[0].sampling.top_p) == (0.2, 0.5)
    with pytest.raises(RecipeError, match="did you mean 'threshold'"):
        next(self_instruct(Job(settings={"treshold": 0.5})))


def test_only_classification_tasks_are_shown_where_only_those_are_wanted():
    heard: list[Ask] = []
    play(self_instruct(Job(num_rows=4, settings={"only_classification": True})), teacher, heard)
    labelled = {seed.instruction for seed in load_seeds() if seed.is_classification}
    shown = [line.split(". ", 1)[1] for line in said(heard[0]).split("\n") if re.match(r"\d+\. ", line)]
    assert set(shown) <= labelled
    assert "classification tasks" in said(heard[0])


def test_a_small_synthesis_is_the_beginning_of_a_large_one():
    """So that a preflight costs little: the first requests of a whole synthesis are its."""

    def first_wave(num_rows: int) -> list[str]:
        heard: list[Ask] = []
        play(self_instruct(Job(num_rows=num_rows)), teacher, heard)
        ends = next(number for number, ask in enumerate(heard) if ask.stage != "instructions")
        return [said(ask) + str(ask.sampling.seed) for ask in heard[:ends]]

    small, large = first_wave(20), first_wave(200)
    assert (len(small), len(large)) == (3, 25)  # 20 and 200 over the 8 tasks that a request asks for.
    assert large[:3] == small


def test_of_rows_beyond_those_wanted_further_instances_of_a_task_go_first():
    outcome = play(self_instruct(Job(num_rows=20)), teacher)
    surplus = [one.row for one in outcome.dropped if one.reason == "more rows than wanted"]
    # Three requests of three tasks of two instances are 18 rows; one more makes 24.
    assert (len(outcome.rows), len(surplus)) == (20, 4)
    assert len({row.about["instruction"] for row in outcome.rows}) == 12
    assert {row.id.rpartition("-")[2] for row in surplus} == {"1"}


def test_the_order_of_replies_changes_nothing():
    def backwards(program):
        chains = next(program)
        while True:
            backwards = self_instruct_replies(dict(reversed(chains.items())))
            chains = program.send({name: backwards[name] for name in chains})

    def self_instruct_replies(chains):
        results = {}
        for name, chain in chains.items():
            try:
                ask = next(chain)
                while True:
                    ask = chain.send(Reply(teacher(ask), model="teacher"))
            except StopIteration as ended:
                results[name] = ended.value
        return results

    with pytest.raises(StopIteration) as ended:
        backwards(self_instruct(Job(num_rows=40)))
    assert ended.value.value == play(self_instruct(Job(num_rows=40)), teacher)


def test_another_seed_draws_other_tasks_and_the_same_one_the_same():
    def shown(seed: int) -> str:
        heard: list[Ask] = []
        play(self_instruct(Job(seed=seed, num_rows=3)), teacher, heard)
        return said(heard[0])

    assert shown(1) == shown(1) != shown(2)


def test_a_task_gives_at_most_five_instances():
    seven = "\n".join(f"Example {n}\nInput: {n}\nOutput: -{n}" for n in range(7))

    def many(ask: Ask) -> str:
        return {"instructions": "9. Turn the sign of the number around", "classification": "No"}.get(ask.stage, seven)

    outcome = play(self_instruct(Job(num_rows=5, settings={"wave": 1})), many)
    assert len(outcome.rows) == 5
    assert outcome.counts()["dropped"] == {"more than 5 instances": 2}


def test_the_thirteen_forms_are_all_drawn_and_hold_both_texts():
    assert (len(WITH_INPUT), len(WITHOUT_INPUT)) == (7, 6)
    drawn = set()
    outcome = play(self_instruct(Job(num_rows=120, strict=True)), teacher)
    for row in outcome.rows:
        prompt, completion = (message.content for message in row.messages)
        assert row.about["instruction"] in prompt
        assert completion.strip() == row.about["output"]
        assert completion.startswith(" ") == prompt.endswith("Output:")
        drawn.add(prompt.replace(row.about["instruction"], "{instruction}").replace(row.about["input"], "{input}"))
    assert len(drawn) >= 7


def test_texts_that_look_like_slots_stay_as_they_are():
    for seed in range(20):
        prompt, _ = drawn_format("Fill {input} in.", Instance("the {instruction} slot", "x"), Random(seed))
        assert "Fill {input} in." in prompt
        assert "the {instruction} slot" in prompt


def test_twelve_and_nineteen_tasks_show_what_a_classification_is():
    lines = classification_examples()
    assert [sum(line.endswith(answer) for line in lines) for answer in ("? Yes", "? No")] == [12, 19]
