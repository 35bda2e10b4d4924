"""The model card of a bundle, as a Hugging Face Hub repository shows it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from tagfinder.artifacts.run_folder import RunFolder
from tagfinder.escaping import for_markdown
from tagfinder.evaluation.calibration import verdict
from tagfinder.files import digest_of, read_json
from tagfinder.recommend.card_scores import scores_with_baseline, share_of_hashtags
from tagfinder.recommend.licence import licence_of_card
from tagfinder.recommend.saved import Saved

PROTOCOLS = {
    "report": "Optimistic: the hashtags to be predicted may stand in the text as words, copies of "
    "a post may be in several parts, the label set is chosen from all posts, and posts without "
    "one of its hashtags are not scored. It compares with other scores of this protocol only.",
    "honest": "No hashtag is left in the text, older posts train and newer ones test, "
    "near-duplicates are kept together, and the label set is chosen from the training part.",
}


def model_card(saved: Saved, run: Path, metrics: dict[str, Any], license_name: str | None) -> str:
    """Return the card as Markdown with YAML front matter."""
    corpus = corpus_manifest(run)
    folder = RunFolder(run)
    predictions = folder.checked(folder.predictions_file)
    scores = scores_with_baseline(predictions, saved.label_set)
    sections = [
        front_matter(saved, scores, license_name),
        introduction(saved),
        data_section(corpus, metrics),
        score_section(metrics, scores),
        calibration_section(run),
        label_section(saved, corpus, share_of_hashtags(predictions)),
        limits_section(license_name),
    ]
    return "\n\n".join(section.strip() for section in sections if section) + "\n"


def corpus_manifest(run: Path) -> dict[str, Any]:
    """Return the manifest of the corpus that a run was trained on, if it is still there."""
    corpus = RunFolder(run).facts["corpus"]
    file = Path(corpus["folder"]) / "manifest.json"
    return {"digest": corpus["digest"], "name": corpus["name"]} | (
        read_json(file) if file.is_file() else {}
    )


def front_matter(saved: Saved, scores: dict[str, Any], license_name: str | None) -> str:
    """Return the metadata that the Hub reads."""
    corpus = str(saved.facts.get("corpus", "unknown"))
    measured = [
        {"type": name, "value": round(value, 4)} for name, (value, _) in scores["model"].items()
    ]
    task = {"type": "text-classification", "name": "hashtag recommendation"}
    values = {
        **licence_of_card(license_name),
        "library_name": "tagfinder",
        "pipeline_tag": "text-classification",
        "tags": ["hashtag-recommendation", "multi-label-classification"],
        "model-index": [
            {
                "name": saved.name,
                "results": [
                    {
                        "task": task,
                        "dataset": {"name": corpus, "type": corpus},
                        "metrics": measured,
                    }
                ],
            }
        ],
    }
    return f"---\n{yaml.safe_dump(values, sort_keys=False, allow_unicode=True)}---"


def introduction(saved: Saved) -> str:
    """Write what the model is and how to use it."""
    model = for_markdown(str(saved.facts.get("model", "a recommender")))
    return f"""# {for_markdown(saved.name)}

Suggests hashtags for a short post: {model} over
{len(saved.label_set)} hashtags, trained with TagFinder. All files are plain data (JSON,
safetensors, fastText's binary); `bundle.json` lists them with their SHA-256.

```python
from tagfinder import Recommender

recommender = Recommender.load("path/to/this/folder")
recommender.suggest(["New in my closet: a tote bag"], k=5)
```"""


def data_section(corpus: dict[str, Any], metrics: dict[str, Any]) -> str:
    """Write the training data."""
    rows = metrics["rows"]
    split = corpus.get("config", {}).get("split", {})
    how = ", ".join(f"{key} {split[key]}" for key in ("order", "group", "seed") if key in split)
    lines = [
        "## Data\n",
        f"* Corpus {for_markdown(str(corpus['name']))}, digest `{corpus['digest']}`, manifest "
        f"digest `{digest_of(corpus)}`.",
        f"* Posts: {rows['train']:,} to train, {rows['val']:,} to validate, {rows['test']:,} to "
        "test.",
        f"* Split: {how}." if split else "",
        f"* Protocol `{metrics['protocol']}`. {PROTOCOLS.get(metrics['protocol'], '')}".rstrip(),
    ]
    return "\n".join(line for line in lines if line)


def score_section(metrics: dict[str, Any], scores: dict[str, Any]) -> str:
    """Show the scores of the test part with their intervals, and the baseline's."""
    names = list(scores["model"])
    rows = {
        for_markdown(metrics["model"]): scores["model"],
        "most frequent hashtags": scores["baseline"],
    }
    table = [f"| test | {' | '.join(names)} |", f"|---|{'---|' * len(names)}"]
    for title, values in rows.items():
        table.append(f"| {title} | {' | '.join(_cell(*values[name]) for name in names)} |")
    return "\n".join(
        [
            "## Scores",
            "",
            *table,
            "",
            f"Means over {metrics['test']['n']:,} test posts, with 95 % intervals over 50 "
            "systematic samples if there are enough posts. Gains are binary, a miss counts as "
            "0, ideal values are those of min(k, true hashtags). The second row reads no text.",
        ]
    )


def calibration_section(run: Path) -> str:
    """Say how far probabilities can be trusted."""
    file = run / "calibration.json"
    if not file.is_file():
        return "## Probabilities\n\nThe probabilities are the scores themselves, not calibrated."
    stored = read_json(file)
    if "test" not in stored:
        return "## Probabilities\n\nFitted by version 0.1.0 over all pairs of post and hashtag."
    bins = [
        f"| {one['promised']:.0%} | {one['kept']:.0%} | {one['suggestions']:,} |"
        for one in stored["test"]["bins"]
    ]
    return "\n".join(
        [
            "## Probabilities\n",
            "Score and rank of a suggestion become a probability by an increasing curve (beta "
            "calibration), fitted on the first suggestions of the validation posts. "
            f"{verdict(stored)} The scores themselves have {stored['test_before']['ece']:.3f}.\n",
            "| promised | right on the test part | suggestions |",
            "|---|---|---|",
            *bins,
        ]
    )


def label_section(saved: Saved, corpus: dict[str, Any], share: float) -> str:
    """List the hashtags and say what share of all hashtags they are."""
    distinct = corpus.get("distinct_hashtags")
    of_all = f" of the {distinct:,} different ones in the corpus" if distinct else ""
    hashtags = " ".join(
        f"#{for_markdown(spelling)}" for spelling in saved.label_set.spellings[:200]
    )
    more = " …" if len(saved.label_set) > 200 else ""
    return (
        "## Hashtags\n\n"
        f"{len(saved.label_set)} hashtags{of_all}; they are {share:.0%} of the hashtags that the "
        f"test posts carry.\n\n{hashtags}{more}"
    )


def limits_section(license_name: str | None) -> str:
    """Write the limits."""
    stated = (
        for_markdown(license_name or "")
        or "not stated by who exported it; ask before you use it further"
    )
    return f"""## Limits

* It suggests none but the hashtags above; it does not know hashtags that appeared
  after its data were collected.
* It learned from what people wrote: it repeats their habits and their prejudices, and it may
  suggest hashtags that are offensive or do not fit.
* It reads English posts of up to a few dozen words. For a text without a known word it says so.
* It does not judge whether a post is true, and should not decide about people.

## Licence

{stated}."""


def _cell(value: float | None, interval: tuple[float, float] | None) -> str:
    if value is None:
        return ""
    between = f" ({interval[0]:.3f} to {interval[1]:.3f})" if interval else ""
    return f"{value:.4f}{between}"
