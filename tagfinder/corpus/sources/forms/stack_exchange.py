"""`Posts.xml` of a Stack Exchange dump: questions with their tags."""

from tagfinder.corpus.sources.forms import Form, Record, has_all


def posts(record: Record) -> list[Record | None]:
    """Return the post; an answer has no tags, and a `#` in its code makes none."""
    return [{**record, "Tags": record.get("Tags") or []}]


FORM = Form(
    name="stack_exchange",
    written_by="Stack Exchange dumps (`Posts.xml`)",
    fits=lambda record: has_all(record, "Id", "Body", "PostTypeId"),
    columns={
        "id": ["Id"],
        "created_at": ["CreationDate"],
        "text": ["Title+Body", "Body"],
        "hashtags": ["Tags"],
        "entity_name": ["OwnerUserId", "OwnerDisplayName"],
    },
    unwrap=posts,
    html=True,
)
