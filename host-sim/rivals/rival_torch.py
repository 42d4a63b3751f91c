"""PyTorch as a rival of `microfit bench --host`: the usual eager loop, one thread, f32."""

import torch
from torch import nn

from rival import EPOCHS, RATE, random_features, random_labels, serve

torch.set_num_threads(1)
torch.set_num_interop_threads(1)


def training(widths, loss, labels, batch, momentum):
    """A function that trains a net. The last activation is in the loss, as PyTorch advises."""
    inputs, hidden, outputs = widths
    model = nn.Sequential(nn.Linear(inputs, hidden), nn.ReLU(), nn.Linear(hidden, outputs))
    initial = {name: values.clone() for name, values in model.state_dict().items()}
    features = torch.tensor(random_features(inputs), dtype=torch.float32)
    batches = list(zip(features.split(batch), labels.split(batch)))

    def train():
        model.load_state_dict(initial)
        # `fused` is its fastest SGD.
        optimizer = torch.optim.SGD(model.parameters(), lr=RATE, momentum=momentum, fused=True)
        for _ in range(EPOCHS):
            for x, y in batches:
                optimizer.zero_grad()
                loss(model(x), y).backward()
                optimizer.step()

    return train


serve("torch", torch.__version__, {
    "W1": training((34, 34, 1), nn.BCEWithLogitsLoss(), torch.tensor(random_labels(2), dtype=torch.float32)[:, None], 28, 0.8),
    "W2": training((64, 32, 10), nn.CrossEntropyLoss(), torch.tensor(random_labels(10)), 32, 0.9),
})
