"""Rules of what goes with a held-out task: clusters, siblings, sources, inversions; and the tasks that are kept for validation."""

import pytest

from didact.assemble import Assembly
from didact.base.errors import RecipeError
from didact.base.hold_out_section import Validation
from didact.base.recipe import HoldOut, Recipe
from didact.tasks.clusters import CLUSTERS, COMPANIONS, TURNED_INTO, cluster_of, held_out_clusters
from didact.tasks.splits import Split, describe, hold_out
from didact.tasks.task import Task, TaskSet


def task(name: str, cluster: str = "", *datasets: str, **keys: str) -> Task:
    return Task(name, (), categories=(cluster,) if cluster else (), datasets=datasets or (name,), **keys)


def names(tasks: TaskSet) -> list[str]:
    return [each.name for each in tasks]


def parts(split: Split) -> tuple[list[str], list[str], dict[str, str]]:
    return names(split.seen), names(split.unseen), dict(split.left_out)


FLAN = TaskSet(
    [
        task("glue/mrpc", "paraphrase", "mrpc"),
        task("glue/stsb", "similarity", "stsb"),
        task("superglue/cb", "entailment", "cb"),
        task("snli", "entailment"),
        task("superni/task199", "Textual Entailment", "multinli"),
        task("squad", "reading_comprehension"),
        task("cosmos", "read_comp_and_common_sense", "cosmosqa"),
        task("piqa", "common_sense"),
        task("xsum", "summarization"),
        Task("books", (), kind="text", datasets=("books",)),
    ]
)


def test_the_superni_rule_on_five_tasks() -> None:
    # Test: the entailment task. Excluded: the task that shares its source. Train: the other three.
    toy = TaskSet(
        [
            task("task1_nli", "Textual Entailment", "snli"),
            task("task2_write", "Sentence Composition", "snli"),
            task("task3_qa", "Question Answering", "squad"),
            task("task4_sum", "Summarization", "xsum"),
            task("task5_qa", "Question Answering", "xsum"),
        ]
    )
    split = hold_out(toy, HoldOut(category=("Textual Entailment",)))
    why = "shares the dataset 'snli' with the unseen task 'task1_nli'"
    assert parts(split) == (["task3_qa", "task4_sum", "task5_qa"], ["task1_nli"], {"task2_write": why})


def test_flan_leaves_paraphrase_out_with_entailment() -> None:
    split = hold_out(FLAN, HoldOut(category=("entailment",), cross_rules="flan"))
    # The cluster's name fits SuperNI's category of that kind.
    assert names(split.unseen) == ["snli", "superglue/cb", "superni/task199"]
    assert names(split.seen) == ["books", "cosmos", "piqa", "squad", "xsum"]
    with_it = "is left out together with 'entailment', the cluster of the unseen task 'snli'"
    assert split.left_out == {"glue/mrpc": f"its cluster 'paraphrase' {with_it}", "glue/stsb": f"its cluster 'similarity' {with_it}"}


def test_flan_leaves_entailment_out_with_paraphrase() -> None:
    split = hold_out(FLAN, HoldOut(category=("paraphrase",), cross_rules="flan"))
    assert sorted(split.left_out) == ["glue/stsb", "snli", "superglue/cb", "superni/task199"]
    assert names(split.unseen) == ["glue/mrpc"]


@pytest.mark.parametrize(
    ("held", "left_out"),
    [
        ("read_comp_and_common_sense", ["piqa", "squad"]),
        # Reading comprehension and common sense may stand on different sides.
        ("reading_comprehension", ["cosmos"]),
        ("common_sense", ["cosmos"]),
        ("summarization", []),
    ],
)
def test_flan_s_other_pairs(held: str, left_out: list[str]) -> None:
    assert sorted(hold_out(FLAN, HoldOut(category=(held,), cross_rules="flan")).left_out) == left_out


def test_without_cross_rules_clusters_leave_nothing_out() -> None:
    assert hold_out(FLAN, HoldOut(category=("entailment",))).left_out == {}
    assert hold_out(FLAN, HoldOut(task=("snli",))).left_out == {}


def test_flan_leaves_the_whole_cluster_of_an_unseen_task_out() -> None:
    split = hold_out(FLAN, HoldOut(task=("superglue/cb",), cross_rules="flan"))
    assert names(split.unseen) == ["superglue/cb"]
    assert split.left_out["superni/task199"] == "is of the cluster 'entailment', as is the unseen task 'superglue/cb'"
    assert sorted(split.left_out) == ["glue/mrpc", "glue/stsb", "snli", "superni/task199"]


def test_cross_rules_say_the_same_from_both_sides_and_know_their_clusters() -> None:
    flan = COMPANIONS["flan"]
    assert all(one in flan[other] for one, others in flan.items() for other in others)
    assert set(flan) <= CLUSTERS
    assert TURNED_INTO <= CLUSTERS
    assert {cluster_of(name) for name in CLUSTERS} == CLUSTERS


ROUNDS = TaskSet(
    [task("r1", "", "anli_r1"), task("r3", "", "anli_r3"), task("rte", "", "super_glue/rte"), task("other", "", "glue/rte"), task("x")]
)


def test_siblings_do_not_straddle_a_split() -> None:
    split = hold_out(ROUNDS, HoldOut(task=("r3", "rte"), siblings=True))
    assert parts(split) == (
        ["x"],
        ["r3", "rte"],
        {
            "r1": "its dataset 'anli_r1' is a sibling of 'anli_r3' of the unseen task 'r3'",
            "other": "its dataset 'glue/rte' is a sibling of 'super_glue/rte' of the unseen task 'rte'",
        },
    )


def test_siblings_come_with_the_cross_rules_and_can_be_had_without_them() -> None:
    held = {"task": ("r3", "rte")}
    assert hold_out(ROUNDS, HoldOut(**held)).left_out == {}
    assert sorted(hold_out(ROUNDS, HoldOut(**held, cross_rules="flan")).left_out) == ["other", "r1"]
    assert hold_out(ROUNDS, HoldOut(**held, cross_rules="flan", siblings=False)).left_out == {}
    assert hold_out(ROUNDS, HoldOut(**held, siblings=True, share_sources=True)).left_out == {}


def test_a_family_s_name_holds_out_all_its_datasets() -> None:
    assert names(hold_out(ROUNDS, HoldOut(dataset=("ANLI", "rte"))).unseen) == ["other", "r1", "r3", "rte"]


def test_a_shared_dataset_is_told_before_a_cluster() -> None:
    tasks = TaskSet([task("cb", "entailment", "d"), task("more", "entailment", "d"), task("x")])
    assert hold_out(tasks, HoldOut(task=("cb",), cross_rules="flan")).left_out == {
        "more": "shares the dataset 'd' with the unseen task 'cb'"
    }


def test_what_a_template_turns_a_task_into_is_held_out_with_its_cluster() -> None:
    tasks = TaskSet([task("ask", "Question Generation"), task("squad", "reading_comprehension"), task("x", "Misc.")])
    split = hold_out(tasks, HoldOut(category=("question_generation",)))
    assert split.holds_out("question_generation")
    assert split.holds_out("Question Generation")
    assert not split.holds_out("context_generation")
    assert not split.holds_out("reading_comprehension")
    # No task has to be of a cluster that only templates turn tasks into.
    assert hold_out(tasks, HoldOut(category=("context_generation",))).holds_out("context_generation")
    assert not hold_out(tasks, HoldOut()).holds_out("context_generation")
    with pytest.raises(RecipeError, match="category 'context_generatio'"):
        hold_out(tasks, HoldOut(category=("context_generatio",)))


def test_a_cluster_that_is_trained_on_is_not_held_out() -> None:
    tasks = [task("a", "paraphrase"), task("b", "paraphrase"), task("c", "entailment")]
    assert held_out_clusters(tasks[:1], tasks[1:], "none") == set()
    assert held_out_clusters(tasks[:2], tasks[2:], "none") == {"paraphrase"}
    assert held_out_clusters(tasks[:2], [], "flan") == {"paraphrase", "entailment", "similarity"}


def test_a_level_of_its_own_takes_no_cluster_with_it() -> None:
    tasks = TaskSet(
        [task("atlas/a/new", "entailment", level="unseen_instances"), task("atlas/a", "entailment"), task("mrpc", "paraphrase")]
    )
    split = hold_out(tasks, HoldOut(cross_rules="flan"))
    assert (split.left_out, split.clusters) == ({}, frozenset())


MANY = TaskSet([task(f"{cluster}{number}", cluster) for cluster in "abcdefgh" for number in range(4)] + [Task("books", (), kind="text")])


def test_validation_tasks_are_neither_trained_on_nor_unseen() -> None:
    rule = HoldOut(category=("a",), validation=Validation(category=("b",), task=("c1",)))
    split = hold_out(MANY, rule)
    assert names(split.unseen) == ["a0", "a1", "a2", "a3"]
    assert names(split.validation) == ["b0", "b1", "b2", "b3", "c1"]
    assert len(split.seen) == len(MANY) - 9
    assert split.left_out == {}
    assert describe(split) == ["seen: 24 tasks", "unseen: 4 tasks (a 4)", "validation: 5 tasks (b 4, c 1)", "left out: 0 tasks"]


def test_validation_by_number_draws_whole_categories_and_then_tasks_by_the_seed() -> None:
    rule = HoldOut(category=("a",), validation=Validation(num_categories=2, num_tasks=3))
    chosen = names(hold_out(MANY, rule, seed=5).validation)
    assert len(chosen) == 2 * 4 + 3
    whole = [cluster for cluster in "abcdefgh" if [f"{cluster}{n}" for n in range(4)] == [name for name in chosen if name[0] == cluster]]
    assert len(whole) == 2
    assert "a" not in whole
    assert "books" not in chosen
    assert names(hold_out(MANY, rule, seed=5).validation) == chosen
    assert len({tuple(names(hold_out(MANY, rule, seed=seed).validation)) for seed in range(8)}) > 1


def test_a_task_that_comes_or_goes_changes_at_most_one_validation_task() -> None:
    rule = HoldOut(validation=Validation(num_tasks=10))
    before = set(names(hold_out(MANY, rule).validation))
    after = set(names(hold_out(TaskSet([*MANY, task("new", "z")]), rule).validation))
    assert len(before - after) <= 1


def test_validation_obeys_the_unseen_tasks_and_takes_its_own_with_it() -> None:
    tasks = TaskSet(
        [task("test", "a", "d1"), task("near test", "b", "d1"), task("dev", "b", "d2"), task("near dev", "c", "d2"), task("x", "c")]
    )
    split = hold_out(tasks, HoldOut(task=("test",), validation=Validation(category=("b",))))
    assert (names(split.validation), names(split.seen)) == (["dev"], ["x"])
    assert split.left_out == {
        "near dev": "shares the dataset 'd2' with the validation task 'dev'",
        "near test": "shares the dataset 'd1' with the unseen task 'test'",
    }


def test_validation_that_cannot_be_had_is_refused() -> None:
    with pytest.raises(RecipeError, match=r"9 categories cannot be kept for validation: 8 are left"):
        hold_out(MANY, HoldOut(validation=Validation(num_categories=9)))
    with pytest.raises(RecipeError, match=r"99 tasks cannot be kept for validation: 32 are left"):
        hold_out(MANY, HoldOut(validation=Validation(num_tasks=99)))
    with pytest.raises(RecipeError, match=r"1 pattern matches no task that is left to choose from\n  category 'a'"):
        hold_out(MANY, HoldOut(category=("a",), validation=Validation(category=("a",))))


def test_a_cluster_kept_for_validation_is_not_shown_by_turned_around_tasks_either() -> None:
    tasks = TaskSet([task("ask", "question_generation"), task("squad", "reading_comprehension")])
    assert hold_out(tasks, HoldOut(validation=Validation(task=("ask",)))).holds_out("question_generation")


def test_validation_tasks_are_judged_where_they_are_asked_for_by_name() -> None:
    table = {
        "tasks": {
            "sources": [{"name": name, "reader": "benchmark", "settings": {"samples": 1}} for name in ("superglue", "gsm8k", "xsum")],
            "hold_out": {"task": ["superglue/cb"], "validation": {"task": ["gsm8k"]}},
        },
        "evaluate": {"on": ["validation"], "shots": 1, "examples_per_task": 1},
    }
    made = Assembly(Recipe.model_validate(table))
    assert names(made.judged("validation")) == ["gsm8k"]
    assert names(made.judged("unseen")) == ["superglue/cb"]
    assert "gsm8k" not in names(made.seen)
    assert made.levels == ("unseen",)  # what `didact eval --on all` asks
    made.check_judging()
    assert made.format_of_record(made.tasks.named("gsm8k"), made.tasks.named("gsm8k").examples[0]).num_shots == 1
