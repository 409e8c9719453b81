"""The `DeltaTable` API of the stock `delta-spark` package, whose calls come as extensions of Spark Connect's messages.

https://docs.delta.io/latest/api/python/spark/index.html
"""
