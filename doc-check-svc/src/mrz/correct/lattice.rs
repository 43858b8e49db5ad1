//! The likeliest zone behind recognised characters: exact search over every way to lay them along the positions of a format.
//!
//! A path walks through the positions in reading order and either takes the next glyph as a symbol that the standard has there, or
//! passes a position for which there is no glyph (a filler in a run that was read too short, a repeated symbol read once), or
//! drops a glyph (a filler too many, dirt). Its cost is the sum of the negative log-probabilities of its steps.
//!
//! Where check digits are enforced, the running sums modulo 10 (of the current field, and of the composite check digit) are part
//! of the state, so that only paths on which every check digit holds reach the end: the cheapest of them is found, not sampled.

use std::ops::Range;

use crate::mrz::layout::{Class, Format};

use super::glyph::{Glyph, all};
use super::grammar::{Mode, START, Slot, State, slots};

/// A filler more or less inside a run: recognisers lose count there.
const RUN: f32 = 0.5;
/// A gap or a speck that stands for nothing.
const BLANK: f32 = 0.3;
/// A second filler where one was seen.
const SECOND_FILLER: f32 = 2.8;
/// A filler where none was seen near: between words it is rarely lost.
const LONE_FILLER: f32 = 4.5;
/// A symbol that was read once and stands twice, or the other way round.
const REPEAT: f32 = 7.0;
/// A character that stands for nothing.
const DIRT: f32 = 7.5;
/// Paths this much dearer than the cheapest of their position are given up.
const BEAM: f32 = 30.0;

/// One position of the likeliest zone.
#[derive(Clone, Copy)]
pub(super) struct Placed {
    pub symbol: u8,
    /// Index of the glyph in its line; `None` where there was none.
    pub glyph: Option<usize>,
}

/// A whole zone.
pub(super) struct Path {
    /// Every position in reading order.
    pub placed: Vec<Placed>,
    /// Glyphs other than fillers that were dropped.
    pub dropped: usize,
    /// Negative log-probability.
    pub cost: f32,
}

struct Node {
    cost: f32,
    previous: u32,
    /// `None` for a dropped glyph.
    symbol: Option<u8>,
    glyph: Option<u16>,
}

const NONE: u32 = u32::MAX;

/// The search over one format.
pub(super) struct Lattice {
    enforce: bool,
    nodes: Vec<Node>,
}

impl Lattice {
    /// The cheapest zone of this format behind these lines of glyphs; with `enforce`, among those whose check digits all hold.
    /// `None` when there is none within the beam.
    pub(super) fn search(format: Format, lines: &[Vec<Glyph>], enforce: bool) -> Option<Path> {
        if lines.len() != format.lines() {
            return None;
        }
        let mut lattice = Self {
            enforce,
            nodes: Vec::new(),
        };
        let slots = slots(format);
        let mut entered = vec![(START, NONE, 0.0)];
        for (glyphs, slots) in lines.iter().zip(slots.chunks(format.line_length())) {
            entered = lattice.line(glyphs, slots, &entered);
        }
        let (_, last, cost) = entered.into_iter().min_by(|a, b| a.2.total_cmp(&b.2))?;
        Some(lattice.trace(last, lines, cost))
    }

    /// Number of states per glyph boundary.
    fn stride(&self) -> usize {
        Mode::ALL.len() * if self.enforce { 100 } else { 1 }
    }

    fn key(&self, glyph: usize, state: State) -> usize {
        let state = if self.enforce {
            (state.mode as usize * 10 + usize::from(state.own)) * 10 + usize::from(state.composite)
        } else {
            state.mode as usize
        };
        glyph * self.stride() + state
    }

    fn state(&self, key: usize) -> Option<(usize, State)> {
        let (glyph, state) = (key / self.stride(), key % self.stride());
        let (mode, own, composite) = if self.enforce {
            (state / 100, state / 10 % 10, state % 10)
        } else {
            (state, 0, 0)
        };
        let mode = *Mode::ALL.get(mode)?;
        Some((
            glyph,
            State {
                mode,
                own: u8::try_from(own).ok()?,
                composite: u8::try_from(composite).ok()?,
            },
        ))
    }

    /// Walks one line from the states that entered it; the states that leave it, every glyph used up.
    fn line(&mut self, glyphs: &[Glyph], slots: &[Slot], entered: &[(State, u32, f32)]) -> Vec<(State, u32, f32)> {
        let size = (glyphs.len() + 1) * self.stride();
        let mut layer = vec![NONE; size];
        for &(state, node, cost) in entered {
            // The line starts with a node of its own, which repeats nothing of the one before.
            let key = self.key(0, state);
            self.relax(
                &mut layer,
                key,
                Node {
                    cost,
                    previous: node,
                    symbol: None,
                    glyph: None,
                },
            );
        }
        for slot in slots {
            self.drop_glyphs(&mut layer, glyphs);
            let mut next = vec![NONE; size];
            let limit = self.cheapest(&layer) + BEAM;
            for (key, &node) in layer.iter().enumerate() {
                let Some((at, state)) = self.state(key) else { continue };
                let Some(cost) = self.cost(node).filter(|cost| *cost <= limit) else {
                    continue;
                };
                if let Some(glyph) = glyphs.get(at) {
                    let beside = |at: Option<usize>| at.and_then(|at| glyphs.get(at)).is_some_and(Glyph::may_be_filler);
                    let among = beside(at.checked_sub(1)) && beside(Some(at + 1));
                    for symbol in all() {
                        let read = if among {
                            glyph.cost_among_fillers(symbol)
                        } else {
                            glyph.cost(symbol, slot.class)
                        };
                        let cost = cost + read;
                        let place = Place {
                            node,
                            at,
                            used: Some(at),
                            cost,
                        };
                        self.emit(&mut next, slot, state, symbol, &place);
                    }
                }
                let before = at.checked_sub(1).and_then(|before| glyphs.get(before));
                let filler = cost + missing_filler(glyphs, at, slot.class);
                self.emit(
                    &mut next,
                    slot,
                    state,
                    b'<',
                    &Place {
                        node,
                        at,
                        used: None,
                        cost: filler,
                    },
                );
                if let Some(repeated) = before.and_then(Glyph::best).filter(|symbol| *symbol != b'<') {
                    let place = Place {
                        node,
                        at,
                        used: None,
                        cost: cost + REPEAT,
                    };
                    self.emit(&mut next, slot, state, repeated, &place);
                }
            }
            layer = next;
        }
        self.drop_glyphs(&mut layer, glyphs);
        let end = glyphs.len() * self.stride();
        (end..size)
            .filter_map(|key| {
                let node = *layer.get(key)?;
                let (_, state) = self.state(key)?;
                Some((state, node, self.cost(node)?))
            })
            .collect()
    }

    fn cost(&self, node: u32) -> Option<f32> {
        self.nodes.get(node as usize).map(|node| node.cost)
    }

    fn cheapest(&self, layer: &[u32]) -> f32 {
        layer
            .iter()
            .filter_map(|node| self.cost(*node))
            .fold(f32::INFINITY, f32::min)
    }

    fn relax(&mut self, layer: &mut [u32], key: usize, node: Node) {
        let Some(place) = layer.get_mut(key) else { return };
        let better = self.nodes.get(*place as usize).is_none_or(|old| node.cost < old.cost);
        if better && let Ok(index) = u32::try_from(self.nodes.len()) {
            *place = index;
            self.nodes.push(node);
        }
    }

    /// Steps over glyphs without a position for them.
    fn drop_glyphs(&mut self, layer: &mut [u32], glyphs: &[Glyph]) {
        for (at, glyph) in glyphs.iter().enumerate() {
            let beside = [at.checked_sub(1), Some(at + 1)]
                .into_iter()
                .flatten()
                .filter_map(|at| glyphs.get(at));
            let cost = match glyph.best() {
                None => BLANK,
                Some(b'<') if glyph.confidence() < 0.5 => RUN,
                Some(b'<') if beside.clone().any(Glyph::may_be_filler) => RUN,
                Some(symbol) if beside.clone().any(|other| other.best() == Some(symbol)) => REPEAT,
                // Dirt and borders are read at the ends of a line.
                Some(_) if at == 0 || at + 1 == glyphs.len() => REPEAT,
                Some(_) => DIRT,
            };
            for key in at * self.stride()..(at + 1) * self.stride() {
                let Some(&node) = layer.get(key) else { continue };
                let Some(before) = self.cost(node) else { continue };
                let dropped = Node {
                    cost: before + cost,
                    previous: node,
                    symbol: None,
                    glyph: u16::try_from(at).ok(),
                };
                self.relax(layer, key + self.stride(), dropped);
            }
        }
    }

    /// Puts a symbol at a position, where the format and the check digits allow it.
    fn emit(&mut self, layer: &mut [u32], slot: &Slot, state: State, symbol: u8, place: &Place) {
        let Some(penalty) = slot.cost(symbol) else { return };
        for (state, extra) in slot.step(state, symbol, self.enforce).into_iter().flatten() {
            let node = Node {
                cost: place.cost + penalty + extra,
                previous: place.node,
                symbol: Some(symbol),
                glyph: place.used.and_then(|used| u16::try_from(used).ok()),
            };
            let key = self.key(place.at + usize::from(place.used.is_some()), state);
            self.relax(layer, key, node);
        }
    }

    fn trace(&self, last: u32, lines: &[Vec<Glyph>], cost: f32) -> Path {
        let (mut placed, mut dropped) = (Vec::new(), 0);
        let mut line = lines.len();
        let mut at = last;
        while let Some(node) = self.nodes.get(at as usize) {
            match (node.symbol, node.glyph) {
                (Some(symbol), glyph) => placed.push(Placed {
                    symbol,
                    glyph: glyph.map(usize::from),
                }),
                (None, Some(glyph)) => {
                    let glyph = line
                        .checked_sub(1)
                        .and_then(|line| lines.get(line)?.get(usize::from(glyph)));
                    dropped += usize::from(glyph.and_then(Glyph::best).is_some_and(|symbol| symbol != b'<'));
                }
                // The start of a line.
                (None, None) => line = line.saturating_sub(1),
            }
            at = node.previous;
        }
        placed.reverse();
        Path { placed, dropped, cost }
    }
}

/// What it costs that a filler was not seen between the glyphs before and at `at`.
fn missing_filler(glyphs: &[Glyph], at: usize, class: Class) -> f32 {
    let fillers = |range: Range<usize>| {
        glyphs
            .get(range)
            .is_some_and(|run| run.iter().all(Glyph::may_be_filler))
    };
    let before = |count: usize| at.checked_sub(count).is_some_and(|start| fillers(start..at));
    let after = |count: usize| fillers(at..at + count);
    // The end of a line may have been cut off.
    let in_run = at == glyphs.len() || before(2) || after(2) || (before(1) && after(1));
    match (in_run, before(1) || after(1)) {
        (true, _) => RUN,
        (false, true) => SECOND_FILLER,
        (false, false) if class == Class::Letters => LONE_FILLER,
        (false, false) => DIRT,
    }
}

/// Where a step starts and what it has cost.
struct Place {
    node: u32,
    at: usize,
    used: Option<usize>,
    cost: f32,
}
