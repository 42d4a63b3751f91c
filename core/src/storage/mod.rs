//! Checkpoints in NOR flash that survive a power cut at any write.
//!
//! A region of flash is two halves of whole pages. Frames are appended to a half, and when it is full the other one, which
//! holds older frames only, is erased and taken: the newest whole frame is never in a half that is being erased. A frame's
//! CRC is written last, so one that was cut off is not whole, and the one before it counts. A half that holds several
//! frames, as a 128 KiB sector does, is erased once in so many saves.
//!
//! Wear: both halves are erased in turn, so a page is erased once in `2 * capacity` saves, see [`Store::saves_per_erase`].
//! At 10,000 erases, with one frame a half and a save every ten minutes, flash lasts 10,000 * 2 * 10 minutes = 139 days;
//! with 16 frames a half, 6 years.

mod simulator;

pub use simulator::{SimulatedFault, SimulatedFlash};

use embedded_storage::nor_flash::NorFlash;

use crate::checkpoint::{
    CheckpointError, Header, Lengths, Restored, Sink, Snapshot, Source, Target, load, save, verify,
};

/// Bytes written or read at a time: a multiple of every chip's word.
const CHUNK: usize = 64;

/// A pair of halves of flash.
#[derive(Debug)]
pub struct Store<F> {
    flash: F,
    start: u32,
    half: u32,
    /// Bytes a frame takes, rounded up to whole words.
    stride: u32,
    capacity: u32,
}

/// Where a frame is.
#[derive(Debug, Clone, Copy)]
struct Place {
    half: u32,
    index: u32,
    header: Header,
}

impl<F: NorFlash> Store<F> {
    /// Over `len` bytes of `flash` from `start` on, for checkpoints of these lengths. What is in the flash is not touched.
    ///
    /// # Errors
    /// [`CheckpointError::RegionTooSmall`] unless `start` is a page's, the region is within the flash, and half its pages hold a
    /// frame.
    pub fn new(flash: F, start: u32, len: u32, lengths: &Lengths) -> Result<Self, CheckpointError<F::Error>> {
        const {
            let (read, write) = (F::READ_SIZE, F::WRITE_SIZE);
            assert!(read > 0 && write > 0 && F::ERASE_SIZE > 0, "a flash has words and pages");
            assert!(
                CHUNK.is_multiple_of(read) && CHUNK.is_multiple_of(write),
                "words of 1, 2, 4, 8, 16, 32 or 64 bytes"
            );
            assert!(F::ERASE_SIZE.is_multiple_of(write) && F::ERASE_SIZE.is_multiple_of(read), "a page is whole words");
        }
        let page = F::ERASE_SIZE as u32;
        let half = len / page / 2 * page;
        let unit = F::READ_SIZE.max(F::WRITE_SIZE);
        let stride = lengths.frame_len().checked_next_multiple_of(unit);
        let stride = stride.and_then(|len| u32::try_from(len).ok()).unwrap_or(u32::MAX);
        let within = u64::from(start) + 2 * u64::from(half) <= flash.capacity() as u64;
        match half.checked_div(stride) {
            Some(capacity) if capacity > 0 && within && start.is_multiple_of(page) => {
                Ok(Self { flash, start, half, stride, capacity })
            }
            _ => Err(CheckpointError::RegionTooSmall),
        }
    }

    /// Saves between two erases of the same page, where no power was cut.
    pub const fn saves_per_erase(&self) -> u32 {
        2 * self.capacity
    }

    /// Gives the flash back.
    pub fn release(self) -> F {
        self.flash
    }

    /// The flash, for what else it holds.
    pub const fn flash(&mut self) -> &mut F {
        &mut self.flash
    }

    /// Saves a checkpoint. Power may fail at any moment: the next [`Self::load`] finds this one or the one before. The newest
    /// whole frame, whichever run's, is kept until this one is whole. A store of another region or of other lengths looks for
    /// frames at other places, though: what it does not find there it may erase.
    ///
    /// # Errors
    /// [`CheckpointError::Medium`]; [`CheckpointError::RegionTooSmall`] for a snapshot longer than the lengths given to [`Self::new`].
    pub fn save(&mut self, snapshot: &Snapshot) -> Result<Header, CheckpointError<F::Error>> {
        let len = snapshot.lengths().frame_len() as u64;
        if len > u64::from(self.stride) {
            return Err(CheckpointError::RegionTooSmall);
        }
        let newest = self.newest(None)?;
        let (half, index, fresh) = match newest {
            Some(place) if place.index + 1 < self.capacity && self.is_blank(place.half, place.index + 1)? => {
                (place.half, place.index + 1, false)
            }
            Some(place) => (1 - place.half, 0, true),
            None => (0, 0, true),
        };
        let (sequence, mut erases) =
            newest.map_or((0, 0), |place| (place.header.sequence.saturating_add(1), place.header.erases));
        if fresh {
            let from = self.start + half * self.half;
            self.flash.erase(from, from + self.half).map_err(CheckpointError::Medium)?;
            erases = erases.saturating_add(self.half / F::ERASE_SIZE as u32);
        }
        let at = self.offset(half, index);
        let mut words = Words { flash: &mut self.flash, at, buffer: [0xff; CHUNK], filled: 0 };
        let header = save(snapshot, sequence, erases, &mut words)?;
        words.finish().map_err(CheckpointError::Medium)?;
        Ok(header)
    }

    /// Loads the newest whole checkpoint of this run.
    ///
    /// # Errors
    /// [`CheckpointError::Missing`] if there is none, [`CheckpointError::Foreign`] if there are only other runs'; as
    /// [`checkpoint::load`](crate::checkpoint::load). The target is untouched then, unless the flash fails while it is copied.
    pub fn load(&mut self, target: &mut Target) -> Result<Restored, CheckpointError<F::Error>> {
        let expected = target.identity.fingerprint();
        let Some(place) = self.newest(Some(expected))? else {
            return Err(match self.newest(None)? {
                Some(other) => CheckpointError::Foreign { expected, found: other.header.fingerprint },
                None => CheckpointError::Missing,
            });
        };
        let source = &mut self.frame(place.half, place.index);
        load(source, target)
    }

    /// What the newest whole frame says, whichever run's it is.
    ///
    /// # Errors
    /// [`CheckpointError::Medium`].
    pub fn header(&mut self) -> Result<Option<Header>, CheckpointError<F::Error>> {
        Ok(self.newest(None)?.map(|place| place.header))
    }

    const fn offset(&self, half: u32, index: u32) -> u32 {
        self.start + half * self.half + index * self.stride
    }

    fn frame(&mut self, half: u32, index: u32) -> Bytes<'_, F> {
        let (at, len) = (self.offset(half, index), self.half - index * self.stride);
        Bytes { flash: &mut self.flash, at, len, cache: [0; CHUNK], cached: None }
    }

    fn newest(&mut self, fingerprint: Option<u64>) -> Result<Option<Place>, CheckpointError<F::Error>> {
        let mut newest: Option<Place> = None;
        for half in 0..2 {
            for index in 0..self.capacity {
                let header = match verify(&mut self.frame(half, index)) {
                    Ok(header) => header,
                    Err(CheckpointError::Medium(error)) => return Err(CheckpointError::Medium(error)),
                    Err(_) => continue,
                };
                let newer = newest.is_none_or(|place| header.sequence > place.header.sequence);
                if newer && fingerprint.is_none_or(|own| own == header.fingerprint) {
                    newest = Some(Place { half, index, header });
                }
            }
        }
        Ok(newest)
    }

    fn is_blank(&mut self, half: u32, index: u32) -> Result<bool, CheckpointError<F::Error>> {
        let stride = self.stride;
        let mut frame = self.frame(half, index);
        let mut at = 0;
        let mut bytes = [0; CHUNK];
        while at < stride {
            let n = (stride - at).min(CHUNK as u32);
            let bytes = bytes.get_mut(..n as usize).unwrap_or_default();
            frame.read(at, bytes).map_err(CheckpointError::Medium)?;
            if bytes.iter().any(|&byte| byte != 0xff) {
                return Ok(false);
            }
            at += n;
        }
        Ok(true)
    }
}

/// Gathers bytes to whole words of the flash.
struct Words<'f, F> {
    flash: &'f mut F,
    at: u32,
    buffer: [u8; CHUNK],
    filled: usize,
}

impl<F: NorFlash> Words<'_, F> {
    fn flush(&mut self) -> Result<(), F::Error> {
        let unit = F::WRITE_SIZE;
        let whole = self.filled.div_ceil(unit) * unit;
        self.flash.write(self.at, self.buffer.get(..whole).unwrap_or_default())?;
        self.at = self.at.saturating_add(whole as u32);
        (self.buffer, self.filled) = ([0xff; CHUNK], 0);
        Ok(())
    }

    fn finish(mut self) -> Result<(), F::Error> {
        if self.filled > 0 { self.flush() } else { Ok(()) }
    }
}

impl<F: NorFlash> Sink for Words<'_, F> {
    type Error = F::Error;

    fn write(&mut self, bytes: &[u8]) -> Result<(), F::Error> {
        for &byte in bytes {
            if let Some(place) = self.buffer.get_mut(self.filled) {
                *place = byte;
            }
            self.filled += 1;
            if self.filled >= CHUNK {
                self.flush()?;
            }
        }
        Ok(())
    }
}

/// A frame in flash, read by aligned chunks.
struct Bytes<'f, F> {
    flash: &'f mut F,
    at: u32,
    len: u32,
    cache: [u8; CHUNK],
    /// Offset of the chunk in the cache.
    cached: Option<u32>,
}

impl<F: NorFlash> Source for Bytes<'_, F> {
    type Error = F::Error;

    fn len(&self) -> u32 {
        self.len
    }

    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), F::Error> {
        for (at, byte) in (offset..).zip(bytes) {
            let chunk = at / CHUNK as u32 * CHUNK as u32;
            if self.cached != Some(chunk) {
                // A frame begins at a whole word and the half ends at one, so this is whole words.
                let n = self.len.saturating_sub(chunk).min(CHUNK as u32);
                self.cached = None;
                self.flash.read(self.at + chunk, self.cache.get_mut(..n as usize).unwrap_or_default())?;
                self.cached = Some(chunk);
            }
            *byte = self.cache.get((at - chunk) as usize).copied().unwrap_or_default();
        }
        Ok(())
    }
}
