"""Siblings: which names of datasets stand for the same rows, or for rounds and versions of one another."""

import pytest

from didact.tasks.siblings import family_of


@pytest.mark.parametrize(
    ("family", "names"),
    [
        ("rte", ["rte", "RTE", "glue/rte", "super_glue/rte", "superglue_rte", " GLUE/RTE "]),
        ("anli", ["anli", "anli_r1", "anli/r2", "ANLI r3", "anli_round_3", "facebook/anli"]),
        ("mnli", ["mnli", "multi_nli", "MultiNLI", "glue/mnli", "mnli_matched", "glue/mnli_mismatched", "nyu-mll/multi_nli"]),
        ("squad", ["squad", "SQuAD", "squad_v2", "squad_v1.1", "squad1.1", "squad2.0", "rajpurkar/squad_v2"]),
        ("arc", ["arc", "ai2_arc", "arc_easy", "arc/challenge", "ai2_arc/ARC-Challenge", "allenai/ai2_arc"]),
        ("opinion_abstracts", ["opinion_abstracts_idebate", "opinion_abstracts/rotten_tomatoes", "opinion_abstracts"]),
        ("wsc", ["wsc", "winograd_wsc", "super_glue/wsc.fixed", "wsc273", "mwsc", "wsc; enhanced_wsc", "glue/wnli"]),
        ("mmlu", ["mmlu", "mmlu/anatomy", "measuring_massive_multitask_language_understanding"]),
        ("natural_questions", ["natural_questions", "nq_open", "qed"]),
    ],
)
def test_names_of_one_family(family, names):
    assert {name: family_of(name) for name in names} == dict.fromkeys(names, family)


@pytest.mark.parametrize("name", ["xquad", "squadrun", "arcade", "record", "mgsm", "scan", "gsm8k", "glue_diagnostic", "my_own_set"])
def test_a_dataset_without_siblings_is_its_own_family(name):
    assert family_of(name) == name


def test_blanks_case_and_hyphens_do_not_make_another_dataset():
    assert family_of("My  Own-Set") == family_of("my_own_set") == "my_own_set"
