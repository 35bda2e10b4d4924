"""Indexes that find the posts most like a text, by words and by vectors."""
