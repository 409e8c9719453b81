"""Catalogs, schemas, and what a session is set to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reelhouse.catalog.names import SchemaName
from reelhouse.errors import UserError, did_you_mean
from reelhouse.spark.statements.lookup import nothing, texts
from reelhouse.spark.statements.statement import (
    CreateCatalog,
    CreateSchema,
    DropCatalog,
    DropSchema,
    ResetConf,
    SetConf,
    UseCatalog,
    UseSchema,
)

if TYPE_CHECKING:
    import pyarrow as pa

    from reelhouse.spark.context import SessionContext


def create_catalog(context: SessionContext, statement: CreateCatalog) -> pa.Table:
    """CREATE CATALOG."""
    context.catalog.create_catalog(statement.name, if_not_exists=statement.if_not_exists, comment=statement.comment)
    return nothing()


def drop_catalog(context: SessionContext, statement: DropCatalog) -> pa.Table:
    """DROP CATALOG."""
    context.catalog.drop_catalog(statement.name, if_exists=statement.if_exists, cascade=statement.cascade)
    return nothing()


def create_schema(context: SessionContext, statement: CreateSchema) -> pa.Table:
    """CREATE SCHEMA."""
    context.catalog.create_schema(
        statement.name,
        statement.location,
        if_not_exists=statement.if_not_exists,
        comment=statement.comment,
        properties=statement.properties,
        current=context.current,
    )
    return nothing()


def drop_schema(context: SessionContext, statement: DropSchema) -> pa.Table:
    """DROP SCHEMA."""
    context.catalog.drop_schema(
        statement.name, if_exists=statement.if_exists, cascade=statement.cascade, current=context.current
    )
    return nothing()


def use_catalog(context: SessionContext, statement: UseCatalog) -> pa.Table:
    """USE CATALOG, SET CATALOG: its schema `default` becomes the current one."""
    catalogs = context.catalog.catalogs()
    if statement.name.lower() not in catalogs:
        raise UserError(
            f"CATALOG_NOT_FOUND: there is no catalog '{statement.name}'", remedy=did_you_mean(statement.name, catalogs)
        )
    context.current = SchemaName(statement.name.lower(), "default")
    return nothing()


def use_schema(context: SessionContext, statement: UseSchema) -> pa.Table:
    """USE SCHEMA; a catalog's name alone is taken as such when no schema has it."""
    name = statement.name
    if len(name) == 1 and name[0].lower() in context.catalog.catalogs():
        schemas = [s.schema for s in context.catalog.schemas(context.current.catalog)]
        if name[0].lower() not in schemas:
            return use_catalog(context, UseCatalog(name[0]))
    context.current = context.catalog.schema(name, context.current).name
    return nothing()


def set_conf(context: SessionContext, statement: SetConf) -> pa.Table:
    """SET: one key, or all that are set."""
    if statement.key is None:
        found = sorted(context.conf.items())
        return texts(key=[key for key, _ in found], value=[value for _, value in found])
    if statement.value is not None:
        context.conf.set(statement.key, statement.value)
        return texts(key=[statement.key], value=[statement.value])
    value = context.conf.read(statement.key)
    return texts(key=[statement.key], value=["<undefined>" if value is None else value])


def reset_conf(context: SessionContext, statement: ResetConf) -> pa.Table:
    """RESET: one key, or all."""
    for key in [statement.key] if statement.key else list(context.conf):
        context.conf.unset(key)
    return nothing()
