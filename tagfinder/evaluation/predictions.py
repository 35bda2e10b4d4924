"""The ranking given to each post, collected while a part is scored."""

from __future__ import annotations

import numpy as np
import polars as pl
import torch
from pytorch_lightning.utilities import rank_zero_warn
from torch import Tensor, distributed
from torch.nn.functional import pad
from torchmetrics.utilities.distributed import gather_all_tensors

from tagfinder.evaluation.rankings import PADDING
from tagfinder.evaluation.step_outputs import Scored

_NO_ROWS = {
    "rows": torch.zeros(0, dtype=torch.int64),
    "n_hashtags": torch.zeros(0, dtype=torch.int32),
    "labels": torch.zeros(0, 1, dtype=torch.int32),
    "top_labels": torch.zeros(0, 1, dtype=torch.int32),
    "top_scores": torch.zeros(0, 1, dtype=torch.float32),
}


class Predictions:
    """Collects top-k lists, true labels and row numbers: (N, K) arrays, never (N, L)."""

    def __init__(self) -> None:
        self._columns = {name: [nothing] for name, nothing in _NO_ROWS.items()}

    def add(self, block: Scored) -> None:
        """Keep a block of rows, in main memory."""
        for name, parts in self._columns.items():
            values: Tensor = getattr(block, name)
            parts.append(values.detach().cpu().to(_NO_ROWS[name].dtype))

    def frame(self, device: torch.device | str, ids: pl.Series | None = None) -> pl.DataFrame:
        """Return all processes' rows in corpus order; every process has to call it.

        Args:
            device: where processes exchange tensors.
            ids: ids of the whole part's posts in corpus order; row numbers if there are none.

        Returns:
            `id` String, `labels` List(Int32), `top_labels` List(Int32), best first, `top_scores`
            List(Float32), `n_hashtags` Int32.
        """
        gathered = {name: _gathered(_joined(p), device) for name, p in self._columns.items()}
        order = _corpus_order(gathered["rows"].numpy())
        columns = {name: values.numpy()[order] for name, values in gathered.items()}
        n_ranked = (columns["top_labels"] != PADDING).sum(1)
        rows = columns["rows"]
        return pl.DataFrame(
            {
                "id": (pl.Series(rows) if ids is None else ids[rows]).cast(pl.String),
                "labels": _lists(columns["labels"], (columns["labels"] != PADDING).sum(1)),
                "top_labels": _lists(columns["top_labels"], n_ranked),
                "top_scores": _lists(columns["top_scores"], n_ranked),
                "n_hashtags": columns["n_hashtags"],
            }
        )


def _joined(parts: list[Tensor]) -> Tensor:
    """Put rows below each other, the narrower ones padded on the right."""
    if parts[0].ndim == 1:
        return torch.cat(parts)
    width = max(part.shape[1] for part in parts)
    return torch.cat([pad(part, (0, width - part.shape[1]), value=PADDING) for part in parts])


def _gathered(values: Tensor, device: torch.device | str) -> Tensor:
    if not (distributed.is_available() and distributed.is_initialized()):
        return values
    return _joined([part.cpu() for part in gather_all_tensors(values.to(device))])


def _corpus_order(rows: np.ndarray) -> np.ndarray:
    """Return the first position of each row number, in ascending order of the numbers."""
    _, first = np.unique(rows, return_index=True)
    if len(first) < len(rows):
        rank_zero_warn(
            f"{len(rows) - len(first)} posts were scored twice and count twice in every mean: "
            "the sampler repeats rows; use one that gives each post to one process only"
        )
    return first


def _lists(matrix: np.ndarray, lengths: np.ndarray) -> pl.Series:
    """Turn (N, K) into lists of the first `lengths` entries of each row."""
    frame = pl.DataFrame({"row": matrix, "length": lengths})
    return frame.select(pl.col("row").arr.to_list().list.head(pl.col("length")))["row"]
