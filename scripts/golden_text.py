#!/usr/bin/env python3
"""Writes vision/tests/golden/text.json: what onnxruntime says about the text models.

    pip install numpy onnx onnxruntime pillow
    pip download --no-deps rapidocr==3.10.0    # and unpack it
    scripts/golden_text.py --models rapidocr/models --font OCR-B.ttf

`bonafide models fetch` leaves the font in its fonts folder. The pictures given to onnxruntime are made of integers by `page` and
`line`, which the Rust test repeats bit for bit, so that nothing but the networks can differ. The letters they show are in the
file as one bit per pixel, so that the test needs no font. Their text is the specimen of ICAO 9303 part 4, appendix B.
"""

import argparse
import hashlib
import json
import pathlib

import numpy as np
import onnx
import onnxruntime
import PIL
from PIL import Image, ImageDraw, ImageFont

TEXT = ["P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<", "L898902C36UTO7408122F1204159ZE184226B<<<<<10"]

# Size of a line's bits.
WIDTH, HEIGHT = 616, 24

# Every n-th pixel of every n-th row of the detector's answer is kept.
KEPT = 7

# How many classes are kept per place.
TOP = 3


def bits(font, text):
    """The letters of a line, spread evenly: (24, 616) of 0 and 1."""
    image = Image.new("L", (WIDTH, HEIGHT))
    draw = ImageDraw.Draw(image)
    pitch = WIDTH / len(text)
    for index, letter in enumerate(text):
        draw.text(((index + 0.5) * pitch, HEIGHT / 2), letter, 255, font, anchor="mm")
    return (np.asarray(image) > 110).astype(np.uint8)


def texture(height, width, channel, seed):
    """0 to 63: slopes and hard edges."""
    y, x = np.mgrid[:height, :width]
    return ((x * (3 + channel) + y * (2 + channel)) ^ ((x * y) >> (4 + channel))) + seed * 17 & 63


def page(lines, height, width):
    """Planes (3, height, width) of 0 to 255: dark letters on a light texture, the lines one below the other from (28, 40) on."""
    planes = np.stack([192 + texture(height, width, c, 0) for c in range(3)])
    for index, line in enumerate(lines):
        top = 40 + 60 * index
        letters = np.zeros((height, width), bool)
        letters[top : top + HEIGHT, 28 : 28 + WIDTH] = line
        planes[:, letters] = 20 + planes[:, letters] % 32
    return planes


def line(letters, seed):
    """Planes (3, 48, 1232) of 0 to 255: the letters twice as large."""
    large = letters.repeat(2, axis=0).repeat(2, axis=1).astype(bool)
    planes = np.stack([192 + texture(*large.shape, c, seed) for c in range(3)])
    planes[:, large] = 20 + planes[:, large] % 32
    return planes


def scaled(planes):
    return (planes.astype(np.float32) / np.float32(127.5) - 1)[None]


def rounded(values, digits):
    return [round(float(v), digits) for v in np.asarray(values).ravel()]


def session(path):
    return onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])


def recognized(run, characters, planes):
    (probabilities,) = run.run(None, {"x": scaled(planes)})
    top = np.argsort(-probabilities[0], axis=1, kind="stable")[:, :TOP]
    classes = probabilities[0].argmax(1)
    kept = classes[np.flatnonzero(np.diff(classes, prepend=0) * (classes > 0))]
    return {
        "text": "".join(characters[c] for c in kept),
        "classes": [int(c) for c in top.ravel()],
        "probabilities": rounded(np.take_along_axis(probabilities[0], top, 1), 6),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", type=pathlib.Path, required=True)
    parser.add_argument("--font", type=pathlib.Path, required=True)
    parser.add_argument("--out", type=pathlib.Path, default="vision/tests/golden/text.json")
    args = parser.parse_args()
    detector, recognizer = (args.models / f"PP-OCRv6_{part}_small.onnx" for part in ("det", "rec"))

    font = ImageFont.truetype(args.font, 23)
    lines = [bits(font, text) for text in TEXT]

    (detected,) = session(detector).run(None, {"x": scaled(page(lines, 192, 672))})

    properties = {entry.key: entry.value for entry in onnx.load(recognizer).metadata_props}
    characters = ["", *properties["character"].split("\n"), " "]
    run = session(recognizer)
    # Lines without text, of another width: a network that reads letters right may still be wrong about the rest.
    plain = np.stack([texture(48, 328, c, 5) * 4 for c in range(3)])

    golden = {
        "made_with": {"onnxruntime": onnxruntime.__version__, "pillow": PIL.__version__},
        "sha256": {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in (detector, recognizer)},
        "lines": [[np.packbits(row).tobytes().hex() for row in line] for line in lines],
        "detector": {"kept": KEPT, "size": [672, 192], "map": rounded(detected[0, 0, ::KEPT, ::KEPT], 4)},
        "recognizer": {
            "top": TOP,
            "lines": [recognized(run, characters, line(letters, seed)) for seed, letters in enumerate(lines)],
            "plain": recognized(run, characters, plain),
        },
    }
    args.out.write_text(json.dumps(golden, separators=(",", ":"), ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
