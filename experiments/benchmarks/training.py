"""How fast LSTM and Text ResNet train, against the report's way, and that nothing is lost by it.

The report's way: every text is cut into words and padded to 200 in the collate function, at every
batch of every epoch, and the network computes on the padding. TagFinder's way: words are numbered
once, batches hold texts of like length (LSTM) or nothing is padded at all (Text ResNet). Networks,
loss, batch size and seeds are the same; one epoch of each is measured in a process of its own, in
turns.

    python experiments/benchmarks/training.py CORPUS [--posts 4096] [--quality EPOCHS]

CORPUS is a prepared corpus's folder (`tagfinder prepare` prints it). `--quality` also trains both
for some epochs with three seeds and compares the validation part's NDCG@5. With `--device cuda`
TagFinder's way computes in bfloat16, as `trainer=gpu` does, the report's in float32; both also say
what share of the chip's bfloat16 rate they reach.
"""

from __future__ import annotations

import argparse
import resource
import statistics
from collections.abc import Callable, Iterator
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from chip import bfloat16_rate, name_of, synchronized
from processes import in_a_process
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader
from torch.utils.flop_counter import FlopCounterMode

from tagfinder.corpus.prepared import LabelSet, PreparedCorpus
from tagfinder.data.batches import OrderedBatches, PartDataset, ShuffledBatches, identity
from tagfinder.data.ragged import Ragged
from tagfinder.data.tokens import UNKNOWN, TokenFeatures
from tagfinder.data.word_vectors import EmbeddingTables, Scratch
from tagfinder.evaluation.metrics import ndcg
from tagfinder.evaluation.rankings import hits, top_k
from tagfinder.models.embeddings import WordEmbedding
from tagfinder.models.losses import IdfBCE
from tagfinder.models.lstm import LSTMNetwork
from tagfinder.models.neural import NeuralRecommender, multi_hot
from tagfinder.models.optimizers import Adam
from tagfinder.models.text_resnet import STAGES, TextResNet

LENGTH = 200
BATCH = 1024
# Batches before the time is taken; a GPU's libraries choose their kernels in the first ones.
WARM_UP = {"cpu": 1, "cuda": 20}
Batches = Iterator[tuple[Tensor, Tensor]]


class PaddedLSTM(nn.Module):
    """The report's LSTM: padding at the beginning, the last output."""

    def __init__(self, features: TokenFeatures, n_labels: int) -> None:
        super().__init__()
        self.embedding = WordEmbedding(features.tables, len(features.vocabulary))
        self.lstm = nn.LSTM(self.embedding.dimension, 50, batch_first=True)
        self.linear = nn.Linear(50, n_labels)

    def forward(self, tokens: Tensor) -> Tensor:
        """Map (B, 200) to (B, L)."""
        outputs, _ = self.lstm(self.embedding(tokens))
        return self.linear(functional.relu(outputs[:, -1]))


class PlainBlock(nn.Module):
    """A residual block that sees padding."""

    def __init__(self, before: int, after: int, stride: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv1d(before, after, 3, stride, padding=1, bias=False),
            nn.BatchNorm1d(after),
            nn.ReLU(),
            nn.Conv1d(after, after, 3, padding=1, bias=False),
            nn.BatchNorm1d(after),
        )
        same = stride == 1 and before == after
        self.shortcut = nn.Identity() if same else nn.Conv1d(before, after, 1, stride)

    def forward(self, inputs: Tensor) -> Tensor:
        """Map (B, C, T) to (B, C', T')."""
        return functional.relu(self.body(inputs) + self.shortcut(inputs))


class PaddedResNet(nn.Module):
    """The report's Text ResNet without masks."""

    def __init__(self, features: TokenFeatures, n_labels: int) -> None:
        super().__init__()
        self.embedding = WordEmbedding(features.tables, len(features.vocabulary))
        blocks = []
        for i, channels in enumerate(STAGES):
            blocks.append(PlainBlock(STAGES[max(i - 1, 0)], channels, 1 if i == 0 else 2))
            blocks.append(PlainBlock(channels, channels, 1))
        self.body = nn.Sequential(
            nn.Conv1d(self.embedding.dimension, STAGES[0], 7, 2, padding=3, bias=False),
            nn.BatchNorm1d(STAGES[0]),
            nn.ReLU(),
            nn.MaxPool1d(3, 2, padding=1),
            *blocks,
            nn.AdaptiveAvgPool1d(1),
            nn.Flatten(),
            nn.Dropout(0.5),
            nn.Linear(STAGES[-1], n_labels),
        )
        self.apply(start_as_xavier)

    def forward(self, tokens: Tensor) -> Tensor:
        """Map (B, 200) to (B, L)."""
        return self.body(self.embedding(tokens).transpose(1, 2))


def start_as_xavier(layer: nn.Module) -> None:
    """Initialise convolutions and linear layers as the report does."""
    if isinstance(layer, nn.Conv1d | nn.Linear):
        nn.init.xavier_uniform_(layer.weight)
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)


NETWORKS: dict[str, tuple[Callable[..., nn.Module], Callable[..., nn.Module]]] = {
    "lstm": (PaddedLSTM, LSTMNetwork),
    "text_resnet": (PaddedResNet, TextResNet),
}


class Posts:
    """Some posts of one part, for both ways, on a device."""

    def __init__(
        self, corpus: PreparedCorpus, part: Any, features: TokenFeatures, n: int, device: str
    ) -> None:
        self.device = device
        rows = corpus.part(part, ["clean", "labels", "n_hashtags"]).head(n)
        self.texts = rows["clean"].to_list()
        self.labels = Ragged.from_series(rows["labels"])
        self.dataset = PartDataset(
            features.encode(rows["clean"]), self.labels, rows["n_hashtags"].to_numpy()
        )
        self.numbers = {word: i for i, word in enumerate(features.vocabulary.words)}

    def padded(self, seed: int, *, at_the_beginning: bool, shuffle: bool = True) -> Batches:
        """Yield batches the report's way: cut and padded to 200 when the batch is asked for."""

        def collate(rows: list[int]) -> tuple[Tensor, Tensor]:
            tokens = []
            for row in rows:
                known = [self.numbers.get(word, UNKNOWN) for word in self.texts[row].split()]
                known = known[:LENGTH]
                padding = [0] * (LENGTH - len(known))
                tokens.append(padding + known if at_the_beginning else known + padding)
            labels = torch.from_numpy(self.labels.padded(np.array(rows), fill=-1))
            return torch.tensor(tokens), labels

        loader = DataLoader(
            range(len(self.texts)),  # type: ignore[arg-type]
            batch_size=BATCH,
            shuffle=shuffle,
            drop_last=shuffle,
            collate_fn=collate,
            generator=torch.Generator().manual_seed(seed),
        )
        return iter(loader)

    def bucketed(self, seed: int, epoch: int, *, pool: int, shuffle: bool = True) -> Batches:
        """Yield batches TagFinder's way."""
        lengths = self.dataset.texts.lengths
        order: Any = OrderedBatches(lengths, BATCH)
        if shuffle:
            order = ShuffledBatches(lengths, BATCH, seed, pool=pool)
            order.set_epoch(epoch)
        loader = DataLoader(self.dataset, sampler=order, batch_size=None, collate_fn=identity)
        return ((batch.inputs, batch.labels) for batch in loader)

    def batches(self, way: str, model: str, seed: int, epoch: int, shuffle: bool) -> Batches:
        """Yield batches of one of the two ways."""
        if way == "report":
            seed_of_epoch = seed * 1000 + epoch
            made = self.padded(seed_of_epoch, at_the_beginning=model == "lstm", shuffle=shuffle)
        else:
            pool = 50 if model == "lstm" else 1
            made = self.bucketed(seed, epoch, pool=pool, shuffle=shuffle)
        return ((tokens.to(self.device), labels.to(self.device)) for tokens, labels in made)


def train_epoch(
    module: NeuralRecommender, optimizer: Any, batches: Batches, *, half: bool = False
) -> int:
    """Train once over the batches, in half precision if wanted; return the number of posts."""
    module.train()
    n = 0
    for tokens, labels in batches:
        with torch.autocast(next(module.parameters()).device.type, torch.bfloat16, enabled=half):
            logits = module.logits(tokens)
            loss = module.loss(logits, multi_hot(labels, logits.shape[1]))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        n += len(labels)
    return n


@torch.no_grad()
def ndcg_at_5(module: NeuralRecommender, batches: Batches) -> float:
    """Return the mean NDCG@5 over posts with a hashtag."""
    module.eval()
    values = []
    for tokens, labels in batches:
        top, _ = top_k(module.logits(tokens), 5)
        relevant = (labels >= 0).sum(dim=1)
        values.append(ndcg(hits(top, labels), relevant, 5)[relevant > 0])
    return float(torch.cat(values).mean())


def built(
    way: str, model: str, labels: LabelSet, features: TokenFeatures, *, seed: int, device: str
) -> tuple[NeuralRecommender, Any]:
    """Return a recommender on a device, and its optimiser."""
    torch.manual_seed(seed)
    network = NETWORKS[model][0 if way == "report" else 1]
    settings = Adam(0.01)
    module = NeuralRecommender(labels, features, network=network, loss=IdfBCE, optimizer=settings)
    module.to(device)
    if way == "report":
        return module, torch.optim.Adam(module.parameters(), lr=0.01)
    return module, settings.build(module.parameters(), 1)["optimizer"]  # type: ignore[index,call-overload]


def in_half(way: str, device: str) -> bool:
    """Tell whether a way computes in bfloat16: TagFinder's on a GPU, as `trainer=gpu` does."""
    return way == "tagfinder" and device == "cuda"


def measured(way: str, model: str, folder: str, n: int, device: str) -> dict[str, float]:
    """Return tweets and FLOP per second of one epoch, and the process's peak memory."""
    corpus, features = opened(folder)
    posts = Posts(corpus, "train", features, n, device)
    module, optimizer = built(way, model, corpus.label_set, features, seed=1, device=device)
    half = in_half(way, device)
    for tokens, labels in islice(posts.batches(way, model, 1, 0, True), WARM_UP[device]):
        train_epoch(module, optimizer, iter([(tokens, labels)]), half=half)
    start = synchronized()
    trained = train_epoch(module, optimizer, posts.batches(way, model, 1, 1, True), half=half)
    seconds = synchronized() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    found = {"tweets/s": trained / seconds, "peak MiB": peak}
    if device == "cuda":
        with FlopCounterMode(display=False) as counter:
            train_epoch(module, optimizer, posts.batches(way, model, 1, 1, True), half=half)
        operations = counter.get_total_flops()
        if model == "lstm":
            operations += lstm_operations(posts.batches(way, model, 1, 1, True))
        found |= {"FLOP/s": operations / seconds, "chip FLOP/s": bfloat16_rate()}
        found["GPU MiB"] = torch.cuda.max_memory_allocated() / 2**20
    return found


def lstm_operations(batches: Batches) -> int:
    """Count the LSTM's multiplications and additions, forth and back, which torch leaves out."""
    words = sum(tokens.numel() for tokens, _ in batches)
    return 3 * 2 * words * 4 * 50 * (200 + 50)


def quality(  # noqa: PLR0917 - called in a process of its own, by position
    way: str, model: str, folder: str, n: int, device: str, epochs: int, seed: int
) -> float:
    """Return the validation part's NDCG@5 after some epochs."""
    corpus, features = opened(folder)
    posts, val = (Posts(corpus, part, features, n, device) for part in ("train", "val"))
    module, optimizer = built(way, model, corpus.label_set, features, seed=seed, device=device)
    for epoch in range(epochs):
        batches = posts.batches(way, model, seed, epoch, True)
        train_epoch(module, optimizer, batches, half=in_half(way, device))
    return ndcg_at_5(module, val.batches(way, model, seed, 0, False))


def opened(folder: str) -> tuple[PreparedCorpus, TokenFeatures]:
    """Return a corpus and its words."""
    corpus = PreparedCorpus(Path(folder))
    features = TokenFeatures(EmbeddingTables(scratch=Scratch(200)))
    features.fit(corpus)
    return corpus, features


def print_share(model: str, way: str, found: dict[str, float]) -> None:
    """Print how much of a GPU was used."""
    share = found["FLOP/s"] / found["chip FLOP/s"]
    print(
        f"{model:12} {way:10} {found['FLOP/s'] / 1e12:8.2f} TFLOP/s, {share:.2%} of the "
        f"{found['chip FLOP/s'] / 1e12:.0f} in bfloat16   {found['GPU MiB']:.0f} MiB on the GPU"
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpus")
    parser.add_argument("--posts", type=int, default=4096, help="training posts of an epoch")
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--quality", type=int, default=0, help="epochs; 0 leaves it out")
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--models", nargs="+", default=list(NETWORKS))
    arguments = parser.parse_args()
    print(f"{arguments.posts:,} posts of {arguments.corpus}, {name_of(arguments.device)}")
    given = (arguments.corpus, arguments.posts, arguments.device)
    for model in arguments.models:
        run = partial(in_a_process, measured)
        results: dict[str, list[dict[str, float]]] = {"report": [], "tagfinder": []}
        for _ in range(arguments.repeats):
            for way, found in results.items():
                found.append(run(way, model, *given))
        speeds = {w: statistics.median(r["tweets/s"] for r in rs) for w, rs in results.items()}
        for way, found in results.items():
            peak = max(result["peak MiB"] for result in found)
            print(f"{model:12} {way:10} {speeds[way]:8.0f} tweets/s   peak {peak:6.0f} MiB")
            if arguments.device == "cuda":
                print_share(model, way, max(found, key=lambda result: result["tweets/s"]))
        print(f"{model:12} ratio      {speeds['tagfinder'] / speeds['report']:8.1f}")
        if arguments.quality:
            for way in results:
                values = [
                    in_a_process(
                        quality,
                        way,
                        model,
                        *given,
                        arguments.quality,
                        seed,
                    )
                    for seed in (1, 2, 3)
                ]
                print(
                    f"{model:12} {way:10} NDCG@5 {statistics.mean(values):.4f} "
                    f"({', '.join(f'{value:.4f}' for value in values)})"
                )


if __name__ == "__main__":
    main()
