//! Light, lens and sensor.

use vision::picture::Picture;

use crate::specimen::dice::Dice;

/// Blurs by a Gaussian, which three boxes in a row come close to.
pub(crate) fn blur(picture: &Picture, sigma: f32) -> Picture {
    // Each box has a third of the variance. One of whole radius r has r (r + 1) / 3; the next pixel on both sides counts in part.
    let variance = sigma * sigma / 3.0;
    let whole = (0.5 * ((1.0 + 12.0 * variance).sqrt() - 1.0)).floor();
    let inner = whole * (whole + 1.0) * (2.0 * whole + 1.0) / 3.0;
    let part = (variance * (2.0 * whole + 1.0) - inner) / (2.0 * ((whole + 1.0).powi(2) - variance));
    let radius = whole + part.clamp(0.0, 0.999);
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    let mut from: Vec<f32> = picture.pixels().iter().map(|&value| f32::from(value)).collect();
    let mut to = vec![0.0; from.len()];
    for _ in 0..3 {
        for (row, blurred) in from.chunks_exact(width * 3).zip(to.chunks_exact_mut(width * 3)) {
            box_row(row, blurred, radius);
        }
        box_columns(&to, &mut from, width * 3, height, radius);
    }
    let pixels = from.iter().map(|value| value.round().clamp(0.0, 255.0) as u8).collect();
    Picture::from_rgb(picture.width(), picture.height(), pixels).unwrap_or_else(|| picture.clone())
}

/// A mean over `2 * radius + 1` pixels of a row, the last ones in part; the border goes on beyond the ends.
fn box_row(row: &[f32], blurred: &mut [f32], radius: f32) {
    let (whole, part) = (radius.floor() as isize, radius.fract());
    let last = row.len() as isize / 3 - 1;
    for channel in 0..3 {
        let at = |x: isize| row[x.clamp(0, last) as usize * 3 + channel];
        let mut sum: f32 = (-whole..=whole).map(at).sum();
        for x in 0..=last {
            let edges = part * (at(x - whole - 1) + at(x + whole + 1));
            blurred[x as usize * 3 + channel] = (sum + edges) / (2.0 * radius + 1.0);
            sum += at(x + whole + 1) - at(x - whole);
        }
    }
}

/// The same down the columns, all columns at once.
fn box_columns(from: &[f32], to: &mut [f32], stride: usize, height: usize, radius: f32) {
    let (whole, part) = (radius.floor() as isize, radius.fract());
    let row = |y: isize| {
        let start = y.clamp(0, height as isize - 1) as usize * stride;
        &from[start..start + stride]
    };
    let mut sums = vec![0.0_f32; stride];
    for y in -whole..=whole {
        sums.iter_mut().zip(row(y)).for_each(|(sum, value)| *sum += value);
    }
    for (y, blurred) in to.chunks_exact_mut(stride).enumerate() {
        let y = y as isize;
        let (before, after) = (row(y - whole - 1), row(y + whole + 1));
        let leaving = row(y - whole);
        let share = 1.0 / (2.0 * radius + 1.0);
        for (((to, sum), (before, after)), leaving) in blurred
            .iter_mut()
            .zip(&mut sums)
            .zip(before.iter().zip(after))
            .zip(leaving)
        {
            *to = (*sum + part * (before + after)) * share;
            *sum += after - leaving;
        }
    }
}

/// The mean along a line of `length` pixels at an angle.
pub(crate) fn motion(picture: &Picture, length: f32, angle: f32) -> Picture {
    let taps = (length.ceil() as i64).max(1) + 1;
    let (sin, cos) = angle.sin_cos();
    let offsets: Vec<(i64, i64)> = (0..taps)
        .map(|tap| {
            let along = length * (tap as f32 / (taps - 1) as f32 - 0.5);
            ((along * cos).round() as i64, (along * sin).round() as i64)
        })
        .collect();
    let (width, height) = (i64::from(picture.width()), i64::from(picture.height()));
    let pixels = picture.pixels();
    Picture::from_fn(picture.width(), picture.height(), |x, y| {
        let mut sum = [0_u32; 3];
        for (dx, dy) in &offsets {
            let (x, y) = (
                (i64::from(x) + dx).clamp(0, width - 1),
                (i64::from(y) + dy).clamp(0, height - 1),
            );
            let start = ((y * width + x) * 3) as usize;
            for (sum, value) in sum.iter_mut().zip(&pixels[start..start + 3]) {
                *sum += u32::from(*value);
            }
        }
        sum.map(|sum| (sum / taps as u32) as u8)
    })
}

/// Adds noise of a standard deviation in levels, the same in part in all channels.
pub(crate) fn noise(picture: &Picture, sigma: f32, seed: u64) -> Picture {
    let mut state = seed | 1;
    let mut next = || {
        // xorshift64*: four 16-bit numbers, whose sum is nearly normal.
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        let bits = state.wrapping_mul(0x2545_f491_4f6c_dd1d);
        let sum: u64 = (0..4).map(|part| bits >> (16 * part) & 0xffff).sum();
        (sum as f32 / 65536.0 - 2.0) * 1.732
    };
    let pixels = picture.pixels().chunks_exact(3).flat_map(|pixel| {
        let all = next() * 0.75;
        [0, 1, 2].map(|channel| {
            (f32::from(pixel[channel]) + sigma * (all + 0.66 * next()))
                .round()
                .clamp(0.0, 255.0) as u8
        })
    });
    Picture::from_rgb(picture.width(), picture.height(), pixels.collect()).unwrap_or_else(|| picture.clone())
}

/// Darkens one side of a soft edge.
pub(crate) fn shadow(picture: &Picture, depth: f32, dice: &mut Dice) -> Picture {
    let (width, height) = (picture.width() as f32, picture.height() as f32);
    let (sin, cos) = dice.between(0.0, std::f32::consts::TAU).sin_cos();
    let (cx, cy) = (width * dice.between(0.3, 0.7), height * dice.between(0.3, 0.7));
    let soft = width * dice.between(0.03, 0.25);
    let bend = dice.between(-0.6, 0.6) / width;
    Picture::from_fn(picture.width(), picture.height(), |x, y| {
        let (dx, dy) = (x as f32 - cx, y as f32 - cy);
        let (along, across) = (dx * cos + dy * sin, dy * cos - dx * sin);
        let t = ((across + bend * along * along) / soft + 0.5).clamp(0.0, 1.0);
        let lit = 1.0 - depth * t * t * (3.0 - 2.0 * t);
        picture.pixel(x, y).map(|channel| (f32::from(channel) * lit) as u8)
    })
}

/// Keeps a part of the contrast around a grey that the dice choose: too dark, too bright, or neither.
pub(super) fn contrast(picture: &Picture, kept: f32, dice: &mut Dice) -> Picture {
    let middle = dice.between(70.0, 200.0);
    let table: [u8; 256] =
        std::array::from_fn(|level| (middle + (level as f32 - middle) * kept).round().clamp(0.0, 255.0) as u8);
    let pixels = picture
        .pixels()
        .iter()
        .map(|&level| table[usize::from(level)])
        .collect();
    Picture::from_rgb(picture.width(), picture.height(), pixels).unwrap_or_else(|| picture.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_blur_has_its_sigma() {
        let point = Picture::from_fn(101, 101, |x, y| [if (x, y) == (50, 50) { 255 } else { 0 }; 3]);
        // As bright as a point can be, spread over a line: rounding to bytes leaves little of a point.
        let line = Picture::from_fn(101, 21, |x, _| [if x == 50 { 255 } else { 0 }; 3]);
        for sigma in [1.0_f32, 2.5, 4.0] {
            let blurred = blur(&line, sigma);
            let row: Vec<f64> = (0..101).map(|x| f64::from(blurred.pixel(x, 10)[0])).collect();
            let sum: f64 = row.iter().sum();
            let variance: f64 = row
                .iter()
                .enumerate()
                .map(|(x, value)| value * (x as f64 - 50.0).powi(2))
                .sum::<f64>()
                / sum;
            assert!(
                (variance.sqrt() / f64::from(sigma) - 1.0).abs() < 0.06,
                "{sigma}: {}",
                variance.sqrt()
            );
        }
        assert!(blur(&point, 0.0) == point);
    }

    #[test]
    fn noise_has_its_sigma() {
        let grey = Picture::from_fn(200, 200, |_, _| [128; 3]);
        let noisy = noise(&grey, 10.0, 3);
        let squares: f64 = noisy
            .pixels()
            .iter()
            .map(|&value| (f64::from(value) - 128.0).powi(2))
            .sum();
        let sigma = (squares / noisy.pixels().len() as f64).sqrt();
        assert!((9.5..10.5).contains(&sigma), "{sigma}");
    }

    #[test]
    fn motion_spreads_along_its_angle() {
        let dot = Picture::from_fn(41, 41, |x, y| [if (x, y) == (20, 20) { 240 } else { 0 }; 3]);
        let moved = motion(&dot, 10.0, 0.0);
        assert!(moved.pixel(24, 20)[0] > 0 && moved.pixel(16, 20)[0] > 0);
        assert_eq!(moved.pixel(20, 22)[0], 0);
    }
}
