"""Numbers, times and names of metrics as the report page writes them."""

from typing import Any

_METRICS = {
    "rouge_l": "ROUGE-L",
    "f1_binary": "F1",
    "f1_macro": "Macro F1",
    "multirc_f1a": "MultiRC F1a",
    "multirc_em": "MultiRC EM",
    "record_f1": "ReCoRD F1",
    "record_em": "ReCoRD EM",
    "squad_f1": "SQuAD F1",
    "squad_em": "SQuAD EM",
    "mcq_accuracy": "Accuracy over choices",
}


def number(value: Any) -> str:
    """Returns a number for people, other things as text.

    >>> number(1234567), number(0.000125), number(2.0), number("x")
    ('1,234,567', '0.000125', '2', 'x')
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    return f"{value:,}" if isinstance(value, int) else f"{value:,.4g}" if abs(value) < 10_000 else f"{value:,.0f}"


def points(value: float) -> str:
    """Returns a score or a difference to one decimal; minus is a real minus.

    >>> points(41.25), points(-3.06), points(-0.04)
    ('41.2', '−3.1', '0.0')
    """
    text = f"{value:.1f}"
    return "0.0" if text == "-0.0" else text.replace("-", "−")


def nats(value: float) -> str:
    """Returns nats per token, which are small, to three decimals; minus is a real minus.

    >>> nats(0.1158), nats(-0.0123)
    ('0.116', '−0.012')
    """
    return f"{value:.3f}".replace("-", "−")


def signed(value: float) -> str:
    """Returns a difference with its sign.

    >>> signed(3.06), signed(-3.06), signed(0.04)
    ('+3.1', '−3.1', '0.0')
    """
    text = points(value)
    return text if text.startswith("−") or text == "0.0" else f"+{text}"


def chance(p: float) -> str:
    """Returns a p for people.

    >>> chance(0.0004), chance(0.0625), chance(1.0)
    ('< 0.001', '0.062', '1')
    """
    return "< 0.001" if p < 0.001 else "1" if p >= 0.9995 else f"{p:.3f}"


def duration(seconds: float) -> str:
    """Returns a time for people.

    >>> duration(42.4), duration(65), duration(3700)
    ('42 s', '1 min 5 s', '1 h 1 min')
    """
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s" if minutes else f"{rest} s"
    return f"{minutes // 60:,} h {minutes % 60} min"


def metric_name(name: str) -> str:
    """Returns how a metric is written in text.

    >>> metric_name("rouge_l"), metric_name("exact_match")
    ('ROUGE-L', 'Exact match')
    """
    plain = name.replace("_", " ")
    return _METRICS.get(name, plain[:1].upper() + plain[1:])
