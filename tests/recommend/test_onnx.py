"""ONNX graphs score as the networks that they were made of."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tagfinder import Recommender
from tagfinder.errors import InputError
from tagfinder.recommend.export import export_bundle
from tagfinder.recommend.onnx_export import allowed_difference

pytest.importorskip("onnxruntime", reason="needs the extra onnx")
pytest.importorskip("onnx", reason="needs the extra onnx")

RunOf = Callable[[str], Path]
TEXTS = ["a tote bag in my closet", "", "stocks", "win a speaker from the clinic in ten days " * 9]


@pytest.mark.parametrize("kind", ["lstm", "text_resnet", "bert", "bert_trained"])
def test_a_graph_scores_as_its_network(run_of: RunOf, kind: str, tmp_path: Path) -> None:
    export_bundle(run_of(kind), tmp_path / "bundle", onnx=True)
    network = Recommender.load(tmp_path / "bundle")
    graph = Recommender.load(tmp_path / "bundle", runtime="onnx")
    for texts in (TEXTS, TEXTS[:1], TEXTS * 5):
        allowed = allowed_difference(network)
        np.testing.assert_allclose(graph.scores(texts), network.scores(texts), atol=allowed)
    notes = [[one.note for one in r.suggest(TEXTS)] for r in (graph, network)]
    assert notes[0] == notes[1]


def test_a_graph_of_small_integers_is_smaller_and_close(run_of: RunOf, tmp_path: Path) -> None:
    export_bundle(run_of("bert"), tmp_path / "bundle", int8=True)
    graphs = [tmp_path / "bundle" / name for name in ("model.onnx", "model.int8.onnx")]
    sizes = [graph.stat().st_size for graph in graphs]
    assert sizes[1] < 0.4 * sizes[0]
    small = Recommender.load(tmp_path / "bundle", runtime="onnx-int8")
    network = Recommender.load(tmp_path / "bundle")
    np.testing.assert_allclose(small.scores(TEXTS), network.scores(TEXTS), atol=0.1)


def test_a_linear_model_has_no_graph(linear_run: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no neural recommender"):
        export_bundle(linear_run, tmp_path / "bundle", onnx=True)
    assert not (tmp_path / "bundle").exists()


def test_a_bundle_without_a_graph_says_how_to_get_one(run_of: RunOf, tmp_path: Path) -> None:
    export_bundle(run_of("lstm"), tmp_path / "bundle")
    with pytest.raises(InputError, match="--onnx"):
        Recommender.load(tmp_path / "bundle", runtime="onnx")
