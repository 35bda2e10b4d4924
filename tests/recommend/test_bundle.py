"""A bundle recommends as its run does, and is refused if it differs from the export."""

from __future__ import annotations

import json
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import yaml
from click.testing import CliRunner
from trained import CLOSED, OVERRIDES

from tagfinder import Recommender
from tagfinder.artifacts.trust import check_targets
from tagfinder.cli import cli
from tagfinder.errors import InputError
from tagfinder.recommend.bundle import PICKLE_NAMES
from tagfinder.recommend.export import export_bundle

RunOf = Callable[[str], Path]
TEXTS = ["a tote bag in my closet", "stocks and the market", "", "Win a speaker! #giveaway"]


@pytest.fixture
def bundle(linear_run: Path, tmp_path: Path) -> Path:
    export_bundle(linear_run, tmp_path / "bundle", "mit")
    return tmp_path / "bundle"


def edit_manifest(bundle: Path, **changes: object) -> None:
    manifest = json.loads((bundle / "bundle.json").read_text()) | changes
    (bundle / "bundle.json").write_text(json.dumps(manifest))


@pytest.mark.parametrize("kind", CLOSED)
def test_a_bundle_scores_as_its_run(run_of: RunOf, kind: str, tmp_path: Path) -> None:
    run = run_of(kind)
    export_bundle(run, tmp_path / "bundle")
    moved = shutil.move(tmp_path / "bundle", tmp_path / "elsewhere")
    ours, theirs = Recommender.load(moved), Recommender.load(run)
    np.testing.assert_array_equal(ours.scores(TEXTS), theirs.scores(TEXTS))
    assert [s.hashtags for s in ours.suggest(TEXTS)] == [s.hashtags for s in theirs.suggest(TEXTS)]


def test_a_run_gives_the_same_bundle_twice(linear_run: Path, bundle: Path, tmp_path: Path) -> None:
    export_bundle(linear_run, tmp_path / "again", "mit")
    names = sorted(p.relative_to(bundle) for p in bundle.rglob("*") if p.is_file())
    assert names == sorted(
        p.relative_to(tmp_path / "again") for p in (tmp_path / "again").rglob("*") if p.is_file()
    )
    for name in names:
        assert (bundle / name).read_bytes() == (tmp_path / "again" / name).read_bytes(), name


def test_fasttext_reads_its_binary_from_the_bundle(run_of: RunOf, tmp_path: Path) -> None:
    fasttext = pytest.importorskip("fasttext")
    export_bundle(run_of("fasttext"), tmp_path / "bundle")
    model = fasttext.load_model(str(tmp_path / "bundle" / "fasttext.bin"))
    assert "__label__0" in model.get_labels()


class Malice:
    """Runs code when it is unpickled."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple:
        return Path.touch, (self.target,)


@pytest.mark.parametrize(
    "name", [f"model{suffix}" for suffix in PICKLE_NAMES] + ["features/x.json"]
)
@pytest.mark.parametrize("protocol", [0, 2, 5])
def test_a_pickle_in_a_bundle_is_refused_and_never_run(
    bundle: Path, tmp_path: Path, name: str, protocol: int
) -> None:
    (bundle / "features").mkdir(exist_ok=True)
    (bundle / name).write_bytes(pickle.dumps(Malice(tmp_path / "ran"), protocol=protocol))
    with pytest.raises(InputError, match="is a pickle or may hold one|is not part of the bundle"):
        Recommender.load(bundle)
    assert not (tmp_path / "ran").exists()


def test_a_pickle_under_another_name_is_refused(bundle: Path, tmp_path: Path) -> None:
    (bundle / "notes.txt").write_bytes(pickle.dumps(Malice(tmp_path / "ran")))
    with pytest.raises(InputError, match=r"notes\.txt is a pickle"):
        Recommender.load(bundle)


@pytest.mark.parametrize("name", ["labels.json", "model.json", "model.safetensors"])
def test_a_missing_file_is_named(bundle: Path, name: str) -> None:
    (bundle / name).unlink()
    with pytest.raises(InputError, match=f"{name} is missing"):
        Recommender.load(bundle)


@pytest.mark.parametrize("name", ["labels.json", "model.safetensors", "calibration.json"])
def test_an_altered_file_is_named(bundle: Path, name: str) -> None:
    content = bytearray((bundle / name).read_bytes())
    content[len(content) // 2] ^= 1
    (bundle / name).write_bytes(content)
    with pytest.raises(InputError, match=f"{name} was altered"):
        Recommender.load(bundle)


def test_an_unknown_format_is_refused(bundle: Path) -> None:
    edit_manifest(bundle, format=99)
    with pytest.raises(InputError, match="has format 99, this tagfinder reads 1"):
        Recommender.load(bundle)


@pytest.mark.parametrize("content", ["", "{", "[]", "null", '{"kind": "tagfinder-bundle"}'])
def test_a_broken_list_of_files_is_refused(bundle: Path, content: str) -> None:
    (bundle / "bundle.json").write_text(content)
    with pytest.raises(InputError):
        Recommender.load(bundle)


@pytest.mark.parametrize("name", ["../outside", "/etc/hostname"])
def test_a_file_outside_of_the_bundle_is_refused(bundle: Path, name: str) -> None:
    files = json.loads((bundle / "bundle.json").read_text())["files"]
    edit_manifest(bundle, files=files | {name: "0"})
    with pytest.raises(InputError, match="outside the bundle"):
        Recommender.load(bundle)


@pytest.mark.parametrize(
    "target",
    [
        "os.system",
        "subprocess.Popen",
        "tagfinder.files.shutil.rmtree",
        "tagfinder.models.fasttext._write_training_file",
        "tagfinder.data.encoder.copy_encoder",
        "tagfinder.models.base.Path.unlink",
    ],
)
def test_a_configuration_that_would_run_other_code_is_refused(bundle: Path, target: str) -> None:
    config = json.loads((bundle / "bundle.json").read_text())["config"]
    config["cleaning"]["first"].append({"_target_": target, "args": "x"})
    edit_manifest(bundle, config=config)
    with pytest.raises(InputError, match="which is no part of tagfinder"):
        Recommender.load(bundle)


@pytest.mark.parametrize("kind", OVERRIDES)
def test_every_recommender_passes_the_check_of_its_configuration(run_of: RunOf, kind: str) -> None:
    from tagfinder.recommend.saved import read_run

    check_targets(read_run(run_of(kind)).config, Path("bundle.json"))


def test_the_card_can_be_edited_and_a_repository_may_add_files(bundle: Path) -> None:
    (bundle / "README.md").write_text("mine")
    (bundle / ".gitattributes").write_text("*.bin filter=lfs")
    assert Recommender.load(bundle).suggest(TEXTS)


def test_the_card_says_what_it_is_made_of(bundle: Path, linear_run: Path) -> None:
    card = (bundle / "README.md").read_text()
    front = yaml.safe_load(card.split("---")[1])
    metrics = json.loads((linear_run / "metrics.json").read_text())
    corpus = json.loads((linear_run / "run.json").read_text())["corpus"]
    assert front["license"] == "mit"
    values = {m["type"]: m["value"] for m in front["model-index"][0]["results"][0]["metrics"]}
    assert values["ndcg@5"] == pytest.approx(metrics["test"]["ndcg@5"], abs=1e-4)
    assert corpus["digest"] in card
    assert "Protocol `report`. Optimistic" in card
    assert f"{metrics['test']['ndcg@5']:.4f} (" in card, "a score with its interval"
    assert "most frequent hashtags" in card
    assert "Expected calibration error" in card
    assert "50 hashtags of the" in card
    assert str(linear_run) not in card


@pytest.mark.parametrize(
    ("given", "license_keys"),
    [
        ("CC-BY-4.0", {"license": "cc-by-4.0"}),
        ("openrail++", {"license": "openrail++"}),
        # Not one of the Hub's.
        ("gpl-3.0-OR-LATER", {"license": "other", "license_name": "gpl-3.0-or-later"}),
        (None, {"license": "unknown"}),
    ],
)
def test_a_licence_of_spdx_or_the_hub_is_stated_as_the_hub_wants_it(
    given: str | None, license_keys: dict[str, str], linear_run: Path, tmp_path: Path
) -> None:
    export_bundle(linear_run, tmp_path / "bundle", given)
    front = yaml.safe_load((tmp_path / "bundle/README.md").read_text().split("---")[1])
    assert {key: value for key, value in front.items() if "license" in key} == license_keys


@pytest.mark.parametrize(("given", "nearest"), [("mitt", "mit"), ("Apache 2", "apache-2.0")])
def test_an_unknown_licence_is_refused_with_the_nearest_one(
    given: str, nearest: str, linear_run: Path, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=f"--license {given} is no .* nearest one is {nearest}$"):
        export_bundle(linear_run, tmp_path / "bundle", given)
    assert not (tmp_path / "bundle").exists()


def test_the_baseline_of_the_card_is_the_random_recommender(run_of: RunOf, tmp_path: Path) -> None:
    export_bundle(run_of("random"), tmp_path / "bundle")
    metrics = json.loads((run_of("random") / "metrics.json").read_text())
    rows = [r for r in (tmp_path / "bundle" / "README.md").read_text().splitlines() if "| " in r]
    baseline = next(row for row in rows if "most frequent" in row)
    assert f"{metrics['test']['ndcg@5']:.4f}" in baseline


def test_export_prints_the_folder_and_never_replaces_one(linear_run: Path, tmp_path: Path) -> None:
    arguments = ["export", str(linear_run), str(tmp_path / "bundle")]
    assert CliRunner().invoke(cli, arguments).stdout.strip() == str(tmp_path / "bundle")
    again = CliRunner().invoke(cli, arguments)
    assert isinstance(again.exception, InputError)
    assert "is there already" in str(again.exception)


def test_no_local_path_goes_into_a_bundle(run_of: RunOf, tmp_path: Path) -> None:
    export_bundle(run_of("bert"), tmp_path / "bundle")
    for name in ("bundle.json", "README.md"):
        assert "/tmp" not in (tmp_path / "bundle" / name).read_text()
