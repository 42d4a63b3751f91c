#!/usr/bin/env python3
"""Makes the files in this folder from the full reference traces.

    python3 tests/golden/trim.py FOLDER_WITH_THE_FULL_TRACES

The names and formats stay; what is dropped are intermediate weights that the tests do not need to hold a run. The full
folder can be put to the same tests: MICROFIT_GOLDEN=FOLDER cargo test -p microfit-tests.
"""
import json
import pathlib
import sys

full = pathlib.Path(sys.argv[1])
here = pathlib.Path(__file__).parent


def write(name, document):
    (here / name).write_text(json.dumps(document, separators=(",", ":")) + "\n")


for name in ("train_time_based.json", "train_drop_based.json"):
    document = json.loads((full / name).read_text())
    for run in document["runs"].values():
        steps = run.get("weights_after_step", {})
        run["weights_after_step"] = {step: steps[step] for step in steps if step in ("1", "9")}
    write(name, document)

write("perms_235x50.json", json.loads((full / "perms_235x50.json").read_text()))
write("bench_schedules.json", json.loads((full / "bench_schedules.json").read_text()))
