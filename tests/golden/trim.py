#!/usr/bin/env python3
"""Makes the files in this folder from the full reference traces.

    python3 tests/golden/trim.py FOLDER_WITH_THE_FULL_TRACES

The names and formats stay; what is dropped are intermediate weights that the tests do not need to hold a run. The full
folder can be put to the same tests: MICROFIT_GOLDEN=FOLDER cargo test -p microfit-tests.
"""
import itertools
import json
import pathlib
import struct
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


def bits(x):
    """Nearest f32 as hexadecimal; NaN where the library raised."""
    return "7fc00000" if x is None else struct.pack(">f", float(x)).hex()


def runs(words):
    """A run of equal bits is written once: "3dcccccd*20"."""
    counted = [(word, len(list(equal))) for word, equal in itertools.groupby(words)]
    return " ".join(word if count == 1 else f"{word}*{count}" for word, count in counted)


# Every trace stays, with its class, parameters, metric and the f32 bits of rate and momentum, which is what the tests
# compare. Dropped are the f64 lists they were rounded from, the libraries' own closed forms and float32 variants, and prose.
document = json.loads((full / "schedules_shared.json").read_text())
traces = []
for trace in document["traces"]:
    small = {k: trace[k] for k in ("id", "library", "name", "params", "t", "n", "raises", "metric") if k in trace}
    small["f32"] = runs([trace["f32"][i : i + 8] for i in range(0, len(trace["f32"]), 8)])
    if "momentum" in trace:
        small["momentum_f32"] = runs([bits(x) for x in trace["momentum"]])
    traces.append(small)
write("schedules_shared.json", {"versions": document["meta"]["versions"], "traces": traces})
