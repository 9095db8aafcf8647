"""Stations found by their names, whatever the case in which a record or a list of stations writes them."""

from ibis.expr.types import Table


def with_station_of_name(table: Table, stations: Table, name: str, **columns: str) -> Table:
    """Adds columns of the station whose name stands in a column; null where no station has that name.

    Args: stations: one row a name. name: the column of `table`. columns: {new name: column of `stations`}.
    """
    station_columns = {new: stations[old] for new, old in columns.items()}
    # two spellings of one name would double the rows
    known = stations.select(name_key=stations.name.lower(), **station_columns).distinct(
        on="name_key", keep="first"
    )
    return table.left_join(known, table[name].lower() == known.name_key).drop("name_key")
