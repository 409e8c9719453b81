"""Plans of Spark Connect: taken apart, built, and what both sessions and streams read tables by."""
