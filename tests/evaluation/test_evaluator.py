"""The callback: what a user finds in the log, in the results and in the run's folder."""

from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
import polars as pl
import pytest
import pytorch_lightning as lightning
import torch
from hydra.utils import instantiate
from made_up import quiet_trainer
from omegaconf import OmegaConf
from pytorch_lightning.callbacks import ModelCheckpoint
from pytorch_lightning.loggers import CSVLogger
from sklearn.metrics import f1_score, ndcg_score, precision_score, recall_score
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader

from tagfinder.errors import InputError, WorkError
from tagfinder.evaluation.evaluator import Evaluator
from tagfinder.evaluation.score import judge, score
from tagfinder.evaluation.score_counting import ScoreCounting
from tagfinder.evaluation.step_outputs import scored_blocks
from tagfinder.evaluation.tally import NEED_ALL_SCORES, NEED_WHOLE_RANKING, Tally
from tagfinder.paths import conf_dir

N_POSTS, N_LABELS = 120, 9


class Posts(lightning.LightningDataModule):
    """Row numbers in mixed order; the ids are made up."""

    def __init__(self, batch_size: int = 32) -> None:
        super().__init__()
        self.batch_size = batch_size

    def loader(self) -> DataLoader:
        order = torch.randperm(N_POSTS, generator=torch.Generator().manual_seed(2))
        return DataLoader(order, batch_size=self.batch_size)

    train_dataloader = val_dataloader = test_dataloader = loader

    def ids(self, part: str) -> pl.Series:
        return pl.Series([f"{part} {i}" for i in range(N_POSTS)])


class Fixed(lightning.LightningModule):
    """Gives post i row i of a table of scores; its labels are known too."""

    def __init__(self, scores: torch.Tensor, truth: torch.Tensor, n_hashtags=None) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(1))
        self.table, self.truth = scores, truth
        self.n_hashtags = truth.sum(1) if n_hashtags is None else n_hashtags

    def outputs(self, rows: torch.Tensor) -> dict[str, torch.Tensor]:
        true = [row.nonzero().flatten() for row in self.truth[rows]]
        labels = pad_sequence(true, batch_first=True, padding_value=-1)
        return {
            "scores": self.table[rows],
            "labels": labels,
            "n_hashtags": self.n_hashtags[rows],
            "rows": rows,
        }

    def training_step(self, rows, batch_idx):
        return self.weight.sum()

    def validation_step(self, rows, batch_idx):
        return self.outputs(rows)

    def test_step(self, rows, batch_idx):
        return self.outputs(rows)

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.0)


class OpenVocabulary(Fixed):
    """Gives rankings only."""

    def outputs(self, rows):
        outputs = super().outputs(rows)
        best = outputs.pop("scores").sort(1, descending=True)
        best.indices[:, -2:] = -1
        return outputs | {"top_labels": best.indices, "top_scores": best.values}


@pytest.fixture
def table() -> tuple[torch.Tensor, torch.Tensor]:
    """Scores without ties and their truth; the first two posts have no label."""
    generator = torch.Generator().manual_seed(11)
    scores = (torch.rand(N_POSTS, N_LABELS, generator=generator).argsort(1) + 0.5) / N_LABELS
    truth = torch.rand(N_POSTS, N_LABELS, generator=generator) < 0.25
    truth[2:, 4] |= ~truth[2:].any(1)
    truth[:2] = False
    return scores, truth


def evaluator(**changes) -> Evaluator:
    arguments = {"ks": [1, 3, 5], "threshold": 0.5, "open": False, "top_k": 6}
    return Evaluator(**arguments | changes)


def scored_by(model: lightning.LightningModule, posts: Posts | None = None, **changes) -> Evaluator:
    callback = evaluator(**changes)
    trainer(callback).test(model, posts or Posts(), verbose=False)
    return callback


def trainer(*callbacks: lightning.Callback, **changes) -> lightning.Trainer:
    return quiet_trainer(callbacks=list(callbacks), **changes)


def test_scores_are_scikit_learns_over_the_posts_with_labels(table):
    scores, truth = table
    results = scored_by(Fixed(*table)).results["test"]
    scores, truth = scores[2:].numpy(), truth[2:].numpy()
    assert results["ndcg@3"] == pytest.approx(ndcg_score(truth, scores, k=3))
    for average in ("micro", "macro", "samples"):
        for name, score_of in (("f1", f1_score), ("precision", precision_score)):
            expected = score_of(truth, scores >= 0.5, average=average, zero_division=0)
            assert results[f"{average}_{name}"] == pytest.approx(expected)
    assert results["n"] == N_POSTS - 2
    assert results["n_without_labels"] == 2
    hit = np.take_along_axis(truth, np.argsort(-scores)[:, :3], 1).any(1)
    assert results["n_without_hits@3"] == int((~hit).sum())
    assert results["hit_rate@3"] == pytest.approx(hit.mean())


def test_scores_do_not_depend_on_the_size_of_the_batches(table):
    whole = scored_by(Fixed(*table), Posts(N_POSTS), open=True).results["test"]
    pieces = scored_by(Fixed(*table), Posts(7), open=True).results["test"]
    assert pieces == pytest.approx(whole, rel=1e-12)


def test_the_reciprocal_rank_looks_at_the_whole_ranking(table):
    scores, truth = table
    first = torch.where(truth, scores, 0).amax(1, keepdim=True)
    ranks = (scores >= first).sum(1)[2:]
    results = scored_by(Fixed(*table), ks=[1]).results["test"]
    assert results["mrr"] == pytest.approx((1 / ranks.double()).mean().item())
    assert results["mrr@1"] == results["hit_rate@1"]


def test_open_scores_count_hashtags_outside_the_label_set_as_misses(table):
    scores, truth = table
    n_hashtags = truth.sum(1) + 1
    n_hashtags[0] = 0  # not tagged at all
    results = scored_by(Fixed(scores, truth, n_hashtags), open=True).results["test"]
    assert results["open_n"] == N_POSTS - 1
    assert results["coverage"] == pytest.approx((N_POSTS - 2) / (N_POSTS - 1))
    best = scores.argsort(1, descending=True)[:, :5]
    recall = truth.gather(1, best).sum(1)[1:] / n_hashtags[1:].double()
    assert results["open_recall@5"] == pytest.approx(recall.mean().item())
    assert results["open_ndcg@5"] < results["ndcg@5"]
    closed = scored_by(Fixed(*table)).results["test"]
    assert not [name for name in closed if name.startswith("open_") or name == "coverage"]


def test_the_table_of_labels_tells_what_each_of_them_gets(table, tmp_path):
    model = Fixed(*table)
    model.label_set = SimpleNamespace(hashtags=[f"tag{i}" for i in range(N_LABELS)])
    per_label = scored_by(model, run_dir=tmp_path).per_label["test"]
    truth, predicted = table[1].numpy()[2:], table[0].numpy()[2:] >= 0.5
    assert per_label["hashtag"].to_list() == model.label_set.hashtags
    assert per_label["support"].to_list() == truth.sum(0).tolist()
    expected = recall_score(truth, predicted, average=None)
    assert per_label["recall"].to_numpy() == pytest.approx(expected)
    misses = (truth & ~predicted).sum(0)
    assert per_label["false_negatives"].to_list() == misses.tolist()
    assert pl.read_csv(tmp_path / "per_label.csv").columns == per_label.columns


def test_a_label_that_never_occurs_has_no_area_and_leaves_the_mean_alone(table):
    scores, truth = table
    truth[:, 0] = False
    callback = scored_by(Fixed(scores, truth))
    aucs = callback.per_label["test"]["auc"].to_list()
    assert aucs[0] is None
    assert callback.results["test"]["macro_auc"] == pytest.approx(sum(aucs[1:]) / (N_LABELS - 1))


def test_one_label_alone_is_scored():
    truth = torch.ones(N_POSTS, 1, dtype=torch.bool)
    results = scored_by(Fixed(torch.full((N_POSTS, 1), 0.75), truth)).results["test"]
    for name in ("ndcg@5", "mrr", "lrap", "micro_f1", "macro_f1", "samples_f1"):
        assert results[name] == 1.0
    assert results["macro_auc"] is None  # there is no post without the label


def test_the_rankings_are_written_in_the_order_of_the_corpus(table, tmp_path):
    scores, truth = table
    scored_by(Fixed(*table), run_dir=tmp_path)
    rankings = pl.read_parquet(tmp_path / "predictions.parquet")
    assert rankings.schema == {
        "id": pl.String,
        "labels": pl.List(pl.Int32),
        "top_labels": pl.List(pl.Int32),
        "top_scores": pl.List(pl.Float32),
        "n_hashtags": pl.Int32,
    }
    assert rankings["id"].to_list() == [f"test {i}" for i in range(N_POSTS)]
    assert rankings["labels"].to_list() == [row.nonzero().flatten().tolist() for row in truth]
    best = scores.sort(1, descending=True)
    assert rankings["top_labels"].to_list() == best.indices[:, :6].tolist()
    assert rankings["top_scores"].to_list() == best.values[:, :6].tolist()


def test_the_score_command_finds_the_same_in_the_written_rankings(table, tmp_path):
    scores, truth = table
    callback = scored_by(Fixed(scores, truth, truth.sum(1) + 2), run_dir=tmp_path, open=True)
    path = tmp_path / "predictions.parquet"
    found = score(judge(path, path, depth=5), [1, 3, 5], with_open=True)
    results = callback.results["test"]
    shared = {name: value for name, value in results.items() if name in found}
    assert len(shared) > 40
    assert {name: found[name] for name in shared} == pytest.approx(shared, rel=1e-12)


def test_an_open_vocabulary_is_scored_by_its_rankings_and_the_rest_is_left_out_by_name(
    table, tmp_path
):
    callback = scored_by(OpenVocabulary(*table), run_dir=tmp_path, open=True, top_k=9)
    closed = scored_by(Fixed(*table), open=True)
    assert callback.results["test"]["ndcg@5"] == closed.results["test"]["ndcg@5"]
    assert callback.not_measured["test"] == NEED_ALL_SCORES
    assert set(closed.results["test"]) - set(callback.results["test"]) == set(NEED_ALL_SCORES)
    assert callback.per_label == {}
    assert not (tmp_path / "per_label.csv").exists()
    lengths = pl.read_parquet(tmp_path / "predictions.parquet")["top_labels"].list.len()
    assert set(lengths) == {N_LABELS - 2}  # padding is not written


class BestOnly(Fixed):
    """Gives the best labels of a closed set; all others count as 0."""

    kept = 4

    def outputs(self, rows):
        outputs = super().outputs(rows)
        scores = outputs.pop("scores")
        best = scores.sort(1, descending=True)
        top = {
            "top_labels": best.indices[:, : self.kept],
            "top_scores": best.values[:, : self.kept],
        }
        return outputs | top | {"n_labels": scores.shape[1]}


def test_the_best_labels_of_a_large_set_are_scored_as_if_all_others_were_0(table, tmp_path):
    scores, truth = table
    least = scores.sort(1, descending=True).values[:, BestOnly.kept - 1 : BestOnly.kept]
    rest_is_0 = scores.where(scores >= least, 0)
    counted, expected_counts = ScoreCounting(), ScoreCounting()
    sparse, dense = evaluator(ks=[1, 3], top_k=4), evaluator(ks=[1, 3], top_k=4)
    trainer(sparse, counted).test(BestOnly(*table), Posts(), verbose=False)
    trainer(dense, expected_counts).test(Fixed(rest_is_0, truth), Posts(7), verbose=False)
    assert sparse.not_measured["test"] == NEED_WHOLE_RANKING
    expected = {
        name: value
        for name, value in dense.results["test"].items()
        if name not in NEED_WHOLE_RANKING
    }
    assert sparse.results["test"] == pytest.approx(expected, rel=1e-12)
    assert sparse.per_label["test"].equals(dense.per_label["test"])
    assert sparse.predictions.equals(dense.predictions)
    assert torch.equal(counted.histograms["test"], expected_counts.histograms["test"])


class Improving(Fixed):
    """Ranks well in the second epoch, badly before and after; the sanity check sees NaN."""

    def validation_step(self, rows, batch_idx):
        if self.trainer.sanity_checking:
            self.table = torch.full_like(self.table, torch.nan)
        else:
            good = self.truth.float()
            self.table = good if self.current_epoch == 1 else 1 - good
        return self.outputs(rows)


def test_a_checkpoint_can_be_chosen_by_a_score_and_the_sanity_check_is_ignored(table, tmp_path):
    callback = evaluator()
    best = ModelCheckpoint(tmp_path, filename="{epoch}", monitor="val/ndcg@5", mode="max")
    fitting = trainer(callback, best, max_epochs=3, enable_checkpointing=True)
    fitting.fit(Improving(*table), Posts())
    assert best.best_model_path.endswith("epoch=1.ckpt")
    assert best.best_model_score.item() == 1.0
    assert callback.results["val"]["ndcg@5"] < 1.0  # the last epoch's


def test_loggers_get_every_score(table, tmp_path):
    callback = evaluator()
    logger = CSVLogger(tmp_path, name="", version="")
    trainer(callback, logger=logger).test(Fixed(*table), Posts(), verbose=False)
    logged = pl.read_csv(tmp_path / "metrics.csv").row(0, named=True)
    for name in ("ndcg@5", "map@5", "mrr", "lrap", "macro_f1", "report_map@3"):
        assert logged[f"test/{name}"] == pytest.approx(callback.results["test"][name], rel=1e-6)


def test_a_score_in_which_no_post_takes_part_is_none():
    truth = torch.zeros(N_POSTS, N_LABELS, dtype=torch.bool)
    results = scored_by(Fixed(torch.rand(N_POSTS, N_LABELS), truth)).results["test"]
    assert (results["n"], results["n_without_labels"]) == (0, N_POSTS)
    assert results["ndcg@5"] is None
    assert not [name for name, value in results.items() if value is not None and math.isnan(value)]


def test_diverged_training_ends_with_a_sentence(table):
    scores, truth = table
    scores[3, 0] = torch.nan
    with pytest.raises(WorkError, match="training diverged"):
        scored_by(Fixed(scores, truth))


class Unhelpful(Fixed):
    """Returns less than it should."""

    def test_step(self, rows, batch_idx):
        return self.answer(rows)


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (lambda rows: None, "returned NoneType"),
        (lambda rows: {"scores": rows, "labels": rows}, "no tensor for n_hashtags, rows"),
        (lambda rows: {"rows": rows}, "top_labels, top_scores"),
    ],
)
def test_a_step_that_returns_too_little_is_answered_with_what_to_return(table, answer, sentence):
    model = Unhelpful(*table)
    model.answer = answer
    with pytest.raises(WorkError, match=sentence):
        scored_by(model)


def test_rows_of_different_number_are_refused(table):
    model = Unhelpful(*table)
    model.answer = lambda rows: model.outputs(rows) | {"rows": rows[:-1]}
    with pytest.raises(WorkError, match="numbers of rows differ"):
        scored_by(model)


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"ks": []}, "evaluation.ks"),
        ({"ks": [0, 3]}, "evaluation.ks"),
        ({"top_k": 2}, "evaluation.top_k"),
        ({"threshold": 30}, "evaluation.threshold"),
    ],
)
def test_arguments_out_of_range_are_named(changes, key):
    with pytest.raises(InputError, match=key):
        evaluator(**changes)


def test_posts_that_are_scored_twice_are_noticed(table):
    class Repeating(Posts):
        def test_dataloader(self):
            return DataLoader(torch.tensor([*range(N_POSTS), 0, 1]), batch_size=50)

    with pytest.warns(UserWarning, match="2 posts were scored twice"):
        callback = scored_by(Fixed(*table), Repeating())
    assert len(callback.predictions) == N_POSTS


def test_the_configuration_builds_the_evaluator():
    config = OmegaConf.load(conf_dir() / "evaluation/default.yaml")
    callback = instantiate(config)
    assert isinstance(callback, Evaluator)
    assert callback.ks == [1, 3, 5, 10]
    assert callback.threshold == 0.3


def test_twenty_thousand_labels_are_scored_block_by_block(table):
    truth = torch.zeros(N_POSTS, 20_000, dtype=torch.bool)
    truth[torch.arange(N_POSTS), torch.arange(N_POSTS) * 100] = True
    scores = torch.zeros(N_POSTS, 20_000)
    scores[truth] = 0.9
    results = scored_by(Fixed(scores, truth), Posts(N_POSTS)).results["test"]
    assert results["ndcg@5"] == results["micro_f1"] == results["lrap"] == 1.0


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")
def test_a_gpu_gives_the_scores_of_the_processor(table):
    model = Fixed(*table)
    outputs = model.outputs(torch.arange(N_POSTS))
    results = {}
    for device in ("cpu", "cuda"):
        tally = Tally([1, 3, 5], 0.5, True, N_LABELS, device)
        for block in scored_blocks({k: v.to(device) for k, v in outputs.items()}, depth=5):
            tally.update(block)
        results[device] = tally.compute()
    assert results["cuda"].scores == pytest.approx(results["cpu"].scores, rel=1e-12)
    assert results["cuda"].counts == results["cpu"].counts
