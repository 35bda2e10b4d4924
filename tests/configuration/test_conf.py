"""Every option of every config group composes and can be built."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from composed import configured, prepared
from omegaconf import OmegaConf

from tagfinder.configuration.build import build, plain
from tagfinder.errors import InputError
from tagfinder.paths import conf_dir

# Files of commands that are no Hydra applications; their own tests read them.
OTHERS = {"collect", "limits", "serve", "sweep"}
OPTIONS = sorted(
    (file.parent.relative_to(conf_dir()).as_posix(), file.stem)
    for file in conf_dir().rglob("*.yaml")
    if file.parent != conf_dir() and file.parent.name not in OTHERS
)
NEEDED_BESIDE = {
    "encoder": ["model=bert"],
    "embedding": ["model=lstm"],
    "loss": ["model=lstm"],
    "size": ["model=live"],
    "text_index": ["model=live"],
}
NEEDED_BESIDE["optimizer"] = ["model=lstm"]
# Keys of Hydra's own, whose meaning is the same in every file.
STRUCTURE = {"_target_", "_partial_", "_convert_", "defaults"}
VECTORS = "the 0.1 0.2\nand 0.3 0.4\n"
TARGETS = ("tagfinder.", "torch.optim.", "pytorch_lightning.", "hydra_plugins.")


def composed(group: str, option: str) -> Any:
    if group == "data":
        return configured(f"data={option}")
    return configured(*NEEDED_BESIDE.get(group, []), f"{group}={option}", "data.rows=1500")


@pytest.mark.parametrize(("group", "option"), OPTIONS)
def test_each_option_composes_and_its_keys_are_explained(group: str, option: str) -> None:
    composed(group, option)
    keys = commented_keys((conf_dir() / group / f"{option}.yaml").read_text(), group)
    assert [key for key in keys if key not in explained_keys()] == []


@cache
def explained_keys() -> set[str]:
    """Return the dotted keys that a comment explains in any file."""
    return {
        key
        for file in conf_dir().rglob("*.yaml")
        for key, comment in commented_keys(
            file.read_text(), file.parent.relative_to(conf_dir()).as_posix()
        ).items()
        if comment
    }


def commented_keys(text: str, group: str) -> dict[str, bool]:
    """Return each dotted key with a value of its own, and whether a comment above explains it."""
    found, parents, comment = {}, [], False
    globally = text.startswith("# @package _global_") or group == "."
    for line in text.splitlines():
        content = line.strip()
        if not content or content.startswith("#"):
            comment = content.startswith("# ") and not content.startswith("# @package")
            continue
        key, _, value = content.partition(":")
        indent = len(line) - len(line.lstrip())
        parents = [(depth, name) for depth, name in parents if depth < indent]
        path = [*([] if globally else [group]), *(name for _, name in parents), key]
        parents.append((indent, key))
        refers = value.strip().startswith(("${", '"${'))
        if value.strip() and not refers and not content.startswith("-") and key not in STRUCTURE:
            found[".".join(path)] = comment
        comment = False
    return found


def test_a_key_without_a_comment_is_found() -> None:
    text = "# @package _global_\nsize: 3\nmodel:\n  # Ranks. Whole number.\n  k: 2\n  _target_: a.B"
    assert commented_keys(text, "model") == {"size": False, "model.k": True}


@pytest.mark.parametrize(("group", "option"), OPTIONS)
def test_targets_stay_within_the_project_and_its_frameworks(group: str, option: str) -> None:
    def targets(value: Any) -> list[str]:
        if isinstance(value, list):
            return [target for item in value for target in targets(item)]
        if not isinstance(value, dict):
            return []
        inner = [target for item in value.values() for target in targets(item)]
        return [*([value["_target_"]] if "_target_" in value else []), *inner]

    content = yaml.safe_load((conf_dir() / group / f"{option}.yaml").read_text())
    assert all(target.startswith(TARGETS) for target in targets(content))


def simple(group: str) -> list[tuple[str, str]]:
    return [pair for pair in OPTIONS if pair[0] == group]


@pytest.mark.parametrize(
    ("group", "option"),
    [
        p
        for g in ("data", "cleaning", "hashtags", "selection", "split", "sampling")
        for p in simple(g)
    ],
)
def test_each_step_of_a_corpus_can_be_built(group: str, option: str, tmp_path: Path) -> None:
    config = composed(group, option)[group]
    if (group, option) == ("data", "files"):
        config.path = str(tmp_path / "posts.csv")
        Path(config.path).write_text("text\nhello #world\n")
    build(config)


@pytest.mark.parametrize(("group", "option"), simple("evaluation"))
def test_each_evaluation_can_be_built(group: str, option: str) -> None:
    build(composed(group, option)[group], run_dir=None)


@pytest.mark.parametrize(("group", "option"), simple("trainer"))
def test_each_trainer_can_be_built_where_its_device_is(group: str, option: str) -> None:
    config = composed(group, option)[group]
    if config.accelerator == "gpu" and not torch.cuda.is_available():
        pytest.skip("no GPU here")
    build(config, logger=False)


@pytest.mark.parametrize(
    ("group", "option"), [p for g in ("model", "embedding", "encoder", "loss") for p in simple(g)]
)
def test_each_recommender_scores_posts_of_a_small_corpus(
    group: str, option: str, tmp_path: Path
) -> None:
    vectors = tmp_path / "vectors.txt"
    vectors.write_text(VECTORS)
    config = composed(group, option)
    if OmegaConf.select(config, "embedding.glove"):
        config.embedding.glove.path = str(vectors)
    corpus = prepared("data.rows=1500")
    try:
        features = build(config.features)
        features.fit(corpus)
        model = build(config.model)(label_set=corpus.label_set, features=features)
    except InputError as error:
        if "hub" in str(error):
            pytest.skip(f"needs the hub: {error}")
        raise
    if not hasattr(model, "logits"):
        return  # fitted and scored in tests/test_train.py
    texts = features.encode(corpus.part("test", [features.column])[features.column].head(4))
    scores = model.score(texts.take(np.arange(4)))
    assert scores.shape == (4, len(corpus.label_set))
    assert ((scores >= 0) & (scores <= 1)).all()


def test_the_default_configuration_is_plain_data() -> None:
    config = configured()
    groups = {group for group, _ in OPTIONS} & set(config) - {"logger"}
    for group in groups:
        assert yaml.safe_load(yaml.safe_dump(plain(config[group]))) == plain(config[group])
