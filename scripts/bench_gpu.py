"""Embeddings per second on a GPU, beside PyTorch. `make bench-gpu` runs this.

Same GPU, same weights, same faces, and the two sides take turns (ours, peer, peer, ours, ...). Our side is the program
e2e-tests/benches/gpu.rs, which is told what to do line by line. PyTorch runs the network as one would to be fast: batch
normalisation folded in, channels last, convolutions chosen by trial (cudnn.benchmark), one CUDA graph per batch size; in half
precision (bfloat16) and in 32 bits. Either side has the faces on the GPU before, and brings the embeddings of the last round back.

Each side's embeddings are compared before anything is measured. Prints a table, and writes its rows to results.json in the folder
given. With `--device cpu` only the embeddings are compared, without a GPU.
"""

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import torch
from safetensors.numpy import load_file
from torch.nn import functional

ROOT = Path(__file__).resolve().parent.parent
BATCHES = (1, 8, 64, 256)
SIDE = 112
# Input and output channels and the stride of the depthwise convolution, of blocks 2 to 14.
BLOCKS = (
    (32, 64, 1),
    (64, 128, 2),
    (128, 128, 1),
    (128, 256, 2),
    (256, 256, 1),
    (256, 512, 2),
    *[(512, 512, 1)] * 5,
    (512, 1024, 2),
    (1024, 1024, 1),
)
CONV_EPSILON, HEAD_EPSILON = 1e-3, 2e-5
# Cosine between the two sides' embeddings of a face, at least.
AGREEMENT = {"single": 0.99999, "half": 0.999}


# The peer -----------------------------------------------------------------------------------------------------------------


class SFace:
    """The network in PyTorch's operators."""

    def __init__(self, weights, device, dtype):
        self.weights, self.device, self.dtype = weights, device, dtype
        self.layers = [self.convolution("conv_1", 1, 1)]
        for number, (channels, _, stride) in enumerate(BLOCKS, 2):
            self.layers.append(self.convolution(f"conv_{number}_dw", stride, channels))
            self.layers.append(self.convolution(f"conv_{number}", 1, 1))
        self.head = self.load_head()

    def stored(self, name):
        """The tensor that the graph calls so, whether the file quantized it or not."""
        suffixes = ("_reshaped", "_dequantized", "")
        return next(self.weights[name + suffix] for suffix in suffixes if name + suffix in self.weights)

    def normalisation(self, name, epsilon):
        gamma, beta, mean, variance = (self.weights[f"{name}_{part}"] for part in ("gamma", "beta", "moving_mean", "moving_var"))
        scale = gamma / np.sqrt(variance + epsilon)
        return scale, beta - mean * scale

    def there(self, values):
        return torch.from_numpy(np.ascontiguousarray(values, dtype=np.float32)).to(self.device, self.dtype)

    def convolution(self, name, stride, groups):
        kernel = self.stored(f"{name}_conv2d_weight")
        scale, shift = self.normalisation(f"{name}_batchnorm", CONV_EPSILON)
        kernel = self.there(kernel * scale[:, None, None, None]).to(memory_format=torch.channels_last)
        slopes = self.there(self.weights[f"{name}_relu_gamma"].reshape(-1))
        padding = kernel.shape[2] // 2
        return kernel, self.there(shift), slopes, stride, padding, groups

    def load_head(self):
        matrix, bias = self.stored("pre_fc1_weight"), self.stored("pre_fc1_bias")
        before_scale, before_shift = self.normalisation("bn1", HEAD_EPSILON)
        after_scale, after_shift = self.normalisation("fc1", HEAD_EPSILON)
        matrix = matrix.reshape(len(bias), len(before_scale), -1)
        bias = (matrix.sum(2) @ before_shift + bias) * after_scale + after_shift
        matrix = matrix * before_scale[None, :, None] * after_scale[:, None, None]
        # The last picture's channels come last.
        return self.there(matrix.transpose(0, 2, 1).reshape(len(bias), -1)), self.there(bias)

    def __call__(self, faces):
        """(batch, 112, 112, 3), 0 to 255, to (batch, 128)."""
        x = ((faces - 127.5) / 128).to(self.dtype).permute(0, 3, 1, 2)
        for kernel, bias, slopes, stride, padding, groups in self.layers:
            x = functional.conv2d(x, kernel, bias, stride, padding, 1, groups)
            x = functional.prelu(x, slopes)
        matrix, bias = self.head
        return functional.linear(x.permute(0, 2, 3, 1).reshape(len(faces), -1), matrix, bias).float()


class Graph:
    """The network for one batch as one CUDA graph, captured once."""

    def __init__(self, network, faces):
        self.faces = faces.clone()
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            for _ in range(5):
                network(self.faces)
        torch.cuda.current_stream().wait_stream(stream)
        self.graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self.graph):
            self.embeddings = network(self.faces)

    def embed(self, rounds):
        torch.cuda.synchronize()
        started = time.perf_counter()
        for _ in range(rounds):
            self.graph.replay()
        embeddings = self.embeddings.cpu()
        return (time.perf_counter() - started) * 1e3 / rounds, embeddings.numpy()


# Both sides ---------------------------------------------------------------------------------------------------------------


class Ours:
    """The Rust program: one that is given, or as cargo has built it before."""

    def __init__(self, program, on_gpu):
        command = "exec cargo bench --quiet --workspace --bench gpu"
        if on_gpu:
            # For our side only: PyTorch brings CUDA libraries of its own.
            command = f'eval "$(scripts/cuda-toolkit)" && {command} --features cli/cuda'
        command = [program.resolve()] if program else ["bash", "-c", command]
        self.process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, command):
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        return json.loads(answer) if answer else sys.exit("our side ended early")

    def embed(self, precision, batch, rounds):
        answer = self.ask(f"embed {precision} {batch} {rounds}")
        return answer["ms"], np.array(answer["embeddings"])

    def end(self):
        self.process.stdin.close()
        self.process.wait()


def check(precision, ours, theirs):
    unit = [x / np.linalg.norm(x, axis=1, keepdims=True) for x in (ours, theirs)]
    least = float((unit[0] * unit[1]).sum(1).min())
    print(f"{precision}: embeddings agree to a cosine of {least:.7f}", file=sys.stderr)
    if not least >= AGREEMENT[precision]:
        sys.exit("the two sides do not compute the same")


def measure(ours, theirs, arguments):
    """Milliseconds of a round on either side, in turns."""
    sides = (ours, theirs)
    # As many rounds as fill the time, after a warm-up.
    rounds = [max(1, int(arguments.seconds * 1e3 / side(10)[0])) for side in sides]
    times = ([], [])
    for turn in range(arguments.turns):
        for side in (0, 1) if turn % 2 == 0 else (1, 0):
            times[side].append(sides[side](rounds[side])[0])
    return times


def rows(ours, networks, faces, arguments):
    for precision, network in networks.items():
        for batch in BATCHES:
            graph = Graph(network, faces[:batch])
            mine, theirs = measure(lambda n: ours.embed(precision, batch, n), graph.embed, arguments)
            row = {
                "work": "sface",
                "precision": precision,
                "batch": batch,
                "ours_per_s": round(batch * 1e3 / float(np.median(mine)), 1),
                "peer": f"PyTorch {torch.__version__}",
                "peer_per_s": round(batch * 1e3 / float(np.median(theirs)), 1),
                "ratio": round(float(np.median(mine) / np.median(theirs)), 3),
            }
            print(
                f"| {precision:9} | {batch:5} | {row['ours_per_s']:12.0f} | {row['peer_per_s']:12.0f} | {row['ratio']:5.2f} |",
                flush=True,
            )
            yield row


def main():
    parser = argparse.ArgumentParser(description="Measures embeddings per second beside PyTorch.")
    parser.add_argument("folder", type=Path, help="where faces and results are kept")
    parser.add_argument("--device", default="cuda:0", help="cuda:N, or cpu to compare embeddings only")
    parser.add_argument("--program", type=Path, help="our side, built before, where there is no cargo")
    parser.add_argument("--seconds", type=float, default=1.0, help="that one turn takes")
    parser.add_argument("--turns", type=int, default=9, help="of either side")
    arguments = parser.parse_args()

    folder = arguments.folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    # Noise takes as long as faces do, and is there without pictures of anyone.
    values = np.random.default_rng(1).integers(0, 256, (max(BATCHES), SIDE, SIDE, 3), dtype=np.uint8)
    path = folder / "faces.bin"
    path.write_bytes(values.tobytes())

    on_gpu = arguments.device != "cpu"
    ours = Ours(arguments.program, on_gpu)
    weights = load_file(ours.ask("weights")["weights"])
    ours.ask(f"open {arguments.device} {path}")
    torch.backends.cudnn.benchmark = True
    # 32 bits are 32 bits on either side.
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = False
    with torch.inference_mode():
        faces = torch.from_numpy(values).to(arguments.device, torch.float32)
        networks = {
            "single": SFace(weights, arguments.device, torch.float32),
            "half": SFace(weights, arguments.device, torch.bfloat16),
        }
        for precision, network in networks.items():
            check(precision, ours.embed(precision, 8, 1)[1], network(faces[:8]).cpu().numpy())
        if not on_gpu:
            return ours.end()
        print(f"{torch.cuda.get_device_name(arguments.device)}, CUDA {torch.version.cuda}\n")
        print("Embeddings per second, and the ratio of ours to theirs in time per embedding, smaller is better.\n")
        print("| precision | batch | ours         | PyTorch      | ratio |")
        print("|---|---|---|---|---|")
        found = list(rows(ours, networks, faces, arguments))
    ours.end()
    results = folder / "results.json"
    results.write_text(json.dumps(found, indent=1) + "\n")
    print(f"\nRows are in {results.relative_to(ROOT) if results.is_relative_to(ROOT) else results}.")


if __name__ == "__main__":
    main()
