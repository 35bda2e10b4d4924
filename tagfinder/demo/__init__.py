"""A web page to try recommenders."""
