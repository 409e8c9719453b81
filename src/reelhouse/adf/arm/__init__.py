"""Factories as ARM templates, which is how Data Factory publishes and exports them.

https://learn.microsoft.com/azure/data-factory/continuous-integration-delivery
"""
