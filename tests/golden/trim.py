#!/usr/bin/env python3
"""Cut the recorded schedules down to what tests/schedules.rs compares.

    python trim.py <full schedules_shared.json> schedules_shared.json

All traces stay, with class, parameters, metric, and the f32 bits of every rate. Left out: the f64 lists (the bits
are what is compared), torch's and timm's closed forms, the float32 variants, and prose. Momentum is kept as f32 bits
("momentum_f32"), nearest to the f64 that was recorded. A run of equal bits is written once: "3dcccccd*20".
"""
import json, struct, sys

KEEP = ["id", "library", "name", "params", "t", "n", "raises", "metric"]


def bits(x):
    return "7fc00000" if x is None else struct.pack(">f", float(x)).hex()


def runs(words):
    out, i = [], 0
    while i < len(words):
        j = i
        while j < len(words) and words[j] == words[i]:
            j += 1
        out.append(words[i] if j == i + 1 else f"{words[i]}*{j - i}")
        i = j
    return " ".join(out)


def split(text):
    return [text[i:i + 8] for i in range(0, len(text), 8)]


full = json.load(open(sys.argv[1]))
traces = []
for trace in full["traces"]:
    small = {key: trace[key] for key in KEEP if key in trace}
    small["f32"] = runs(split(trace["f32"]))
    if "momentum" in trace:
        small["momentum_f32"] = runs([bits(x) for x in trace["momentum"]])
    traces.append(small)
with open(sys.argv[2], "w") as out:
    out.write('{"versions": %s,\n"traces": [\n' % json.dumps(full["meta"]["versions"]))
    out.write(",\n".join(json.dumps(t, separators=(",", ":")) for t in traces))
    out.write("\n]}\n")
