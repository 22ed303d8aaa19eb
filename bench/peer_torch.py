#!/usr/bin/env python3
"""Times PyTorch's normalizations on the rows of a clnorm benchmark and prints JSON lines with the same keys.

    clnorm bench --suite full --json bench.jsonl
    python3 bench/peer_torch.py --like bench.jsonl >torch.jsonl
    python3 bench/peer_torch.py --shape 32x64x56x56 --pass train,backward --device cpu
    python3 bench/peer_torch.py --op group --groups 8 --dtype bf16 --activation relu --residual --shape 32x64x56x56

Operations are those of torch.nn.functional, residual and activation are calls of their own after them: what eager PyTorch does.
Its statistics are float32 for half types; gamma and beta have the type that it takes beside such tensors.

On a GPU (--device cuda, the default where there is one) time is taken with CUDA events, elsewhere with the wall clock.
Each pass takes turns with a copy of x. "check" is "ok" if y or dx agrees with the formulas in float64 to 1 %; nothing finer
is asked of a peer. Beside the records a summary with clnorm's times, if --like has them, goes to stderr.
"""

import argparse
import json
import math
import sys
import time
import typing

try:
    import torch
    import torch.nn.functional as F
except ImportError:
    sys.exit("peer_torch.py: this Python has no torch")

EPSILON = 1e-5
ROUNDS = 12
SAMPLE_AT_LEAST = 2e-4  # seconds; shorter runs are timed together
PASSES = ("infer", "train", "backward", "backward-frozen")
HAS_RUNNING = ("batch", "instance")
DTYPES = {"f32": torch.float32, "f16": torch.float16, "bf16": torch.bfloat16, "f64": torch.float64}
BYTES = {"f32": 4, "f16": 2, "bf16": 2, "f64": 8}
ACTIVATIONS = {
    "none": lambda z, a: z,
    "relu": lambda z, a: F.relu(z),
    "leaky-relu": F.leaky_relu,
    "clipped-relu": lambda z, a: z.clamp(0.0, a),
    "elu": F.elu,
    "sigmoid": lambda z, a: torch.sigmoid(z),
    "tanh": lambda z, a: torch.tanh(z),
    "silu": lambda z, a: F.silu(z),
    "gelu": lambda z, a: F.gelu(z),
    "gelu-tanh": lambda z, a: F.gelu(z, approximate="tanh"),
}
ALPHAS = {"leaky-relu": 0.01, "clipped-relu": 6.0, "elu": 1.0}
CHECKED = 1 << 23  # elements that the float64 check is made over


def interval_rank(n):
    """Samples below the lower end of the median's 95 % interval: the same rule as stats.c."""
    below, rank = 0.0, 0
    for i in range(n // 2):
        below += math.exp(math.lgamma(n + 1) - math.lgamma(i + 1) - math.lgamma(n - i + 1) - n * math.log(2))
        if below > 0.025:
            break
        rank = i
    return rank


def summarize(samples):
    ordered = sorted(samples)
    n = len(ordered)
    rank = interval_rank(n)
    median = ordered[n // 2] if n % 2 else 0.5 * (ordered[n // 2 - 1] + ordered[n // 2])
    return median, [ordered[rank], ordered[n - 1 - rank]]


def seconds(run, times, cuda):
    """Seconds a run, of `times` runs back to back."""
    if cuda:
        begin, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        begin.record()
        for _ in range(times):
            run()
        end.record()
        end.synchronize()
        return begin.elapsed_time(end) * 1e-3 / times
    begin = time.perf_counter()
    for _ in range(times):
        run()
    return (time.perf_counter() - begin) / times


def measure(runs, min_time, cuda):
    """Samples of each of the runs, turn by turn."""
    samples = [[] for _ in runs]
    repeats = []
    for run in runs:
        seconds(run, 3, cuda)
        repeats.append(max(1, min(256, math.ceil(SAMPLE_AT_LEAST / max(seconds(run, 1, cuda), 1e-7)))))
    for _ in range(ROUNDS):
        for run, times, taken in zip(runs, repeats, samples):
            seconds(run, 1, cuda)
            spent = 0.0
            while spent == 0.0 or spent < min_time / ROUNDS:
                one = seconds(run, times, cuda)
                spent += one * times
                taken.append(one)
    return samples


def in_layout(tensor, layout):
    """The same (N, C, ...) tensor with its memory in the order of the layout."""
    if layout == "channels-first" or tensor.dim() == 2:
        return tensor.contiguous()
    order = [0, *range(2, tensor.dim()), 1]
    back = [0, tensor.dim() - 1, *range(1, tensor.dim() - 1)]
    return tensor.permute(order).contiguous().permute(back)


class Kind(typing.NamedTuple):
    """Which normalization: what a record says besides shape, layout and pass."""

    op: str = "batch"
    axis: int = 1
    groups: int = 0
    dtype: str = "f32"
    activation: str = "none"
    residual: bool = False

    def keys(self):
        """As the record has them."""
        keys = {"op": self.op}
        if self.op in ("layer", "rms"):
            keys["axis"] = self.axis
        if self.op == "group":
            keys["groups"] = self.groups
        return {**keys, "dtype": self.dtype, "activation": self.activation, "residual": self.residual}

    def activate(self, z):
        name, _, alpha = self.activation.partition(":")
        return ACTIVATIONS[name](z, float(alpha) if alpha else ALPHAS.get(name, 0.0))

    def tensors_moved(self, which):
        derives = self.activation != "none"
        if which.startswith("backward"):
            return 3 + (1 + derives if self.residual else 0)
        return 3 if self.residual else 2

    def text(self):
        return " ".join(f"{key} {value}" for key, value in self.keys().items())


class Case:
    """The tensors of one shape in one layout, and what is run on them."""

    def __init__(self, kind, shape, layout, device):
        generator = torch.Generator(device=device)
        generator.manual_seed(11)
        self.kind = kind
        self.is_rows = kind.op in ("layer", "rms")
        self.normalized = tuple(shape[kind.axis:])
        dtype = DTYPES[kind.dtype]
        # batch_norm and instance_norm take float parameters beside half tensors on a GPU and bf16 on a CPU; the others do not.
        number = torch.float32 if kind.op in HAS_RUNNING and kind.dtype != "f64" else dtype
        parameters = self.normalized if self.is_rows else (shape[1],)
        if kind.op == "rms" and not hasattr(F, "rms_norm"):
            raise NotImplementedError("this PyTorch has no rms_norm")

        def normal(*dims):
            return torch.randn(*dims, generator=generator, device=device)

        def tensor():
            made = normal(*shape).to(dtype)
            return made.contiguous() if self.is_rows else in_layout(made, layout)

        self.x, self.dy = tensor(), tensor()
        self.residual = tensor() if kind.residual else None
        self.y = torch.empty_like(self.x)
        self.gamma = (normal(*parameters).abs() + 0.5).to(number)
        self.beta = None if kind.op == "rms" else normal(*parameters).to(number)
        self.running_mean = normal(shape[1]).to(number)
        self.running_var = (normal(shape[1]).abs() + 0.5).to(number)
        self.updated_mean, self.updated_var = self.running_mean.clone(), self.running_var.clone()

    def copy(self):
        self.y.copy_(self.x)

    def normalize(self, training, x, gamma, beta):
        op = self.kind.op
        if op == "layer":
            return F.layer_norm(x, self.normalized, gamma, beta, EPSILON)
        if op == "rms":
            return F.rms_norm(x, self.normalized, gamma, EPSILON)
        if op == "group":
            return F.group_norm(x, self.kind.groups, gamma, beta, EPSILON)
        # Updates must not move the statistics that later runs and the check read.
        mean, var = (self.updated_mean, self.updated_var) if training else (self.running_mean, self.running_var)
        if op == "instance":
            return F.instance_norm(x, mean, var, gamma, beta, use_input_stats=training, momentum=0.1, eps=EPSILON)
        return F.batch_norm(x, mean, var, gamma, beta, training=training, momentum=0.1, eps=EPSILON)

    def forward(self, training, x, gamma, beta, residual):
        z = self.normalize(training, x, gamma, beta)
        return self.kind.activate(z if residual is None else z + residual)

    def runner(self, which):
        """A function that runs the pass and returns y or dx."""
        arguments = (self.x, self.gamma, self.beta, self.residual)
        if which in ("train", "infer"):

            def run_forward():
                with torch.no_grad():
                    return self.forward(which == "train", *arguments)

            return run_forward
        leaves = [None if t is None else t.detach().requires_grad_(True) for t in arguments]
        inputs = [t for t in leaves if t is not None]
        y = self.forward(which == "backward", *leaves)

        def run_backward():
            return torch.autograd.grad(y, inputs, self.dy, retain_graph=True)[0]

        return run_backward

    def part(self):
        """Slices of x and of the parameters that are a problem of their own, as large as is quick to do in float64."""
        rows = self.is_rows or self.kind.op == "group"  # samples; their parameters are all of them
        extent = self.x.shape[0 if rows else 1]
        picked = slice(0, max(1, min(extent, CHECKED * extent // max(self.x.numel(), 1))))
        whole = slice(None)
        if self.is_rows and self.kind.axis == 0:
            return (whole,), whole
        return ((picked,), whole) if rows else ((whole, picked), picked)

    def statistics(self, which, x, picked):
        """Mean and variance in float64, shaped to be used with x."""
        op = self.kind.op
        if op in HAS_RUNNING and which in ("infer", "backward-frozen"):
            wide = [1, -1] + [1] * (x.dim() - 2)
            return (t[picked].double().reshape(wide) for t in (self.running_mean, self.running_var))
        grouped = x
        if op == "group":
            grouped = x.reshape(x.shape[0], self.kind.groups, -1)
        axes = {"batch": [0, *range(2, x.dim())], "instance": list(range(2, x.dim())), "group": [2]}
        over = axes.get(op, list(range(self.kind.axis, x.dim())))
        mean = torch.zeros_like(grouped.sum(over, keepdim=True)) if op == "rms" else grouped.mean(over, keepdim=True)
        var = ((grouped - mean) ** 2).mean(over, keepdim=True)
        if op == "group":
            wide = [x.shape[0], x.shape[1]] + [1] * (x.dim() - 2)
            each = x.shape[1] // self.kind.groups
            mean, var = (t.repeat_interleave(each, 1).reshape(wide) for t in (mean, var))
        return mean, var

    def agrees(self, which, got):
        """Whether y or dx agrees with the formulas in float64; the gradient is autograd's, of these formulas."""
        taken, picked = self.part()
        wide = [-1] if self.is_rows else [1, -1] + [1] * (self.x.dim() - 2)
        shape = self.normalized if self.is_rows else wide
        x = self.x[taken].double().contiguous().requires_grad_(True)
        gamma, beta = (None if t is None else t[picked].double().reshape(shape) for t in (self.gamma, self.beta))
        mean, var = self.statistics(which, x, picked)
        z = gamma * (x - mean) / torch.sqrt(var + EPSILON)
        z = z if beta is None else z + beta
        z = z if self.residual is None else z + self.residual[taken].double()
        expected = self.kind.activate(z)
        if which.startswith("backward"):
            expected = torch.autograd.grad(expected, x, self.dy[taken].double())[0]
        error = ((got[taken].double() - expected) ** 2).sum()
        return bool(error <= 1e-4 * (expected**2).sum())


def device_texts(device):
    driver = "torch " + torch.__version__
    if device.type == "cuda":
        cudnn = torch.backends.cudnn.version() if torch.backends.cudnn.is_available() else "none"
        return torch.cuda.get_device_name(device), f"{driver}, CUDA {torch.version.cuda}, cuDNN {cudnn}"
    return "cpu", f"{driver}, {torch.get_num_threads()} threads"


def measure_case(kind, shape, layout, passes, device, min_time):
    """Records of one shape in one layout."""
    case = Case(kind, shape, layout, device)
    name, driver = device_texts(device)
    runs, checks = [case.copy], []
    for which in passes:
        run = case.runner(which)
        checks.append("ok" if case.agrees(which, run()) else "wrong")
        runs.append(run)
    samples = measure(runs, min_time, device.type == "cuda")
    copy = summarize(samples[0])[0]
    tensor = BYTES[kind.dtype] * math.prod(shape)
    for which, check, taken in zip(passes, checks, samples[1:]):
        median, interval = summarize(taken)
        least = kind.tensors_moved(which) * tensor
        right = check == "ok"
        yield {
            "schema": 1, "pass": which, "shape": list(shape), "layout": layout, **kind.keys(),
            "backend": "torch", "device": name, "driver": driver,
            "variant": "torch", "n": len(taken), "median_s": median if right else None,
            "ci95_s": interval if right else [None, None], "copy_s": copy,
            "times_copy": median / copy if right else None, "bytes_least": least,
            "gbps": least / median * 1e-9 if right else None, "compile_s": None, "check": check, "max_err": None,
            "tolerance": None, "peers": {}, "version": torch.__version__, "git": "",
        }


def kind_of(record):
    return Kind(record["op"], record.get("axis", 1), record.get("groups", 0), record["dtype"], record["activation"],
                record["residual"])


def read_cases(options):
    """{(kind, shape, layout): {pass: clnorm's seconds or None}} in the order of the file or of the command line."""
    cases = {}
    if options.like:
        with open(options.like, encoding="utf-8") as file:
            for line in file:
                record = json.loads(line)
                if record["check"] == "unsupported":
                    continue
                key = kind_of(record), tuple(record["shape"]), record["layout"]
                # A file of several devices has OpenCL ones before the CPU backend.
                cases.setdefault(key, {}).setdefault(record["pass"], record["median_s"])
        return cases
    kind = Kind(options.op, options.axis, options.groups, options.dtype, options.activation, options.residual)
    passes = options.passes or ",".join(PASSES if kind.op in HAS_RUNNING else ("train", "backward"))
    for text in options.shape.split(","):
        shape = tuple(int(size) for size in text.split("x"))
        for layout in options.layout.split(","):
            if layout == "channels-first" or (len(shape) > 2 and kind.op not in ("layer", "rms")):
                cases[kind, shape, layout] = {which: None for which in passes.split(",")}
    return cases


def read_options():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--like", metavar="FILE", help="take the rows of clnorm's records")
    what.add_argument("--shape", metavar="LIST", help="NxCx...,NxCx...")
    parser.add_argument("--op", default="batch", choices=("batch", "layer", "instance", "group", "rms"))
    parser.add_argument("--axis", type=int, default=1, metavar="K", help="layer, rms: over the axes from K to the last")
    parser.add_argument("--groups", type=int, default=0, metavar="G", help="group: into how many C is divided")
    parser.add_argument("--dtype", default="f32", choices=tuple(DTYPES))
    parser.add_argument("--activation", default="none", metavar="NAME[:ALPHA]", help=", ".join(ACTIVATIONS))
    parser.add_argument("--residual", action="store_true", help="add one before the activation")
    parser.add_argument("--pass", dest="passes", metavar="LIST", help=", ".join(PASSES))
    parser.add_argument("--layout", default="channels-first,channels-last", metavar="LIST")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu", metavar="NAME")
    parser.add_argument("--min-time", type=float, default=0.2, metavar="S", help="seconds of samples for each pass")
    return parser.parse_args()


def main():
    options = read_options()
    device = torch.device(options.device)
    if device.type == "cpu":
        torch.set_flush_denormal(False)
    wrong = 0
    for (kind, shape, layout), passes in read_cases(options).items():
        name = f"{kind.text()}: {'x'.join(map(str, shape))} {layout}"
        try:
            records = list(measure_case(kind, shape, layout, list(passes), device, options.min_time))
        except (NotImplementedError, RuntimeError) as error:
            # A type that this device's kernels do not know, an operation of a later version, memory that is not there.
            print(f"{name}: unsupported: {str(error).splitlines()[0]}", file=sys.stderr)
            continue
        for record in records:
            print(json.dumps(record), flush=True)
            wrong += record["check"] != "ok"
            own, theirs = passes[record["pass"]], record["median_s"]
            beside = f", clnorm {own * 1e3:.3f} ms: {theirs / own:.2f} times faster" if own and theirs else ""
            shown = "wrong" if theirs is None else f"{theirs * 1e3:.3f} ms, {record['times_copy']:.2f} times its copy"
            print(f"{record['pass']} {name}: {shown}{beside}", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
