#!/usr/bin/env python3
"""Loads a model that microfit exported and prints what it predicts, as JSON: `load.py torch|keras MODEL.safetensors INPUTS.json`.

34-34-1 with ReLU and sigmoid, under the names that `microfit checkpoint export` gives by default: the way that its help
describes. Run by tests/tests/conversion.rs.
"""
import json
import os
import sys

os.environ.setdefault("KERAS_BACKEND", "torch")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")

library, model, inputs = sys.argv[1:]
inputs = json.load(open(inputs))
if library == "torch":
    import torch
    from safetensors.torch import load_file

    net = torch.nn.Sequential(torch.nn.Linear(34, 34), torch.nn.ReLU(), torch.nn.Linear(34, 1), torch.nn.Sigmoid())
    net.load_state_dict(load_file(model))
    with torch.no_grad():
        outputs = net(torch.tensor(inputs)).tolist()
else:
    import keras
    import numpy as np
    from safetensors.numpy import load_file

    net = keras.Sequential([keras.Input((34,)), keras.layers.Dense(34, "relu"), keras.layers.Dense(1, "sigmoid")])
    tensors = load_file(model)
    for layer in net.layers:
        layer.set_weights([tensors[f"{layer.name}/kernel"], tensors[f"{layer.name}/bias"]])
    outputs = net.predict(np.array(inputs, np.float32), verbose=0).tolist()
print(json.dumps(outputs))
