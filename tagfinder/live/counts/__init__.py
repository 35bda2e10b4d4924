"""What is counted of posts, hashtags and authors as posts are taught and forgotten."""
