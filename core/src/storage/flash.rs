//! A frame's bytes to and from flash, in whole words.

use super::bisync;
use super::frames::{Sink, Source};
use super::nor_flash::NorFlash;
use crate::unroll::one_turn_at_a_time;

/// Bytes written or read at a time, and a multiple of every word there may be: the STM32H7's has 32 bytes. Drivers that write whole pages,
/// as some of the i.MX RT's do with 256 or 512, would have as much on the stack.
pub(super) const CHUNK: usize = 32;

/// Gathers bytes to whole words of the flash.
pub(super) struct Words<'f, F> {
    flash: &'f mut F,
    at: u32,
    buffer: [u8; CHUNK],
    filled: usize,
}

impl<'f, F: NorFlash> Words<'f, F> {
    pub(super) const fn new(flash: &'f mut F, at: u32) -> Self {
        Self { flash, at, buffer: [0xff; CHUNK], filled: 0 }
    }

    #[bisync]
    async fn flush(&mut self) -> Result<(), F::Error> {
        let unit = F::WRITE_SIZE;
        let whole = self.filled.div_ceil(unit) * unit;
        self.flash.write(self.at, self.buffer.get(..whole).unwrap_or_default()).await?;
        self.at = self.at.saturating_add(whole as u32);
        (self.buffer, self.filled) = ([0xff; CHUNK], 0);
        Ok(())
    }

    /// Writes what is left, filled up to a word with ones.
    #[bisync]
    pub(super) async fn finish(&mut self) -> Result<(), F::Error> {
        if self.filled > 0 { self.flush().await } else { Ok(()) }
    }
}

#[bisync(AFIT)]
impl<F: NorFlash> Sink for Words<'_, F> {
    type Error = F::Error;

    async fn write(&mut self, bytes: &[u8]) -> Result<(), F::Error> {
        for &byte in bytes {
            if let Some(place) = self.buffer.get_mut(self.filled) {
                *place = byte;
            }
            self.filled += 1;
            if self.filled >= CHUNK {
                self.flush().await?;
            }
        }
        Ok(())
    }
}

/// A frame in flash.
pub(super) struct Bytes<'f, F> {
    flash: &'f mut F,
    at: u32,
    len: u32,
}

impl<'f, F: NorFlash> Bytes<'f, F> {
    /// From `at` on there are `len` bytes, both whole words.
    pub(super) const fn new(flash: &'f mut F, at: u32, len: u32) -> Self {
        Self { flash, at, len }
    }

    /// What are not whole words is cut out of those it is in, one after the other, and of no other: the next one may be torn, and not
    /// readable. `N` is the length of a word, or more.
    #[bisync]
    #[inline(never)]
    async fn read_part<const N: usize>(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), F::Error> {
        let (mut at, mut rest) = (self.at.saturating_add(offset), bytes.iter_mut());
        while rest.len() > 0 {
            let mut word = [0; N];
            let skipped = at as usize % F::READ_SIZE;
            self.flash.read(at - skipped as u32, word.get_mut(..F::READ_SIZE).unwrap_or_default()).await?;
            for (from, to) in word.get(skipped..F::READ_SIZE).unwrap_or_default().iter().zip(&mut rest) {
                *to = *from;
                at = at.saturating_add(1);
                // Not by `memcpy`, which would go deeper than all of this.
                one_turn_at_a_time();
            }
        }
        Ok(())
    }
}

#[bisync(AFIT)]
impl<F: NorFlash> Source for Bytes<'_, F> {
    type Error = F::Error;

    fn len(&self) -> u32 {
        self.len
    }

    async fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), F::Error> {
        let words = const { F::READ_SIZE as u32 };
        if offset.is_multiple_of(words) && bytes.len().is_multiple_of(words as usize) {
            self.flash.read(self.at.saturating_add(offset), bytes).await
        } else {
            // No more on the stack than most chips' words need.
            if const { F::READ_SIZE <= 8 } {
                self.read_part::<8>(offset, bytes).await
            } else {
                self.read_part::<CHUNK>(offset, bytes).await
            }
        }
    }
}
