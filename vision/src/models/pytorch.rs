//! Reads the tensors of a PyTorch file of the kind written before version 1.6: pickled objects one after the other (a magic number,
//! the version of the format, facts of the machine, the tensors by name, the keys of their data), then for each key the number of
//! its values and the values.
//!
//! Pickled objects are candle's to read, which runs nothing that they name. The contents that come here have a pinned SHA-256.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use candle_core::DType;
use candle_core::pickle::{Object, Stack, TensorInfo};

use super::ModelError;
use super::fold::Dense;

/// Magic number and version, which are the same in every such file. The number has more bits than candle reads.
const OPENING: &[u8] = b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19\x2e\x80\x02M\xe9\x03\x2e";

/// The `f32` tensors by their names. Those of whole numbers, which count training steps, are left out.
pub(super) fn weights(file: &[u8]) -> Result<BTreeMap<String, Dense>, ModelError> {
    let mut rest = file
        .strip_prefix(OPENING)
        .ok_or_else(|| malformed("it is not in the format from before PyTorch 1.6"))?;
    // What the machine that wrote it was like.
    object(&mut rest)?;
    let tensors = object(&mut rest)?;
    let keys = object(&mut rest)?;
    let (Object::Dict(tensors), Object::List(keys)) = (tensors, keys) else {
        return Err(malformed("it does not hold tensors by name"));
    };
    let mut infos = Vec::new();
    for (name, tensor) in tensors {
        let info = tensor.into_tensor_info(name, Path::new(""));
        infos.extend(info.map_err(|error| malformed(&error.to_string()))?);
    }

    let types: HashMap<&str, DType> = infos.iter().map(|info| (key(info), info.dtype)).collect();
    let mut data: HashMap<String, &[u8]> = HashMap::new();
    for key in keys {
        let key = key.unicode().map_err(|_| malformed("a key of its data is no text"))?;
        let size = types.get(key.as_str()).map_or(1, DType::size_in_bytes);
        let count = take(&mut rest, size_of::<u64>())?;
        let count = count.try_into().map_or(u64::MAX, u64::from_le_bytes);
        let bytes = usize::try_from(count).ok().and_then(|count| count.checked_mul(size));
        data.insert(key, take(&mut rest, bytes.ok_or_else(truncated)?)?);
    }
    let of_numbers = infos.iter().filter(|info| info.dtype == DType::F32);
    of_numbers
        .map(|info| {
            Ok((
                info.name.clone(),
                dense(info, data.get(key(info)).copied().unwrap_or_default())?,
            ))
        })
        .collect()
}

/// The next pickled object.
fn object(rest: &mut &[u8]) -> Result<Object, ModelError> {
    let mut stack = Stack::empty();
    let read = stack.read_loop(rest).and_then(|()| stack.finalize());
    read.map_err(|error| malformed(&error.to_string()))
}

/// The next bytes.
fn take<'a>(rest: &mut &'a [u8], count: usize) -> Result<&'a [u8], ModelError> {
    let (taken, after) = rest.split_at_checked(count).ok_or_else(truncated)?;
    *rest = after;
    Ok(taken)
}

/// The key of a tensor's data, which candle takes for a file in the folder that it was told.
fn key(info: &TensorInfo) -> &str {
    info.path.trim_start_matches('/')
}

fn dense(info: &TensorInfo, data: &[u8]) -> Result<Dense, ModelError> {
    let layout = &info.layout;
    if !layout.is_contiguous() {
        return Err(malformed(&format!("the values of {} do not lie in order", info.name)));
    }
    let values = data.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes));
    let first = layout.start_offset() / size_of::<f32>();
    let count = layout.shape().elem_count();
    let values: Vec<f32> = values.skip(first).take(count).collect();
    if values.len() == count {
        let dims = layout.dims().to_vec();
        Ok(Dense { dims, values })
    } else {
        Err(truncated())
    }
}

fn truncated() -> ModelError {
    malformed("it ends too soon")
}

fn malformed(why: &str) -> ModelError {
    ModelError::PyTorch(why.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file with one tensor of two numbers, `w`, whose data has the key `7`.
    fn file() -> Vec<u8> {
        let text = |text: &str| [&b"X"[..], &(text.len() as u32).to_le_bytes(), text.as_bytes()].concat();
        let storage = [
            &b"("[..],
            &text("storage"),
            b"ctorch\nFloatStorage\n",
            &text("7"),
            &text("cpu"),
            b"K\x02NtQ",
        ];
        let tensor = [
            &b"ctorch._utils\n_rebuild_tensor_v2\n("[..],
            &storage.concat(),
            b"K\x00K\x02\x85K\x01\x85\x89ccollections\nOrderedDict\n)RtR",
        ];
        let facts = b"\x80\x02}.";
        let tensors = [&b"\x80\x02}"[..], &text("w"), &tensor.concat(), b"s."].concat();
        let keys = [&b"\x80\x02]"[..], &text("7"), b"a."].concat();
        let data = [&2u64.to_le_bytes()[..], &1f32.to_le_bytes(), &(-2f32).to_le_bytes()].concat();
        [OPENING, facts, &tensors, &keys, &data].concat()
    }

    #[test]
    fn tensors_are_read_by_name() {
        let weights = weights(&file()).unwrap();
        let expected = Dense {
            dims: vec![2],
            values: vec![1.0, -2.0],
        };
        assert_eq!(weights, BTreeMap::from([("w".to_owned(), expected)]));
    }

    #[test]
    fn what_ends_too_soon_is_refused_wherever_it_ends() {
        let file = file();
        for end in 0..file.len() {
            let outcome = weights(&file[..end]);
            assert!(matches!(outcome, Err(ModelError::PyTorch(_))), "{end}: {outcome:?}");
        }
        assert!(matches!(weights(b"PK\x03\x04"), Err(ModelError::PyTorch(_))));
    }
}
