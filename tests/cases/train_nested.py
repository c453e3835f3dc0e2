"""Train networks one after the other, in a process of its own: what was trained before must not matter.

Arguments: names of ``NETWORKS``, in the order in which they are trained. Prints JSON: name -> path -> digest.
"""

import hashlib
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

LAST = [{"Dense": {"units": 10}}]
DENSE = {"Dense": {"units": 8, "activation": "relu"}}
SPECTRAL = {"SpectralNormalization": {"layer": DENSE}}
NETWORKS = {
    "plain": ["Flatten", DENSE, DENSE, *LAST],
    "spectral": ["Flatten", SPECTRAL, *LAST],
    "spectral twice": ["Flatten", SPECTRAL, SPECTRAL, *LAST],
    "spectral within": [{"TimeDistributed": {"layer": SPECTRAL}}, "Flatten", *LAST],
    "both ways": [{"Bidirectional": {"layer": {"LSTM": {"units": 3, "dropout": 0.2}}}}, *LAST],
    "two of them": [
        {
            "Bidirectional": {
                "layer": {"GRU": {"units": 3, "return_sequences": True}},
                "backward_layer": {
                    "LSTM": {"units": 4, "return_sequences": True, "go_backwards": True}
                },
            }
        },
        {"Bidirectional": {"layer": {"SimpleRNN": {"units": 3}}}},
        *LAST,
    ],
    "in time": [{"TimeDistributed": {"layer": DENSE}}, "Flatten", *LAST],
    "recurrent": [
        {"GRU": {"units": 3, "dropout": 0.2, "return_sequences": True}},
        {"GRU": {"units": 3}},
        *LAST,
    ],
    "attention": ["nested:Attending", "nested:Attending", "Flatten", *LAST],
    "early": ["nested:Early", "nested:Early", "Flatten", *LAST],
    "late": ["nested:Late", "nested:Late", "Flatten", *LAST],
    "chain": ["nested:Chain", "nested:Chain", "Flatten", *LAST],
    "graph": ["nested:Graph", "Flatten", *LAST],
    "augmented": [
        {"Reshape": {"target_shape": [8, 8, 1]}},
        {"RandomColorJitter": {"brightness_factor": 0.2, "value_range": [0, 1]}},
        {"SeparableConv2D": {"filters": 2, "kernel_size": 3}},
        "Flatten",
        *LAST,
    ],
}


def digests(arrays):
    return {
        path: hashlib.sha256(array.tobytes()).hexdigest()[:16] + str(array.shape)
        for path, array in arrays
    }


def trained(name, engine):
    """Digests of all variables after an epoch, and of the initial weights."""
    from bench import datasets, engines, runner
    from bench.trial import Training

    training = Training(
        dataset="digits",
        validation=0,
        train_images=120,
        model={"layers": NETWORKS[name]},
        optimizer={"Adam": {"learning_rate": 0.01}},
        loss={"SparseCategoricalCrossentropy": {"from_logits": True}},
        batch_size=40,
        engine=engine,
        epochs=1,
    )
    data = datasets.load("digits", folder=Path(), train_images=120)
    made = engines.prepare(training, data, 0, trusted=True)
    found = digests((f"initial {path}", array) for path, array in made.weights())
    made.start_epoch(runner.order(data, 0, 1))
    made.advance(0, made.updates_per_epoch)
    network = made.network
    variables = [*network.model.variables, *network.optimizer.variables]
    return found | digests((v.path, v.numpy()) for v in variables)


if __name__ == "__main__":
    engine, *names = sys.argv[1:]
    sys.stdout.write(json.dumps({name: trained(name, engine) for name in names}))
