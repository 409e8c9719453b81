"""SQL databases of Data Factory, played by SQLite, PostgreSQL or whatever SQLAlchemy has a driver for."""
