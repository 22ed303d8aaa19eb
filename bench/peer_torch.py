#!/usr/bin/env python3
"""Times PyTorch's batch normalization on the shapes of a clnorm benchmark and prints JSON lines with the same keys.

    clnorm bench --suite full --json bench.jsonl
    python3 bench/peer_torch.py --like bench.jsonl >torch.jsonl
    python3 bench/peer_torch.py --shape 32x64x56x56 --pass train,backward --device cpu

On a GPU (--device cuda, the default where there is one) time is taken with CUDA events, elsewhere with the wall clock.
Each pass takes turns with a copy of x. "check" is "ok" if y or dx agrees with the formulas in float64 to 1 %; nothing finer
is asked of a peer. Beside the records a summary with clnorm's times, if --like has them, goes to stderr.
"""

import argparse
import json
import math
import sys
import time

try:
    import torch
    import torch.nn.functional as F
except ImportError:
    sys.exit("peer_torch.py: this Python has no torch")

EPSILON = 1e-5
ROUNDS = 12
SAMPLE_AT_LEAST = 2e-4  # seconds; shorter runs are timed together
PASSES = ("infer", "train", "backward", "backward-frozen")
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


class Case:
    """The tensors of one shape in one layout, and what is run on them."""

    def __init__(self, shape, layout, device):
        generator = torch.Generator(device=device)
        generator.manual_seed(11)
        channels = shape[1]

        def normal(*dims):
            return torch.randn(*dims, generator=generator, device=device)

        self.x = in_layout(normal(*shape), layout)
        self.dy = in_layout(normal(*shape), layout)
        self.y = torch.empty_like(self.x)
        self.gamma = normal(channels).abs() + 0.5
        self.beta = normal(channels)
        self.running_mean = normal(channels)
        self.running_var = normal(channels).abs() + 0.5

    def copy(self):
        self.y.copy_(self.x)

    def forward(self, training, x=None, gamma=None, beta=None):
        # Updates must not move the statistics that later runs and the check read.
        mean, var = self.running_mean, self.running_var
        if training:
            mean, var = self.updated_mean, self.updated_var
        return F.batch_norm(self.x if x is None else x, mean, var, self.gamma if gamma is None else gamma,
                            self.beta if beta is None else beta, training=training, momentum=0.1, eps=EPSILON)

    def runner(self, which):
        """A function that runs the pass and returns y or dx."""
        self.updated_mean, self.updated_var = self.running_mean.clone(), self.running_var.clone()
        if which in ("train", "infer"):

            def run_forward():
                with torch.no_grad():
                    return self.forward(which == "train")

            return run_forward
        inputs = [t.detach().requires_grad_(True) for t in (self.x, self.gamma, self.beta)]
        y = self.forward(which == "backward", *inputs)

        def run_backward():
            return torch.autograd.grad(y, inputs, self.dy, retain_graph=True)[0]

        return run_backward

    def agrees(self, which, got):
        """Whether y or dx agrees with the formulas, over as many channels as are quick to do in float64."""
        values = self.x.numel() // self.x.shape[1]
        picked = slice(0, max(1, CHECKED // max(values, 1)))
        axes = [i for i in range(self.x.dim()) if i != 1]
        wide = [1, -1] + [1] * (self.x.dim() - 2)
        x, dy = self.x[:, picked].double(), self.dy[:, picked].double()
        gamma, beta = (t[picked].double().reshape(wide) for t in (self.gamma, self.beta))
        if which in ("train", "backward"):
            mean = x.mean(axes, keepdim=True)
            var = ((x - mean) ** 2).mean(axes, keepdim=True)
        else:
            mean, var = (t[picked].double().reshape(wide) for t in (self.running_mean, self.running_var))
        inv_std = 1.0 / torch.sqrt(var + EPSILON)
        xh = (x - mean) * inv_std
        if which in ("train", "infer"):
            expected = gamma * xh + beta
        elif which == "backward":
            expected = gamma * inv_std * (dy - dy.mean(axes, keepdim=True) - xh * (dy * xh).mean(axes, keepdim=True))
        else:
            expected = gamma * inv_std * dy
        error = ((got[:, picked].double() - expected) ** 2).sum()
        return bool(error <= 1e-4 * (expected**2).sum())


def device_texts(device):
    driver = "torch " + torch.__version__
    if device.type == "cuda":
        cudnn = torch.backends.cudnn.version() if torch.backends.cudnn.is_available() else "none"
        return torch.cuda.get_device_name(device), f"{driver}, CUDA {torch.version.cuda}, cuDNN {cudnn}"
    return "cpu", f"{driver}, {torch.get_num_threads()} threads"


def measure_case(shape, layout, passes, device, min_time):
    """Records of one shape in one layout."""
    case = Case(shape, layout, device)
    name, driver = device_texts(device)
    runs, checks = [case.copy], []
    for which in passes:
        run = case.runner(which)
        checks.append("ok" if case.agrees(which, run()) else "wrong")
        runs.append(run)
    samples = measure(runs, min_time, device.type == "cuda")
    copy = summarize(samples[0])[0]
    tensor = 4 * math.prod(shape)
    for which, check, taken in zip(passes, checks, samples[1:]):
        median, interval = summarize(taken)
        least = (3 if which.startswith("backward") else 2) * tensor
        right = check == "ok"
        yield {
            "schema": 1, "op": "batch", "pass": which, "shape": list(shape), "layout": layout, "dtype": "f32",
            "activation": "none", "residual": False, "backend": "torch", "device": name, "driver": driver,
            "variant": "torch", "n": len(taken), "median_s": median if right else None,
            "ci95_s": interval if right else [None, None], "copy_s": copy,
            "times_copy": median / copy if right else None, "bytes_least": least,
            "gbps": least / median * 1e-9 if right else None, "compile_s": None, "check": check, "max_err": None,
            "tolerance": None, "peers": {}, "version": torch.__version__, "git": "",
        }


def read_cases(options):
    """{(shape, layout): {pass: clnorm's seconds or None}} in the order of the file or of the command line."""
    cases = {}
    if options.like:
        with open(options.like, encoding="utf-8") as file:
            for line in file:
                record = json.loads(line)
                key = tuple(record["shape"]), record["layout"]
                # A file of several devices has OpenCL ones before the CPU backend.
                cases.setdefault(key, {}).setdefault(record["pass"], record["median_s"])
        return cases
    for text in options.shape.split(","):
        shape = tuple(int(size) for size in text.split("x"))
        for layout in options.layout.split(","):
            if len(shape) > 2 or layout == "channels-first":
                cases[shape, layout] = {which: None for which in options.passes.split(",")}
    return cases


def read_options():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--like", metavar="FILE", help="take shapes, layouts and passes from clnorm's records")
    what.add_argument("--shape", metavar="LIST", help="NxCx...,NxCx...")
    parser.add_argument("--pass", dest="passes", default=",".join(PASSES), metavar="LIST")
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
    for (shape, layout), passes in read_cases(options).items():
        for record in measure_case(shape, layout, list(passes), device, options.min_time):
            print(json.dumps(record), flush=True)
            wrong += record["check"] != "ok"
            own, theirs = passes[record["pass"]], record["median_s"]
            beside = f", clnorm {own * 1e3:.3f} ms: {theirs / own:.2f} times faster" if own and theirs else ""
            shown = "wrong" if theirs is None else f"{theirs * 1e3:.3f} ms, {record['times_copy']:.2f} times its copy"
            print(f"{record['pass']} {'x'.join(map(str, shape))} {layout}: {shown}{beside}", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
