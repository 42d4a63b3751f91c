/* KANN as a rival of `microfit bench --host`: its own forward and backward passes, one thread, f32.
 *
 * KANN has RMSprop only, so the update with momentum is a loop here; and batches are bound where they lie, which spares it
 * the copy that its kann_train_fnn1() makes. Built by prepare.sh against a clone of KANN, of which nothing is kept here. */

#define _POSIX_C_SOURCE 199309L

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "kann.h"

/* Samples of an epoch; epochs of a training, which begins with fresh weights and no velocity. */
enum { SAMPLES = 224, EPOCHS = 16 };

static const float RATE = 0.01f;
/* Seconds that a measurement lasts at least. */
static const double MEASUREMENT = 0.05;

struct run {
    kann_t *net;
    float *features, *targets, *initial, *velocity;
    int inputs, outputs, batch, params;
    float momentum;
};

static float *zeros(size_t count)
{
    float *values = calloc(count, sizeof(float));
    if (!values)
        exit(1);
    return values;
}

static struct run start(int inputs, int hidden, int outputs, int cost, int batch, float momentum)
{
    struct run run = {.inputs = inputs, .outputs = outputs, .batch = batch, .momentum = momentum};
    kad_node_t *layer = kad_relu(kann_layer_dense(kann_layer_input(inputs), hidden));
    run.net = kann_new(kann_layer_cost(layer, outputs, cost), 0);
    run.params = kann_size_var(run.net);
    run.velocity = zeros(run.params);
    run.initial = zeros(run.params);
    memcpy(run.initial, run.net->x, run.params * sizeof(float));
    run.features = zeros(SAMPLES * inputs);
    run.targets = zeros(SAMPLES * outputs);
    for (int i = 0; i < SAMPLES * inputs; i++)
        run.features[i] = (float)(2.0 * kann_drand() - 1.0);
    for (int s = 0; s < SAMPLES; s++) {
        /* One output: its class is 0 or 1. Several: one of them is 1. */
        if (outputs == 1)
            run.targets[s] = kann_drand() < 0.5;
        else
            run.targets[s * outputs + (int)(kann_drand() * outputs)] = 1.0f;
    }
    kann_set_batch_size(run.net, batch);
    kann_switch(run.net, 1);
    return run;
}

/* As PyTorch has it: the velocity decays and takes the gradient in. */
static void update(int count, float momentum, const float *restrict gradient, float *restrict velocity,
                   float *restrict params)
{
    for (int i = 0; i < count; i++) {
        velocity[i] = momentum * velocity[i] + gradient[i];
        params[i] -= RATE * velocity[i];
    }
}

static void epoch(struct run *run)
{
    for (int at = 0; at < SAMPLES; at += run->batch) {
        float *x = run->features + at * run->inputs, *y = run->targets + at * run->outputs;
        kann_feed_bind(run->net, KANN_F_IN, 0, &x);
        kann_feed_bind(run->net, KANN_F_TRUTH, 0, &y);
        kann_cost(run->net, 0, 1);
        update(run->params, run->momentum, run->net->g, run->velocity, run->net->x);
    }
}

static void train(struct run *run)
{
    memcpy(run->net->x, run->initial, run->params * sizeof(float));
    memset(run->velocity, 0, run->params * sizeof(float));
    for (int i = 0; i < EPOCHS; i++)
        epoch(run);
}

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec + 1e-9 * now.tv_nsec;
}

/* The ns that a sample takes, in as many trainings as last long enough. */
static double measure(struct run *run)
{
    double start = seconds(), passed = 0.0;
    long samples = 0;
    while (passed < MEASUREMENT) {
        train(run);
        samples += EPOCHS * SAMPLES;
        passed = seconds() - start;
    }
    return 1e9 * passed / samples;
}

int main(void)
{
    struct run w1 = start(34, 34, 1, KANN_C_CEB, 28, 0.8f), w2 = start(64, 32, 10, KANN_C_CEM, 32, 0.9f);
    char line[16];
    measure(&w1);
    measure(&w2);
    printf("ready kann %s, %s\n", KANN_VERSION, FLAGS);
    fflush(stdout);
    while (fgets(line, sizeof line, stdin)) {
        struct run *run = strcmp(line, "W1\n") == 0 ? &w1 : strcmp(line, "W2\n") == 0 ? &w2 : NULL;
        if (!run) {
            fprintf(stderr, "expected W1 or W2, found %s", line);
            return 1;
        }
        printf("%.1f\n", measure(run));
        fflush(stdout);
    }
    return 0;
}
