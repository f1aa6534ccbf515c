"""Opens an exported data set as its users do and says, in one JSON object, what came of it: argv is the folder."""

import glob
import json
import sys
import tempfile

import datasets
import duckdb
import pyarrow.parquet

datasets.disable_progress_bars()
folder = sys.argv[1]


def loaded(dataset):
    return {"features": {name: getattr(feature, "dtype", None) or f"list of {feature.feature.dtype}" for name, feature in dataset.features.items()}, "rows": dataset.to_list()}


with tempfile.TemporaryDirectory() as cache:
    by_card = {name: loaded(datasets.load_dataset(folder, name, split="train", cache_dir=cache)) for name in datasets.get_dataset_config_names(folder)}
    by_format = {name: loaded(datasets.load_dataset("parquet", data_files=f"{folder}/{name}/*.parquet", split="train", cache_dir=cache)) for name in ("data", "scores")}
by_duckdb = {}
for name in ("data", "scores"):
    result = duckdb.sql(f"SELECT * FROM '{folder}/{name}/*.parquet'")
    by_duckdb[name] = [dict(zip(result.columns, row)) for row in result.fetchall()]
by_pyarrow = {name: pyarrow.parquet.read_table(sorted(glob.glob(f"{folder}/{name}/*.parquet"))).to_pylist() for name in ("data", "scores")}
best = duckdb.sql(f"SELECT id FROM '{folder}/data/*.parquet' ORDER BY round, rank LIMIT 10").fetchall()
print(json.dumps({"card": by_card, "format": by_format, "duckdb": by_duckdb, "pyarrow": by_pyarrow, "best": [row[0] for row in best]}))
