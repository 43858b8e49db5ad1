//! Connected components of a thresholded map.

/// Columns `start..end` of one row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Run {
    pub(super) row: usize,
    pub(super) start: usize,
    pub(super) end: usize,
}

/// The regions of values above `threshold` that hang together over edges or corners (8-connectivity), each as its runs from the
/// top. `map` holds rows of `width` values. Regions come in the order of their topmost, then leftmost, place.
pub(super) fn components(map: &[f32], width: usize, threshold: f32) -> Vec<Vec<Run>> {
    let mut runs: Vec<Run> = Vec::new();
    let mut parents: Vec<usize> = Vec::new();
    let mut above = 0..0;
    for (row, values) in map.chunks_exact(width.max(1)).enumerate() {
        let first = runs.len();
        let mut column = 0;
        while let Some(offset) = values.iter().skip(column).position(|&v| v > threshold) {
            let start = column + offset;
            let length = values.iter().skip(start).take_while(|&&v| v > threshold).count();
            column = start + length;
            parents.push(runs.len());
            runs.push(Run {
                row,
                start,
                end: column,
            });
        }
        // Both rows are ordered, so that the pairs that touch are found in one walk.
        let (mut upper, mut lower) = (above.start, first);
        while let (true, Some(a), Some(b)) = (upper < above.end, runs.get(upper), runs.get(lower)) {
            if a.start <= b.end && b.start <= a.end {
                union(&mut parents, upper, lower);
            }
            if a.end < b.end {
                upper += 1;
            } else {
                lower += 1;
            }
        }
        above = first..runs.len();
    }

    let mut regions: Vec<Vec<Run>> = Vec::new();
    let mut region_of: Vec<Option<usize>> = vec![None; runs.len()];
    for (index, run) in runs.into_iter().enumerate() {
        let root = find(&mut parents, index);
        let Some(slot) = region_of.get_mut(root) else { continue };
        let region = *slot.get_or_insert_with(|| {
            regions.push(Vec::new());
            regions.len() - 1
        });
        if let Some(region) = regions.get_mut(region) {
            region.push(run);
        }
    }
    regions
}

/// The representative of a set of runs (Tarjan 1975, with path halving).
fn find(parents: &mut [usize], mut index: usize) -> usize {
    while let Some(&parent) = parents.get(index) {
        if parent == index {
            break;
        }
        let grandparent = parents.get(parent).copied().unwrap_or(parent);
        if let Some(slot) = parents.get_mut(index) {
            *slot = grandparent;
        }
        index = grandparent;
    }
    index
}

fn union(parents: &mut [usize], a: usize, b: usize) {
    let (a, b) = (find(parents, a), find(parents, b));
    // The earlier run represents, so that regions are ordered by their first run.
    if let Some(slot) = parents.get_mut(a.max(b)) {
        *slot = a.min(b);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Labels by flooding: slow and plain.
    fn flood(map: &[f32], width: usize) -> Vec<Vec<usize>> {
        let mut seen = vec![false; map.len()];
        let mut regions = Vec::new();
        for start in 0..map.len() {
            if seen[start] || map[start] <= 0.5 {
                continue;
            }
            let (mut stack, mut region) = (vec![start], Vec::new());
            seen[start] = true;
            while let Some(at) = stack.pop() {
                region.push(at);
                for next in 0..map.len() {
                    let near = (next % width).abs_diff(at % width) <= 1 && (next / width).abs_diff(at / width) <= 1;
                    if near && !seen[next] && map[next] > 0.5 {
                        seen[next] = true;
                        stack.push(next);
                    }
                }
            }
            region.sort_unstable();
            regions.push(region);
        }
        regions
    }

    proptest! {
        #[test]
        fn equals_flooding(width in 1usize..12, bits in proptest::collection::vec(any::<bool>(), 0..120)) {
            let rows = bits.len() / width;
            let map: Vec<f32> = bits.iter().take(rows * width).map(|&bit| f32::from(u8::from(bit))).collect();
            let got: Vec<Vec<usize>> = components(&map, width, 0.5)
                .iter()
                .map(|region| region.iter().flat_map(|run| (run.start..run.end).map(|c| run.row * width + c)).collect())
                .collect();
            prop_assert_eq!(got, flood(&map, width));
        }
    }
}
