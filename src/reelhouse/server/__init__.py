"""`reelhouse up`: triggers that run, and Data Factory's REST interface."""
