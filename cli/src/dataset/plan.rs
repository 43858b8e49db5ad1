//! What is to be done to the documents of a set.

use std::str::FromStr;

use clap::ValueEnum;

use super::forge::Forgery;
use crate::degrade::{Kind, Recipe};
use crate::specimen::dice::Dice;

/// A mix, or one kind of degradation or forgery.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Plan {
    /// As printed.
    None,
    /// One cover over 1 to 12 characters of the zone, each kind in turn.
    Covered,
    /// What a careful person's telephone does.
    Moderate,
    /// What a careless person's does, and everything that is no picture of one whole document.
    Heavy,
    /// Each kind of forgery in turn, photographed with care.
    Forged,
    /// One kind, of a strength; any strength without.
    Degrade(Kind, Option<f32>),
    /// One kind.
    Forge(Forgery),
}

impl FromStr for Plan {
    type Err = String;

    fn from_str(text: &str) -> Result<Plan, String> {
        let (name, strength) = match text.split_once(':') {
            Some((name, strength)) => (name, Some(strength)),
            None => (text, None),
        };
        let strength = strength.map(|strength| match strength.parse::<f32>() {
            Ok(strength) if (0.0..=1.0).contains(&strength) => Ok(strength),
            _ => Err("a strength is a number from 0 to 1".to_owned()),
        });
        let strength = strength.transpose()?;
        let mix = match name {
            "none" => Some(Plan::None),
            "covered" => Some(Plan::Covered),
            "moderate" => Some(Plan::Moderate),
            "heavy" => Some(Plan::Heavy),
            "forged" => Some(Plan::Forged),
            _ => Forgery::from_str(name, false).ok().map(Plan::Forge),
        };
        match (mix, strength) {
            (Some(plan), None) => Ok(plan),
            (Some(_), Some(_)) => Err(format!("{name} has no strength")),
            (None, strength) => Kind::from_str(name, false)
                .map(|kind| Plan::Degrade(kind, strength))
                .map_err(|_| {
                    let of = |names: Vec<String>| names.join(", ");
                    let name =
                        |value: Option<clap::builder::PossibleValue>| value.map(|value| value.get_name().to_owned());
                    let kinds = Kind::value_variants()
                        .iter()
                        .filter_map(|kind| name(kind.to_possible_value()));
                    let forgeries = Forgery::ALL.iter().filter_map(|kind| name(kind.to_possible_value()));
                    format!(
                        "it is none of none, covered, moderate, heavy, forged; {}; {}",
                        of(kinds.collect()),
                        of(forgeries.collect())
                    )
                }),
        }
    }
}

impl Plan {
    /// What happens to the document of a number.
    pub(crate) fn decide(self, number: usize, dice: &mut Dice) -> (Recipe, Option<Forgery>) {
        match self {
            Plan::None => (Recipe(Vec::new()), None),
            Plan::Covered => {
                let cover = (Kind::COVERS[number % Kind::COVERS.len()], dice.unit());
                let mut recipe = if dice.chance(0.5) { careful(dice) } else { Vec::new() };
                recipe.push(cover);
                (Recipe(recipe), None)
            }
            Plan::Moderate => {
                let mut recipe = careful(dice);
                for (kind, most) in [
                    (Kind::Shadow, 0.5),
                    (Kind::LowContrast, 0.45),
                    (Kind::Defocus, 0.3),
                    (Kind::MotionBlur, 0.25),
                    (Kind::Noise, 0.3),
                    (Kind::Jpeg, 0.6),
                    (Kind::Scale, 0.45),
                ] {
                    if dice.chance(0.35) {
                        recipe.retain(|(each, _)| *each != kind);
                        recipe.push((kind, dice.between(0.0, most)));
                    }
                }
                (Recipe(recipe), None)
            }
            Plan::Heavy => (Recipe(careless(dice)), None),
            Plan::Forged => Plan::Forge(Forgery::ALL[number % Forgery::ALL.len()]).decide(number, dice),
            Plan::Degrade(kind, strength) => {
                let strength = strength.unwrap_or_else(|| dice.unit());
                (Recipe(vec![(kind, strength)]), None)
            }
            Plan::Forge(forgery) => {
                let mut recipe = careful(dice);
                match forgery {
                    Forgery::CopyGrey => recipe.push((Kind::GreyCopy, dice.unit())),
                    Forgery::ScreenShown => recipe.push((Kind::Screen, dice.between(0.1, 0.9))),
                    _ => {}
                }
                (Recipe(recipe), Some(forgery))
            }
        }
    }
}

/// A page on a table, looked at nearly from above in good light.
fn careful(dice: &mut Dice) -> Vec<(Kind, f32)> {
    let mut recipe = vec![
        (Kind::Table, 1.0),
        (Kind::Rotation, dice.between(0.0, 0.05)),
        (Kind::Perspective, dice.between(0.0, 0.35)),
        (Kind::Noise, dice.between(0.0, 0.12)),
        (Kind::Jpeg, dice.between(0.0, 0.3)),
    ];
    if dice.chance(0.1) {
        recipe.push((Kind::Turn, 1.0));
    }
    recipe
}

fn careless(dice: &mut Dice) -> Vec<(Kind, f32)> {
    let mut recipe = vec![
        (Kind::Table, 1.0),
        (Kind::Rotation, dice.unit() * dice.unit()),
        (Kind::Perspective, dice.between(0.2, 1.0)),
    ];
    // Three to five of these.
    let mut optics = Kind::OPTICS.to_vec();
    for _ in 0..dice.whole(3, 5) {
        let kind = optics.swap_remove(dice.whole(0, optics.len() - 1));
        recipe.push((kind, dice.between(0.25, 1.0)));
    }
    if dice.chance(0.3) {
        let kind = Kind::NOT_BONA_FIDE[dice.whole(0, Kind::NOT_BONA_FIDE.len() - 1)];
        recipe.push((kind, dice.between(0.2, 1.0)));
    }
    recipe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plans_are_named() {
        assert_eq!("heavy".parse(), Ok(Plan::Heavy));
        assert_eq!(
            "motion_blur:0.5".parse(),
            Ok(Plan::Degrade(Kind::MotionBlur, Some(0.5)))
        );
        assert_eq!("glare".parse(), Ok(Plan::Degrade(Kind::Glare, None)));
        assert_eq!("zone_altered".parse(), Ok(Plan::Forge(Forgery::ZoneAltered)));
        for wrong in ["", "blurred", "noise:2", "noise:NaN", "heavy:1"] {
            assert!(wrong.parse::<Plan>().is_err(), "{wrong}");
        }
    }
}
