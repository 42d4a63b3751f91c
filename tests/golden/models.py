#!/usr/bin/env python3
"""Makes models/: small models as PyTorch and Keras save them, and what these libraries predict with them.

    pip install numpy h5py safetensors torch keras
    python3 tests/golden/models.py              # all but legacy_tf_keras.h5
    pip install tensorflow-cpu tf_keras         # may need an environment of its own
    python3 tests/golden/models.py tf_keras     # legacy_tf_keras.h5 only

34-34-1 is trained on UCI Ionosphere (core/src/data/ionosphere.csv); the other models are small and have weights drawn at
random. models.json has, for each file, the activations, some inputs, and the outputs as the library computes them in float32
(JSON numbers that read back to the same float32). Weights that are stored in half or double precision are cast to
float32 before.

Seeds are fixed, but another version of a library may draw other numbers: nothing in the tests depends on which they are.
"""
import json
import os
import pathlib
import sys

os.environ.setdefault("KERAS_BACKEND", "torch")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")

import numpy as np

folder = pathlib.Path(__file__).parent / "models"
index = folder / "models.json"
records = json.loads(index.read_text()) if index.exists() else {"versions": {}, "models": {}}
data = pathlib.Path(__file__).parents[2] / "core/src/data/ionosphere.csv"
rows = [line.split(",") for line in data.read_text().split()]
features = np.array([row[:-1] for row in rows], np.float32)
classes = np.array([[row[-1] == "g"] for row in rows], np.float32)
# Some of those that are trained on, some that are not.
shown = features[::22]
rng = np.random.default_rng(7)


def record(name, activations, inputs, outputs, loss=None):
    # The shortest digits that read back to the same float32.
    floats = lambda array: [[float(str(value)) for value in row] for row in np.asarray(array, np.float32)]
    entry = {"activations": activations, "inputs": floats(inputs), "outputs": floats(outputs)}
    if loss:
        entry["loss"] = loss
    records["models"][name] = entry


def finish():
    records["models"] = dict(sorted(records["models"].items()))
    lines = ",\n".join(f"{json.dumps(name)}: {json.dumps(entry)}" for name, entry in records["models"].items())
    index.write_text(f'{{"versions": {json.dumps(records["versions"])},\n"models": {{\n{lines}\n}}}}\n')


def torch_models():
    import torch
    from safetensors.torch import save_file

    records["versions"]["torch"] = torch.__version__
    torch.manual_seed(7)

    class Net(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.fc1 = torch.nn.Linear(34, 34)
            self.fc2 = torch.nn.Linear(34, 1)

        def forward(self, x):
            return torch.sigmoid(self.fc2(torch.relu(self.fc1(x))))

    net = Net()
    optimizer = torch.optim.Adam(net.parameters(), 0.01)
    x, y = torch.from_numpy(features[:235]), torch.from_numpy(classes[:235])
    for _ in range(20):
        for order in torch.randperm(len(x)).split(28):
            optimizer.zero_grad()
            torch.nn.functional.binary_cross_entropy(net(x[order]), y[order]).backward()
            optimizer.step()
    save_file(net.state_dict(), folder / "torch.safetensors")
    with torch.no_grad():
        record("torch.safetensors", ["relu", "sigmoid"], shown, net(torch.from_numpy(shown)).numpy())

    # What is refused: a pickle.
    torch.save(torch.nn.Linear(1, 1).state_dict(), folder / "refused_pickle.pt")

    inputs = rng.normal(size=(5, 4)).astype(np.float32)
    for name, dtype in (("f16", torch.float16), ("bf16", torch.bfloat16), ("f64", torch.float64)):
        # Indices as Sequential has them, one without biases.
        layers = torch.nn.Linear(4, 5), torch.nn.Tanh(), torch.nn.Linear(5, 6, bias=False), torch.nn.Tanh()
        small = torch.nn.Sequential(*layers, torch.nn.Linear(6, 3), torch.nn.Softmax(-1)).to(dtype)
        if dtype is torch.float64:
            # Else they would be float32's, of which PyTorch draws them.
            torch.nn.utils.vector_to_parameters(torch.nn.utils.parameters_to_vector(small.parameters()) / 3, small.parameters())
        save_file(small.state_dict(), folder / f"torch_{name}.safetensors")
        with torch.no_grad():
            outputs = small.to(torch.float32)(torch.from_numpy(inputs)).numpy()
        record(f"torch_{name}.safetensors", ["tanh", "tanh", "softmax"], inputs, outputs)


def keras_models():
    import keras
    from keras import layers
    from safetensors.numpy import save_file

    records["versions"]["keras"] = f"{keras.__version__} ({keras.backend.backend()})"
    keras.utils.set_random_seed(7)

    def save(model, name, activations, inputs, loss=None):
        model.save(folder / name)
        record(name, activations, inputs, model.predict(inputs, verbose=0), loss)

    net = keras.Sequential([keras.Input((34,)), layers.Dense(34, "relu"), layers.Dense(1, "sigmoid")])
    net.compile("adam", "binary_crossentropy")
    net.fit(features[:235], classes[:235], batch_size=28, epochs=20, verbose=0)
    outputs = net.predict(shown, verbose=0)
    # Without the optimizer's state, but with the loss.
    net.compile("sgd", "binary_crossentropy")
    for name in ("keras.keras", "keras.h5"):
        save(net, name, ["relu", "sigmoid"], shown, "binary_crossentropy")
    net.save_weights(folder / "keras.weights.h5")
    record("keras.weights.h5", ["relu", "sigmoid"], shown, outputs)
    save_file({weight.path: np.asarray(weight) for weight in net.weights}, folder / "keras.safetensors")
    record("keras.safetensors", ["relu", "sigmoid"], shown, outputs)

    # Names that are not in the order of the layers, activations as layers, scaling, and what only training needs. Saved
    # with the optimizer's state.
    mixed = keras.Sequential([
        keras.Input((2, 2)),
        layers.Flatten(),
        layers.Normalization(),
        layers.Dense(6, name="zeta"),
        layers.LeakyReLU(negative_slope=0.1),
        layers.Dropout(0.2),
        layers.Dense(5, "elu", name="dense", kernel_regularizer="l2"),
        layers.Dense(4, name="alpha", use_bias=False),
        layers.Activation("tanh"),
        layers.Dense(3, name="dense_1"),
        layers.Softmax(),
    ])
    x = rng.normal(2, 3, size=(40, 2, 2)).astype(np.float32)
    mixed.layers[1].adapt(x.reshape(40, 4))
    mixed.compile("adam", keras.losses.SparseCategoricalCrossentropy())
    mixed.fit(x, rng.integers(0, 3, 40), epochs=2, verbose=0)
    activations = ["leaky-relu(0.1)", "elu", "tanh", "softmax"]
    for name in ("keras_mixed.keras", "keras_mixed.h5"):
        mixed.save(folder / name)
        outputs = mixed.predict(x[:5], verbose=0)
        record(name, activations, x[:5].reshape(5, 4), outputs, "SparseCategoricalCrossentropy")

    inputs = keras.Input((3,))
    hidden = layers.Dense(4, "gelu")(inputs)
    functional = keras.Model(inputs, layers.Dense(2)(hidden))
    save(functional, "keras_functional.keras", ["gelu", "linear"], rng.normal(size=(5, 3)).astype(np.float32))

    # What is refused.
    branches = keras.Model(inputs, layers.Dense(2)(layers.add([layers.Dense(4)(inputs), layers.Dense(4)(inputs)])))
    branches.save(folder / "refused_branches.keras")
    convolution = keras.Sequential([keras.Input((8, 1)), layers.Conv1D(2, 3), layers.Flatten(), layers.Dense(1)])
    convolution.save(folder / "refused_convolution.keras")


def tf_keras_model():
    import tf_keras

    records["versions"]["tf_keras"] = tf_keras.__version__
    tf_keras.utils.set_random_seed(7)
    dense = tf_keras.layers.Dense
    net = tf_keras.Sequential([dense(6, "tanh", input_shape=(4,)), tf_keras.layers.Dropout(0.1), dense(3, "softmax")])
    net.compile("sgd", "categorical_crossentropy")
    net.save(folder / "legacy_tf_keras.h5")
    # What is refused: a pickle.
    torch.save(torch.nn.Linear(1, 1).state_dict(), folder / "refused_pickle.pt")

    inputs = rng.normal(size=(5, 4)).astype(np.float32)
    outputs = net.predict(inputs, verbose=0)
    record("legacy_tf_keras.h5", ["tanh", "softmax"], inputs, outputs, "categorical_crossentropy")


if sys.argv[1:] == ["tf_keras"]:
    tf_keras_model()
else:
    torch_models()
    keras_models()
finish()
