"""Synthetic instruction data: methods yield requests and receive replies; one engine does the rest."""
