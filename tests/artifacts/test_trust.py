"""What a run of somebody else asks for is not done: no code, no resolver, no file outside of it."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from composed import configured
from hypothesis import given, settings
from hypothesis import strategies as st
from omegaconf import OmegaConf

import tagfinder
from tagfinder.artifacts.run_folder import RunFolder
from tagfinder.artifacts.trust import (
    check_targets,
    packaged_targets,
    read_saved_config,
    trusted_packages,
    trusting,
)
from tagfinder.cli import main
from tagfinder.errors import InputError
from tagfinder.runs.error_analysis import analyse_run
from tagfinder.runs.finished_runs import open_runs
from tagfinder.runs.refit import evaluate_over_time
from tagfinder.runs.rescore import evaluate

FIXTURE = Path(__file__).parents[1] / "fixtures" / "0.1.0" / "tfidf_lr"
# What was executed before configurations of runs were checked, and what else comes to mind.
CALLS: dict[str, dict[str, Any]] = {
    "touch": {"_target_": "pathlib.Path.touch", "self": "MARK"},
    "joblib": {"_target_": "joblib.load", "filename": "MARK"},
    "numpy": {"_target_": "numpy.load", "file": "MARK", "allow_pickle": True},
    "pandas": {"_target_": "pandas.read_pickle", "filepath_or_buffer": "MARK"},
    "url": {"_target_": "urllib.request.urlretrieve", "url": "file:///etc/hostname"},
    "own function": {"_target_": "tagfinder.files.write_text", "target": "MARK", "text": "x"},
    "shell": {"_target_": "os.system", "command": "touch MARK"},
    "positional": {"_target_": "os.system", "_args_": ["touch MARK"]},
    "partial": {"_target_": "os.system", "_partial_": True, "command": "touch MARK"},
    "attribute": {"_target_": "tagfinder.models.tfidf.np.fromfile", "file": "MARK"},
    "prefix": {"_target_": "tagfinder.models.tfidf.TfidfRecommender.restore"},
    "hydra": {"_target_": "hydra.utils.instantiate", "config": {"_target_": "os.system"}},
    "builtin": {"_target_": "builtins.exec", "_args_": ["open('MARK', 'w')"]},
    "no name": {"_target_": {"a": 1}},
    "relative": {"_target_": "os"},
}
ALLOWED = "tagfinder.data.features.PlainTexts"
NESTED: dict[str, Callable[[Any], Any]] = {
    "itself": lambda call: call,
    "in a list": lambda call: [call],
    "in an argument": lambda call: {
        "_target_": "tagfinder.data.features.PlainTexts",
        "column": call,
    },
    "in positional arguments": lambda call: {
        "_target_": "tagfinder.data.features.PlainTexts",
        "_args_": [{"deep": [call]}],
    },
    "not recursive": lambda call: {
        "_target_": "tagfinder.data.features.PlainTexts",
        "_recursive_": False,
        "column": call,
    },
}
BUILT = ("features", "cleaning", "model", "data", "evaluation", "trainer", "split", "sampling")


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run of an earlier version that a stranger may have changed."""
    copy = Path(shutil.copytree(FIXTURE, tmp_path / "run"))
    (copy / "features").mkdir(exist_ok=True)
    return copy


def put(run: Path, key: str, value: Any) -> None:
    file = run / "config.yaml"
    config = yaml.safe_load(file.read_text())
    config[key] = value
    file.write_text(yaml.safe_dump(config))


def aimed(call: Any, mark: Path) -> Any:
    return yaml.safe_load(yaml.safe_dump(call).replace("MARK", str(mark)))


@pytest.mark.parametrize("call", CALLS)
def test_a_configuration_that_would_run_code_is_refused(call: str, tmp_path: Path) -> None:
    for group in BUILT:
        for nest in NESTED.values():
            config = {"seed": 1, group: nest(aimed(CALLS[call], tmp_path / "mark"))}
            with pytest.raises(InputError, match="which is no part of tagfinder"):
                check_targets(config, Path("config.yaml"))


OPENERS: dict[str, Callable[[Path], Any]] = {
    "load": tagfinder.load,
    "Recommender.load": tagfinder.Recommender.load,
    "teach": lambda run: tagfinder.load(run, teach=True),
    "evaluate": lambda run: evaluate(run, "scored", "test"),
    "analyse": analyse_run,
    "refit": lambda run: evaluate_over_time(run, "live", "never"),
    "report and compare": lambda run: open_runs([run])[0].folder.config,
}


@pytest.mark.parametrize("opener", OPENERS)
def test_every_way_to_open_a_run_refuses_it(run: Path, opener: str, tmp_path: Path) -> None:
    (run / "predictions.parquet").touch()
    put(run, "features", aimed(CALLS["shell"], tmp_path / "mark"))
    with pytest.raises(InputError, match=r"asks for os\.system"):
        OPENERS[opener](run)
    assert not (tmp_path / "mark").exists()


@pytest.mark.parametrize("group", ["callbacks", "logger"])
def test_callbacks_and_loggers_of_a_saved_run_are_not_built(
    run: Path, group: str, tmp_path: Path
) -> None:
    put(run, group, {"x": aimed(CALLS["shell"], tmp_path / "mark")})
    put(run, "rejects", str(tmp_path / "overwritten"))
    config = RunFolder.open(run).config
    assert not config[group]
    assert config.rejects is None, "evaluate would write there"
    assert tagfinder.load(run).suggest("a post")


@pytest.mark.parametrize(
    "text",
    [
        "${oc.env:HOME}",
        "a${oc.env:HOME}",
        "${tagfinder_unique:}",
        "${seed}",
        "${oc.decode:1}",
        "${",
    ],
)
@pytest.mark.parametrize("place", ["seed", "model", "key"])
def test_an_interpolation_is_refused_and_never_resolved(run: Path, text: str, place: str) -> None:
    put(run, text if place == "key" else place, {"inner": [text]} if place == "model" else text)
    with pytest.raises(InputError, match="interpolation|damaged or no configuration"):
        read_saved_config(run / "config.yaml")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "no configuration"),
        ("- a", "no configuration"),
        ("a: ]", "damaged"),
        ("a: !!python/object/apply:os.system [true]", "damaged"),
        ("a: &x [1]\nb: [*x, *x]", "aliases"),
        ("a: " + "[" * 5000 + "]" * 5000, "nested too deeply"),
        ("\0", "damaged"),
    ],
)
def test_a_broken_configuration_is_one_sentence(run: Path, content: str, words: str) -> None:
    (run / "config.yaml").write_text(content)
    with pytest.raises(InputError, match=words):
        read_saved_config(run / "config.yaml")


def test_a_large_configuration_is_not_read(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "limits.yaml").write_text("max_config_bytes: 10")
    monkeypatch.setenv("TAGFINDER_LIMITS", str(tmp_path / "limits.yaml"))
    with pytest.raises(InputError, match=r"limits\.max_config_bytes allows 10"):
        read_saved_config(run / "config.yaml")


def test_every_packaged_configuration_is_allowed() -> None:
    for model in ("tfidf_lr", "fasttext", "lstm", "text_resnet", "bert", "live"):
        config = OmegaConf.to_container(configured(f"model={model}"), resolve=False)
        assert isinstance(config, dict)
        resolved = {key: value for key, value in config.items() if key not in ("hydra", "logger")}
        plain = yaml.safe_load(yaml.safe_dump(resolved).replace("${", "$("))
        check_targets(plain, Path("config.yaml"))


ELSEWHERE = {
    "a folder": {"_target_": "tagfinder.live.search.tantivy_index.TantivyIndex", "folder": "MARK"},
    "a trainer": {"_target_": "pytorch_lightning.Trainer", "default_root_dir": "MARK"},
    "files of posts": {"_target_": "tagfinder.corpus.sources.files.FileSource", "path": "MARK"},
    "an executor": {"_target_": "tagfinder.configuration.executors.local.LocalExecutor"},
}


@pytest.mark.parametrize("name", ELSEWHERE)
def test_a_part_that_is_not_of_a_recommender_is_not_built_there(
    name: str, run: Path, tmp_path: Path
) -> None:
    model = yaml.safe_load((run / "config.yaml").read_text())["model"]
    mark = tmp_path / "mark"
    put(run, "model", {**model, "text_index": aimed(ELSEWHERE[name], mark)})
    with pytest.raises(InputError, match="which is no part of tagfinder"):
        tagfinder.load(run)
    assert not mark.exists()


def test_packaged_targets_are_classes_of_ours_and_the_trainer() -> None:
    others = {name for name, _ in packaged_targets() if not name.startswith("tagfinder.")}
    assert others == {"pytorch_lightning.Trainer"}


@settings(max_examples=200)
@given(name=st.text("abcdefghijklmnopqrstuvwxyz._", min_size=1, max_size=30))
def test_no_other_name_passes(name: str) -> None:
    if name not in dict(packaged_targets()):
        with pytest.raises(InputError):
            check_targets({"model": {"_target_": name}}, Path("config.yaml"))


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A package of the user's own, with features and with what it took from elsewhere."""
    folder = tmp_path / "packages" / "mine"
    folder.mkdir(parents=True)
    (folder / "__init__.py").write_text(
        "import os\nfrom subprocess import Popen\n"
        "from tagfinder.data.features import PlainTexts\n"
        "class Texts(PlainTexts):\n    pass\n"
    )
    monkeypatch.syspath_prepend(tmp_path / "packages")
    yield "mine"
    sys.modules.pop("mine", None)


def test_a_trusted_package_may_be_named(run: Path, package: str) -> None:
    put(run, "features", {"_target_": "mine.Texts", "column": "deep_clean"})
    with pytest.raises(InputError, match="allow it by --trust PACKAGE"):
        tagfinder.load(run)
    assert tagfinder.load(run, trust=package).suggest("sold out again")
    assert tagfinder.Recommender.load(run, trust=[package]).suggest("sold out again")
    with trusting(package):
        assert RunFolder.open(run).config.features._target_ == "mine.Texts"
    assert not trusted_packages()


@pytest.mark.parametrize("target", ["mine.os.system", "mine.Popen", "mine.missing", "minestrone.X"])
def test_trust_ends_at_the_border_of_the_package(run: Path, package: str, target: str) -> None:
    put(run, "features", {"_target_": target})
    with pytest.raises(InputError, match="asks for"):
        tagfinder.load(run, trust=package)


def test_trust_on_the_command_line(
    run: Path, package: str, capfd: pytest.CaptureFixture[str]
) -> None:
    put(run, "features", {"_target_": "mine.Texts", "column": "deep_clean"})
    with pytest.raises(SystemExit) as ended:
        main(["recommend", str(run), "sold out again"])
    assert ended.value.code == 2
    with pytest.raises(SystemExit) as ended:
        main(["recommend", str(run), "--trust", package, "poshmark closet offer"])
    assert ended.value.code == 0
    assert "#" in capfd.readouterr().out
    assert not os.environ.get("TAGFINDER_TRUST")


@pytest.mark.skipif(os.name != "posix", reason="needs devices and pipes")
@pytest.mark.parametrize("kind", ["device", "pipe"])
def test_a_file_without_an_end_is_refused(kind: str, run: Path) -> None:
    labels = run / "labels.json"
    labels.unlink()
    if kind == "device":
        labels.symlink_to("/dev/zero")
    else:
        os.mkfifo(labels)
    with pytest.raises(InputError, match="labels.json is no ordinary file"):
        tagfinder.load(run)


def test_a_configuration_without_a_model_is_one_sentence(run: Path) -> None:
    put(run, "model", {"target": "misspelt"})
    with pytest.raises(InputError, match="names no model"):
        tagfinder.load(run)
