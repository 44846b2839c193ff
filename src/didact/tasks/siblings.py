"""Siblings: datasets that are rounds, versions, parts or other names of one another, so that none straddles a split.

Source: the families of FLAN's folds within a cluster (arXiv 2109.01652; ANLI's rounds, MNLI's two test sets, SQuAD's versions, ARC's
two levels, the two sets of opinion abstracts), and names that public collections give to the same rows.
"""

import re
from functools import cache

_COLLECTION = re.compile(r"(super_?glue|glue)[/_](?=(cola|sst|mrpc|qqp|sts|mnli|qnli|rte|wnli|ax|boolq|cb|copa|multirc|record|wic|wsc))")
"""GLUE and SuperGLUE hold some sets twice; what they call them is in front of the set's own name."""
_FAMILIES = {
    "anli": r"anli([/_]?(r|round)?_?[123])?",
    "arc": r"(ai2_)?arc([/_](arc_)?(easy|challenge|e|c))?",
    "boolq": r"bool_?q",
    "commonsense_qa": r"commonsense_?qa|csqa|cos_?e|ecqa",
    "cosmos_qa": r"cosmos_?qa",
    "e2e_nlg": r"e2e(_nlg)?(_cleaned)?",
    "mmlu": r"(m?mmlu|measuring_massive_multitask_language_understanding)([/_]\w+)?",
    "mnli": r"(mnli|multi_?nli)([/_](mis)?matched)?",
    "natural_questions": r"natural_?questions(_open)?|nq(_open)?|qed",
    "opinion_abstracts": r"opinion_abstracts([/_](rotten_tomatoes|idebate))?",
    "paws": r"paws([/_](wiki|x|qqp))?",
    "qqp": r"qqp|quora(_question_pairs)?",
    "rocstories": r"roc_?stories|story_?cloze",
    "scitail": r"scitail(v?1\.1)?",
    "siqa": r"siqa|social_?i_?qa",
    "snli": r"(e_?)?snli",
    "squad": r"squad_?(v?_?[12](\.[01])?)?",
    "sst": r"sst_?[25]?",
    "sts_b": r"sts_?b(enchmark)?",
    "wiki_auto": r"wiki_auto(_all_data)?",
    "winogrande": r"winogrande([/_](xs|s|m|l|xl|debiased))?",
    "wsc": r"(winograd_)?wsc(\.fixed|_fixed|273|285)?|mwsc|enhanced_wsc|wsc;_enhanced_wsc|wnli",
}
"""Family to the names of its datasets. WNLI is made of the sentences of WSC, e-SNLI of SNLI, ECQA of CommonsenseQA, QED of NQ."""
_ANY = [(family, re.compile(names)) for family, names in _FAMILIES.items()]


@cache
def family_of(dataset: str) -> str:
    """Returns the family of a dataset, whatever it is called; a dataset without siblings is its own.

    >>> [family_of(name) for name in ("super_glue/rte", "GLUE/RTE", "rte", "anli_r1", "ANLI/r3", "SQuAD v1.1", "my set")]
    ['rte', 'rte', 'rte', 'anli', 'anli', 'squad', 'my_set']
    """
    name = re.sub(r"[\s-]+", "_", dataset.strip(" ,;\t\n").casefold())
    name = _COLLECTION.sub("", name, count=1) if _COLLECTION.match(name) else name
    # A hub id has its owner in front: facebook/anli.
    return next((family for family, names in _ANY if names.fullmatch(name) or names.fullmatch(name.partition("/")[2])), name)
