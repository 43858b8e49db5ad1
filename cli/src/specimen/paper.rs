//! What a page is printed on: fine lines in two colours that run into each other, and a rosette, as documents have against copying.

use std::f32::consts::TAU;

use vision::geometry::{Point, Rect};

use super::canvas::{Canvas, mix};
use super::dice::Dice;
use super::state::Manner;

/// Width of a printed line.
const LINE: f32 = 0.11;

/// Prints the ground of a page inside `area`.
pub(super) fn print(canvas: &mut Canvas, area: Rect, manner: &Manner) {
    let mut dice = Dice::of(manner.name);
    let mut wave = || (dice.between(0.10, 0.24), dice.between(0.0, TAU), dice.between(0.6, 1.5));
    let (first, second, slow) = (wave(), wave(), wave());
    let slope = 0.12;
    canvas.blend(area, |x, y| {
        let bend = |(rate, phase, height): (f32, f32, f32)| height * (x * rate + phase).sin();
        let swell = 1.3 * bend((slow.0 * 0.25, slow.1, slow.2));
        // How far it is to the nearest line of a family, one every `period` millimetres.
        let ink = |at: f32, period: f32| {
            let off = (at.rem_euclid(period) - period / 2.0).abs();
            (1.0 - (off - LINE / 2.0).max(0.0) * 12.0).clamp(0.0, 1.0)
        };
        let rising = ink(y + bend(first) + swell + slope * x, 1.15);
        let falling = ink(y + bend(second) - swell - slope * x, 1.15);
        let across = (x - area.x) / area.width;
        let colour = mix(
            manner.lines[0],
            manner.lines[1],
            0.5 - 0.5 * (across * TAU * 0.75).cos(),
        );
        Some((colour, 0.10 + 0.34 * rising.max(falling)))
    });
}

/// A rosette around `centre`, drawn in one line.
pub(super) fn rosette(canvas: &mut Canvas, centre: (f32, f32), radius: f32, manner: &Manner) {
    let mut dice = Dice::of(manner.second_name);
    for (share, colour) in [(1.0, manner.lines[0]), (0.62, manner.lines[1])] {
        let (petals, turns) = (dice.whole(3, 5) as f32 * 10.0 + 1.0, 5.0);
        let depth = dice.between(0.35, 0.6);
        let points: Vec<Point> = (0..=2400)
            .map(|step| {
                let angle = TAU * turns * step as f32 / 2400.0;
                let reach = radius * share * (1.0 - depth * (0.5 + 0.5 * (angle * petals / turns).cos()));
                Point {
                    x: centre.0 + reach * angle.cos(),
                    y: centre.1 + reach * angle.sin(),
                }
            })
            .collect();
        canvas.stroke(&points, LINE, colour, 0.55);
    }
}

/// A signature: what a quick hand leaves of a name, different for every name and the same whenever it is drawn.
pub(super) fn signature(name: &str, area: Rect) -> Vec<Point> {
    let mut dice = Dice::of(name);
    let letters = name.chars().count().clamp(4, 12);
    let slant = dice.between(0.15, 0.45);
    // A loop for each letter, tall ones first and now and then.
    let mut knots = Vec::with_capacity(letters * 3 + 2);
    for letter in 0..letters {
        let x = letter as f32 / letters as f32;
        let tall = letter == 0 || dice.chance(0.22);
        let top = if tall {
            dice.between(0.75, 1.0)
        } else {
            dice.between(0.25, 0.45)
        };
        let deep = if dice.chance(0.15) {
            -dice.between(0.2, 0.45)
        } else {
            dice.between(-0.03, 0.05)
        };
        let step = 1.0 / letters as f32;
        knots.push((x + step * dice.between(0.0, 0.15), dice.between(0.02, 0.12)));
        knots.push((x + step * dice.between(0.45, 0.8), top));
        knots.push((x + step * dice.between(0.35, 0.7), deep));
    }
    knots.push((dice.between(0.98, 1.08), dice.between(0.0, 0.3)));
    let place = |(x, y): (f32, f32)| Point {
        x: area.x + area.width * (x * 0.85 + y * slant * 0.25),
        y: area.y + area.height * (0.72 - 0.66 * y),
    };
    smooth(&knots.into_iter().map(place).collect::<Vec<_>>())
}

/// A curve through all points (Catmull and Rom).
fn smooth(points: &[Point]) -> Vec<Point> {
    const STEPS: usize = 10;
    let mut curve = Vec::with_capacity(points.len() * STEPS);
    for at in 0..points.len().saturating_sub(1) {
        let point = |index: usize| points[index.min(points.len() - 1)];
        let [a, b, c, d] = [point(at.saturating_sub(1)), point(at), point(at + 1), point(at + 2)];
        for step in 0..STEPS {
            let t = step as f32 / STEPS as f32;
            let along = |a: f32, b: f32, c: f32, d: f32| {
                b + 0.5 * t * (c - a + t * (2.0 * a - 5.0 * b + 4.0 * c - d + t * (3.0 * (b - c) + d - a)))
            };
            curve.push(Point {
                x: along(a.x, b.x, c.x, d.x),
                y: along(a.y, b.y, c.y, d.y),
            });
        }
    }
    curve
}
