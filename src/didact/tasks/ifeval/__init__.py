"""The 25 instructions of IFEval that a program can check, and the metrics over them."""
