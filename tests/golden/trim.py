#!/usr/bin/env python3
"""Makes the files in this folder from the full reference traces.

    python3 tests/golden/trim.py FOLDER_WITH_THE_FULL_TRACES

The names and formats stay, so the full folder can be put to the same tests: MICROFIT_GOLDEN=FOLDER cargo test.

Of the training runs, intermediate weights and float32 runs are dropped. Of the schedules, all traces stay, with class, parameters,
metric, and the f32 bits of every rate; left out are the f64 lists (the bits are what is compared), torch's and timm's
closed forms, the float32 variants, and prose. Momentum is kept as f32 bits ("momentum_f32"), nearest to the f64 that
was recorded. A run of equal bits is written once: "3dcccccd*20".
"""
import itertools
import json
import pathlib
import struct
import sys

full = pathlib.Path(sys.argv[1])
here = pathlib.Path(__file__).parent


def read(name):
    return json.loads((full / name).read_text())


def compact(document):
    return json.dumps(document, separators=(",", ":"))


def bits(x):
    return "7fc00000" if x is None else struct.pack(">f", float(x)).hex()


def runs(words):
    groups = ((word, len(list(same))) for word, same in itertools.groupby(words))
    return " ".join(word if count == 1 else f"{word}*{count}" for word, count in groups)


for name in ("train_time_based.json", "train_drop_based.json"):
    document = read(name)
    for run in document["runs"].values():
        steps = run.get("weights_after_step", {})
        run["weights_after_step"] = {step: steps[step] for step in steps if step in ("1", "9")}
    (here / name).write_text(compact(document) + "\n")

document = read("train_misc.json")
for run in document["runs"].values():
    del run["f32"]
    steps = run["f64"].pop("weights_after_step", {})
    if len(run["init"]) < 1000:
        run["f64"]["weights_after_step"] = {step: steps[step] for step in steps if step == "1"}
(here / "train_misc.json").write_text(compact(document) + "\n")

for name in ("perms_235x50.json", "bench_schedules.json", "optimizers.json"):
    (here / name).write_text(compact(read(name)) + "\n")

document = read("schedules_shared.json")
traces = []
for trace in document["traces"]:
    kept = ("id", "library", "name", "params", "t", "n", "raises", "metric")
    small = {key: trace[key] for key in kept if key in trace}
    small["f32"] = runs(trace["f32"][i : i + 8] for i in range(0, len(trace["f32"]), 8))
    if "momentum" in trace:
        small["momentum_f32"] = runs(bits(x) for x in trace["momentum"])
    traces.append(small)
lines = ",\n".join(map(compact, traces))
versions = compact(document["meta"]["versions"])
(here / "schedules_shared.json").write_text(f'{{"versions":{versions},\n"traces":[\n{lines}\n]}}\n')
