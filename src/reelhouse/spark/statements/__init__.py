"""SQL statements that change or describe what a catalog holds; queries are the engine's work."""
