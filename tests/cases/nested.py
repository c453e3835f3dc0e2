"""Layers of a user's own with others inside, made in every way that Keras lets one; and ones with state."""

import keras


class Attending(keras.layers.Layer):
    """Sublayers that are built when they are called."""

    def __init__(self, **options):
        super().__init__(**options)
        self.attention = keras.layers.MultiHeadAttention(2, 3, dropout=0.2)
        self.norm = keras.layers.LayerNormalization()

    def call(self, x, training=None):
        return self.norm(x + self.attention(x, x, training=training))


class Early(keras.layers.Layer):
    """Sublayers that are built before the layer has a place, two by one name; and a variable of no layer."""

    def __init__(self, **options):
        super().__init__(**options)
        self.first = keras.layers.Dense(8)
        self.second = keras.layers.Dense(8)
        self.named = [keras.layers.Dense(8, name="inner") for _ in range(2)]
        for layer in (self.first, self.second, *self.named):
            layer.build((None, 8))
        self.scale = keras.Variable([1.0], dtype="float32")

    def call(self, x):
        for layer in (self.first, self.second, *self.named):
            x = layer(x)
        return x * self.scale


class Late(keras.layers.Layer):
    """Sublayers and weights that are made in ``build``, some without a name."""

    def build(self, shape):
        self.inner = keras.layers.SpectralNormalization(keras.layers.Dense(8))
        self.inner.build(shape)
        self.gain = self.add_weight(shape=(8,), initializer="random_normal")
        self.shift = self.add_weight(shape=(8,), initializer=self.drawn)

    def drawn(self, shape, dtype=None):
        return keras.random.normal(shape, dtype=dtype)

    def call(self, x, training=None):
        return self.inner(x, training=training) * self.gain + self.shift


class Chain(keras.Sequential):
    def __init__(self, **options):
        layers = [keras.layers.Dense(8), keras.layers.BatchNormalization(), keras.layers.Dense(8)]
        super().__init__(layers, **options)


class Graph(keras.Model):
    def __init__(self, **options):
        inputs = keras.Input((8, 8))
        flow = keras.layers.Bidirectional(keras.layers.GRU(4, return_sequences=True))(inputs)
        super().__init__(inputs, keras.layers.Add()([flow, Chain()(flow)]), **options)


class Unseeded(keras.layers.Layer):
    """What no trial can repeat: it draws from the generator of the process."""

    def call(self, x):
        return x + keras.random.normal((8,))


class Counting(keras.layers.Layer):
    """Every kind of state that a call can change, whether it trains or not; what it makes depends on it."""

    def __init__(self, **options):
        super().__init__(**options)
        self.generator = keras.random.SeedGenerator(7)
        self.seen = keras.metrics.Mean()
        self.calls = self.add_weight(shape=(), initializer="zeros", trainable=False, name="calls")

    def call(self, x):
        self.calls.assign(self.calls + 1)
        self.seen.update_state(x)
        noise = keras.random.normal(keras.ops.shape(x), stddev=0.01, seed=self.generator)
        return x * (1 + 0.01 * self.calls) + noise


class Hiding(keras.layers.Layer):
    """A weight that is not finite does not show in what it makes."""

    def build(self, shape):
        self.kernel = self.add_weight(shape=(shape[-1],), initializer="ones", name="kernel")

    def call(self, x):
        return x + keras.ops.where(self.kernel > 0, self.kernel, 0)


class Poison(keras.optimizers.SGD):
    """Gives ``Hiding`` a weight that is not finite with the sixth update, and trains all else."""

    def __init__(self, value="nan", **options):
        super().__init__(0.1, **options)
        self.value = float(value)

    def update_step(self, gradient, variable, learning_rate):
        super().update_step(gradient, variable, learning_rate)
        if "hiding" in variable.path:
            ill = keras.ops.full_like(variable, self.value)
            self.assign(variable, keras.ops.where(self.iterations < 5, variable, ill))
