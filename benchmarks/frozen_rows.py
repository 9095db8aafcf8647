"""Write the frozen rows of the benchmark, a small file: `python -m benchmarks.frozen_rows [FOLDER OF REAL RECORDS]`.

Each entry names the files by their hashes, the day of the split, and the hash of the sorted ids of the evaluated dispatches.
"""

import hashlib
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.accuracy.records import SHARED, STREAM_2017, UNION, Records, examples_of
from londonpump.lifecycle.benchmark import dispatch_ids, hash_of_ids, is_evaluated
from londonpump.lifecycle.prepared_examples import Examples

OUT = Path(__file__).resolve().parents[1] / "docs" / "reference" / "benchmark-rows.json"
FROZEN = (UNION, STREAM_2017)


def frozen(records: Records, examples: Examples, source: Path) -> dict[str, Any]:
    """Return the entry of one set of records."""
    rows = examples.take(is_evaluated(examples, records.until))
    ids = dispatch_ids(rows)
    return {
        "name": records.label,
        "files": {name: hashlib.sha256((source / name).read_bytes()).hexdigest() for name in records.files},
        "from": records.until.isoformat(),
        "rows": len(ids),
        "row_ids_sha256": hash_of_ids(ids),
    }


def main() -> None:
    """Prepare the records and write the file."""
    source = Path(sys.argv[1]) if len(sys.argv) > 1 else SHARED
    with tempfile.TemporaryDirectory() as work:
        entries = [frozen(one, examples_of(one, source, Path(work)), source) for one in FROZEN]
    OUT.write_text(json.dumps(entries, indent=1) + "\n", encoding="utf-8")
    print(f"{len(entries)} sets of rows: {OUT.name}")


if __name__ == "__main__":
    main()
