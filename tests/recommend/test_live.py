"""Suggestions from a run that keeps learning: taught, asked, killed, made to forget."""

from __future__ import annotations

import contextlib
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import torch
from click.testing import CliRunner
from omegaconf import OmegaConf
from safetensors.numpy import load_file, save_file
from trained import OVERRIDES

import tagfinder
from tagfinder.cli import main
from tagfinder.commands.evaluate import command as evaluate
from tagfinder.corpus.schema import RAW_SCHEMA
from tagfinder.errors import InputError
from tagfinder.live.classify.classifier import Classifier
from tagfinder.live.classify.classifiers import load_classifiers
from tagfinder.live.ranking.ranker import Ranker
from tagfinder.models.base import EXTRA_STATE
from tagfinder.models.live import FORMAT
from tagfinder.recommend.live import LiveSuggester

pytest.importorskip("tantivy", reason="needs tantivy")
pytest.importorskip("lightgbm", reason="needs lightgbm")


@pytest.fixture
def live_run(run_of: Callable[[str], Path], tmp_path: Path) -> Path:
    """A copy of a small live run, to be taught."""
    return Path(shutil.copytree(run_of("live"), tmp_path / "live"))


def posts(*texts: str, day: int = 1) -> pl.DataFrame:
    rows = [
        {
            "id": f"new-{day}-{number}",
            "created_at": datetime(2030, 1, day, number % 24, tzinfo=UTC),
            "text": text,
            "entity_name": "ann",
        }
        for number, text in enumerate(texts)
    ]
    return pl.DataFrame(rows, schema=RAW_SCHEMA)


def hashtags(run: Path | LiveSuggester, text: str, **settings: object) -> list[str]:
    suggester = tagfinder.load(run) if isinstance(run, Path) else run
    [suggested] = suggester.suggest(text, 5, **settings)  # type: ignore[arg-type]
    return [one.hashtag for one in suggested.hashtags]


def test_a_run_scores_every_post_with_and_without_authors(live_run: Path) -> None:
    metrics = json.loads((live_run / "metrics.json").read_text())
    assert metrics["protocol"] == "live"
    assert metrics["model_bytes"] > 1000
    assert metrics["test"]["coverage"] == 1.0
    assert metrics["test"]["open_n"] == metrics["rows"]["test"]
    assert 0 < metrics["test_without_author"]["ndcg@5"] <= 1
    hidden = json.loads((live_run / "without_author/slices.json").read_text())
    overall = {one["metric"]: one for one in hidden["scores"] if one["dimension"] == "all"}
    assert 0 < overall["ndcg@5"]["low"] <= overall["ndcg@5"]["mean"] <= overall["ndcg@5"]["high"]
    without = metrics["test_without_author"]["open_ndcg@5"]
    assert overall["ndcg@5"]["mean"] == pytest.approx(without, abs=1e-6)
    predictions = pl.read_parquet(live_run / "predictions.parquet")
    assert len(predictions) == metrics["rows"]["test"]


def test_a_run_stopped_after_training_resumes_without_training(
    live_run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = json.loads((live_run / "metrics.json").read_text())
    (live_run / "metrics.json").unlink()
    shutil.rmtree(live_run / "knowledge")
    monkeypatch.setattr(Ranker, "learn", None)
    options = [*OVERRIDES["live"], "model=live", "data.rows=500"]
    with contextlib.suppress(SystemExit):
        main(["train", *options, f"run_dir={live_run}", "resume=auto"])
    again = json.loads((live_run / "metrics.json").read_text())
    for scores in ("val", "test", "test_without_author"):
        assert again[scores] == whole[scores]
    assert hashtags(live_run, "what a day")


def test_a_ranker_of_another_version_is_refused(
    live_run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tagfinder.models.live.column_names", lambda sources: ["words_sum", "new"])
    with pytest.raises(InputError, match="train it again"):
        tagfinder.load(live_run)


def test_a_run_with_an_older_state_is_refused(live_run: Path) -> None:
    suggester = tagfinder.load(live_run)
    with pytest.raises(InputError, match="train it again"):
        suggester._module.restore_state({EXTRA_STATE: {"rankers": {}, "format": FORMAT - 1}})


def test_a_run_that_lacks_a_setting_is_refused(live_run: Path) -> None:
    config = OmegaConf.load(live_run / "config.yaml")
    del config.model.ranker.unknown_author_min_posts
    save_config(config, live_run)
    with pytest.raises(InputError, match=r"model: .*unknown_author_min_posts.* must be trained"):
        tagfinder.load(live_run)


@pytest.mark.parametrize("part", ["val", "test"])
def test_a_run_is_scored_again_without_learning_and_comes_out_the_same(
    live_run: Path, monkeypatch: pytest.MonkeyPatch, part: str
) -> None:
    monkeypatch.setattr(Ranker, "learn", None)
    learn, began_with = Classifier.learn, []

    def watched(*arguments: Any) -> Classifier:
        began_with.append(arguments[3])
        return learn(*arguments)

    monkeypatch.setattr(Classifier, "learn", watched)
    arguments = [str(live_run), "--part", part, "--no-errors", "--json"]
    result = CliRunner().invoke(evaluate, arguments, catch_exceptions=False)
    again = json.loads(result.stdout.splitlines()[-1])
    whole = json.loads((live_run / "metrics.json").read_text())[part]
    for name in ("ndcg@5", "hit_rate@5", "open_ndcg@5"):
        assert again[name] == pytest.approx(whole[name], abs=1e-9)
    # The classifiers continue from their state before the part.
    assert began_with
    assert None not in began_with


@pytest.fixture
def _west_of_greenwich(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A machine whose clock shows another day than UTC at midnight."""
    monkeypatch.setenv("TZ", "PST8")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.usefixtures("_west_of_greenwich")
def test_a_new_hashtag_is_suggested_as_soon_as_it_was_taught(live_run: Path) -> None:
    suggester = tagfinder.load(live_run, teach=True)
    text = "the comet over the harbour tonight"
    assert "CometNight" not in hashtags(suggester, text)
    done = suggester.teach(posts(*["Look at the comet over the harbour #CometNight"] * 6))
    assert (done.taught, done.known) == (6, 0)
    assert "CometNight" in hashtags(suggester, text)
    [best, *_] = suggester.witnesses(text, "cometnight")
    assert (best.day, best.author) == ("2030-01-01", "ann")
    assert best.similarity == 1.0
    # A moment without a zone is UTC.
    one, other = (
        suggester.suggest(text, moment=datetime(2030, 1, 2, 3, tzinfo=zone)) for zone in (UTC, None)
    )
    assert one == other
    assert "#" not in best.text
    suggester.close()
    assert "CometNight" in hashtags(live_run, text)


READY = """
import sys
import tagfinder

suggester = tagfinder.load(sys.argv[1])
suggester.get_ready()

def compiled():
    return sum(
        len(loops.nopython_signatures)
        for name, module in list(sys.modules.items())
        if name.startswith("tagfinder.live")
        for loops in vars(module).values()
        if hasattr(loops, "nopython_signatures")
    )

before = compiled()
text = "the river is over its banks"
authors = suggester.durable.knowledge.statistics.authors.names
suggester.suggest(text, author=authors[-1])
suggester.suggest(text)
print(before, compiled())
"""


def test_after_get_ready_no_suggestion_compiles(live_run: Path) -> None:
    command = [sys.executable, "-c", READY, str(live_run)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    before, after = map(int, done.stdout.split())
    assert before == after
    assert before > 20


@pytest.mark.parametrize("uses_classifier", [True, False])
def test_only_a_run_with_the_classifier_source_trains_classifiers(
    live_run: Path, uses_classifier: bool
) -> None:
    if not uses_classifier:
        config = OmegaConf.load(live_run / "config.yaml")
        config.model.sources.remove("classifier")
        save_config(config, live_run)
        without_rankers(live_run)
    suggester = tagfinder.load(live_run, teach=True)
    suggester.teach(posts("rain again #rain"))
    assert suggester.train_classifiers() == uses_classifier
    suggester.close()


def save_config(config: Any, run: Path) -> None:
    """Change a run's configuration on purpose, without the list of its files' digests."""
    OmegaConf.save(config, run / "config.yaml")
    (run / "files.json").unlink(missing_ok=True)


def without_rankers(run: Path) -> None:
    """Remove a run's rankers: they read columns of certain sources."""
    shutil.rmtree(run / "model")
    file = run / "checkpoints" / "last.ckpt"
    checkpoint = torch.load(file, weights_only=True)
    for name in ("rankers", "judges"):
        del checkpoint["state_dict"]["_extra_state"][name]
    for file in (run / "checkpoints").glob("*.ckpt"):
        torch.save(checkpoint, file)


def test_posts_of_unknown_author_are_calibrated_on_rankers_of_the_kinds_that_answer(
    live_run: Path,
) -> None:
    checkpoint = torch.load(live_run / "checkpoints" / "last.ckpt", weights_only=True)
    rankers = checkpoint["state_dict"]["_extra_state"]
    assert len(rankers["judges"]["apart"]) == len(rankers["rankers"]["apart"]) == 2


def test_posts_of_unknown_author_have_a_curve_of_their_own(live_run: Path) -> None:
    calibration = json.loads((live_run / "calibration.json").read_text())
    assert calibration["without_author"]["val"]["suggestions"] > 0
    calibration["without_author"]["c"] = -30.0
    (live_run / "calibration.json").write_text(json.dumps(calibration))
    (live_run / "files.json").unlink()
    suggester = tagfinder.load(live_run)
    author = suggester.durable.knowledge.statistics.authors.names[0]  # type: ignore[union-attr]
    [known] = suggester.suggest("rain and wind", author=author)  # type: ignore[call-arg]
    [unknown] = suggester.suggest("rain and wind")
    assert max(one.probability for one in known.hashtags) > 1e-3
    assert max(one.probability for one in unknown.hashtags) < 1e-6


def test_a_run_with_damaged_trees_is_refused(live_run: Path) -> None:
    file = live_run / "model" / "model.safetensors"
    arrays = load_file(file)
    name = next(name for name in arrays if name.endswith("children"))
    arrays[name][:] = 2**31
    save_file(arrays, file)
    (live_run / "files.json").unlink()
    with pytest.raises(InputError, match="rankers of this run are damaged"):
        tagfinder.load(live_run)


def test_known_posts_are_not_taught_twice(live_run: Path) -> None:
    suggester = tagfinder.load(live_run, teach=True)
    some = posts("rain again #rain", "no hashtag here")
    assert suggester.teach(some).taught == 1
    again = suggester.teach(some)
    assert (again.taught, again.known) == (0, 1)
    suggester.close()


def test_forgotten_posts_are_gone(live_run: Path) -> None:
    suggester = tagfinder.load(live_run, teach=True)
    before = suggester.n_posts
    suggester.teach(posts(*["The comet over the harbour #CometNight"] * 3))
    assert suggester.forget([f"new-1-{number}" for number in range(3)]) == 3
    assert suggester.n_posts == before
    assert "CometNight" not in hashtags(suggester, "the comet over the harbour")
    suggester.close()
    assert "CometNight" not in hashtags(live_run, "the comet over the harbour")


def test_typed_hashtags_are_repeated_only_on_request(live_run: Path) -> None:
    suggester = tagfinder.load(live_run, teach=True)
    suggester.teach(posts(*["The comet over the harbour #CometNight #Sky"] * 4))
    typed = "the comet over the harbour #cometnight"
    assert "CometNight" not in hashtags(suggester, typed)
    assert "Sky" in hashtags(suggester, typed)
    assert "CometNight" in hashtags(suggester, typed, repeat=True)
    suggester.close()


def test_two_may_teach_and_each_suggests_what_the_other_was_taught(live_run: Path) -> None:
    one, other = (tagfinder.load(live_run, teach=True) for _ in range(2))
    assert isinstance(one, LiveSuggester)
    assert isinstance(other, LiveSuggester)
    other.teach(posts(*["Look at the comet over the harbour #CometNight"] * 6))
    one.durable.follow()
    assert "CometNight" in hashtags(one, "the comet over the harbour tonight")
    other.close()
    one.close()


def test_a_closed_run_cannot_be_taught(linear_run: Path) -> None:
    with pytest.raises(InputError, match="closed set of hashtags"):
        tagfinder.load(linear_run, teach=True)


def test_update_teaches_from_files_and_forgets(
    live_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    suggester = tagfinder.load(live_run, teach=True)
    n_before = suggester.n_posts
    suggester.close()
    file = tmp_path / "posts.parquet"
    posts(*["The comet over the harbour #CometNight"] * 4, "nothing").write_parquet(file)
    with pytest.raises(SystemExit) as ended:
        main(["update", str(live_run), str(file)])
    assert ended.value.code == 0
    said = capsys.readouterr().out
    assert "4 posts taught" in said
    assert "the classifiers were trained again" in said
    assert "CometNight" in hashtags(live_run, "a comet over the harbour")
    with pytest.raises(SystemExit) as ended:
        main(["update", str(live_run), "--before", "2029-12-31"])
    assert ended.value.code == 0
    assert "4 known" in capsys.readouterr().out
    _, deletions = load_classifiers(live_run / "knowledge" / "classifiers.npz")
    assert deletions == n_before  # they were learned after the last of them


def test_recommend_says_hashtags_of_a_live_run_as_json(
    live_run: Path, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["recommend", str(live_run), "rain and wind", "--json", "--author", "nobody"])
    assert ended.value.code == 0
    [line] = capsysbinary.readouterr().out.splitlines()
    assert json.loads(line)["hashtags"]


def test_a_live_run_is_not_exported_without_its_posts(live_run: Path, tmp_path: Path) -> None:
    from tagfinder.recommend.export import export_bundle

    with pytest.raises(InputError, match="which a bundle does not hold"):
        export_bundle(live_run, tmp_path / "bundle")
    assert not (tmp_path / "bundle").exists()
