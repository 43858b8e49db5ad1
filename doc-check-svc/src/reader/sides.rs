//! The print of all pictures of a document, read closer where what its zone says was not found.

use vision::picture::Picture;
use vision::text::TextLine;

use super::ReadError;
use super::search::{Candidate, Search};
use super::ways::Ways;
use crate::mrz::Format;
use crate::page::zone_line;
use crate::printed::{Printed, ZoneFields, compare, says_specimen, unread_sex, values};

/// The print of one picture.
#[derive(Clone, Debug)]
pub struct Print {
    /// Index of the picture.
    pub picture: usize,
    /// Its lines, without those of the zone.
    pub lines: Vec<TextLine>,
    /// What they say of the zone.
    pub printed: Printed,
}

/// A document with its zone, of which the print is read.
pub(super) struct Document<'a> {
    /// Its pictures, numbered as they came.
    pub(super) pictures: &'a [(usize, &'a Picture)],
    /// The picture with the zone.
    pub(super) zone_on: usize,
    pub(super) zone: &'a Candidate,
    pub(super) format: Format,
    /// What the print is compared with.
    pub(super) fields: ZoneFields,
    pub(super) today: time::Date,
}

impl Document<'_> {
    /// The print of each picture, given where text was detected in it.
    pub(super) fn read(&self, search: &mut Search<'_>, detected: &[(&Picture, Ways)]) -> Result<Vec<Print>, ReadError> {
        let read = |((index, picture), (_, ways)): (&(usize, &Picture), &(&Picture, Ways))| {
            let lines = if *index == self.zone_on {
                search.print_beside(picture, ways, self.zone)?
            } else {
                search.print_of(picture, ways)?
            };
            Ok(Print {
                picture: *index,
                printed: self.compare(&lines),
                lines,
            })
        };
        self.pictures.iter().zip(detected).map(read).collect()
    }

    /// Reads every value that may be a field's again, closer.
    pub(super) fn look_closer(&self, search: &mut Search<'_>, sides: &mut [Print]) -> Result<(), ReadError> {
        for (side, (_, picture)) in sides.iter_mut().zip(self.pictures) {
            let which = values(&side.lines);
            search.look_closer(picture, &mut side.lines, &which)?;
            side.printed = self.compare(&side.lines);
        }
        Ok(())
    }

    /// The print as it is found when text is looked for again, where it is level and fills what is seen. What spoke against the document
    /// before stays.
    pub(super) fn look_again(&self, search: &mut Search<'_>, sides: &[Print]) -> Result<Vec<Print>, ReadError> {
        let mut again = sides.to_vec();
        for (side, (_, picture)) in again.iter_mut().zip(self.pictures) {
            let lines = if side.picture == self.zone_on {
                search.print_level(picture, self.zone)?
            } else {
                search.print_level_of(picture, &side.lines)?
            };
            side.lines
                .retain(|line| says_specimen(&line.text) || zone_line::is_one(&line.text));
            side.lines.extend(lines);
        }
        self.look_closer(search, &mut again)?;
        for (side, before) in again.iter_mut().zip(sides) {
            side.printed = before.printed.clone().seen_again(std::mem::take(&mut side.printed));
        }
        Ok(again)
    }

    /// Reads the place below the label of the sex where no line was detected: one letter is a small one.
    pub(super) fn look_for_sex(&self, search: &mut Search<'_>, sides: &mut [Print]) -> Result<(), ReadError> {
        for (side, (_, picture)) in sides.iter_mut().zip(self.pictures) {
            if let Some(place) = unread_sex(&side.lines) {
                let mut mark = search.look_at(picture, &place)?;
                // Fine lines of the paper that cross.
                mark.retain(|line| line.text != "X");
                side.lines.extend(mark);
                side.printed = self.compare(&side.lines);
            }
        }
        Ok(())
    }

    /// What all sides say. Of a document of one page, which has its zone on it, other pictures may say otherwise, but add nothing.
    pub(super) fn printed(&self, sides: &[Print]) -> Printed {
        let says = |side: &Print| {
            let printed = side.printed.clone();
            if side.picture == self.zone_on || self.format == Format::Td1 {
                printed
            } else {
                printed.without_agreement()
            }
        };
        sides.iter().map(says).reduce(Printed::and).unwrap_or_default()
    }

    fn compare(&self, lines: &[TextLine]) -> Printed {
        compare(lines, &self.fields, self.today)
    }
}
