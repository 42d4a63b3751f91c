"""JAX as a rival of `microfit bench --host`: epochs and their batches in scans under one jit, one thread, f32."""

import os

# One thread, before XLA makes its pool.
os.environ["NPROC"] = "1"
os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false"
os.environ["JAX_PLATFORMS"] = "cpu"

import jax
import jax.numpy as jnp

from rival import EPOCHS, RATE, SAMPLES, random_features, random_labels, serve


def binary(logits, labels):
    """The mean cross-entropy of a sigmoid's logits."""
    logits = logits[:, 0]
    return (jax.nn.softplus(logits) - labels * logits).mean()


def classes(logits, labels):
    """The mean cross-entropy of a softmax's logits."""
    return -(labels * jax.nn.log_softmax(logits)).sum(axis=1).mean()


def training(widths, loss, labels, batch, momentum):
    """A function that trains a net in one call."""
    inputs, hidden, outputs = widths
    initial = jax.nn.initializers.glorot_uniform()
    keys = jax.random.split(jax.random.key(7))
    params = [
        (initial(keys[0], (inputs, hidden)), jnp.zeros(hidden)),
        (initial(keys[1], (hidden, outputs)), jnp.zeros(outputs)),
    ]
    batches = SAMPLES // batch
    features = jnp.array(random_features(inputs), jnp.float32).reshape(batches, batch, inputs)
    labels = labels.reshape(batches, batch, *labels.shape[1:])

    def cost(params, x, y):
        (w1, b1), (w2, b2) = params
        return loss(jax.nn.relu(x @ w1 + b1) @ w2 + b2, y)

    def step(state, pair):
        params, velocity = state
        value, gradients = jax.value_and_grad(cost)(params, *pair)
        velocity = jax.tree.map(lambda v, g: momentum * v + g, velocity, gradients)
        params = jax.tree.map(lambda p, v: p - RATE * v, params, velocity)
        return (params, velocity), value

    def epoch(state, _):
        # Two batches a turn were fastest; one, and all of them, were 5 to 15% slower.
        return jax.lax.scan(step, state, (features, labels), unroll=2)

    @jax.jit
    def epochs(state):
        return jax.lax.scan(epoch, state, length=EPOCHS)

    initial = (params, jax.tree.map(jnp.zeros_like, params))

    def train():
        jax.block_until_ready(epochs(initial))

    return train


serve("jax", jax.__version__, {
    "W1": training((34, 34, 1), binary, jnp.array(random_labels(2), jnp.float32), 28, 0.8),
    "W2": training((64, 32, 10), classes, jax.nn.one_hot(jnp.array(random_labels(10)), 10), 32, 0.9),
})
