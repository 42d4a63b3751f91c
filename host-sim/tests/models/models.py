#!/usr/bin/env python3
"""Makes the models beside it: small ones as Keras saves them, whose files are easily misread. Made by Keras 3.15.1.

    pip install numpy h5py torch keras
    python3 host-sim/tests/models/models.py

All weights of the layer that is called first are 1, of the next 2, and so on, so that a test sees the order; biases are half as much.
"""
import os
import pathlib

os.environ.setdefault("KERAS_BACKEND", "torch")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")

import h5py
import keras
import numpy as np
from keras import layers
from keras.src.legacy.saving import legacy_h5_format

folder = pathlib.Path(__file__).parent


def filled(model, called):
    """Gives each layer the number of its call."""
    model.build((None, 3))
    for number, layer in enumerate(called, 1):
        kernel, bias = layer.get_weights()
        layer.set_weights([np.full_like(kernel, number), np.full_like(bias, number / 2)])
    return model


def chain(*called, outputs=None):
    """A functional model that calls these layers one after the other."""
    inputs = keras.Input((3,))
    values = [inputs]
    for layer in called:
        values.append(layer(values[-1]))
    return filled(keras.Model(inputs, [values[k] for k in outputs] if outputs else values[-1], name="net"), called)


# Made in another order than they are called in: Keras numbers names as layers are made, and groups as they stand in the model.
dense_1, dense, dense_2 = (layers.Dense(3, name=name) for name in ("dense_1", "dense", "dense_2"))
out_of_order = chain(dense_1, dense, dense_2)
out_of_order.save_weights(folder / "out_of_order.weights.h5")
out_of_order.save(folder / "out_of_order.keras")
out_of_order.save(folder / "out_of_order.h5")
# As Keras 2 wrote weights.
with h5py.File(folder / "out_of_order_legacy.h5", "w") as file:
    legacy_h5_format.save_weights_to_hdf5_group(file, out_of_order)

# Names of one's own, whose numbers say nothing.
named = [layers.Dense(3, name=name) for name in ("layer2", "layer1", "layer3")]
filled(keras.Sequential([keras.Input((3,)), *named]), named).save_weights(folder / "own_names.weights.h5")


class Attributes(keras.Model):
    """Calls layers in an order that no file tells."""

    def __init__(self):
        super().__init__()
        self.hidden, self.first = layers.Dense(3, name="dense_1"), layers.Dense(3, name="dense_2")

    def call(self, x):
        return self.hidden(self.first(x))


attributes = Attributes()
attributes(np.zeros((1, 3), np.float32))
filled(attributes, [attributes.first, attributes.hidden]).save_weights(folder / "attributes.weights.h5")

chain(layers.Dense(3, name="a"), layers.Dense(1, name="b"), outputs=[1, 2]).save(folder / "two_outputs.keras")

keras.config.set_dtype_policy("bfloat16")
half = chain(layers.Dense(2, name="a"), layers.Dense(1, name="b"))
half.save(folder / "bfloat16.keras")
half.save(folder / "bfloat16.h5")
