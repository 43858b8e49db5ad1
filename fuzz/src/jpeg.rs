//! JPEG files at a part of their size, by a decoder of their own. The input is a byte for the size that is enough, and a file.

use crate::picture;

/// Pixels of the longer side for each step of the first byte: up to more than the corpus's pictures have.
const STEP: u32 = 2;

/// What a picture must be at every size holds for this one, each time the same; and as far as both decoders read a file, they see
/// pictures of one size.
pub fn check(input: &[u8]) {
    let Some((&enough, file)) = input.split_first() else {
        return;
    };
    if !file.starts_with(b"\xFF\xD8") {
        return;
    }
    let enough = STEP * u32::from(enough);
    let reduced = picture::decode(file, enough);
    assert_eq!(picture::decode(file, enough), reduced, "decoded twice");
    if let (Some(reduced), Some(whole)) = (reduced, picture::decode(file, u32::MAX)) {
        let divisors = [1, 2, 4, 8].map(|divisor| (whole.width().div_ceil(divisor), whole.height().div_ceil(divisor)));
        let size = (reduced.width(), reduced.height());
        assert!(divisors.contains(&size), "{size:?} of {:?}", divisors[0]);
    }
}
