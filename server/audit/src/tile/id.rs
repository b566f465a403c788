//! Names of tiles and entry bundles, and which of them a growing tree writes.

use std::fmt;

use super::{LEVELS, TILE_WIDTH, hashes_at};
use crate::{AuditError, checkpoint::parse_decimal};

const WHAT: &str = "tile path";
const LEVEL_MAX: u8 = 63;

/// A tile: its level, its index on the level, and how many hashes it holds (1 to 256).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct TileId {
    level: u8,
    index: u64,
    width: u16,
}

impl TileId {
    /// A tile of `width` hashes.
    ///
    /// # Errors
    /// [`AuditError::Malformed`] if the level is above 63 or the width not in 1 to 256: an empty
    /// tile does not exist.
    pub fn new(level: u8, index: u64, width: u16) -> Result<Self, AuditError> {
        if level > LEVEL_MAX {
            return Err(AuditError::malformed(WHAT, format_args!("level {level}")));
        }
        check_width(width)?;
        Ok(Self { level, index, width })
    }

    /// The tile `index` of `level` as a tree of `size` leaves has it; `None` if it would be empty.
    pub fn in_tree(level: u8, index: u64, size: u64) -> Option<Self> {
        let width = width_in(hashes_at(level, size), index)?;
        Self::new(level, index, width).ok()
    }

    /// Parses `tile/<L>/<N>[.p/<W>]`.
    ///
    /// # Errors
    /// [`AuditError::Malformed`] for any text that [`TileId`] would not print.
    pub fn parse(path: &str) -> Result<Self, AuditError> {
        let malformed = || AuditError::malformed(WHAT, format_args!("{path:?}"));
        let rest = path.strip_prefix("tile/").ok_or_else(malformed)?;
        let (level, rest) = rest.split_once('/').ok_or_else(malformed)?;
        let level = parse_decimal(level).and_then(|level| u8::try_from(level).ok());
        let (index, width) = parse_index_and_width(rest).ok_or_else(malformed)?;
        Self::new(level.ok_or_else(malformed)?, index, width)
    }

    /// The level; leaf hashes are level 0.
    pub fn level(self) -> u8 {
        self.level
    }

    /// The index on its level.
    pub fn index(self) -> u64 {
        self.index
    }

    /// Number of hashes, 1 to 256.
    pub fn width(self) -> u16 {
        self.width
    }

    /// Whether the tile will never grow.
    pub fn is_full(self) -> bool {
        u64::from(self.width) == TILE_WIDTH
    }
}

impl fmt::Display for TileId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "tile/{}/", self.level)?;
        write_index_and_width(f, self.index, self.width)
    }
}

/// A bundle of entries: its index and how many entries it holds (1 to 256).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct BundleId {
    index: u64,
    width: u16,
}

impl BundleId {
    /// A bundle of `width` entries.
    ///
    /// # Errors
    /// [`AuditError::Malformed`] if the width is not in 1 to 256.
    pub fn new(index: u64, width: u16) -> Result<Self, AuditError> {
        check_width(width)?;
        Ok(Self { index, width })
    }

    /// The bundle `index` as a tree of `size` leaves has it; `None` if it would be empty.
    pub fn in_tree(index: u64, size: u64) -> Option<Self> {
        width_in(size, index).map(|width| Self { index, width })
    }

    /// Parses `tile/entries/<N>[.p/<W>]`.
    ///
    /// # Errors
    /// [`AuditError::Malformed`] for any text that [`BundleId`] would not print.
    pub fn parse(path: &str) -> Result<Self, AuditError> {
        let malformed = || AuditError::malformed(WHAT, format_args!("{path:?}"));
        let rest = path.strip_prefix("tile/entries/").ok_or_else(malformed)?;
        let (index, width) = parse_index_and_width(rest).ok_or_else(malformed)?;
        Self::new(index, width)
    }

    /// The index.
    pub fn index(self) -> u64 {
        self.index
    }

    /// Number of entries, 1 to 256.
    pub fn width(self) -> u16 {
        self.width
    }
}

impl fmt::Display for BundleId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("tile/entries/")?;
        write_index_and_width(f, self.index, self.width)
    }
}

/// Every tile, full or partial, that must be written when a tree grows, level by level.
/// Empty if it does not grow.
pub fn tiles_for_growth(old_size: u64, new_size: u64) -> Vec<TileId> {
    let mut tiles = Vec::new();
    for level in 0..LEVELS {
        let (old, new) = (hashes_at(level, old_size), hashes_at(level, new_size));
        if old >= new {
            break;
        }
        let changed = old / TILE_WIDTH..=(new - 1) / TILE_WIDTH;
        tiles.extend(changed.filter_map(|index| TileId::in_tree(level, index, new_size)));
    }
    tiles
}

/// Every entry bundle, full or partial, that must be written when a tree grows.
pub fn bundles_for_growth(old_size: u64, new_size: u64) -> Vec<BundleId> {
    if old_size >= new_size {
        return Vec::new();
    }
    let changed = old_size / TILE_WIDTH..=(new_size - 1) / TILE_WIDTH;
    changed.filter_map(|index| BundleId::in_tree(index, new_size)).collect()
}

/// Width of tile `index` when its level has `hashes` hashes.
fn width_in(hashes: u64, index: u64) -> Option<u16> {
    let width = hashes.checked_sub(index.checked_mul(TILE_WIDTH)?)?.min(TILE_WIDTH);
    u16::try_from(width).ok().filter(|width| *width > 0)
}

fn check_width(width: u16) -> Result<(), AuditError> {
    if width == 0 || u64::from(width) > TILE_WIDTH {
        return Err(AuditError::malformed(WHAT, format_args!("width {width}")));
    }
    Ok(())
}

fn write_index_and_width(f: &mut fmt::Formatter<'_>, index: u64, width: u16) -> fmt::Result {
    let mut groups = vec![index % 1000];
    let mut rest = index / 1000;
    while rest > 0 {
        groups.push(rest % 1000);
        rest /= 1000;
    }
    for group in groups[1..].iter().rev() {
        write!(f, "x{group:03}/")?;
    }
    write!(f, "{:03}", groups[0])?;
    if u64::from(width) < TILE_WIDTH { write!(f, ".p/{width}") } else { Ok(()) }
}

fn parse_index_and_width(text: &str) -> Option<(u64, u16)> {
    let (index, width) = match text.split_once(".p/") {
        Some((index, width)) => (index, parse_decimal(width)?),
        None => (text, TILE_WIDTH),
    };
    // A partial tile is never spelled with the full width.
    if text.len() > index.len() && width >= TILE_WIDTH {
        return None;
    }
    Some((parse_index(index)?, u16::try_from(width).ok()?))
}

fn parse_index(text: &str) -> Option<u64> {
    let mut groups = text.split('/').peekable();
    // One spelling a number: several groups do not begin with an empty one.
    let leading_zero = text.starts_with("x000");
    let mut index = 0_u64;
    while let Some(group) = groups.next() {
        let digits = match groups.peek() {
            Some(_) => group.strip_prefix('x')?,
            None => group,
        };
        if digits.len() != 3 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        index = index.checked_mul(1000)?.checked_add(digits.parse().ok()?)?;
    }
    (!leading_zero).then_some(index)
}
