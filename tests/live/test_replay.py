"""A query sees only posts that are older than the delay."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

import numpy as np
import pytest

from tagfinder.errors import WorkError
from tagfinder.live.classify.classifier import NO_OUTPUT, ClassifierSettings
from tagfinder.live.features.query import Query
from tagfinder.live.features.table import SOURCES, candidate_features, column_names
from tagfinder.live.knowledge import Knowledge
from tagfinder.live.post import NO_AUTHOR, Post
from tagfinder.live.ranking.dataset import RankingDataset
from tagfinder.live.ranking.ensemble import RankerEnsemble
from tagfinder.live.ranking.ranker import Ranker, RankerSettings
from tagfinder.live.replay import Replay

pytest.importorskip("tantivy", reason="needs tantivy")
pytest.importorskip("lightgbm", reason="needs lightgbm")

from tagfinder.live.search.tantivy_index import TantivyIndex
from tagfinder.live.search.vector_index import VectorIndex

HOUR = 1 / 24


def post(day: float, text: str, *hashtags: str, author: str | None = "ann") -> Post:
    return Post(f"{day}", day, author, text, hashtags)


def replay(posts: list[Post], delay: float = 1.0) -> Replay:
    return Replay(Knowledge(TantivyIndex()), posts, delay)


CLASSIFIER = ClassifierSettings(1, 30, 2, 8, 2, 1, 0.05)


THOROUGH = replace(CLASSIFIER, epochs=40, learning_rate=0.1)


def classified(
    posts: list[Post],
    state: dict[str, Any] | None = None,
    settings: ClassifierSettings = CLASSIFIER,
) -> Replay:
    knowledge = Knowledge(TantivyIndex(), classifier=asdict(settings))
    return Replay(knowledge, posts, 1.0, classifiers=state)


def suggested(replayed: Replay, position: int) -> set[str]:
    asked = replayed.query(position, SOURCES)
    names = replayed.knowledge.statistics.hashtags.names
    return {names[hashtag] for hashtag in asked.candidates.hashtags}


def test_posts_younger_than_the_delay_give_no_candidates() -> None:
    posts = [post(100 + hour * HOUR, "storm over the bay", f"tag{hour}") for hour in range(72)]
    replayed = replay(posts)
    for position in range(72):
        known = suggested(replayed, position)
        assert known == {f"tag{hour}" for hour in range(72) if hour * HOUR < position * HOUR - 1}


def test_association_features_equal_counts_by_hand() -> None:
    posts = [
        post(100.0, "storm bay", "weather"),
        post(100.1, "storm", "weather"),
        post(100.2, "vote bay", "politics"),
        post(100.3, "vote", "politics"),
        post(102.0, "storm unheard"),
    ]
    asked = replay(posts).query(4, SOURCES)
    columns = column_names(SOURCES)
    found = {
        name: asked.candidates.features[:, columns.index(name)]
        for name in ("together", "information_1", "information_2", "rate_1", "known_together")
    }
    # Of 4 posts 2 have "storm", so that (2 + 0.5) / (4 + 1) = 1/2 is expected; #weather has it in
    # both of its 2 posts, #politics in none, each with 2 posts made up. "unheard" says nothing.
    weather, politics = np.log(3 / 4 / 0.5), np.log(1 / 4 / 0.5)
    np.testing.assert_allclose(found["together"], [weather, politics], rtol=1e-6)
    np.testing.assert_allclose(found["information_1"], [weather, politics], rtol=1e-6)
    assert found["information_2"].tolist() == [0, 0]
    assert found["rate_1"].tolist() == [0.5, 0]
    assert found["known_together"].tolist() == [1, 0]


def test_hiding_the_author_equals_a_query_without_author() -> None:
    posts = [
        post(100 + n / 4, "storm over the bay", f"tag{n % 3}", author=("ann", "bob", "eve")[n % 3])
        for n in range(60)
    ]
    replayed = classified(posts, settings=THOROUGH)
    known = replayed.query(59, SOURCES)
    hidden, asked = (
        replayed.without_author(known, SOURCES),
        replayed.query(59, SOURCES, with_author=False),
    )
    assert hidden.candidates.hashtags.tolist() == asked.candidates.hashtags.tolist()
    np.testing.assert_array_equal(hidden.candidates.features, asked.candidates.features)
    own, log = (column_names(SOURCES).index(name) for name in ("own_ever", "classifier_log"))
    assert np.isnan(hidden.candidates.features[:, own]).all()
    assert not np.isnan(known.candidates.features[:, own]).any()
    # Eve used the third hashtag only, and the words tell nothing.
    third = known.candidates.hashtags.tolist().index(2)
    assert known.candidates.features[third, log] > hidden.candidates.features[third, log] + 0.1


def test_a_hidden_author_is_guessed_and_their_habits_count() -> None:
    posts = [
        post(100 + n / 4, f"{said} word{n}", f"{author}tag", author=author)
        for n in range(120)
        for author, said in [[("ann", "folks"), ("bob", "friends")][n % 2]]
    ]
    # Ann then uses other hashtags, each once.
    posts += [post(130.0, f"folks {n}", f"old{n}", author="ann") for n in range(300)]
    posts.append(post(132.0, "dear friends", "bobtag", author="bob"))
    replayed = classified(posts, settings=replace(THOROUGH, window_days=30))
    position = len(posts) - 1
    known = replayed.query(position, SOURCES)
    assert known.query.writers is NO_OUTPUT
    hidden = replayed.without_author(known, SOURCES)
    names = replayed.knowledge.statistics.authors.names
    writers = hidden.query.writers
    assert names[writers.labels[writers.logs.argmax()]] == "bob"
    share = column_names(SOURCES).index("alike_share")
    speaks = hidden.candidates.features[hidden.candidates.hashtags == 1, share]
    assert speaks > 5 * hidden.candidates.features[hidden.candidates.hashtags != 1, share].max()
    without = [part for part in SOURCES if part != "author"]
    assert replayed.without_author(known, without).query.writers is NO_OUTPUT


def test_the_classifier_reads_sentence_vectors_where_meaning_is_a_part() -> None:
    posts = [post(100 + n / 4, f"word{n}", f"tag{n % 2}", author=None) for n in range(80)]
    vectors = np.tile(np.eye(2, 3, dtype=np.float32), (40, 1))
    knowledge = Knowledge(TantivyIndex(), VectorIndex(3), classifier=asdict(THOROUGH))
    replayed = Replay(knowledge, posts, 1.0, vectors)
    read, unread = (
        replayed.query(79, sources).query.classified
        for sources in (SOURCES, [part for part in SOURCES if part != "meaning"])
    )
    assert read.logs.argmax() == 1
    assert read.logs[1] > unread.logs[1] + 0.1


def test_candidates_come_from_words_author_spelling_and_trends() -> None:
    posts = [
        post(100.0, "storm over the bay", "bayStorm", author="bob"),
        post(100.1, "good morning", "mondays", author="ann"),
        post(100.2, "nothing of note", "smallbiz", author="eve"),
        post(102.0, "a storm hits the bay and every small biz", "bayStorm", author="ann"),
    ]
    replayed = replay(posts)
    assert suggested(replayed, 3) == {"baystorm", "mondays", "smallbiz"}
    asked = replayed.query(3, SOURCES)
    truth = dict(zip(asked.candidates.hashtags.tolist(), asked.truth.tolist(), strict=True))
    assert truth[replayed.knowledge.statistics.hashtags.number_of["baystorm"]]
    spelled = asked.candidates.features[:, column_names(SOURCES).index("spelled")]
    assert spelled.max() == 2


def test_each_source_that_is_left_out_removes_its_columns() -> None:
    everything = column_names(SOURCES)
    assert len(set(everything)) == len(everything)
    for part in SOURCES:
        rest = [name for name in SOURCES if name != part]
        assert set(column_names(rest)) < set(everything)


def test_features_are_finite_unless_the_author_is_unknown() -> None:
    posts = [post(100 + i / 10, "rain and wind", "rain", f"t{i % 3}") for i in range(30)]
    replayed = replay(posts)
    known = replayed.query(29, SOURCES).candidates.features
    assert np.isfinite(known).all()
    hidden = replayed.query(29, SOURCES, with_author=False).candidates.features
    author = [name for name in column_names(SOURCES) if name.startswith("own_share")]
    assert np.isnan(hidden[:, column_names(SOURCES).index(author[0])]).all()


def test_typed_hashtags_propose_companions_and_are_not_repeated() -> None:
    posts = [post(100 + i / 10, "news", "coffee", "milk") for i in range(5)]
    replayed = replay(posts)
    replayed.teach_before(200)
    knowledge = replayed.knowledge
    query = knowledge.query("tea", 150.0, None, {"typed"}, typed=["Coffee"])
    found = candidate_features(knowledge.trends, query, {"typed"}, 10)
    assert [knowledge.statistics.hashtags.names[number] for number in found.hashtags] == ["milk"]


def test_the_short_list_has_its_limit_and_keeps_the_likeliest() -> None:
    posts = [post(100 + i / 100, "rain", f"t{i}") for i in range(80)]
    posts += [post(101 + i / 100, "wind and rain on the hill", "hill") for i in range(5)]
    replayed = Replay(Knowledge(TantivyIndex(), max_candidates=10), posts, 1.0)
    replayed.teach_before(200)
    query = replayed.knowledge.query("wind on the hill", 102.0, "ann", SOURCES)
    rows = replayed.knowledge.candidates(query, SOURCES)
    assert len(rows.hashtags) == 10
    assert replayed.knowledge.statistics.hashtags.number_of["hill"] in rows.hashtags


SETTINGS = RankerSettings(
    20,
    7,
    0.2,
    1,
    1.0,
    1.0,
    unknown_author_objectives=("lambdarank", "rank_xendcg"),
    unknown_author_min_posts=30,
)


def test_a_ranker_learns_the_signal_and_is_restored_from_plain_data() -> None:
    generator = np.random.default_rng(1)
    rows = [generator.random((10, 2)).astype(np.float32) for _ in range(60)]
    truth = [features[:, 1] == features[:, 1].max() for features in rows]
    ranker = Ranker.learn(["noise", "signal"], rows, truth, SETTINGS, seed=1)
    again = Ranker.from_state(ranker.state())
    best = [int(again.scores(features).argmax()) for features in rows]
    assert np.mean([hits[i] for i, hits in zip(best, truth, strict=True)]) > 0.9
    assert next(iter(ranker.gains())) == "signal"
    places, scores = again.best(rows[0], 3)
    assert places.tolist() == np.argsort(-again.scores(rows[0]), kind="stable")[:3].tolist()
    assert scores == pytest.approx(again.scores(rows[0])[places])


def dataset_of_two_kinds(n_hidden: int) -> RankingDataset:
    """Return examples where the first column tells if the third is 1, as of known authors."""
    generator = np.random.default_rng(1)
    dataset = RankingDataset(limit=10, seed=1)
    for row in range(120 + n_hidden):
        features = generator.random((10, 3)).astype(np.float32)
        known = row < 120
        features[:, 2] = known
        telling = features[:, 0 if known else 1]
        dataset.add(row, asked_by(0 if known else NO_AUTHOR), features, telling == telling.max())
    return dataset


def asked_by(author: int) -> Query:
    return Query(day=100.0, author=author, words=[], terms=[], spelled={})


def test_rankers_of_unknown_authors_are_averaged_in() -> None:
    settings = replace(SETTINGS, feature_fraction=0.5)
    dataset = dataset_of_two_kinds(30)
    rankers = RankerEnsemble.learn(["a", "b", "known"], dataset, settings, seed=1)
    rows = np.array([[1, 0, 0], [0, 1, 0], [0.5, 0.5, 0]], np.float32)
    known = rows + np.array([0, 0, 1], np.float32)
    for both in (rankers, RankerEnsemble.from_state(rankers.state())):
        assert both.columns == ["a", "b", "known"]
        assert both.for_query(asked_by(0)) is both.known_author
        assert both.for_query(asked_by(0)).best(known, 1)[0].tolist() == [0]
        # The one for all posts has learned from those without an author as well.
        assert both.for_query(asked_by(0)).best(rows, 1)[0].tolist() == [1]
        assert both.for_query(asked_by(NO_AUTHOR)).best(rows, 1)[0].tolist() == [1]
        first, second = (one.scores(rows) for one in both.unknown_author)
        assert not np.array_equal(first, second)
        # Learned where the first column never told, they say little of it.
        assert np.ptp(first[[0, 2]]) < np.ptp(first[[0, 1]])
        mean = (both.known_author.scores(rows) + first + second) / 3
        assert both.for_query(asked_by(NO_AUTHOR)).scores(rows) == pytest.approx(mean)
        places, scores = both.for_query(asked_by(NO_AUTHOR)).best(rows, 3)
        assert scores == pytest.approx(mean[places])


@pytest.mark.parametrize(("n_hidden", "n_known"), [(29, 120), (30, 0)])
def test_one_ranker_is_trained_if_few_or_all_authors_are_unknown(
    n_hidden: int, n_known: int
) -> None:
    dataset = dataset_of_two_kinds(n_hidden)
    del dataset.known_author[n_known:]
    rankers = RankerEnsemble.learn(["a", "b", "known"], dataset, SETTINGS, seed=1)
    rows = np.random.default_rng(1).random((5, 3))
    for both in (rankers, RankerEnsemble.from_state(rankers.state())):
        assert not both.unknown_author
        scores = both.for_query(asked_by(NO_AUTHOR)).scores(rows)
        assert scores.tolist() == both.for_query(asked_by(0)).scores(rows).tolist()


def test_a_dataset_keeps_true_candidates_and_skips_posts_without_both_kinds() -> None:
    dataset = RankingDataset(limit=4, seed=1)
    features = np.arange(10, dtype=np.float32)[:, None]
    truth = features[:, 0] >= 8
    dataset.add(0, asked_by(0), features, truth)
    dataset.add(1, asked_by(0), features[:3], truth[:3])
    dataset.add(2, asked_by(NO_AUTHOR), features[8:], truth[8:])
    [(kept, true)] = dataset.known_author
    assert (len(kept), kept[true, 0].tolist()) == (4, [8.0, 9.0])
    assert not dataset.unknown_author


def test_rankers_without_a_post_to_learn_from_say_so() -> None:
    with pytest.raises(WorkError, match="nothing to learn from"):
        RankerEnsemble.learn(["one"], RankingDataset(limit=4, seed=1), SETTINGS, seed=1)


def test_the_cascade_returns_the_best_candidates_of_all_trees() -> None:
    rng = np.random.default_rng(1)
    rows = [rng.normal(size=(200, 3)).astype(np.float32) for _ in range(60)]
    truth = [one[:, 0] + 0.3 * one[:, 1] > 2 for one in rows]
    ranker = Ranker.learn(
        ["a", "b", "c"],
        rows,
        truth,
        replace(SETTINGS, num_iterations=90, learning_rate=0.1, min_data_in_leaf=5),
        seed=1,
    )
    for features in (rows[0], rows[1][:5]):
        scores = ranker.scores(features)
        places, best = ranker.best(features, 5)
        assert places.tolist() == np.argsort(-scores, kind="stable")[:5].tolist()
        assert best == pytest.approx(scores[places])


def test_recent_posts_are_found_beside_better_older_ones() -> None:
    posts = [post(100 + n / 10, "storm over the bay", "old") for n in range(30)]
    posts += [post(150.0, "storm warning", "new"), post(152.0, "storm over the bay")]
    replayed = Replay(Knowledge(TantivyIndex(), neighbours=5, recent_neighbours=5), posts, 1.0)
    asked = replayed.query(31, ["words"])
    assert 30 not in asked.query.by_words.numbers
    assert asked.query.recent_by_words.numbers.tolist() == [30]
    names = replayed.knowledge.statistics.hashtags.names
    assert {names[number] for number in asked.candidates.hashtags} == {"old", "new"}


def test_a_hidden_author_is_guessed_from_who_writes_alike() -> None:
    posts = [
        post(100.0, "fifth district news", "bakery", author="bob"),
        post(100.1, "morning", "tuesdays", author="bob"),
        post(100.2, "evening", "wednesdays", author="eve"),
        post(102.0, "fifth district", author="bob"),
    ]
    replayed = replay(posts)
    hidden = replayed.query(3, ["words", "author"], with_author=False)
    number_of = replayed.knowledge.statistics.hashtags.number_of
    assert number_of["tuesdays"] in hidden.candidates.hashtags
    assert number_of["wednesdays"] not in hidden.candidates.hashtags
    column = column_names(["words", "author"]).index("like_users_most")
    likely = dict(
        zip(hidden.candidates.hashtags, hidden.candidates.features[:, column], strict=True)
    )
    assert likely[number_of["tuesdays"]] == 1
    # Who looks at no authors does not guess them either.
    blind = replayed.query(3, ["words"]).candidates
    assert number_of["tuesdays"] not in blind.hashtags
    column = column_names(["words"]).index("words_like_authors")
    assert not blind.features[:, column].any()


def test_classifiers_are_trained_each_period_on_known_posts_only() -> None:
    posts = [post(100 + n / 4, "storm over the bay", f"tag{n // 4}") for n in range(40)]
    replayed = classified(posts)
    names = replayed.knowledge.statistics.hashtags.names
    for position in range(12, 40):
        replayed.query(position, SOURCES)
        learned = replayed.knowledge.classifiers
        assert learned is not None
        assert learned.period == int(posts[position].day - 1)
        known = {names[number] for number in learned.hashtags.labels}
        # Of each whole day before the period, all four posts; of the period's own day none.
        assert known == {f"tag{day}" for day in range(learned.period - 100)}


def test_a_later_replay_starts_with_the_given_classifiers() -> None:
    posts = [post(100 + n / 4, f"storm {n % 5} over the bay", f"tag{n % 7}") for n in range(80)]
    whole = classified(posts)
    whole.query(40, SOURCES)
    state = whole.knowledge.classifiers_state()
    expected = whole.query(70, SOURCES)
    later = classified(posts, state).query(70, SOURCES)
    np.testing.assert_array_equal(later.candidates.features, expected.candidates.features)
    afresh = classified(posts).query(70, SOURCES)
    assert not np.array_equal(afresh.candidates.features, expected.candidates.features)


def test_a_post_is_looked_up_by_its_rarest_words_only() -> None:
    posts = [post(100.0, f"storm word{n}", f"tag{n}") for n in range(3)]
    posts.append(post(103.0, "storm word1"))
    replayed = Replay(Knowledge(TantivyIndex(), max_terms=1), posts, 1.0)
    assert replayed.query(3, SOURCES).query.by_words.numbers.tolist() == [1]


def test_a_search_goes_through_a_bounded_number_of_posts() -> None:
    posts = [post(100.0 + n / 100, f"storm word{n % 4}", f"tag{n}") for n in range(16)]
    posts.append(post(103.0, "storm word1"))

    def found(max_matches: int) -> tuple[list[int], list[int]]:
        replayed = Replay(Knowledge(TantivyIndex(), max_matches=max_matches), posts, 1.0)
        query = replayed.query(16, SOURCES).query
        return sorted(query.by_words.numbers), sorted(query.recent_by_words.numbers)

    everything, with_word = list(range(16)), [1, 5, 9, 13]
    assert found(20) == (everything, everything)
    assert found(19) == (with_word, with_word)
    # The rarest word is searched for, however many posts have it; of these, recent ones are few.
    assert found(3) == (with_word, [13])
