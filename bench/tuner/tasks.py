"""The tasks of tasks.hpp again, in Python, for the peers that run there (peers.py). The two must agree up to rounding:
tests/bench/test_tuner.py checks that."""
import math

import numpy as np

from spaces import Generator, Parameter, Task, category, drawn, flat, integer, log, real, reals, under, vector


def of_vector(count, low, high, function, seed_base=None):
    """A function of real numbers; with a seed base its optimum is moved by up to 4 each way."""

    def make(seed):
        origin = drawn(count, seed_base + seed, -4, 4) if seed_base else np.zeros(count)
        return lambda point: float(function(vector(point, count) - origin))

    return Task(reals(count, low, high), make)


# ---- functions of real numbers, all with the minimum 0

def branin(x):
    a = x[1] - 5.1 / (4 * math.pi**2) * x[0]**2 + 5 / math.pi * x[0] - 6
    return a * a + 10 * (1 - 1 / (8 * math.pi)) * math.cos(x[0]) + 10 - 0.39788735772973816


HARTMANN_HEIGHTS = np.array([1, 1.2, 3, 3.2])
HARTMANN6_WIDTHS = np.array([[10, 3, 17, 3.5, 1.7, 8], [.05, 10, 17, .1, 8, 14],
                             [3, 3.5, 1.7, 10, 17, 8], [17, 8, .05, 10, .1, 14]])
HARTMANN6_PEAKS = 1e-4 * np.array([[1312, 1696, 5569, 124, 8283, 5886], [2329, 4135, 8307, 3736, 1004, 9991],
                                   [2348, 1451, 3522, 2883, 3047, 6650], [4047, 8828, 8732, 5743, 1091, 381]])
HARTMANN3_WIDTHS = np.array([[3, 10, 30], [.1, 10, 35], [3, 10, 30], [.1, 10, 35]])
HARTMANN3_PEAKS = np.array([[.3689, .1170, .2673], [.4699, .4387, .7470], [.1091, .8732, .5547], [.0381, .5743, .8828]])


def hartmann6(x):
    return 3.32236801141551 - HARTMANN_HEIGHTS @ np.exp(-(HARTMANN6_WIDTHS * (x - HARTMANN6_PEAKS)**2).sum(axis=1))


def hartmann3(x):
    return 3.86277978733266 - HARTMANN_HEIGHTS @ np.exp(-(HARTMANN3_WIDTHS * (x - HARTMANN3_PEAKS)**2).sum(axis=1))


def ackley(z):
    return (-20 * math.exp(-0.2 * math.sqrt((z * z).mean())) - math.exp(np.cos(2 * math.pi * z).mean()) + 20 + math.e)


def rastrigin(z):
    return (10 + z * z - 10 * np.cos(2 * math.pi * z)).sum()


def sphere(z):
    return (z * z).sum()


def rosenbrock(x):
    return (100 * (x[1:] - x[:-1]**2)**2 + (1 - x[:-1])**2).sum()


def levy(x):
    w = 1 + (x - 1) / 4
    middle = ((w[:-1] - 1)**2 * (1 + 10 * np.sin(math.pi * w[:-1] + 1)**2)).sum()
    return math.sin(math.pi * w[0])**2 + middle + (w[-1] - 1)**2 * (1 + math.sin(2 * math.pi * w[-1])**2)


# ---- other types of parameters

DISCRETE = (1, 2, 5, 6, 8)
DISCRETE_GAINS = (1.2, 0, .6, .8, 1.0)


def simplekd_real(x):
    return min(1.6, -(x - 1)**2 if x > -0.8 else -(1.8**2) + 150 * (x + 0.8)**2)


def simplekd(point):
    f = sum(simplekd_real(point[id]) for id in ("f0", "f1"))
    d = sum(DISCRETE_GAINS[DISCRETE.index(point[id])] for id in ("d0", "d1"))
    i = sum((point[id] - 2.2)**2 / 2 for id in ("i0", "i1"))
    value = {"corner": 1 + .8 * f + d + i, "center": -f - d - i, "mixed": .8 * f + d - i}[point["c"]]
    return 1 + .8 * 2 * 1.6 + 2 * 1.2 + 2 * (1.2**2 / 2) - value


def matches(seed):
    random = Generator(2000 + seed)
    best = [int(random.unit() * 5) for _ in range(10)]
    return lambda point: float(sum(int(point[f"c{i}"]) != best[i] for i in range(10)))


# ---- real training: kernel ridge regression on Friedman's first function

def friedman(seed, count=400):
    random = Generator(seed)
    x = np.array([[random.unit() for _ in range(10)] for _ in range(count)])
    noise = np.array([math.sqrt(-2 * math.log(random.unit() + 1e-300)) * math.cos(2 * math.pi * random.unit())
                      for _ in range(count)])
    y = 10 * np.sin(math.pi * x[:, 0] * x[:, 1]) + 20 * (x[:, 2] - .5)**2 + 10 * x[:, 3] + 5 * x[:, 4] + noise
    return x, y


def kernel_matrix(point, a, b):
    if point["kernel"] == "rbf":
        squares = (a * a).sum(axis=1)[:, None] + (b * b).sum(axis=1)[None] - 2 * a @ b.T
        return np.exp(-point["gamma"] * np.maximum(squares, 0))
    if point["kernel"] == "laplace":
        return np.exp(-point["gamma"] * np.abs(a[:, None] - b[None]).sum(axis=-1))
    return (point["gamma"] * a @ b.T + 1)**int(point["degree"])


def ridge(seed):
    x, y = friedman(3000 + seed)

    def error(point):
        scaled = x * vector(point, 10, "w")
        train, mean = scaled[:200], y[:200].mean()
        try:
            weights = np.linalg.solve(kernel_matrix(point, train, train) + point["lambda"] * np.eye(200), y[:200] - mean)
        except np.linalg.LinAlgError:
            return 1e3
        off = kernel_matrix(point, scaled[200:], train) @ weights + mean - y[200:]
        mse = float((off * off).mean())
        return min(mse, 1e3) if math.isfinite(mse) else 1e3

    return error


RIDGE = [log("gamma", 1e-4, 1e2), log("lambda", 1e-8, 1e2), category("kernel", "rbf", "laplace", "poly"),
         under("kernel", ["poly"], integer("degree", 1, 6))] + [real(f"w{i}", 0, 2) for i in range(10)]

PUBLIC = {
    "branin2": Task([real("x0", -5, 10), real("x1", 0, 15)], lambda seed: lambda p: float(branin(vector(p, 2)))),
    "hartmann6": of_vector(6, 0, 1, hartmann6),
    "rosenbrock5": of_vector(5, -5, 10, rosenbrock),
    "levy8": of_vector(8, -10, 10, levy),
    "rastrigin5s": of_vector(5, -5, 5, rastrigin, 1000),
    "ackley10s": of_vector(10, -5, 5, ackley, 1000),
    "sphere20s": of_vector(20, -5, 5, sphere, 1000),
    "simplekd7": Task([real("f0", -1, 1), real("f1", -1, 1), Parameter("d0", "discrete", values=DISCRETE),
                       Parameter("d1", "discrete", values=DISCRETE), integer("i0", 1, 3), integer("i1", 1, 3),
                       category("c", "corner", "center", "mixed")], lambda seed: simplekd),
    "l1cat10x5": Task([category(f"c{i}", *"01234") for i in range(10)], matches),
    "krr14": flat(Task(RIDGE, ridge)),
}


# ---- conditional parameters

def arms(seed):
    """Hartmann's function in each of four arms, with reversed parameters in two of them, and a lower minimum in later arms."""
    good = int(Generator(9000 + seed).unit() * 4)

    def regret(point):
        depth = ("abcd".index(point["arm"]) + 4 - good) % 4
        x = vector(point, 3, point["arm"])
        return float(hartmann3(x if depth % 2 == 0 else 1 - x)) + 0.4 * depth

    return regret


def tree(seed):
    """Two arms with nothing in common: Branin's function and a third number, or Hartmann's."""
    random = Generator(9500 + seed)
    moved = [random.between(-2, 2), random.between(-2, 2), random.between(-0.8, 0.8)]
    turned = np.array([random.between(-0.1, 0.1) for _ in range(3)])
    worse = "a" if random.unit() < 0.5 else "b"

    def regret(point):
        if point["arm"] == "a":
            value = branin(vector(point, 2, "a") - moved[:2]) / 10 + (point["a2"] - moved[2])**2
        else:
            value = hartmann3(vector(point, 3, "b") - turned)
        return float(value) + (0.3 if point["arm"] == worse else 0)

    return regret


def network(seed):
    """An invented training run: a width for each layer, and parameters that only some optimizers and schedules have."""
    random = Generator(9700 + seed)
    best_lr, best_momentum, best_beta = random.between(-3, -2), random.between(0.5, 0.9), random.between(0.85, 0.99)
    best_gamma, best_every = random.between(-1.5, -0.3), random.between(5, 45)
    best_width = [random.between(4, 8) for _ in range(3)]
    best_layers = 1 + int(random.unit() * 3)
    worse = "sgd" if random.unit() < 0.5 else "adam"

    def optimizer(point):
        if point["optimizer"] == "adam":
            return 10 * (point["beta"] - best_beta)**2
        return 1.5 * (point["momentum"] - best_momentum)**2 if point["nesterov"] == "yes" else 0.15

    def schedule(point):
        if point["schedule"] != "step":
            return 0.05 if point["schedule"] == "cosine" else 0.2
        return 0.3 * (math.log10(point["gamma"]) - best_gamma)**2 + 0.3 * ((point["every"] - best_every) / 25)**2

    def loss(point):
        layers = int(point["layers"])
        off = math.log10(point["lr"]) - best_lr - (0.8 if point["optimizer"] == "sgd" else 0)
        widths = sum((math.log2(point[f"width{i}"]) - best_width[i])**2 for i in range(layers))
        return (0.3 * off**2 + 0.15 * abs(layers - best_layers) + 0.04 * widths + optimizer(point) + schedule(point)
                + (0.1 if point["optimizer"] == worse else 0))

    return loss


NETWORK = [log("lr", 1e-5, 1), category("optimizer", "sgd", "adam"),
           under("optimizer", ["sgd"], category("nesterov", "no", "yes")),
           under("nesterov", ["yes"], real("momentum", 0, 0.99)),
           under("optimizer", ["adam"], real("beta", 0.8, 0.999)), integer("layers", 1, 3), log("width0", 8, 512),
           under("layers", [2, 3], log("width1", 8, 512)), under("layers", [3], log("width2", 8, 512)),
           category("schedule", "none", "cosine", "step"), under("schedule", ["step"], log("gamma", 0.01, 1)),
           under("schedule", ["step"], integer("every", 1, 50))]

CONDITIONAL = {
    "arms": Task([category("arm", *"abcd")] + [under("arm", [arm], real(f"{arm}{i}", 0, 1))
                                              for arm in "abcd" for i in range(3)], arms),
    "tree": Task([category("arm", *"ab"), under("arm", ["a"], real("a0", -5, 10)), under("arm", ["a"], real("a1", 0, 15)),
                  under("arm", ["a"], real("a2", -1, 1))] + [under("arm", ["b"], real(f"b{i}", 0, 1)) for i in range(3)],
                 tree),
    "network": Task(NETWORK, network),
    "krr": Task(RIDGE, ridge),
}
CONDITIONAL |= {name + "_flat": flat(task) for name, task in CONDITIONAL.items()}


# ---- two objectives, ten real numbers

def zdt(shape):
    def objectives(point):
        x = vector(point, 10)
        g = 1 + 9 * x[1:].mean()
        return float(x[0]), float(g * shape(x[0], x[0] / g))

    return objectives


def zdt1(x, ratio):
    return 1 - math.sqrt(ratio)


def zdt2(x, ratio):
    return 1 - ratio**2


def zdt3(x, ratio):
    return 1 - math.sqrt(ratio) - ratio * math.sin(10 * math.pi * x)


def zdt_task(shape):
    front = [(x, shape(x, x)) for x in np.linspace(0, 1, 20001)]
    return Task(reals(10, 0, 1), lambda seed: zdt(shape), (11, 11), lambda: front)


def dtlz2(seed):
    # In the textbook the front lies at the centre, where a first trial would find it without search.
    centre = drawn(9, 4000 + seed, 0.2, 0.8)

    def objectives(point):
        x = vector(point, 10)
        radius = 1 + ((x[1:] - centre)**2).sum()
        return float(radius * math.cos(x[0] * math.pi / 2)), float(radius * math.sin(x[0] * math.pi / 2))

    return objectives


def circle():
    return [(math.cos(angle), math.sin(angle)) for angle in np.linspace(0, math.pi / 2, 20001)]


FRONTS = {
    "zdt1": zdt_task(zdt1), "zdt2": zdt_task(zdt2), "zdt3": zdt_task(zdt3),
    "dtlz2s": Task(reals(10, 0, 1), dtlz2, (2.5, 2.5), circle),
}


# ---- held out: rotated functions, narrow peaks, a mixture of types

def rotated(count, function):
    def make(seed):
        origin = drawn(count, 5000 + seed, -4, 4)
        random = Generator(6000 + seed)
        gaussian = [[math.sqrt(-2 * math.log(1 - random.unit())) * math.cos(2 * math.pi * random.unit())
                     for _ in range(count)] for _ in range(count)]
        turn = np.linalg.qr(np.array(gaussian))[0]
        return lambda point: float(function(turn @ (vector(point, count) - origin)))

    return Task(reals(count, -5, 5), make)


def ellipsoid(z):
    return (1000.0 ** (np.arange(len(z)) / (len(z) - 1)) * z * z).sum()


def griewank(z):
    return (z * z).sum() / 40 - np.cos(z * 1.5 / np.sqrt(np.arange(len(z)) + 1)).prod() + 1


def different_powers(z):
    return math.sqrt((np.abs(z) ** (2 + 4 * np.arange(len(z)) / (len(z) - 1))).sum())


def gallagher(count, peaks):
    def make(seed):
        random = Generator(7000 + seed)
        at, width, height = np.empty((peaks, count)), np.empty((peaks, count)), np.empty(peaks)
        for i in range(peaks):
            height[i] = 10 if i == 0 else 1.1 + 8 * random.unit()
            for j in range(count):
                at[i, j] = random.between(-4, 4)
                width[i, j] = 10 ** (-1 + 1.5 * random.unit())
        return lambda point: float(
            10 - (height * np.exp(-(width * (vector(point, count) - at)**2).sum(axis=1) / (2 * count))).max())

    return Task(reals(count, -5, 5), make)


def training(seed):
    """The final loss of an invented training run: learning rate against batch size, width, depth and optimizer."""
    random = Generator(8000 + seed)
    base, deep, wide = -2 - random.unit(), 2 + 4 * random.unit(), 5 + 3 * random.unit()
    decay, drop = -4 + 2 * random.unit(), 0.1 + 0.3 * random.unit()
    offsets = {"sgd": 0.8, "adam": -0.4, "lion": -1.2, "rmsprop": -0.2}
    costs = {"sgd": 0.05, "adam": 0, "lion": 0.02, "rmsprop": 0.04}

    def loss(p):
        name = p["optimizer"]
        best_lr = base + offsets[name] + 0.5 * math.log10(p["batch"] / 64)
        if name == "sgd":
            best_lr += 0.7 * math.log10(1.0001 - p["momentum"])
        off = math.log10(p["lr"]) - best_lr
        total = 0.3 * off * off + (2 * (1 - math.exp(-4 * (off - 0.8))) if off > 0.8 else 0) + costs[name]
        total += 0.03 * (p["layers"] - deep)**2 + 0.08 * (math.log2(p["width"]) - wide)**2
        total += 0.05 * (math.log10(p["decay"]) - decay)**2
        total += 1.2 * (p["dropout"] - drop)**2 * (1 + p["width"] / 512)
        return total + 0.1 * abs(math.log2(p["batch"] / 128)) / 5

    return loss


HOLDOUT = {
    "rot_ellipsoid6": rotated(6, ellipsoid), "rot_rastrigin4": rotated(4, rastrigin), "rot_ackley6": rotated(6, ackley),
    "rot_rosenbrock4": rotated(4, rosenbrock), "griewank8": rotated(8, griewank), "powers12": rotated(12, different_powers),
    "gallagher4": gallagher(4, 21),
    "training8": Task([log("lr", 1e-5, 1), log("decay", 1e-6, 1e-1),
                       Parameter("batch", "discrete", values=(16, 32, 64, 128, 256, 512)), integer("layers", 1, 8),
                       integer("width", 16, 512), category("optimizer", "sgd", "adam", "lion", "rmsprop"),
                       real("dropout", 0, 0.8), real("momentum", 0, 0.99)], training),
}

GROUPS = {"public": PUBLIC, "holdout": HOLDOUT, "conditional": CONDITIONAL, "fronts": FRONTS}
ALL = {name: task for group in GROUPS.values() for name, task in group.items()}
