"""Keys and classes of configurations that have new names since version 0.1.0."""

from __future__ import annotations

KEYS = {
    "optimizer.decay": "optimizer.lr_decay",
    "optimizer.word_vectors": "optimizer.word_vector_lr_factor",
    "optimizer.encoder": "optimizer.encoder_lr_factor",
}
"""Old dotted key -> new one; an override with the old key is answered with the new one."""

TARGETS: dict[str, str] = {}
"""Old `_target_` -> new one; `build` follows it, so that saved runs load."""
