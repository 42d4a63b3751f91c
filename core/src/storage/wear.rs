//! How long the flash lasts.

/// What a store does to its flash, known before there is one: plain arithmetic, for a `const` assertion beside the partition.
///
/// ```
/// use microfit::storage::Wear;
///
/// // A frame of 6 KB on an STM32F4's last two sectors of 128 KiB, which stand 10,000 erases, every ten minutes.
/// const WEAR: Wear = match Wear::new(6_000, 256 * 1024, 128 * 1024, 4) { Some(wear) => wear, None => panic!() };
/// const _: () = assert!(WEAR.saves_per_erase() == 42 && WEAR.lifetime(10_000, 600) / (365 * 86_400) == 7);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Wear {
    /// Frames in a half.
    pub(super) capacity: u32,
    /// Pages in a half.
    pub(super) pages: u32,
}

impl Wear {
    /// For frames of `frame_len` bytes in a region of `region_len` bytes, of pages of `page` bytes and words of `word` bytes, whichever
    /// of read and write size is larger. `None` if half the pages do not hold a frame.
    pub const fn new(frame_len: usize, region_len: u32, page: u32, word: u32) -> Option<Self> {
        let (Some(pages), Some(stride)) = (region_len.checked_div(page), stride(frame_len, word)) else { return None };
        let pages = pages / 2;
        match pages.saturating_mul(page).checked_div(stride) {
            Some(capacity) if capacity > 0 => Some(Self { capacity, pages }),
            _ => None,
        }
    }

    /// Saves between two erases of the same page: both halves are filled in turn. A power cut costs at most the half it was in.
    pub const fn saves_per_erase(&self) -> u32 {
        self.capacity.saturating_mul(2)
    }

    /// Pages erased a save, in the mean.
    pub const fn erases_per_save(&self) -> f32 {
        // The constructor refuses a capacity of 0.
        self.pages as f32 / self.capacity as f32
    }

    /// Seconds until a page has been erased `cycles` times, with a save every `interval` seconds:
    /// `cycles * saves_per_erase * interval`.
    pub const fn lifetime(&self, cycles: u32, interval: u32) -> u64 {
        (cycles as u64).saturating_mul(self.saves_per_erase() as u64).saturating_mul(interval as u64)
    }
}

/// Bytes from one frame to the next.
pub(super) const fn stride(frame_len: usize, word: u32) -> Option<u32> {
    let Some(len) = frame_len.checked_next_multiple_of(word as usize) else { return None };
    if len <= u32::MAX as usize { Some(len as u32) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_a_matter_of_how_many_frames_a_half_holds() {
        // One frame of two pages a half: two pages erased a save.
        let wear = Wear::new(5000, 4 * 4096, 4096, 4).unwrap();
        assert_eq!((wear.saves_per_erase(), wear.erases_per_save()), (2, 2.0));
        assert_eq!(wear.lifetime(10_000, 600), 12_000_000);
        // 13 frames a sector.
        let wear = Wear::new(10_000, 2 * 131_072, 131_072, 1).unwrap();
        assert_eq!(wear.saves_per_erase(), 26);
        assert!((wear.erases_per_save() - 1.0 / 13.0).abs() < 1e-9);
        assert_eq!(wear.lifetime(u32::MAX, u32::MAX), u64::MAX, "as long as can be said");
        // An odd page is left over; too small; no such flash.
        assert_eq!(Wear::new(5000, 5 * 4096, 4096, 4), Wear::new(5000, 4 * 4096, 4096, 4));
        assert_eq!(Wear::new(5000, 2 * 4096, 4096, 4), None);
        assert_eq!((Wear::new(1, 9, 0, 1), Wear::new(1, 9, 1, 0)), (None, None));
        assert_eq!(Wear::new(usize::MAX, u32::MAX, 4096, 4), None);
    }
}
