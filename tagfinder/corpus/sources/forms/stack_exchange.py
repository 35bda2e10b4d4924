"""`Posts.xml` of a Stack Exchange dump: questions with their tags."""

from tagfinder.corpus.sources.forms import Form, Record, has_all


def fits(record: Record) -> bool:
    """Tell a row of a dump, of its tables, or of the API."""
    if has_all(record, "Id", "Body", "PostTypeId"):
        return True
    return has_all(record, "Title", "Body", "Tags") or has_all(record, "title", "body", "tags")


def posts(record: Record) -> list[Record | None]:
    """Return the post; an answer has no tags, and a `#` in its code makes none."""
    return [{**record, "Tags": record.get("Tags") or record.get("tags") or []}]


FORM = Form(
    name="stack_exchange",
    written_by="Stack Exchange: dumps (`Posts.xml`), tables, API",
    fits=fits,
    columns={
        "id": ["Id", "id", "question_id"],
        "created_at": ["CreationDate", "creation_date"],
        "text": ["Title+Body", "Body", "title+body", "body"],
        "hashtags": ["Tags", "tags"],
        "entity_name": ["OwnerUserId", "OwnerDisplayName"],
    },
    unwrap=posts,
    html=True,
)
