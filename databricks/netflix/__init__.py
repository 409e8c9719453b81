"""What the silver and gold tables share: cleaning, rules, releases. The pipeline's root path makes it importable."""
