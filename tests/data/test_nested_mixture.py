"""Mixtures of mixtures: shares multiply on the way down and add up over places; caps and temperatures of parts; epochs as arrays."""

import math
import tracemalloc
from collections import Counter

import numpy as np
import pytest
from scipy.stats import entropy

from didact.base.errors import RecipeError
from didact.base.recipe import MixtureSection
from didact.data.draws import Draw, Draws
from didact.data.mixture import Mixture
from didact.data.shares import effective_number

COT = {
    "aqua": 2715,
    "creak": 6910,
    "ecqa": 7110,
    "esnli": 36170,
    "gsm8k": 7470,
    "qasc": 1080,
    "qed": 5145,
    "sensemaking": 6070,
    "strategyqa": 2060,
}
"""Sizes of the nine chain-of-thought sets of Flan 2022."""


def mix(sizes, *parts, seed=0, **keys):
    return Mixture(sizes, MixtureSection.model_validate({"parts": parts or ({"tasks": "*"},), **keys}), seed)


def test_nested_shares_multiply():
    # flan: 3/4, in it zero-shot 2/3 and few-shot 1/3; zero-shot has tasks of 10 and 30 examples.
    zero, few = {"tasks": "zs/*", "rate": 2}, {"tasks": "fs", "rate": 1}
    shares = mix(
        {"zs/a": 10, "zs/b": 30, "fs": 999, "cot": 7}, {"name": "flan", "rate": 3, "parts": [zero, few]}, {"tasks": "cot", "rate": 1}
    ).shares
    expected = {"zs/a": 3 / 4 * 2 / 3 * 1 / 4, "zs/b": 3 / 4 * 2 / 3 * 3 / 4, "fs": 3 / 4 * 1 / 3, "cot": 1 / 4}
    assert shares == {name: pytest.approx(share, rel=1e-12) for name, share in expected.items()}


def test_three_deep():
    inner = {"parts": [{"tasks": "a", "rate": 1}, {"tasks": "b", "rate": 0.3}], "rate": 1}
    shares = mix(
        {"a": 5, "b": 5, "c": 5, "d": 5}, {"parts": [inner, {"tasks": "c", "rate": 1}], "rate": 1}, {"tasks": "d", "rate": 1}
    ).shares
    assert shares["a"] / shares["b"] == pytest.approx(1 / 0.3)
    assert (shares["a"] + shares["b"], shares["c"], shares["d"]) == (pytest.approx(0.25), pytest.approx(0.25), pytest.approx(0.5))


def test_a_task_in_two_sub_mixtures_adds_up():
    # seqio: p(a) = 1/2 * 1/4 + 1/2 * 1 and p(b) = 1/2 * 3/4.
    mixture = mix({"a": 10, "b": 30}, {"parts": [{"tasks": "*"}], "rate": 1}, {"parts": [{"tasks": "a"}], "rate": 1})
    assert mixture.shares == {"a": pytest.approx(1 / 8 + 1 / 2), "b": pytest.approx(3 / 8)}
    assert sum(mixture.shares.values()) == pytest.approx(1)
    # An epoch is one pass over each task: a counts once.
    assert mixture.num_draws(0) == 40
    rows = [(row["place"], row["task"], row["share"], row["num_draws"]) for row in mixture.table()]
    assert rows == [
        ("mixture.parts[0].parts[0]", "a", pytest.approx(1 / 8), 5),
        ("mixture.parts[0].parts[0]", "b", pytest.approx(3 / 8), 15),
        ("mixture.parts[1].parts[0]", "a", pytest.approx(1 / 2), 20),
    ]
    assert Counter(draw.task for draw in mixture.draws(0)) == {"a": 25, "b": 15}


def test_beside_one_another_the_first_part_that_names_a_task_has_it():
    parts = [{"tasks": "a", "rate": 1}, {"tasks": "*", "rate": 1}]
    assert mix({"a": 5, "b": 5}, *parts).shares == {"a": 0.5, "b": 0.5}
    assert mix({"a": 5, "b": 5}, {"parts": parts}).shares == {"a": 0.5, "b": 0.5}


def test_a_nested_part_alone_is_the_flat_mixture():
    sizes, flat = {"x/a": 10, "x/b": 30, "y": 99}, [{"tasks": "x/*", "rate": 3}, {"tasks": "y", "rate": 1}]
    assert mix(sizes, {"parts": flat}).draws(2) == mix(sizes, *flat).draws(2)


def test_without_rates_a_part_gets_what_its_tasks_weigh():
    # a and b weigh 10 + 30 and share 1 : 1 by their rates; c weighs 60.
    inner = {"parts": [{"tasks": "a", "rate": 1}, {"tasks": "b", "rate": 1}]}
    shares = mix({"a": 10, "b": 30, "c": 60}, inner, {"tasks": "c"}).shares
    assert shares == {"a": pytest.approx(0.2), "b": pytest.approx(0.2), "c": pytest.approx(0.6)}


def test_a_part_s_cap_comes_before_its_temperature_and_both_go_down_to_its_parts():
    sizes = {"a": 10, "b": 10_000, "c": 10, "d": 10_000}
    inside = {"rate": 1, "cap": 3000, "temperature": 2, "parts": [{"tasks": "[ab]"}]}
    shares = mix(sizes, inside, {"tasks": "[cd]", "rate": 1, "cap": 40}, cap=20, temperature=5).shares
    assert shares["b"] / shares["a"] == pytest.approx(math.sqrt(3000 / 10))
    assert shares["d"] / shares["c"] == pytest.approx((40 / 10) ** (1 / 5))
    assert shares["a"] + shares["b"] == pytest.approx(0.5)


def test_an_epoch_counts_each_task_with_the_cap_of_its_part():
    mixture = mix(
        {"a": 100, "b": 100, "c": 100},
        {"tasks": "a", "rate": 1, "cap": 30},
        {"parts": [{"tasks": "b"}, {"tasks": "c"}], "rate": 1, "cap": 7},
    )
    assert mixture.num_draws(0) == 30 + 7 + 7


def test_max_repeats_counts_a_task_over_all_its_places():
    both = [{"parts": [{"tasks": "*"}], "rate": 1}, {"parts": [{"tasks": "a"}], "rate": 1}]
    mixture = mix({"a": 10, "b": 30}, *both, max_repeats=2, epoch_size=40)
    # a: 25 draws an epoch, at most 20; b: 15 an epoch, at most 60.
    assert Counter(draw.task for draw in mixture.stream(3)) == {"a": 20, "b": 45}


def test_the_effective_number_of_tasks_is_the_exponential_of_the_entropy():
    assert effective_number([1, 1]) == pytest.approx(2.0)
    assert mix(COT).effective_tasks == pytest.approx(math.exp(entropy(list(COT.values()))))
    # Capped at 1,080, the size of the smallest, all nine are equal.
    assert mix(COT, cap=1080).effective_tasks == pytest.approx(9)
    assert sum(COT.values()) == 74_730


def test_the_tree_is_as_deep_as_the_mixture_and_tells_what_each_part_counts_as():
    zero = {"tasks": "zs/*", "name": "zero-shot", "rate": 2, "temperature": 2}
    parts = [{"name": "flan", "rate": 3, "cap": 3000, "parts": [zero, {"tasks": "fs", "rate": 1}]}, {"tasks": "cot", "rate": 1}]
    lines = mix({"zs/a": 30, "zs/b": 30, "fs": 60, "cot": 30, "z": 1}, *parts, epoch_size=120).tree().splitlines()
    assert [" ".join(line.split()) for line in lines] == [
        "mixture share % examples draws seen",
        "├── flan (rate 3, cap 3,000) 75.00 120 90 0.75x effective 3.0 of 3 tasks",
        "│ ├── zero-shot: zs/* (rate 2, temperature 2) 50.00 60 60 1.00x effective 2.0 of 2 tasks",
        "│ │ ├── zs/a 25.00 30 30 1.00x",
        "│ │ └── zs/b 25.00 30 30 1.00x",
        "│ └── fs (rate 1) 25.00 60 30 0.50x",
        "│ └── fs 25.00 60 30 0.50x",
        "├── cot (rate 1) 25.00 30 30 1.00x",
        "│ └── cot 25.00 30 30 1.00x",
        "└── in no part 0.00 1 0 0.00x",
        "└── z 0.00 1 0 0.00x in no part",
        "total 100.00 151 120 0.79x",
        "effective number of tasks: 4.0 of 4; epochs: 1",
    ]
    assert lines[3].startswith("│   │   ├── zs/a ")
    assert lines[6].startswith("│       └── fs ")
    assert len({line.index(".") for line in lines[1:-1] if "cap" not in line and "flan" not in line}) == 1


@pytest.mark.parametrize(
    ("parts", "what", "place"),
    [
        ([{"parts": [{"tasks": "a"}, {"tasks": "alpacca"}]}], "no seen task is named 'alpacca'", r"mixture\.parts\[0\]\.parts\[1\]"),
        ([{"parts": [{"tasks": "a", "rate": 1}, {"tasks": "b"}]}], "part 'b' has no rate, others have one", r"parts\[0\]\.parts\[1\]"),
        ([{"tasks": "a", "rate": 1}, {"name": "x", "parts": [{"tasks": "b"}]}], "part 'x' has no rate", r"mixture\.parts\[1\]"),
        (
            [{"tasks": "a"}, {"rate": 1, "parts": [{"tasks": "empty"}]}],
            "the tasks named 'empty' have no examples",
            r"parts\[1\]\.parts\[0\]",
        ),
        (
            [{"parts": [{"tasks": "*"}, {"tasks": "a"}]}],
            r"every task named 'a' belongs to an earlier part, '\*'",
            r"parts\[0\]\.parts\[1\]",
        ),
    ],
)
def test_what_is_wrong_in_a_nested_part_is_told_with_its_place(parts, what, place):
    with pytest.raises(RecipeError, match=rf"(?s){what}.*{place}"):
        mix({"a": 5, "b": 5, "empty": 0}, *parts)


@pytest.mark.parametrize("part", [{"rate": 1}, {"tasks": "a", "parts": [{"tasks": "b"}]}, {"parts": []}])
def test_a_part_has_tasks_or_parts(part):
    with pytest.raises(ValueError, match="a part has either `tasks` or `parts`"):
        MixtureSection.model_validate({"parts": [part]})


def test_draws_are_a_sequence_whose_entries_are_made_when_asked_for():
    draws = Draws(["a", "b"], np.array([1, 0, 1]), np.array([7, 3, 2]), np.array([0, 2, 1]))
    listed = [Draw("b", 7, 0), Draw("a", 3, 2), Draw("b", 2, 1)]
    assert list(draws) == listed
    assert draws == listed
    assert listed == draws
    assert draws != listed[:2]
    assert (draws[0], draws[-1], draws[1:]) == (listed[0], listed[2], listed[1:])
    assert draws + draws[:1] == [*listed, listed[0]]
    assert listed[1] in draws
    with pytest.raises(IndexError):
        draws[3]
    assert repr(draws[:1]) == "Draws(1: Draw(task='b', index=7, epoch=0))"


def test_five_million_examples_of_a_thousand_tasks_fit_in_a_few_hundred_megabytes():
    mixture = mix({f"t{i}": 4001 + 2 * i for i in range(1000)})  # 1000 * 4001 + 999 * 1000 = 5,000,000
    tracemalloc.start()
    draws = mixture.draws(0)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(draws) == 5_000_000
    assert draws.num_bytes == 12 * 5_000_000
    assert peak < 250_000_000
    assert len({(draw.task, draw.index) for draw in draws[1_000_000:1_020_000]}) == 20_000
