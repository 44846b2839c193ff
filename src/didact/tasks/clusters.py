"""Clusters: kinds of task that are held out as a whole, and which of them are too near to one another to be on both sides.

Source: Wei et al. 2021, FLAN, arXiv 2109.01652, section 2.1: clusters of tasks, and the exceptions to holding out one of them.
"""

from collections.abc import Iterable, Mapping

from didact.tasks.task import Task

CLUSTERS = frozenset(
    (
        "chain_of_thought",
        "closed_book_qa",
        "common_sense",
        "context_generation",
        "conversational_qa",
        "coreference",
        "entailment",
        "instruction_following",
        "linguistic_acceptability",
        "math",
        "multiple_choice_knowledge",
        "open_domain_qa",
        "paraphrase",
        "question_classification",
        "question_generation",
        "read_comp_and_common_sense",
        "reading_comprehension",
        "reasoning",
        "sentiment",
        "similarity",
        "structure_to_text",
        "summarization",
        "text_formatting",
        "text_generation",
        "topic_classification",
        "translation",
        "word_disambiguation",
    )
)
"""The clusters of the benchmarks; any other category is a cluster of its own."""
TURNED_INTO = frozenset(("question_generation", "context_generation", "text_generation"))
"""Clusters that turned-around templates turn tasks into: they may be held out where no task is of them."""
_NEAR = (
    ("paraphrase", "entailment"),
    ("similarity", "paraphrase"),
    ("similarity", "entailment"),
    ("read_comp_and_common_sense", "reading_comprehension"),
    ("read_comp_and_common_sense", "common_sense"),
)
"""Pairs of FLAN's exceptions. Its paraphrase cluster holds STS-B too, so similarity is as near as paraphrase is."""
_OF_SUPERNI = {
    "cause_effect_classification": "common_sense",
    "commonsense_classification": "common_sense",
    "coreference_resolution": "coreference",
    "data_to_text": "structure_to_text",
    "grammar_error_detection": "linguistic_acceptability",
    "mathematics": "math",
    "paraphrasing": "paraphrase",
    "sentiment_analysis": "sentiment",
    "text_matching": "paraphrase",
    "textual_entailment": "entailment",
}
"""Categories of Super-NaturalInstructions that are one of the clusters under another name."""


def _companions() -> dict[str, frozenset[str]]:
    both = [*_NEAR, *((second, first) for first, second in _NEAR)]
    return {name: frozenset(other for one, other in both if one == name) for name, _ in both}


COMPANIONS: Mapping[str, Mapping[str, frozenset[str]]] = {"none": {}, "flan": _companions()}
"""`cross_rules` to cluster to the clusters that are left out together with it."""


def cluster_of(category: str) -> str:
    """Returns the cluster of a category, as it stands or under the name that SuperNI gives it.

    >>> cluster_of("Textual Entailment"), cluster_of("Question Generation"), cluster_of("Story Composition")
    ('entailment', 'question_generation', 'story_composition')
    """
    name = "_".join(category.casefold().split())
    return _OF_SUPERNI.get(name, name)


def clusters_of(task: Task) -> tuple[str, ...]:
    """Returns the clusters of a task; a task without categories has none."""
    return tuple(dict.fromkeys(cluster_of(category) for category in task.categories if category.strip()))


def held_out_clusters(unseen: Iterable[Task], seen: Iterable[Task], cross_rules: str, named: Iterable[str] = ()) -> frozenset[str]:
    """Returns the clusters that training must not show, for templates that turn a task into one of another cluster.

    These are the clusters of unseen tasks that no seen task is of, with those that the cross rules leave out together with them.
    A task with a level of its own keeps what is unseen apart by itself.

    Args:
        unseen: Tasks that are held out.
        seen: Tasks that are trained on.
        cross_rules: A key of `COMPANIONS`.
        named: Clusters that the recipe holds out by name, whether any task is of them or not.

    >>> nli = Task("nli", (), categories=("entailment",))
    >>> sorted(held_out_clusters([nli], [], "flan"))
    ['entailment', 'paraphrase', 'similarity']
    """
    trained = {cluster for task in seen for cluster in clusters_of(task)}
    held = {cluster for task in unseen if not task.level for cluster in clusters_of(task)} - trained
    held.update(named)
    return frozenset(held.union(*(COMPANIONS[cross_rules].get(cluster, ()) for cluster in held)))
