"""What the rivals in Python share: the random data, and the protocol of `microfit bench --host`."""

import random
import sys
import time

# Samples of an epoch.
SAMPLES = 224
RATE = 0.01
# Epochs of a training, which begins with fresh weights and no velocity.
EPOCHS = 16
# Seconds that a measurement lasts at least.
MEASUREMENT = 0.05


def random_features(count):
    """A row of `count` features in [-1, 1) for every sample."""
    return [[random.uniform(-1.0, 1.0) for _ in range(count)] for _ in range(SAMPLES)]


def random_labels(classes):
    """A label for every sample."""
    return [random.randrange(classes) for _ in range(SAMPLES)]


def measure(train):
    """The ns that a sample takes, in as many trainings as last long enough; `train()` is one of them."""
    start, samples = time.perf_counter(), 0
    while True:
        train()
        samples += EPOCHS * SAMPLES
        seconds = time.perf_counter() - start
        if seconds >= MEASUREMENT:
            return 1e9 * seconds / samples


def serve(name, version, trainings):
    """Warms up, says `ready NAME VERSION`, and answers each net's name with the ns that a sample's training took."""
    for train in trainings.values():
        measure(train)
    print("ready", name, version, flush=True)
    for line in sys.stdin:
        print(f"{measure(trainings[line.strip()]):.1f}", flush=True)
