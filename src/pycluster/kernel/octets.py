"""Bytes from base64, as RFC 4648 §4 has it and no other way."""

from __future__ import annotations

import binascii


def from_base64(text: str) -> bytes:
    """The standard alphabet, each group of four whole; raises ``ValueError``."""
    data = binascii.a2b_base64(text, strict_mode=True)
    # Python lets padding follow that no group wants.
    if len(text) % 4 or text.endswith("==="):
        raise ValueError("Incorrect padding")
    return data
